"""What a far terminal is shown first: fewer, larger pixels that fit in some bytes.

Noise cannot be packed. Pixels are averaged in squares and smoothed by about a square,
which costs little of what a screen tells of a particle; there are as many steps of grey
as the bytes allow. Circles are drawn over it as finely as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tui.halfblocks import Canvas, mixed, scaled
from tui.pixel_image import GREYS, PixelImage, indexed, pixel_image
from tui.pixel_protocols import Rgb

#: pixels a side of a square, smoothings of the squares, levels of grey: the best first
_LADDER = {
    "kitty": (
        *((1, 0, 64), (1, 0, 32), (1, 0, 16), (1, 0, 8)),
        *((2, 2, 8), (3, 2, 8), (4, 2, 8)),
    ),
    "sixel": (
        *((1, 0, 16), (1, 0, 8), (2, 2, 8), (2, 2, 6), (2, 2, 5), (2, 4, 6)),
        *((2, 4, 5), (3, 3, 6), (3, 3, 5), (3, 5, 5), (4, 4, 5), (6, 3, 5)),
    ),
}
_FEW = 16  # colors: two pixels are a byte of a PNG file, so two equal ones cost one
_STRIP = 12  # rows of a sample: whole bands of sixel, and nearly whole squares
_STRIPS = 9
_TAIL = 0.005  # of the pixels, that are darker than black or lighter than white


@dataclass(frozen=True, slots=True)
class Shown:
    """An image, its greys as they are below the marks, and how coarse it is."""

    image: PixelImage
    grey: bytearray
    side: int  # pixels of a square


def fitted(
    canvas: Canvas,
    kind: str,
    *,
    cell: tuple[int, int] = (1, 1),
    ground: Rgb = (0, 0, 0),
    most_bytes: int,
) -> Shown:
    """The finest image of a canvas that takes no more than some bytes."""
    sample = _sample(canvas)
    share = sample.height / canvas.height
    ladder = _LADDER[kind]
    for side, passes, greys in ladder:
        colors = 256 if side == 1 else _FEW
        trial = indexed(coarser(sample, side, passes), greys, colors)
        if (
            trial.cost(kind) > share * most_bytes
            and (side, passes, greys) != ladder[-1]
        ):
            continue
        drawn = coarser(canvas, side, passes)
        image = pixel_image(
            drawn, kind, greys=greys, most_colors=colors, cell=cell, ground=ground
        )
        if image.cost(kind) <= most_bytes:
            break
    return Shown(image, drawn.quantized(greys), side)


def _sample(canvas: Canvas) -> Canvas:
    """Some strips of a canvas, which tell how many bytes all of it would take."""
    if canvas.height < 2 * _STRIPS * _STRIP:
        return canvas
    step, width = canvas.height // _STRIPS, canvas.width
    drawn = Canvas(width, _STRIPS * _STRIP)
    size = width * _STRIP
    for i in range(_STRIPS):
        first = i * step * width
        drawn.grey[i * size : (i + 1) * size] = canvas.grey[first : first + size]
    for at, color in canvas.marks.items():
        i, within = divmod(at, step * width)
        if within < size:
            drawn.marks[i * size + within] = color
    return drawn


def whole(
    canvas: Canvas,
    kind: str,
    *,
    cell: tuple[int, int] = (1, 1),
    ground: Rgb = (0, 0, 0),
    most_bytes: int = 0,
) -> Shown:
    """Every pixel of a canvas, in a few greys at least, however many the bytes."""
    greys = GREYS[kind][-1]
    if most_bytes:
        sample = _sample(canvas)
        most = most_bytes * sample.height / canvas.height
        few = (n for n in GREYS[kind] if indexed(sample, n).cost(kind) <= most)
        greys = next(few, greys)
    image = pixel_image(canvas, kind, greys=greys, cell=cell, ground=ground)
    return Shown(image, canvas.quantized(greys), 1)


def bands(canvas: Canvas, rows: int, first: int = 0) -> Iterator[tuple[int, Canvas]]:
    """A canvas in bands of so many rows, each with the row where it begins."""
    for top in range(first, canvas.drawn_height, rows):
        high = min(rows, canvas.drawn_height - top)
        yield top, canvas.part(0, top, canvas.width, high)


def coarser(canvas: Canvas, side: int, passes: int) -> Canvas:
    """A canvas of the same size whose greys are those of squares, and its marks."""
    if side == 1:
        return canvas
    width, height = canvas.width, canvas.height
    across, down = max(1, width // side), max(1, height // side)
    grey = bytes(canvas.grey)
    small = scaled(grey, width, height, across, down)
    for _ in range(passes):
        small = smoothed(small, across, down)
    small = small.translate(_stretch(grey, small))
    drawn = Canvas(width, canvas.drawn_height)
    drawn.marks = canvas.marks
    for y in range(height):
        row = min(down - 1, y // side) * across
        wide = bytearray(across * side)
        for i in range(side):
            wide[i::side] = small[row : row + across]
        wide += wide[-1:] * (width - len(wide))
        drawn.grey[y * width : (y + 1) * width] = wide[:width]
    return drawn


def smoothed(grey: bytes, width: int, height: int) -> bytes:
    """Every pixel mixed with its neighbors, a quarter from either side."""
    for _ in range(2):  # rows, then columns
        rows = [grey[y * width : (y + 1) * width] for y in range(height)]
        rows = _mixed_with_neighbors(rows)
        grey = b"".join(bytes(column) for column in zip(*rows, strict=True))
        width, height = height, width
    return grey


def _mixed_with_neighbors(rows: list[bytes]) -> list[bytes]:
    weights = (64, 128, 64)
    around = [rows[0], *rows, rows[-1]]
    return mixed(around, ((y, weights) for y in range(len(rows))))


def _stretch(before: bytes, after: bytes) -> bytes:
    """A table that gives greys as much contrast as they had."""
    black, white = _limits(before)
    low, high = _limits(after)
    if high <= low:
        return bytes(range(256))
    slope = (white - black) / (high - low)
    return bytes(
        min(255, max(0, round(black + (grey - low) * slope))) for grey in range(256)
    )


def _limits(grey: bytes) -> tuple[int, int]:
    counts = [grey.count(level) for level in range(256)]
    few = _TAIL * len(grey)
    return _first(counts, few), 255 - _first(reversed(counts), few)


def _first(counts: Iterable[int], few: float) -> int:
    total = 0
    for level, count in enumerate(counts):
        total += count
        if total > few:
            return level
    return 255
