"""Picks and cursor in real pixels: little is sent, and the terminal shows all of it."""

from __future__ import annotations

import base64
import io
import random
import re

import numpy as np
import pytest
from PIL import Image
from support.one_widget import OneWidget

from engine.project.picks_file import PicksFile
from remote.views import PickSheet, Picture
from tests.tui.test_graphics import Wire
from tests.tui.test_pixel_protocols import read_sixel
from tui.graphics import PictureMode
from tui.patches import changed_boxes
from tui.picking import Picking
from tui.pixel_image import pixel_image
from tui.widgets.pick_view import PickView

CELL = (10, 20)
SIZE = (60, 20)
PIECE = re.compile(
    r"\x1b\[(\d+);(\d+)H(?=\x1b_Ga=p|\x1bP)|\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\"
    r"|(\x1bP.*?\x1b\\)",
    re.S,
)


class Glass:
    """What a terminal shows of the pictures that it is sent."""

    def __init__(self) -> None:
        self.images: dict[int, Image.Image] = {}
        self.places: dict[tuple[int, int], tuple[int, int, Image.Image]] = {}
        self.pixels = Image.new("RGB", (SIZE[0] * CELL[0], SIZE[1] * CELL[1]))
        self._at = (0, 0)
        self._coming: tuple[int, str] | None = None

    def take(self, text: str) -> None:
        for row, column, head, data, sixels in PIECE.findall(text):
            if row:
                self._at = ((int(column) - 1) * CELL[0], (int(row) - 1) * CELL[1])
            elif sixels:
                self._put_sixels(sixels)
            else:
                pairs = [part.split("=") for part in head.split(",") if part]
                self._obey(dict(pairs), data)

    def _obey(self, head: dict[str, str], data: str) -> None:
        if head.get("a") == "t" or (self._coming is not None and "a" not in head):
            number, before = self._coming or (int(head["i"]), "")
            self._coming = (number, before + data)
            if head.get("m", "0") == "0":
                file = io.BytesIO(base64.b64decode(self._coming[1]))
                self.images[number] = Image.open(file).convert("RGB")
                self._coming = None
        elif head.get("a") == "p":
            x, y, w, h = (int(head[key]) for key in "xywh")
            number = int(head["i"])
            cut = self.images[number].crop((x, y, x + w, y + h))
            self.places[number, int(head["p"])] = (*self._at, cut)
        elif head.get("a") == "d" and head.get("d") == "i":
            self.places.pop((int(head["i"]), int(head["p"])))

    def _put_sixels(self, text: str) -> None:
        registers = {
            int(number): tuple(round(int(part) * 2.55) for part in (r, g, b))
            for number, r, g, b in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", text)
        }
        for (x, y), index in read_sixel(text).items():
            self.pixels.putpixel((self._at[0] + x, self._at[1] + y), registers[index])

    def seen(self) -> np.ndarray:
        """All that stands on the glass; higher numbers lie over lower ones."""
        for _, (x, y, cut) in sorted(self.places.items()):
            self.pixels.paste(cut, (x, y))
        return np.asarray(self.pixels, dtype=int)


def micrograph() -> Picture:
    noise = random.Random(3)
    pixels = bytes(noise.randrange(60, 200) for _ in range(500 * 380))
    return Picture(
        width=500,
        height=380,
        pixels=pixels,
        source_width=2000,
        source_height=1520,
        pixel_size=1.0,
        binning=4.0,
    )


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
async def test_a_pick_and_a_cursor_cost_little_and_are_seen(kind, monkeypatch):
    wire, glass = Wire(monkeypatch), Glass()
    mode = PictureMode(kind=kind, cell=CELL)

    def expected(view: PickView) -> np.ndarray:
        greys = 255 // view._piece.image.palette[1][0] + 1
        image = pixel_image(view._canvas, kind, greys=greys)
        table = np.array(image.palette)
        return table[np.frombuffer(image.indices, dtype=np.uint8)].reshape(
            image.height, image.width, 3
        )

    async def settled(pilot, view: PickView) -> int:
        for _ in range(200):
            await pilot.pause(0.02)
            if view._on_screen is view._canvas and not app.pixels._is_waiting:
                break
        await pilot.pause(0.05)
        sent = len(wire.text)
        glass.take(wire.text)
        wire.sent.clear()
        left, top, _, _ = view._cells(500, 380)
        x, y = left * CELL[0], top * CELL[1]
        seen = glass.seen()[y : y + 380, x : x + 500]
        # sixel's colors are per cent
        assert np.abs(seen - expected(view)).max() <= (0 if kind == "kitty" else 2)
        return sent

    app = OneWidget(PickView, mode)
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(PickView)
        await pilot.pause(0.1)
        sheet = PickSheet(micrograph="m", text="", version="", layout="4.0", path="m")
        view.diameter_px = 120.0
        view.show_picking(Picking(sheet))
        view.show_picture(micrograph(), None)
        view.focus()
        whole = await settled(pilot, view)
        for keys in (["space"], ["right"], ["shift+down"] * 3, ["space"], ["x"], ["u"]):
            await pilot.press(*keys)
            assert await settled(pilot, view) < 0.2 * whole
        view.point(100.0, 100.0)
        await pilot.press("space", "tab")
        assert await settled(pilot, view) < 0.3 * whole
        assert len(view.picking.rows) == 3


def test_boxes_hold_all_that_differs_and_a_new_picture_is_sent_whole():
    from tui.halfblocks import Canvas

    before, after = Canvas(200, 100), Canvas(200, 100)
    after.circle(30, 30, 8, (1, 2, 3))
    after.dot(150, 90, (1, 2, 3))
    boxes = changed_boxes(before, after, CELL)
    assert boxes is not None
    assert len(boxes) == 2
    for at in after.marks:
        y, x = divmod(at, 200)
        assert any(
            c <= x // 10 < c + w and r <= y // 20 < r + h for c, r, w, h in boxes
        )
    assert changed_boxes(before, before, CELL) == []
    after.grey[5] = 9
    assert changed_boxes(before, after, CELL) is None
    assert changed_boxes(before, Canvas(100, 100), CELL) is None


def test_new_files_have_the_columns_of_relions_picker():
    picked = {v: PicksFile.new(v).columns for v in ("3.1", "4.0", "5.0")}
    assert "rlnClassNumber" in picked["3.1"]
    assert picked["4.0"] == picked["5.0"]
    assert "rlnParticleSelectionType" in picked["4.0"]
