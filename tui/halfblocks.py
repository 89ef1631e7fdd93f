"""Grey pictures with colored circles, two pixels in every character cell.

No dependency at all: the interface turns cells into styled text, the command line into
escape sequences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remote.views import Picture

Rgb = tuple[int, int, int]
NO_FOM = -999.0  # RELION's word for a pick without a figure of merit: one by hand
HAND_COLOR: Rgb = (90, 230, 90)
WORTH_FILLING = 1.1  # times larger: a picture is stretched to fill its room
_PARTS = 8  # of a pixel, to which the middle of a circle is true
SHADES = " .:-=+*#%@"


@cache
def fom_color(fraction: float) -> Rgb:
    """Red for the lowest figure of merit over green to blue, as in RELION."""
    f = min(1.0, max(0.0, fraction))
    stops = (
        (255, 80, 60),
        (245, 200, 70),
        (110, 220, 110),
        (60, 200, 230),
        (70, 110, 255),
    )
    at = f * (len(stops) - 1)
    left = min(int(at), len(stops) - 2)
    w = at - left
    a, b = stops[left], stops[left + 1]
    return (
        round(a[0] + (b[0] - a[0]) * w),
        round(a[1] + (b[1] - a[1]) * w),
        round(a[2] + (b[2] - a[2]) * w),
    )


def fom_mark(value: float | None, red: float, blue: float) -> Rgb:
    """Color of a value between the one that is red and the one that is blue."""
    if value is None or not value > NO_FOM:
        return HAND_COLOR
    return fom_color((value - red) / (blue - red) if blue != red else 1.0)


def contrast_table(contrast: float, brightness: float) -> bytes:
    """Table of 256 greys: steeper around the middle, then lighter or darker."""
    slope = 2.0**contrast
    return bytes(
        min(255, max(0, round(127.5 + (grey - 127.5) * slope + 255 * brightness)))
        for grey in range(256)
    )


class Canvas:
    """A grey picture that takes circles; `width` x `height` pixels, height even."""

    def __init__(self, width: int, height: int, ground: int = 0) -> None:
        self.width, self.drawn_height = width, height
        self.height = height + height % 2  # two make a cell
        self.grey = bytearray([ground]) * (self.width * self.height)
        self.marks: dict[int, Rgb] = {}

    def paste(
        self, pixels: bytes, width: int, height: int, left: int = 0, top: int = 0
    ) -> None:
        """Put rows of grey bytes in; what hangs over is cut off."""
        first = max(0, -left)
        length = min(width - first, self.width - max(0, left))
        if length <= 0:
            return
        for y in range(max(0, -top), min(height, self.height - top)):
            source = y * width + first
            target = (top + y) * self.width + max(0, left)
            self.grey[target : target + length] = pixels[source : source + length]

    def circle(
        self, x: float, y: float, radius: float, color: Rgb, flat: float = 1.0
    ) -> None:
        """Draw the outline of a circle, or a dot if there is no room for one.

        `flat`: how many times as high as wide it is, in pixels that are no squares.
        """
        if not (
            -radius <= x <= self.width + radius and -radius <= y <= self.height + radius
        ):
            return
        if radius < 1.5:
            self.dot(int(x), int(y), color)
            return
        left, top = math.floor(x), math.floor(y)
        part = math.floor((x - left) * _PARTS), math.floor((y - top) * _PARTS)
        dots = _ring(radius, flat, *part)
        reach = math.ceil(radius * max(1.0, flat)) + 1
        if reach <= left < self.width - reach and reach <= top < self.height - reach:
            width, at = self.width, top * self.width + left
            places = [at + down * width + across for across, down in dots]
            self.marks.update(dict.fromkeys(places, color))
            return
        for across, down in dots:
            self.dot(left + across, top + down, color)

    def dot(self, x: int, y: int, color: Rgb) -> None:
        """Color one pixel."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self.marks[y * self.width + x] = color

    def line(self, x0: float, y0: float, x1: float, y1: float, color: Rgb) -> None:
        """Draw a straight line."""
        steps = max(1, int(max(abs(x1 - x0), abs(y1 - y0))))
        for i in range(steps + 1):
            t = i / steps
            self.dot(int(x0 + t * (x1 - x0)), int(y0 + t * (y1 - y0)), color)

    def frame(self, left: int, top: int, width: int, height: int, color: Rgb) -> None:
        """Draw a rectangle, one pixel thick."""
        for x in range(left, left + width):
            self.dot(x, top, color)
            self.dot(x, top + height - 1, color)
        for y in range(top, top + height):
            self.dot(left, y, color)
            self.dot(left + width - 1, y, color)

    def part(self, left: int, top: int, width: int, height: int) -> Canvas:
        """A rectangle cut out, with its marks."""
        cut = Canvas(width, height)
        for y in range(height):
            start = (top + y) * self.width + left
            cut.grey[y * width : (y + 1) * width] = self.grey[start : start + width]
        first, end = top * self.width, (top + height) * self.width
        for at, color in self.marks.items():
            if first <= at < end:
                y, x = divmod(at, self.width)
                if left <= x < left + width:
                    cut.marks[(y - top) * width + x - left] = color
        return cut

    def flattened(self, tall: float) -> Canvas:
        """The same for pixels that are so many times as high as wide."""
        if tall == 1.0:
            return self
        height = max(1, round(self.drawn_height / tall))
        flat = Canvas(self.width, height)
        size = self.width * self.drawn_height
        pixels = bytes(self.grey[:size])
        pixels = scaled(pixels, self.width, self.drawn_height, self.width, height)
        flat.paste(pixels, self.width, height)
        for at, color in self.marks.items():
            y, x = divmod(at, self.width)
            flat.dot(x, int(y / tall), color)
        return flat

    def in_greys(self, grey: bytearray) -> Canvas:
        """The same marks over other greys."""
        other = Canvas(self.width, self.drawn_height)
        other.grey, other.marks = grey, self.marks
        return other

    def quantized(self, greys: int) -> bytearray:
        """Its greys as the nearest of so many."""
        steps = greys - 1
        levels = [255 * i // steps for i in range(greys)]
        table = bytes(levels[(grey * steps + 127) // 255] for grey in range(256))
        return self.grey.translate(table)

    def row(
        self, row: int, *, is_grey: bool = False, has_few: bool = False
    ) -> list[tuple[Rgb, Rgb, int]]:
        """One row of cells as runs of (upper, lower, how many).

        `is_grey`: marks are white, and the picture below them is darker. `has_few`:
        there are only four greys, and the others are mixtures of them.
        """
        uppers = self._pixels(2 * row, is_grey=is_grey, has_few=has_few)
        lowers = self._pixels(2 * row + 1, is_grey=is_grey, has_few=has_few)
        runs: list[tuple[Rgb, Rgb, int]] = []
        before: tuple[Rgb, Rgb] | None = None
        length = 0
        for pair in zip(uppers, lowers, strict=True):
            if pair == before:
                length += 1
                continue
            if before is not None:
                runs.append((*before, length))
            before, length = pair, 1
        if before is not None:
            runs.append((*before, length))
        return runs

    def _pixels(self, y: int, *, is_grey: bool, has_few: bool) -> list[Rgb]:
        """Colors of a row of pixels."""
        at, width = y * self.width, self.width
        greys = self.grey[at : at + width]
        if is_grey and self.marks:
            greys = greys.translate(_BELOW_WHITE)
        if has_few:
            for i, table in enumerate(_MIXED[y % len(_BAYER)]):
                greys[i :: len(_BAYER)] = greys[i :: len(_BAYER)].translate(table)
            found = [(grey, grey, grey) for grey in greys]
        else:
            found = [_greys[grey] for grey in greys]
        if self.marks:
            for x in range(width):
                color = self.marks.get(at + x)
                if color is not None:
                    found[x] = _WHITE if is_grey else color
        return found

    def letters(
        self, row: int, *, has_picture: bool = True
    ) -> list[tuple[str, Rgb | None]]:
        """One row of cells as runs of letters, denser for lighter, or blanks.

        An o stands where marks are, with their color.
        """
        first = 2 * row * self.width
        runs: list[tuple[str, Rgb | None]] = []
        for upper in range(first, first + self.width):
            lower = upper + self.width
            color = self.marks.get(upper) or self.marks.get(lower)
            letter = "o"
            if color is None:
                level = (self.grey[upper] + self.grey[lower]) // 2 if has_picture else 0
                letter = SHADES[level * (len(SHADES) - 1) // 255]
            if runs and runs[-1][1] == color:
                letter = runs.pop()[0] + letter
            runs.append((letter, color))
        return runs

    def ascii_row(self, row: int) -> str:
        """One row of cells as letters, without colors."""
        return "".join(letters for letters, _ in self.letters(row))

    def rgb(self) -> bytes:
        """All pixels in red, green and blue, for sixel, kitty and files."""
        out = bytearray(3 * len(self.grey))
        out[0::3] = out[1::3] = out[2::3] = self.grey
        for at, color in self.marks.items():
            out[3 * at : 3 * at + 3] = bytes(color)
        return bytes(out)


#: the greys of terminals with 256 colors, which have short names
RAMP = (0, *range(8, 239, 10), 255)
_nearest = [min(RAMP, key=lambda level: abs(level - grey)) for grey in range(256)]
_greys: list[Rgb] = [(grey, grey, grey) for grey in _nearest]


_WHITE: Rgb = (255, 255, 255)
_BELOW_WHITE = bytes(grey * 2 // 3 for grey in range(256))
#: the greys of terminals with 16 colors by their names, and as most of them show them
_FOUR, _SHOWN = (0, 85, 170, 255), (0, 110, 205, 255)
_BAYER = ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
_FLAT = 0.3  # of the way to the next grey that is not mixed: an even ground stays even


def _mixture(rank: int) -> bytes:
    """Table of the four greys for a place of a pattern of sixteen."""
    least = _FLAT + (1 - 2 * _FLAT) * (rank + 0.5) / 16
    table = bytearray()
    for (low, high), (dark, light) in zip(
        pairwise(_SHOWN), pairwise(_FOUR), strict=True
    ):
        for grey in range(low, high):
            table.append(light if grey - low > least * (high - low) else dark)
    return bytes(table) + b"\xff"


_MIXED = [[_mixture(rank) for rank in ranks] for ranks in _BAYER]


@lru_cache(1024)
def _ring(
    radius: float, flat: float, x_part: int, y_part: int
) -> list[tuple[int, int]]:
    """Pixels of a circle around a place in a pixel, given in parts of it."""
    x, y = (x_part + 0.5) / _PARTS, (y_part + 0.5) / _PARTS
    steps = max(8, int(2.2 * math.pi * radius))
    angles = [2 * math.pi * i / steps for i in range(steps)]
    dots = (
        (
            math.floor(x + radius * math.cos(a)),
            math.floor(y + radius * flat * math.sin(a)),
        )
        for a in angles
    )
    return list(dict.fromkeys(dots))


def escape_lines(canvas: Canvas, *, is_grey: bool = False) -> list[str]:
    """Lines with escape sequences, for printing."""
    lines = []
    for row in range(canvas.height // 2):
        runs = canvas.row(row, is_grey=is_grey)
        parts = [
            f"\x1b[38;2;{u[0]};{u[1]};{u[2]};48;2;{d[0]};{d[1]};{d[2]}m{'▀' * n}"
            for u, d, n in runs
        ]
        lines.append("".join(parts) + "\x1b[0m")
    return lines


def scaled(
    pixels: bytes, width: int, height: int, new_width: int, new_height: int
) -> bytes:
    """Grey picture in another size: averages of areas, or straight lines between."""
    if (width, height) == (new_width, new_height):
        return bytes(pixels)
    rows = [bytes(pixels[y * width : (y + 1) * width]) for y in range(height)]
    rows = _mixed(rows, height, new_height)
    columns = [bytes(column) for column in zip(*rows, strict=True)]
    columns = _mixed(columns, width, new_width)
    return b"".join(bytes(row) for row in zip(*columns, strict=True))


def _mixed(rows: list[bytes], old: int, new: int) -> list[bytes]:
    """Rows of another number, each a mixture of neighboring ones."""
    return rows if old == new else mixed(rows, _weights(old, new))


def mixed(
    rows: list[bytes], weights: Iterable[tuple[int, tuple[int, ...]]]
) -> list[bytes]:
    """Rows that are mixtures, each given by a first row and some weights.

    The weights, of that row and the next ones, add to 256. A row is one large number of
    two bytes a pixel, so that a row times a weight is one multiplication, and the upper
    byte is the result.
    """
    length = 2 * len(rows[0])
    numbers = []
    for row in rows:
        lanes = bytearray(length)
        lanes[::2] = row
        numbers.append(int.from_bytes(lanes, "little"))
    half = int.from_bytes(b"\x80\0" * len(rows[0]), "little")
    found = []
    for at, shares in weights:
        total = half + sum(
            number * weight
            for number, weight in zip(numbers[at:], shares, strict=False)
        )
        found.append(total.to_bytes(length, "little")[1::2])
    return found


@cache
def _weights(old: int, new: int) -> list[tuple[int, tuple[int, ...]]]:
    """For each new row the first old one and the weights of it and the next ones."""
    found = []
    for i in range(new):
        if new < old:
            low, high = i * old / new, (i + 1) * old / new
        else:
            middle = min(max((i + 0.5) * old / new, 0.5), old - 0.5)
            low, high = middle - 0.5, middle + 0.5
        at, end = int(low), min(old, math.ceil(high - 1e-9))
        parts = [min(high, j + 1) - max(low, j) for j in range(at, max(end, at + 1))]
        total = sum(parts)
        sums = [round(256 * s / total) for s in accumulate(parts)]
        found.append((at, tuple(b - a for a, b in pairwise([0, *sums]))))
    return found


def filling(picture: Picture, width: int, height: int, tall: float = 1.0) -> Picture:
    """A picture as large as a room lets it be; as it is if that is hardly larger.

    `tall`: how many times as high as wide the room's pixels are.
    """
    times = min(width / picture.width, height * tall / picture.height)
    if times < WORTH_FILLING:
        if tall == 1.0:
            return picture
        times = min(1.0, times)
    across = max(1, int(picture.width * times))
    down = max(1, min(height, round(picture.height * across / picture.width / tall)))
    return replace(
        picture,
        width=across,
        height=down,
        pixels=scaled(picture.pixels, picture.width, picture.height, across, down),
        binning=picture.binning * picture.width / across,
    )


def enlarged(picture: Picture, times: int) -> Picture:
    """A picture with every pixel repeated so many times; as it is below 2."""
    if times < 2:
        return picture
    width, height = picture.width, picture.height
    rows = []
    for y in range(height):
        row = picture.pixels[y * width : (y + 1) * width]
        wide = bytearray(times * width)
        for i in range(times):
            wide[i::times] = row
        rows.append(bytes(wide) * times)
    return replace(
        picture,
        width=times * width,
        height=times * height,
        pixels=b"".join(rows),
        binning=picture.binning / times,
    )
