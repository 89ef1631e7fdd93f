"""Circles lie on the particles they stand for: every kind, cell, shape and zoom."""

from __future__ import annotations

import io

import numpy as np
import pytest

from engine.io.mrc import write_mrc
from remote.agent import grey, mrc
from remote.views import Picks, Picture
from tests.support.interface import until
from tests.support.one_widget import OneWidget
from tui.graphics import Answers, PictureMode
from tui.halfblocks import Canvas, filling
from tui.screens.looking import COARSER
from tui.widgets.picture_view import PictureView

PLACES = [(61.0, 80.0), (455.0, 300.0), (700.0, 420.0), (850.0, 90.0)]
RADIUS = 30.0
SIZE = (90, 30)
MODES = {
    "half-blocks": PictureMode(),
    "letters": PictureMode(kind="ascii"),
    "narrow half-blocks": PictureMode(answers=Answers(cell=(7, 17))),
    "wide letters": PictureMode(kind="ascii", answers=Answers(cell=(10, 17))),
    "kitty": PictureMode(kind="kitty", cell=(7, 15)),
    "sixel": PictureMode(kind="sixel", cell=(11, 19)),
    "wide cells": PictureMode(kind="kitty", cell=(12, 13)),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> bytes:
    """A micrograph of 3:2 with four dark discs."""
    rows, columns = np.mgrid[:600, :900]
    image = np.full((600, 900), 10.0, np.float32)
    for x, y in PLACES:
        image[np.hypot(columns - x, rows - y) < RADIUS / 2] = 0.0
    path = tmp_path_factory.mktemp("micrograph") / "wide.mrc"
    write_mrc(path, image, 2.0)
    return path.read_bytes()


def looked_at(file: bytes, view: PictureView, coarser: int = 1) -> Picture:
    """What the agent would answer."""
    handle = io.BytesIO(file)
    handle.fileno = lambda: 0
    handle.seek(0)
    header = mrc.Header(900, 600, 1, 2, 1024, False, False, 2.0)
    region = view.looked_at or (0, 0, 900, 600)
    binning = mrc.binning_for(region[2], region[3], *view.space()) * coarser
    found = mrc.reduce_image(handle, header, binning, region)
    return Picture(
        width=found.width,
        height=found.height,
        pixels=grey.between(found.rows, 0.0, 10.0),
        source_width=900,
        source_height=600,
        pixel_size=2.0,
        binning=float(binning),
    )


def middles(canvas: Canvas, view: PictureView) -> list[tuple[float, float]]:
    """Distances of rings' middles from those of the discs below them, in pixels."""
    shape = canvas.height, canvas.width
    dark = 255.0 - np.frombuffer(bytes(canvas.grey), np.uint8).reshape(shape)
    ring = np.zeros(shape)
    for at in canvas.marks:
        ring[divmod(at, canvas.width)] = 1
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    step_across, step_down = view.steps()
    # everything in pixels as wide as those of the picture, which may be no squares
    rows, columns = (rows + 0.5) * step_down / step_across, columns + 0.5
    height = shape[0] * step_down / step_across
    radius = view.diameter_px / 2 / step_across
    found = []
    for place in PLACES:
        x, y = view.to_picture(*place)
        y *= step_down / step_across
        if not (
            radius + 1 < x < shape[1] - radius - 1
            and radius + 1 < y < height - radius - 1
        ):
            continue
        near = np.hypot(columns - x, rows - y) < radius + 2
        means = [
            (float((w * columns)[near].sum()), float((w * rows)[near].sum()))
            / w[near].sum()
            for w in (dark, ring)
        ]
        found.append(tuple(means[1] - means[0]))
        far = np.hypot(columns - x, rows - y)[(ring > 0) & near]
        assert abs(far.mean() - radius) < 1.2
    return found


@pytest.mark.parametrize("coarser", [1, COARSER])
@pytest.mark.parametrize("name", MODES)
async def test_rings_lie_on_their_particles(file, name, coarser):
    from tui.halfblocks import enlarged

    mode = MODES[name]

    app = OneWidget(PictureView, mode)
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(PictureView)
        view.diameter_px = 2 * RADIUS
        x, y = zip(*PLACES, strict=True)
        view.show_picks(Picks(micrograph="wide", x=x, y=y, fom=(0.1, 0.2, 0.3, 0.4)))
        checked = 0
        for key in ("", "plus", "right", "plus", "down", "left", "0", "minus"):
            if key:
                view.focus()
                await pilot.press(key)
            picture = looked_at(file, view, coarser)
            picture = enlarged(picture, coarser) if coarser > 1 else picture
            view.show_picture(picture, view.looked_at)
            assert view.picture.width <= view.room()[0]
            assert view.picture.height <= view.room()[1]
            for across, down in middles(view._canvas, view):
                assert max(abs(across), abs(down)) < 1.0  # on the right pixel
                checked += 1
            for place in PLACES:
                there = view.to_file(*view.to_picture(*place))
                assert there == pytest.approx(place)
        assert checked >= 8


def test_a_picture_fills_its_room_and_keeps_its_shape():
    picture = Picture(
        width=300,
        height=200,
        pixels=bytes(60_000),
        source_width=900,
        source_height=600,
        pixel_size=2.0,
        binning=3.0,
    )
    larger = filling(picture, 500, 400)
    assert (larger.width, larger.height) == (500, 333)
    assert larger.binning == pytest.approx(1.8)
    assert len(larger.pixels) == 500 * 333
    assert filling(picture, 320, 400) is picture


class Clicked(PictureView):
    """Notes where in the file it was clicked."""

    def on_mouse_down(self, event):
        event.prevent_default()
        self.clicked = self.spot(event)


@pytest.mark.parametrize(
    "name", ["half-blocks", "narrow half-blocks", "wide letters", "sixel"]
)
async def test_a_click_on_a_ring_is_a_place_in_the_file(file, name):
    mode = MODES[name]
    app = OneWidget(Clicked, mode)
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(Clicked)
        view.show_picture(looked_at(file, view), None)
        left, top, _, _ = view._cells(view._canvas.width, view._canvas.height)
        step_across, step_down = view.steps()
        for place in PLACES:
            across, down = view.to_picture(*place)
            column, row = int(across / mode.cell[0]), int(down / mode.cell[1])
            await pilot.mouse_down(view, offset=(left + column, top + row))
            x, y = view.clicked
            # within half a cell, the other half of which is the place's own
            assert abs(x - place[0]) <= step_across * mode.cell[0] / 2 + 0.01
            assert abs(y - place[1]) <= step_down * mode.cell[1] / 2 + 0.01


@pytest.mark.parametrize("cell", [(7, 17), (10, 17), (6, 13)])
async def test_a_square_is_square_on_the_screen_whatever_the_cells(cell):
    mode = PictureMode(answers=Answers(cell=cell))

    picture = Picture(
        width=300,
        height=300,
        pixels=bytes(90_000),
        source_width=900,
        source_height=900,
        pixel_size=2.0,
        binning=3.0,
    )
    async with OneWidget(PictureView, mode).run_test(size=SIZE) as pilot:
        view = pilot.app.query_one(PictureView)
        view.show_picture(picture, None)
        canvas = view._canvas
        wide, high = canvas.width * cell[0], canvas.height * cell[1] / 2
        assert abs(wide - high) <= cell[1]
        room = view.room()
        assert min(room[0] - canvas.width, room[1] - canvas.height) <= 2


def test_a_printed_picture_is_flattened_with_its_circles():
    canvas = Canvas(60, 60, ground=90)
    canvas.circle(30, 30, 20, (255, 0, 0))
    flat = canvas.flattened(1.25)
    assert (flat.width, flat.drawn_height) == (60, 48)
    assert set(flat.grey) == {90}
    columns, rows = zip(*((at % 60, at // 60) for at in flat.marks), strict=True)
    assert max(columns) - min(columns) == pytest.approx(40, abs=1)
    assert max(rows) - min(rows) == pytest.approx(32, abs=1)
    assert canvas.flattened(1.0) is canvas


async def test_another_font_draws_pictures_anew(monkeypatch):
    mode = PictureMode(answers=Answers(cell=(8, 16), window_cell=(8, 16)))
    monkeypatch.setattr("tui.pixel_app.window_cell", lambda: (7, 17))

    async with OneWidget(PictureView, mode).run_test(size=SIZE) as pilot:
        view = pilot.app.query_one(PictureView)
        await pilot.resize_terminal(SIZE[0] + 1, SIZE[1])
        await until(pilot, lambda: view.mode.tall == pytest.approx(17 / 14))
        assert pilot.app.pictures is view.mode


def test_a_window_that_counts_its_margins_says_nothing_of_its_cells():
    assert PictureMode(answers=Answers(cell=(8, 16), window_cell=(8, 16))).is_other(
        (9, 18)
    )
    for window in ((9, 16), None):
        mode = PictureMode(answers=Answers(cell=(8, 16), window_cell=window))
        assert not mode.is_other((12, 24))


async def test_dots_stand_for_circles_that_would_hide_the_micrograph():
    app = OneWidget(PictureView)
    async with app.run_test(size=SIZE):
        view = app.query_one(PictureView)
        places = [(float(x), float(y)) for y in range(20, 600, 40) for x in range(900)]
        x, y = zip(*places[::40], strict=True)
        view.diameter_px = 60.0
        flat = Picture(
            width=90,
            height=60,
            pixels=bytes(5400),
            source_width=900,
            source_height=600,
            pixel_size=2.0,
            binning=10.0,
        )
        view.show_picture(flat, None)
        view.show_picks(Picks(micrograph="a", x=x, y=y, fom=(0.5,) * len(x)))
        assert view.is_dotted
        assert len(view._canvas.marks) == len(x)
        view.show_picks(Picks(micrograph="a", x=x[:9], y=y[:9], fom=(0.5,) * 9))
        assert not view.is_dotted
        assert len(view._canvas.marks) > 9 * 8
