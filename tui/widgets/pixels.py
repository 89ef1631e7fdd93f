"""A canvas on the terminal in real pixels: encoded beside the event loop, then sent."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from tui.pixel_protocols import (
    MOST_CELLS,
    kitty_cell,
    kitty_deletion,
    kitty_placement,
    kitty_transmission,
    sixel,
    through_tmux,
)

if TYPE_CHECKING:
    from textual.app import App

    from tui.graphics import PictureMode
    from tui.halfblocks import Canvas, Rgb

_numbers = count(0x10_0001)  # kitty's image numbers; three bytes, as a color has
_GREYS = 16  # of sixel: every further one makes noise longer to send


def cells_of(canvas: Canvas, mode: PictureMode) -> tuple[int, int]:
    """Columns and rows that a canvas takes."""
    across, down = mode.cell
    columns, rows = -(-canvas.width // across), -(-canvas.height // down)
    return min(columns, MOST_CELLS), min(rows, MOST_CELLS)


def encoded(canvas: Canvas, mode: PictureMode) -> tuple[int, str]:
    """Number of the picture and what the terminal has to be sent for it."""
    if mode.kind == "sixel":
        indices, palette = indexed(canvas)
        return 0, sixel(indices, canvas.width, canvas.height, palette)
    number = next(_numbers)
    parts = kitty_transmission(canvas.rgb(), canvas.width, canvas.height, number)
    parts.append(kitty_placement(number, *cells_of(canvas, mode)))
    if mode.in_tmux:
        parts = [through_tmux(part) for part in parts]
    return number, "".join(parts)


def indexed(canvas: Canvas) -> tuple[bytes, list[Rgb]]:
    """A canvas as palette indices: greys first, then the colors of its marks."""
    palette = [(255 * i // (_GREYS - 1),) * 3 for i in range(_GREYS)]
    table = bytes(grey * (_GREYS - 1) // 255 for grey in range(256))
    out = bytearray(canvas.grey.translate(table))
    colors: dict[tuple[int, ...], int] = {}
    for at, color in canvas.marks.items():
        # steps of a sixteenth: a palette has few places
        key = tuple(part // 16 for part in color)
        if key not in colors and len(palette) < 250:
            colors[key] = len(palette)
            palette.append(color)
        out[at] = colors.get(key, _GREYS - 1)
    return bytes(out), palette


def placeholders(number: int, row: int, columns: int) -> list[Segment]:
    """One row of kitty's placeholder cells, a segment each so that any may be cut."""
    color = Color.from_rgb(number >> 16 & 255, number >> 8 & 255, number & 255)
    style = Style(color=color)
    return [Segment(kitty_cell(row, column), style) for column in range(columns)]


def send(app: App[int], text: str) -> None:
    """Give the terminal bytes that are no text."""
    driver = app._driver
    if driver is not None and text:
        driver.write(text)
        driver.flush()


def forget(app: App[int], number: int, mode: PictureMode) -> None:
    """Have kitty free a picture."""
    if number:
        text = kitty_deletion(number)
        send(app, through_tmux(text) if mode.in_tmux else text)


def placed(text: str, column: int, row: int) -> str:
    """A sixel picture at a cell of the screen, the cursor put back after it."""
    return f"\x1b7\x1b[{row + 1};{column + 1}H{text}\x1b8"
