"""The Log tab: run.out or run.err, live."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label, Static

from remote.views import JobRow, JobState, LogChunk, LogFound, LogLines, LogPage
from tui.charts import Line, progress_bar
from tui.log_stretches import Stretch, backward, forward, other_stream
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.widgets.lines import text_of
from tui.widgets.log_view import Edge, LogView
from tui.words import bytes_words, count, eta, is_active, plural, reason_of, state_words

if TYPE_CHECKING:
    from tui.app import CryodeckApp

LOCAL_TAIL_S = 1.0
TAIL_S = 2.5
SLOW_TAIL_S = 10.0
_FROM_END = -262_144
_CHUNK = 262_144
COUNTED_BYTES = 64 << 20  # lines of a larger log are not counted, only found


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
        Binding("N", "again(0)", "previous match", show=False),
        Binding("e", "error", "first error"),
        Binding("B", "from_start", "from the beginning", show=False),
        Binding("escape", "stop", "stop searching", show=False),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-log")
        self.job_name = row.name
        self.stream = "out"
        self.next_byte = _FROM_END
        self.size_bytes = 0
        self._waiting = False
        self._asked_at = 0.0
        self._has_turned = False  # to run.err, as run.out says nothing
        self._trouble = ""
        self._plan: list[Stretch] = []
        self._sought = ""  # how far a search has come, while it goes on
        self._count = ""
        self._row = row

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
        """Ask for what was added, if anybody looks where it would stand."""
        if self._waiting or not self.display or self.screen is not self.app.screen:
            return
        if self.next_byte >= 0 and not self.view.is_near_end:
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
        what, self._trouble = message.what, ""
        if what == f"log-{self.stream}":
            self._waiting = False
            self._take(message.answer)
        elif what == f"before-{self.stream}":
            page: LogPage = message.answer
            if page.end == self.view.window.start:
                self.view.add_before(page.text, page.start, page.end)
                self._say()
        elif what == "find" and self._plan:
            self._found(message.answer)
        elif what == "count":
            lines: LogLines = message.answer
            self._count = plural(lines.count, "line") if lines.is_over else ""
            self._say()

    def _take(self, chunk: LogChunk) -> None:
        if chunk.was_truncated:
            self.view.clear()
            self.next_byte = 0
            self.ask()
            return
        left = chunk.size - chunk.offset - len(chunk.partial.encode())
        wanted = self.next_byte
        if chunk.start != wanted if wanted >= 0 else left > _CHUNK:
            return  # an answer to what was asked before one went elsewhere
        came = chunk.offset > max(wanted, 0)
        self.next_byte, self.size_bytes = chunk.offset, chunk.size
        self.view.has_more = left > 0
        if came or chunk.partial != self.view.partial:
            self.view.add(chunk.text, chunk.partial, chunk.start, chunk.offset)
        self._say()
        if came and left > 0:
            self.call_later(self.ask)
        elif not chunk.size:
            self._turn_to_errors()

    def _turn_to_errors(self) -> None:
        """Where a job has failed before it said anything, show why, once."""
        state = self._row.verdict.state
        has_failed = state.is_over and state is not JobState.SUCCEEDED
        if has_failed and self.stream == "out" and not self._has_turned:
            self._has_turned = True
            self.action_other()

    def on_refused(self, message: Refused) -> None:
        """Say what is wrong, once, below the log."""
        message.stop()
        if message.what.startswith("log-"):
            self._waiting = False
        if message.what == "find" and self._plan:
            self._look_only_here()
        if message.what != "count":
            self._trouble = message.reason
        self._say()

    def on_log_view_wanted(self, message: LogView.Wanted) -> None:
        """Fetch what lies beyond an edge."""
        message.stop()
        if message.edge is Edge.AFTER:
            self.ask()
        elif message.edge is Edge.BEFORE:
            name, stream = self.job_name, self.stream
            end = self.view.window.start
            self.app.bridge.ask(
                self,
                f"before-{stream}",
                lambda w: w.log_before(name, stream, end, _CHUNK),
            )
        else:
            self._restart(0 if message.edge is Edge.FIRST else _FROM_END)

    def show_row(self, row: JobRow) -> None:
        """Take how far the job is."""
        self._row = row
        if self.display:
            self._say()

    def _progress(self) -> Line:
        row = self._row
        if row.verdict.state.is_over:
            sign, word, role = state_words(row.verdict.state)
            reason = plain(reason_of(row))
            return [(f"   {sign} {word}", role), (f"  {reason}", "dim")]
        if row.progress is None or not is_active(row):
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
        elif self._sought:
            line.append((self._sought, "accent2"))
        else:
            line += self._place()
        line.append(
            ("   ● following", "run")
            if view.is_following
            else ("   ❚❚ G follows", "warn")
        )
        if view.pattern is not None and self._count and not self._sought:
            words = plain(view.pattern.text) or "errors"
            line.append((f"   {words}: {self._count}", "accent2"))
        line += self._progress()
        self.query_one("#log-status", Static).update(text_of(self, [line]))

    def _place(self) -> Line:
        """How much of the log is here, and where in it one is."""
        window, size = self.view.window, max(1, self.size_bytes)
        said = f"{count(len(window.texts))} lines"
        if window.start == 0 and not self.view.has_more:
            return [(said, "dim")]
        if not self.view.has_more:
            return [(f"the last {said} of {bytes_words(size)}", "dim")]
        first = 100 * window.start / size
        return [(f"{said} at {first:.0f} % of {bytes_words(size)}", "dim")]

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc leaves the job when there is no search to leave."""
        if action == "stop":
            return bool(self._plan) or self._is_typing
        return True

    @property
    def _is_typing(self) -> bool:
        return self.query_one("#search-line").has_class("shown")

    def action_other(self) -> None:
        """Show the other stream."""
        self.stream = other_stream(self.stream)
        self._count = ""
        self._restart(_FROM_END)

    def action_from_start(self) -> None:
        """Go to the first byte."""
        self._restart(0)

    def _restart(self, offset: int) -> None:
        self.next_byte, self.size_bytes = offset, 0
        self._waiting = False
        self.view.clear()
        self.view.is_following = offset < 0
        self._say()
        self.ask()

    def action_search(self) -> None:
        """Type what to look for."""
        self.query_one("#search-line").add_class("shown")
        self.query_one("#search", Input).focus()

    def action_stop(self) -> None:
        """Leave the search."""
        self._plan, self._sought = [], ""
        self.query_one("#search-line").remove_class("shown")
        self.view.focus()
        self._say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the first match from here on."""
        event.stop()
        self.action_stop()
        self._count = ""
        if not event.value:
            self.view.look_for(None)
            return
        self.view.look_for(event.value)
        self._follow(forward(self.view, self.stream, self.view.scroll_offset.y))
        self._ask_count()

    def action_again(self, is_forward: int) -> None:
        """Go to another match."""
        view = self.view
        if view.pattern is None:
            self.notify_none("nothing was looked for yet: / looks for a text")
        elif is_forward:
            self._follow(forward(view, self.stream, view.current + 1))
        else:
            self._follow(backward(view, self.stream, view.current))

    def action_error(self) -> None:
        """Go to the first line that tells of an error, in this stream or the other."""
        self.view.look_for("")
        self._count = ""
        streams = self.stream, other_stream(self.stream)
        self._follow([Stretch(stream=stream) for stream in streams])

    # searching

    def _follow(self, plan: list[Stretch]) -> None:
        """Look through stretches, one after another, until a line is found."""
        self._plan, self._sought = plan, ""
        self._look_on()

    def _look_on(self) -> None:
        while self._plan and self._plan[0].lines is not None:
            if self.view.find(self._plan.pop(0).lines or ()):
                self._plan = []
                self._say()
                return
        if self._plan:
            self._ask_for(self._plan[0])
            return
        pattern = self.view.pattern
        self._sought = ""
        if pattern is not None and pattern.text:
            self.notify_none(f"{pattern.text!r} is not in run.{self.stream}")
        else:
            self.notify_none("No error in run.out, none in run.err")
        self._say()

    def _ask_for(self, stretch: Stretch) -> None:
        name, text = self.job_name, self.view.pattern.text if self.view.pattern else ""
        self.app.bridge.ask(
            self,
            "find",
            lambda w: w.find_in_log(
                name,
                stretch.stream,
                text,
                start=stretch.start,
                end=stretch.end,
                is_backward=stretch.is_backward,
            ),
        )

    def _found(self, found: LogFound) -> None:
        stretch = self._plan[0]
        if found.page is not None:
            self._plan, self._sought = [], ""
            self._show(found.page, stretch.stream)
        elif found.is_over:
            self._plan.pop(0)
            self._look_on()
        else:
            stretch.go_on(found.reached)
            share = 100 * found.reached / max(1, found.size)
            self._sought = f"looking through it, at {share:.0f} %; Esc stops"
            self._say()
            self._look_on()

    def _show(self, page: LogPage, stream: str) -> None:
        is_other, self.stream = stream != self.stream, stream
        self.next_byte, self.size_bytes = page.end, page.size
        self.view.has_more = page.end < page.size
        self.view.show_page(page.text, page.start, page.end, page.line)
        if is_other or not self._count:
            self._ask_count()
        self._say()

    def _ask_count(self) -> None:
        """Have the lines counted, where that is cheap."""
        pattern = self.view.pattern
        if pattern is None or self.size_bytes > COUNTED_BYTES:
            return
        name, stream, text = self.job_name, self.stream, pattern.text
        self.app.bridge.ask(
            self, "count", lambda w: w.lines_in_log(name, stream, text, most=0)
        )

    def _look_only_here(self) -> None:
        """Without the cluster: the lines that are here."""
        self._plan, self._sought = [], ""
        if not self.view.find(range(len(self.view.texts))):
            self.notify_none("not in the lines that are here; the rest is out of reach")

    def notify_none(self, words: str) -> None:
        """Say that there is nothing to go to."""
        self.app.notify(words, markup=False, timeout=4)
