"""The gallery of class averages by keys and mouse, in every kind of pictures."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from engine.jobs.job import Job
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, until
from tui.graphics import PictureMode
from tui.near_views import near_views
from tui.screens.gallery import GalleryPane
from tui.screens.job import JobScreen
from tui.tile_orders import ORDERS
from tui.tile_sheet import (
    fitting_rows,
    in_order,
    pixel_canvas,
    sheet_images,
    tile_canvas,
)
from tui.widgets.large_view import LargeView
from tui.widgets.tile_view import TileView

SIZES = [(80, 24), (120, 40), (200, 50)]
KITTY = PictureMode(kind="kitty", cell=(8, 16))
SIXEL = PictureMode(kind="sixel", cell=(8, 16))
MODES = [
    *(PictureMode(kind=kind) for kind in ("blocks", "grey", "ascii", "none")),
    KITTY,
    SIXEL,
]


async def gallery(pilot) -> GalleryPane:
    app = pilot.app
    row = next(r for r in app.bridge.overview.jobs if r.type == "class2d")
    await app.push_screen(
        JobScreen(app.screen.cluster, app.screen.project, row, tab="pictures")
    )
    await until(pilot, lambda: [*app.screen.query(TileView)])
    pane = app.screen.query_one(GalleryPane)
    await until(pilot, lambda: pane.view.tiles)
    await pilot.pause(0.1)
    return pane


def words(pane) -> str:
    return str(pane.query_one("#gallery-status").render())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", MODES, ids=lambda m: m.kind)
async def test_all_tiles_are_framed_captioned_and_of_the_screens_width(size, mode):
    async with interface(size=size, pictures=mode) as pilot:
        pane = await gallery(pilot)
        view = pane.view
        assert len(view.tiles) == 12
        lines = [view.render_line(y) for y in range(view.size.height)]
        assert all(line.cell_length == view.size.width for line in lines)
        shown = "\n".join(line.text for line in lines)
        assert "1 25.0%" in shown
        assert ("#" if mode.kind == "ascii" else "╔") in shown
        if size != (80, 24):
            assert "12 6.7%" in shown
            assert not view.max_scroll_y
        assert mode.name + ", w" in words(pane)


@pytest.mark.parametrize("mode", [KITTY, SIXEL], ids=lambda m: m.kind)
async def test_pixels_are_sent_once_and_moving_and_marking_sends_none(mode):
    async with interface(size=(120, 40), pictures=mode) as pilot:
        pane = await gallery(pilot)
        layer = pilot.app.pixels
        await until(pilot, lambda: len(layer._shown) == 12)
        await pilot.pause(0.2)
        sent = layer.bytes_sent
        assert 2_000 < sent < 250_000
        for key in ("right", "down", "space", "v", "left", "a", "u", "space"):
            await pilot.press(key)
        await pilot.pause(0.3)
        assert pane.view.marked
        assert layer.bytes_sent == sent
        places = {shown.place for shown in layer._shown}
        assert len(places) == 12
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert not layer._shown


async def test_orders_go_high_to_low_or_low_to_high_and_skip_what_is_not_known():
    async with interface(size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        seen = {}
        for _ in range(3):
            numbers = [t["number"] for t in pane.view.tiles]
            seen[pane.view.order.key] = numbers
            await pilot.press("s")
        assert pane.view.order.key == "distribution"
        assert seen["distribution"] == list(range(1, 13))  # large classes first
        assert seen["resolution"] == list(range(1, 13))  # fine ones first
        assert seen["number"] == list(range(1, 13))
        assert "accuracy_rotations" not in seen  # these classes have none


def test_classes_without_a_number_to_sort_by_come_last():
    tiles = [
        {"number": 1, "accuracy_rotations": None},
        {"number": 2, "accuracy_rotations": 3.0},
        {"number": 3, "accuracy_rotations": 1.5},
    ]
    assert [t["number"] for t in in_order(tiles, ORDERS[1])] == [3, 2, 1]


async def test_marks_live_through_iterations_orders_and_leaving():
    async with interface(size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        await pilot.press("space", "right", "right", "space")
        assert pane.view.marked == {1, 3}
        await pilot.press("i")
        await until(pilot, lambda: pane.shown == 0)
        assert "iteration 0 of 25" in words(pane)
        await pilot.press("s", "s")
        assert pane.view.marked == {1, 3}
        assert "2 marked, 41.7 %" in words(pane)
        await pilot.press("escape")
        pane = await gallery(pilot)
        assert pane.view.marked == {1, 3}
        await pilot.press("v")
        assert pane.view.marked == set(range(1, 13)) - {1, 3}


async def test_the_mouse_marks_one_and_with_shift_a_range():
    async with interface(size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        view = pane.view
        step = view.tile_width
        await pilot.click(TileView, offset=(1 + 3, 3))
        assert view.marked == {1}
        await pilot.click(TileView, offset=(1 + 3, 3))
        assert view.marked == set()
        await pilot.pause(0.6)  # not a double click
        await pilot.click(TileView, offset=(1 + step + 3, 3))
        await pilot.click(TileView, offset=(1 + 3 * step + 3, 3), shift=True)
        assert view.marked == {2, 3, 4}


async def test_one_class_large_with_its_numbers_and_neighbors():
    async with interface(size=(120, 40), pictures=KITTY) as pilot:
        pane = await gallery(pilot)
        layer = pilot.app.pixels
        await pilot.press("enter")
        large = pane.query_one(LargeView)
        await until(pilot, lambda: len(layer._shown) == 1)
        assert next(iter(layer._shown)).place.height == large.size.height
        shown = "\n".join(large.render_line(y).text for y in range(8))
        assert "class 1" in shown
        assert "25.00 % of the particles" in shown
        await pilot.press("right", "space")
        assert pane.view.marked == {2}
        await until(pilot, lambda: "class 2" in large.render_line(0).text)
        assert "marked" in large.render_line(0).text
        await pilot.press("escape")
        await until(pilot, lambda: len(layer._shown) == 12)
        assert isinstance(pilot.app.screen, JobScreen)


async def test_average_of_the_marked_is_shown_with_its_spread():
    async with interface(size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        await pilot.press("space", "right", "space", "m")
        large = pane.query_one(LargeView)
        await until(pilot, lambda: len(large.tiles) == 2)
        shown = "\n".join(large.render_line(y).text for y in range(10))
        assert "2 classes of iteration 25" in shown
        assert "from -0.5 to 1.5" in shown


async def test_the_best_by_score_are_marked_and_sorted_first():
    async with interface(size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        await pilot.press("b")
        await pilot.press("backspace", "3", "enter")
        await until(pilot, lambda: pane.view.marked == {12, 11, 10})
        assert pane.view.order.key == "score"
        assert pane.view.tiles[0]["number"] == 12
        assert "1.00 score" in words(pane)


async def test_marked_classes_become_a_select_job_that_runs():
    space = FakeWorkspace()
    space.calls.clear()
    async with interface(space, size=(120, 40)) as pilot:
        pane = await gallery(pilot)
        await pilot.press("space", "right", "space", "S")
        await pilot.pause()
        assert pilot.app.screen.query_one("#alias").value == ""  # it is taken
        await pilot.press(*"best", "enter")
        await until(pilot, lambda: "run" in [c[0] for c in space.calls])
        name = next(c[1] for c in space.calls if c[0] == "create")
        form: Job = space.forms[name]
        assert form.text("fn_model").endswith("job008/run_it025_optimiser.star")
        assert form.text("cryodeck_classes") == "1,2"
        assert form.flag("do_recenter")
        assert space.jobs[name].alias == "Select/best/"
        await until(pilot, lambda: pilot.app.bridge.job(name) is not None)
        assert pane.view.marked == {1, 2}


async def test_one_who_may_only_look_cannot_keep():
    async with interface(size=(120, 40), read_only=True) as pilot:
        await gallery(pilot)
        await pilot.press("space", "S")
        await pilot.pause()
        assert isinstance(pilot.app.screen, JobScreen)


def test_a_noisy_tile_made_smaller_still_goes_from_black_to_white():
    chance = random.Random(1)
    pixels = bytes(min(255, max(0, int(chance.gauss(128, 30)))) for _ in range(64 * 64))
    tile = {"number": 1, "width": 64, "height": 64, "pixels": pixels}
    assert set(tile_canvas(tile, 16, 16).grey) >= {0, 255}
    flat = tile | {"pixels": b"\x80" * 64 * 64}
    assert set(tile_canvas(flat, 16, 16).grey) == {128}


def test_class_averages_are_enlarged_smoothly_but_far_away_by_the_terminal():
    steps = bytes([0] * 8 + [240] * 8) * 16
    tile = {"number": 1, "width": 16, "height": 16, "pixels": steps}
    near = pixel_canvas(tile, KITTY, (10, 5))  # cells of 8 x 16 pixels
    assert (near.width, near.drawn_height) == (80, 80)
    row = near.grey[:80]
    assert sorted(row) == list(row)
    assert len(set(row) - {0, 240}) >= 3  # between the two, one after the other
    far = replace(KITTY, view_bytes=100_000)
    small = pixel_canvas(tile, far, (10, 5))
    assert (small.width, small.drawn_height) == (16, 16)


def test_sizes_let_all_be_seen_if_they_can_be_told_apart():
    pixels = PictureMode(kind="kitty", cell=(10, 20))
    assert fitting_rows(50, 196, 44, pixels, 64) >= 4
    columns = 196 // (2 * fitting_rows(50, 196, 44, pixels, 64) + 2)
    rows = fitting_rows(50, 196, 44, pixels, 64) + 2
    assert -(-50 // columns) * rows <= 44
    assert fitting_rows(1, 196, 44, pixels, 64) == 16  # at most five to one
    assert fitting_rows(200, 80, 20, PictureMode(), 64) == 8  # smaller says nothing


def turned(pixels: bytes, size: int) -> bytes:
    """A quarter turn about the middle of pixel size // 2."""
    half = size // 2
    out = bytearray(size * size)
    for y in range(1, size):
        for x in range(1, size):
            out[y * size + x] = pixels[(half - (x - half)) * size + y]
    return bytes(out)


def lump(seed: int, size: int = 48) -> bytes:
    """Blobs at random places near the middle, with noise."""
    chance = random.Random(seed)
    spots = [
        (size / 2 + chance.gauss(0, 7), size / 2 + chance.gauss(0, 7)) for _ in range(4)
    ]
    found = bytearray()
    for y in range(size):
        for x in range(size):
            value = sum(120 / (1 + ((x - a) ** 2 + (y - b) ** 2) / 9) for a, b in spots)
            found.append(min(255, max(0, int(20 + value + chance.gauss(0, 4)))))
    return bytes(found)


def test_turned_and_mirrored_views_are_hinted_and_others_are_not():
    size = 48
    first = lump(1)
    mirror = b"".join(
        bytes([row[0], *reversed(row[1:])])
        for row in (first[y * size : (y + 1) * size] for y in range(size))
    )
    stack = [first, lump(2), turned(first, size), lump(3), mirror, bytes(size * size)]
    tiles = [
        {
            "number": n,
            "distribution": 0.3 / n,
            "width": size,
            "height": size,
            "pixels": pixels,
        }
        for n, pixels in enumerate(stack, 1)
    ]
    assert near_views(tiles) == {3: 1, 5: 1}
    for n, (side, pixels) in enumerate([(0, b""), (size, b"cut"), (2, b"tiny")]):
        tiles[n] |= {"width": side, "height": side, "pixels": pixels}
    assert near_views(tiles) == {}  # nobody can compare these


def test_a_sheet_keeps_to_its_bytes_by_fewer_greys():
    chance = random.Random(5)
    tiles = [
        {"number": n, "width": 64, "height": 64, "pixels": chance.randbytes(4096)}
        for n in range(1, 11)
    ]
    for kind in ("kitty", "sixel"):
        sizes = []
        for most in (1_000_000, 25_000, 10):
            mode = PictureMode(kind=kind, cell=(8, 16), view_bytes=most)
            images = sheet_images(tiles, mode, (8, 4))
            sizes.append(sum(image.cost(kind) for image in images.values()))
            greys = {len(image.palette) for image in images.values()}
            assert len(greys) == 1
            if most < sizes[-1]:
                assert greys == {8}
        assert sizes[0] > sizes[1] >= sizes[2]
