"""Pictures of the command line: in a terminal's pixels, and single classes."""

from __future__ import annotations

import base64
import io
import re
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.support.fake_workspace import FakeWorkspace
from tui.cli.failure import CommandFailure
from tui.cli.output import printed
from tui.cli.showing import _class_sheet
from tui.graphics import PictureMode
from tui.halfblocks import Canvas


def canvas() -> Canvas:
    made = Canvas(50, 30, ground=255)
    made.dot(3, 4, (255, 0, 0))
    return made


def test_kittys_pixels_are_the_picture_with_room_made_for_it():
    text = printed(canvas(), PictureMode(kind="kitty", cell=(10, 20)))
    assert text.startswith("\n\n\x1b[2A\x1b_Ga=t,f=100,")
    assert text.endswith("\x1b[2B")
    data = re.search(r"m=0;([^\x1b]*)\x1b", text)
    assert data is not None
    image = Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB")
    assert image.size == (50, 30)
    assert image.getpixel((3, 4)) == (255, 0, 0)
    assert image.getpixel((40, 20)) == (255, 255, 255)


def test_sixels_fill_whole_cells_with_the_cursor_below():
    text = printed(canvas(), PictureMode(kind="sixel", cell=(10, 20)))
    assert text.startswith('\n\n\x1b[2A\x1b7\x1bP0;1q"1;1;50;40')
    assert text.endswith("\x1b\\\x1b8\x1b[2B")


def test_tmux_gets_kittys_pixels_in_its_envelope():
    mode = PictureMode(kind="kitty", cell=(10, 20), in_tmux=True)
    assert "\x1bPtmux;\x1b\x1b_Ga=t" in printed(canvas(), mode)


async def test_one_class_is_drawn_large_with_its_numbers():
    wanted = SimpleNamespace(class_number=3, iteration=10)
    made, what = await _class_sheet(wanted, FakeWorkspace(), "Class2D/job008", 200)
    assert (made.width, made.height) == (200, 200)
    assert what.startswith("Class2D/job008: class 3 · 16.67 % of the particles")
    assert made.grey[100 * 200 + 100] > made.grey[0]  # the blob in the middle


async def test_a_sheet_says_its_iteration():
    wanted = SimpleNamespace(class_number=None, iteration=10, sort="resolution")
    made, what = await _class_sheet(wanted, FakeWorkspace(), "Class2D/job008", 200)
    assert "12 class averages of iteration 10" in what
    assert made.width == 6 * 33 - 1


async def test_a_class_that_is_not_there_is_named():
    class Empty(FakeWorkspace):
        async def gallery(self, *args, **more):
            return {"tiles": []}

    wanted = SimpleNamespace(class_number=99, iteration=None)
    with pytest.raises(CommandFailure, match="--class 99"):
        await _class_sheet(wanted, Empty(), "Class2D/job008", 200)
