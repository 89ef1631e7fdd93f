"""Picking and ticking by hand, by keys and by mouse, and what is never lost."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from engine.jobs.job import Job
from engine.project.picks_file import PicksFile
from remote.unsaved import UnsavedPicks
from tests.support.fake_workspace import NAMES, FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.screens import hand_saving
from tui.screens.hand import HandScreen
from tui.screens.job import JobScreen
from tui.screens.pick import PickScreen
from tui.screens.pictures import PicturesPane
from tui.ticking import numbers_of, rows_where

SIZES = [(80, 24), (120, 40), (200, 50)]
JOB = "ManualPick/job005"


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(hand_saving, "PAUSE_S", 0.02)


def places(space: FakeWorkspace, micrograph: str, job: str = JOB) -> list[Any]:
    file = PicksFile.parse(space._text(job, micrograph), space.version)
    return [file.place(row) for row in file.rows]


async def open_list(pilot: Pilot[int], job: str = JOB) -> HandScreen:
    await open_job(pilot, job)
    await pilot.press("P")
    await seen(pilot, "of 24 micrographs selected")
    screen = pilot.app.screen
    assert isinstance(screen, HandScreen)
    return screen


async def open_first(pilot: Pilot[int]) -> PickScreen:
    await open_list(pilot)
    await pilot.press("enter")
    screen = pilot.app.screen
    assert isinstance(screen, PickScreen)
    await until(pilot, lambda: screen.view.picking and screen.view.picture)
    return screen


@pytest.mark.parametrize("size", SIZES)
async def test_the_tutorials_five_micrographs_are_ticked(size: tuple[int, int]) -> None:
    space = FakeWorkspace()
    async with interface(space, size=size) as pilot:
        await open_list(pilot)
        await seen(pilot, "24 of 24 micrographs selected", "[x]", "629_00021.mrc")
        await pilot.press("v")
        await seen(pilot, "0 of 24 micrographs selected", "[ ]")
        await pilot.press(*["space"] * 5)
        await seen(pilot, "5 of 24 micrographs selected")
        await until(pilot, lambda: space.ticks[JOB] == [True] * 5 + [False] * 19)
        await seen(pilot, "saved")
        await pilot.press("S")
        await seen(pilot, "micrographs_selected.star")


@pytest.mark.parametrize("size", SIZES)
async def test_picks_are_made_moved_and_removed_by_keys(size: tuple[int, int]) -> None:
    space = FakeWorkspace()
    async with interface(space, size=size) as pilot:
        screen = await open_first(pilot)
        assert "▀▀" in screen_text(pilot)
        await pilot.press("space")
        await seen(pilot, "1 pick", "x 51", "saved")
        await until(pilot, lambda: len(places(space, NAMES[0])) == 1)
        (first,) = places(space, NAMES[0])
        assert first == pytest.approx((512, 512), abs=1)
        await pilot.press("shift+right", "right", "space")
        step = screen.view.picture.binning if screen.view.picture else 0
        await until(pilot, lambda: len(places(space, NAMES[0])) == 2)
        second = places(space, NAMES[0])[1]
        assert second[0] - first[0] == pytest.approx(11 * step, abs=1e-3)
        await pilot.press("m", "shift+down", "m")
        await until(pilot, lambda: places(space, NAMES[0])[1][1] > first[1])
        assert places(space, NAMES[0])[1][1] == pytest.approx(first[1] + 10 * step)
        await pilot.press("u")
        await until(pilot, lambda: places(space, NAMES[0])[1] == second)
        await pilot.press("tab", "x")
        await until(pilot, lambda: places(space, NAMES[0]) == [second])
        await pilot.press("u", "u", "u", "U")
        await until(pilot, lambda: places(space, NAMES[0]) == [first])
        await pilot.press("D")
        await seen(pilot, "Remove all 1 pick")
        await pilot.press("enter")
        await until(pilot, lambda: places(space, NAMES[0]) == [])


async def test_the_mouse_picks_carries_and_wipes() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = await open_first(pilot)
        view = screen.view
        middle = (view.size.width // 2, view.size.height // 2)
        await pilot.click(view, offset=middle)
        await until(pilot, lambda: len(places(space, NAMES[0])) == 1)
        first = places(space, NAMES[0])[0]
        shown = view.to_picture(*first)
        assert view._canvas is not None
        left = (view.size.width - view._canvas.width) // 2
        assert shown[0] + left == pytest.approx(middle[0] + 0.5)
        away = (middle[0] + 12, middle[1])
        await pilot.mouse_down(view, offset=middle)
        await pilot.hover(view, offset=away)
        await pilot.mouse_up(view, offset=away)
        await until(pilot, lambda: places(space, NAMES[0])[0] != first)
        moved = places(space, NAMES[0])
        assert view.picture is not None
        assert len(moved) == 1
        assert moved[0][0] - first[0] == pytest.approx(12 * view.picture.binning)
        await pilot.click(view, offset=(middle[0] - 12, middle[1] - 4))
        await until(pilot, lambda: len(places(space, NAMES[0])) == 2)
        await pilot.click(view, offset=away, button=3)
        await until(pilot, lambda: len(places(space, NAMES[0])) == 1)
        await pilot.press("u")
        await until(pilot, lambda: len(places(space, NAMES[0])) == 2)


async def test_run_opens_the_micrographs_of_a_new_job_and_submits_nothing() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = JobScreen(
            space.cluster,
            space.project,
            None,
            new_type="manualpick",
            values={"fn_in": "Select/job004/micrographs_split1.star"},
        )
        pilot.app.push_screen(screen)
        await seen(pilot, "Input micrographs", "nothing is submitted")
        await pilot.press("ctrl+r")
        await seen(pilot, "ManualPick/job016", "24 of 24 micrographs selected")
        assert ("run", "ManualPick/job016", False) in space.calls
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await seen(pilot, "ManualPick/job016", "Evidence")


async def test_run_opens_the_list_of_a_subset_selection_without_a_rule() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        values = {"fn_mic": "CtfFind/job003/micrographs_ctf.star"}
        screen = JobScreen(
            space.cluster, space.project, None, new_type="select", values=values
        )
        pilot.app.push_screen(screen)
        await seen(pilot, "choose from by ticking")
        await pilot.press("ctrl+r")
        await seen(pilot, "Select/job016", "24 of 24 micrographs selected")
        await pilot.press("f", "enter")
        await until(
            pilot,
            lambda: ("write_ticks", "Select/job016", [0, 1, 2, 3, 4]) in space.calls,
        )
        await pilot.press("enter")
        await seen(pilot, "1/24", "20170629_00021")
        pick = pilot.app.screen
        assert isinstance(pick, PickScreen)
        await pilot.press("space")  # nothing is picked in a selection
        assert pick.view.picking is None


async def test_a_lost_link_loses_no_pick() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_first(pilot)
        space.cut()
        await pilot.press("space")
        await seen(pilot, "NOT SAVED, kept on this machine")
        kept = UnsavedPicks("hpc1", space.project).of_job(JOB)
        assert [one.micrograph for one in kept] == [NAMES[0]]
        space.mend()
        await seen(pilot, "  saved")
        await until(pilot, lambda: len(places(space, NAMES[0])) == 1)
        assert UnsavedPicks("hpc1", space.project).of_job(JOB) == []


async def test_what_a_lost_link_has_not_brought_is_asked_for_again() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_first(pilot)
        space.cut()
        await pilot.press("n")
        await seen(pilot, "2/24", "no contact with hpc1; ^L tries again")
        space.mend()
        await seen(pilot, "2/24", "0 picks", "▀▀")
        assert "no contact" not in screen_text(pilot)


async def test_picks_of_a_process_that_died_are_brought_back() -> None:
    space = FakeWorkspace()
    file = PicksFile.new(space.version)
    text = file.text([file.made(10, 20), file.made(30, 40)])
    UnsavedPicks("hpc1", space.project).keep(JOB, NAMES[1], text, "", 2)
    async with interface(space, size=(120, 40)) as pilot:
        await open_list(pilot)
        await seen(pilot, "Brought back", "2 changes of")
        await until(pilot, lambda: places(space, NAMES[1]) == [(10, 20), (30, 40)])
        await until(
            pilot, lambda: UnsavedPicks("hpc1", space.project).of_job(JOB) == []
        )


@pytest.mark.parametrize(("choice", "expected"), [(0, 1), (1, 2), (2, 3)])
async def test_another_windows_change_is_never_overwritten_unasked(
    choice: int, expected: int
) -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_first(pilot)
        file = PicksFile.new(space.version)
        theirs = file.text([file.made(10, 20), file.made(30, 40)])
        space.sheets[JOB, NAMES[0]] = theirs
        await pilot.press("space")
        await seen(pilot, "was changed by somebody else", "Keep mine (1 pick)")
        await seen(pilot, "Take theirs (2 picks)", "Keep both together")
        assert space.sheets[JOB, NAMES[0]] == theirs
        await pilot.press(*["down"] * choice, "enter")
        await until(pilot, lambda: len(places(space, NAMES[0])) == expected)
        await seen(pilot, f"{expected} pick", "saved")


async def test_picks_of_a_program_keep_their_foms_and_can_be_had_back() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "picks", "FOM")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        pick = pilot.app.screen
        assert isinstance(pick, PickScreen)
        await until(pilot, lambda: pick.view.picking is not None)
        name = pick.micrograph
        before = places(space, name, "AutoPick/job006")
        await pilot.press("tab", "x")
        await until(
            pilot,
            lambda: len(places(space, name, "AutoPick/job006")) == len(before) - 1,
        )
        assert places(space, name, "AutoPick/job006") == before[1:]
        await pilot.press("P")
        await until(pilot, lambda: places(space, name, "AutoPick/job006") == before)
        await seen(pilot, "FOM 0.")
        await pilot.press("v", *["backspace"] * 20, *"0 1", "enter")
        await seen(pilot, "FOM 0.00", "1.00")
        assert pick.view.color_range == (0.0, 1.0)


async def test_contrast_filters_and_the_spectrum_are_asked_of_the_cluster() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_first(pilot)
        assert space.looks[0][2] == 20.0  # RELION's own low-pass, 3 sigma
        assert space.looks[0][3]["sigma_contrast"] == 3.0
        await pilot.press("i", "backspace", *"2", "enter")
        await until(pilot, lambda: space.looks[-1][3]["sigma_contrast"] == 2.0)
        await pilot.press("I", *["backspace"] * 4, *"10 200", "enter")
        await until(pilot, lambda: space.looks[-1][3]["white"] == 200.0)
        await pilot.press("h", *["backspace"] * 6, *"30 500", "enter")
        await until(pilot, lambda: space.looks[-1][3]["highpass_angstrom"] == 500.0)
        await seen(pilot, "low-pass 30 Å", "high-pass 500 Å", "black 10 white 200")
        await pilot.press("t")
        await until(pilot, lambda: "_PS.ctf" in space.looks[-1][0])
        await seen(pilot, "CTF power spectrum", "defocus 0.90")
        await pilot.press("space")  # a spectrum has no particles
        assert not places(space, NAMES[0])
        await pilot.press("t", "n")
        await seen(pilot, "2/24", "629_00022")
        await pilot.press("plus")
        await until(pilot, lambda: space.looks[-1][1] is not None)


async def test_ends_of_filaments_come_in_pairs() -> None:
    space = FakeWorkspace()
    space.forms[JOB] = Job.new("manualpick", "4.0", {"do_startend": "Yes"})
    async with interface(space, size=(120, 40)) as pilot:
        screen = await open_first(pilot)
        await pilot.press("space")
        await seen(pilot, "the end of a filament is missing")
        await pilot.press("shift+right", "shift+right", "space")
        await until(pilot, lambda: len(places(space, NAMES[0])) == 2)
        assert "missing" not in screen_text(pilot)
        await pilot.press("x")
        await until(pilot, lambda: places(space, NAMES[0]) == [])
        assert screen.view.picking is not None


async def test_one_may_look_and_change_nothing_read_only() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40), read_only=True) as pilot:
        await open_list(pilot)
        await pilot.press("v", "space", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        await pilot.press("space", "x", "e", "escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        assert not [c for c in space.calls if c[0].startswith("write")]


def test_a_rule_ticks_by_what_is_known_of_the_ctf() -> None:
    items = [
        {"picks": None, "defocus": 9000.0, "ctf_resolution": 3.2, "ctf_fom": 0.2},
        {"picks": 12, "defocus": 21000.0, "ctf_resolution": 6.0, "ctf_fom": None},
    ]
    assert rows_where(items, "resolution < 5") == [True, False]
    assert rows_where(items, "defocus>=1.5") == [False, True]
    assert rows_where(items, "picks = 0") == [True, False]
    assert rows_where(items, "fom > 0.1") == [True, False]
    for nonsense in ("", "size < 3", "resolution 5", "resolution < five"):
        assert rows_where(items, nonsense) is None


def test_numbers_of_micrographs_are_read_as_in_selections() -> None:
    assert numbers_of("1,4,9", 9) == {1, 4, 9}
    assert numbers_of("1-3 8", 9) == {1, 2, 3, 8}
    for nonsense in ("", "0", "3-1", "10", "a", "2-"):
        assert numbers_of(nonsense, 9) is None


async def test_the_pictures_tab_colors_between_values_one_sets_and_shows_the_ctf() -> (
    None
):
    space = FakeWorkspace()
    saved = {"do_color": "Yes", "blue_value": "5", "red_value": "0"}
    async with interface(space, size=(120, 40)) as pilot:
        form = Job.new("manualpick", space.version, saved)
        space.forms["ManualPick/job005"] = form

        async def defaults(type: str) -> Job:
            return form if type == "manualpick" else Job.new(type, space.version)

        space.defaults = defaults  # type: ignore[method-assign]
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "FOM 0.00", "5.00")  # as the tutorial saves the Colors tab
        pane = pilot.app.screen.query_one(PicturesPane)
        await pilot.press("v", *"1 0.2", "enter")
        await seen(pilot, "FOM 0.20", "1.00")
        assert pane.view.color_range == (1.0, 0.2)
        await pilot.press("v", "backspace", "enter")
        await until(pilot, lambda: pane.view.color_range is None)
        await pilot.press("v", *"nonsense", "enter")
        await seen(pilot, "Red value and blue value: 2 numbers")
        await pilot.press("l")
        await until(pilot, lambda: space.looks[-1][2] == 10.0)
        await pilot.press("t")
        await until(pilot, lambda: space.looks[-1][0].endswith(":mrc"))
        await seen(pilot, "CTF power spectrum")
        await pilot.press("n")
        await seen(pilot, "2/5 20170629_00022", "low-pass 10")
