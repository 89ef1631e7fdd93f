"""Clusters, and the questions of a login."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from remote.cluster import Cluster, load, save
from remote.errors import BadRequestError, LoginError
from remote.prompts import HostKey, Prompts, Question
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, screen_text, seen, until
from tui.app import CryodeckApp
from tui.screens.clusters import ClustersScreen
from tui.screens.jobs import JobsScreen

KEY = HostKey(
    host="login.hpc1.example.org",
    port=22,
    type="ssh-ed25519",
    fingerprint="SHA256:u7v1s0meFingerprint",
    known_hosts="~/.ssh/known_hosts",
)


async def test_one_begins_with_clusters_and_opens_a_path() -> None:
    space = FakeWorkspace()

    async def opener(cluster: Cluster, project: str, prompts: Prompts) -> Any:
        space.cluster, space.project = cluster, project
        return space

    async with interface(space, host="", opener=opener) as pilot:
        await seen(pilot, "Clusters", "hpc1", "this machine")
        await pilot.press("down", "o", *"/data/p1", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await seen(pilot, "hpc1", "/data/p1", "AutoPick/job012")
        await pilot.press("escape")
        await seen(pilot, "Clusters", "⏎ open")
        await pilot.press("right", "down")
        projects = pilot.app.screen.query_one("#projects", OptionList)
        assert projects.highlighted is not None
        pilot.app.screen.on_screen_resume()  # profiles are read again
        assert projects.highlighted is not None


async def test_host_key_and_both_rounds_of_a_login_are_asked_inside() -> None:
    answers: list[Any] = []
    space = FakeWorkspace()

    async def opener(cluster: Cluster, project: str, prompts: Prompts) -> Any:
        answers.append(await prompts.host_key(KEY))
        answers.append(await prompts.ask("hpc1", "", "", [Question(text="Password: ")]))
        answers.append(
            await prompts.ask(
                "hpc1",
                "Second factor",
                "Use [bold]the app[/]\x1b[2J",
                [Question(text="Code: ", is_secret=False)],
            )
        )
        return space

    async with interface(space, opener=opener) as pilot:
        await seen(pilot, "SHA256:u7v1s0meFingerprint", "ssh-ed25519")
        await pilot.press("tab", "enter")
        await seen(pilot, "Password:")
        await pilot.press(*"geheim")
        assert "geheim" not in screen_text(pilot)
        await pilot.press("enter")
        await seen(pilot, "Use [bold]the app[/]·[2J", "Code:")
        await pilot.press(*"123456", "enter")
        await seen(pilot, "AutoPick/job012")
    assert answers == [True, ["geheim"], ["123456"]]


async def test_an_unknown_host_is_refused_by_enter_and_by_escape() -> None:
    answers: list[bool] = []

    async def opener(cluster: Cluster, project: str, prompts: Prompts) -> Any:
        answers.append(await prompts.host_key(KEY))
        answers.append(await prompts.host_key(KEY))
        message = "login.hpc1.example.org: its key was not accepted"
        raise LoginError(message)

    async with interface(opener=opener) as pilot:
        await seen(pilot, "This host is not known yet")
        await pilot.press("enter")
        await pilot.pause(0.1)
        await pilot.press("escape")
        await seen(pilot, "its key was not accepted")
    assert answers == [False, False]


async def test_a_new_cluster_is_the_one_that_enter_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYODECK_CONFIG_HOME", str(tmp_path))
    async with interface(host="") as pilot:
        pilot.app.given_clusters = None  # those of the files
        await seen(pilot, "Clusters", "this machine")
        await pilot.press("a")
        await seen(pilot, "A new cluster")
        await pilot.press(*"zebra", "ctrl+s")
        await seen(pilot, "zebra · slurm", "host zebra")
        screen = pilot.app.screen
        assert isinstance(screen, ClustersScreen)
        assert screen.cluster is not None
        assert screen.cluster.name == "zebra"


async def test_a_cluster_alone_means_its_last_project_or_its_list() -> None:
    space = FakeWorkspace()

    async def opener(cluster: Cluster, project: str, prompts: Prompts) -> Any:
        space.cluster, space.project = cluster, project
        return space

    one = Cluster(name="hpc1", host="login.example.org", scheduler="slurm")
    used = Cluster(name="hpc2", host="login.example.org", recent=("/data/p2", "/p1"))
    clusters = [Cluster(name="local", session="local"), one, used]
    app = CryodeckApp(host="hpc2", opener=opener, clusters=clusters)
    async with app.run_test(size=(80, 24)) as pilot:
        await seen(pilot, "hpc2", "/data/p2", "AutoPick/job012")
        await app.bridge.close()
    app = CryodeckApp(host="hpc1", opener=opener, clusters=clusters)
    async with app.run_test(size=(80, 24)) as pilot:
        await seen(pilot, "No project was opened here yet", "host login.example.org")
        screen = app.screen
        assert isinstance(screen, ClustersScreen)
        assert screen.cluster == one
    app = CryodeckApp(host="hpc9", opener=opener, clusters=clusters)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await seen(pilot, "hpc9", "this machine")


async def test_a_project_among_folders_is_opened_by_enter() -> None:
    async with interface(host="") as pilot:
        await seen(pilot, "Clusters", "hpc1")
        await pilot.press("down", "b")
        await seen(pilot, "a RELION project", "betagal/", "Movies/")
        await pilot.press(*"beta", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await seen(pilot, "betagal", "AutoPick/job012")


async def test_what_install_writes_into_a_profile_counts_for_the_next_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYODECK_CONFIG_HOME", str(tmp_path))
    save(Cluster(name="hpc1"))
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await seen(pilot, "AutoPick/job012")
        save(Cluster(name="hpc1", engine="/sw/python -m engine"))
        await pilot.press("n", "1")
        await seen(pilot, "key do_raw")
        assert space.cluster.engine == "/sw/python -m engine"


async def test_only_a_folder_with_a_project_is_offered_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYODECK_CONFIG_HOME", str(tmp_path))
    save(Cluster(name="hpc1"))
    space = FakeWorkspace()
    has_project = False

    async def overview() -> Any:
        if not has_project:
            message = "no RELION project here"
            raise BadRequestError(message)
        return await FakeWorkspace.overview(space)

    space.overview = overview  # type: ignore[method-assign]
    async with interface(space, host="") as pilot:
        pilot.app.given_clusters = None
        pilot.app.open_project("hpc1", "/data/p1")
        await seen(pilot, "no RELION project here")
        assert load("hpc1").recent == ()
        has_project = True
        pilot.app.bridge.refresh()
        await seen(pilot, "AutoPick/job012")
        await until(pilot, lambda: load("hpc1").recent == (space.project,))
