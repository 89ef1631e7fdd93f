"""One class average, or an average and its deviation, as large as there is room."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.segment import Segment
from textual import work
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.charts import Line
from tui.graphics import PictureMode
from tui.halfblocks import Canvas
from tui.pixel_app import PixelApp
from tui.pixel_image import PixelImage
from tui.pixel_layer import Piece
from tui.tile_orders import Tile
from tui.tile_sheet import columns_of, sheet_images, tile_canvas
from tui.widgets.lines import strip_of
from tui.widgets.picture_view import cell_segments

_WORDS = 38  # columns of the numbers beside it
_GAP = 2


class LargeView(Widget, can_focus=True):
    """Pictures side by side and what is known about them."""

    app: PixelApp[int]
    DEFAULT_CSS = "LargeView { height: 1fr; width: 1fr; padding: 0 1; display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "back to all"),
        Binding("right,n,down", "step(1)", "next class"),
        Binding("left,p,up", "step(-1)", "class before", show=False),
        Binding("space", "mark", "mark"),
        Binding("c", "contrast(0.25)", "more contrast", show=False),
        Binding("C", "contrast(-0.25)", "less contrast", show=False),
    ]

    class Closed(Message):
        """The sheet is wanted again."""

    class Stepped(Message):
        """Another class is wanted."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Marked(Message):
        """The class shown is to be marked or not any more."""

    def __init__(self, mode: PictureMode, *, can_mark: bool = True) -> None:
        super().__init__()
        self.mode = mode
        self.can_mark = can_mark
        self.tiles: list[Tile] = []
        self.lines: list[Line] = []
        self.contrast = 0.0
        self._images: list[PixelImage] = []
        self._canvases: list[Canvas] = []

    def set_mode(self, mode: PictureMode) -> None:
        """Draw in another way."""
        self.mode = mode
        self._draw()

    def show_tiles(self, tiles: list[Tile], lines: list[Line]) -> None:
        """Show these pictures with these words."""
        self.tiles, self.lines = tiles, lines
        self._draw()

    def show_lines(self, lines: list[Line]) -> None:
        """Change the words alone."""
        self.lines = lines
        self._refresh_words()

    def _refresh_words(self) -> None:
        """Repaint what is text: pictures in real pixels stay as they are."""
        used = len(self.tiles) * (self.cells[0] + _GAP) if self.mode.has_pixels else 0
        room = Region(used, 0, max(0, self.size.width - used), self.size.height)
        self.refresh(room)

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows of each picture."""
        if self.mode.kind == "none":
            return 0, 1
        count = max(1, len(self.tiles))
        room = (self.size.width - self._words_width) // count - _GAP
        rows = max(1, self.size.height)
        while rows > 1 and columns_of(rows, self.mode) > room:
            rows -= 1
        return columns_of(rows, self.mode), rows

    @property
    def _words_width(self) -> int:
        return min(_WORDS, self.size.width // 2)

    def _draw(self) -> None:
        self._canvases = []
        self._images = []
        if not self.tiles or not self.size.width:
            self.app.pixels.show(self, ())
            return
        if self.mode.has_pixels:
            self._encode()
        else:
            columns, rows = self.cells
            self._canvases = [
                tile_canvas(tile, columns, 2 * rows, self.contrast, self.mode.tall)
                for tile in self.tiles
            ]
        self._refresh_words()

    @work(exclusive=True, group="pixels")
    async def _encode(self) -> None:
        tiles, cells, contrast = self.tiles, self.cells, self.contrast

        found = await asyncio.to_thread(
            sheet_images, tiles, self.mode, cells, contrast=contrast
        )
        images = list(found.values())
        if (tiles, cells, contrast) == (self.tiles, self.cells, self.contrast):
            self._images = images
            self.app.pixels.show(self, self._pieces())

    def _pieces(self) -> list[Piece]:
        columns, rows = self.cells
        return [
            Piece(image, i * (columns + _GAP), 0, columns, rows)
            for i, image in enumerate(self._images)
        ]

    def on_resize(self, event: Resize) -> None:
        """Other room, other pixels."""
        self._draw()

    def action_contrast(self, step: float) -> None:
        """Steeper or flatter greys."""
        self.contrast = min(3.0, max(-2.0, self.contrast + step))
        self._draw()

    def action_close(self) -> None:
        """Go back to the sheet."""
        self.post_message(self.Closed())

    def action_step(self, step: int) -> None:
        """Ask for another class."""
        self.post_message(self.Stepped(step))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without the mark where there is nothing to mark."""
        return self.can_mark or action != "mark"

    def action_mark(self) -> None:
        """Ask for the mark."""
        self.post_message(self.Marked())

    def render_line(self, y: int) -> Strip:
        """Pictures, then words."""
        width, (columns, rows) = self.size.width, self.cells
        segments: list[Segment] = []
        for i in range(len(self.tiles)):
            segments += self._picture_line(i, y, columns, rows)
            segments.append(Segment(" " * _GAP))
        used = len(self.tiles) * (columns + _GAP)
        line = self.lines[y] if y < len(self.lines) else []
        words = strip_of(self, line, max(0, width - used))
        strip = Strip([*segments, *words]).adjust_cell_length(width)
        return strip.apply_style(self.rich_style)

    def _picture_line(self, i: int, y: int, columns: int, rows: int) -> list[Segment]:
        pieces = self._pieces() if i < len(self._images) else []
        if pieces and y < rows:
            return self.app.pixels.cells(pieces[i], y)
        if i >= len(self._canvases) or y >= rows:
            return [Segment(" " * columns)]
        return cell_segments(
            self._canvases[i], y, self.mode.kind, has_few=self.app.has_few_colors
        )
