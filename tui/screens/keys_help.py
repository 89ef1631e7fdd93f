"""What the keys of a view do, over the view; each can be taken from here."""

from __future__ import annotations

from textwrap import wrap
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.charts import Line
from tui.widgets.bars import key_word
from tui.widgets.lines import text_of


def is_own(binding: Binding) -> bool:
    """Whether a binding is cryodeck's: Textual's own begin with a capital letter."""
    return binding.description[:1].islower()


class KeysHelp(ModalScreen[None]):
    """All keys of the screen below, those of the focused part first."""

    DEFAULT_CSS = "KeysHelp #words { margin: 0 0 1 0; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f1", "dismiss", "close"),
    ]

    def __init__(self, below: Screen[Any]) -> None:
        super().__init__()
        self.below = below
        self._words = str(getattr(below, "HELP_TEXT", ""))
        self._keys: list[str] = []

    def compose(self) -> ComposeResult:
        """A box with a list and, if the view has one, its own words."""
        with Vertical(classes="dialog"):
            yield Static("Keys here", classes="dialog-title")
            if self._words:
                yield Static(self._words, id="words", markup=False)
            yield OptionList(id="keys", classes="dialog-body", compact=True)
            hint = "⏎ or a click does it, Esc closes"
            yield Static(hint, classes="dialog-hint")

    def on_resize(self, event: Resize) -> None:
        """Leave room for the view's own words."""
        rows = sum(len(wrap(line, 72)) or 1 for line in self._words.splitlines())
        room = int(event.size.height * 0.92) - 6 - (rows + 1 if rows else 0)
        self.query_one("#keys").styles.max_height = max(4, room)

    def on_mount(self) -> None:
        """Write the list."""
        options = self.query_one("#keys", OptionList)
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
            line: Line = [
                (keys[:18].rjust(18) + "  ", "key"),
                (binding.description, "text"),
            ]
            self._keys.append(binding.key)
            options.add_option(Option(text_of(self, [line])))
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Have the key pressed."""
        self.dismiss()
        self.app.simulate_key(self._keys[event.option_index])
