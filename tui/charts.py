"""Bars, histograms and lines as text: what the interface and the command line draw.

A line is a list of (text, role); roles are colors' names in `tui.palette`. Everything
has a form in plain ASCII, for terminals and fonts that have nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

Line = list[tuple[str, str]]

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_RISING = (" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█")
_ASCII_RISING = (" ", ".", ".", ":", ":", "|", "|", "#", "#")
# bit of each of the eight dots of a braille cell, [row][column]
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class BarRow(NamedTuple):
    """One bar: what, how much, and a remark behind it."""

    label: str
    value: float
    remark: str = ""


def text_of(line: Line) -> str:
    """The line without its roles."""
    return "".join(text for text, _ in line)


def wrapped(line: Line, width: int, indent: int = 0) -> list[Line]:
    """A line as several that fit a width, broken at blanks, else anywhere.

    All but the first begin with so many blanks.
    """
    indent = max(0, min(indent, width - 8))
    room = max(1, width - indent)
    lines: list[Line] = [[]]
    left = width
    for text, role in line:
        for word in re.findall(r"\s*\S+|\s+", text):
            if len(word) > left and word.isspace():
                continue
            if len(word) > left and len(word.strip()) <= room:
                lines.append([(" " * indent, role)])
                left, word = room, word.lstrip()
            while len(word) > left:
                lines[-1].append((word[:left], role))
                lines.append([(" " * indent, role)])
                word, left = word[left:], room
            if word:
                lines[-1].append((word, role))
                left -= len(word)
    return lines


def clipped(line: Line, width: int) -> Line:
    """As much of a line as fits, with an ellipsis where something is missing."""
    if sum(len(text) for text, _ in line) <= width:
        return line
    found: Line = []
    left = max(0, width - 1)
    for text, role in line:
        if len(text) > left:
            return [*found, (text[:left].rstrip() + "…", role)]
        found.append((text, role))
        left -= len(text)
    return found


def bar(value: float, longest: float, width: int, *, ascii_only: bool = False) -> str:
    """Bar as long as a value is large, to an eighth of a column; never lost."""
    if not (longest > 0 and value > 0 and width > 0):
        return ""
    eighths = min(8 * width, max(1, round(8 * width * value / longest)))
    if ascii_only:
        return "#" * max(1, eighths // 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def bar_rows(
    rows: Sequence[BarRow],
    width: int,
    *,
    others: Sequence[float | None] | None = None,
    longest: float | None = None,
    label_width: int = 0,
    ascii_only: bool = False,
) -> list[Line]:
    """Horizontal bars; with `others`, a second bar of another run under each."""
    values = [row.value for row in rows] + [v for v in others or () if v is not None]
    most = longest if longest is not None else max(values, default=0.0)
    labels = label_width or min(
        max((len(row.label) for row in rows), default=0), max(8, width // 3)
    )
    said = _alike(values)
    numbers = max((len(said(v)) for v in values), default=1)
    remarks = max((len(row.remark) for row in rows), default=0)
    room = max(4, width - labels - numbers - 4 - (remarks + 2 if remarks else 0))
    lines: list[Line] = []
    for index, row in enumerate(rows):
        drawn = bar(row.value, most, room, ascii_only=ascii_only)
        line: Line = [
            (_fitted(row.label, labels) + "  ", "text"),
            (drawn.ljust(room), "bar"),
            (" " + said(row.value).rjust(numbers), "text"),
        ]
        if row.remark:
            line.append(("  " + row.remark, "dim"))
        lines.append(line)
        other = others[index] if others is not None else None
        if other is not None:
            drawn = bar(other, most, room, ascii_only=ascii_only)
            lines.append(
                [
                    (" " * (labels + 2), "text"),
                    (drawn.ljust(room), "bar2"),
                    (" " + said(other).rjust(numbers), "bar2"),
                ]
            )
    return lines


def histogram(
    edges: Sequence[float],
    counts: Sequence[float],
    width: int,
    height: int,
    *,
    others: Sequence[float] | None = None,
    threshold: float | None = None,
    ascii_only: bool = False,
) -> list[Line]:
    """Columns over an axis; below a threshold they are pale; others are dots above.

    `others` are the counts of another run in the same bins.
    """
    if not counts or len(edges) != len(counts) + 1:
        return [[("nothing to draw", "dim")]]
    low, high = edges[0], edges[-1]
    gutter, needed = 0, len(_number(max(counts))) + 1
    while gutter < needed:  # bins joined in a narrower chart can need a longer label
        gutter = needed
        room = max(4, width - gutter)
        columns = resampled(edges, counts, room)
        second = resampled(edges, others, room) if others else None
        most = max([*columns, *(second or [])], default=0.0) or 1.0
        needed = len(_number(most)) + 1
    centers = [low + (high - low) * (i + 0.5) / room for i in range(room)]
    glyphs = _ASCII_RISING if ascii_only else _RISING
    lines: list[Line] = []
    for row in range(height - 1, -1, -1):
        label = _number(most) if row == height - 1 else "0" if row == 0 else ""
        line: Line = [(label.rjust(gutter - 1) + " ", "dim")]
        for x, value in enumerate(columns):
            level = min(8, max(0, round(8 * (height * value / most - row))))
            if level == 0 and row == 0 and value > 0:
                level = 1
            glyph, role = glyphs[level], "bar"
            if threshold is not None and centers[x] < threshold:
                role = "bar_dim"
            if second is not None and second[x] > 0:
                at = min(height - 1, int(height * second[x] / most))
                if at == row:
                    glyph, role = ("o" if ascii_only else "•"), "bar2"
            _add(line, glyph, role)
        lines.append(line)
    lines.append([(" " * gutter, "dim"), *_axis(low, high, room, threshold)])
    return lines


def _axis(low: float, high: float, room: int, threshold: float | None) -> Line:
    left, middle, right = (_short(v) for v in (low, (low + high) / 2, high))
    text = [" "] * room

    def put(at: int, word: str) -> None:
        at = max(0, min(at, room - len(word)))
        text[at : at + len(word)] = word

    put(0, left)
    put(room // 2 - len(middle) // 2, middle)
    put(room - len(right), right)
    if threshold is None or not high > low:
        return [("".join(text)[:room], "dim")]
    word = f"▲ {_short(threshold)}"
    at = round(room * (threshold - low) / (high - low))
    at = max(0, min(at, room - len(word)))
    line = "".join(text)[:room]
    return [(line[:at], "dim"), (word, "mark"), (line[at + len(word) :], "dim")]


def rebinned(
    edges: Sequence[float], counts: Sequence[float], wanted: Sequence[float]
) -> list[float]:
    """Counts of other bins over the same values; a bin is shared out by its parts."""
    found = [0.0] * (len(wanted) - 1)
    for index, value in enumerate(counts):
        low, high = edges[index], edges[index + 1]
        for at in range(len(found)):
            common = min(high, wanted[at + 1]) - max(low, wanted[at])
            if common > 0 and high > low:
                found[at] += value * common / (high - low)
    return found


def resampled(
    edges: Sequence[float], counts: Sequence[float], room: int
) -> list[float]:
    """Counts per column when bins and columns differ; equal areas, bins kept whole."""
    bins = len(counts)
    if bins <= room:
        return [float(counts[min(bins - 1, x * bins // room)]) for x in range(room)]
    columns = [0.0] * room
    for index, value in enumerate(counts):
        columns[index * room // bins] += value
    return columns


def lines_chart(
    series: Sequence[tuple[str, Sequence[float]]],
    width: int,
    height: int,
    *,
    ends: tuple[str, str] = ("", ""),
) -> list[Line]:
    """Curves over equal steps, in braille dots, with the ends of both axes.

    `series` are (role, values); NaN breaks a line. `ends` are the words below the first
    and the last step.
    """
    finite = [v for _, values in series for v in values if math.isfinite(v)]
    if not finite:
        return [[("nothing to draw", "dim")]]
    low, high = min(finite), max(finite)
    room = _room(low, high, width)
    dots = [
        (x, y, role)
        for role, values in series
        for x, y in _path(values, 2 * room, 4 * height, low, high)
    ]
    return _dotted(dots, low, high, width, height, ends)


def scatter(
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    width: int,
    height: int,
    *,
    ends: tuple[str, str] = ("", ""),
) -> list[Line]:
    """Points (x, y) as braille dots, with the ends of both axes; see `lines_chart`."""
    points = [p for _, some in series for p in some if all(map(math.isfinite, p))]
    if not points:
        return [[("nothing to draw", "dim")]]
    lefts, rights = zip(*points, strict=True)
    left, low, high = min(lefts), min(rights), max(rights)
    room = _room(low, high, width)
    across, down = max(lefts) - left or 1.0, high - low or 1.0
    dots = [
        (
            round((2 * room - 1) * (x - left) / across),
            round((4 * height - 1) * (high - y) / down),
            role,
        )
        for role, some in series
        for x, y in some
        if math.isfinite(x) and math.isfinite(y)
    ]
    return _dotted(dots, low, high, width, height, ends)


def _room(low: float, high: float, width: int) -> int:
    """Columns beside the labels of an axis."""
    return max(4, width - max(len(_short(low)), len(_short(high))) - 1)


def _dotted(
    dots: Sequence[tuple[int, int, str]],
    low: float,
    high: float,
    width: int,
    height: int,
    ends: tuple[str, str],
) -> list[Line]:
    """Braille cells of dots (x, y, role) between the ends of both axes."""
    room = _room(low, high, width)
    gutter = max(len(_short(low)), len(_short(high))) + 1
    cells = [[0] * room for _ in range(height)]
    roles = [[""] * room for _ in range(height)]
    for x, y, role in dots:
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
        roles[y // 4][x // 2] = role
    lines: list[Line] = []
    for row in range(height):
        label = _short(high) if row == 0 else _short(low) if row == height - 1 else ""
        line: Line = [(label.rjust(gutter - 1) + " ", "dim")]
        for x in range(room):
            _add(line, chr(0x2800 + cells[row][x]), roles[row][x] or "bar")
        lines.append(line)
    if any(ends):
        left, right = ends
        text = left + right.rjust(max(1, room - len(left)))
        lines.append([(" " * gutter + text, "dim")])
    return lines


def _path(
    values: Sequence[float], width: int, height: int, low: float, high: float
) -> list[tuple[int, int]]:
    """Dots of a curve, steep steps filled in."""
    span = high - low or 1.0
    steps = max(1, len(values) - 1)
    dots: list[tuple[int, int]] = []
    for x in range(width):
        at = x * steps / max(1, width - 1)
        left = min(int(at), len(values) - 1)
        right = min(left + 1, len(values) - 1)
        value = values[left] + (values[right] - values[left]) * (at - left)
        if not math.isfinite(value):
            continue
        y = round((height - 1) * (high - value) / span)
        before = dots[-1] if dots and dots[-1][0] == x - 1 else (x, y)
        step = 1 if y >= before[1] else -1
        dots += [(x, between) for between in range(before[1] + step, y, step)]
        dots.append((x, y))
    return dots


def progress_bar(
    done: float, total: float, width: int, *, ascii_only: bool = False
) -> Line:
    """Part done and part left."""
    fraction = min(1.0, max(0.0, done / total)) if total > 0 else 0.0
    if ascii_only:
        signs = int(fraction * width)
        return [("#" * signs, "run"), ("-" * (width - signs), "faint")]
    # a heavy and a light rule: joined, level with the text, no gaps between rows
    halves = int(fraction * 2 * width)
    full = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    return [(full, "run"), ("─" * (width - len(full)), "faint")]


def _add(line: Line, text: str, role: str) -> None:
    if line and line[-1][1] == role and len(line) > 1:
        line[-1] = (line[-1][0] + text, role)
    else:
        line.append((text, role))


def _fitted(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else "…" + text[1 - width :]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    if value == int(value):
        return f"{int(value):,}".replace(",", " ")
    return f"{value:.3g}"


def _alike(values: Sequence[float]) -> Callable[[float], str]:
    """How numbers below one another are written: with the same decimals."""
    finite = [abs(v) for v in values if math.isfinite(v)]
    if all(v == int(v) for v in finite):
        return _number
    most = max(finite)
    decimals = min(4, max(1, 2 - math.floor(math.log10(most))))
    return lambda v: f"{v:.{decimals}f}" if math.isfinite(v) else "-"


def _short(value: float) -> str:
    return f"{value:.3g}"
