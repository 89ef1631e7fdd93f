"""Picks that have not reached the cluster yet, kept on the person's own machine.

Written at once with every change and removed once the cluster has them, so that
neither a lost link nor a closed laptop nor a killed process loses a pick.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from remote.places import state_home, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    """A coordinate file as it should become."""

    job: str
    micrograph: str
    text: str
    base: str  # version of the file that was changed; "" if there was none
    at: float  # this machine's clock
    edits: int = 0

    @property
    def version(self) -> str:
        """What the file's version will be."""
        data = self.text.encode("utf-8", "surrogateescape")
        return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class UnsavedPicks:
    """What is on its way to one project, a file each."""

    def __init__(self, cluster: str, project: str) -> None:
        name = _short(cluster, project)
        self.folder = state_home() / "unsaved" / name

    def _path(self, job: str, micrograph: str) -> Path:
        name = _short(job, micrograph)
        return self.folder / f"{name}.json"

    def keep(self, job: str, micrograph: str, text: str, base: str, edits: int) -> None:
        """Keep the newest state of a file."""
        kept = Unsaved(
            job=job,
            micrograph=micrograph,
            text=text,
            base=base,
            at=time.time(),
            edits=edits,
        )
        write_private(self._path(job, micrograph), json.dumps(asdict(kept)))

    def drop(self, job: str, micrograph: str) -> None:
        """Forget a file: the cluster has it, or nobody wants it."""
        self._path(job, micrograph).unlink(missing_ok=True)

    def find(self, job: str, micrograph: str) -> Unsaved | None:
        """What is kept of a file."""
        return _read(self._path(job, micrograph))

    def of_job(self, job: str) -> list[Unsaved]:
        """All that is kept of a job, the oldest first."""
        found = []
        with contextlib.suppress(OSError):
            for path in self.folder.glob("*.json"):
                one = _read(path)
                if one is not None and one.job == job:
                    found.append(one)
        return sorted(found, key=lambda one: one.at)


def _short(*words: str) -> str:
    data = "\0".join(words).encode("utf-8", "surrogateescape")
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()[:20]


def _read(path: Path) -> Unsaved | None:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Unsaved(**said)
    except (OSError, ValueError, TypeError):
        return None
