"""What the agent can be asked: functions marked `@verb`, named ``module.function``.

A module of `remote.agent` is imported when one of its verbs is first asked for. A verb
takes the request and keyword arguments from JSON and returns what JSON can carry, or an
`Answer` with bytes beside it.
"""

import errno
import os
import threading
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

VERBS: Dict[str, "Verb"] = {}
REPORT_S = 0.4  # between two words about how far a request is
_ADVICE = {
    errno.ENOENT: ": deleted, renamed, or not written yet",
    errno.EACCES: ": ask its owner or the site for the right",
    errno.ENOSPC: "; nothing was changed: make room, as by cleaning jobs",
    errno.EDQUOT: "; nothing was changed: your quota is used up, delete or move files",
    errno.EROFS: "; nothing can be changed there, only looked at",
}


class VerbError(Exception):
    """A verb could not do what it was asked; `code` says which kind.

    Codes: "not found", "denied", "bad request", "time limit", "cancelled", "memory",
    "busy", "conflict", "failed".
    """

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


Answer = NamedTuple("Answer", [("result", Any), ("blob", bytes)])
Verb = NamedTuple(
    "Verb",
    [("name", str), ("function", Callable[..., Any]), ("heavy", bool), ("whole", bool)],
)


class Request:
    """One request: where it works, how long it may take, whether it is still wanted."""

    def __init__(self, number: int, project: str = "", limit_s: float = 30.0) -> None:
        self.number = number
        self.project = project
        self.limit_s = limit_s
        self.deadline = time.monotonic() + limit_s
        self.blob = b""
        self.tell: Optional[Callable[[Dict[str, Any]], None]] = None
        self._told_at = time.monotonic()
        self._stop = threading.Event()
        self._why = ("cancelled", "cancelled")

    def stop(self, code: str = "cancelled", message: str = "cancelled") -> None:
        """Ask the verb to end at its next `check`."""
        self._why = (code, message)
        self._stop.set()

    def check(self) -> None:
        """End here if the request is cancelled or its time is over."""
        if self._stop.is_set():
            code, message = self._why
            raise VerbError(message, code)
        if time.monotonic() > self.deadline:
            message = "took longer than its time limit"
            raise VerbError(message, "time limit")

    def report(self, done: int, total: int, found: int, what: str) -> None:
        """Say how far it is, now and then, and what has been found so far.

        Whoever hears it goes on waiting: its time limit begins anew. It ends here if
        it is not wanted any more.
        """
        self.check()
        now = time.monotonic()
        if self.tell is not None and now - self._told_at >= REPORT_S:
            self._told_at = now
            self.deadline = now + self.limit_s
            self.tell({"done": done, "total": total, "found": found, "what": what})

    @property
    def left_s(self) -> float:
        """Seconds until the time limit."""
        return max(0.0, self.deadline - time.monotonic())

    def path(self, name: str) -> str:
        """Path of a name: absolute, from home with a tilde, or from the project."""
        if "\x00" in name:
            message = "a path must not hold a zero byte"
            raise VerbError(message, "bad request")
        if name == "~" or name.startswith("~/"):
            return os.path.expanduser(name)
        base = self.project or "~"
        if base == "~" or base.startswith("~/"):
            base = os.path.expanduser(base)
        return os.path.join(base, name) if name else base


def verb(*, heavy: bool = False, whole: bool = False) -> Callable[..., Any]:
    """Mark a function as a verb.

    `heavy` ones wait in a short line of their own and run with a low priority; `whole`
    ones are never abandoned half-way: the agent finishes them after its channel closed.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        module = function.__module__.rpartition(".")[2]
        name = "{}.{}".format(module, function.__name__)
        VERBS[name] = Verb(name, function, heavy, whole)
        return function

    return mark


def find(name: str) -> Verb:
    """Verb of a name; imports its module on first use."""
    known = VERBS.get(name)
    if known is None:
        module, _, function = name.partition(".")
        if module.isidentifier() and function.isidentifier():
            _load("remote.agent." + module)
            known = VERBS.get(name)
    if known is None:
        message = "the agent knows no verb {!r}".format(name)
        raise VerbError(message, "bad request")
    return known


def _load(module: str) -> None:
    try:
        __import__(module)
    except ImportError as error:
        if getattr(error, "name", None) != module:
            raise


def explain(error: BaseException, path: Optional[str] = None) -> VerbError:
    """Error of the system in the agent's words."""
    if isinstance(error, VerbError):
        return error
    if isinstance(error, MemoryError):
        return VerbError("the agent ran out of memory", "memory")
    if isinstance(error, OSError):
        code = "failed"
        if isinstance(error, FileNotFoundError):
            code = "not found"
        elif isinstance(error, PermissionError):
            code = "denied"
        name = error.filename if error.filename is not None else path
        where = (
            "{}: ".format(os.fsdecode(name)) if isinstance(name, (str, bytes)) else ""
        )
        advice = _ADVICE.get(error.errno or 0, "")
        return VerbError(where + (error.strerror or str(error)) + advice, code)
    if type(error).__module__.startswith("engine.project"):
        return VerbError(str(error), getattr(error, "code", "project"))
    return VerbError("{}: {}".format(type(error).__name__, error), "failed")
