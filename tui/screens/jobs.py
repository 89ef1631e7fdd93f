"""The job list of a project."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Resize
from textual.message import Message
from textual.widgets import Input, Label, Static

from remote.views import JobRow, JobState, LinkState
from tui.charts import Line, clipped
from tui.messages import Answered, LinkChanged, OverviewArrived, ProjectOpened, Refused
from tui.plain import plain
from tui.screens.job_deeds import JobDeeds
from tui.screens.watch import WatchPane, watched
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.job_table import SORTS, JobTable
from tui.widgets.lines import LinesView, text_of
from tui.words import age, is_active, plural, reason_of, seen_words

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

_VERBS = {"new", "clone", "abort", "go_on", "alias", "mark", "run", "clean", "delete"}


class JobsScreen(JobDeeds):
    """Every job with its verdict, live."""

    app: CryodeckApp
    HELP_TEXT = (
        "One line per job. A status is never guessed: it comes from RELION's pipeline, "
        "the marker files, the scheduler and the exit status, and the lines below the "
        "list say which.\n\nThe filter takes several words; !word hides jobs with that "
        "word. Space selects jobs; abort, mark, clean up and delete then act on all of "
        "them."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new job"),
        Binding("x", "at_once('next_job')", "next job"),
        Binding("l", "open_tab('log')", "log"),
        Binding("t", "open_tab('statistics')", "statistics"),
        Binding("slash", "filter", "filter"),
        Binding("p", "open_tab('pictures')", "pictures"),
        Binding("s", "sort", "sort"),
        Binding("a", "alias", "alias"),
        Binding("A", "abort", "abort"),
        Binding("G", "go_on", "continue", show=False),
        Binding("m", "mark", "mark finished or failed"),
        Binding("r", "refresh_now", "refresh"),
        Binding("v", "watch", "logs of running jobs"),
        Binding("w", "graph", "job graph"),
        Binding("Q", "queues", "queues of the cluster", show=False),
        Binding("d", "difference", "difference from another job", show=False),
        Binding("Y,c", "clone", "new job with this form", show=False),
        Binding("P", "at_once('by_hand')", "open by hand", show=False),
        Binding("H", "at_once('hunt')", "threshold hunt", show=False),
        Binding("T", "at_once('stack')", "particles", show=False),
        Binding("M", "at_once('notebook')", "how it was made", show=False),
        Binding("C", "clean", "clean up", show=False),
        Binding("D", "delete", "delete", show=False),
        Binding("escape", "back", "back", show=False),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, cluster: Cluster, project: str) -> None:
        super().__init__()
        self.cluster, self.project = cluster, project
        self._watched: set[str] = set()

    def compose(self) -> ComposeResult:
        """Place, list, details of the job under the cursor, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project or "~")
        yield Static(id="notice")
        yield JobTable(id="table")
        yield WatchPane()
        with Horizontal(id="filter-line"):
            yield Label("filter")
            yield Input(id="filter", compact=True, select_on_focus=False)
        yield LinesView(id="detail")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what is known already."""
        self.query_one("#detail").can_focus = False
        self.table.focus()
        bridge = self.app.bridge
        if bridge.overview is not None:
            self.table.show_rows(bridge.overview.jobs)
            if bridge.is_remembered:
                self._notice(seen_words(bridge.arrived_at))
        else:
            self._notice(f"connecting to {self.cluster.name} …")
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        """Put the cursor on the job that one comes from: it may be a new one."""
        name, self.app.last_job = self.app.last_job, ""
        if name:
            self.table.go_to_job(name)

    @property
    def table(self) -> JobTable:
        """The list."""
        return self.query_one(JobTable)

    # messages

    def take(self, message: Message) -> None:
        """Take what the bridge says."""
        if isinstance(message, OverviewArrived):
            if message.seen_at is not None:
                name = self.cluster.name
                words = f"{seen_words(message.seen_at)} Connecting to {name} …"
                self._notice(words)
            else:
                self._notice("; ".join(message.overview.warnings))
            self.table.show_rows(message.overview.jobs)
            self._choose_watched()
        elif isinstance(message, ProjectOpened):
            self.project = message.project
            self.query_one(TopBar).say("cryodeck", self.cluster.name, self.project)
        elif isinstance(message, LinkChanged):
            self._say_link(message)
        elif isinstance(message, Refused) and (
            message.what == "open"
            or (message.what == "overview" and not message.is_transient)
        ):
            words = message.reason
            if "no RELION project" in words:
                words += "; `:init` makes it one"
            if self.app.bridge.is_remembered:
                words += f". {seen_words(self.app.bridge.arrived_at)}"
            self._notice(words, is_bad=True)

    def _say_link(self, message: LinkChanged) -> None:
        link = message.link
        if link.state is LinkState.LOST:
            self._notice(
                f"Link lost ({link.reason}). What you see is as old as the top line "
                "says; jobs are not touched by this. ^L tries again now."
            )
        elif link.state is LinkState.OFFLINE and self.app.bridge.is_remembered:
            words = seen_words(self.app.bridge.arrived_at)
            why = f" No contact with {self.cluster.name}: {link.reason}."
            self._notice(words + why + " ^L tries again.")
        elif link.state is LinkState.REFUSED:
            self._notice(f"Not connected: {link.reason}. ^L tries again.", True)
        elif link.state is LinkState.CONNECTED and self.app.bridge.overview is not None:
            self._notice("")

    def _notice(self, text: str, is_bad: bool = False) -> None:
        notice = self.query_one("#notice", Static)
        notice.update(text_of(self, [[(plain(text), "text")]]))
        notice.set_class(bool(text), "shown")
        notice.set_class(is_bad, "bad")

    def on_answered(self, message: Answered) -> None:
        """Say that a deed is done."""
        if message.what == "clean?":
            self.confirm_clean(*message.answer)
        elif message.what == "delete?":
            self.confirm_delete(*message.answer)
        elif message.what == "trash":
            self.choose_deleted(message.answer)
        elif message.what == "clone":
            self._clone(message.answer)
        elif message.what == "deeds":
            self.say_deeds(*message.answer)
        elif message.what == "init":
            self.app.notify(plain(message.answer.words), markup=False, timeout=10)
        else:
            self.app.notify(message.what, markup=False, timeout=4)

    def on_refused(self, message: Refused) -> None:
        """Say why a deed was not done."""
        self.app.notify(
            plain(message.reason), severity="error", markup=False, timeout=10
        )

    def on_job_table_highlighted(self, message: JobTable.Highlighted) -> None:
        """Tell more about the job under the cursor."""
        self._show_detail(message.row)
        if self._watched != self.table.selected:
            self._choose_watched()

    def on_watch_view_opened(self, message: WatchPane.Opened) -> None:
        """Go to the log that was clicked."""
        self.open_job(message.row, "log")

    def on_job_table_opened(self, message: JobTable.Opened) -> None:
        """Go to the job."""
        self.open_job(message.row, "overview")

    def _tick(self) -> None:
        if self.app.is_slow and int(time.time()) % 5:
            return
        if any(is_active(row) for row in self.table.rows[:2000]):
            self.table.refresh()

    def on_resize(self, event: Resize) -> None:
        """Give the details the room there is."""
        self.query_one("#detail").styles.height = 4 if event.size.height < 30 else 5

    def _show_detail(self, row: JobRow | None) -> None:
        detail = self.query_one("#detail", LinesView)
        lines: list[Line] = []
        if row is not None:
            verdict, now = row.verdict, time.time()
            reason: Line = [(plain(reason_of(row)), "text")]
            if verdict.state is JobState.DRAFT and not self.app.read_only:
                reason.append(("   ⏎ opens its form, ^R there runs it", "dim"))
            if reason_of(row):
                lines.append(reason)
            if verdict.advice:
                lines.append([("→ " + plain(verdict.advice), "accent2")])
            heard = [w.at for w in verdict.witnesses if w.at is not None]
            says: Line = []
            for witness in verdict.witnesses:
                says.append((f"{plain(witness.name)} ", "faint"))
                says.append((f"{plain(witness.says)}   ", "dim"))
            if heard:
                says.append((f"asked {age(max(heard), now)}", "faint"))
            lines.append(says)
            feeds = [r.name for r in self.table.all_rows if row.name in r.inputs]
            lines.append(
                [
                    ("input from ", "faint"),
                    (", ".join(plain(n) for n in row.inputs) or "nothing", "dim"),
                    ("   output to ", "faint"),
                    (", ".join(plain(n) for n in feeds) or "nothing yet", "dim"),
                ]
            )
        counts = f"{plural(len(self.table.rows), 'job')}, "
        counts += SORTS[self.table.sort_key][0]
        if self.table.selected:
            counts += (
                f", {len(self.table.selected)} selected: A m C D act on all of them"
            )
        if self.table.filter_text:
            counts += f", filter: {plain(self.table.filter_text)}"
        lines.append([(counts, "faint")])
        width = detail.size.width
        detail.show_lines([clipped(line, width) if width else line for line in lines])

    # filter and order

    def action_filter(self) -> None:
        """Type words that jobs must have."""
        self.query_one("#filter-line").add_class("shown")
        self.query_one("#filter", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        self.table.filter_by(event.value)

    def on_input_submitted(self) -> None:
        """Back to the list, filtered."""
        self.table.focus()

    def filter_by(self, words: str) -> None:
        """Show jobs with these words; none shows all."""
        self.query_one("#filter", Input).value = words
        self.query_one("#filter-line").set_class(bool(words), "shown")
        self.table.focus()

    def action_sort(self) -> None:
        """Take the next order."""
        names = list(SORTS)
        at = names.index(self.table.sort_key)
        self.table.sort_by(names[(at + 1) % len(names)])

    def action_back(self) -> None:
        """Drop the selection, clear the filter, else go to the clusters."""
        if self.table.selected:
            self.table.select_none()
            return
        line = self.query_one("#filter-line")
        if line.has_class("shown"):
            self.query_one("#filter", Input).value = ""
            line.remove_class("shown")
            self.table.focus()
            return
        self.dismiss()
        if len(self.app.screen_stack) <= 2:
            self.app.show_clusters()

    def action_watch(self) -> None:
        """Show or hide the logs of the selected jobs, or of all under way."""
        pane = self.query_one(WatchPane)
        pane.display = not pane.display
        self._choose_watched()
        pane.call_after_refresh(pane.ask)

    def _choose_watched(self) -> None:
        pane = self.query_one(WatchPane)
        self._watched = set(self.table.selected)
        if pane.display:
            pane.show_rows(watched(self.table.all_rows, self.table.selected))

    # jobs

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without verbs when one may only look."""
        if action == "at_once":
            return not (self.app.read_only and parameters == ("next_job",))
        return not (self.app.read_only and action in _VERBS)

    def targets(self) -> list[JobRow]:
        """Selected jobs, else the one under the cursor."""
        return self.table.targets()

    def action_queues(self) -> None:
        """Show the cluster's queues and the jobs in them."""
        from tui.screens.queues import QueuesScreen

        self.app.push_screen(QueuesScreen(self.cluster, self.project))

    def action_graph(self) -> None:
        """Show the graph of jobs, beginning at the job under the cursor."""
        from tui.screens.graph import GraphScreen

        row = self.table.current
        screen = GraphScreen(
            self.cluster,
            self.project,
            self.table.all_rows,
            row.name if row is not None else "",
        )
        self.app.push_screen(screen, lambda name: self.table.go_to_job(name or ""))

    def action_difference(self) -> None:
        """Show in what two selected jobs, or this and another, differ."""
        from tui.screens.difference import show_difference

        rows = self.table.targets()
        if not rows:
            return
        if len(rows) > 2 or len({row.type for row in rows}) > 1:
            self.app.notify("Select two jobs of one type", timeout=4)
            return
        other = rows[0].name if len(rows) == 2 else ""
        show_difference(self, self.cluster, self.project, rows[-1], other)

    def action_clone(self) -> None:
        """Start a new job with the form of the one under the cursor."""
        if self.table.current is not None:
            self.clone_job(self.table.current)

    def clone_job(self, row: JobRow) -> None:
        """Start a new job with a job's form."""
        self.app.bridge.ask(self, "clone", lambda w: w.load_job(row.name))

    def _clone(self, form: Job) -> None:
        from tui.screens.job import JobScreen

        if not form.type.has_form:
            self.app.notify(f"The form of {form.type.title} jobs is not known here")
            return
        self.app.push_screen(
            JobScreen(self.cluster, self.project, None, form=form.continued(False))
        )

    def open_job(self, row: JobRow, tab: str) -> None:
        """Show a job at one of its tabs."""
        from tui.screens.job import JobScreen

        self.app.push_screen(JobScreen(self.cluster, self.project, row, tab=tab))

    def action_open_tab(self, tab: str) -> None:
        """Open the job under the cursor at a tab."""
        if self.table.current is not None:
            self.open_job(self.table.current, tab)

    def action_at_once(self, action: str) -> None:
        """Open the job under the cursor and do there what its own key would."""
        from tui.screens.job import JobScreen

        row = self.table.current
        if row is not None:
            screen = JobScreen(self.cluster, self.project, row)
            screen.at_once = action
            self.app.push_screen(screen)

    def action_go_on(self) -> None:
        """Open the form of the job under the cursor, ready for Continue!."""
        from tui.screens.job import JobScreen

        row = self.table.current
        if row is None:
            return
        screen = JobScreen(self.cluster, self.project, row, tab="form")
        screen.goes_on = screen.may_go_on
        if screen.goes_on:
            self.app.push_screen(screen)
        else:
            words = f"{row.name} is not over, or was never run"
            self.app.notify(words, markup=False, timeout=4)

    def action_new(self) -> None:
        """Choose a type for a new job."""
        from tui.screens.new_job import NewJob

        self.app.push_screen(NewJob(), self.start_new)

    def start_new(self, type_key: str | None) -> None:
        """Show the form of a new job."""
        from tui.screens.job import JobScreen

        if type_key:
            self.app.push_screen(
                JobScreen(self.cluster, self.project, None, new_type=type_key)
            )

    def action_refresh_now(self) -> None:
        """Look again."""
        self.app.bridge.refresh()

    def action_alias(self) -> None:
        """Give the job another name."""
        from tui.screens.dialogs import ask_alias

        if self.table.current is not None:
            ask_alias(self, self.table.current)
