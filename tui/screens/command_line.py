"""The `:` line at the foot of the screen: completion by Tab, history by arrows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from tui.charts import Line
from tui.command_words import COMMANDS, Known, beginning, completions, parse
from tui.plain import plain
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from tui.app import CryodeckApp

MOST = 100
SHOWN = 8


class CommandLine(ModalScreen["str | None"]):
    """Dismissed with the line, or None."""

    app: CryodeckApp
    DEFAULT_CSS = """
    CommandLine { align: left bottom; background: transparent; }
    CommandLine Vertical { height: auto; background: $panel; }
    CommandLine Horizontal { height: 1; }
    CommandLine Label { width: 2; padding: 0 0 0 1; color: $primary; }
    CommandLine Input { width: 1fr; }
    CommandLine #possible { height: auto; max-height: 9; padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave"),
        Binding("tab", "complete", "complete", priority=True),
        Binding("up", "older", "line before", priority=True),
        Binding("down", "newer", "line after", priority=True),
    ]
    history: ClassVar[list[str]] = []

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known
        self._at = len(self.history)

    def compose(self) -> ComposeResult:
        """What is possible, above the line."""
        with Vertical():
            yield Static(id="possible")
            with Horizontal():
                yield Label(":")
                yield Input(id="line", compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what may follow."""
        self._show(event.value)

    def _show(self, text: str) -> None:
        found = completions(text, self.known)
        is_first = " " not in text.strip() and not text.endswith(" ")
        lines: list[Line] = []
        if is_first:
            for name in found[: SHOWN if text else 99]:
                usage, words = COMMANDS[name]
                lines.append([(f"{name} {usage}".ljust(24), "key"), (words, "dim")])
            if not text:
                lines = lines[:SHOWN]
        elif found:
            more = f" and {len(found) - 24} more" if len(found) > 24 else ""
            shown = "  ".join(plain(word) for word in found[:24])
            lines.append([(shown, "text"), (more, "dim")])
        order = parse(text) if text.strip() else None
        if order is not None and order.error and not found:
            lines.append([(plain(order.error), "warn")])
        self.query_one("#possible", Static).update(text_of(self, lines))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Obey it."""
        line = event.value.strip()
        if not line:
            self.dismiss(None)
            return
        order = parse(line)
        if order.error:
            self.query_one("#possible", Static).update(
                text_of(self, [[(plain(order.error), "bad")]])
            )
            return
        if self.history[-1:] != [line]:
            self.history.append(line)
            del self.history[:-MOST]
        self.dismiss(line)

    def action_complete(self) -> None:
        """Take the only word there is, or what all of them begin with."""
        field = self.query_one(Input)
        found = completions(field.value, self.known)
        if not found:
            return
        common = beginning(found)
        head, _, typed = field.value.rpartition(" ")
        if len(common) <= len(typed) and len(found) > 1:
            return
        word = found[0] + " " if len(found) == 1 else common
        field.value = f"{head} {word}" if head else word
        field.cursor_position = len(field.value)

    def action_older(self) -> None:
        """Take up an earlier line."""
        self._recall(self._at - 1)

    def action_newer(self) -> None:
        """Take up a later line."""
        self._recall(self._at + 1)

    def _recall(self, at: int) -> None:
        if not 0 <= at <= len(self.history):
            return
        self._at = at
        field = self.query_one(Input)
        field.value = self.history[at] if at < len(self.history) else ""
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """Obey nothing."""
        self.dismiss(None)
