"""Contrast of letters with what is behind them, as WCAG 2.1 defines it."""

from __future__ import annotations

from rich.style import Style

from tui.palette import rgb

LEAST = 4.5  # of words: 1.4.3


def luminance(color: tuple[int, ...]) -> float:
    """Relative luminance of red, green and blue from 0 to 255."""
    parts = [v / 255 for v in color]
    red, green, blue = (
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_of(style: Style, ground: str = "#000000") -> float:
    """Contrast of a style's letters, from 1 to 21; `ground` where it has none."""
    front = style.color.get_truecolor() if style.color else rgb("#ffffff")
    back = style.bgcolor.get_truecolor() if style.bgcolor else rgb(ground)
    first, second = luminance(tuple(front)), luminance(tuple(back))
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)
