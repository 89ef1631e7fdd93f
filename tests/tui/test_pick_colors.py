"""Picks colored by a column of another STAR file, and the scale of a Display tab."""

from __future__ import annotations

from typing import Any

import pytest

from engine.jobs.job import Job
from remote.errors import BadRequestError
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, seen, until
from tui.graphics import PictureMode
from tui.halfblocks import NO_FOM, fom_mark
from tui.picking import Colors
from tui.screens.pick import PickScreen
from tui.screens.pictures import PicturesPane

LABEL = "rlnParticleSelectZScore"
COLORS = {
    "do_color": "Yes",
    "color_label": LABEL,
    "fn_color": "Extract/job007/particles.star",
    "blue_value": "0",
    "red_value": "4",
}


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path / "state"))


def test_a_number_belongs_to_the_nearest_place_within_a_pixel() -> None:
    colors = Colors(LABEL, [(10.0, 20.0, 1.0), (10.9, 20.0, 2.0), (500.5, 3.0, 7.0)])
    assert colors.at(10.0, 20.0) == 1.0
    assert colors.at(10.8, 20.1) == 2.0
    assert colors.at(9.6, 19.5) == 1.0
    assert colors.at(10.0, 21.5) is None
    assert colors.at(499.7, 3.1) == 7.0
    assert colors.at(0.0, 0.0) is None


async def test_picks_are_colored_by_the_forms_star_file() -> None:
    space = FakeWorkspace()
    picks = await space.picks("AutoPick/job006", "MotionCorr/job002/Movies/x.mrc")
    assert picks.x
    async with interface(space, size=(120, 40)) as pilot:
        form = Job.new("manualpick", "4.0", COLORS)

        async def defaults(type: str) -> Job:
            return form

        space.defaults = defaults  # type: ignore[method-assign]
        await open_job(pilot, "AutoPick/job006", "pictures")
        await seen(pilot, "picks")
        pane = pilot.app.screen.query_one(PicturesPane)
        await until(pilot, lambda: pane.view.picks is not None)
        await until(pilot, lambda: space.calls)
        assert space.calls[0] == (
            "pick_colors",
            COLORS["fn_color"],
            pane.current,
            LABEL,
        )
        shown = await space.picks("AutoPick/job006", pane.current)
        places = list(zip(shown.x, shown.y, strict=True))
        space.colors = tuple((x + 0.4, y, n % 5) for n, (x, y) in enumerate(places[1:]))
        pane._colors.clear()
        pane._show_picks(pane.current)
        await seen(pilot, "ParticleSelectZScore 0.00", "4.00")
        assert pane.view.picks.fom[:4] == (NO_FOM, 0, 1, 2)
        marks = {(x, y): color for x, y, color in pane.view.marks()}
        assert marks[places[5]] == fom_mark(4.0, 4.0, 0.0)
        assert marks[places[1]] == fom_mark(0.0, 4.0, 0.0)

        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        view = pilot.app.screen.view
        await until(pilot, lambda: view.picking and view.picking.colors)
        await seen(pilot, "ParticleSelectZScore 0.00", "4.00")
        assert view.picking.values(LABEL)[:4] == [None, 0, 1, 2]
        await pilot.press("tab", "x")
        await until(pilot, lambda: view.picking.values(LABEL)[:3] == [0, 1, 2])


async def test_a_color_file_that_is_not_there_is_told_and_the_picks_stay() -> None:
    space = FakeWorkspace()

    async def refuse(path: str, micrograph: str, label: str) -> Any:
        message = f"{path}: no column _{label} to color picks by"
        raise BadRequestError(message)

    space.pick_colors = refuse  # type: ignore[method-assign]
    space.forms["ManualPick/job005"] = Job.new("manualpick", "4.0", COLORS)
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "ManualPick/job005")
        await pilot.press("P")
        await seen(pilot, "of 24 micrographs selected")
        await pilot.press("enter", "space")
        await seen(pilot, "no column _rlnParticleSelectZScore", "1 pick")


@pytest.mark.parametrize(("scale", "width"), [("0.2", None), ("1", 400)])
async def test_the_forms_scale_is_where_one_begins_with_real_pixels(
    scale: str, width: int | None
) -> None:
    space = FakeWorkspace()
    form = Job.new("manualpick", "4.0", {"micscale": scale})
    space.forms["ManualPick/job005"] = form
    mode = PictureMode(kind="kitty", cell=(4, 8))
    async with interface(space, size=(100, 30), pictures=mode) as pilot:
        await open_job(pilot, "ManualPick/job005")
        await pilot.press("P")
        await seen(pilot, "of 24 micrographs selected")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        screen = pilot.app.screen
        assert isinstance(screen, PickScreen)
        await until(pilot, lambda: screen.view.picture)
        await until(pilot, lambda: not screen.looking.is_reading)
        if width is None:
            assert screen.view.looked_at is None
            return
        await until(pilot, lambda: screen.view.looked_at is not None)
        x, y, w, h = screen.view.looked_at or (0, 0, 0, 0)
        assert w == width
        assert abs(x + w / 2 - 512) <= 1
        assert abs(y + h / 2 - 512) <= 1
        await pilot.press("0")
        await until(pilot, lambda: screen.view.looked_at is None)
        await until(pilot, lambda: not screen.looking.is_reading)
        assert screen.view.looked_at is None
