"""A text to a file on this machine: where to, replace what is there, written whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote.places import at_home

if TYPE_CHECKING:
    from textual.app import App


def ask_where(
    app: App[Any],
    title: str,
    name: str,
    text: Callable[[Path], str],
    *,
    hint: str = "",
    endings: Sequence[str] = (),
) -> None:
    """Ask for a file and write the text that its name asks for."""
    from tui.screens.dialogs import AskLine, Confirm

    def given(answer: str | None) -> None:
        if not answer:
            return
        path = at_home(answer)
        if endings and path.suffix.lower() not in endings:
            words = f"{path.name}: ends neither with {' nor with '.join(endings)}"
            app.notify(words, severity="error", markup=False, timeout=6)
        elif path.exists():

            def sure(yes: bool | None) -> None:
                if yes:
                    _write(app, path, text)

            words = "The file is there already; it is replaced as a whole."
            app.push_screen(Confirm(f"Replace {path.name}?", words, "Replace"), sure)
        else:
            _write(app, path, text)

    app.push_screen(AskLine(title, name, hint), given)


def _write(app: App[Any], path: Path, text: Callable[[Path], str]) -> None:
    from tui.exporting import write_whole

    try:
        write_whole(path, text(path))
    except OSError as error:
        words = f"{path}: not written: {error.strerror or error}"
        app.notify(words, severity="error", markup=False, timeout=10)
    else:
        app.notify(f"written: {path.resolve()}", markup=False, timeout=5)
