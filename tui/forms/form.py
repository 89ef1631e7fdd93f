"""The Form tab: RELION's tabs and fields, checked while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Click, Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from engine.errors import EngineError
from engine.jobs.check import check, is_active
from engine.jobs.explain import explain_run
from engine.jobs.facts import NOTHING_KNOWN, Facts
from engine.jobs.job import Job
from engine.jobs.problem import Problem
from tui.forms.fields import Field
from tui.forms.help_pane import HelpPane, why_greyed
from tui.messages import Answered, Refused
from tui.palette import role_style
from tui.plain import plain
from tui.widgets.tabs import TabBar
from tui.words import plural

if TYPE_CHECKING:
    from tui.app import CryodeckApp

_CHECK_AFTER_S = 0.06
_FACTS_AFTER_S = 0.5
_KEEP_AFTER_S = 1.0


class FormPane(Vertical):
    """A job's form; `Wanted` asks the screen to run it."""

    app: CryodeckApp
    DEFAULT_CSS = """
    FormPane { height: 1fr; }
    FormPane #form-row { height: 1fr; }
    FormPane #form-body { height: 1fr; width: 1fr; }
    FormPane .form-tab { height: 1fr; padding: 1 1 0 1; }
    FormPane HelpPane { height: 5; background: $surface; padding: 0 1; }
    FormPane.wide HelpPane { width: 44; height: 1fr; padding: 1 2; }
    FormPane.wide #form-row { layout: horizontal; }
    FormPane #form-row { layout: vertical; }
    FormPane #run-line {
        height: auto; max-height: 3; background: $panel; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "run", "run!"),
        Binding("ctrl+s", "save", "save draft"),
        Binding("f9,pagedown", "tab(1)", "next tab"),
        Binding("f8,pageup", "tab(-1)", "previous tab", show=False),
        Binding("ctrl+g", "as_text", "edit as text"),
    ]

    class Wanted(Message):
        """Run, continue or keep the form as it stands."""

        def __init__(self, deed: str) -> None:
            super().__init__()
            self.deed = deed

    def __init__(self, job: Job, *, directory: str = "", may_continue: bool) -> None:
        super().__init__(id="pane-form")
        self.job, self.directory = job, directory
        self.first = job
        self.may_continue = may_continue
        self.facts: Facts = NOTHING_KNOWN
        self.problems: list[Problem] = []
        self.tabs = job.type.tabs(job.version)
        self.current = 0
        self._fields: dict[str, Field] = {}
        self._check_soon: Timer | None = None
        self._facts_soon: Timer | None = None
        self._keep_soon: Timer | None = None

    def compose(self) -> ComposeResult:
        """Tabs, fields, help, and what running would do."""
        yield TabBar([tab.label for tab in self.tabs], id="form-tabs")
        with Horizontal(id="form-row"):
            yield Vertical(id="form-body")
            yield HelpPane(id="help-pane")
        yield Static(id="run-line")

    @property
    def is_changed(self) -> bool:
        """Whether there is something to lose."""
        return self.job.values != self.first.values

    @property
    def is_continuing(self) -> bool:
        """Whether the key would continue the job instead of starting it."""
        return self.may_continue

    async def on_mount(self) -> None:
        """Show the first tab."""
        if not self.tabs:
            return
        self.app.bridge.look_at_profile()
        await self._show_tab(0)
        self._check()
        self._ask_facts()

    def activate(self) -> None:
        """Put the focus on the first field that can be edited."""
        for field in self._fields.values():
            if field.display and not field.editor.disabled and field.is_on_screen:
                field.editor.focus()
                return

    def on_resize(self, event: Resize) -> None:
        """Put the help beside the form where there is room."""
        self.set_class(event.size.width >= 132, "wide")

    # tabs

    async def _show_tab(self, index: int) -> None:
        self.current = index
        body = self.query_one("#form-body")
        name = f"tab-{index}"
        if not body.query(f"#{name}"):
            options = self.tabs[index].options
            longest = max((len(option.title) for option in options), default=20) + 2
            width = min(longest, 50 if self.size.width >= 100 else 44)
            fields = [
                Field(option, self.job.text(option.key, option.default), width)
                for option in options
            ]
            await body.mount(
                VerticalScroll(*fields, id=name, classes="form-tab", can_focus=False)
            )
            # known only now: a check may come while their editors are being made
            self._fields.update({field.option.key: field for field in fields})
            for field in fields:
                key = field.option.key
                field.set_value(self.job.text(key, field.option.default))
        for tab in body.children:
            tab.display = tab.id == name
        self.query_one("#form-tabs", TabBar).choose(index)
        self._show_states()
        focused = self.screen.focused
        # hiding the tab before has moved the focus, and keys may have come since
        is_there = focused is not None and body.query_one(f"#{name}") in (
            focused.ancestors
        )
        if self.display and not is_there:
            self.focus_first(index)

    def focus_first(self, index: int) -> None:
        """Put the focus on a tab's first field that can be edited."""
        for option in self.tabs[index].options:
            field = self._fields.get(option.key)
            if field is not None and not field.editor.disabled:
                field.editor.focus()
                return

    async def action_tab(self, step: int) -> None:
        """Go to another tab of the form."""
        if self.tabs:
            await self._show_tab((self.current + step) % len(self.tabs))

    async def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        """Go where the mouse was."""
        if message.bar.id == "form-tabs":
            message.stop()
            await self._show_tab(message.index)

    async def go_to_field(self, key: str) -> None:
        """Show a field, on whichever tab it is."""
        for index, tab in enumerate(self.tabs):
            if any(option.key == key for option in tab.options):
                await self._show_tab(index)
                if key in self._fields:
                    self._fields[key].editor.focus()
                return

    # values

    def on_field_changed(self, message: Field.Changed) -> None:
        """Take a value, and check soon."""
        message.stop()
        self._take(message.key, message.value)
        if self._check_soon is not None:
            self._check_soon.stop()
        self._check_soon = self.set_timer(_CHECK_AFTER_S, self._check)
        if self._fields[message.key].takes_files:
            if self._facts_soon is not None:
                self._facts_soon.stop()
            self._facts_soon = self.set_timer(_FACTS_AFTER_S, self._ask_facts)
        if self._keep_soon is not None:
            self._keep_soon.stop()
        self._keep_soon = self.set_timer(_KEEP_AFTER_S, self._keep)

    def _take(self, key: str, value: str) -> None:
        try:
            self.job = self.job.replace(key, value)
        except EngineError:
            values = {**self.job.values, key: value}
            self.job = Job(
                self.job.type,
                self.job.version,
                values,
                self.job.is_continue,
                self.job.unknown,
                self.job.head,
                self.job.extra,
            )

    def _take_shown(self) -> None:
        """Take what stands in the fields: a message that tells may be on its way."""
        for key, field in self._fields.items():
            if field.shown != self.job.text(key, field.option.default):
                self._take(key, field.shown)

    def _keep(self) -> None:
        if self.is_changed and not self.app.read_only:
            self.post_message(self.Wanted("keep"))

    def set_values(self, values: dict[str, str]) -> None:
        """Put values in from elsewhere."""
        for key, value in values.items():
            if key in self.job.values:
                self.job = self.job.replace(key, value)
                if key in self._fields:
                    self._fields[key].set_value(value)
        self._check()
        self._ask_facts()

    def take_job(self, job: Job) -> None:
        """Take a whole form from elsewhere, with keys that have no field."""
        self.job = job
        for key, field in self._fields.items():
            field.set_value(job.text(key, field.option.default))
        self._check()
        self._ask_facts()

    def action_as_text(self) -> None:
        """Edit the form as job.star in the person's editor."""
        from tui.forms.as_text import edit_in_editor

        edit_in_editor(self)

    def _check(self) -> None:
        self.problems = check(self.job, continuing=self.is_continuing, facts=self.facts)
        self._show_states()

    def _ask_facts(self) -> None:
        from remote.surroundings import facts_of

        job = self.job
        overview = self.app.bridge.overview
        directory = self.directory
        self.app.bridge.ask(
            self, "facts", lambda w: facts_of(w, job, overview, directory)
        )

    def _show_states(self) -> None:
        first: dict[str, Problem] = {}
        for problem in self.problems:
            first.setdefault(problem.key, problem)
        for option in self.tabs[self.current].options if self.tabs else ():
            field = self._fields.get(option.key)
            if field is not None:
                active = is_active(self.job, option, continuing=self.is_continuing)
                field.show_state(
                    active and not self.app.read_only, first.get(option.key)
                )
        marks = {}
        for index, tab in enumerate(self.tabs):
            mine = [
                p for p in self.problems if any(o.key == p.key for o in tab.options)
            ]
            errors = sum(p.is_error for p in mine)
            if errors:
                marks[index] = (f"✗{errors}", "bad")
            elif mine:
                marks[index] = ("!", "warn")
        self.query_one("#form-tabs", TabBar).mark(marks)
        self._say_run()

    def _say_run(self) -> None:
        theme = self.app.theme
        errors = [p for p in self.problems if p.is_error]
        verb = "Continue!" if self.is_continuing else "Run!"
        text = Text(overflow="ellipsis")
        if self.app.read_only:
            text.append(
                "read-only: this form can be looked at", role_style(theme, "dim")
            )
        else:
            role = "reverse" if not errors else "dim"
            text.append(f" {verb} ", role_style(theme, role))
            text.append(" ^R  ", role_style(theme, "key"))
            text.append(self.explanation(), role_style(theme, "text"))
            if errors:
                words = f"  {plural(len(errors), 'problem')} to fix first."
                text.append(words, role_style(theme, "bad"))
        self.query_one("#run-line", Static).update(text)

    def explanation(self) -> str:
        """What the key would do to files."""
        return plain(
            explain_run(
                self.job, self.is_continuing, self.facts, self.directory, self.first
            )
        )

    # help, files, running

    def on_click(self, event: Click) -> None:
        """Run! is a button, too."""
        on_line = event.widget is self.query_one("#run-line")
        word = 14 if self.is_continuing else 9  # " Run!  ^R", " Continue!  ^R"
        if on_line and event.y == 0 and event.x < word and not self.app.read_only:
            self.action_run()

    def on_field_looked(self, message: Field.Looked) -> None:
        """Tell about the field."""
        message.stop()
        why = why_greyed(self.job, message.option, self.is_continuing)
        self.query_one(HelpPane).tell(message.option, self.job, why)

    def on_field_browsed(self, message: Field.Browsed) -> None:
        """Show the files that a field may take."""
        from tui.screens.files import FilePicker

        message.stop()
        field = message.field

        def chosen(path: str | None) -> None:
            if path:
                field.put(path)

        picker = FilePicker(field.option, self.app.bridge.overview)
        self.app.push_screen(picker, chosen)

    def on_answered(self, message: Answered) -> None:
        """Know more about the inputs."""
        message.stop()
        if message.what == "facts":
            self.facts = message.answer
            self._check()

    def on_refused(self, message: Refused) -> None:
        """Go on without: the check is just less sharp."""
        message.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.app.read_only and action in {"run", "save", "as_text"})

    def action_run(self) -> None:
        """Ask the screen to run."""
        self._take_shown()
        self._check()
        self.post_message(self.Wanted("run"))

    def action_save(self) -> None:
        """Ask the screen to keep the form."""
        self._take_shown()
        self.post_message(self.Wanted("save"))

    @property
    def errors(self) -> list[Problem]:
        """What must be put right first."""
        return [p for p in self.problems if p.is_error]

    def values(self) -> dict[str, Any]:
        """The values as they stand."""
        return dict(self.job.values)
