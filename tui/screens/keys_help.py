"""What the keys of a view do, over the view."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.charts import Line
from tui.widgets.bars import key_word
from tui.widgets.lines import text_of


def is_own(binding: Binding) -> bool:
    """Whether a binding is cryodeck's: Textual's own begin with a capital letter."""
    return binding.description[:1].islower()


class KeysHelp(ModalScreen[None]):
    """All keys of the screen below, those of the focused part first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f1", "dismiss", "close"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self.below = below

    def compose(self) -> ComposeResult:
        """A box with a list and, if the view has one, its own words."""
        with Vertical(classes="dialog"):
            yield Static("Keys here", classes="dialog-title")
            with VerticalScroll(classes="dialog-body"):
                yield Static(id="keys")
            yield Static("Esc closes", classes="dialog-hint")

    def on_mount(self) -> None:
        """Write the list."""
        lines: list[Line] = []
        words = getattr(self.below, "HELP_TEXT", "")
        if words:
            lines += [[(words, "text")], []]
        seen = set()
        shown = list(self.below.active_bindings.values())
        for active in sorted(shown, key=lambda active: not active.binding.show):
            binding = active.binding
            deed = (active.node, binding.action)
            if not is_own(binding) or deed in seen or not active.enabled:
                continue
            seen.add(deed)
            keys = " ".join(
                key_word(b.binding.key)
                for b in self.below.active_bindings.values()
                if (b.node, b.binding.action) == deed
            )
            lines.append(
                [(keys[:18].rjust(18) + "  ", "key"), (binding.description, "text")]
            )
        self.query_one("#keys", Static).update(text_of(self, lines))
        self.query_one(VerticalScroll).focus()
