"""Class averages side by side, in half-blocks, with a cursor and marks."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.halfblocks import Canvas, scaled
from tui.palette import role_style
from tui.plain import plain
from tui.widgets.lines import strip_of
from tui.widgets.picture_view import cell_style

Tile = dict[str, Any]
_SORTS = (
    ("distribution", "by class distribution", True),
    ("resolution", "by resolution", False),
    ("number", "by number", False),
)


class TileView(ScrollView, can_focus=True):
    """Tiles in rows; space marks one, arrows move, plus and minus change the size."""

    DEFAULT_CSS = "TileView { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "move(1,0)", "next", show=False),
        Binding("left", "move(-1,0)", "previous", show=False),
        Binding("down", "move(0,1)", "row below", show=False),
        Binding("up", "move(0,-1)", "row above", show=False),
        Binding("space", "mark", "mark"),
        Binding("v", "invert", "invert marks", show=False),
        Binding("plus,equals_sign", "bigger(8)", "bigger"),
        Binding("minus", "bigger(-8)", "smaller", show=False),
    ]

    class Moved(Message):
        """The cursor or the marks have changed."""

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.tiles: list[Tile] = []
        self.cursor = 0
        self.marked: set[int] = set()
        self.size_px = 16
        self.sort_at = 0
        self.ascii_only = ascii_only
        self._canvases: dict[int, Canvas] = {}

    def show_tiles(self, tiles: list[Tile]) -> None:
        """Put tiles in; marks stay with their class."""
        is_first = not self.tiles
        self.tiles = tiles
        self._arrange()
        if is_first and self.size.width > 100:
            self.size_px = 24
            self._layout()

    @property
    def sort_words(self) -> str:
        """The order in words."""
        return _SORTS[self.sort_at][1]

    def next_sort(self) -> None:
        """Take the next order."""
        self.sort_at = (self.sort_at + 1) % len(_SORTS)
        self._arrange()

    def _arrange(self) -> None:
        key, _, is_reversed = _SORTS[self.sort_at]
        self.tiles.sort(key=lambda t: float(t.get(key) or 0), reverse=is_reversed)
        self._layout()

    def _layout(self) -> None:
        self._canvases.clear()
        rows = -(-len(self.tiles) // self.columns)
        self.virtual_size = Size(self.size.width, rows * self.cell_height)
        self.cursor = max(0, min(self.cursor, len(self.tiles) - 1))
        self.refresh()

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return max(1, self.size.width // (self.size_px + 2))

    @property
    def cell_height(self) -> int:
        """Lines of a tile with its caption and a gap."""
        return self.size_px // 2 + 2

    @property
    def current(self) -> Tile | None:
        """The tile under the cursor."""
        return self.tiles[self.cursor] if self.cursor < len(self.tiles) else None

    def caption(self, tile: Tile) -> str:
        """All that is known about a class."""
        parts = [f"class {tile.get('number')}"]
        if isinstance(tile.get("distribution"), int | float):
            parts.append(f"{100 * tile['distribution']:.2f} % of the particles")
        for key, words in (
            ("resolution", "Å"),
            ("accuracy_rotations", "° rotation"),
            ("accuracy_translations", "Å shift"),
        ):
            if isinstance(tile.get(key), int | float):
                parts.append(f"{tile[key]:.1f} {words}")
        return plain(" · ".join(parts))

    def marked_words(self) -> str:
        """What is marked, in words."""
        chosen = [t for t in self.tiles if t.get("number") in self.marked]
        share = sum(float(t.get("distribution") or 0) for t in chosen)
        if not chosen:
            return ""
        return f"{len(chosen)} marked, {100 * share:.1f} % of the particles"

    # moving and marking

    def action_move(self, x: int, y: int) -> None:
        """Go to another tile."""
        if not self.tiles:
            return
        self._go_to(self.cursor + x + y * self.columns)

    def _go_to(self, at: int) -> None:
        if not 0 <= at < len(self.tiles):
            return
        self.cursor = at
        top = (at // self.columns) * self.cell_height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False)
        elif top + self.cell_height > self.scroll_offset.y + self.size.height:
            self.scroll_to(y=top + self.cell_height - self.size.height, animate=False)
        self.refresh()
        self.post_message(self.Moved())

    def action_mark(self) -> None:
        """Mark the class, or not any more."""
        if self.current is not None:
            self.marked ^= {int(self.current["number"])}
            self.refresh()
            self.post_message(self.Moved())

    def action_invert(self) -> None:
        """Mark the others."""
        self.marked = {int(t["number"]) for t in self.tiles} - self.marked
        self.refresh()
        self.post_message(self.Moved())

    def action_bigger(self, step: int) -> None:
        """Draw them in another size."""
        self.size_px = min(96, max(8, self.size_px + step))
        self._layout()

    def on_click(self, event: Click) -> None:
        """Choose a tile; mark it with two clicks."""
        column = (event.x - 1) // (self.size_px + 2)
        row = (event.y + self.scroll_offset.y) // self.cell_height
        if 0 <= column < self.columns:
            self._go_to(row * self.columns + column)
            if event.chain == 2:
                self.action_mark()

    def on_resize(self, event: Resize) -> None:
        """Other width, other rows."""
        self._layout()

    # drawing

    def _canvas(self, index: int) -> Canvas:
        canvas = self._canvases.get(index)
        if canvas is None:
            tile = self.tiles[index]
            n = self.size_px
            canvas = Canvas(n, n)
            pixels = bytes(tile["pixels"])
            canvas.paste(scaled(pixels, tile["width"], tile["height"], n, n), n, n)
            self._canvases[index] = canvas
        return canvas

    def render_line(self, y: int) -> Strip:
        """One line across a row of tiles."""
        width, theme = self.size.width, self.app.theme
        at = y + self.scroll_offset.y
        row, line = divmod(at, self.cell_height)
        segments: list[Segment] = []
        for column in range(self.columns):
            index = row * self.columns + column
            if index >= len(self.tiles):
                break
            tile = self.tiles[index]
            is_here = index == self.cursor
            marked = tile.get("number") in self.marked
            if line < self.size_px // 2:
                edge = "▐" if is_here else " "
                role = "accent" if not marked else "mark"
                segments.append(Segment(edge, role_style(theme, role)))
                segments += self._picture_line(index, line)
                edge = "▌" if is_here else " "
                segments.append(Segment(edge, role_style(theme, role)))
            elif line == self.size_px // 2:
                share = tile.get("distribution")
                words = f"{'✓' if marked else ' '}{tile.get('number')}"
                if isinstance(share, int | float):
                    words += f" {100 * share:.1f}%"
                role = "mark" if marked else "title" if is_here else "dim"
                text = words[: self.size_px + 2].ljust(self.size_px + 2)
                segments.append(Segment(text, role_style(theme, role)))
        strip = Strip(segments)
        return (
            strip.adjust_cell_length(width).apply_style(self.rich_style)
            if (segments)
            else strip_of(self, [], width)
        )

    def _picture_line(self, index: int, line: int) -> list[Segment]:
        canvas = self._canvas(index)
        if self.ascii_only:
            return [Segment(canvas.ascii_row(line))]
        return [
            Segment("▀" * n, cell_style(upper, lower))
            for upper, lower, n in canvas.row(line)
        ]
