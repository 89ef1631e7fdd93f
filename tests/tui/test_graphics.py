"""Which pictures a terminal gets, on a pseudo-terminal that answers or stays silent."""

from __future__ import annotations

import os
import re
import threading
import time

import pytest

from tui.graphics import QUESTIONS, Answers, PictureMode, asked, decided

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
    for kind in ("ascii", "blocks", "sixel"):
        mode = decided({**TRUE, "CRYODECK_PICTURES": kind}, "utf-8", all_of_it)
        assert mode.kind == kind
    assert decided({**TRUE, "NO_COLOR": "1"}, "utf-8", all_of_it).kind == "blocks"
    assert decided({"TERM": "xterm"}, "utf-8", all_of_it).kind == "blocks"
    assert decided(TRUE, "iso8859-1", all_of_it).kind == "ascii"


class Wire:
    """Keeps what the interface sends beside its text."""

    def __init__(self, monkeypatch) -> None:
        self.sent: list[str] = []
        monkeypatch.setattr(
            "tui.widgets.pixels.send", lambda app, text: self.sent.append(text)
        )

    @property
    def text(self) -> str:
        return "".join(self.sent)


def view_app(mode: PictureMode):
    from textual.app import App, ComposeResult

    from tui.widgets.picture_view import PictureView

    class Small(App[int]):
        def compose(self) -> ComposeResult:
            yield PictureView(mode)

    return Small()


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
    view.show_picture(picture(200, 160), None)
    for _ in range(100):
        await pilot.pause(0.02)
        if wire.text:
            break
    await pilot.pause(0.05)
    return view


async def test_kitty_gets_the_image_once_and_cells_that_name_its_parts(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="kitty", cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        view = await shown(app, pilot, wire)
        assert view.room() == (600, 400)
        numbers = set(re.findall(r"i=(\d+)", wire.text))
        assert len(numbers) == 1
        assert f"a=p,U=1,i={numbers.copy().pop()},c=20,r=8" in wire.text
        lines = [view.render_line(y) for y in range(20)]
        cells = [line.text.count("\U0010eeee") for line in lines]
        assert cells == [0] * 6 + [20] * 8 + [0] * 6
        assert all(line.cell_length == 60 for line in lines)
        first = next(s for s in lines[6] if "\U0010eeee" in s.text)
        red, green, blue = first.style.color.get_truecolor()
        assert red << 16 | green << 8 | blue == int(numbers.pop())
        view.clear()
        await pilot.pause(0.05)
    assert "a=d,d=I" in wire.text


async def test_sixel_is_put_where_the_picture_is_and_not_below_a_dialog(monkeypatch):
    from textual.screen import ModalScreen

    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="sixel", cell=(10, 20)))
    async with app.run_test(size=(60, 20)) as pilot:
        await shown(app, pilot, wire)
        assert "\x1b7\x1b[7;21H\x1bP" in wire.text
        assert wire.text.endswith("\x1b\\\x1b8")
        await app.push_screen(ModalScreen())
        await pilot.pause(0.1)
        wire.sent.clear()
        app.screen_stack[0].query_one("PictureView").refresh()
        await pilot.pause(0.1)
        assert not wire.sent
        app.pop_screen()
        await pilot.pause(0.2)
        assert "\x1b[7;21H\x1bP" in wire.text


async def test_tmux_hands_the_image_on_in_an_envelope(monkeypatch):
    wire = Wire(monkeypatch)
    app = view_app(PictureMode(kind="kitty", cell=(10, 20), in_tmux=True))
    async with app.run_test(size=(60, 20)) as pilot:
        await shown(app, pilot, wire)
    assert wire.text.startswith("\x1bPtmux;\x1b\x1b_G")
