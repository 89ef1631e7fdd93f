"""One line per request to a cluster: when, what, how long, how it ended. No secrets.

Arguments are not written, only the verb and the first path; so no file's content and no
answer to a prompt can get in.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from remote.places import make_private, state_home

_MAX_BYTES = 4 << 20
SHOWN = 500  # of the newest lines
_BYTES = 262_144


class Journal:
    """Appends lines to a file in the person's state folder; turned over at 4 MB."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_home() / "journal.jsonl"
        self._fd: int | None = None
        self._is_broken = False

    def write(
        self,
        cluster: str,
        verb: str,
        subject: str,
        seconds: float,
        outcome: str,
        sent: int = 0,
        received: int = 0,
    ) -> None:
        """Write one line; a full disk or a read-only home does no harm."""
        record = {
            "t": round(time.time(), 3),
            "cluster": cluster,
            "verb": verb,
            "subject": subject[:200],
            "ms": round(1000 * seconds, 1),
            "outcome": outcome,
            "sent": sent,
            "received": received,
        }
        line = json.dumps(record, ensure_ascii=True) + "\n"
        if self._is_broken:
            return
        try:
            if self._fd is None:
                self._fd = self._open()
            os.write(self._fd, line.encode())
        except OSError:
            self._is_broken = True

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        make_private(self.path.parent)
        if self.path.exists() and self.path.stat().st_size > _MAX_BYTES:
            self.path.replace(self.path.with_suffix(".old.jsonl"))
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(fd, 0o600)
        return fd


def last_records(path: Path, most: int = SHOWN) -> list[dict[str, Any]]:
    """The newest lines of a journal, the newest last; broken ones are left out."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            start = max(0, file.tell() - _BYTES)
            file.seek(start)
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    records = []
    for line in lines[1:] if start else lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records[-most:]
