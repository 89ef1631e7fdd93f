"""Pictures in real pixels over the interface's text: what is where, sent once.

Widgets say which images belong on which of their cells. With every frame the layer
sends what has changed and nothing else, inside the frame's own synchronized update.
What lies over a widget (a dialog, a notice) stays visible: pictures are cut around it.
Inside tmux kitty's images are bound to characters in the text, which tmux moves itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from tui.graphics import PictureMode
from tui.pixel_image import PixelImage
from tui.pixel_protocols import (
    MOST_CELLS,
    Rect,
    kitty_cell,
    kitty_deletion,
    kitty_number,
    kitty_placement,
    kitty_removal,
    kitty_spread,
    kitty_transmission,
    through_tmux,
)
from tui.sent_cells import Span
from tui.uncovered import free_columns, free_rectangles

if TYPE_CHECKING:
    from tui.pixel_app import PixelApp

_UNASKED_S, _LONGEST_S = 0.3, 10.0  # to wait for a terminal that does not answer
_BAND_BYTES = 30_000
_TOGETHER_S = 0.01  # what widgets want within it is sent together
_KEPT_PIXELS = 16_000_000  # of images that a terminal keeps though they are not shown
_FIRST_NUMBER = 0x10_0001  # of kitty's images, far from those of other programs
_numbers = count(_FIRST_NUMBER)


@dataclass(frozen=True, slots=True)
class Piece:
    """An image on whole cells of a widget's content, counted from its corner."""

    image: PixelImage
    column: int
    row: int
    columns: int
    rows: int
    is_sharper: bool = False  # lies over a coarse one, and is not worth sending twice


@dataclass(frozen=True)
class _Shown:
    """A part of an image on cells of the screen."""

    key: bytes
    source: Rect
    place: Region
    is_scaled: bool


class SharpnessLost(Message):
    """A widget's sharper pieces were not sent again with the coarse ones below."""


class PixelLayer:
    """What the terminal has been sent, and what it should show."""

    def __init__(self, app: PixelApp[int], mode: PictureMode) -> None:
        self.app, self.mode = app, mode
        self._wanted: WeakKeyDictionary[Widget, tuple[Piece, ...]]
        self._wanted = WeakKeyDictionary()
        self._shown: dict[_Shown, int] = {}  # and kitty's number of the placement
        self._had: OrderedDict[bytes, tuple[int, PixelImage]] = OrderedDict()
        self._spread: dict[bytes, tuple[int, int]] = {}
        self._places = count(1)
        self._is_waiting = False
        self._belongs: dict[_Shown, PixelImage] = {}
        self.bytes_sent = 0

    @property
    def _in_text(self) -> bool:
        return self.mode.kind == "kitty" and self.mode.in_tmux

    # what widgets want

    def show(self, widget: Widget, pieces: Sequence[Piece]) -> None:
        """Have a widget show these images, and no others."""
        if not self.mode.has_pixels or self._wanted.get(widget, ()) == tuple(pieces):
            return
        if pieces:
            self._wanted[widget] = tuple(pieces)
        else:
            self._wanted.pop(widget, None)
        if self._in_text:
            self._send_spread(pieces)
            widget.refresh()
        elif not self._is_waiting:
            self._is_waiting = True
            self.app.set_timer(_TOGETHER_S, self._between_frames)

    def cells(self, piece: Piece, row: int) -> list[Segment]:
        """The text below one row of a piece: blanks, or what names its pixels."""
        had = self._had.get(piece.image.key) if self._in_text else None
        if had is None:
            return [Segment(" " * piece.columns)]
        number = had[0]
        # any color that stands for this one, which is sent by its number
        color = Color.from_rgb(1, number >> 24, number & 255)
        self.app.sent_cells.by_number[1, number >> 24, number & 255] = number & 255
        style = Style(color=color)
        return [
            Segment(kitty_cell(row, column, number), style)
            for column in range(min(piece.columns, MOST_CELLS))
        ]

    def lines_at_once(self, width: int) -> int:
        """Lines of cells, so wide, that hold keys up only for a moment."""
        if self._in_text:
            return MOST_CELLS
        per_pixel = 1.0 if self.mode.kind == "sixel" else 0.75
        return max(1, int(_BAND_BYTES / (per_pixel * width * self.mode.cell[1])))

    async def drawn(self) -> None:
        """Wait until the terminal has drawn what it was sent, or for long enough.

        Only the terminal knows: bytes wait in many places on their way to it.
        """
        if not self.mode.answers.answered or self.app._driver is None:
            await asyncio.sleep(_UNASKED_S)
            return
        from tui.late_answers import ASK_READY, DeafParser

        is_drawn = asyncio.Event()
        DeafParser.waiting = asyncio.get_running_loop(), is_drawn
        self.write(ASK_READY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_S):
                await is_drawn.wait()

    # what is sent

    def _between_frames(self) -> None:
        self._is_waiting = False
        if self.app._screen_stack:  # it is not the end
            self.look()
            self.app.send_pictures(self.frame(()))

    def write(self, text: str) -> None:
        """Give the terminal bytes that are not text."""
        driver = self.app._driver
        if driver is not None and text:
            self.bytes_sent += len(text)
            driver.write(text)
            driver.flush()

    def look(self) -> None:
        """See what belongs on the screen now.

        Sixels are part of the screen like letters: where they are to vanish, nobody
        knows what stands there until it is painted.
        """
        self._belongs = {}
        if not self._in_text and (self._wanted or self._shown):
            self._belongs = dict(self._visible())
        if self.mode.kind == "sixel":
            for shown in self._shown.keys() - self._belongs.keys():
                places = (new.place for new in self._belongs)
                if not any(place.contains_region(shown.place) for place in places):
                    self.app.sent_cells.forget(shown.place)

    def frame(self, painted: Sequence[Span]) -> str:
        """What has to follow a frame that painted these cells; `look` goes before."""
        if self.mode.kind == "sixel" and self._lose_sharpness(painted):
            self.look()
        wanted = self._belongs
        gone = [shown for shown in self._shown if shown not in wanted]
        if self.mode.kind == "kitty":
            parts = self._kitty_changes(wanted, gone)
        else:
            parts = self._sixel_changes(wanted, gone, painted)
        return f"\x1b7{''.join(parts)}\x1b8" if parts else ""

    def _lose_sharpness(self, painted: Sequence[Span]) -> bool:
        """Leave out sharper pieces where the coarse one below has to be sent again."""
        touched = [s.place for s in self._shown if _touches(painted, s.place)]
        is_lost = False
        for widget, pieces in self._wanted.items() if touched else ():
            coarse = tuple(piece for piece in pieces if not piece.is_sharper)
            region = widget.content_region
            if coarse != pieces and any(region.overlaps(place) for place in touched):
                self._wanted[widget] = coarse
                widget.post_message(SharpnessLost())
                is_lost = True
        return is_lost

    def _kitty_changes(
        self, wanted: dict[_Shown, PixelImage], gone: list[_Shown]
    ) -> list[str]:
        parts = [
            kitty_removal(self._had[shown.key][0], self._shown.pop(shown))
            for shown in gone
            if shown.key in self._had
        ]
        for shown in gone:
            self._shown.pop(shown, None)
        for shown, image in wanted.items():
            if shown in self._shown:
                continue
            number = self._number_of(image, parts)
            self._shown[shown] = next(self._places)
            size = tuple(shown.place.size) if shown.is_scaled else None
            parts.append(
                _at(shown.place)
                + kitty_placement(number, self._shown[shown], shown.source, size)
            )
        parts += self._forget_some({shown.key for shown in wanted})
        return parts

    def _number_of(self, image: PixelImage, parts: list[str]) -> int:
        """Number under which the terminal has an image; sent if it has it not."""
        if image.key not in self._had:
            number = next(_numbers)
            if self._in_text:
                number = kitty_number(number - _FIRST_NUMBER)
            parts += kitty_transmission(image.png, number)
            self._had[image.key] = (number, image)
        self._had.move_to_end(image.key)
        return self._had[image.key][0]

    def _forget_some(self, needed: set[bytes]) -> list[str]:
        """Free images not seen for long once there are too many."""
        parts = []
        total = sum(image.width * image.height for _, image in self._had.values())
        for key in list(self._had):
            if total <= _KEPT_PIXELS:
                break
            if key not in needed:
                number, image = self._had.pop(key)
                self._spread.pop(key, None)
                total -= image.width * image.height
                parts.append(kitty_deletion(number))
        return parts

    def _sixel_changes(
        self,
        wanted: dict[_Shown, PixelImage],
        gone: list[_Shown],
        painted: Sequence[Span],
    ) -> list[str]:
        for shown in gone:
            del self._shown[shown]
            if not self.app.sent_cells.knows(shown.place):
                self.app.screen.refresh(shown.place)
        parts = []
        for shown, image in wanted.items():
            if shown not in self._shown or _touches(painted, shown.place):
                self._shown[shown] = 0
                parts.append(_at(shown.place) + image.part(shown.source).sixels)
        return parts

    def _send_spread(self, pieces: Iterable[Piece]) -> None:
        parts: list[str] = []
        for piece in pieces:
            number = self._number_of(piece.image, parts)
            size = min(piece.columns, MOST_CELLS), min(piece.rows, MOST_CELLS)
            if self._spread.get(piece.image.key) != size:
                self._spread[piece.image.key] = size
                parts.append(kitty_spread(number, *size))
        needed = {p.image.key for shown in self._wanted.values() for p in shown}
        parts += self._forget_some(needed)
        self.write("".join(map(through_tmux, parts)))

    def start_anew(self) -> None:
        """The screen was cleared or has another size: nothing on it is ours."""
        if self._shown and self.mode.kind == "kitty":
            self.write("\x1b_Ga=d,d=a,q=2\x1b\\")
        self._shown.clear()

    def forget_all(self) -> None:
        """Another program had the terminal: it has no picture of ours any more."""
        self._shown.clear()
        if not self._in_text:
            self._had.clear()

    def free(self) -> None:
        """Have the terminal forget every picture."""
        parts = [kitty_deletion(number) for number, _ in self._had.values()]
        if self._in_text:
            parts = [through_tmux(part) for part in parts]
        self._had.clear()
        self._shown.clear()
        self._spread.clear()
        self.app.sent_cells.forget()
        self.write("".join(parts))

    # what can be seen

    def _visible(self) -> Iterable[tuple[_Shown, PixelImage]]:
        """Every visible part of every image."""
        screens = [self.app.screen, *reversed(self.app._background_screens)]
        for widget, pieces in list(self._wanted.items()):
            if not widget.is_attached:
                del self._wanted[widget]
                continue
            if widget.screen in screens:
                above = screens[: screens.index(widget.screen)]
                free = free_columns(widget, above)
                for piece in pieces:
                    yield from self._parts_of(widget, piece, free)

    def _parts_of(
        self, widget: Widget, piece: Piece, free: dict[int, list[tuple[int, int]]]
    ) -> Iterable[tuple[_Shown, PixelImage]]:
        corner = widget.content_region.offset
        left, top = corner.x + piece.column, corner.y + piece.row
        whole = Region(left, top, piece.columns, piece.rows)
        for place in free_rectangles(free, whole):
            image = piece.image
            is_scaled = self.mode.kind == "kitty" and not self._fits(piece)
            across, down = map(float, self.mode.cell)
            if is_scaled:
                across, down = image.width / piece.columns, image.height / piece.rows
            x, y = round((place.x - left) * across), round((place.y - top) * down)
            width = min(image.width, round((place.right - left) * across)) - x
            height = min(image.height, round((place.bottom - top) * down)) - y
            yield _Shown(image.key, (x, y, width, height), place, is_scaled), image

    def _fits(self, piece: Piece) -> bool:
        """Whether an image has the size of its cells already, but for the last ones."""
        across, down = self.mode.cell
        columns, rows = -(-piece.image.width // across), -(-piece.image.height // down)
        return (columns, rows) == (piece.columns, piece.rows)


def _at(place: Region) -> str:
    return f"\x1b[{place.y + 1};{place.x + 1}H"


def _touches(painted: Sequence[Span], place: Region) -> bool:
    return any(
        place.y <= y < place.bottom and first < place.right and place.x < end
        for y, first, end in painted
    )
