"""What a far terminal gets: few bytes at first, every pick clear, then the rest."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from support.one_widget import OneWidget

from remote.views import PickSheet, Picture
from tests.support.interface import until
from tests.tui.test_graphics import Wire
from tests.tui.test_patches import CELL, SIZE, Glass
from tui import pixel_layer
from tui.coarse import bands, coarser, fitted, whole
from tui.graphics import FAR_BYTES, Answers, PictureMode, decided
from tui.halfblocks import Canvas
from tui.picking import Picking
from tui.widgets.pick_view import PickView
from tui.widgets.picture_view import PictureView

SHAPE = (700, 760)
RADIUS = 18
BLUE = (70, 110, 255)


def noisy(shape: tuple[int, int] = SHAPE) -> tuple[Canvas, np.ndarray, list]:
    """Dark discs under noise twice as strong, a ring around each."""
    chance = np.random.default_rng(5)
    down, across = shape
    truth = np.zeros(shape)
    places = [(x, y) for y in range(50, down - 40, 90) for x in range(50, across, 90)]
    rows, columns = np.mgrid[:down, :across]
    canvas = Canvas(across, down)
    for x, y in places:
        truth[np.hypot(columns - x, rows - y) < RADIUS - 4] = -1
        canvas.circle(x, y, RADIUS, BLUE)
    grey = 128 + 24 * truth + 48 * chance.normal(size=shape)
    canvas.grey[:] = np.clip(grey, 0, 255).astype(np.uint8).tobytes()
    return canvas, truth, places


def colors(shown) -> np.ndarray:
    image = shown.image
    table = np.array(image.palette)
    indices = np.frombuffer(image.indices, np.uint8)
    return table[indices].reshape(image.height, image.width, 3)


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
def test_noise_fits_and_particles_and_rings_are_as_clear_as_before(kind):
    canvas, truth, places = noisy()
    sharp = whole(canvas, kind)
    shown = fitted(canvas, kind, most_bytes=FAR_BYTES)
    assert shown.image.cost(kind) <= FAR_BYTES < sharp.image.cost(kind)
    assert shown.side > 1
    found = colors(shown)
    for x, y in places:  # every ring on its pixel, none of another color
        for angle in np.linspace(0, 6.28, 50):
            at = int(y + RADIUS * np.sin(angle)), int(x + RADIUS * np.cos(angle))
            if np.floor(at).tolist() and (at[0] * canvas.width + at[1]) in canvas.marks:
                assert tuple(found[at]) == BLUE
    # at the scale of a particle it tells as much as every pixel does
    levels = [np.frombuffer(s.grey, np.uint8).reshape(SHAPE) for s in (sharp, shown)]
    alike = [
        np.corrcoef(ndimage.gaussian_filter(g.astype(float), 6).ravel(), truth.ravel())
        for g in levels
    ]
    assert alike[1][0, 1] > 0.97 * alike[0][0, 1] > 0.6
    # and to the eye, unsmoothed, more
    raw = [np.corrcoef(g.ravel(), truth.ravel())[0, 1] for g in levels]
    assert raw[1] > 1.5 * raw[0]


def test_what_is_smooth_stays_sharp():
    canvas = Canvas(400, 300)
    rows, columns = np.mgrid[:300, :400]
    wave = 128 + 100 * np.sin(rows / 40) * np.cos(columns / 50)
    canvas.grey[:] = wave.astype(np.uint8).tobytes()
    for kind in ("kitty", "sixel"):
        assert fitted(canvas, kind, most_bytes=FAR_BYTES).side == 1


def test_squares_are_averages_in_their_place():
    canvas = Canvas(403, 302)
    canvas.grey[:] = bytes([40] * (403 * 302))
    for y in range(120, 150):
        for x in range(210, 240):
            canvas.grey[y * 403 + x] = 200
    for side in (2, 3, 4, 6):
        drawn = np.frombuffer(coarser(canvas, side, 2).grey, np.uint8)
        weight = drawn.reshape(302, 403).astype(float) - 40
        rows, columns = np.mgrid[:302, :403]
        middle = [(weight * axis).sum() / weight.sum() for axis in (rows, columns)]
        assert np.abs(np.subtract(middle, (134.5, 224.5))).max() < side / 2 + 1


def test_bands_are_the_whole():
    canvas, _, _ = noisy((199, 300))
    parts = list(bands(canvas, 40, 80))
    assert [top for top, _ in parts] == [80, 120, 160]
    assert sum(part.drawn_height for _, part in parts) == 199 - 80


@pytest.mark.parametrize(
    ("environment", "took_s", "is_far"),
    [
        ({}, 0.2, False),
        ({"SSH_CONNECTION": "1 2 3 4"}, 0.2, True),
        ({"SSH_CONNECTION": "1 2 3 4"}, None, True),
        ({"SSH_CONNECTION": "1 2 3 4"}, 0.004, False),  # the same building
    ],
)
def test_far_is_ssh_that_answers_late(environment, took_s, is_far):
    answers = Answers(knows_sixel=True, answered=True, took_s=took_s)
    mode = decided({"TERM": "xterm", **environment}, "utf-8", answers)
    assert mode.is_far == is_far


def micrograph() -> Picture:
    noise = random.Random(3)
    return Picture(
        width=580,
        height=396,
        pixels=bytes(noise.randrange(256) for _ in range(580 * 396)),
        source_width=2320,
        source_height=1584,
        pixel_size=1.0,
        binning=4.0,
    )


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
async def test_a_far_terminal_gets_the_rest_while_nobody_does_anything(
    kind, monkeypatch
):
    wire, glass = Wire(monkeypatch), Glass()
    mode = PictureMode(kind=kind, cell=CELL, view_bytes=FAR_BYTES // 2)
    monkeypatch.setattr("tui.widgets.picture_view.FAR_BYTES", FAR_BYTES // 2)
    drawn: asyncio.Queue[None] = asyncio.Queue()
    monkeypatch.setattr(pixel_layer.PixelLayer, "drawn", lambda _: drawn.get())

    app = OneWidget(PickView, mode)

    async def sent(pilot, holds) -> str:
        """Wait until something holds; what was sent."""
        for _ in range(1000):
            await pilot.pause(0.02)
            if holds() and not app.pixels._is_waiting:
                break
        else:
            raise AssertionError("it never held")
        await pilot.pause(0.05)
        text = wire.text
        glass.take(text)
        wire.sent.clear()
        return text

    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(PickView)
        app.touched_at = -1000.0
        sheet = PickSheet(micrograph="m", text="", version="", layout="4.0", path="m")
        view.diameter_px = 120.0
        view.show_picking(Picking(sheet))
        view.show_picture(micrograph(), None)
        view.focus()
        text = await sent(pilot, lambda: view._on_screen is not None is not view._piece)
        assert view._sharp_rows == 0
        assert len(text) < 1.1 * FAR_BYTES // 2
        coarse = glass.seen()

        # a band goes out when the terminal has drawn the one before
        drawn.put_nowait(None)
        await sent(pilot, lambda: view._sharp_rows > 0)
        first = view._sharp_rows
        assert first < 396
        changed = np.argwhere((glass.seen() != coarse).any(axis=(1, 2)))
        _, row, _, _ = view._cells(580, 396)
        assert row * CELL[1] <= changed.min()
        assert changed.max() < row * CELL[1] + first + CELL[1]

        # a pick in the coarse part is drawn at once, and nothing more while keys come
        monkeypatch.setattr("tui.widgets.picture_view.IDLE_S", 1000.0)
        view.point(1200.0, 1400.0)
        await pilot.press("space")
        drawn.put_nowait(None)
        text = await sent(pilot, lambda: view._on_screen is view._canvas)
        assert len(text) < 0.3 * FAR_BYTES
        assert view._sharp_rows == first

        # nobody does anything any more
        monkeypatch.setattr("tui.widgets.picture_view.IDLE_S", 0.0)
        view.point(1000.0, 300.0)
        for _ in range(100):
            drawn.put_nowait(None)
        await sent(pilot, lambda: view._sharp_rows >= 396)
        left, row, _, _ = view._cells(580, 396)
        x, y = left * CELL[0], row * CELL[1]
        seen = glass.seen()[y : y + 396, x : x + 580]
        wanted = colors(whole(view._canvas, kind))
        levels = 255 // whole(view._canvas, kind).image.palette[1][0] + 1
        assert levels >= 6
        assert np.abs(seen - wanted).max() <= (0 if kind == "kitty" else 2)


async def test_what_is_being_prepared_is_shown_whatever_is_painted_meanwhile(
    monkeypatch,
):
    wire = Wire(monkeypatch)
    mode = PictureMode(kind="sixel", cell=CELL, view_bytes=FAR_BYTES)
    monkeypatch.setattr(pixel_layer.PixelLayer, "drawn", lambda _: asyncio.sleep(0))
    is_ready = threading.Event()
    is_ready.set()
    begun = []

    def slowly(canvas, *rest, **more):
        begun.append(canvas)
        assert is_ready.wait(30)
        return fitted(canvas, *rest, **more | {"most_bytes": FAR_BYTES // 2})

    monkeypatch.setattr("tui.widgets.picture_view.fitted", slowly)

    app = OneWidget(PictureView, mode)
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(PictureView)
        app.touched_at = -1000.0
        view.show_picture(micrograph(), None)
        await until(pilot, lambda: view._on_screen is not None, 30)
        first = view._on_screen
        is_ready.clear()
        before = len(begun)
        view.show_picture(replace(micrograph(), pixels=bytes(580 * 396)), None)
        await until(pilot, lambda: len(begun) > before, 30)
        view.post_message(pixel_layer.SharpnessLost())
        await pilot.pause()
        is_ready.set()
        await until(pilot, lambda: view._on_screen is view._canvas is not first, 30)
        assert wire.text
