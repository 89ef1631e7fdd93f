"""Class averages side by side with a cursor and marks, in whatever the terminal has."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.segment import Segment
from textual import work
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.graphics import PictureMode
from tui.halfblocks import Canvas
from tui.palette import role_style
from tui.pixel_app import PixelApp
from tui.pixel_image import PixelImage
from tui.pixel_layer import Piece
from tui.plain import plain
from tui.tile_orders import ORDERS, Order, Tile
from tui.tile_sheet import (
    FRAME,
    columns_of,
    fitting_rows,
    in_order,
    sheet_images,
    short_caption,
    tile_canvas,
)
from tui.widgets.lines import strip_of
from tui.widgets.picture_view import cell_segments

# frames: corners and lines of a tile that is marked, under the cursor, or both
_FRAMES = {"": "      ", "mark": "┏━┓┃┗┛", "here": "╔═╗║╚╝"}
_ASCII_FRAMES = {"": "      ", "mark": "+=+I++", "here": "#-#|##"}
_CAPTION = 18  # columns of a tile that is nothing but its caption


class TileView(ScrollView, can_focus=True):
    """Tiles in rows; space or a click marks one, Enter shows it large."""

    app: PixelApp[int]
    ASPECT: ClassVar[int] = 1  # how many times as wide as high a picture is
    DEFAULT_CSS = "TileView { height: 1fr; padding: 0 1; overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "move(1,0)", "next", show=False),
        Binding("left", "move(-1,0)", "previous", show=False),
        Binding("down", "move(0,1)", "row below", show=False),
        Binding("up", "move(0,-1)", "row above", show=False),
        Binding("home", "go(0)", "first", show=False),
        Binding("end", "go(-1)", "last", show=False),
        Binding("enter", "zoom", "enlarge"),
        Binding("space", "mark", "mark"),
        Binding("v", "invert", "invert marks", show=False),
        Binding("a", "mark_all", "mark all", show=False),
        Binding("u", "unmark", "unmark all", show=False),
        Binding("less_than_sign", "mark_up_to(-1)", "mark all before", show=False),
        Binding("greater_than_sign", "mark_up_to(1)", "mark all after", show=False),
        Binding("plus,equals_sign", "bigger(1)", "bigger", show=False),
        Binding("minus", "bigger(-1)", "smaller", show=False),
        Binding("0", "bigger(0)", "size that fits all", show=False),
        Binding("c", "contrast(0.25)", "more contrast", show=False),
        Binding("C", "contrast(-0.25)", "less contrast", show=False),
    ]

    class Moved(Message):
        """The cursor or the marks have changed."""

    class Opened(Message):
        """A tile is to be shown large."""

    def __init__(self, mode: PictureMode, marked: set[int] | None = None) -> None:
        super().__init__()
        self.mode = mode
        self.tiles: list[Tile] = []
        self.order: Order = ORDERS[0]
        self.cursor = 0
        self.marked: set[int] = set() if marked is None else marked
        self.rows = 0  # of a picture; 0: as many as let all tiles be seen
        self.contrast = 0.0
        self._canvases: dict[int, Canvas] = {}
        self._images: dict[int, PixelImage] = {}
        self._range_from: int | None = None
        self._drawn: dict[int, tuple[bool, bool, object]] = {}

    def set_mode(self, mode: PictureMode) -> None:
        """Draw in another way."""
        self.mode = mode
        self.rows, self._is_fitted = 0, True
        self._images.clear()
        self._layout(is_changed=True)

    # what is shown

    def show_tiles(self, tiles: list[Tile]) -> None:
        """Put tiles in; marks and the cursor stay with their class."""
        here = self.current
        self.tiles = in_order(tiles, self.order)
        if here is not None:
            self._go_to_class(int(here["number"]))
        self._layout(is_changed=True)

    def sort_by(self, order: Order) -> None:
        """Take another order; the cursor goes to its first."""
        self.order = order
        self.tiles = in_order(self.tiles, order)
        self.cursor = 0
        self.scroll_to(y=0, animate=False)
        self._layout()
        self.post_message(self.Moved())

    def _go_to_class(self, number: int) -> None:
        for at, tile in enumerate(self.tiles):
            if tile["number"] == number:
                self.cursor = at

    def _layout(self, *, is_changed: bool = False) -> None:
        before = self.cells
        if not self.rows or self._is_fitted:
            self._is_fitted = True
            box = max((int(tile["height"]) for tile in self.tiles), default=64)
            self.rows = fitting_rows(
                len(self.tiles),
                self.size.width,
                max(1, self.size.height),
                self.mode,
                box,
                self.ASPECT,
            )
        lines = -(-len(self.tiles) // self.columns)
        self.virtual_size = Size(self.size.width, lines * self.tile_height)
        self.cursor = max(0, min(self.cursor, len(self.tiles) - 1))
        if is_changed or self.cells != before:
            self._canvases.clear()
            if not self.mode.enlarges:
                self._images.clear()  # of another size
            self._prepare()
        self._show_pieces()
        self._drawn = self._states()
        self.refresh()

    _is_fitted = False

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows of a picture."""
        if self.mode.kind == "none":
            return _CAPTION, 0
        rows = max(1, self.rows)
        return self.ASPECT * columns_of(rows, self.mode), rows

    @property
    def tile_width(self) -> int:
        """Columns of a tile in its frame."""
        return self.cells[0] + FRAME

    @property
    def tile_height(self) -> int:
        """Lines of a tile in its frame, the caption among them."""
        return self.cells[1] + FRAME

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return max(1, self.size.width // self.tile_width)

    @property
    def current(self) -> Tile | None:
        """The tile under the cursor."""
        return self.tiles[self.cursor] if self.cursor < len(self.tiles) else None

    def chosen(self) -> list[Tile]:
        """The marked tiles, in the order they are shown."""
        return [tile for tile in self.tiles if tile["number"] in self.marked]

    # real pixels

    def _prepare(self) -> None:
        if self.mode.has_pixels and self.tiles:
            self._encode()

    @work(exclusive=True, group="pixels")
    async def _encode(self) -> None:
        tiles, cells, contrast = list(self.tiles), self.cells, self.contrast
        seen = self.columns * -(-self.size.height // self.tile_height)
        images = await asyncio.to_thread(
            sheet_images,
            tiles,
            self.mode,
            cells,
            contrast=contrast,
            share=max(1.0, len(tiles) / max(1, seen)),
        )
        if (cells, contrast) == (self.cells, self.contrast):
            self._images = images
            self._show_pieces()

    def _show_pieces(self) -> None:
        if self.mode.has_pixels:
            self.app.pixels.show(self, [*self._pieces()])

    def _pieces(self) -> list[Piece]:
        found = []
        columns, rows = self.cells
        top, height = self.scroll_offset.y, self.size.height
        for index, tile in enumerate(self.tiles):
            image = self._images.get(int(tile["number"]))
            line, column = divmod(index, self.columns)
            row = line * self.tile_height + 1 - top
            if image is not None and row < height and row + rows > 0:
                left = column * self.tile_width + 1
                found.append(Piece(image, left, row, columns, rows))
        return found

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Pictures move with the text."""
        super().watch_scroll_y(old_value, new_value)
        self._show_pieces()

    # moving

    def action_move(self, x: int, y: int) -> None:
        """Go to another tile."""
        self._go_to(self.cursor + x + y * self.columns)

    def action_go(self, index: int) -> None:
        """Go to the first or the last."""
        self._go_to(index % max(1, len(self.tiles)))

    def _go_to(self, at: int) -> None:
        if not 0 <= at < len(self.tiles):
            return
        self.cursor = at
        top = (at // self.columns) * self.tile_height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif top + self.tile_height > self.scroll_offset.y + self.size.height:
            self.scroll_to(y=top + self.tile_height - self.size.height, animate=False)
        self._moved()

    def _moved(self) -> None:
        self.refresh_frames()
        self.post_message(self.Moved())

    def _states(self) -> dict[int, tuple[bool, bool, object]]:
        """What the frame of every tile says."""
        return {
            index: (
                index == self.cursor,
                tile["number"] in self.marked,
                tile.get("like"),
            )
            for index, tile in enumerate(self.tiles)
        }

    def refresh_frames(self) -> None:
        """Repaint the frames that say something else now, and no picture."""
        states = self._states()
        width, height = self.tile_width, self.tile_height
        for index, state in states.items():
            if self._drawn.get(index) == state:
                continue
            row, column = divmod(index, self.columns)
            x, y = column * width, row * height - self.scroll_offset.y
            self.refresh(
                Region(x, y, width, 1),
                Region(x, y + height - 1, width, 1),
                Region(x, y, 1, height),
                Region(x + width - 1, y, 1, height),
            )
        self._drawn = states

    def action_zoom(self) -> None:
        """Show the class large."""
        if self.current is not None:
            self.post_message(self.Opened())

    # marking

    def action_mark(self) -> None:
        """Mark the class, or not any more."""
        if self.current is not None:
            self.marked ^= {int(self.current["number"])}
            self._moved()

    def action_invert(self) -> None:
        """Mark the others."""
        self.mark({int(t["number"]) for t in self.tiles} - self.marked)

    def action_mark_all(self) -> None:
        """Mark every class."""
        self.mark({int(t["number"]) for t in self.tiles})

    def action_unmark(self) -> None:
        """Mark none."""
        self.mark(set())

    def action_mark_up_to(self, direction: int) -> None:
        """Mark this class and all before or after it, as they are sorted."""
        at = self.cursor
        some = self.tiles[: at + 1] if direction < 0 else self.tiles[at:]
        self.mark(self.marked | {int(t["number"]) for t in some})

    def mark(self, numbers: set[int]) -> None:
        """Mark these and no others."""
        self.marked.clear()
        self.marked |= numbers
        self._moved()

    def action_bigger(self, step: int) -> None:
        """Draw them in another size; 0: so that all are seen."""
        self._is_fitted = step == 0
        least = 2 if self.mode.has_pixels else 4
        self.rows = min(48, max(least, self.rows + step)) if step else 0
        self._layout()
        self._go_to(self.cursor)

    def action_contrast(self, step: float) -> None:
        """Steeper or flatter greys."""
        self.contrast = min(3.0, max(-2.0, self.contrast + step))
        self._layout(is_changed=True)

    def on_click(self, event: Click) -> None:
        """Mark by mouse, with shift a range; two clicks show it large."""
        place = event.get_content_offset(self)
        if place is None:
            return
        column = place.x // self.tile_width
        line = (place.y + self.scroll_offset.y) // self.tile_height
        at = line * self.columns + column
        if column >= self.columns or not 0 <= at < len(self.tiles):
            return
        first, self._range_from = self._range_from, at
        self._go_to(at)
        if event.shift and first is not None:
            low, high = min(first, at), max(first, at)
            self.mark(
                self.marked | {int(t["number"]) for t in self.tiles[low : high + 1]}
            )
        else:
            self.action_mark()
        if event.chain == 2:
            self.action_zoom()

    def on_resize(self, event: Resize) -> None:
        """Other width, other rows."""
        self._layout()

    # drawing

    def render_line(self, y: int) -> Strip:
        """One line across a row of tiles."""
        width = self.size.width
        row, line = divmod(y + self.scroll_offset.y, self.tile_height)
        segments: list[Segment] = []
        for column in range(self.columns):
            index = row * self.columns + column
            if index < len(self.tiles):
                segments += self._tile_line(index, line)
        if not segments:
            return strip_of(self, [], width)
        strip = Strip(segments).adjust_cell_length(width)
        return strip.apply_style(self.rich_style)

    def _tile_line(self, index: int, line: int) -> list[Segment]:
        """One line of a tile: its frame, its picture, its caption in the frame."""
        tile, columns = self.tiles[index], self.cells[0]
        is_here, is_marked = index == self.cursor, tile["number"] in self.marked
        kind = "here" if is_here else "mark" if is_marked else ""
        frames = _ASCII_FRAMES if self.mode.kind == "ascii" else _FRAMES
        corner, across, corner2, down, corner3, corner4 = tuple(frames[kind])
        style = role_style(self.app.theme, "mark" if is_marked else "accent")
        if line == 0:
            return [Segment(corner + across * columns + corner2, style)]
        if line == self.tile_height - 1:
            role = "mark" if is_marked else "title" if is_here else "dim"
            mark = ("x" if self.mode.kind == "ascii" else "✓") if is_marked else ""
            words = plain(short_caption(tile, self.order, columns, mark=mark))
            before = (columns - len(words)) // 2
            after = columns - len(words) - before
            return [
                Segment(corner3 + across * before, style),
                Segment(words, role_style(self.app.theme, role)),
                Segment(across * after + corner4, style),
            ]
        return [
            Segment(down, style),
            *self._picture_line(index, line - 1),
            Segment(down, style),
        ]

    def _picture_line(self, index: int, line: int) -> list[Segment]:
        columns, rows = self.cells
        if self.mode.has_pixels:
            image = self._images.get(int(self.tiles[index]["number"]))
            if image is None:
                return [Segment(" " * columns)]
            return self.app.pixels.cells(Piece(image, 0, 0, columns, rows), line)
        tile = self.tiles[index]
        canvas = self._canvases.get(int(tile["number"]))
        if canvas is None:
            canvas = tile_canvas(tile, columns, 2 * rows, self.contrast, self.mode.tall)
            self._canvases[int(tile["number"])] = canvas
        return cell_segments(
            canvas, line, self.mode.kind, has_few=self.app.has_few_colors
        )
