"""What a project looked like when last seen, for when its cluster is out of reach.

Private files in the cache folder, one per project; they may be deleted at any time.
Each answer carries the time at which it was true.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from remote.places import cache_home, write_private
from remote.views import Overview, Statistics

T = TypeVar("T")
FORMAT = 1
_MAX_STATISTICS = 30


class LastKnown:
    """The last answers about one project of one cluster."""

    def __init__(self, cluster: str, project: str) -> None:
        name = hashlib.sha256(f"{cluster}\0{project}".encode()).hexdigest()[:24]
        self.path = cache_home() / "last-known" / f"{name}.json"
        self._where = {"format": FORMAT, "cluster": cluster, "project": project}
        self._kept: dict[str, Any] | None = None
        self._overview: Overview | None = None
        self._is_new = False

    @property
    def overview(self) -> Overview | None:
        """The job list; None if it was never seen."""
        found = self._load().get("overview")
        return None if found is None else _read(Overview, found)

    def statistics(self, job: str) -> Statistics | None:
        """A job's numbers; None if they were never seen."""
        found = self._load().get("statistics", {})
        return _read(Statistics, found[job]) if job in found else None

    def keep_overview(self, overview: Overview) -> None:
        """Remember the job list; written by `flush`."""
        self._overview = overview

    def keep_statistics(self, statistics: Statistics) -> None:
        """Remember a job's numbers; those of the jobs longest unseen are dropped."""
        self._is_new = True
        kept = self._load().setdefault("statistics", {})
        kept.pop(statistics.job, None)
        kept[statistics.job] = _plain(statistics)
        for job in list(kept)[:-_MAX_STATISTICS]:
            del kept[job]

    def flush(self) -> None:
        """Write what is new; a full disk is no reason to fail: it is only a cache."""
        if self._overview is None and not self._is_new:
            return
        if self._overview is not None:
            self._load()["overview"] = _plain(self._overview)
        self._overview, self._is_new = None, False
        with contextlib.suppress(OSError):
            write_private(self.path, json.dumps(self._load()))

    def _load(self) -> dict[str, Any]:
        if self._kept is None:
            self._kept = dict(self._where)
            try:
                found = json.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                return self._kept
            if isinstance(found, dict) and self._where.items() <= found.items():
                self._kept = found
        return self._kept


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
