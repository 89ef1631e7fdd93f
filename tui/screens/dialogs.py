"""Small questions over a screen: yes or no, one line, one of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.charts import Line
from tui.plain import plain, plain_lines
from tui.widgets.lines import text_of
from tui.words import bytes_words, displayed_name, plural

if TYPE_CHECKING:
    from textual.widget import Widget

    from remote.views import JobRow
    from tui.app import CryodeckApp

_ESCAPE: list[BindingType] = [Binding("escape", "give_up", "cancel")]


class _Dialog(ModalScreen[Any]):
    """A box in the middle; Esc gives up."""

    BINDINGS: ClassVar[list[BindingType]] = _ESCAPE

    def action_give_up(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class Confirm(_Dialog):
    """A question whose deed stands on the button; Enter does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right", "app.focus_next", "other button", show=False),
    ]

    def __init__(
        self,
        title: str,
        words: str,
        deed: str,
        lines: Sequence[Line] = (),
    ) -> None:
        super().__init__()
        self._title, self._words, self._deed = title, words, deed
        self._lines = list(lines)

    def compose(self) -> ComposeResult:
        """Title, words, two buttons."""
        lines: list[Line] = [[(line, "text")] for line in plain_lines(self._words)]
        if self._lines:
            lines += [[], *self._lines]
        with Vertical(classes="dialog"):
            yield Static(plain(self._title), classes="dialog-title", markup=False)
            with VerticalScroll(classes="dialog-body", can_focus=False):
                yield Static(text_of(self, lines))
            with Horizontal(classes="dialog-buttons"):
                yield Button(self._deed, id="yes", classes="go")
                yield Button("Back", id="no")

    def on_mount(self) -> None:
        """Enter does what the title says."""
        self.query_one("#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")


class AskLine(_Dialog):
    """One line of text; None if given up."""

    def __init__(self, title: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._title, self._value, self._hint = title, value, hint

    def compose(self) -> ComposeResult:
        """Title, line, hint."""
        with Vertical(classes="dialog"):
            yield Static(plain(self._title), classes="dialog-title", markup=False)
            yield Input(self._value, compact=True)
            hint = f"{self._hint}  ⏎ OK, Esc cancel."
            yield Static(hint.strip(), classes="dialog-hint", markup=False)

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer."""
        self.dismiss(event.value.strip())


def ask_alias(screen: Screen[Any], row: JobRow) -> None:
    """Give a job another name."""
    app: CryodeckApp = screen.app  # type: ignore[assignment]

    def named(alias: str | None) -> None:
        if alias is not None:
            app.bridge.act(
                screen,
                f"{row.name} is now called {alias or row.name}",
                lambda w: w.set_alias(row.name, alias),
            )

    shown = displayed_name(row) if row.alias else ""
    app.push_screen(
        AskLine(f"Alias of {row.name}", shown, "Letters, digits and _ - only."),
        named,
    )


class Choose(_Dialog):
    """One of a few texts; None if given up."""

    def __init__(self, title: str, choices: Sequence[str], current: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._current = title, list(choices), current

    def compose(self) -> ComposeResult:
        """Title and list."""
        with Vertical(classes="dialog"):
            yield Static(plain(self._title), classes="dialog-title", markup=False)
            yield OptionList(
                *[
                    Option(text_of(self, [[(plain(choice), "text")]]))
                    for choice in self._choices
                ],
                compact=True,
            )
            yield Static("⏎ choose, Esc cancel", classes="dialog-hint")

    def on_mount(self) -> None:
        """Start at the present choice."""
        options = self.query_one(OptionList)
        options.focus()
        if self._current in self._choices:
            options.highlighted = self._choices.index(self._current)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(self._choices[event.option_index])


def ask_other_job(
    asker: Widget,
    row: JobRow,
    title: str,
    then: Callable[[str], None],
    *,
    nobody: str = "",
) -> None:
    """Ask for another job of the type; `nobody` is a choice that means "" instead."""
    app: CryodeckApp = asker.app  # type: ignore[assignment]
    overview = app.bridge.overview
    labels = {
        f"{one.name}  {one.alias.rstrip('/')}  {one.summary}": one.name
        for one in reversed(overview.jobs if overview is not None else ())
        if one.type == row.type and one.name != row.name
    }
    if not labels:
        app.notify("There is no other job of this type", timeout=4)
        return

    def chosen(label: str | None) -> None:
        if label:
            then(labels.get(label, ""))

    choices = [*labels, nobody] if nobody else list(labels)
    app.push_screen(Choose(title, choices), chosen)


def plan_words(plan: dict[str, Any]) -> str:
    """What a dry run says would go."""
    jobs = [str(name) for name in plan.get("jobs", [])]
    files = plan.get("files", [])
    total = plan.get("files_total", len(files) if isinstance(files, list) else files)
    size = float(plan.get("bytes", 0) or 0)
    counts = [plural(int(total), "file")] if total else []
    counts += [bytes_words(size)] if size else []
    what = [*jobs, ", ".join(counts)] if counts else jobs
    if not what:
        return "There is nothing to move to the Trash."
    words = f"Moves to the project's Trash: {'; '.join(what)}."
    if isinstance(files, list) and files:
        words += "\n" + "\n".join(f"  {name}" for name in files[:12])
        if len(files) > 12:
            words += f"\n  and {len(files) - 12} more"
    return words
