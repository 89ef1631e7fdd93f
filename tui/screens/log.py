"""The Log tab: run.out or run.err, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from remote.views import JobRow, LogChunk
from tui.charts import Line, progress_bar
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.widgets.lines import text_of
from tui.widgets.log_view import LogView, is_error
from tui.words import count, eta, is_active

if TYPE_CHECKING:
    from tui.app import CryodeckApp

LOCAL_TAIL_S = 1.0
TAIL_S = 2.5
SLOW_TAIL_S = 10.0
_FROM_END = -262_144
_CHUNK = 262_144


class LogPane(Vertical):
    """Tail of a job's log; only new bytes are asked for."""

    app: CryodeckApp
    DEFAULT_CSS = """
    LogPane { height: 1fr; }
    LogPane LogView { height: 1fr; padding: 0 1; }
    LogPane #log-status { height: 1; background: $surface; padding: 0 1; }
    LogPane #search-line { height: 1; display: none; background: $panel; }
    LogPane #search-line.shown { display: block; }
    LogPane #search-line > Label { width: 9; padding: 0 1; color: $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "other", "out / err"),
        Binding("slash", "search", "search"),
        Binding("n", "again(1)", "next match", show=False),
        Binding("N", "again(0)", "match before", show=False),
        Binding("e", "error", "first error"),
        Binding("B", "from_start", "from the beginning", show=False),
    ]

    def __init__(self, name: str) -> None:
        super().__init__(id="pane-log")
        self.job_name = name
        self.stream = "out"
        self.next_byte = _FROM_END
        self.size_bytes = 0
        self._waiting = False
        self._asked_at = 0.0
        self._trouble = ""
        self._skipped = 0
        self._seeks_error = False
        self._row: JobRow | None = None

    def compose(self) -> ComposeResult:
        """Log, search, state."""
        yield LogView(id="log")
        with Horizontal(id="search-line"):
            yield Label("search")
            yield Input(id="search", compact=True)
        yield Static(id="log-status")

    @property
    def view(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def on_mount(self) -> None:
        """Begin to follow."""
        cluster = self.app.bridge.cluster
        local = cluster is not None and cluster.session == "local"
        self.set_interval(LOCAL_TAIL_S if local else TAIL_S, self._ask_at_pace)
        self.ask()

    def _ask_at_pace(self) -> None:
        now = time.monotonic()
        if not self.app.is_slow or now - self._asked_at > SLOW_TAIL_S:
            self.ask()

    def activate(self) -> None:
        """Come to the front."""
        self.view.focus()
        self.ask()

    def ask(self) -> None:
        """Ask for what was added, if anybody looks."""
        if self._waiting or not self.display or self.screen is not self.app.screen:
            return
        self._waiting = True
        self._asked_at = time.monotonic()
        name, stream, offset = self.job_name, self.stream, self.next_byte
        self.app.bridge.ask(
            self, f"log-{stream}", lambda w: w.log(name, stream, offset, _CHUNK)
        )

    def on_answered(self, message: Answered) -> None:
        """Add what came."""
        message.stop()
        self._waiting = False
        if message.what != f"log-{self.stream}":
            return
        chunk: LogChunk = message.answer
        self._trouble = ""
        if chunk.was_truncated:
            self.view.clear()
            self.next_byte = 0
            self.ask()
            return
        if self.next_byte < 0:
            self._skipped = max(0, chunk.offset - len(chunk.text.encode()))
        self.next_byte, self.size_bytes = chunk.offset, chunk.size
        if chunk.text or chunk.partial != self.view.partial:
            self.view.add(chunk.text, chunk.partial)
        self._say()
        if chunk.text and chunk.offset < chunk.size - len(chunk.partial.encode()):
            self.call_later(self.ask)
        elif self._seeks_error:
            self._end_seeking()

    def on_refused(self, message: Refused) -> None:
        """Say what is wrong, once, below the log."""
        message.stop()
        self._waiting = False
        self._trouble = message.reason
        self._say()

    def show_row(self, row: JobRow) -> None:
        """Take how far the job is."""
        self._row = row
        if self.display:
            self._say()

    def _progress(self) -> Line:
        row = self._row
        if row is None or row.progress is None or not is_active(row):
            return []
        progress = row.progress
        words = f" {progress.done:g}/{progress.total:g} {plain(progress.unit)}"
        left = eta(progress, time.time())
        if left:
            words += f", {left}"
        bar = progress_bar(progress.done, progress.total, 12)
        return [("   ", "dim"), *bar, (words, "dim")]

    def _say(self) -> None:
        view = self.view
        line: Line = [(f"run.{self.stream} ", "title")]
        if self._trouble:
            line.append((plain(self._trouble), "warn"))
        elif not self.size_bytes:
            line.append(("empty or not there yet", "dim"))
        else:
            line.append((f"{count(len(view.texts))} lines", "dim"))
            if self._skipped > 0:
                line.append(
                    (f" · {count(self._skipped)} bytes before, B loads them", "faint")
                )
        line.append(
            ("   ● following", "run")
            if view.is_following
            else ("   ❚❚ G follows", "warn")
        )
        line += self._progress()
        self.query_one("#log-status", Static).update(text_of(self, [line]))

    # actions

    def action_other(self) -> None:
        """Show the other stream."""
        self.stream = "err" if self.stream == "out" else "out"
        self._restart(_FROM_END)

    def action_from_start(self) -> None:
        """Read from the first byte."""
        self._restart(0)

    def _restart(self, offset: int) -> None:
        self.next_byte, self.size_bytes, self._skipped = offset, 0, 0
        self._waiting = False
        self.view.clear()
        self.view.is_following = offset < 0
        self._say()
        self.ask()

    def action_error(self) -> None:
        """Go to the first line that tells of an error, of the other stream if need be.

        Only the lines that are here are looked through.
        """
        if not self.view.first_error():
            self._seeks_error = True
            self.action_other()
        self._say()

    def _end_seeking(self) -> None:
        """The other stream has been read: go to its first error, or back."""
        self._seeks_error = False
        if any(is_error(line) for line in self.view.texts):
            self.view.is_following = False
            # not before the new lines have their place to scroll to
            self.set_timer(0.1, self.view.first_error)
            return
        self.action_other()
        self.app.notify(
            "No error in the lines that are here, of run.out and of run.err", timeout=4
        )

    def action_search(self) -> None:
        """Type what to look for."""
        self.query_one("#search-line").add_class("shown")
        self.query_one("#search", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the first match."""
        event.stop()
        self.query_one("#search-line").remove_class("shown")
        self.view.focus()
        if not self.view.find(event.value):
            self.app.notify(f"{event.value!r} is not there", markup=False, timeout=4)
        self._say()

    def action_again(self, forward: int) -> None:
        """Go to another match."""
        if self.view.needle:
            self.view.find(self.view.needle, forward=bool(forward))
            self._say()
