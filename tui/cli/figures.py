"""Figures as lines of text: bars, histograms, pictures in half-blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.cli.formats import number

_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_SHADES = " ·:-=+*#%@"


def bar(value: float, longest: float, width: int) -> str:
    """Return a bar as long as a value is large, to an eighth of a column."""
    if longest <= 0 or value <= 0:
        return ""
    eighths = min(8 * width, max(1, round(8 * width * value / longest)))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8]


def bars(rows: Sequence[tuple[str, float, str]], width: int) -> list[tuple[str, ...]]:
    """Return rows of label, bar, value and remark for a table."""
    longest = max((value for _, value, _ in rows), default=0.0)
    return [
        (label, bar(value, longest, width), number(value), remark)
        for label, value, remark in rows
    ]


def histogram_rows(
    histogram: dict[str, Any], width: int, most: int = 16
) -> list[tuple[str, ...]]:
    """Return rows of range, bar and count; neighbors are joined if they are many."""
    edges = [float(edge) for edge in histogram["edges"]]
    counts = [int(count) for count in histogram["counts"]]
    step = max(1, -(-len(counts) // most))
    joined = [
        (edges[i], edges[min(i + step, len(counts))], sum(counts[i : i + step]))
        for i in range(0, len(counts), step)
    ]
    while joined and joined[-1][2] == 0:
        joined.pop()
    while joined and joined[0][2] == 0:
        joined.pop(0)
    longest = max((count for _, _, count in joined), default=0)
    return [
        (f"{number(low)} to {number(high)}", bar(count, longest, width), str(count))
        for low, high, count in joined
    ]


def half_blocks(pixels: bytes | bytearray, width: int, height: int) -> str:
    """Return a picture in red, green and blue as text: two pixels in every letter."""
    lines = []
    for top in range(0, height, 2):
        line = []
        before: tuple[bytes, bytes] | None = None
        for x in range(width):
            upper = bytes(pixels[3 * (top * width + x) : 3 * (top * width + x) + 3])
            at = 3 * ((top + 1) * width + x)
            lower = bytes(pixels[at : at + 3]) if top + 1 < height else b"\0\0\0"
            if (upper, lower) != before:
                line.append(
                    f"\x1b[38;2;{upper[0]};{upper[1]};{upper[2]}"
                    f";48;2;{lower[0]};{lower[1]};{lower[2]}m"
                )
                before = upper, lower
            line.append("▀")
        lines.append("".join(line) + "\x1b[0m")
    return "\n".join(lines)


def shades(pixels: bytes | bytearray, width: int, height: int) -> str:
    """Return a picture without colors: a letter for two pixels, denser for lighter.

    What is colored, the circles of picks, becomes an o.
    """
    lines = []
    for top in range(0, height - 1, 2):
        line = []
        for x in range(width):
            starts = [3 * ((top + dy) * width + x) for dy in (0, 1)]
            both = [pixels[at : at + 3] for at in starts]
            if any(len(set(pixel)) > 1 for pixel in both):
                line.append("o")
            else:
                level = sum(sum(pixel) for pixel in both) / 6
                line.append(_SHADES[int(level * (len(_SHADES) - 1) / 255)])
        lines.append("".join(line).rstrip())
    return "\n".join(lines)
