"""The end of a job told through the terminal: its bell, its desktop's notification."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tui.plain import plain

if TYPE_CHECKING:
    from textual.app import App


def sequence(title: str, words: str, environment: Mapping[str, str]) -> str:
    """OSC 9 and OSC 777; what a terminal does not know it ignores.

    tmux hands them on in an envelope, if it is allowed to (`allow-passthrough`).
    """
    title = plain(title, 100).replace(";", ",")
    words = plain(words, 300).replace(";", ",")
    told = (f"\x1b]9;{title}: {words}\x1b\\", f"\x1b]777;notify;{title};{words}\x1b\\")
    if "TMUX" not in environment:
        return "".join(told)
    doubled = (one.replace("\x1b", "\x1b\x1b") for one in told)
    return "".join(f"\x1bPtmux;{one}\x1b\\" for one in doubled)


def tell(app: App[Any], how: str, title: str, words: str) -> None:
    """Ring, and have the desktop say it, as the person wants."""
    if how in {"bell", "both"}:
        app.bell()
    driver = app._driver
    if how in {"desktop", "both"} and driver is not None and not app.is_headless:
        driver.write(sequence(title, words, os.environ))
