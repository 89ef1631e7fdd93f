"""Several jobs at once, and the graph of who feeds whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from remote.errors import BadRequestError
from tests.support.fake_workspace import FakeWorkspace, believable_jobs, many_jobs
from tests.support.interface import interface, screen_text, seen, until
from tui.job_graph import branches, downstream, upstream
from tui.screens.graph import GraphScreen
from tui.screens.job import JobScreen
from tui.screens.job_deeds import joined
from tui.screens.jobs import JobsScreen


async def test_bulk_cleaning_adds_up_what_goes_and_cleans_all_selected() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("space", "space", "j", "C")
        await seen(pilot, "Clean up 2 jobs", "2 selected")
        await pilot.press("enter")
        await seen(pilot, "4 files", "246.9 MB")
        await pilot.press("enter")
        await until(
            pilot, lambda: ("clean", "Class2D/job015", False, False) in space.calls
        )
        await until(
            pilot, lambda: ("clean", "Class2D/job014", False, False) in space.calls
        )
        assert ("clean", "Extract/job013", False, False) not in space.calls


async def test_jobs_that_cannot_be_cleaned_are_named_and_left_alone() -> None:
    class Strict(FakeWorkspace):
        async def clean(self, name: str, **options: bool) -> dict[str, Any]:
            if name == "Class2D/job014":
                message = f"{name} is Scheduled; only jobs that succeeded can be"
                raise BadRequestError(message)
            return await super().clean(name, **options)

    space = Strict()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("space", "space", "C", "enter")
        await seen(pilot, "Clean up Class2D/job015?", "Left alone", "job014 is Sched")
        await pilot.press("enter")
        await until(
            pilot, lambda: ("clean", "Class2D/job015", False, False) in space.calls
        )


async def test_a_protected_job_is_spared_among_several_but_not_alone() -> None:
    space = FakeWorkspace()
    space.protected = {"Class2D/job014"}
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("space", "space", "C", "down", "enter")
        await seen(pilot, "Clean up Class2D/job015?", "job014 is protected")
        await pilot.press("enter")
        await until(
            pilot, lambda: ("clean", "Class2D/job015", True, False) in space.calls
        )
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("j", "C", "down", "enter")
        await seen(pilot, "Clean up Class2D/job014?")
        await pilot.press("enter")
        await until(
            pilot, lambda: ("clean", "Class2D/job014", True, False) in space.calls
        )


async def test_one_failure_does_not_stop_the_others_and_is_named() -> None:
    class Stubborn(FakeWorkspace):
        async def mark(self, name: str, status: str) -> None:
            if name == "Class2D/job014":
                message = "Class2D/job014: locked by somebody"
                raise BadRequestError(message)
            await super().mark(name, status)

    space = Stubborn()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("space", "space", "space", "m", "enter")
        await until(pilot, lambda: len(space.calls) == 2)
        await seen(pilot, "locked by somebody", "2 jobs: marked as succeeded")


async def test_the_selection_survives_refresh_filter_and_vanished_jobs() -> None:
    space = FakeWorkspace(jobs=many_jobs(300))
    async with interface(space) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        table = screen.table
        for _ in range(40):
            await pilot.press("j")
        await pilot.press("space", "space", "space")
        chosen = set(table.selected)
        assert len(chosen) == 3
        top = table.scroll_offset.y
        del space.jobs[min(chosen)]
        newest = max(space.jobs.values(), key=lambda row: row.number)
        row = replace(newest, number=901, name="Import/job901")
        space.jobs[row.name] = row
        pilot.app.bridge.refresh()
        await until(pilot, lambda: "Import/job901" in {r.name for r in table.all_rows})
        await pilot.pause(0.1)
        assert table.selected == chosen - {min(chosen)}
        assert abs(table.scroll_offset.y - top) <= 1
        await pilot.press("slash", *"nothing_like_it", "enter")
        assert not table.rows
        assert len(table.targets()) == 2
        await pilot.press("escape")
        assert not table.selected


async def test_abort_of_a_selection_takes_only_what_is_under_way() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("asterisk", "A")
        await seen(pilot, "Abort 2 jobs", "not under way stay")
        await pilot.press("enter")
        await until(pilot, lambda: len(space.calls) == 2)
        assert {call[1] for call in space.calls} == {
            "AutoPick/job012",
            "Extract/job013",
        }


def test_a_deletion_that_goes_along_with_another_is_counted_once() -> None:
    plans = [
        {"jobs": ["B"], "files_total": 3, "files": [], "bytes": 10},
        {"jobs": ["A", "B"], "files_total": 5, "files": [], "bytes": 30},
    ]
    plan = joined(plans)
    assert plan["jobs"] == ["A", "B"]
    assert (plan["files_total"], plan["bytes"]) == (5, 30)


def test_every_job_stands_once_and_below_one_that_feeds_it() -> None:
    rows = believable_jobs()
    found = branches(rows)
    order = [branch.row.name for branch in found]
    assert sorted(order) == sorted(row.name for row in rows)
    for branch in found:
        drawn = set(branch.row.inputs) - set(branch.others)
        assert len(drawn) == (1 if branch.row.inputs else 0)
        for parent in drawn:
            assert order.index(parent) < order.index(branch.row.name)


def test_jobs_that_feed_each_other_do_not_hang() -> None:
    rows = believable_jobs()[:2]
    rows[0] = replace(rows[0], inputs=(rows[1].name,))
    assert len(branches(rows)) == 2
    assert upstream(rows[0].name, rows) == {rows[1].name}
    assert downstream("Import/job001", rows) == {"MotionCorr/job002"}


async def test_the_graph_is_walked_by_keys_and_gives_the_job_back() -> None:
    async with interface(size=(120, 40)) as pilot:
        await pilot.press("w")
        await seen(pilot, "job graph", "▲", "└─")
        screen = pilot.app.screen
        assert isinstance(screen, GraphScreen)
        view = screen.view
        assert view.current is not None
        assert view.current.name == "Class2D/job015"
        await pilot.press("left")
        assert view.current.name == "Extract/job007"
        await pilot.press("right")
        await seen(pilot, "Output to")
        await pilot.press("enter")
        await until(
            pilot, lambda: view.current and view.current.name == "Class2D/job008"
        )
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await seen(pilot, "Class2D/job008")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        jobs = pilot.app.screen
        assert isinstance(jobs, JobsScreen)
        await until(
            pilot,
            lambda: jobs.table.current and jobs.table.current.name == "Class2D/job008",
        )
        assert "Class2D/job008" in screen_text(pilot)
