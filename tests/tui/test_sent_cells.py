"""What is sent leaves the terminal as if everything had been painted."""

from __future__ import annotations

import random
import re

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widgets import Static

from tui.pixel_app import PixelApp
from tui.sent_cells import SentCells

_STEP = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|(.)", re.DOTALL)


class Screen:
    """A terminal that knows places, colors, and letters of one or two cells."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[("?", "")] * width for _ in range(height)]
        self.y = self.x = 0
        self.pen: dict[str, str] = {}

    def obey(self, text: str) -> None:
        for y, x, codes, letter in _STEP.findall(text):
            if y:
                self.y, self.x = int(y) - 1, int(x) - 1
            elif letter:
                self._put(letter)
            else:
                self._take(codes.split(";"))

    def _take(self, codes: list[str]) -> None:
        while codes:
            code = codes.pop(0)
            if code in {"38", "48"}:
                length = 4 if codes[0] == "2" else 2
                self.pen[code] = ";".join(codes[:length])
                del codes[:length]
            elif code in {"39", "49"}:
                self.pen.pop(f"{code[0]}8", None)
            elif code == "0" or not code:
                self.pen.clear()
            elif code[0] in "34" and len(code) == 2:
                self.pen[f"{code[0]}8"] = code
            else:
                self.pen[code] = code

    def _put(self, letter: str) -> None:
        pen = ";".join(f"{key}={self.pen[key]}" for key in sorted(self.pen))
        width, row = get_character_cell_size(letter), self.cells[self.y]
        if not width:
            last, ink = row[self.x - 1]
            row[self.x - 1] = (last + letter, ink)
            return
        row[self.x : self.x + width] = [(letter, pen), ("", pen)][:width]
        self.x += width


def random_line(rng: random.Random, width: int) -> Strip:
    segments, left = [], width
    while left:
        length = min(left, rng.randint(1, 7))
        text = "".join(rng.choice("ab ▀é") for _ in range(length))
        if length % 2 == 0 and rng.random() < 0.2:
            text = "粒" * (length // 2)
        elif rng.random() < 0.1:
            text = "e\u0301" * length
        color = rng.choice([None, "#ff0000", "#808080", "#121212", "blue"])
        ground = rng.choice([None, "#eeeeee", "#010203"])
        bold = rng.random() < 0.2
        segments.append(Segment(text, Style(color=color, bgcolor=ground, bold=bold)))
        left -= length
    return Strip(segments, width)


def changed(rng: random.Random, line: Strip) -> Strip:
    at = rng.randrange(line.cell_length)
    some = random_line(rng, line.cell_length).crop(at, at + 5)
    return Strip.join([line.crop(0, at), some, line.crop(at + 5, line.cell_length)])


def test_only_what_differs_is_sent_and_the_screen_is_the_same():
    rng = random.Random(3)
    size = Size(40, 6)
    cells, terminal = SentCells(), Screen(*size)
    lines = [random_line(rng, size.width) for _ in range(size.height)]
    sent = whole = 0
    for round_ in range(200):
        y = rng.randrange(size.height)
        lines[y] = changed(rng, lines[y])
        if round_ % 3:
            chops = [{0: line} for line in lines]
            spans = [(y, 0, size.width)]
            update = ChopsUpdate(chops, spans, [[size.width]] * size.height)
        else:
            update = LayoutUpdate([[line] for line in lines], size.region)
        cells.fit(size)
        text = cells.painting(update).text
        terminal.obey(text)
        oracle = Screen(*size)
        fresh = SentCells()
        fresh.fit(size)
        everything = fresh.painting(LayoutUpdate([[s] for s in lines], size.region))
        oracle.obey(everything.text)
        if round_:
            sent, whole = sent + len(text), whole + len(everything.text)
        assert terminal.cells == oracle.cells
        assert not terminal.pen
    assert sent < whole / 10


def test_the_whole_text_is_what_textual_itself_would_send():
    rng = random.Random(5)
    lines = [random_line(rng, 40) for _ in range(50)]
    size = Size(40, 50)
    cells = SentCells()
    cells.fit(size)
    ours, theirs = Screen(*size), Screen(*size)
    ours.obey(cells.painting(LayoutUpdate([[s] for s in lines], size.region)).text)
    for y, line in enumerate(lines):
        theirs.obey(f"\x1b[{y + 1};1H")
        for text, style, _ in line:
            theirs.obey(style.render(text, color_system=ColorSystem.TRUECOLOR))
    names = {"5;244": "2;128;128;128", "5;233": "2;18;18;18", "5;255": "2;238;238;238"}
    for row in ours.cells:
        for x, (letter, pen) in enumerate(row):
            for short, long in names.items():
                pen = pen.replace(f"8={short}", f"8={long}")
            row[x] = (letter, pen)
    assert ours.cells == theirs.cells


def test_a_span_paints_no_cell_beside_it_and_nothing_is_sent_twice():
    line = {0: Strip([Segment("abcde"), Segment("fghij")]), 10: Strip([Segment("xyz")])}
    update = ChopsUpdate([line, line], [(0, 3, 7), (1, 8, 12)], [[10, 13], [10, 13]])
    cells = SentCells()
    assert cells.fit(Size(13, 2))
    painting = cells.painting(update)
    assert painting.text == "\x1b[1;4Hdefg\x1b[2;9Hij\x1b[2;11Hxy"
    assert painting.spans == [(0, 3, 7), (1, 8, 10), (1, 10, 12)]
    assert cells.painting(update).text == ""
    assert not cells.fit(Size(13, 2))
    cells.forget(Region(4, 0, 2, 2))
    assert cells.painting(update).spans == [(0, 4, 6)]
    assert cells.knows(Region(3, 0, 4, 1))
    assert not cells.knows(Region(2, 0, 2, 1))


def test_blanks_between_two_changes_are_not_painted_for_pictures_lie_there():
    cells = SentCells()
    cells.fit(Size(9, 1))
    for text, spans in (
        ("a   b c d", [(0, 0, 9)]),
        ("x   y c d", [(0, 0, 1), (0, 4, 5)]),
        ("x   zcccw", [(0, 4, 9)]),
    ):
        update = LayoutUpdate([[Strip([Segment(text)])]], Region(0, 0, 9, 1))
        assert cells.painting(update).spans == spans


def test_no_sequence_has_more_than_ten_numbers_or_mlterm_drops_the_ground():
    style = Style(color="#112233", bgcolor="#445566", bold=True, underline=True)
    cells = SentCells()
    cells.fit(Size(4, 1))
    update = LayoutUpdate([[Strip([Segment("word", style)])]], Region(0, 0, 4, 1))
    text = cells.painting(update).text
    assert text.startswith("\x1b[1;1H\x1b[0;1;4m\x1b[38;2;17;34;51;48;2;68;85;102mword")
    assert all(len(c.split(";")) <= 10 for c in re.findall(r"\x1b\[([\d;]*)m", text))


class Words(PixelApp[int]):
    """Some words."""

    def compose(self) -> ComposeResult:
        yield Static("some words", id="words")


async def test_what_is_repainted_or_built_in_steps_is_sent_once():
    app = Words()
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause(0.1)
        before = app.sent_cells.bytes_sent
        app.screen.refresh()
        app.screen.refresh(layout=True)
        await pilot.pause(0.1)
        assert app.sent_cells.bytes_sent == before
        app.query_one(Static).update("same words")
        await pilot.pause(0.1)
        assert 0 < app.sent_cells.bytes_sent - before < 80
        before = app.sent_cells.bytes_sent
        app.paint_anew()
        app.screen.refresh()
        await pilot.pause(0.1)
        assert app.sent_cells.bytes_sent - before > 400
        await pilot.resize_terminal(50, 12)
        await pilot.pause(0.1)
        assert app.sent_cells.size == (50, 12)
        assert app.sent_cells.knows(Region(0, 0, 50, 12))
        assert isinstance(app, App)
