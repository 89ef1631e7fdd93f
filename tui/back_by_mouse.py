"""Back with the mouse: a click beside a dialog does what Esc does."""

from __future__ import annotations

from textual.app import App, ReturnType
from textual.events import Click
from textual.screen import ModalScreen


class BackByMouse(App[ReturnType]):
    """An application whose dialogs are left by a click beside them."""

    def on_click(self, event: Click) -> None:
        """Beside a dialog: leave it."""
        if isinstance(self.screen, ModalScreen) and event.widget is self.screen:
            self.simulate_key("escape")
