"""Several jobs at once: state, progress and the last lines of each."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual.events import Click, Resize
from textual.message import Message

from remote.views import JobRow, LogChunk
from tui.charts import Line, progress_bar
from tui.plain import plain, shortened
from tui.widgets.lines import LinesView
from tui.widgets.log_view import relion_bar, role_of
from tui.words import displayed_name, eta, is_active, state_words

KEPT_LINES = 60


class Tail:
    """The last lines of one job's log; never more than a few."""

    def __init__(self) -> None:
        self.next_byte = -8192
        self.lines: list[str] = []
        self.partial = ""

    def take(self, chunk: LogChunk) -> None:
        """Add what was written."""
        if chunk.was_truncated:
            self.lines = []
        new = [plain(line) for line in chunk.text.split("\n")[-KEPT_LINES - 1 :]]
        if new and new[-1] == "":
            new.pop()
        self.lines = [*self.lines, *new][-KEPT_LINES:]
        self.partial = plain(chunk.partial)
        self.next_byte = 0 if chunk.was_truncated else chunk.offset

    def last(self, count: int) -> list[str]:
        """The newest lines, the unfinished one last."""
        shown = [line for line in self.lines if line.strip()]
        if self.partial.strip():
            shown.append(self.partial)
        return shown[-count:] if count > 0 else []


class WatchView(LinesView):
    """As many jobs as fit, the height shared among them; a click opens one."""

    DEFAULT_CSS = """
    WatchView { padding: 0 1; background: $surface; overflow: hidden hidden; }
    """

    class Opened(Message):
        """The person wants to see a job's log."""

        def __init__(self, row: JobRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: list[JobRow] = []
        self.tails: dict[str, Tail] = {}
        self._owners: list[JobRow | None] = []

    def show_rows(self, rows: Sequence[JobRow]) -> None:
        """Watch these jobs, in this order."""
        self.rows = list(rows)
        names = {row.name for row in rows}
        self.tails = {n: t for n, t in self.tails.items() if n in names}
        for name in names:
            self.tails.setdefault(name, Tail())
        self.draw()

    def fitting(self) -> list[JobRow]:
        """Jobs that there is room for: two lines each at least."""
        return self.rows[: max(1, self.size.height // 2)]

    def wanted(self) -> list[tuple[str, int]]:
        """What to ask of the logs: (path, offset)."""
        return [
            (f"{row.name}/run.out", self.tails[row.name].next_byte)
            for row in self.fitting()
        ]

    def take(self, chunks: Sequence[LogChunk | None]) -> None:
        """Add what came, in the order of `wanted`."""
        by_path = {chunk.path: chunk for chunk in chunks if chunk is not None}
        changed = False
        for row in self.rows:
            chunk = by_path.get(f"{row.name}/run.out")
            tail = self.tails[row.name]
            if chunk is not None and (chunk.text or chunk.partial != tail.partial):
                changed = True
            if chunk is not None:
                tail.take(chunk)
        if changed:
            self.draw()

    def draw(self) -> None:
        """Share the height out and write."""
        width, height = max(20, self.size.width - 2), max(2, self.size.height)
        if not self.rows:
            self._owners = [None]
            self.show_lines([[("no job is under way; Space selects others", "dim")]])
            return
        shown = self.fitting()
        each = height // len(shown)
        lines: list[Line] = []
        self._owners = []
        for row in shown:
            part = [self._head(row, width)]
            for text in self.tails[row.name].last(each - 1):
                bar = relion_bar(text, width - 2)
                line = bar or [("  " + shortened(text, width - 2), role_of(text))]
                part.append(line)
            part += [[]] * (each - len(part))
            lines += part
            self._owners += [row] * len(part)
        hidden = len(self.rows) - len(shown)
        if hidden and lines:
            lines[-1] = [*lines[-1][:1], (f"  and {hidden} more", "faint")]
        self.show_lines(lines)

    def _head(self, row: JobRow, width: int) -> Line:
        sign, word, role = state_words(row.verdict.state)
        alias = f" {plain(displayed_name(row))}" if row.alias else ""
        line: Line = [
            (f"{sign} ", role),
            (plain(row.name), "title"),
            (alias, "accent2"),
            (f"  {word}", role),
        ]
        progress = row.progress
        if progress is not None and progress.total > 0 and is_active(row):
            line += [("  ", "dim"), *progress_bar(progress.done, progress.total, 12)]
            words = f" {progress.done:g}/{progress.total:g} {plain(progress.unit)}"
            left = eta(progress, time.time())
            line.append((words + (f", {left}" if left else ""), "dim"))
        return line

    def on_resize(self, event: Resize) -> None:
        """Share the height anew."""
        self.draw()

    def on_click(self, event: Click) -> None:
        """Open the job whose lines were clicked."""
        at = event.y + self.scroll_offset.y
        row = self._owners[at] if 0 <= at < len(self._owners) else None
        if row is not None:
            self.post_message(self.Opened(row))
