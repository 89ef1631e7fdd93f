"""One line of tabs; clicked, or chosen by keys of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from tui.palette import role_style

if TYPE_CHECKING:
    from textual.app import RenderResult


class TabBar(Widget):
    """Labels side by side; a mark behind a label tells of errors there."""

    DEFAULT_CSS = "TabBar { height: 1; background: $surface; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, bar: TabBar, index: int) -> None:
            super().__init__()
            self.bar = bar
            self.index = index

    def __init__(
        self,
        labels: Sequence[str],
        *,
        numbered: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.labels = list(labels)
        self.current = 0
        self.numbered = numbered
        self.marks: dict[int, tuple[str, str]] = {}
        self._ends: list[tuple[int, int, int]] = []

    def choose(self, index: int) -> None:
        """Show another tab as the current one."""
        self.current = index
        self.refresh()

    def mark(self, marks: dict[int, tuple[str, str]]) -> None:
        """Put (text, role) behind labels."""
        if marks != self.marks:
            self.marks = marks
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the labels; those that do not fit move out on the left."""
        theme = self.app.theme
        parts: list[Text] = []
        for index, label in enumerate(self.labels):
            chosen = index == self.current
            part = Text()
            if self.numbered:
                style = "key on cursor" if chosen else "faint"
                part.append(f" {index + 1}", role_style(theme, style))
            style = "title on cursor" if chosen else "dim"
            part.append(f" {label} ", role_style(theme, style))
            if index in self.marks:
                text, role = self.marks[index]
                ground = " on cursor" if chosen else ""
                part.append(text + " ", role_style(theme, role + ground))
            parts.append(part)
        width = self.size.width
        first = 0
        while first < self.current and (
            sum(p.cell_len + 1 for p in parts[first : self.current + 1]) > width - 2
        ):
            first += 1
        line = Text("‹" if first else " ", role_style(theme, "faint"))
        self._ends = []
        for index in range(first, len(parts)):
            start = line.cell_len
            line += parts[index]
            self._ends.append((index, start, line.cell_len))
            line.append(" ")
        if line.cell_len > width + 1:
            line.truncate(max(1, width - 1))
            line.append("›", role_style(theme, "faint"))
        return line

    def on_click(self, event: Click) -> None:
        """Choose what is under the mouse."""
        for index, start, end in self._ends:
            if start <= event.x < end:
                self.post_message(self.Chosen(self, index))
