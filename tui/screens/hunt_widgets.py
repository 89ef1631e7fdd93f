"""Parts of the threshold hunt: a histogram one can point at, counts by micrograph."""

from __future__ import annotations

import math

from textual.events import Click, MouseMove, Resize
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.charts import Line, bar, histogram
from tui.plain import plain
from tui.widgets.lines import LinesView, strip_of
from tui.words import count


class FomHistogram(Widget, can_focus=True):
    """Stored picks by figure of merit; those below the threshold are pale."""

    class Pointed(Message):
        """The mouse put the threshold somewhere."""

        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

    def __init__(self) -> None:
        super().__init__()
        self._scores: list[float] = []
        self._threshold = 0.0
        self._lines: list[Line] = []
        self._span = (0.0, 1.0)

    def show_scores(self, scores: list[list[float]]) -> None:
        """Put picks in."""
        self._scores = sorted(s for some in scores for s in some)
        self._draw()

    def show_threshold(self, threshold: float) -> None:
        """Move the threshold."""
        self._threshold = threshold
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Other room, other bins."""
        self._draw()

    def _draw(self) -> None:
        scores, width = self._scores, self.size.width
        if not scores or width < 12:
            return
        bins = min(width - 6, 60)
        # the strongest half percent would squeeze all others together
        high = scores[-1 - len(scores) // 200]
        low = math.floor(100 * min(scores[0], self._threshold)) / 100
        high = max(high, self._threshold, low + 1e-6)
        self._span = (low, high)
        counts = [0] * bins
        for score in scores:
            at = min(bins - 1, int(bins * (score - low) / (high - low)))
            counts[at] += 1
        edges = [low + (high - low) * i / bins for i in range(bins + 1)]
        self._lines = histogram(
            edges, counts, width, self.size.height - 1, threshold=self._threshold
        )
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        line = self._lines[y] if y < len(self._lines) else []
        return strip_of(self, line, self.size.width)

    def _point(self, x: int) -> None:
        if not self._lines:
            return
        gutter = len(self._lines[-1][0][0])
        room = max(1, self.size.width - gutter)
        low, high = self._span
        fraction = min(1.0, max(0.0, (x - gutter) / room))
        self.post_message(self.Pointed(low + fraction * (high - low)))

    def on_click(self, event: Click) -> None:
        """Put the threshold there."""
        self._point(event.x)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Draw it along with the button held."""
        if event.button == 1:
            self._point(event.x)


class CountList(LinesView, can_focus=False):
    """Micrographs with the picks that are stored and those that would stay."""

    class Chosen(Message):
        """A micrograph was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(id="hunt-counts")
        self._cursor = 0
        self._names: list[str] = []
        self._own: list[int] = []
        self._counts: list[int] = []

    def show_counts(
        self, names: list[str], own: list[int], counts: list[int], cursor: int
    ) -> None:
        """Put numbers in; the cursor stays in sight."""
        self._names, self._own, self._counts = names, own, counts
        moved, self._cursor = cursor != self._cursor, cursor
        self.show_lines([[] for _ in names])
        if moved:
            top, height = self.scroll_offset.y, max(1, self.size.height)
            if cursor < top:
                self.scroll_to(y=cursor, animate=False)
            elif cursor >= top + height:
                self.scroll_to(y=cursor - height + 1, animate=False)

    def render_line(self, y: int) -> Strip:
        """One micrograph."""
        at, width = y + self.scroll_offset.y, self.size.width
        if at >= len(self._names):
            return strip_of(self, [], width)
        name = plain(self._names[at]).rpartition("/")[2].rpartition(".")[0]
        room, bars = max(6, width - 24), 8
        if len(name) > room:
            name = "…" + name[len(name) - room + 1 :]
        kept, own = self._counts[at], self._own[at]
        most = max(self._own, default=1)
        line: Line = [
            (" " + name.ljust(room), "text"),
            (count(kept).rjust(6), "title"),
            (" " + count(own).rjust(6) + " ", "faint"),
            (bar(kept, most, bars).ljust(bars), "bar"),
        ]
        return strip_of(self, line, width, "cursor" if at == self._cursor else "")

    def on_click(self, event: Click) -> None:
        """Choose by mouse."""
        at = event.y + self.scroll_offset.y
        if at < len(self._names):
            self.post_message(self.Chosen(at))
