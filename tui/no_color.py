"""Screens without color: what colors say is said by bold, dim and reversed letters.

NO_COLOR asks for it, and terminals such as a VT220 have nothing else. Pictures of
half-blocks keep their greys under NO_COLOR, as they are nothing without.
"""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter, monochrome_style

#: How far a background must be from the screen's own to be meant: a cursor, a button.
_MEANT = 75
#: How near to its background a letter must be to be dim.
_FAINT = 450
_PICTURE = frozenset("▀▄")


class Attributes(LineFilter):
    """Bold, dim and reversed in place of colors."""

    def __init__(self, *, keeps_greys: bool) -> None:
        super().__init__()
        self._keeps_greys = keeps_greys

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same letters without a color."""
        keeps = self._keeps_greys
        ground = background.rgb
        plain: list[Segment] = []
        for text, style, control in segments:
            if style is None or control:
                plain.append(Segment(text, style, control))
            elif keeps and text and text[0] in _PICTURE:
                plain.append(Segment(text, monochrome_style(style)))
            else:
                plain.append(Segment(text, _attributes(style, ground)))
        return plain


@lru_cache(4096)
def _attributes(style: Style, ground: tuple[int, int, int]) -> Style:
    front, back = _rgb(style.color), _rgb(style.bgcolor)
    if style.reverse:
        front, back = back, front
    is_meant = back is not None and _apart(back, ground) > _MEANT
    below = back if back is not None else ground
    is_faint = not is_meant and front is not None and _apart(front, below) < _FAINT
    return Style(
        bold=style.bold,
        dim=True if is_faint and not style.bold else None,
        italic=style.italic,
        underline=style.underline,
        reverse=True if is_meant else None,
        strike=style.strike,
        meta=style.meta or None,
    )


def _rgb(color: object) -> tuple[int, int, int] | None:
    triplet = getattr(color, "triplet", None)
    return tuple(triplet) if triplet is not None else None


def _apart(a: tuple[int, int, int], b: tuple[int, int, int]) -> int:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))
