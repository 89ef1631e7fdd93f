"""The `:` line: what its words mean, what Tab makes of them, what they do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import CLUSTERS, interface, screen_text, seen, until
from tui.app import CryodeckApp
from tui.command_words import Known, completions, parse
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen

KNOWN = Known(
    jobs=["LoG", "LoG_based", "AutoPick/job006"],
    types=["autopick", "class2d"],
    themes=["cryodeck-dark"],
    clusters=["hpc1"],
)


@pytest.mark.parametrize(
    ("line", "command", "words"),
    [
        ("jobs running !class2d", "jobs", ("running", "!class2d")),
        ("job LoG log", "job", ("LoG", "log")),
        (":new autopick from LoG", "new", ("autopick", "from", "LoG")),
        ("q", "quit", ()),
        ("slow auto", "slow", ("auto",)),
    ],
)
def test_a_line_says_what_to_do(
    line: str, command: str, words: tuple[str, ...]
) -> None:
    order = parse(line)
    assert (order.command, order.words, order.error) == (command, words, "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("dance", "dance: jobs, job"),
        ("c", "c: clusters, cluster?"),
        ("job", "job JOB"),
        ("new autopick LoG", "new TYPE"),
        ("slow maybe", "on, off or auto"),
    ],
)
def test_a_line_that_means_nothing_says_what_would(line: str, says: str) -> None:
    assert says in parse(line).error


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("jou", ["journal"]),
        ("job l", ["LoG", "LoG_based"]),
        ("job LoG st", ["statistics"]),
        ("new ", ["autopick", "class2d"]),
        ("new autopick ", ["from"]),
        ("new autopick from A", ["AutoPick/job006"]),
        ("cluster ", ["hpc1"]),
        ("dance ", []),
    ],
)
def test_tab_knows_jobs_types_and_tabs(line: str, found: list[str]) -> None:
    assert completions(line, KNOWN) == found


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_a_job_is_opened_at_a_tab_by_its_alias(size: tuple[int, int]) -> None:
    async with interface(size=size) as pilot:
        await pilot.press("colon")
        await seen(pilot, "jobs [WORD]...")
        await pilot.press(*"job templ", "tab")
        await pilot.press(*"s4", "tab", *"stat", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await seen(pilot, "Select/job009", "selected classes")


async def test_the_list_is_filtered_and_the_last_line_comes_back() -> None:
    async with interface(size=(120, 40)) as pilot:
        await pilot.press("colon", *"jobs extract", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        await until(pilot, lambda: len(screen.table.rows) == 2)
        await pilot.press("colon", "up")
        await pilot.press("escape", "colon", *"jobs", "enter")
        await until(pilot, lambda: len(screen.table.rows) == 15)


async def test_a_new_job_begins_with_anothers_values() -> None:
    async with interface(size=(120, 40)) as pilot:
        await pilot.press("colon", *"new autopick from LoG", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await seen(pilot, "new Auto-picking")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        assert screen.form is not None
        assert screen.form.text("do_log") == "Yes"


async def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    async with interface(size=(120, 40), read_only=True) as pilot:
        await pilot.press("colon", *"new autopick", "enter")
        await seen(pilot, "read-only")
        await pilot.press("colon", *"job 77", "enter")
        await seen(pilot, "no job 77")


async def test_the_journal_shows_what_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remote.journal import Journal

    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    journal = Journal()
    for number in range(3):
        journal.write("hpc1", "project.log", f"AutoPick/job{number:03d}", 1.5, "ok")
    journal.write("hpc1", "files.evil\x1b[31m", "x", 0.01, "denied")
    journal.close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write("half a li")
    async with interface(size=(120, 40)) as pilot:
        await pilot.press("f12")
        await seen(pilot, "project.log", "AutoPick/job002", "1500 ms", "denied")
        assert "\x1b" not in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_newcomers_are_shown_around_once(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.screens.tour import PAGES, was_seen

    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    assert not was_seen()
    async with interface(size=size) as pilot:
        await pilot.press("colon", *"tour", "enter")
        for title, _ in PAGES:
            await seen(pilot, title)
            await pilot.press("right")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
    assert was_seen()


async def test_deleted_jobs_come_back_and_a_folder_becomes_a_project() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("colon", *"trash", "enter")
        await seen(pilot, "Bring back", "Import/job099")
        await pilot.press("enter")
        await until(pilot, lambda: ("undelete", "trash-1") in space.calls)
        await pilot.press("colon", *"init", "enter")
        await until(pilot, lambda: ("begin_project", "") in space.calls)
        await seen(pilot, "a RELION 3.1 project now; the host has RELION 3.1.3")


async def test_a_link_opens_what_one_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        "tui.clipboard.copy", lambda app, text: sent.append(text) or True
    )
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press(*":job LoG log", "enter")
        await seen(pilot, "AutoPick/job006", "run.out")
        await pilot.press(*":link", "enter")
        await seen(pilot, "Opens this view")
    start = f"cryodeck --host hpc1 --project {space.project} open "
    assert sent == [f"{start}job AutoPick/job006 log"]
    order = sent[0].removeprefix(start)
    app = CryodeckApp(
        host="hpc1",
        project=space.project,
        opener=partial(_given, space),
        clusters=CLUSTERS,
        order=order,
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await seen(pilot, "AutoPick/job006", "run.out")
        await app.bridge.close()


async def _given(space: FakeWorkspace, *_: object) -> FakeWorkspace:
    return space
