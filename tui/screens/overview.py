"""The Overview tab: the verdict and its witnesses, what feeds what, what to do next."""

from __future__ import annotations

import textwrap
import time
from typing import TYPE_CHECKING

from remote.views import JobRow, JobState
from tui.charts import Line, progress_bar, wrapped
from tui.plain import plain
from tui.widgets.lines import LinesView
from tui.words import age, clock, duration, eta, is_active, reason_of, state_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Resize

    from engine.jobs.hints import Hint
    from tui.app import CryodeckApp


class OverviewPane(LinesView):
    """All that is known about a job, in the order of what one asks first."""

    app: CryodeckApp
    DEFAULT_CSS = "OverviewPane { height: 1fr; padding: 0 1; overflow-x: hidden; }"

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-overview")
        self.row = row
        self.continue_words = ""
        self.hints: tuple[Hint, ...] = ()

    def on_mount(self) -> None:
        """Ages grow."""
        self.set_interval(1.0, self._write)

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        self._write()

    def show_row(self, row: JobRow) -> None:
        """Show the job as it stands now."""
        self.row = row
        self._write()

    def say_continue(self, words: str) -> None:
        """Tell what Continue! would do."""
        self.continue_words = words
        self._write()

    def _write(self) -> None:
        if not self.display or self.size.width < 10:
            return
        width = self.size.width - 1  # the scrollbar stands there when there is more
        lines = [
            *self._verdict(width),
            *(self._now(width) if self._has_failed else self._hints(width)),
            *self._witnesses(width),
            *self._times(width),
            *self._files(width),
            *([] if self._has_failed else self._continue(width)),
        ]
        self.show_lines(lines)

    @property
    def _has_failed(self) -> bool:
        state = self.row.verdict.state
        return state.is_over and state is not JobState.SUCCEEDED

    def _now(self, width: int) -> list[Line]:
        """What one does about a job that did not succeed."""
        keys: Line = [("Now", "faint"), ("   4", "key"), (" shows its log", "dim")]
        if not self.app.read_only:
            keys += [("   Y", "key"), (" a new job with this form", "dim")]
        return [[], keys, *self._continue(width)]

    def _verdict(self, width: int) -> list[Line]:
        row, now = self.row, time.time()
        sign, word, role = state_words(row.verdict.state)
        lines: list[Line] = [[], [(f"{sign} {word}", role)]]
        for part in textwrap.wrap(plain(reason_of(row)), max(20, width - 2)):
            lines.append([("  " + part, "text")])
        if row.verdict.advice:
            for part in textwrap.wrap(plain(row.verdict.advice), max(20, width - 4)):
                lines.append([("  → " + part, "accent2")])
        if row.progress is not None and row.progress.total > 0:
            p = row.progress
            bar = progress_bar(p.done, p.total, min(40, width // 2))
            words = f"  {p.done:g} of {p.total:g} {plain(p.unit)}"
            if is_active(row):
                words += f", {eta(p, now)}" if eta(p, now) else ""
                words += f" (said {age(p.at, now)})"
            lines += wrapped([("  ", "text"), *bar, (words, "dim")], width, 4)
        if row.summary and row.summary != row.verdict.reason:
            lines += wrapped([("  " + plain(row.summary), "title")], width, 4)
        return lines

    def _witnesses(self, width: int) -> list[Line]:
        now = time.time()
        lines: list[Line] = [[], [("Evidence", "faint")]]
        for witness in self.row.verdict.witnesses:
            when = age(witness.at, now) if witness.at is not None else ""
            line: Line = [
                ("  " + plain(witness.name).ljust(14), "dim"),
                (plain(witness.says).ljust(34), "text"),
                (" " + when, "faint"),
            ]
            lines += wrapped(line, width, 16)
        return lines

    def _times(self, width: int) -> list[Line]:
        row = self.row
        parts = []
        if row.started_at is not None:
            parts.append(f"started {clock(row.started_at)}")
            end = row.ended_at or (time.time() if is_active(row) else None)
            if end is not None:
                parts.append(f"took {duration(end - row.started_at)}")
        elif row.ended_at is not None:
            parts.append(f"ended {clock(row.ended_at)}")
        if row.scheduler_id:
            parts.append(f"scheduler id {plain(row.scheduler_id)}")
        nothing = "not known" if row.verdict.state.is_over else "none yet"
        words = " · ".join(parts) or nothing
        return [[], *wrapped([("Times  ", "faint"), (words, "dim")], width, 7)]

    def _files(self, width: int) -> list[Line]:
        row, overview = self.row, self.app.bridge.overview
        jobs = overview.jobs if overview is not None else ()
        aliases = {job.name: job.alias for job in jobs}
        lines: list[Line] = [[], [("Input to this job", "faint")]]
        for name in row.inputs:
            alias = plain(aliases.get(name, "")).rstrip("/")
            line = [("  " + plain(name), "text"), (f"  {alias}", "accent2")]
            lines += wrapped(line, width, 4)
        if not row.inputs:
            lines.append([("  no other job", "dim")])
        lines.append([("Output from this job", "faint")])
        for node in row.outputs:
            line = [("  " + plain(node.name), "text")]
            line.append((f"  {plain(node.kind)}", "faint"))
            lines += wrapped(line, width, 4)
        if not row.outputs:
            lines.append([("  nothing yet", "dim")])
        users = [job.name for job in jobs if row.name in job.inputs]
        if users:
            lines.append([("Used as input by", "faint")])
            for name in users:
                lines += wrapped([("  " + plain(name), "text")], width, 4)
        return lines

    def say_hints(self, hints: Sequence[Hint]) -> None:
        """Tell what usually comes next."""
        self.hints = tuple(hints)
        self._write()

    def _hints(self, width: int) -> list[Line]:
        if not self.hints:
            return []
        lines: list[Line] = [
            [],
            [("Next", "faint"), ("   x", "key"), (" starts one of these", "dim")],
        ]
        for hint in self.hints:
            line: Line = [("  " + plain(hint.title), "text")]
            line.append((f"  {plain(hint.reason)}", "faint"))
            lines += wrapped(line, width, 4)
        return lines

    def _continue(self, width: int) -> list[Line]:
        if not self.continue_words:
            return []
        head: Line = [("What Continue! will do", "faint")]
        if not is_active(self.row) and not self.app.read_only:
            head += [("   G", "key"), (" does it", "dim")]
        lines: list[Line] = [[], head]
        for part in textwrap.wrap(plain(self.continue_words), max(20, width - 2)):
            lines.append([("  " + part, "text")])
        return lines
