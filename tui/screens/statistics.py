"""The Statistics tab: what came out, alone or beside another job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from remote.views import HowFar, JobRow, Statistics
from tui.charts import Line, wrapped
from tui.class_matches import match_lines
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.widgets.lines import LinesView
from tui.widgets.statistics_lines import statistics_lines
from tui.words import age, how_far_words, is_active

if TYPE_CHECKING:
    from textual.events import Resize

    from tui.app import CryodeckApp

AGAIN_S = 10.0
MOST_WARNINGS = 2


class StatisticsPane(LinesView):
    """Totals, histograms and bars; `c` puts another job of the type beside them."""

    app: CryodeckApp
    DEFAULT_CSS = "StatisticsPane { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "compare", "compare with"),
        Binding("r", "again", "refresh"),
        Binding("e", "export", "export"),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-statistics")
        self.row = row
        self.mine: Statistics | None = None
        self.theirs: Statistics | None = None
        self._matched: dict[str, Any] | None = None
        self._trouble = ""
        self._asked_at = 0.0
        self._is_counting = False
        self._is_stale = False  # something happened while it was being counted
        self._far = ""

    def on_mount(self) -> None:
        """Ask at once."""
        self.show_lines([[], [("  reading …", "dim")]])
        self.ask()

    def activate(self) -> None:
        """Come to the front."""
        self.focus()
        wanted = is_active(self.row) or self.mine is None
        if wanted and not self._is_counting:
            self.ask()

    def show_row(self, row: JobRow) -> None:
        """Count again while the job goes on, and once when it is over."""
        ended = is_active(self.row) and not is_active(row)
        self.row = row
        if not self.display:
            return
        is_old = time.monotonic() - self._asked_at > AGAIN_S
        if ended or (is_active(row) and is_old and not self._is_counting):
            self.ask()

    def ask(self) -> None:
        """Have the job's files counted."""
        if self._is_counting:
            self._is_stale = True  # to begin anew now would take longer still
            return
        self._is_counting = True
        self._asked_at = time.monotonic()
        name = self.row.name
        self.app.bridge.ask(
            self, "statistics", lambda w: w.statistics(name, on_progress=self._tell)
        )

    def _counted(self) -> None:
        self._is_counting, self._far = False, ""
        if self._is_stale:
            self._is_stale = False
            self.ask()

    def _tell(self, far: HowFar) -> None:
        """Say how far the counting is, while there is nothing else to show."""
        self._far = f"counting: {how_far_words(far)} …"
        if self.mine is None and self.is_attached:
            self._write()

    def on_answered(self, message: Answered) -> None:
        """Draw what came."""
        message.stop()
        self._trouble = ""
        if message.what == "statistics":
            self._counted()
            self.mine = message.answer
        elif message.what == "classes":
            self._matched = message.answer
        else:
            self.theirs = message.answer
        self._write()

    def on_refused(self, message: Refused) -> None:
        """Say why there is nothing."""
        message.stop()
        self._trouble = message.reason
        if message.what == "statistics":
            self._counted()
        self._write()

    def on_resize(self, event: Resize) -> None:
        """Draw for the new width."""
        self._write()

    def _write(self) -> None:
        width = self.size.width - 1  # the scrollbar stands there when there is more
        if width < 9:
            return
        if self.mine is None:
            words = self._trouble or self._far or "reading …"
            said: Line = [("  " + plain(words), "warn" if self._trouble else "dim")]
            lines = [[], *wrapped(said, self.size.width, 4)]
            if self._far and not self._trouble:
                leave = "  Esc stops it; the other views answer meanwhile"
                lines.append([(leave, "dim")])
            self.show_lines(lines)
            return
        other = self.theirs.values if self.theirs is not None else None
        names = (self.mine.job, self.theirs.job if self.theirs is not None else "")
        beside: list[Line] = []
        if self._matched is not None and self.theirs is not None:
            beside = match_lines(self._matched, names, width - 2)
        lines = statistics_lines(
            self.mine.type,
            self.mine.values,
            width,
            other=other,
            names=names,
            beside=beside,
        )
        lines = [*self._warnings(), *lines]
        when = age(self.mine.taken_at, time.time())
        lines += [
            [],
            [(f"counted {when}", "faint"), (f"  {plain(self._trouble)}", "warn")],
        ]
        self.show_lines(lines)

    def _warnings(self) -> list[Line]:
        """What could not be counted, first and in few lines."""
        found = self.mine.warnings if self.mine is not None else ()
        more = len(found) - MOST_WARNINGS
        words = [*found[:MOST_WARNINGS], *([f"and {more} more"] if more > 0 else [])]
        lines: list[Line] = []
        for one in words:
            lines += wrapped([("  " + plain(one), "warn")], self.size.width, 4)
        return [[], *lines] if lines else []

    def action_again(self) -> None:
        """Count again."""
        self.ask()

    def action_export(self) -> None:
        """Ask for a file on this machine; what it ends with says the format."""
        from tui.exporting import as_csv, as_json
        from tui.screens.to_file import ask_where

        mine = self.mine
        if mine is None:
            return
        ask_where(
            self.app,
            "Export to a file on this machine",
            mine.job.rstrip("/").replace("/", "_") + "_statistics.csv",
            lambda path: (as_json if path.suffix.lower() == ".json" else as_csv)(mine),
            hint=".csv: one number a line; .json: as docs/statistics.md says.",
            endings=(".csv", ".json"),
        )

    def action_compare(self) -> None:
        """Choose another job of the same type."""
        from tui.screens.dialogs import ask_other_job

        def beside(name: str) -> None:
            self.theirs = self._matched = None
            if name:
                self._ask_beside(name)
            self._write()

        nobody = "none: this job alone"
        ask_other_job(self, self.row, "Compare with", beside, nobody=nobody)

    def _ask_beside(self, name: str) -> None:
        """Ask for another job's numbers; of 2D classifications also who is who."""
        mine, ask = self.row.name, self.app.bridge.ask
        ask(self, "other", lambda w: w.statistics(name))
        if self.row.type == "class2d":
            ask(self, "classes", lambda w: w.class_overlap(mine, name))
