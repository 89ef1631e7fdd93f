"""One job: its tabs at every size, and the way from a form to a picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from remote.errors import AgentError
from remote.views import HowFar, JobState, Picks, Picture, Statistics
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.screens.job import JobScreen
from tui.screens.overview import OverviewPane
from tui.screens.pictures import PicturesPane
from tui.screens.statistics import StatisticsPane
from tui.widgets.log_view import LogView
from tui.widgets.tile_view import TileView

SIZES = [(80, 24), (120, 40), (200, 50)]


@pytest.mark.parametrize("size", SIZES)
async def test_every_tab_shows_what_it_is_for(size: tuple[int, int]) -> None:
    async with interface(size=size) as pilot:
        await open_job(pilot, "AutoPick/job006")
        await seen(pilot, "Evidence", "RELION_JOB_EXIT_SUCCESS")
        await pilot.press("4")
        await seen(pilot, "run.out", "Done!")
        await pilot.press("5")
        await seen(pilot, "particles picked", "Figure of merit")
        await pilot.press("6")
        await seen(pilot, "20170629_00021", "picks", "FOM")
        assert "▀▀" in screen_text(pilot)
        await pilot.press("3")
        await seen(pilot, "Commands", "engine run")
        await pilot.press("2")
        await seen(pilot, "Laplacian", "Continue!")


async def test_no_word_of_the_overview_is_behind_the_scrollbar() -> None:
    async with interface() as pilot:
        await open_job(pilot, "AutoPick/job010")
        await seen(pilot, "Evidence")
        pane = pilot.app.screen.query_one(OverviewPane)
        await until(pilot, lambda: pane.show_vertical_scrollbar)
        room = pane.scrollable_content_region.width
        widest = max(sum(len(text) for text, _ in line) for line in pane.lines)
        assert 0 < widest <= room


async def test_that_a_job_is_finished_is_said_once() -> None:
    space = FakeWorkspace()
    plain = space.jobs["ManualPick/job005"]
    verdict = replace(plain.verdict, reason="finished")
    space.jobs[plain.name] = replace(
        plain, verdict=verdict, summary="", started_at=None, ended_at=1_790_000_000.0
    )
    async with interface(space) as pilot:
        await seen(pilot, "ManualPick/job005")
        lines = screen_text(pilot).splitlines()
        [row] = [line for line in lines if "ManualPick/job005" in line]
        assert row.lower().count("finished") == 1
        await open_job(pilot, plain.name)
        await seen(pilot, "Evidence", "ended 2026-09-2")
        words = screen_text(pilot).lower().partition("evidence")[0]
        assert words.count("finished") == 1


async def test_continue_counts_what_is_done_before_its_inputs_are_known() -> None:
    """Asked at once, or without a link: the job's row tells how far it is."""

    class Silent(FakeWorkspace):
        async def inputs(self, paths: Any) -> dict[str, Any]:
            raise AgentError("no answer within 30 s", "time limit")

    async with interface(Silent(), size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006")
        await pilot.press("G")
        await seen(pilot, "Continue!  AutoPick/job006")
        dialog = screen_text(pilot).partition("Continue!  AutoPick/job006")[2]
        assert "all 5 micrographs are picked" in dialog.partition("Engine")[0]


@pytest.mark.parametrize("size", SIZES)
async def test_trouble_stays_on_the_screen(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is answered after it, as the colors of picks."""
    reason = "AutoPick/job006: its folder is not there; bring it back or delete the job"

    class Broken(FakeWorkspace):
        async def micrographs(self, name: str, **_: Any) -> list[dict[str, Any]]:
            raise AgentError(reason, "not found")

        async def defaults(self, type: str, **more: Any) -> Any:
            await refused.wait()
            return await super().defaults(type, **more)

        async def statistics(self, name: str, **_: Any) -> Statistics:
            raise AgentError(reason, "not found")

        async def preview(self, name_or_job: Any) -> dict[str, str]:
            raise AgentError(reason, "not found")

    refused = asyncio.Event()
    async with interface(Broken(), size=size) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        pane = pilot.app.screen.query_one(PicturesPane)
        await until(pilot, lambda: pane._trouble == reason)
        answered: list[Any] = []
        monkeypatch.setattr(pane, "_take_display", answered.append)
        refused.set()
        await until(pilot, lambda: answered)
        await pilot.pause()
        for tab in ("6", "5", "3"):
            await pilot.press(tab)
            await until(pilot, lambda: reason in " ".join(screen_text(pilot).split()))


async def test_what_could_not_be_counted_comes_first_and_is_not_endless() -> None:
    class Patchy(FakeWorkspace):
        async def statistics(self, name: str, **_: Any) -> Statistics:
            whole = await super().statistics(name)
            found = tuple(f"run_it{n:03d}_model.star: nothing" for n in range(26))
            return replace(whole, warnings=found)

    async with interface(Patchy()) as pilot:
        await open_job(pilot, "AutoPick/job006", "statistics")
        await seen(pilot, "run_it000_model.star: nothing", "and 24 more")
        assert "particles picked" in screen_text(pilot)
        assert "run_it002" not in screen_text(pilot)


async def test_a_log_picking_job_from_the_form_to_the_picture_by_keys() -> None:
    space = FakeWorkspace(step_s=0.05)
    async with interface(space) as pilot:
        await pilot.press("n", "4")
        await seen(pilot, "Input micrographs for autopick", "Run!")
        await pilot.press("ctrl+o")
        await seen(pilot, "micrographs_split1.star")
        await pilot.press("enter")
        await pilot.pause(0.05)
        await pilot.press("tab", "tab", "tab", "y", "pagedown")
        await seen(pilot, "Min. diameter for LoG filter")
        await pilot.press("end", *["backspace"] * 3, *"150")
        await pilot.press("down", *["backspace"] * 3, *"180")
        await pilot.press("ctrl+r")
        await seen(pilot, "Engine", "1 MPI", "Command")
        await pilot.press("enter")
        await until(pilot, lambda: ("run", "AutoPick/job016", False) in space.calls)
        form = space.forms["AutoPick/job016"]
        assert form.text("fn_input_autopick") == "Select/job004/micrographs_split1.star"
        assert form.flag("do_log")
        assert (form.number("log_diam_min"), form.number("log_diam_max")) == (150, 180)
        await seen(pilot, "AutoPick/job016", "run.out")
        await until(
            pilot, lambda: space.jobs["AutoPick/job016"].verdict.state == "succeeded"
        )
        pilot.app.bridge.refresh()
        await pilot.press("5")
        await seen(pilot, "particles picked")
        await pilot.press("6")
        await seen(pilot, "1/5 20170629", "▀▀▀▀")


async def test_a_form_with_errors_is_not_sent() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await pilot.press("n", "4")
        await seen(pilot, "is empty")
        await pilot.press("ctrl+r")
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, JobScreen)
        assert not space.calls


async def test_a_changed_form_is_not_lost_by_escape() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await pilot.press("n", "6")
        await seen(pilot, "Input images STAR file")
        await pilot.press("x", "escape")
        await seen(pilot, "The form was changed")
        await pilot.press("enter")
        await until(pilot, lambda: ("create", "Class2D/job016") in space.calls)


async def test_the_log_lets_go_when_one_scrolls_up_and_finds_words() -> None:
    space = FakeWorkspace()
    space.logs["AutoPick/job006", "out"] = "".join(
        f"line {n}\n" if n != 40 else "ERROR: no such file\n" for n in range(300)
    )
    async with interface(space) as pilot:
        await open_job(pilot, "AutoPick/job006", "log")
        view = pilot.app.screen.query_one(LogView)
        await until(pilot, lambda: len(view.texts) == 300)
        await seen(pilot, "line 299")
        assert view.is_following
        await pilot.press("k", "k")
        await until(pilot, lambda: not view.is_following)
        await pilot.press("e")
        await seen(pilot, "ERROR: no such file")
        await pilot.press("slash", *"line 123", "enter")
        await seen(pilot, "line 123")
        await pilot.press("G")
        await seen(pilot, "line 299")


async def test_relions_progress_bar_is_drawn_as_a_bar() -> None:
    space = FakeWorkspace()
    space.logs["AutoPick/job006", "out"] = '  3.50/7.00 min .......~~(,_,">\n'
    async with interface(space) as pilot:
        await open_job(pilot, "AutoPick/job006", "log")
        await seen(pilot, "━", "3.50 of 7.00 min")


class Counts(FakeWorkspace):
    """Counting statistics takes for ever here."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = False

    async def statistics(self, name: str, **asked: Any) -> Statistics:
        asked["on_progress"](HowFar(done=3, total=7, found=2150, what="particles"))
        try:
            await asyncio.sleep(3600)
        finally:
            self.stopped = True
        raise AssertionError


async def test_a_long_count_says_how_far_it_is_and_stops_when_one_leaves() -> None:
    space = Counts()
    async with interface(space) as pilot:
        await open_job(pilot, "AutoPick/job006", "statistics")
        await seen(pilot, "counting: 42 %, 2,150 particles so far", "Esc stops it")
        await pilot.press("4")
        await seen(pilot, "run.out", "Done!")  # others answer meanwhile
        assert not space.stopped
        await pilot.press("escape")
        await until(pilot, lambda: space.stopped)


async def test_two_jobs_stand_side_by_side_in_the_statistics() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "statistics")
        await seen(pilot, "particles picked")
        await pilot.press("c")
        await seen(pilot, "Compare with")
        await pilot.press("enter")
        pane = pilot.app.screen.query_one(StatisticsPane)
        await until(pilot, lambda: pane.theirs is not None)
        await seen(pilot, "AutoPick/job006", "AutoPick/job012", "%")


async def test_zooming_asks_for_the_region_and_the_threshold_hides_picks() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "picks")
        pane = pilot.app.screen.query_one(PicturesPane)
        await until(pilot, lambda: pane.view.picks is not None)
        before = pane.view.picture
        await pilot.press("plus")
        await until(pilot, lambda: pane.view.picture is not before)
        assert pane.view.shown_region is not None
        assert pane.view.picture is not None
        assert before is not None
        assert pane.view.picture.binning < before.binning
        shown, total = pane.view.counted()
        assert shown == total
        await pilot.press(*["right_square_bracket"] * 10)
        shown, total = pane.view.counted()
        foms = pane.view.picks.fom if pane.view.picks else ()
        assert shown == sum(f >= (pane.view.threshold or 0) for f in foms) < total
        first = pane.current
        await pilot.press("n")
        await until(pilot, lambda: pane.current != first)


async def test_class_averages_are_marked_and_counted() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "Class2D/job008", "pictures")
        await seen(pilot, "class 1 ", "by class distribution")
        await pilot.press("space", "right", "space")
        view = pilot.app.screen.query_one(TileView)
        assert view.marked == {1, 2}
        await seen(pilot, "2 marked, 45.0 % of the particles")
        await pilot.press("S")
        await seen(pilot, "Keep these classes?", "of iteration 25: 1, 2")
        await pilot.click("#form")
        await seen(pilot, "new Subset selection", "run_it025_optimiser.star")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        assert screen.form is not None
        assert screen.form.text("cryodeck_classes") == "1,2"


async def test_next_jobs_come_with_their_inputs() -> None:
    async with interface() as pilot:
        await open_job(pilot, "Extract/job007")
        await seen(pilot, "Classify in 2D")
        await pilot.press("x")
        await seen(pilot, "Classify in 2D: Shows what")
        await pilot.press("enter")
        await seen(pilot, "new 2D classification", "Extract/job007/particles.star")


async def test_a_killed_classification_goes_on_from_its_newest_iteration() -> None:
    space = FakeWorkspace()
    name, newest = "Class2D/job008", "Class2D/job008/run_it017_optimiser.star"
    verdict = replace(
        space.jobs[name].verdict,
        state=JobState.TIMEOUT,
        advice="give it more time and continue it from run_it017_optimiser.star",
    )
    space.jobs[name] = replace(
        space.jobs[name], status="Failed", verdict=verdict, continue_from=newest
    )
    async with interface(space, size=(120, 50)) as pilot:
        await open_job(pilot, name)
        await seen(pilot, "continue it from run_it017", "What Continue! will do   G")
        await pilot.press("G")
        await seen(pilot, "Continue!  Class2D/job008", "Goes on after iteration 17")
        await pilot.press("enter")
        await until(pilot, lambda: ("run", name, True) in space.calls)
        assert space.forms[name].text("fn_cont") == newest


async def test_a_job_under_way_is_not_continued() -> None:
    async with interface(FakeWorkspace()) as pilot:
        await open_job(pilot, "AutoPick/job012")
        await pilot.press("G")
        await pilot.pause(0.05)
        assert isinstance(pilot.app.screen, JobScreen)
        assert pilot.app.screen.current == "overview"


class Slow(FakeWorkspace):
    """Micrographs and their pictures take for ever here, and say how far they are."""

    def __init__(self, *, slow_list: bool) -> None:
        super().__init__()
        self.slow_list = slow_list

    async def micrographs(self, name: str, **asked: Any) -> list[dict[str, Any]]:
        if self.slow_list:
            asked["on_progress"](
                HowFar(done=600, total=2000, found=600, what="micrographs")
            )
            await asyncio.sleep(3600)
        return await super().micrographs(name)

    async def micrograph(self, name: str, micrograph: str, **asked: Any) -> Picture:
        if asked["on_progress"] is not None:
            asked["on_progress"](HowFar(done=3, total=8, found=0, what="lines"))
        await asyncio.sleep(3600)
        raise AssertionError


async def test_a_long_list_of_micrographs_says_how_far_it_is() -> None:
    async with interface(Slow(slow_list=True)) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "30 %, 600 micrographs so far")


async def test_a_picture_on_its_way_says_how_far_it_is() -> None:
    async with interface(Slow(slow_list=False)) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "reading 37 %")


async def test_pictures_of_a_running_job_show_how_far_it_is_and_its_new_picks() -> None:
    space = FakeWorkspace()
    name = "AutoPick/job012"
    async with interface(space) as pilot:
        await open_job(pilot, name, "pictures")
        await seen(pilot, "━", "11 of 24 micrographs")
        pane = pilot.app.screen.query_one(PicturesPane)
        await until(pilot, lambda: pane.view.picks is not None)
        before = len(pane.view.picks.x)
        picks_of = space.picks

        async def more(name: str, micrograph: str) -> Picks:
            found = await picks_of(name, micrograph)
            return replace(found, x=(*found.x, 5.0), y=(*found.y, 5.0), fom=())

        items = await space.micrographs(name)

        async def listed(name: str, **_: Any) -> list[dict[str, Any]]:
            return [{**one, "picks": (one["picks"] or 0) + 1} for one in items]

        space.picks, space.micrographs = more, listed  # type: ignore[method-assign]
        row = space.jobs[name]
        progress = replace(row.progress, done=12)
        space.jobs[name] = replace(row, progress=progress)
        pilot.app.bridge.refresh()
        await seen(pilot, "12 of 24 micrographs")
        await until(pilot, lambda: len(pane.view.picks.x) == before + 1)


async def test_what_continue_does_is_told_from_what_is_known_and_for_changes() -> None:
    space = FakeWorkspace()
    name = "Class2D/job008"
    optimiser = f"{name}/run_it025_optimiser.star"
    space.jobs[name] = replace(space.jobs[name], continue_from=optimiser)
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, name)
        await seen(pilot, "Nothing is left to do: run_it025_optimiser.star")
        assert "choose an _optimiser.star" not in screen_text(pilot)
    async with interface(FakeWorkspace(), size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "form")
        await seen(pilot, "Laplacian", "Continue!")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        pane = screen.form_pane
        assert pane is not None
        pane.set_values({"log_adjust_thr": "1.5"})
        await until(pilot, lambda: "What was changed" in pane.explanation())
        assert "Adjust default threshold" in pane.explanation()
        await pilot.press("ctrl+r")
        await seen(pilot, "What was changed")


async def test_the_keys_of_a_job_follow_what_becomes_of_it() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job012")
        await seen(pilot, "A abort")
        row = space.jobs["AutoPick/job012"]
        verdict = replace(row.verdict, state=JobState.SUCCEEDED, reason="finished")
        space.jobs[row.name] = replace(row, verdict=verdict, progress=None)
        pilot.app.bridge.refresh()
        await until(pilot, lambda: "A abort" not in screen_text(pilot))
        await seen(pilot, "G continue")
