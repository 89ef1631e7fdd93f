"""The threshold hunt: predicted counts, and the way to Continue!"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.jobs.job import Job
from remote.errors import BadRequestError
from remote.views import HowFar, JobPicks, Picks, Picture
from tests.support.fake_workspace import FakeWorkspace, picks_of
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.hunting import ABOUT, EXACT, RERUN, Hunt, Trial, thinned
from tui.screens.hunt import HuntScreen
from tui.screens.job import JobScreen

JOB = "AutoPick/job011"  # by templates, over, no maps


def _template_form(**values: str) -> Job:
    job = Job.new("autopick", "4.0")
    for key, value in {
        "do_refs": "Yes",
        "threshold_autopick": "0.2",
        "mindist_autopick": "100",
        **values,
    }.items():
        job = job.replace(key, value)
    return job


def _found(maps: int = 0) -> JobPicks:
    picks = tuple(picks_of(f"mic{n}.mrc") for n in range(3))
    return JobPicks(job=JOB, picks=picks, pixel_size=3.54, map_count=maps)


def test_raising_the_threshold_counts_the_stored_picks_above_it() -> None:
    hunt = Hunt(_found(), _template_form(), {})
    trial = Trial(0.5, 100)
    assert hunt.counts(trial) == [
        sum(f >= 0.5 for f in picks.fom) for picks in hunt.found.picks
    ]
    assert hunt.certainty(trial)[0] == EXACT


def test_lowering_a_value_is_said_to_need_a_re_run() -> None:
    hunt = Hunt(_found(), _template_form(), {})
    assert hunt.certainty(Trial(0.1, 100))[0] == RERUN
    assert hunt.certainty(Trial(0.2, 60))[0] == RERUN
    assert hunt.certainty(Trial(0.2, 160))[0] == ABOUT


def test_thinning_leaves_what_a_search_of_all_pairs_leaves() -> None:
    picks = picks_of("mic.mrc")
    limit = 90.0
    slow: list[int] = []
    for i in sorted(range(len(picks.x)), key=lambda i: -picks.fom[i]):
        if all(
            (picks.x[i] - picks.x[j]) ** 2 + (picks.y[i] - picks.y[j]) ** 2 >= limit**2
            for j in slow
        ):
            slow.append(i)
    assert thinned(picks, list(range(len(picks.x))), limit) == sorted(slow)


def test_a_laplacian_threshold_counts_from_each_micrographs_own_mean() -> None:
    picks = (
        Picks(micrograph="a", x=(1, 2), y=(1, 2), fom=(0.3, 0.5)),
        Picks(micrograph="b", x=(1, 2), y=(1, 2), fom=(0.3, 0.5)),
    )
    found = JobPicks(job="x", picks=picks, pixel_size=1.0)
    job = Job.new("autopick", "4.0").replace("do_log", "Yes")
    hunt = Hunt(found, job, {"a": (0.1, 0.1), "b": (0.1, 0.3)})
    assert not hunt.trouble
    assert hunt.counts(Trial(1.0, 0)) == [2, 1]  # above 0.2 and above 0.4
    assert hunt.values(Trial(1.0, 0), continuing=True)["log_adjust_thr"] == "1"
    assert "mean and spread" in Hunt(found, job, {}).trouble


def test_kept_maps_are_read_and_missing_ones_written() -> None:
    with_maps = Hunt(_found(maps=3), _template_form(), {})
    values = with_maps.values(Trial(0.3, 120), continuing=True)
    assert values == {
        "threshold_autopick": "0.3",
        "mindist_autopick": "120",
        "do_read_fom_maps": "Yes",
        "do_write_fom_maps": "No",
    }
    without = Hunt(_found(maps=2), _template_form(), {})
    values = without.values(Trial(0.3, 120), continuing=True)
    assert (values["do_read_fom_maps"], values["do_write_fom_maps"]) == ("No", "Yes")


def _space(space: FakeWorkspace | None = None) -> FakeWorkspace:
    space = space or FakeWorkspace()
    space.forms[JOB] = _template_form(
        fn_input_autopick="Select/job004/micrographs_split1.star",
        fn_refs_autopick="Select/job009/class_averages.star",
        threshold_autopick="0.05",
    )
    return space


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_counts_follow_the_threshold_at_once(size: tuple[int, int]) -> None:
    async with interface(_space(), size=size) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("H")
        await seen(pilot, "picking threshold 0.05", "exact", "629_00021")
        screen = pilot.app.screen
        assert isinstance(screen, HuntScreen)
        assert screen.hunt is not None
        await until(pilot, lambda: "▀▀" in screen_text(pilot))
        await pilot.press(*["right_square_bracket"] * 5, *["right_curly_bracket"] * 5)
        total = sum(f >= 0.35 for p in screen.hunt.found.picks for f in p.fom)
        await seen(pilot, f"{total} picks of {screen.hunt.total}", "0.35")
        assert screen.view.picks is not None
        assert len(screen.view.picks.x) == screen.hunt.counts(screen.trial)[0]
        await pilot.press("u", "left")
        await seen(pilot, "needs a re-run")


class Slow(FakeWorkspace):
    """A cluster that reads its first micrograph for ever, and has lost the others."""

    async def micrograph(self, name: str, micrograph: str, **asked: Any) -> Picture:
        if "00021" not in micrograph:
            raise BadRequestError(f"{micrograph} is not there")
        asked["on_progress"](HowFar(done=3, total=8, found=0, what="lines"))
        await asyncio.sleep(3600)
        raise AssertionError


async def test_a_picture_that_is_read_or_lost_is_said_below_it() -> None:
    async with interface(_space(Slow()), size=(120, 40)) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("H")
        await seen(
            pilot, "629_00021", "reading 37 %", "w: why", "picking threshold 0.05"
        )
        await pilot.press("n")
        await seen(pilot, "00022.mrc is not there", "picking threshold 0.05")
        await pilot.press("right")
        await seen(pilot, "picking threshold 0.06")


async def test_values_are_kept_side_by_side_and_taken_up_again() -> None:
    async with interface(_space(), size=(120, 40)) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("H")
        await seen(pilot, "picking threshold 0.05")
        await pilot.press("space", "right_curly_bracket", "space", "full_stop", "space")
        screen = pilot.app.screen
        assert isinstance(screen, HuntScreen)
        assert screen.tried == [Trial(0.05, 100), Trial(0.1, 100), Trial(0.1, 110)]
        await pilot.press("2")
        assert screen.trial == Trial(0.1, 100)
        screen.tried.clear()


async def test_one_key_goes_on_with_the_values_through_the_usual_dialog() -> None:
    space = _space()
    space.map_counts[JOB] = 5
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("H")
        await seen(pilot, "picking threshold 0.05")
        await pilot.press("t", *["backspace"] * 12, *"0.4 160", "enter")
        await seen(pilot, "0.40", "160 Å", "about")
        await pilot.press("enter")
        await seen(pilot, f"Continue!  {JOB}", "from the kept FOM maps")
        assert not space.calls
        await pilot.press("enter")
        await until(pilot, lambda: ("run", JOB, True) in space.calls)
        form = space.forms[JOB]
        assert form.number("threshold_autopick") == 0.4
        assert form.number("mindist_autopick") == 160
        assert form.flag("do_read_fom_maps")


async def test_a_running_job_hands_its_values_to_a_new_one() -> None:
    space = _space()
    space.forms["AutoPick/job012"] = space.forms[JOB]
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job012")
        await pilot.press("H")
        await seen(pilot, "picking threshold 0.05")
        await pilot.press("right_curly_bracket", "enter")
        await seen(pilot, "new Auto-picking")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        assert screen.form is not None
        assert screen.form.number("threshold_autopick") == 0.1


async def test_a_job_without_its_maps_mean_says_what_is_missing() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006")
        await pilot.press("H")
        await seen(pilot, "kept no mean and spread")
