"""Forms as they stood when they could not be sent, kept on the person's machine.

What is typed into a form is kept a moment later, and forgotten when the form is saved,
run or thrown away; so a lost link, a closed laptop or a crash costs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from remote.places import state_home, write_private

if TYPE_CHECKING:
    from engine.jobs.job import Job

MOST = 50


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form that was not sent: of which job, and when it was typed."""

    key: str  # the job's name, or "new class2d"
    at: float
    text: str  # job.star
    version: str

    def job(self) -> Job | None:
        """The form; None if it cannot be read any more."""
        from engine.errors import EngineError
        from engine.jobs.job import Job

        try:
            return Job.from_star(self.text, self.key, self.version)
        except EngineError:
            return None


def _file(cluster: str, project: str, key: str) -> Path:
    name = hashlib.sha256(f"{cluster}\0{project}\0{key}".encode()).hexdigest()[:24]
    return state_home() / "forms" / f"{name}.json"


def keep(cluster: str, project: str, key: str, job: Job) -> None:
    """Keep a form; a full disk does not stop the typing."""
    record = {
        "cluster": cluster,
        "project": project,
        "key": key,
        "at": time.time(),
        "version": job.version,
        "text": job.to_star(),
    }
    path = _file(cluster, project, key)
    with contextlib.suppress(OSError):
        write_private(path, json.dumps(record))
        files = sorted(path.parent.glob("*.json"), key=lambda f: f.stat().st_mtime)
        for old in files[:-MOST]:
            old.unlink(missing_ok=True)


def kept(cluster: str, project: str, key: str) -> KeptForm | None:
    """The form that was kept of a job; None if there is none."""
    try:
        found = json.loads(_file(cluster, project, key).read_text(encoding="utf-8"))
        if (found["cluster"], found["project"]) != (cluster, project):
            return None
        return KeptForm(
            str(found["key"]), float(found["at"]), found["text"], found["version"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop(cluster: str, project: str, key: str) -> None:
    """Forget it."""
    with contextlib.suppress(OSError):
        _file(cluster, project, key).unlink(missing_ok=True)
