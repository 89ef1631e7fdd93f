"""Which cells of a widget nothing lies over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

Columns = tuple[int, int]  # the first, and the one after the last


def free_columns(
    widget: Widget, above: Sequence[Screen[object]]
) -> dict[int, list[Columns]]:
    """Columns of each row of the screen where nothing lies over a widget."""
    found = widget.screen._compositor.visible_widgets.get(widget)
    if found is None:
        return {}
    content = widget.content_region.intersection(found[1])
    free: dict[int, list[Columns]] = {}
    for y in range(content.y, content.bottom):
        spans = [(content.x, content.right)]
        for over in _over(widget, above, y):
            if over.x < content.right and over.right > content.x:
                spans = list(_without(spans, over.x, over.right))
        free[y] = spans
    return free


def free_rectangles(free: dict[int, list[Columns]], place: Region) -> Iterable[Region]:
    """Free rectangles of a place; rows that are alike are one."""
    before: list[Columns] = []
    start = place.y
    for y in range(place.y, place.bottom + 1):
        now = [
            (max(a, place.x), min(b, place.right))
            for a, b in (free.get(y, ()) if y < place.bottom else ())
            if a < place.right and b > place.x
        ]
        if now != before:
            for a, b in before:
                yield Region(a, start, b - a, y - start)
            before, start = now, y


def _over(widget: Widget, above: Sequence[Screen[object]], y: int) -> Iterable[Region]:
    """Regions of this row that belong to what lies over a widget."""
    for screen in above:
        layers = screen._compositor.layers_visible
        if y < len(layers):
            for other, cropped, _ in layers[y]:
                if other is not screen and not _is_glass(other):
                    yield cropped
    layers = widget.screen._compositor.layers_visible
    for other, cropped, _ in layers[y] if y < len(layers) else ():
        if other is widget:
            return
        if widget not in other.ancestors and not _is_glass(other):
            yield cropped


def _is_glass(widget: Widget) -> bool:
    """Whether a widget only holds others and lets everything be seen."""
    styles = widget.styles
    is_empty = styles.background.a == 0 and not styles.has_rule("border")
    return is_empty and bool(widget.children)


def _without(spans: Iterable[Columns], first: int, end: int) -> Iterable[Columns]:
    for a, b in spans:
        if a < first:
            yield a, min(b, first)
        if b > end:
            yield max(a, end), b
