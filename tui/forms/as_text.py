"""A form as job.star in the person's editor, and back; nothing typed is lost."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from engine.errors import EngineError, InputError
from engine.jobs.job import Job
from engine.project.errors import ProjectError
from engine.project.star import parse
from tui.words import plural

if TYPE_CHECKING:
    from tui.app import CryodeckApp
    from tui.forms.form import FormPane


class EditorError(Exception):
    """The editor could not be used."""


def edit_in_editor(pane: FormPane, text: str = "") -> None:
    """Edit the form as text; a text with errors is offered to be edited again."""
    from tui.screens.dialogs import Choose

    app: CryodeckApp = pane.app
    before = text or pane.job.to_star()
    try:
        after = edited(app, before)
    except EditorError as error:
        app.notify(str(error), severity="error", markup=False, timeout=10)
        return
    try:
        job = read_back(pane.job, after)
    except InputError as error:
        again, drop = "Edit the text again", "Throw the text away"

        def chosen(answer: str | None) -> None:
            if answer == again:
                edit_in_editor(pane, after)
            elif answer is None:  # one more question rather than a lost text
                app.push_screen(
                    Choose("The text is not taken yet", [again, drop]), chosen
                )

        app.push_screen(Choose(f"Not taken: {error}", [again, drop]), chosen)
        return
    pane.take_job(job)
    errors = pane.errors
    words = "taken from the text" if job.values else "nothing in it"
    if errors:
        first = errors[0]
        words += (
            f"; {plural(len(errors), 'problem')} to fix: {first.key}: {first.message}"
        )
    app.notify(
        words, severity="error" if errors else "information", markup=False, timeout=8
    )


def read_back(job: Job, text: str) -> Job:
    """The job that a text is; InputError names what is wrong with it."""
    try:
        found = Job.from_star(text, "job.star", job.version)
        lost = _keys(job.to_star()) - _keys(text)
    except (EngineError, ProjectError) as error:
        raise InputError(str(error)) from error
    except ValueError as error:  # columns of different lengths
        message = f"job.star: {error}"
        raise InputError(message) from error
    if found.type.key != job.type.key:
        message = (
            f"job.star: this is a form of {found.type.title}, not of {job.type.title}"
        )
        raise InputError(message)
    if lost:
        message = f"job.star: {', '.join(sorted(lost)[:3])}: not there any more"
        raise InputError(message)
    strange = [key for key in found.unknown if key not in job.unknown]
    if strange:
        message = f"job.star: {', '.join(strange[:3])}: no such option"
        raise InputError(message)
    return found


def _keys(text: str) -> set[str]:
    table = parse(text, "job.star").require("joboptions_values", "job.star")
    return set(table.values("rlnJobOptionVariable"))


def edited(app: CryodeckApp, text: str) -> str:
    """What the person's editor makes of a text."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="cryodeck-") as folder:
        path = Path(folder) / "job.star"
        path.write_text(text, encoding="utf-8")
        status = 0
        problem: EditorError | None = None
        try:
            with app.suspend():
                try:
                    status = _run(command, path)
                except EditorError as error:  # an exception would keep us suspended
                    problem = error
        except SuspendNotSupported:
            status = _run(command, path)  # an editor with a window of its own
        if problem is not None:
            raise problem
        if status != 0:
            message = f"{command} ended with {status}; nothing changed"
            raise EditorError(message)
        return path.read_text(encoding="utf-8", errors="replace")


def _run(command: str, path: Path) -> int:
    try:
        return subprocess.run(
            [*shlex.split(command), str(path)], check=False
        ).returncode
    except (OSError, ValueError) as error:
        message = f"{command}: cannot be started ({error}); set EDITOR"
        raise EditorError(message) from error
