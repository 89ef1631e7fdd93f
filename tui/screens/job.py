"""One job: overview, form, preview, log, statistics, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from remote.views import JobRow, JobState, LinkState
from tui.messages import (
    Answered,
    LinkChanged,
    OverviewArrived,
    Refused,
    Remembered,
)
from tui.plain import plain
from tui.screens.at_once import AtOnce
from tui.screens.going_on import known_of
from tui.screens.hand import may_open
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.tabs import TabBar
from tui.words import displayed_name, is_active, particles_of, seen_words

if TYPE_CHECKING:
    from textual.widget import Widget

    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

TABS = ("overview", "form", "preview", "log", "statistics", "pictures")
NEW_TABS = ("form", "preview")
_VERBS = {"abort", "next_job", "clone", "go_on", "alias"}


class JobScreen(AtOnce):
    """A job with its tabs, or the form of one that does not exist yet."""

    app: CryodeckApp
    HELP_TEXT = (
        "Digits change tabs (F2 to F7 while you type). In a form, Tab and the arrows "
        "go from field to field, F9 and F8 to the form's next and previous tab; ^O "
        "lists the files that fit a field, ^S saves a draft, ^R is Run!"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        *[
            Binding(f"{i + 1},f{i + 2}", f"tab({i})", f"tab {i + 1}", show=False)
            for i in range(6)
        ],
        Binding("tab_left,ctrl+left", "step(-1)", "previous tab", show=False),
        Binding("ctrl+right", "step(1)", "next tab", show=False),
        Binding("x", "next_job", "next job"),
        Binding("Y,k", "clone", "new job with this form", show=False),
        Binding("d", "difference", "difference from another job", show=False),
        Binding("a", "alias", "alias"),
        Binding("A", "abort", "abort"),
        Binding("G", "go_on", "continue"),
        Binding("H", "hunt", "threshold hunt"),
        Binding("P", "by_hand", "open by hand"),
        Binding("T", "stack", "particles"),
        Binding("M", "notebook", "how it was made", show=False),
        Binding("escape", "back", "back"),
    ]

    def __init__(
        self,
        cluster: Cluster,
        project: str,
        row: JobRow | None,
        *,
        tab: str = "overview",
        new_type: str = "",
        values: dict[str, str] | None = None,
        form: Job | None = None,
    ) -> None:
        super().__init__()
        self.cluster, self.project, self.row = cluster, project, row
        self.new_type = new_type or (form.type.key if form is not None else "")
        self.values = values or {}
        self.given_form = form
        self.form: Job | None = None
        self.tabs: tuple[str, ...] = TABS if row is not None else NEW_TABS
        self.current = tab if row is not None else "form"
        self._form_trouble = ""
        self.loaded: Job | None = None  # the form as the cluster has it
        self._seen_at: float | None = None  # when what is shown from memory was true
        self._had_link = True

    def compose(self) -> ComposeResult:
        """Place, tabs, the body, keys."""
        yield TopBar(*self._crumbs())
        yield TabBar([t.title() for t in self.tabs], numbered=True, id="job-tabs")
        yield Static(id="notice")
        yield Vertical(id="body")
        yield KeyBar()

    def _crumbs(self) -> tuple[str, ...]:
        if self.row is None:
            return ("cryodeck", self.cluster.name, self.project, f"new {self._title()}")
        alias = displayed_name(self.row) if self.row.alias else ""
        shown = f"{self.row.name} ({alias})" if alias else self.row.name
        return ("cryodeck", self.cluster.name, self.project, shown)

    def _title(self) -> str:
        from engine.jobs.registry import find

        return find(self.new_type).title

    async def on_mount(self) -> None:
        """Ask for the form, show the first tab."""
        self._had_link = self.app.bridge.link.state is LinkState.CONNECTED
        if self.row is not None:
            self.app.last_job = self.row.name
        if self.given_form is not None:
            self.form = self.given_form
        else:
            self._ask_form()
        await self.show_tab(self.current)

    def _ask_form(self) -> None:
        if self.row is not None:
            name = self.row.name
            self.app.bridge.ask(self, "form", lambda w: w.load_job(name))
        else:
            new_type = self.new_type
            self.app.bridge.ask(self, "form", lambda w: w.defaults(new_type))

    # tabs

    async def show_tab(self, name: str) -> None:
        """Bring a tab to the front; it is made when it is first seen."""
        if name not in self.tabs:
            return
        self.current = name
        self.query_one("#job-tabs", TabBar).choose(self.tabs.index(name))
        body = self.query_one("#body")
        if not body.query(f"#pane-{name}"):
            pane = self._make(name)
            if pane is None:
                return
            await body.mount(pane)
            if name == "overview":
                self.say_continue()
                self.take_hints(self.hints)
        for child in body.children:
            child.display = child.id == f"pane-{name}"
        pane = body.query_one(f"#pane-{name}")
        if name == "preview":
            self._show_preview()
        self.call_after_refresh(self._activate, pane)

    def _activate(self, pane: Widget) -> None:
        activate = getattr(pane, "activate", None)
        if activate is not None:
            activate()
        else:
            pane.focus()
        self.refresh_bindings()

    def _make(self, name: str) -> Widget | None:
        row = self.row
        if name == "form":
            return self._make_form()
        if name == "preview":
            from tui.screens.preview import PreviewPane

            return PreviewPane()
        assert row is not None
        if name == "overview":
            from tui.screens.overview import OverviewPane

            return OverviewPane(row)
        if name == "log":
            from tui.screens.log import LogPane

            return LogPane(row)
        if name == "statistics":
            from tui.screens.statistics import StatisticsPane

            return StatisticsPane(row)
        if row.type == "class2d":
            from tui.screens.gallery import GalleryPane

            return GalleryPane(row)
        from tui.screens.pictures import PicturesPane

        return PicturesPane(row)

    def _make_form(self) -> Widget | None:
        if self.form is None:
            self._notice(self._form_trouble or "reading the form …")
            return None
        from tui.forms.form import FormPane

        self._notice("")
        if not self.form.type.has_form:
            self._notice(f"The form of {self.form.type.title} jobs is not known here.")
        state = self.row.verdict.state if self.row is not None else JobState.DRAFT
        pane = FormPane(
            self.form,
            directory=self.row.name if self.row is not None else "",
            may_continue=state is not JobState.DRAFT,
        )
        if self.row is not None:
            pane.facts = known_of(self.row)  # until more is known
        if self.loaded is not None:
            pane.first = self.loaded  # what was typed before is a change to it
        return pane

    def _show_preview(self) -> None:
        from tui.screens.preview import PreviewPane

        pane = self.form_pane
        job = pane.job if pane is not None else self.form
        if pane is not None and pane.is_continuing and job is not None:
            job = job.continued()
        preview = self.query_one(PreviewPane)
        if pane is None and self.row is not None:
            preview.show(self.row.name)
        elif job is not None:
            preview.show(job)

    async def action_tab(self, index: int) -> None:
        """Show the tab of that number."""
        if index < len(self.tabs):
            await self.show_tab(self.tabs[index])

    async def action_step(self, step: int) -> None:
        """Show a neighboring tab."""
        at = self.tabs.index(self.current)
        await self.show_tab(self.tabs[(at + step) % len(self.tabs)])

    async def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """Show what was clicked."""
        await self.action_tab(message.index)

    # messages

    def take(self, message: Message) -> None:
        """Take a newer overview, and say if things are from memory."""
        if isinstance(message, Remembered):
            self._seen_at = message.seen_at
            words = seen_words(message.seen_at)
            self._notice(f"{words} No contact with {self.cluster.name} now.")
        elif isinstance(message, LinkChanged):
            self._take_link(message.link.state is LinkState.CONNECTED)
        if not isinstance(message, OverviewArrived) or self.row is None:
            return
        row = next((r for r in message.overview.jobs if r.name == self.row.name), None)
        if row is None:
            self._notice("This job is not in the pipeline any more.")
            return
        if self.row.verdict.state is JobState.DRAFT and is_active(row):
            form_pane = self.form_pane
            if form_pane is not None:
                form_pane.may_continue = True
        is_news = row.verdict.state is not self.row.verdict.state
        self.row = row
        if is_news:  # other things may follow now, and Continue! may do others
            self.say_continue()
            self.ask_hints()
            self.refresh_bindings()  # nothing is left to abort, or to go on with
        self.query_one(TopBar).say(*self._crumbs())
        for pane in self.query("#body > *"):
            show = getattr(pane, "show_row", None)
            if show is not None:
                show(row)

    def _take_link(self, is_there: bool) -> None:
        """When the link comes (back): what is from memory is asked for anew."""
        is_news, self._had_link = is_there and not self._had_link, is_there
        if not is_news:
            return
        if self._seen_at is not None:
            self._seen_at = None
            self._notice("")
        if self.form is None:
            self._ask_form()
        self._ask_panes()

    def _ask_panes(self) -> None:
        for pane in self.query("#body > *"):
            ask = getattr(pane, "ask", None)
            if ask is not None:
                ask()

    async def on_answered(self, message: Answered) -> None:
        """Take the form, or see a deed done."""
        if message.what == "form":
            await self._take_form(message.answer)
        elif message.what == "hints":
            self.take_hints(tuple(message.answer))
            await self.do_at_once()
        elif message.what == "run":
            await self._started(*message.answer)
        elif message.what == "by hand":
            self._open_by_hand(message.answer)
        elif message.what == "save":
            await self._saved(message.answer)
        elif message.what == "abort":
            name = self.row.name if self.row is not None else ""
            self.app.notify(plain(f"{name}: {message.answer}"), markup=False)
        else:
            self.app.notify(message.what, markup=False, timeout=4)

    async def _take_form(self, form: Job) -> None:
        for key, value in self.values.items():
            if key in form.values:
                form = form.replace(key, value)
        self.loaded = form = self.prepared(form)
        self.form = form if self.values else self.typed_before(form)
        self.say_continue()
        self.ask_hints()
        if self.current == "form":
            await self.show_tab("form")
            if self.goes_on:
                self.goes_on = False
                await self.action_go_on()
        elif self.current == "preview":
            self._show_preview()
        await self.form_is_here()

    def on_refused(self, message: Refused) -> None:
        """Say why."""
        if message.what == "form":
            self._form_trouble = message.reason
            if self.current == "form":
                self._notice(message.reason)
            return
        if message.what == "hints":
            return
        self._notice("")
        self.app.notify(
            plain(message.reason), severity="error", markup=False, timeout=12
        )

    def _notice(self, text: str) -> None:
        notice = self.query_one("#notice", Static)
        from tui.widgets.lines import text_of

        notice.update(text_of(self, [[(plain(text), "text")]]))
        notice.set_class(bool(text), "shown")

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out what cannot be done here."""
        if self.app.read_only and action in _VERBS:
            return False
        if action in {"next_job", "clone", "difference", "alias"}:
            return self.row is not None
        if action == "hunt":
            return self.row is not None and self.row.type == "autopick"
        if action == "stack":
            return self.row is not None and bool(particles_of(self.row))
        if action == "by_hand":
            return self.row is not None and may_open(self.row, self.form)
        if action == "abort":
            return self.row is not None and is_active(self.row)
        if action == "go_on":
            return self.may_go_on
        return True

    def action_back(self) -> None:
        """Leave typing first, then the job; ask if something would be lost."""
        pane = self.form_pane
        if pane is None or not pane.is_changed or self.app.read_only:
            self.dismiss()
            return
        from tui.screens.dialogs import Choose

        keep, drop = "Keep the form as a draft", "Throw the changes away"
        if self.row is not None and self.row.verdict.state is not JobState.DRAFT:
            keep = "Keep the form for Continue!"

        def chosen(answer: str | None) -> None:
            if answer == keep:
                self._save(pane)
            elif answer == drop:
                self.drop_typed()
            if answer is not None:
                self.dismiss()

        self.app.push_screen(Choose("The form was changed", [keep, drop]), chosen)

    def action_difference(self) -> None:
        """Show in what this job differs from another."""
        from tui.screens.difference import show_difference

        if self.row is not None:
            show_difference(self, self.cluster, self.project, self.row)

    def action_alias(self) -> None:
        """Give the job another name."""
        from tui.screens.dialogs import ask_alias

        if self.row is not None:
            ask_alias(self, self.row)

    def action_hunt(self) -> None:
        """Try other thresholds on the picks that are stored."""
        from tui.screens.hunt import HuntScreen

        if self.row is not None:
            screen = HuntScreen(self.cluster, self.project, self.row)
            self.app.push_screen(screen, self.hunted)

    def action_stack(self) -> None:
        """Look at the particles that a job has made."""
        from tui.screens.stack import StackScreen

        if self.row is not None:
            self.app.push_screen(StackScreen(self.cluster, self.project, self.row))

    def action_by_hand(self) -> None:
        """Open the micrographs of a job to pick on, or to tick."""
        if self.row is not None:
            self._open_by_hand(self.row.name)

    def action_abort(self) -> None:
        """Stop the job, after asking."""
        from tui.screens.dialogs import Confirm

        row = self.row
        if row is None:
            return

        def sure(yes: bool | None) -> None:
            if yes:
                self.app.bridge.act(self, "abort", lambda w: w.abort(row.name))

        words = (
            "It is told to stop (RELION_JOB_ABORT_NOW); if it has not after 15 s, the "
            "scheduler cancels it. What is finished stays; Continue! goes on from "
            "there."
        )
        self.app.push_screen(Confirm(f"Abort {row.name}?", words, "Abort"), sure)
