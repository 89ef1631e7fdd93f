"""What the practice cluster knows of its jobs, and the processes of one.

A folder holds for every job N.json (what is known), N.script and N.lock, which is
locked by the process that watches over the job as long as that lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

Job = dict[str, Any]
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


class Records:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, job: Job) -> None:
        """Write what is known of a job, whole."""
        part = self.folder / f"{job['id']}.part"
        part.write_text(json.dumps(job, indent=1), encoding="utf-8")
        part.replace(self.folder / f"{job['id']}.json")

    def load(self, number: int) -> Job:
        """What is known of a job."""
        text = (self.folder / f"{number}.json").read_text(encoding="utf-8")
        return dict(json.loads(text))

    def lock(self, name: object) -> IO[bytes] | None:
        """A lock that ends with its holder; None if somebody has it."""
        handle = (self.folder / f"{name}.lock").open("ab")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return None
        return handle

    def jobs(self) -> list[Job]:
        """All jobs, in order; one that nobody watches over has lost its node."""
        numbers = sorted(int(p.stem) for p in self.folder.glob("*.json"))
        return [self._seen(number) for number in numbers]

    def cancel(self, number: int) -> None:
        """Have the process that watches over a job end it."""
        (self.folder / f"{number}.cancel").touch()

    def is_cancelled(self, number: int) -> bool:
        """Whether that was asked for, or the whole cluster is deleted."""
        is_asked = (self.folder / f"{number}.cancel").exists()
        return is_asked or not self.folder.exists()

    def _seen(self, number: int) -> Job:
        job = self.load(number)
        lock = None if job["end"] else self.lock(number)
        if lock is not None:
            with lock:
                job = self.load(number)
                if not job["end"]:
                    own = f"{self.folder}/{number}"
                    strike(job["pid"], signal.SIGKILL, own)
                    job.update(state="NODE_FAIL", end=time.time(), signal=9)
                    self.save(job)
        return job


def members(session: int, own: str = "") -> Iterator[tuple[int, float]]:
    """Processes of a session with their memory in MB; `own`: only of that job."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2]
            words = fields.split()
            if int(words[3]) != session or words[0] in "ZX":
                continue
            environment = (entry / "environ").read_bytes() if own else b""
        except OSError:
            continue  # it has just ended
        if not own or f"CRYODECK_PRACTICE={own}\0".encode() in environment:
            yield int(entry.name), int(words[21]) * _PAGE_MB


def strike(session: int, number: int, own: str = "") -> bool:
    """Send a signal to all of a session; whether there was anybody."""
    found = [pid for pid, _ in members(session, own)] if session else []
    for pid in found:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    return bool(found)


def node_of(job: Job) -> str:
    """Name of the node that a job has or had; "" before it began."""
    return f"simulated-{job['partition']}" if job["start"] else ""
