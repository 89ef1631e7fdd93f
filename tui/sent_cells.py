"""The cells of the terminal as it has them: a frame sends those that differ.

Textual paints a widget whole whenever something of it may have changed, and a view
that is built in steps several times over. Here a frame is compared with what was sent
before: a screen crosses the line once, and a color is only named where it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region, Size

from tui.halfblocks import RAMP
from tui.palette import OF_256, PALE_ON_CURSOR, SIXTEEN

Span = tuple[int, int, int]  # row, first column, column after the last
Ink = tuple[str, str, str]  # codes of attributes, of the letter's color, of the ground
_PLAIN: Ink = ("", "", "")
_TAIL = "\0"  # begins a cell that belongs to the wide letter before it
_GAP = 4  # cells between changes that are sent again rather than jumped over
_MOST_INKS = 20_000
_RAMP = {grey: 231 + i for i, grey in enumerate(RAMP)} | {0: 16, 255: 231}


class Painting(CompositorUpdate):
    """A frame made ready: its text, and the cells that it paints."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self.text, self.spans = text, spans

    def render_segments(self, console: object) -> str:
        """The text."""
        return self.text


class SentCells:
    """What the terminal was sent, cell by cell."""

    def __init__(self, colors: ColorSystem = ColorSystem.TRUECOLOR) -> None:
        self.colors = colors
        self.size = Size(0, 0)
        self._letters: list[list[str | None]] = []  # None: nobody knows
        self._inks: list[list[Ink]] = []
        self._known: dict[Style, Ink] = {}
        self._pen = _PLAIN
        self.bytes_sent = 0
        self.by_number: dict[tuple[int, int, int], int] = {}  # colors, of 256

    def fit(self, size: Size) -> bool:
        """Take the screen's size; True, and nothing is known, if it is another."""
        if size == self.size:
            return False
        self.size = size
        self.forget()
        return True

    def forget(self, place: Region | None = None) -> None:
        """Know nothing of the screen, or of a place on it, any more."""
        if place is None:
            self._letters = [[None] * self.size.width for _ in range(self.size.height)]
            self._inks = [[_PLAIN] * self.size.width for _ in range(self.size.height)]
            return
        place = place.intersection(self.size.region)
        for y in range(place.y, place.bottom):
            self._letters[y][place.x : place.right] = [None] * place.width

    def knows(self, place: Region) -> bool:
        """Whether every cell of a place is what was painted last."""
        place = place.intersection(self.size.region)
        return not any(
            None in self._letters[y][place.x : place.right]
            for y in range(place.y, place.bottom)
        )

    def painting(self, update: CompositorUpdate) -> Painting:
        """What has to be sent for a frame; it counts as sent."""
        spans: list[Span] = []
        parts: list[str] = []
        for y, first, segments in _lines(update):
            if 0 <= y < self.size.height:
                parts += self._line(y, first, segments, spans)
        if self._pen != _PLAIN:
            self._pen = _PLAIN
            parts.append("\x1b[0m")
        text = "".join(parts)
        self.bytes_sent += len(text)
        return Painting(text, spans)

    def _line(
        self, y: int, first: int, segments: Iterable[Segment], spans: list[Span]
    ) -> Iterator[str]:
        """Text for the cells of a line that differ."""
        letters: list[str] = []
        inks: list[Ink] = []
        for text, style, control in segments:
            if not control:
                cells = _cells(text)
                letters += cells
                inks += [self._ink(style)] * len(cells)
        room = self.size.width - first
        del letters[room:], inks[room:]
        end = first + len(letters)
        old_letters, old_inks = self._letters[y], self._inks[y]
        before, ink_before = old_letters[first:end], old_inks[first:end]
        if letters == before and inks == ink_before:
            return
        old_letters[first:end], old_inks[first:end] = letters, inks
        differing = [
            i
            for i, letter in enumerate(letters)
            if letter != before[i] or inks[i] != ink_before[i]
        ]
        for start, stop in _runs(differing, letters, inks):
            spans.append((y, first + start, first + stop))
            yield f"\x1b[{y + 1};{first + start + 1}H"
            at = start
            while at < stop:
                ink, begin = inks[at], at
                while at < stop and inks[at] == ink:
                    at += 1
                yield self._change(ink)
                yield "".join(c for c in letters[begin:at] if c[0] != _TAIL)

    def _change(self, ink: Ink) -> str:
        """Codes that turn the pen into another."""
        now, self._pen = self._pen, ink
        if ink == now:
            return ""
        if ink[0] != now[0] or ink == _PLAIN:
            # by itself: mlterm takes ten numbers at a time, two colors are as many
            first = f"\x1b[0;{ink[0]}m" if ink[0] else "\x1b[0m"
            colors = ";".join(code for code in ink[1:] if code)
            return f"{first}\x1b[{colors}m" if colors else first
        codes = [ink[1] or "39"] if ink[1] != now[1] else []
        if ink[2] != now[2]:
            codes.append(ink[2] or "49")
        return f"\x1b[{';'.join(codes)}m"

    def _ink(self, style: Style | None) -> Ink:
        if style is None:
            return _PLAIN
        ink = self._known.get(style)
        if ink is None:
            if len(self._known) > _MOST_INKS:
                self._known.clear()
            attributes = style.without_color._make_ansi_codes(self.colors)
            ink = attributes, self._code(style.color), self._code(style.bgcolor, 10)
            if self.colors is ColorSystem.STANDARD and ink[1:] in _PALE:
                ink = attributes, _WHITE, ink[2]
            self._known[style] = ink
        return ink

    def _code(self, color: Color | None, ground: int = 0) -> str:
        if color is None:
            return ""
        if color.triplet is not None:
            red, green, blue = color.triplet
            if (red, green, blue) in self.by_number:
                return f"{38 + ground};5;{self.by_number[red, green, blue]}"
        if color.triplet is not None and self.colors is ColorSystem.TRUECOLOR:
            red, green, blue = color.triplet
            if red == green == blue and red in _RAMP:
                return f"{38 + ground};5;{_RAMP[red]}"
        lower = color.downgrade(self.colors)
        if color.triplet is not None and self.colors in _STANDS_FOR:
            red, green, blue = color.triplet
            number = _STANDS_FOR[self.colors].get((red, green, blue))
            lower = lower if number is None else Color.from_ansi(number)
        return ";".join(lower.get_ansi_codes(foreground=not ground))


#: of a theme's colors some are another than the nearest that the terminal has
_STANDS_FOR = {ColorSystem.STANDARD: SIXTEEN, ColorSystem.EIGHT_BIT: OF_256}
_WHITE, _BLUE_GROUND = "97", "44"
_PALE = {(str(90 + number - 8), _BLUE_GROUND) for number in PALE_ON_CURSOR}


def _lines(update: CompositorUpdate) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    """Row, first column and segments of everything that an update paints."""
    if isinstance(update, ChopsUpdate):
        for y, first, end in update.spans:
            stops = update.chop_ends[y]
            for stop, (x, strip) in zip(stops, update.chops[y].items(), strict=False):
                left, right = max(x, first), min(stop, end)
                if strip is not None and left < right:
                    yield y, left, strip.crop(left - x, right - x)
    elif isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            segments = (segment for strip in strips for segment in strip)
            yield y, update.region.x, segments


def _runs(
    differing: Sequence[int], letters: Sequence[str], inks: Sequence[Ink]
) -> Iterator[tuple[int, int]]:
    """First and last but one of cells to send in one go, with whole wide letters."""
    at, count = 0, len(letters)
    while at < len(differing):
        start = differing[at]
        while start and letters[start][0] == _TAIL:
            start -= 1
        stop = start + 1
        while at < len(differing):
            here = differing[at]
            gap = range(stop, here)
            # blanks may have a picture over them
            is_short = here - stop <= _GAP and all(
                inks[i] == inks[stop - 1] and letters[i] != " " for i in gap
            )
            if here >= stop and not is_short:
                break
            stop = max(stop, here + 1)
            while stop < count and letters[stop][0] == _TAIL:
                stop += 1
            at += 1
        yield start, stop


@lru_cache(4096)
def _cells(text: str) -> Sequence[str]:
    """What stands in each cell of a text: letters, and tails of wide ones."""
    widths = [get_character_cell_size(letter) for letter in text]
    if widths.count(1) == len(widths):
        return text
    whole = cell_len(text)
    if sum(widths) != whole:  # letters that join into others
        return [text, *(f"{_TAIL}{i}{text}" for i in range(1, whole))] if whole else []
    found: list[str] = []
    head = 0
    for letter, width in zip(text, widths, strict=True):
        if width:
            head = len(found)
            found += [letter, *(_TAIL + letter for _ in range(1, width))]
        elif found:
            found[head] += letter
    return found
