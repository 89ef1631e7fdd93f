"""From lines of (text, role) to what Textual shows; never through markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text
from textual.actions import SkipAction
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.palette import role_style

if TYPE_CHECKING:
    from textual.widget import Widget

    from tui.charts import Line


def theme_of(widget: Widget) -> str:
    """Name of the theme in use."""
    return widget.app.theme


def strip_of(widget: Widget, line: Line, width: int, ground: str = "") -> Strip:
    """A line as a strip of exactly `width` cells on the widget's own ground."""
    theme = theme_of(widget)
    suffix = f" on {ground}" if ground else ""
    segments = [
        Segment(text, role_style(theme, role if " on " in role else role + suffix))
        for text, role in line
        if text
    ]
    strip = Strip(segments).adjust_cell_length(
        width, role_style(theme, "text" + suffix)
    )
    return strip.apply_style(widget.rich_style)


def text_of(widget: Widget, lines: Sequence[Line]) -> Text:
    """Lines as one Text, for a Static."""
    theme = theme_of(widget)
    text = Text(no_wrap=False)
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for part, role in line:
            text.append(part, role_style(theme, role))
    return text


class LinesView(ScrollView, can_focus=True):
    """Lines that scroll; only those on screen are drawn."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []

    def show_lines(self, lines: list[Line]) -> None:
        """Put other lines in; the scroll stays where it can."""
        self.lines = lines
        widest = max((sum(len(text) for text, _ in line) for line in lines), default=0)
        self.virtual_size = Size(widest, len(lines))
        self.refresh()

    def action_page_up(self) -> None:
        """At once: the frames of a glide cost more than they show."""
        self._turn_page(self.scroll_page_up)

    def action_page_down(self) -> None:
        """At once, as the other way."""
        self._turn_page(self.scroll_page_down)

    def _turn_page(self, turn: Callable[..., None]) -> None:
        if not self.allow_vertical_scroll:
            raise SkipAction
        turn(animate=False)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at = y + self.scroll_offset.y
        left, width = self.scroll_offset.x, self.size.width
        line = self.lines[at] if 0 <= at < len(self.lines) else []
        whole = strip_of(self, line, max(width + left, 1))
        return whole.crop(left, left + width)
