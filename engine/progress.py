"""Progress records: one JSON object a line in a job's `progress.jsonl`.

Machines read them; people read the log. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

#: At most two step records a second, so that polling a slow file system stays cheap.
STEP_INTERVAL_S = 0.5
_TAIL_BYTES = 1 << 16


class ProgressWriter:
    """Appends progress records to a file; does nothing without one.

    Parameters
    ----------
    path : path or None
        None on every rank but 0.
    """

    def __init__(self, path: str | Path | None) -> None:
        self._path = None if path is None else Path(path)
        self._last_step = 0.0
        self._last_done = (-1, -1)
        self._whole: dict[str, int] = {}

    def started(
        self, total: int, unit: str, *, kept: int = 0, of: int = 0, **more: Any
    ) -> None:
        """The work begins: `total` items of a unit ("micrographs").

        A job that goes on has `kept` what an earlier run did, `of` so many in all;
        every step says it, too, so that the last one tells how far the job is.
        """
        self._last_step, self._last_done = 0.0, (-1, -1)
        self._whole = {"kept": kept, "of": of} if kept else {}
        self._write("started", done=0, total=total, unit=unit, **self._whole, **more)

    def step(self, done: int, total: int, unit: str, **more: Any) -> None:
        """`done` of `total` items are over; dropped soon after another one."""
        now = time.monotonic()
        if done < total and now - self._last_step < STEP_INTERVAL_S:
            return
        if (done, total) == self._last_done:
            return
        self._last_step, self._last_done = now, (done, total)
        self._write("step", done=done, total=total, unit=unit, **self._whole, **more)

    def iteration(self, done: int, total: int, **more: Any) -> None:
        """An iteration is whole and written; never dropped."""
        self._write("iteration", done=done, total=total, unit="iterations", **more)

    def warning(self, message: str) -> None:
        """Something the person should know, though the job goes on."""
        self._write("warning", message=message)

    def finished(self, **more: Any) -> None:
        """The job is done."""
        self._write("finished", **more)

    def failed(self, message: str) -> None:
        """The job cannot go on."""
        self._write("failed", message=message)

    def _write(self, kind: str, **values: Any) -> None:
        if self._path is None:
            return
        import fcntl  # only where jobs run

        record = {"t": round(time.time(), 3), "kind": kind, **values}
        with self._path.open("ab+") as file:
            with contextlib.suppress(OSError):  # not on every file system
                fcntl.flock(file, fcntl.LOCK_EX)
            if kind == "started" or not _has_failed(file):
                file.write(json.dumps(record).encode() + b"\n")


def _has_failed(file: BinaryIO) -> bool:
    """Whether a rank has said that the job cannot go on: nothing follows that."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    lines = file.read().decode(errors="replace").splitlines()
    last = read_progress(lines[-1]) if lines else []
    return bool(last) and last[-1]["kind"] == "failed"


def read_progress(text: str) -> list[dict[str, Any]]:
    """The records of a progress file; lines that are not records are left out.

    A half-written last line, blank lines and foreign text do no harm.
    """
    records = []
    for line in text.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("kind"), str):
            records.append(record)
    return records
