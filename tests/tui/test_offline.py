"""A project out of reach: what was last seen stands on the screen, with its date."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from remote.cluster import Cluster
from remote.errors import SessionLostError
from remote.prompts import NoPrompts, Prompts
from remote.workspace import Workspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.bridge import Bridge
from tui.screens.jobs import JobsScreen

DATA = Path(__file__).resolve().parents[1] / "data" / "remote" / "project"
JOB = "AutoPick/job002"


class Wire:
    """A cluster that is this machine, and a link that can be cut."""

    def __init__(self, project: Path) -> None:
        self.project, self.is_cut = project, False
        self.cluster = Cluster(name="hpc1", session="ssh", host="nowhere.example.org")

    async def open(self, cluster: Cluster, project: str, prompts: Prompts) -> Any:
        if self.is_cut:
            message = "nowhere.example.org: no route to host"
            raise SessionLostError(message)
        local = Cluster(name="hpc1", session="local")
        return await Workspace.open(local, str(self.project), prompts=NoPrompts())


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wire:
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"CRYODECK_{kind}_HOME", str(tmp_path / kind))
    folder = tmp_path / "project"
    shutil.copytree(DATA, folder)
    (folder / JOB / "run.out").write_text(" picking\n of old\n")
    return Wire(folder)


def _interface(wire: Wire, size: tuple[int, int] = (120, 40)) -> Any:
    from tests.support.fake_workspace import FakeWorkspace

    space = FakeWorkspace(project=str(wire.project))
    return interface(space, size=size, opener=wire.open)


async def _look_around(wire: Wire) -> None:
    async with _interface(wire) as pilot:
        await seen(pilot, "job002")
        await until(pilot, lambda: pilot.app.bridge.overview is not None)
        await open_job(pilot, JOB, "log")
        await seen(pilot, "of old")
        await pilot.press("5")
        await seen(pilot, "particles picked")
        await pilot.press("2")
        await seen(pilot, "Laplacian")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_without_a_link_the_last_known_project_stands_there_dated(
    wire: Wire, size: tuple[int, int]
) -> None:
    await _look_around(wire)
    wire.is_cut = True
    async with _interface(wire, size) as pilot:
        await seen(pilot, "job002", "As it was on", "no route to host")
        await open_job(pilot, JOB, "log")
        await seen(pilot, "of old", "No contact with hpc1", time.strftime("%Y-%m-%d"))
        await pilot.press("5")
        await seen(pilot, "particles picked", "As it was on")
        await pilot.press("2")
        await seen(pilot, "Laplacian")
        await pilot.press("escape")
        await open_job(pilot, "Extract/job003", "statistics")
        await seen(pilot, "was not looked at before")


async def test_the_link_comes_back_by_a_key_and_what_was_old_is_asked_anew(
    wire: Wire,
) -> None:
    await _look_around(wire)
    wire.is_cut = True
    async with _interface(wire) as pilot:
        await seen(pilot, "job002", "As it was on")
        await open_job(pilot, JOB, "log")
        await seen(pilot, "of old", "No contact")
        with (wire.project / JOB / "run.out").open("a") as log:
            log.write(" brand new\n")
        wire.is_cut = False
        await pilot.press("ctrl+l")
        await seen(pilot, "brand new")
        assert "No contact" not in screen_text(pilot)
        await until(pilot, lambda: not pilot.app.bridge.is_remembered)


async def test_a_cluster_that_is_away_is_tried_again_by_itself(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.bridge.TRY_AGAIN_S", (0.05,))
    wire.is_cut = True
    async with _interface(wire) as pilot:
        await seen(pilot, "no route to host")
        wire.is_cut = False
        await seen(pilot, "job002")


async def test_nothing_is_changed_over_a_link_that_is_not_there(wire: Wire) -> None:
    await _look_around(wire)
    wire.is_cut = True
    async with _interface(wire) as pilot:
        await seen(pilot, "job002", "As it was on")
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        screen.table.go_to_job(JOB)
        await pilot.press("m", "down", "enter")
        await seen(pilot, "no contact with hpc1")


def test_the_bridge_is_the_only_one_who_knows_of_memory() -> None:
    assert "last_seen" in Bridge._ask_memory.__code__.co_names
