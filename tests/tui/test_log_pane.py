"""The log: the first error wherever it is, and how far the job has come."""

from __future__ import annotations

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, seen, until
from tui.screens.log import LogPane


async def test_the_first_error_is_found_in_the_other_stream() -> None:
    space = FakeWorkspace()
    space.logs["AutoPick/job006", "out"] = "picking\n" * 100
    space.logs["AutoPick/job006", "err"] = (
        "note\n" * 80 + "ERROR: disk is full\n" + "note\n" * 80
    )
    async with interface(space) as pilot:
        await open_job(pilot, "AutoPick/job006", "log")
        await seen(pilot, "picking")
        await pilot.press("e")
        await seen(pilot, "run.err", "ERROR: disk is full")


async def test_without_any_error_one_stays_where_one_was() -> None:
    space = FakeWorkspace()
    space.logs["AutoPick/job006", "out"] = "picking\n" * 100
    async with interface(space) as pilot:
        await open_job(pilot, "AutoPick/job006", "log")
        await seen(pilot, "picking")
        pane = pilot.app.screen.query_one(LogPane)
        await pilot.press("e")
        await seen(pilot, "No error in the lines")
        await until(pilot, lambda: pane.stream == "out" and pane.view.texts)


async def test_the_time_left_stands_below_the_log_of_a_running_job() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job012", "log")
        pilot.app.bridge.refresh()  # type: ignore[attr-defined]
        await seen(pilot, "run.out", "11/24 micrographs", "min left")
