"""Class averages on a sheet: sizes, orders, captions, and every tile as an image.

No textual: the interface and the command line draw the same tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.halfblocks import Canvas, contrast_table, scaled
from tui.pixel_image import PixelImage, pixel_image
from tui.tile_orders import ORDERS, Order, Tile

if TYPE_CHECKING:
    from tui.graphics import PictureMode

#: of kitty's tiles; a sixel has as many colors as letters to the line
_GREYS = (240, 128, 64, 32, 16, 12, 8)
_MOST_SIXEL = 64
_MOST_ROWS = 16
_SAMPLE = 8  # tiles that tell how many bytes all of them take
_MOST_TIMES = 24  # that a pixel of the file is shown in each direction, mixed
_LARGEST = 5  # times, of class averages that all can be seen
_MORE_ROOM = 5  # columns kept free before a caption says more than one number
FRAME = 2  # cells around a tile, across and down; the caption stands in the frame


def in_order(tiles: Sequence[Tile], order: Order) -> list[Tile]:
    """Tiles sorted; those without the number come last, equal ones by class number."""

    def key(tile: Tile) -> tuple[bool, float, int]:
        value = tile.get(order.key)
        if not isinstance(value, int | float):
            return (True, 0.0, int(tile["number"]))
        return (False, -value if order.is_descending else value, int(tile["number"]))

    return sorted(tiles, key=key)


def full_caption(tile: Tile) -> str:
    """All that is known about a class."""
    parts = [f"class {tile.get('number')}"]
    for key, digits, words in (
        ("distribution", 2, "% of the particles"),
        ("resolution", 1, "Å"),
        ("accuracy_rotations", 1, "° rotation"),
        ("accuracy_translations", 1, "Å shift"),
        ("score", 2, "score"),
    ):
        value = tile.get(key)
        if isinstance(value, int | float):
            shown = 100 * value if key == "distribution" else value
            parts.append(f"{shown:.{digits}f} {words}")
    if tile.get("error"):
        parts.append(str(tile["error"]))
    return " · ".join(parts)


def short_caption(tile: Tile, order: Order, room: int, *, mark: str = "") -> str:
    """Number and what fits: first what one sorts by, then share and resolution."""
    if tile.get("caption"):
        return f"{mark}{tile['caption']}"[:room]
    text = f"{mark}{tile.get('number')}"
    for one in (order, ORDERS[0], ORDERS[2]):
        said = one.said(tile)
        if one.key == "number" or not said or said in text.split():
            continue
        most = room if one is order else room - _MORE_ROOM
        if len(text) + 1 + len(said) > most:
            break
        text += f" {said}"
    like = tile.get("like")
    if like and len(text) + 2 + len(str(like)) <= room:
        text += f" ≈{like}"
    return text[:room]


def columns_of(rows: int, mode: PictureMode) -> int:
    """Columns of a square picture that is so many rows high."""
    across, down = mode.cell
    return max(2, round(rows * down * mode.tall / across))


def fitting_rows(
    count: int,
    width: int,
    height: int,
    mode: PictureMode,
    box: int,
    aspect: int = 1,
) -> int:
    """Rows of a tile so that all are seen at once, if they can be told apart then.

    Real pixels are shown at least one to one, at most five to one. A tile is `aspect`
    times as wide as high.
    """
    least, most = 8, _MOST_ROWS
    if mode.has_pixels:
        least = max(2, -(-box // mode.cell[1]))
        most = max(least, _LARGEST * box // mode.cell[1])
    for rows in range(most, least, -1):
        across = max(1, width // (aspect * columns_of(rows, mode) + FRAME))
        if -(-count // across) * (rows + FRAME) <= height:
            return rows
    return least


def tile_canvas(
    tile: Tile, width: int, height: int, contrast: float = 0.0, tall: float = 1.0
) -> Canvas:
    """A tile as large as fits, in the middle of a canvas with its own background.

    `tall`: how many times as high as wide the canvas's pixels are.
    """
    w, h = int(tile["width"]), int(tile["height"])
    scale = min(width / max(1, w), height * tall / max(1, h), _MOST_TIMES)
    across, down = max(1, round(w * scale)), max(1, round(h * scale / tall))
    pixels = scaled(bytes(tile["pixels"]), w, h, across, down)
    if scale < 1:  # means of noise are nearer to one another
        pixels = _stretched(pixels)
    return _on_ground(_contrasted(pixels, contrast), across, down, width, height)


def sheet_images(
    tiles: Sequence[Tile],
    mode: PictureMode,
    cells: tuple[int, int],
    *,
    contrast: float = 0.0,
    share: float = 1.0,
) -> dict[int, PixelImage]:
    """Images of tiles by class number, for so many cells each.

    They get as many greys as the bytes of a view allow, of which this is a share.
    """
    canvases = {
        int(tile["number"]): pixel_canvas(tile, mode, cells, contrast) for tile in tiles
    }
    sample = [*canvases.values()][:: max(1, len(canvases) // _SAMPLE)]
    most = mode.view_bytes * share * len(sample) / max(1, len(canvases))
    greys = _GREYS[-1]
    most_greys = min(mode.most_greys, 255 if mode.kind == "kitty" else _MOST_SIXEL)
    for greys in _GREYS:
        if greys <= most_greys:
            images = [pixel_image(canvas, mode.kind, greys=greys) for canvas in sample]
            if sum(image.cost(mode.kind) for image in images) <= most:
                break
    return {
        number: pixel_image(canvas, mode.kind, greys=greys)
        for number, canvas in canvases.items()
    }


def pixel_canvas(
    tile: Tile, mode: PictureMode, cells: tuple[int, int], contrast: float = 0.0
) -> Canvas:
    """A tile as large as so many cells, unless the terminal enlarges it."""
    width, height = cells[0] * mode.cell[0], cells[1] * mode.cell[1]
    if not mode.enlarges:
        return tile_canvas(tile, width, height, contrast)
    w, h = int(tile["width"]), int(tile["height"])
    # the shape of its cells, so that nothing is stretched
    wide = max(w, round(h * width / height))
    high = max(h, round(w * height / width))
    pixels = _contrasted(bytes(tile["pixels"]), contrast)
    return _on_ground(pixels, w, h, wide, high)


def _stretched(pixels: bytes) -> bytes:
    """Greys from black to white again."""
    low, high = min(pixels, default=0), max(pixels, default=0)
    if low == high:
        return pixels
    middle = (high - low) // 2
    return pixels.translate(
        bytes(
            min(255, max(0, (255 * (grey - low) + middle) // (high - low)))
            for grey in range(256)
        )
    )


def _contrasted(pixels: bytes, contrast: float) -> bytes:
    return pixels.translate(contrast_table(contrast, 0.0)) if contrast else pixels


def _on_ground(pixels: bytes, w: int, h: int, width: int, height: int) -> Canvas:
    canvas = Canvas(width, height, ground=pixels[0] if pixels else 0)
    canvas.paste(pixels, w, h, (width - w) // 2, (height - h) // 2)
    return canvas
