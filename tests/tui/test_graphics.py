"""Which pictures a terminal gets, on a pseudo-terminal that answers or stays silent."""

from __future__ import annotations

import os
import re
import threading
import time

import pytest
from support.one_widget import OneWidget
from textual.constants import ESCAPE_DELAY
from textual.geometry import Region
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.graphics import (
    KINDS,
    QUESTIONS,
    Answers,
    PictureMode,
    asked,
    decided,
    terminal_name,
    wished,
)
from tui.late_answers import DeafDriver, DeafParser
from tui.pixel_protocols import kitty_cell, kitty_number
from tui.settings import remember_pictures

KITTY = b"\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c"
SIXEL = b"\x1b[6;20;10t\x1b[?62;4;22c"
TRUE = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def terminal(reply: bytes, delay: float = 0.0):
    """A pseudo-terminal that says `reply` when it is asked; (its end, our end)."""
    far, near = os.openpty()

    def answer() -> None:
        heard = b""
        while QUESTIONS not in heard:
            heard += os.read(far, 100)
        time.sleep(delay)
        for i in range(0, len(reply), 7):  # in pieces, as over a slow link
            os.write(far, reply[i : i + 7])

    threading.Thread(target=answer, daemon=True).start()
    return far, near


@pytest.mark.parametrize(
    ("reply", "kind", "cell"),
    [
        (KITTY, "kitty", (9, 18)),
        (SIXEL, "sixel", (10, 20)),
        (b"\x1b[?1;2c", "blocks", (1, 2)),
    ],
)
def test_a_terminal_gets_what_it_answers(reply, kind, cell):
    far, near = terminal(reply)
    try:
        mode = decided(TRUE, "utf-8", Answers.of(asked(near, near, 2.0)))
    finally:
        os.close(far)
        os.close(near)
    assert (mode.kind, mode.cell) == (kind, cell)
    assert mode.reason


def test_answers_name_colors_and_are_said_in_words():
    answers = Answers.of(b"\x1b[?1;0;16S\x1b[6;20;10t\x1b[?62;4c", 0.0123)
    assert decided(TRUE, "utf-8", answers).most_greys == 8
    assert answers.words() == (
        "kitty no, sixel yes, 16 colors, cells of 10 x 20 pixels, after 12 ms"
    )
    assert "not asked" in Answers().words()


def test_what_was_answered_or_set_is_remembered(monkeypatch, tmp_path):
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"CRYODECK_{kind}_HOME", str(tmp_path / kind))
    inside = {**TRUE, "TMUX": "x"}
    assert wished(inside) == ""
    remember_pictures(terminal_name(inside), "kitty")
    assert wished(inside) == "kitty your answer"
    assert wished(TRUE) == ""  # outside tmux it is another terminal
    remember_pictures(terminal_name(inside), "")
    assert wished(inside) == ""
    (tmp_path / "CONFIG").mkdir()
    (tmp_path / "CONFIG/settings.toml").write_text('pictures = "blocks"\n')
    assert wished(TRUE) == "blocks settings.toml"
    (tmp_path / "CONFIG/settings.toml").write_text("pictures = [not toml")
    assert wished(TRUE) == ""


def test_a_silent_terminal_gets_half_blocks_and_its_settings_back():
    import termios

    far, near = terminal(b"")
    before = termios.tcgetattr(near)
    answers = Answers.of(asked(near, near, 0.1))
    assert termios.tcgetattr(near) == before
    mode = decided(TRUE, "utf-8", answers)
    assert mode.kind == "blocks"
    assert "did not answer" in mode.reason
    os.close(far)
    os.close(near)


def test_the_person_decides_before_the_terminal():
    all_of_it = Answers.of(KITTY)
    for kind in KINDS:
        mode = decided({**TRUE, "CRYODECK_PICTURES": kind}, "utf-8", all_of_it)
        assert mode.kind == kind
    assert decided({**TRUE, "NO_COLOR": "1"}, "utf-8", all_of_it).kind == "grey"
    assert decided({**TRUE, "TMUX": "x"}, "utf-8", all_of_it).kind == "blocks"
    wish = "sixel your answer"
    mode = decided({**TRUE, "TMUX": "x"}, "utf-8", all_of_it, wish)
    assert (mode.kind, mode.cell) == ("sixel", (9, 18))
    assert "your answer" in mode.reason
    assert decided(TRUE, "iso8859-1", all_of_it).kind == "ascii"


class Dialog(ModalScreen[None]):
    """A box of 10 x 4 cells in the middle of the screen."""

    CSS = """
    Dialog { align: center middle; }
    #box { width: 10; height: 4; background: black; }
    """

    def compose(self):
        yield Static("words", id="box")


@pytest.fixture(autouse=True)
def _as_they_come(monkeypatch):
    """Small pictures stay small."""
    monkeypatch.setattr("tui.halfblocks.WORTH_FILLING", 99.0)


class Wire:
    """Keeps what the interface sends beside its text."""

    def __init__(self, monkeypatch) -> None:
        self.sent: list[str] = []
        monkeypatch.setattr(
            "tui.pixel_layer.PixelLayer.write",
            lambda layer, text: self.sent.append(text) if text else None,
        )

    @property
    def text(self) -> str:
        return "".join(self.sent)


def view_app(mode: PictureMode):
    from tui.widgets.picture_view import PictureView

    return OneWidget(PictureView, mode)


def picture(width: int, height: int):
    from remote.views import Picture

    pixels = bytes(x * 255 // (width - 1) for _ in range(height) for x in range(width))
    return Picture(
        width=width,
        height=height,
        pixels=pixels,
        source_width=4 * width,
        source_height=4 * height,
        pixel_size=1.0,
        binning=4.0,
    )


async def shown(app, pilot, wire: Wire):
    from tui.widgets.picture_view import PictureView

    view = app.query_one(PictureView)
    await pilot.pause(0.2)
    view.show_picture(picture(200, 160), None)
    for _ in range(100):
        await pilot.pause(0.02)
        if wire.text:
            break
    await pilot.pause(0.05)
    return view


async def test_kitty_gets_the_image_once_and_moves_cost_nothing(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="kitty", cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        view = await shown(app, pilot, wire)
        assert view.room() == (600, 400)
        numbers = set(re.findall(r"a=t,f=100,i=(\d+)", wire.text))
        assert len(numbers) == 1
        place = rf"\x1b\[7;21H\x1b_Ga=p,i={numbers.pop()},p=\d+,x=0,y=0,w=200,h=160,C=1"
        assert re.search(place, wire.text)
        assert all(view.render_line(y).text.isspace() for y in range(20))
        wire.sent.clear()
        view.refresh()
        app.refresh()
        await pilot.pause(0.1)
        assert not wire.sent
        view.clear()
        await pilot.pause(0.1)
        assert "a=d,d=i" in wire.text
        assert "a=t" not in wire.text


async def test_sixel_is_put_again_only_where_text_was_painted(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="sixel", cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        view = await shown(app, pilot, wire)
        assert wire.text.count("\x1b[7;21H\x1bP") == 1
        assert wire.text.startswith("\x1b7")
        assert wire.text.endswith("\x1b\\\x1b8")
        for band, expected in ((0, 0), (8, 1)):
            wire.sent.clear()
            for _ in range(3):  # blanks that are there already
                view.refresh(Region(0, band, 60, 2))
                await pilot.pause(0.05)
            assert not wire.sent
            app.sent_cells.forget(Region(0, band, 60, 2))
            view.refresh(Region(0, band, 60, 2))
            await pilot.pause(0.1)
            assert wire.text.count("\x1bP") == expected


async def test_where_a_sixel_picture_was_the_text_is_painted_again(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="sixel", cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        view = await shown(app, pilot, wire)
        place = Region(20, 6, 20, 8)
        painted: list[tuple[int, int, int]] = []
        paint = app.sent_cells.painting

        def painting(update):
            found = paint(update)
            painted.extend(found.spans)
            return found

        monkeypatch.setattr(app.sent_cells, "painting", painting)
        view.clear()
        await pilot.pause(0.2)
        assert sorted(painted) == [(y, 20, 40) for y in range(place.y, place.bottom)]
        assert app.sent_cells.knows(place)


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
async def test_a_picture_is_cut_around_what_lies_over_it(monkeypatch, kind):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind=kind, cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        await shown(app, pilot, wire)
        whole = set(app.pixels._shown)
        assert {shown.place for shown in whole} == {Region(20, 6, 20, 8)}
        await app.push_screen(Dialog())
        await pilot.pause(0.6)  # a burst of repaints is over
        dialog = app.screen.query_one("#box").region
        places = [shown.place for shown in app.pixels._shown]
        assert sum(place.area for place in places) == 160 - dialog.area
        assert not any(place.overlaps(dialog) for place in places)
        app.pop_screen()
        await pilot.pause(0.6)  # a burst of repaints is over
        assert set(app.pixels._shown) == whole


async def test_tmux_hands_the_image_on_and_carries_the_cells(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="kitty", cell=(10, 20), in_tmux=True))
    async with app.run_test(size=(60, 20)) as pilot:
        view = await shown(app, pilot, wire)
        assert wire.text.startswith("\x1bPtmux;\x1b\x1b_G")
        numbers = set(re.findall(r"i=(\d+)", wire.text))
        assert len(numbers) == 1
        assert f"a=p,U=1,i={numbers.copy().pop()},c=20,r=8" in wire.text
        lines = [view.render_line(y) for y in range(20)]
        cells = [line.text.count("\U0010eeee") for line in lines]
        assert cells == [0] * 6 + [20] * 8 + [0] * 6
        assert all(line.cell_length == 60 for line in lines)
        first = next(s for s in lines[6] if "\U0010eeee" in s.text)
        number = int(numbers.pop())
        # a color of 256 is the number's last byte, the third mark its first
        assert app.sent_cells._ink(first.style)[1] == f"38;5;{number & 255}"
        assert first.text == kitty_cell(0, 0, number)
        assert number >> 8 & 0xFFFF == 0


def test_numbers_that_cells_can_name_differ_for_long():
    numbers = [kitty_number(i) for i in range(30_000)]
    assert len(set(numbers)) == len(numbers)
    assert all(n & 255 >= 16 and n >> 8 & 0xFFFF == 0 for n in numbers)
    assert all(len(kitty_cell(0, 0, n)) == 4 for n in numbers[::100])


async def test_what_nobody_sees_is_not_painted(monkeypatch):
    app = view_app(PictureMode())
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause(0.2)
        await app.push_screen(Screen())
        await pilot.pause(0.2)
        app.screen.styles.background = "black"
        await pilot.pause(0.2)
        assert app._background_screens == []
        painted = []
        show = app.pixels.frame
        monkeypatch.setattr(app.pixels, "frame", lambda p: painted.append(p) or show(p))
        app.screen_stack[0].query_one("PictureView").refresh()
        await pilot.pause(0.2)
        assert not painted
        await app.push_screen(Dialog())
        await pilot.pause(0.2)
        assert app._background_screens == [app.screen_stack[-2]]


ANSWERS = (KITTY + b"\x1b[?1;0;256S\x1b[?2;0;1000;855S").decode()


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_late_answers_are_no_keys_however_they_are_cut(step, monkeypatch):
    typed = "j" + ANSWERS + "\x1b[A" + ANSWERS + "k"
    monkeypatch.setattr(DeafParser, "are_missing", True)
    parser = DeafParser()
    keys = []
    for i in range(0, len(typed), step):
        keys += [m.key for m in parser.feed(typed[i : i + step]) if hasattr(m, "key")]
    assert keys == ["j", "up", "k"]


def test_escape_and_reports_that_textual_knows_still_come_through(monkeypatch):
    monkeypatch.setattr(DeafParser, "are_missing", False)
    parser = DeafParser()
    assert parser.without_answers("\x1b") == "\x1b"
    assert parser.without_answers("[") == "["
    assert parser.without_answers("\x1b[?2026") == ""
    assert parser.without_answers(";2$y") == "\x1b[?2026;2$y"


def test_the_escape_key_waits_only_a_moment_for_an_answer(monkeypatch):
    monkeypatch.setattr(DeafParser, "are_missing", True)
    monkeypatch.setattr("tui.late_answers._MOMENT_S", 0.0)
    parser = DeafParser()
    assert [*parser.feed("\x1b")] == []
    assert [*parser.tick()] == []  # Textual waits in its turn
    time.sleep(2 * ESCAPE_DELAY)
    assert [m.key for m in parser.tick()] == ["escape"]


def test_a_terminal_gets_the_deaf_driver():
    assert view_app(PictureMode()).driver_class is DeafDriver
