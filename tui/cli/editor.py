"""A draft's options as a text to edit: one KEY = VALUE a line, in the form's order."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import CommandFailure

if TYPE_CHECKING:
    from engine.jobs.job import Job


async def edited(job: Job, name: str) -> Job:
    """Return a job as the person left it in their editor."""
    if not (sys.stdin.isatty() or os.environ.get("EDITOR")):
        message = f"no terminal to edit in: cryodeck edit {name} --set ..."
        raise CommandFailure(message)
    with tempfile.TemporaryDirectory(prefix="cryodeck-") as folder:
        path = Path(folder) / "options.txt"
        path.write_text(as_text(job, name), encoding="utf-8")
        while True:
            await _open_editor(path)
            try:
                return from_text(job, path.read_text(encoding="utf-8"))
            except CommandFailure as failure:
                if not sys.stdin.isatty():
                    raise
                sys.stderr.write(f"cryodeck: {failure}\n")
                if input("Edit again? [Y/n] ").strip().lower() in {"n", "no"}:
                    raise


def as_text(job: Job, name: str) -> str:
    """Return the options as lines to edit."""
    lines = [f"# {name}: {job.type.title}. Lines are KEY = VALUE.", ""]
    for tab in job.type.tabs(job.version):
        lines += [f"# --- {tab.label}"]
        for option in tab.options:
            unit = f" [{option.unit}]" if option.unit else ""
            lines += [f"# {option.title}{unit}"]
            lines += [f"{option.key} = {job.text(option.key)}"]
        lines += [""]
    return "\n".join(lines)


def from_text(job: Job, text: str) -> Job:
    """Return a job with the values of an edited text."""
    from tui.cli.drafting import changed

    settings = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, sign, value = line.partition("=")
        if not sign:
            message = f"line {number}: {line.strip()}: write KEY = VALUE"
            raise CommandFailure(message)
        if job.values.get(key.strip()) != value.strip():
            settings.append(f"{key.strip()}={value.strip()}")
    return changed(job, settings, continuing=False)


async def _open_editor(path: Path) -> None:
    """Let the person edit; the link to the cluster goes on meanwhile."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the editor's
    try:
        process = await asyncio.create_subprocess_exec(*shlex.split(command), str(path))
        status = await process.wait()
    except OSError as error:
        message = f"{command}: cannot be started ({error.strerror}); set EDITOR"
        raise CommandFailure(message) from None
    finally:
        signal.signal(signal.SIGINT, before)
    if status != 0:
        message = f"{command} ended with {status}; nothing changed"
        raise CommandFailure(message)
