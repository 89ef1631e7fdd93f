"""Logs of several jobs below the list."""

from __future__ import annotations

import pytest

from remote.views import JobState, LogChunk
from tests.support.fake_workspace import FakeWorkspace, believable_jobs
from tests.support.interface import interface, screen_text, seen, until
from tui.screens.jobs import JobsScreen
from tui.widgets.watch_view import KEPT_LINES, Tail


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_what_runs_is_watched_with_its_last_lines(size: tuple[int, int]) -> None:
    space = FakeWorkspace()
    async with interface(space, size=size) as pilot:
        await pilot.press("v")
        await seen(pilot, "11/24 micrographs", "Done!")
        space.logs["AutoPick/job012", "out"] += "something new\n"
        await seen(pilot, "something new")
        await pilot.press("v")
        await until(pilot, lambda: "something new" not in screen_text(pilot))


async def test_selected_jobs_are_watched_in_place_of_those_that_run() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        screen.table.go_to_job("AutoPick/job006")
        await pilot.press("space", "v")
        names = [row.name for row in screen.query_one("WatchPane").rows]
        assert names == ["AutoPick/job006"]
        await seen(pilot, "WARNING: 20170629_00044")


async def test_more_jobs_than_lines_are_counted() -> None:
    rows = [
        row.__class__(**{**_fields(row), "number": n, "name": f"AutoPick/job{n:03d}"})
        for n in range(1, 31)
        for row in believable_jobs()
        if row.verdict.state is JobState.RUNNING
    ]
    space = FakeWorkspace(jobs=rows)
    async with interface(space, size=(80, 24)) as pilot:
        await pilot.press("v")
        await seen(pilot, "more")
        pane = pilot.app.screen.query_one("WatchPane")
        assert len(pane.wanted()) == pane.size.height // 2


def _fields(row):
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_a_tail_keeps_a_few_lines_and_begins_anew_with_its_file() -> None:
    tail = Tail()
    text = "".join(f"line {n}\n" for n in range(1000))
    tail.take(LogChunk(path="p", offset=5000, size=5000, text=text, partial="half"))
    assert len(tail.lines) == KEPT_LINES
    assert tail.last(2) == ["line 999", "half"]
    tail.take(LogChunk(path="p", offset=4, size=4, text="new\n", was_truncated=True))
    assert tail.lines == ["new"]
    assert tail.next_byte == 0
