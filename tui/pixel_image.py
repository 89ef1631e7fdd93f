"""Grey pictures with colored marks as palette indices, ready for a pixel protocol."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tui.pixel_protocols import Rect, Rgb, indexed_png, sixel

if TYPE_CHECKING:
    from tui.halfblocks import Canvas

GREYS = {"kitty": (64, 32, 16, 8), "sixel": (16, 8, 6)}
#: colors of marks nearer than this in every part are one, if there may be so many
_MARK_STEPS = (32, 64, 96, 128)


@dataclass(frozen=True)
class PixelImage:
    """Rows of palette indices, one byte a pixel."""

    width: int
    height: int
    indices: bytes
    palette: tuple[Rgb, ...]

    @cached_property
    def key(self) -> bytes:
        """The same for the same picture."""
        shape = f"{self.width} {self.height} {self.palette}".encode()
        return hashlib.blake2b(self.indices + shape, digest_size=12).digest()

    @cached_property
    def png(self) -> bytes:
        """As a PNG file."""
        return indexed_png(self.indices, self.width, self.height, self.palette)

    @cached_property
    def sixels(self) -> str:
        """As a sixel picture."""
        return sixel(self.indices, self.width, self.height, self.palette)

    def cost(self, kind: str) -> int:
        """Bytes that a terminal is sent for it."""
        return len(self.png) * 4 // 3 if kind == "kitty" else len(self.sixels)

    def encoded(self, kind: str) -> PixelImage:
        """Itself with the encoding done: for threads beside the event loop."""
        _ = self.key, self.png if kind == "kitty" else self.sixels
        return self

    def filled(self, cell: tuple[int, int], ground: Rgb) -> PixelImage:
        """Itself with the ground's color at the right and below, up to whole cells."""
        right, below = -self.width % cell[0], -self.height % cell[1]
        if not right and not below:
            return self
        width = self.width
        palette = (*self.palette[:255], ground)
        fill = bytes([len(palette) - 1])
        rows = [
            self.indices[y * width : (y + 1) * width] + right * fill
            for y in range(self.height)
        ]
        rows.append((width + right) * below * fill)
        return PixelImage(width + right, self.height + below, b"".join(rows), palette)

    def part(self, source: Rect) -> PixelImage:
        """A rectangle cut out."""
        x, y, width, height = source
        if source == (0, 0, self.width, self.height):
            return self
        rows = (
            self.indices[line * self.width + x : line * self.width + x + width]
            for line in range(y, y + height)
        )
        return PixelImage(width, height, b"".join(rows), self.palette)


def pixel_image(
    canvas: Canvas,
    kind: str,
    *,
    greys: int = 0,
    most_colors: int = 256,
    cell: tuple[int, int] = (1, 1),
    ground: Rgb = (0, 0, 0),
    most_bytes: int = 250_000,
) -> PixelImage:
    """A canvas as a terminal of this kind gets it, encoded.

    Without a number of greys it gets as many as keep it below some bytes: noise costs
    most and needs them least. Sixel pictures are filled up to whole cells with
    the ground's color: mlterm makes them so, with white.
    """
    unit = cell if kind == "sixel" else (1, 1)
    for levels in (greys,) if greys else GREYS[kind]:
        image = indexed(canvas, levels, most_colors)
        image = image.filled(unit, ground).encoded(kind)
        if image.cost(kind) <= most_bytes:
            break
    return image


def indexed(canvas: Canvas, greys: int, most_colors: int = 256) -> PixelImage:
    """A canvas in so many greys, not encoded yet.

    Greys come first in the palette, then the colors of the marks: the nearer ones are
    one, the more so the fewer there may be.
    """
    palette: list[Rgb] = [(255 * i // (greys - 1),) * 3 for i in range(greys)]
    table = bytes((grey * (greys - 1) + 127) // 255 for grey in range(256))
    size = canvas.width * canvas.drawn_height
    out = bytearray(canvas.grey[:size].translate(table))
    colors: dict[Rgb, int] = {}
    for group in _groups(set(canvas.marks.values()), most_colors - greys):
        if len(palette) < 256:
            colors |= dict.fromkeys(group, len(palette))
            palette.append(group[len(group) // 2])
    for at, color in canvas.marks.items():
        if at < size:
            out[at] = colors.get(color, greys - 1)
    return PixelImage(canvas.width, canvas.drawn_height, bytes(out), tuple(palette))


def exact(canvas: Canvas) -> PixelImage:
    """A canvas whose greys are few already, each as it is."""
    levels = sorted(set(canvas.grey))
    table = bytearray(256)
    for number, level in enumerate(levels):
        table[level] = number
    marked = indexed(canvas, 2)
    colors = marked.palette[2:][: 256 - len(levels)]
    out = bytearray(canvas.grey[: len(marked.indices)].translate(table))
    for at in canvas.marks:
        if at < len(out):
            out[at] = len(levels) + marked.indices[at] - 2
    palette = (*((level,) * 3 for level in levels), *colors)
    return PixelImage(canvas.width, canvas.drawn_height, bytes(out), palette)


def _groups(colors: set[Rgb], most: int) -> list[list[Rgb]]:
    """Colors that are near one another, in no more groups than `most` if it can be."""
    found: dict[tuple[int, ...], list[Rgb]] = {}
    for step in _MARK_STEPS:
        found = {}
        for color in sorted(colors):
            key = tuple(part // step for part in color)
            found.setdefault(key, []).append(color)
        if len(found) <= most:
            break
    return list(found.values())
