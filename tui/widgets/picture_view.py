"""A grey picture with circles on it: real pixels, half-blocks or letters."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import ClassVar

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.binding import Binding, BindingType
from textual.events import MouseEvent, Resize
from textual.message import Message
from textual.strip import Strip

from remote.views import Ctf, Picks, Picture
from tui.coarse import bands, fitted, whole
from tui.ctf_rings import draw as draw_rings
from tui.graphics import FAR_BYTES, PictureMode
from tui.halfblocks import (
    NO_FOM,
    Canvas,
    Rgb,
    contrast_table,
    enlarged,
    filling,
    fom_mark,
)
from tui.patches import changed_boxes, patch
from tui.pixel_app import PixelApp
from tui.pixel_image import PixelImage
from tui.pixel_layer import Piece, SharpnessLost
from tui.pixel_protocols import MOST_CELLS
from tui.widgets.lines import strip_of
from tui.widgets.window_view import WINDOW_KEYS, Region, WindowView

MOST_PATCHES = 60  # over a picture before it is sent whole again
MOST_COVERED = 0.4  # of a picture, by circles
_TOGETHER_S = 0.015
IDLE_S = 0.6  # after the last key, before a coarse picture is sharpened
Mark = tuple[float, float, Rgb]  # x and y in the file, color


def usual_range(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value, but for a few per cent of odd ones."""
    values = sorted(values)
    if not values:
        return 0.0, 1.0
    few = len(values) // 50
    return values[few], max(values[-1 - few], values[few] + 1e-9)


@cache
def cell_style(upper: Rgb, lower: Rgb) -> Style:
    """Style of a cell whose halves have these colors."""
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


def cell_segments(
    canvas: Canvas, row: int, kind: str, *, has_few: bool = False
) -> list[Segment]:
    """One row of a picture's cells, as a kind that has no pixels draws them."""
    if kind in {"ascii", "none"}:
        below = Style(dim=True) if canvas.marks else None
        return [
            Segment(text, below if color is None else mark_style(color))
            for text, color in canvas.letters(row, has_picture=kind == "ascii")
        ]
    return [
        Segment("▀" * n, cell_style(upper, lower))
        for upper, lower, n in canvas.row(row, is_grey=kind == "grey", has_few=has_few)
    ]


@cache
def mark_style(color: Rgb) -> Style:
    """Style of the letters that stand for a mark."""
    return Style(color=Color.from_rgb(*color), bold=True)


class PictureView(WindowView):
    """Where one looks in a picture; tells when it needs other pixels."""

    app: PixelApp[int]
    DEFAULT_CSS = "PictureView { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *WINDOW_KEYS,
        Binding("c", "contrast(0.25)", "more contrast"),
        Binding("C", "contrast(-0.25)", "less contrast", show=False),
        Binding("b", "brightness(0.05)", "lighter", show=False),
        Binding("B", "brightness(-0.05)", "darker", show=False),
        Binding("o", "circles", "circles on/off"),
    ]

    class Changed(Message):
        """What is shown has changed."""

    def __init__(self, mode: PictureMode | None = None) -> None:
        super().__init__(mode)
        self.picks: Picks | None = None
        self.contrast = 0.0
        self.brightness = 0.0
        self.diameter_px = 0.0
        self.threshold: float | None = None
        self.color_range: tuple[float, float] | None = None  # FOM of red and of blue
        self.has_circles = True
        self.is_dotted = False  # circles would cover the picture
        self.ctf: Ctf | None = None  # of the spectrum that is shown
        self.is_spectrum = False  # a power spectrum has no picks
        self._canvas: Canvas | None = None
        self._piece: Piece | None = None  # what the terminal shows
        self._patches: list[Piece] = []  # and over it, the latest on top
        self._on_screen: Canvas | None = None  # both together
        self._grey = bytearray()  # of the picture that the terminal shows
        self._coarse = bytearray()  # and before parts of it were sharpened
        self._sharp_rows = 0  # from the top

    def set_mode(self, mode: PictureMode) -> None:
        """Draw in another way."""
        self.mode, self.cell = mode, mode.cell
        self._piece = None
        self._redraw()
        self.post_message(self.Wanted())

    # what is shown

    def show_picture(self, picture: Picture, region: Region | None) -> None:
        """Put other pixels in, of a region of the file."""
        self.picture, self.shown_region = self._grown(picture), region
        step = picture.binning * picture.height / self.picture.height
        self._flattened = step / self.picture.binning
        self._redraw()

    def show_picks(self, picks: Picks | None) -> None:
        """Put circles in."""
        self.picks = picks
        self._redraw()

    def set_threshold(self, threshold: float | None) -> None:
        """Show only picks of at least this figure of merit."""
        self.threshold = threshold
        self._redraw()

    def draw_again(self) -> None:
        """Draw with what was set from outside."""
        self._redraw()

    def clear(self) -> None:
        """Show nothing."""
        self.picture = self.picks = self._canvas = None
        self._free()
        self.refresh()

    def _grown(self, picture: Picture) -> Picture:
        """A picture that fills its room: pixels of the file as squares if it can be."""
        width, height = self.space()
        if picture.binning <= 1:
            times = min(width // picture.width, height // picture.height)
            picture = enlarged(picture, times)
        return filling(picture, *self.room(), tall=self.mode.tall)

    def fom_range(self) -> tuple[float, float]:
        """The figures of merit that are reddest and bluest."""
        if self.color_range is not None:
            return self.color_range
        given = self.picks.fom if self.picks is not None else ()
        return usual_range([fom for fom in given if fom > NO_FOM])

    def counted(self) -> tuple[int, int]:
        """How many picks are shown, of how many."""
        if self.picks is None:
            return 0, 0
        total = len(self.picks.x)
        if self.threshold is None or not self.picks.fom:
            return total, total
        return sum(map(self._is_shown, self.picks.fom)), total

    def _is_shown(self, fom: float) -> bool:
        """Whether a pick passes the threshold; one by hand always does."""
        return self.threshold is None or not NO_FOM < fom < self.threshold

    def _redraw(self) -> None:
        self._canvas = self._drawn()
        if not self._has_pixels or self._canvas is None or not self.is_mounted:
            self.refresh()
        elif not self._is_patched(self._canvas):
            self._encode()
        self.post_message(self.Changed())

    def _is_patched(self, canvas: Canvas) -> bool:
        """Whether small pictures over the one that is shown were enough."""
        base, shown = self._piece, self._on_screen
        if base is None or shown is None or len(self._patches) >= MOST_PATCHES:
            return False
        is_coarse = self._sharp_rows < canvas.drawn_height
        boxes = changed_boxes(shown, canvas, self.cell)
        if boxes is None:
            return False
        marked = canvas.in_greys(self._grey)
        for box in boxes:
            image = patch(marked, box, self.cell, self.mode.kind)
            column, row = base.column + box[0], base.row + box[1]
            self._patches.append(Piece(image, column, row, box[2], box[3]))
        self._on_screen = canvas
        self.workers.cancel_group(self, "pixels")
        self.workers.cancel_group(self, "sharper")
        self.app.pixels.show(self, (base, *self._patches))
        if is_coarse:
            self._sharpen()
        return True

    def _drawn(self) -> Canvas | None:
        picture = self.picture
        width, height = self.room()
        if picture is None or self.size.width < 2 or self.size.height < 1:
            return None
        # an odd last row would share its cells with nothing
        rows = min(height, picture.height // 2 * 2)
        canvas = Canvas(min(width, picture.width), max(2, rows))
        left, top = 0, 0
        pixels = picture.pixels
        if self.contrast or self.brightness:
            pixels = pixels.translate(contrast_table(self.contrast, self.brightness))
        canvas.paste(pixels, picture.width, picture.height, left, top)
        if self.has_circles and self.is_spectrum:
            draw_rings(canvas, picture, self.ctf, self.to_picture)
        elif self.has_circles:
            self._draw_circles(canvas, left, top)
        return canvas

    def marks(self) -> Iterator[Mark]:
        """Circles to draw, the most important last."""
        if self.picks is None:
            return
        red, blue = self.fom_range()
        foms = self.picks.fom or (NO_FOM,) * len(self.picks.x)
        for i in sorted(range(len(foms)), key=foms.__getitem__):
            if self._is_shown(foms[i]):
                yield self.picks.x[i], self.picks.y[i], fom_mark(foms[i], red, blue)

    def _draw_circles(self, canvas: Canvas, left: int, top: int) -> None:
        assert self.picture is not None
        step_across, step_down = self.steps()
        radius = self.diameter_px / 2 / step_across if self.diameter_px else 2.0
        flat = step_across / step_down
        marks = list(self.marks())
        if not self._has_pixels:
            seen = canvas.width * canvas.height * step_across * step_down
            share = seen / (self.picture.source_width * self.picture.source_height)
            drawn = share * len(marks) * 2 * math.pi * radius
            self.is_dotted = drawn > MOST_COVERED * canvas.width * canvas.height
            radius = 1.0 if self.is_dotted else radius
        for x, y, color in marks:
            across, down = self.to_picture(x, y)
            canvas.circle(left + across, top + down, radius, color, flat)
            if self._has_pixels and radius > 4:  # one pixel is too thin a line
                canvas.circle(left + across, top + down, radius - 1, color, flat)

    def spot(self, event: MouseEvent) -> tuple[float, float] | None:
        """Place in the file under the mouse; None beside the picture."""
        canvas, picture = self._canvas, self.picture
        if canvas is None or picture is None:
            return None
        left, top, _, _ = self._cells(canvas.width, canvas.height)
        # terminals that tell pixels give fractions, others the cell
        x, y = event.pointer_x, event.pointer_y
        x += 0.5 if x == int(x) else 0.0
        y += 0.5 if y == int(y) else 0.0
        across, down = (x - left) * self.cell[0], (y - top) * self.cell[1]
        if 0 <= across < canvas.width and 0 <= down < canvas.height:
            return self.to_file(across, down)
        return None

    def action_contrast(self, step: float) -> None:
        """Steeper or flatter greys."""
        self.contrast = min(3.0, max(-2.0, self.contrast + step))
        self._redraw()

    def action_brightness(self, step: float) -> None:
        """Lighter or darker."""
        self.brightness = min(0.6, max(-0.6, self.brightness + step))
        self._redraw()

    def action_circles(self) -> None:
        """Look below the circles."""
        self.has_circles = not self.has_circles
        self._redraw()

    def on_resize(self, event: Resize) -> None:
        """Other room, other pixels."""
        self._redraw()
        self.post_message(self.Wanted())

    # drawing

    @work(exclusive=True, group="pixels")
    async def _encode(self) -> None:
        """Prepare the pixels in a thread; show them if nothing newer has come."""
        self.workers.cancel_group(self, "sharper")
        canvas = self._canvas
        if canvas is None:
            return
        # a picture and its picks come one after the other and are sent once
        await asyncio.sleep(_TOGETHER_S)
        shown = await asyncio.to_thread(
            fitted if self.app.is_far else whole,
            canvas,
            self.mode.kind,
            cell=self.cell,
            ground=self.background_colors[1].rgb,
            most_bytes=FAR_BYTES if self.app.is_far else self.mode.view_bytes,
        )
        if canvas is self._canvas:
            self._piece = self._placed(shown.image)
            self._patches, self._on_screen = [], canvas
            self._grey, self._coarse = shown.grey, bytearray(shown.grey)
            self._sharp_rows = 0 if shown.side > 1 else canvas.drawn_height
            self.app.pixels.show(self, (self._piece,))
            if shown.side > 1:
                self._sharpen()

    @work(exclusive=True, group="sharper")
    async def _sharpen(self) -> None:
        """Send what a coarse picture lacks, band by band, while nobody does anything.

        The next band goes out when the terminal has drawn the one before, so that a key
        waits for one at most.
        """
        base, canvas, kind = self._piece, self._on_screen, self.mode.kind
        if base is None or canvas is None:
            return
        lines = self.app.pixels.lines_at_once(canvas.width)
        for top, band in bands(canvas, lines * self.cell[1], self._sharp_rows):
            await self.app.pixels.drawn()
            while (left := self.app.touched_at + IDLE_S - time.monotonic()) > 0:
                await asyncio.sleep(left)
            shown = await asyncio.to_thread(
                whole, band, kind, cell=self.cell, ground=self.background_colors[1].rgb
            )
            size = canvas.width * top
            self._grey[size : size + len(shown.grey)] = shown.grey
            self._sharp_rows = top + band.drawn_height
            row = base.row + top // self.cell[1]
            rows = -(-shown.image.height // self.cell[1])
            self._patches.append(
                Piece(
                    shown.image, base.column, row, base.columns, rows, is_sharper=True
                )
            )
            self.app.pixels.show(self, (base, *self._patches))

    def on_sharpness_lost(self, message: SharpnessLost) -> None:
        """Begin again with what is coarse."""
        message.stop()
        if self._piece is not None and self._on_screen is self._canvas:
            self._patches = [p for p in self._patches if not p.is_sharper]
            self._grey, self._sharp_rows = bytearray(self._coarse), 0
            self._sharpen()

    def _placed(self, image: PixelImage) -> Piece:
        """An image on whole cells in the middle."""
        return Piece(image, *self._cells(image.width, image.height))

    def _cells(self, width: int, height: int) -> tuple[int, int, int, int]:
        """First column and row, columns and rows of so many picture pixels."""
        across, down = self.cell
        columns = min(MOST_CELLS, -(-width // across))
        rows = min(MOST_CELLS, -(-height // down))
        left = max(0, (self.size.width - columns) // 2)
        return left, max(0, (self.size.height - rows) // 2), columns, rows

    def _free(self) -> None:
        self._piece = self._on_screen = None
        self._patches = []
        self.app.pixels.show(self, ())

    def _pixel_line(self, y: int) -> Strip:
        piece, width = self._piece, self.size.width
        if piece is None or not piece.row <= y < piece.row + piece.rows:
            return strip_of(self, [], width)
        cells = self.app.pixels.cells(piece, y - piece.row)
        if len(cells) == piece.columns:  # characters that name pixels, one a cell
            for over in self._patches:
                if over.row <= y < over.row + over.rows:
                    at = over.column - piece.column
                    named = self.app.pixels.cells(over, y - over.row)
                    cells[at : at + len(named)] = named
        segments = [Segment(" " * piece.column), *cells]
        strip = Strip(segments, piece.column + piece.columns)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def render_line(self, y: int) -> Strip:
        """One row of cells."""
        if self._has_pixels:
            return self._pixel_line(y)
        canvas, width = self._canvas, self.size.width
        if canvas is None:
            return strip_of(self, [], width)
        row = y - (self.size.height - canvas.height // 2) // 2
        if canvas.width > width or not 0 <= row < canvas.height // 2:
            return strip_of(self, [], width)
        margin = " " * ((width - canvas.width) // 2)
        segments = [Segment(margin)]
        segments += cell_segments(
            canvas, row, self.mode.kind, has_few=self.app.has_few_colors
        )
        strip = Strip(segments, len(margin) + canvas.width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)
