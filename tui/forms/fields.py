"""One widget for each kind of field; all of them one line high."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click, DescendantFocus, Key
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.jobs.option import Kind, Option
from engine.jobs.problem import Problem
from tui.palette import role_style
from tui.plain import plain
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from textual.app import RenderResult


class Switched(Message):
    """A yes/no or choice field has another value."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value


class Choosing(Widget, can_focus=True):
    """One of a few values; says when the person takes another."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "field above", show=False),
        Binding("down", "app.focus_next", "field below", show=False),
    ]

    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def set_value(self, value: str) -> None:
        """Show another value, without telling anybody."""
        self.value = value
        self.refresh()

    def _put(self, value: str) -> None:
        if value != self.value:
            self.set_value(value)
            self.post_message(Switched(value))


class YesNo(Choosing):
    """Yes and No side by side, as RELION words them."""

    DEFAULT_CSS = "YesNo { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter,left,right", "other", "yes/no"),
    ]

    def render(self) -> RenderResult:
        """Both words, the present one lit."""
        theme, text = self.app.theme, Text(" ")
        for word in ("Yes", "No"):
            chosen = (self.value == "Yes") == (word == "Yes")
            if self.disabled:
                role = "dim" if chosen else "faint"
            elif chosen:
                role = "reverse" if self.has_focus else "title on cursor"
            else:
                role = "faint"
            text.append(f" {word} ", role_style(theme, role))
            text.append(" ")
        return text

    def action_other(self) -> None:
        """Take the other one."""
        self._put("No" if self.value == "Yes" else "Yes")

    def on_key(self, event: Key) -> None:
        """Take y and n for what they are."""
        if event.key in {"y", "n"}:
            event.stop()
            self._put("Yes" if event.key == "y" else "No")

    def on_click(self, event: Click) -> None:
        """Take the word under the mouse."""
        self._put("Yes" if event.x < 6 else "No")


class OneOf(Choosing):
    """One of a few texts; arrows step, Enter shows them all."""

    DEFAULT_CSS = "OneOf { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "previous choice", show=False),
        Binding("right,space", "step(1)", "next choice", show=False),
        Binding("enter", "open", "all choices"),
    ]

    def __init__(self, value: str, choices: Sequence[str], title: str) -> None:
        super().__init__(value)
        self.choices, self._title = list(choices), title

    def render(self) -> RenderResult:
        """The present choice between arrows."""
        theme = self.app.theme
        role = "faint" if self.disabled else "title"
        if self.has_focus:
            role = "reverse"
        return Text.assemble(
            ("‹", role_style(theme, "faint")),
            (f" {plain(self.value)} ", role_style(theme, role)),
            ("› ▾", role_style(theme, "faint")),
        )

    def action_step(self, step: int) -> None:
        """Take a neighbor."""
        at = self.choices.index(self.value) if self.value in self.choices else -step
        self._put(self.choices[(at + step) % len(self.choices)])

    def action_open(self) -> None:
        """Show all choices."""
        from tui.screens.dialogs import Choose

        def chosen(value: str | None) -> None:
            if value is not None:
                self._put(value)

        self.app.push_screen(Choose(self._title, self.choices, self.value), chosen)

    def on_click(self) -> None:
        """Show all choices."""
        self.action_open()


class Line(Input):
    """A text field whose up and down keys go to other fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "field above", show=False, priority=True),
        Binding(
            "down,enter", "app.focus_next", "field below", show=False, priority=True
        ),
    ]

    def on_mount(self) -> None:
        """Show how a long path begins; its end comes with the focus."""
        self.cursor_position = 0

    def on_focus(self) -> None:
        """Type where the value ends."""
        self.cursor_position = len(self.value)

    def on_blur(self) -> None:
        """Show the beginning again."""
        self.cursor_position = 0


class Field(Vertical):
    """Label, editor, unit; the problem with it stands below."""

    DEFAULT_CSS = """
    Field { height: auto; }
    Field > Horizontal { height: 1; }
    Field .label { width: 36; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Field Line { width: 1fr; max-width: 70; }
    Field Line.number { width: 14; }
    Field .unit { width: auto; min-width: 4; padding: 0 1; color: $dim; }
    Field .problem { display: none; height: auto; padding: 0 0 0 2; }
    Field.wrong .problem { display: block; }
    Field Line:disabled { color: $faint; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority the focus moves before the next key is given to a widget, so
        # keys that come in one burst (fast typing, a slow link) land where they should.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("ctrl+o", "browse", "browse"),
        Binding("ctrl+z", "default", "back to the default", show=False),
    ]

    class Changed(Message):
        """A field has another value."""

        def __init__(self, key: str, value: str) -> None:
            super().__init__()
            self.key, self.value = key, value

    class Looked(Message):
        """A field has the focus."""

        def __init__(self, option: Option) -> None:
            super().__init__()
            self.option = option

    class Browsed(Message):
        """The person wants to see which files a field may take."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    def __init__(self, option: Option, value: str, label_width: int = 36) -> None:
        super().__init__()
        self.option, self.value, self.label_width = option, value, label_width

    @property
    def takes_files(self) -> bool:
        """Whether there is something to browse."""
        return self.option.kind in {Kind.NODE, Kind.FILE}

    def compose(self) -> ComposeResult:
        """One line, and one below for what is wrong."""
        option = self.option
        with Horizontal():
            label = Static(plain(option.title), classes="label", markup=False)
            label.styles.width = self.label_width
            yield label
            if option.kind is Kind.YES_NO:
                yield YesNo(self.value)
            elif option.kind is Kind.CHOICE:
                yield OneOf(self.value, option.choices, option.title)
            else:
                line = Line(self.value, compact=True, select_on_focus=False)
                line.set_class(option.kind in {Kind.NUMBER, Kind.INTEGER}, "number")
                yield line
                words = option.unit or (" …" if self.takes_files else "")
                yield Static(words, classes="unit", markup=False)
        yield Static(classes="problem")

    @property
    def editor(self) -> Widget:
        """What takes the focus."""
        for child in self.query("YesNo, OneOf, Line"):
            return child
        raise AssertionError(self.option.key)

    @property
    def shown(self) -> str:
        """What stands in it; `value` follows as soon as the editor has told."""
        for line in self.query(Line):
            return line.value
        for choosing in self.query(Choosing):
            return choosing.value
        return self.value

    def set_value(self, value: str) -> None:
        """Show another value."""
        if value == self.value:
            return
        self.value = value
        editor = self.editor
        if isinstance(editor, YesNo | OneOf):
            editor.set_value(value)
        elif isinstance(editor, Line):
            editor.value = value

    def put(self, value: str) -> None:
        """Take a value and tell."""
        self.set_value(value)
        self.post_message(self.Changed(self.option.key, value))

    def show_state(self, is_active: bool, problem: Problem | None) -> None:
        """Grey or not, and what is wrong."""
        self.editor.disabled = not is_active
        theme = self.app.theme
        label = self.query_one(".label", Static)
        label.styles.color = (
            role_style(theme, "text" if is_active else "faint").color.name  # type: ignore[union-attr]
        )
        shown = problem if is_active or (problem and problem.is_error) else None
        self.set_class(shown is not None, "wrong")
        if shown is not None:
            role = "bad" if shown.is_error else "warn"
            sign = "✗" if shown.is_error else "!"
            self.query_one(".problem", Static).update(
                text_of(self, [[(f"{sign} {plain(shown.message)}", role)]])
            )

    # from the editors

    def on_input_changed(self, event: Input.Changed) -> None:
        """Text was typed."""
        event.stop()
        if event.value != self.value:
            self.value = event.value
            self.post_message(self.Changed(self.option.key, event.value))

    def on_switched(self, event: Switched) -> None:
        """Another choice was made."""
        event.stop()
        self.value = event.value
        self.post_message(self.Changed(self.option.key, event.value))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Show the help of this field."""
        self.post_message(self.Looked(self.option))

    def on_click(self, event: Click) -> None:
        """Show the help of greyed fields too; browse with the dots."""
        self.post_message(self.Looked(self.option))
        if self.takes_files and "unit" in getattr(event.widget, "classes", ()):
            self.action_browse()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Browse only where there are files."""
        return self.takes_files if action == "browse" else True

    def action_browse(self) -> None:
        """Ask for the files."""
        if not self.editor.disabled:
            self.post_message(self.Browsed(self))

    def action_default(self) -> None:
        """Put RELION's default back."""
        if not self.editor.disabled:
            self.put(self.option.default)
