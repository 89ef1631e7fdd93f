"""Over a slow link a quarter of the pixels comes first, and the rest in a pause."""

from __future__ import annotations

import pytest

from tests.support.fake_workspace import NAMES, FakeWorkspace
from tests.support.interface import interface, until
from tests.tui.test_hand_screens import open_job
from tui.graphics import PictureMode
from tui.screens import looking
from tui.screens.looking import COARSER
from tui.widgets.picture_view import PictureView

KITTY = PictureMode(kind="kitty", cell=(4, 8))


def asked(space: FakeWorkspace) -> list[tuple[str, int]]:
    """Micrographs that were asked for, and how coarse."""
    return [(name, more.get("coarser", 1)) for name, _, _, more in space.looks]


async def test_the_sharp_one_comes_when_nobody_does_anything(monkeypatch) -> None:
    monkeypatch.setattr(looking, "IDLE_S", 1000.0)
    space = FakeWorkspace()
    async with interface(space, size=(100, 40), pictures=KITTY) as pilot:
        app = pilot.app
        app.set_slow("on")
        await open_job(pilot, "AutoPick/job006", "pictures")
        view = app.screen.query_one(PictureView)
        await until(pilot, lambda: view.picture is not None)
        assert (NAMES[0], COARSER) in asked(space)
        coarse, place = view.picture, view.to_picture(100.0, 200.0)
        # the one after is fetched ahead, as coarse, before this one is sharpened
        await until(pilot, lambda: (NAMES[1], COARSER) in asked(space))
        assert (NAMES[0], 1) not in asked(space)
        monkeypatch.setattr(looking, "IDLE_S", 0.01)
        await pilot.press("n")
        await until(pilot, lambda: (NAMES[1], 1) in asked(space))
        await pilot.press("p")
        await until(pilot, lambda: (NAMES[0], 1) in asked(space))
        await until(
            pilot,
            lambda: (
                view.picture is not None
                and view.picture.label == NAMES[0]
                and view.picture.pixels != coarse.pixels
            ),
        )
        # neither jumps: what is seen lies where it lay, and is as large
        assert view.picture.binning == coarse.binning
        assert abs(view.picture.width - coarse.width) < COARSER
        assert view.to_picture(100.0, 200.0) == place


@pytest.mark.parametrize(("seconds", "coarse"), [(3.0, True), (0.2, False)])
async def test_a_line_is_slow_when_pictures_are_long_on_their_way(
    seconds, coarse
) -> None:
    space = FakeWorkspace()
    space.on_its_way_s = seconds
    async with interface(space, size=(100, 40), pictures=KITTY) as pilot:
        await open_job(pilot, "AutoPick/job006", "pictures")
        await until(pilot, lambda: len(asked(space)) > 1)
        assert asked(space) == [(NAMES[0], 1), (NAMES[1], COARSER if coarse else 1)]


async def test_half_blocks_are_small_already() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(100, 40)) as pilot:
        pilot.app.set_slow("on")
        await open_job(pilot, "AutoPick/job006", "pictures")
        await until(pilot, lambda: len(asked(space)) > 1)
        assert {coarser for _, coarser in asked(space)} == {1}
