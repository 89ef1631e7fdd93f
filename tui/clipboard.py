"""Text to the clipboard of the terminal, through SSH and tmux (OSC 52)."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

MOST = 74_994  # encoded bytes that terminals are known to take


def sequence(text: str, *, in_tmux: bool) -> str:
    """The escape sequence that sets the clipboard; tmux needs an envelope."""
    encoded = base64.b64encode(text.encode()).decode()
    osc = f"\x1b]52;c;{encoded}\x07"
    return f"\x1bPtmux;\x1b{osc}\x1b\\" if in_tmux else osc


def copy(app: App[Any], text: str) -> bool:
    """Send a text; whether the terminal took it cannot be known, and is not claimed."""
    if len(base64.b64encode(text.encode())) > MOST:
        app.notify("Too long for the clipboard", severity="warning", timeout=5)
        return False
    driver = app._driver
    if driver is None:
        return False
    driver.write(sequence(text, in_tmux="TMUX" in os.environ))
    app.notify(f"{len(text)} characters sent to the terminal's clipboard", timeout=4)
    return True
