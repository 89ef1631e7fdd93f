"""What a project looked like when last seen, for when its cluster is out of reach.

Private files in the cache folder, a folder per project; they may be deleted at any
time. Each answer carries the time of this machine's clock at which it was given.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import zlib
from collections import OrderedDict
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from remote.places import cache_home, write_private_bytes
from remote.views import LogChunk, Overview

T = TypeVar("T")
FORMAT = 2
MOST_BYTES = 32 << 20  # of a project's answers on disk
MOST_ANSWERS = 400
LOG_BYTES = 65536
_IN_MEMORY = 24
_UNWRITTEN = 60
#: answers that are kept, and the arguments that tell one from another
KEPT: dict[str, tuple[str, ...]] = {
    "settings.layers": (),
    "project.job_star": ("name",),
    "project.gui_defaults": ("name",),
    "project.nodes": ("kind",),
    "statistics.of_job": ("name",),
    "statistics.micrographs": ("name",),
    "statistics.picks": ("name", "micrograph"),
    "hunting.of_job": ("name",),
    "overlap.of_jobs": ("first", "second"),
    "class_overlap.of_jobs": ("first", "second"),
    "pictures.gallery": ("name", "iteration"),
    "pictures.micrograph": ("name", "micrograph", "region"),
}
LOG = "project.log"


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it was given once; as text, since who asked may change it."""

    text: str
    blob: bytes
    at: float

    @property
    def said(self) -> Any:
        """The answer, anew each time."""
        return json.loads(self.text)


class LastKnown:
    """The last answers about one project of one cluster."""

    def __init__(self, cluster: str, project: str) -> None:
        name = hashlib.sha256(f"{cluster}\0{project}".encode()).hexdigest()[:24]
        self.folder = cache_home() / "last-known" / name
        self.path = self.folder / "overview.json"
        self._where = {"format": FORMAT, "cluster": cluster, "project": project}
        self._overview: tuple[Overview, float] | None = None
        self._new: dict[str, Kept] = {}
        self._read: OrderedDict[str, Kept] = OrderedDict()
        self._logs: OrderedDict[tuple[str, str], LogChunk] = OrderedDict()
        self._logs_at: dict[tuple[str, str], float] = {}

    # the job list

    def overview(self) -> tuple[Overview, float] | None:
        """The job list and when it was seen; None if it never was."""
        if self._overview is not None:
            return self._overview
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict) or not self._where.items() <= found.items():
            return None
        overview = _read(Overview, found.get("overview"))
        at = found.get("at")
        if overview is None or not isinstance(at, int | float):
            return None
        return overview, float(at)

    def keep_overview(self, overview: Overview) -> None:
        """Remember the job list; written by `flush`."""
        self._overview = (overview, time.time())

    # answers

    def keep(self, verb: str, args: dict[str, Any], said: Any, blob: bytes) -> None:
        """Remember an answer; written by `flush`."""
        key = _key(verb, args)
        if key:
            self._new.pop(key, None)
            self._new[key] = Kept(json.dumps(said), blob, time.time())
            while len(self._new) > _UNWRITTEN:
                self._new.pop(next(iter(self._new)))

    def answer(self, verb: str, args: dict[str, Any]) -> Kept | None:
        """The last answer of this kind; None if there never was one."""
        key = _key(verb, args)
        return self._answer(key) if key else None

    def _answer(self, key: str) -> Kept | None:
        found = self._new.get(key) or self._read.get(key)
        if found is None:
            found = _unpacked(self._file(key), key)
            if found is not None:
                self._read[key] = found
                while len(self._read) > _IN_MEMORY:
                    self._read.popitem(last=False)
        return found

    # logs: only their ends

    def keep_log(self, name: str, stream: str, offset: int, chunk: LogChunk) -> None:
        """Remember the end of a log; `offset` is where this chunk was asked from."""
        key = (name.rstrip("/"), stream)
        before = self._logs.get(key)
        text = chunk.text
        if before is not None and offset == before.offset and not chunk.was_truncated:
            if not text and chunk.partial == before.partial:
                self._logs_at[key] = time.time()
                return
            text = before.text + text
        if len(text) > LOG_BYTES:
            text = text[-LOG_BYTES:].partition("\n")[2]
        self._logs[key] = LogChunk(
            path=chunk.path,
            offset=chunk.offset,
            size=chunk.size,
            text=text,
            partial=chunk.partial,
            start=max(0, chunk.offset - len(text.encode())),
        )
        self._logs.move_to_end(key)
        self._logs_at[key] = time.time()
        while len(self._logs) > _UNWRITTEN:
            self._logs_at.pop(self._logs.popitem(last=False)[0], None)

    def log(self, name: str, stream: str) -> tuple[LogChunk, float] | None:
        """The end of a log and when it was seen."""
        key = (name.rstrip("/"), stream)
        if key in self._logs:
            return self._logs[key], self._logs_at[key]
        kept = self._answer(_key_of_log(*key))
        chunk = None if kept is None else _read(LogChunk, kept.said)
        return None if chunk is None or kept is None else (chunk, kept.at)

    # files

    def flush(self) -> None:
        """Write what is new; a full disk does no harm: it is only a cache."""
        for log, chunk in list(self._logs.items()):
            at = self._logs_at.get(log, 0.0)
            text = json.dumps(_plain(chunk))
            self._new[_key_of_log(*log)] = Kept(text, b"", at)
        with contextlib.suppress(OSError):
            if self._overview is not None:
                overview, at = self._overview
                record = self._where | {"at": at, "overview": _plain(overview)}
                write_private_bytes(self.path, json.dumps(record).encode())
            for key, kept in list(self._new.items()):
                write_private_bytes(self._file(key), _packed(key, kept))
                self._new.pop(key, None)
                self._read.pop(key, None)
            self._prune()
        self._overview = None

    def _file(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()[:24]
        return self.folder / f"{name}.answer"

    def _prune(self) -> None:
        """Forget what was longest unseen, beyond a number and a size."""
        files = [(f.stat(), f) for f in self.folder.glob("*.answer")]
        files.sort(key=lambda pair: pair[0].st_mtime, reverse=True)
        size = 0
        for number, (stat, file) in enumerate(files):
            size += stat.st_size
            if number >= MOST_ANSWERS or size > MOST_BYTES:
                file.unlink(missing_ok=True)


def _key(verb: str, args: dict[str, Any]) -> str:
    """What an answer is kept under; empty if it is not kept."""
    names = KEPT.get(verb)
    if names is None:
        return ""
    told = {name: args.get(name) for name in names}
    return json.dumps([verb, told], sort_keys=True, default=list)


def _key_of_log(name: str, stream: str) -> str:
    return json.dumps([LOG, name, stream])


def _packed(key: str, kept: Kept) -> bytes:
    head = json.dumps({"format": FORMAT, "key": key, "at": kept.at})
    whole = f"{head}\n{kept.text}\n".encode() + kept.blob
    return zlib.compress(whole, 1)


def _unpacked(file: Path, key: str) -> Kept | None:
    try:
        head, text, blob = zlib.decompress(file.read_bytes()).split(b"\n", 2)
        found = json.loads(head)
        if found["format"] != FORMAT or found["key"] != key:
            return None
        return Kept(text.decode(), blob, float(found["at"]))
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return None


def _plain(value: Any) -> Any:
    """Value as JSON can carry it."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _read(kind: type[T], value: Any) -> T | None:
    """Record of a type; None if it was written by another version of the program."""
    try:
        found = _made(kind, value)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return found if isinstance(found, kind) else None


def _made(kind: Any, value: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        made = {name: _made(hints[name], item) for name, item in value.items()}
        return kind(**made)  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return tuple(_made(get_args(kind)[0], item) for item in value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value
