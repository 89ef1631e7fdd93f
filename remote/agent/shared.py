"""What the scheduler said, shared by all agents of one account on one login node.

One small private folder: the system's folder for what an account runs, which goes at
log-out, else one under /tmp. Whoever asks the scheduler holds a lock that the system
lets go if its holder dies; the last agent to leave takes the folder with it. Where no
such folder can be had, every agent keeps its own answers.
"""

import fcntl
import hashlib
import json
import os
import stat
import time
from typing import Any, Dict, List, Optional, Sequence

LARGEST_BYTES = 8 << 20
NAME = "cryodeck"
#: what decides which scheduler answers, beside the words of the query
_SURROUNDINGS = (
    "PATH", "SLURM_CONF", "SLURM_CLUSTERS", "SGE_ROOT", "SGE_CELL", "SGE_CLUSTER_NAME",
    "PBS_DEFAULT", "PBS_SERVER", "LSF_ENVDIR",
)  # fmt: skip
_joined: "Dict[str, int]" = {}  # folders this agent has a share in, and its handle


def key_of(asked: Sequence[Dict[str, Any]]) -> str:
    """Name under which answers to these queries are kept."""
    said: List[Any] = [query["argv"] for query in asked]
    said += [os.environ.get(name, "") for name in _SURROUNDINGS]
    return hashlib.sha256(json.dumps(said).encode("utf-8")).hexdigest()[:16]


def folder() -> Optional[str]:
    """The account's own folder on this host; None if there can be none."""
    path = _place()
    if path is None:
        return None
    for _ in range(3):
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            seen = os.lstat(path)
            is_private = not seen.st_mode & 0o077 and seen.st_uid == os.getuid()
            if not stat.S_ISDIR(seen.st_mode) or not is_private:
                return None  # somebody else's, or a trap
            if _join(path):
                return path
        except OSError:
            return None
    return None


def _place() -> Optional[str]:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.access(runtime, os.W_OK | os.X_OK):
        return os.path.join(runtime, NAME)
    base = os.environ.get("TMPDIR", "")
    if not (os.path.isabs(base) and os.path.isdir(base)):
        base = "/tmp"
    return os.path.join(base, "{}-{}".format(NAME, os.getuid()))


def _join(path: str) -> bool:
    """Hold a share in the folder for as long as this agent lives."""
    known = _joined.get(path)
    present = os.path.join(path, "agents")
    if known is not None and _is_same(known, present):
        return True
    handle = os.open(present, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)
    if not _is_same(handle, present):  # the last of the others has just left
        os.close(handle)
        return False
    if known is not None:
        os.close(known)
    _joined[path] = handle
    return True


def _is_same(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def leave() -> None:
    """Give the shares back; whoever is the last removes the folder."""
    for path, handle in list(_joined.items()):
        del _joined[path]
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(handle, os.path.join(path, "agents")):
                for name in os.listdir(path):
                    os.unlink(os.path.join(path, name))
                os.rmdir(path)
        except OSError:
            pass  # others are still there
        os.close(handle)


class Store:
    """The answers to one scheduler's queries, in a file for all agents."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> Dict[str, Any]:
        """What is kept; empty if there is nothing that can be read."""
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def save(self, kept: Dict[str, Any]) -> None:
        """Replace what is kept; too much of it is not."""
        text = json.dumps(kept)
        if len(text) > LARGEST_BYTES:
            return
        beside = "{}.{}.tmp".format(self.path, os.getpid())
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(beside, self.path)
        except OSError:
            pass  # the next one asks the scheduler itself

    def begin(self) -> Optional[int]:
        """Be the one who asks; None while another agent does."""
        try:
            handle = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return -1  # alone, then
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def end(self, handle: int) -> None:
        """Let others ask."""
        if handle >= 0:
            os.close(handle)


def age(at: float) -> float:
    """Seconds since a moment; very old if it lies ahead: a clock was set back."""
    passed = time.time() - at
    return passed if passed >= -1.0 else float("inf")
