"""The log: search and errors in the whole file, a window on it, how far the job is."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.screens.log import LogPane

LINES = 40_000  # some 1.5 MB: several pages


def _line(number: int) -> str:
    if number in {7, 20_000, 39_000}:
        return f"line {number:06d} says needle in a haystack\n"
    if number == 12_345:
        return f"line {number:06d} ERROR: the disk is full\n"
    return f"line {number:06d} of a long log of a job\n"


def _long_log(stream: str = "out") -> FakeWorkspace:
    space = FakeWorkspace()
    text = "".join(_line(n) for n in range(LINES))
    space.logs["AutoPick/job006", stream] = text
    return space


async def _pane(pilot: Pilot[int]) -> LogPane:
    await open_job(pilot, "AutoPick/job006", "log")
    pane = pilot.app.screen.query_one(LogPane)
    await until(pilot, lambda: pane.view.texts)
    return pane


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_the_first_error_of_a_long_log_is_found_and_shown(
    size: tuple[int, int],
) -> None:
    space = _long_log()
    async with interface(space, size=size) as pilot:
        pane = await _pane(pilot)
        await seen(pilot, "line 039999", "following", "the last ", "of 1.4 MB")
        assert pane.view.window.start > 0
        await pilot.press("e")
        await seen(pilot, "line 012345 ERROR", "line 012344", "line 012346")
        await seen(pilot, "errors: 1 line", "G follows")
        assert not pane.view.is_following
        assert len(pane.view.texts) < 20_000
        await pilot.press("G")
        await seen(pilot, "line 039999", "following")


async def test_a_text_is_found_beyond_the_lines_that_are_here_both_ways() -> None:
    space = _long_log()
    async with interface(space, size=(100, 30)) as pilot:
        await _pane(pilot)
        await seen(pilot, "line 039999")
        await pilot.press("slash", *"NEEDLE", "enter")
        await seen(pilot, "line 000007 says needle", "needle: 3 lines")  # and round
        for key, number in [("n", 20_000), ("n", 39_000), ("n", 7), ("N", 39_000)]:
            await pilot.press(key)
            await seen(pilot, f"line {number:06d} says needle")
        await pilot.press("N")
        await seen(pilot, "line 020000 says needle")


async def test_a_search_that_takes_long_says_how_far_it_is_and_is_left_with_esc() -> (
    None
):
    space = _long_log()
    space.search_s = 0.0
    async with interface(space) as pilot:
        pane = await _pane(pilot)
        await pilot.press("g", "slash", *"nowhere to be found", "enter")
        await seen(pilot, "is not in run.out")
        assert len(space.searches) > 1
        assert space.searches[1][2]["start"] > space.searches[0][2]["start"]
        pane._plan = [object()]  # type: ignore[list-item]
        pane._sought = "looking"
        await pilot.press("escape")
        assert not pane._plan
        assert pilot.app.screen.query(LogPane)


async def test_scrolling_fetches_what_lies_beyond_and_forgets_nothing_seen() -> None:
    space = _long_log()
    async with interface(space, size=(80, 24)) as pilot:
        pane = await _pane(pilot)
        await pilot.press("g")
        await seen(pilot, "line 000000", "at 0 % of 1.4 MB")
        view = pane.view
        first = len(view.texts)
        assert first < LINES / 2
        view.scroll_to(y=first - 60, animate=False, immediate=True)
        await until(pilot, lambda: len(view.texts) > first)
        assert view.texts == [_line(n).rstrip("\n") for n in range(len(view.texts))]
        await pilot.press("G")
        await seen(pilot, "line 039999")
        start = view.window.start
        view.scroll_to(y=100, animate=False, immediate=True)
        top = view.texts[100]
        await until(pilot, lambda: view.window.start < start)
        assert view.texts[view.scroll_offset.y] == top
        expected = [_line(n).rstrip("\n") for n in range(LINES)][-len(view.texts) :]
        assert view.texts == expected


async def test_a_growing_log_is_not_fetched_while_one_reads_elsewhere() -> None:
    space = _long_log()
    async with interface(space) as pilot:
        pane = await _pane(pilot)
        await pilot.press("g")
        await seen(pilot, "line 000000")
        before = len(pane.view.texts)
        space.logs["AutoPick/job006", "out"] += "something new\n"
        pane.ask()
        await pilot.pause(0.1)
        assert len(pane.view.texts) == before
        await pilot.press("G")
        await seen(pilot, "something new")


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
        await seen(pilot, "No error in run.out, none in run.err")
        assert pane.stream == "out"
        assert len(pane.view.texts) == 100


async def test_esc_leaves_typing_first_and_then_the_job() -> None:
    async with interface() as pilot:
        await open_job(pilot, "AutoPick/job006", "log")
        await pilot.press("slash", *"abc")
        await seen(pilot, "search")
        await pilot.press("escape")
        await until(pilot, lambda: "abc" not in screen_text(pilot))
        assert pilot.app.screen.query(LogPane)
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.query(LogPane))


async def test_the_time_left_stands_below_the_log_of_a_running_job() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job012", "log")
        pilot.app.bridge.refresh()  # type: ignore[attr-defined]
        await seen(pilot, "run.out", "11/24 micrographs", "min left")


async def test_a_job_that_failed_before_it_said_anything_shows_its_errors() -> None:
    space = FakeWorkspace()
    space.logs["AutoPick/job010", "out"] = ""
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job010", "log")
        pane = pilot.app.screen.query_one(LogPane)
        await until(pilot, lambda: pane.stream == "err" and pane.view.texts)
        await pilot.press("o")  # and back, if one wants to see that there is nothing
        await seen(pilot, "run.out empty")
