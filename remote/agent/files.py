"""Files and folders, by name, by offset, many at once."""

import heapq
import os
import stat
from operator import itemgetter
from typing import Any, BinaryIO, Dict, Iterator, List, Optional, Tuple

from engine.project.atomic import write_bytes
from remote.agent.text import decode_piece, last_state, settle
from remote.agent.verbs import Request, VerbError, explain, verb

MAX_READ = 32 << 20
MAX_LIST = 10000
PIPELINE = "default_pipeline.star"  # a folder that has it is a RELION project
Entry = Tuple[str, str, int, float]  # name, kind, size, time


@verb()
def stat_many(request: Request, paths: List[str]) -> List[Optional[Dict[str, Any]]]:
    """Size, times and kind of each path; None for what is not there."""
    return [_stat(request.path(path)) for path in paths]


def _stat(path: str) -> Optional[Dict[str, Any]]:
    try:
        there = os.stat(path)
    except (OSError, ValueError):
        return None
    return {
        "size": there.st_size,
        "mtime": there.st_mtime,
        "inode": there.st_ino,
        "is_dir": stat.S_ISDIR(there.st_mode),
    }


@verb()
def list_dir(
    request: Request,
    path: str = "",
    needle: str = "",
    limit: int = 500,
    folders_only: bool = False,
    hidden: bool = True,
) -> Dict[str, Any]:
    """Entries of a folder, folders first, then by name; no more than `limit`.

    {"entries": [name, kind, size, time], "total": how many there are}. Only names that
    hold `needle` count, in any case. The kind is "d" for a folder, "f" for a file, in
    capitals for links; where only folders are asked for, "p" is a RELION project.
    Nothing is asked about those beyond the limit: a hundred thousand files are not to
    cost a file server as many questions.
    """
    needle = needle.lower()
    matching = 0

    def wanted() -> Iterator[Tuple[bool, str, Any]]:
        nonlocal matching
        with os.scandir(request.path(path)) as entries:
            for seen, entry in enumerate(entries):
                if seen % 1000 == 0:
                    request.report(seen, 0, matching, "entries")
                if needle not in entry.name.lower() or (
                    not hidden and entry.name.startswith(".")
                ):
                    continue
                is_file = not entry.is_dir()
                if not (is_file and folders_only):
                    matching += 1
                    yield is_file, entry.name, entry

    first = heapq.nsmallest(min(limit, MAX_LIST), wanted(), key=itemgetter(0, 1))
    found = [_entry(entry) for _, _, entry in first]
    if folders_only:
        found = [_project(request.path(path), entry) for entry in found]
    return {
        "entries": found,
        "total": matching,
        "is_project": folders_only and _is_project(request.path(path)),
    }


def _is_project(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, PIPELINE))


def _project(folder: str, entry: Entry) -> Entry:
    """A folder as such, or as a RELION project if it is one."""
    name, kind, size, mtime = entry
    if _is_project(os.path.join(folder, name)):
        kind = "P" if kind.isupper() else "p"
    return name, kind, size, mtime


def _entry(entry: Any) -> Entry:
    """Name, kind, size, time."""
    kind, size, mtime = "f", 0, 0.0
    is_link = entry.is_symlink()
    try:
        there = entry.stat()
    except OSError:
        pass  # a link to nowhere
    else:
        kind = "d" if stat.S_ISDIR(there.st_mode) else "f"
        size, mtime = there.st_size, there.st_mtime
    return entry.name, kind.upper() if is_link else kind, size, mtime


def open_plain(path: str) -> BinaryIO:
    """Open a plain file; a pipe or a device, which could wait for ever, is refused."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        message = "{}: not a plain file".format(path)
        raise VerbError(message, "bad request")
    return open(fd, "rb")


@verb()
def read_from(
    request: Request, path: str, offset: int = 0, max_bytes: int = 65536, inode: int = 0
) -> Dict[str, Any]:
    """New text of a growing file from an offset; from the end if it is negative.

    A file that is shorter than the offset, or another one than `inode` says, was
    rotated or begun anew: it is read from its start and `was_truncated` is true.
    """
    return tail(request.path(path), offset, max_bytes, inode)


@verb()
def tail_many(request: Request, files: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """`read_from` of several files; one that cannot be read says so in "error"."""
    answers = []
    for wanted in files:
        request.check()
        try:
            answers.append(
                tail(
                    request.path(wanted["path"]),
                    int(wanted.get("offset", 0)),
                    int(wanted.get("max_bytes", 65536)),
                    int(wanted.get("inode", 0)),
                )
            )
        except (OSError, VerbError) as error:
            said = explain(error)
            answers.append({"error": {"code": said.code, "message": str(said)}})
    return answers


def tail(path: str, offset: int, max_bytes: int, inode: int = 0) -> Dict[str, Any]:
    """Answer of `read_from` about a path."""
    max_bytes = max(4, min(max_bytes, MAX_READ))
    with open_plain(path) as handle:
        there = os.fstat(handle.fileno())
        was_truncated = offset > there.st_size or bool(inode and inode != there.st_ino)
        from_end = offset < 0
        if was_truncated:
            start = 0
        elif from_end:
            start = max(0, there.st_size + offset)
        else:
            start = offset
        handle.seek(start)
        data = handle.read(max_bytes)
        start, data = _whole_first_line(data, start, from_end)
        text, partial, used = _cut(data, len(data) == max_bytes)
    return {
        "start": start,
        "offset": start + used,
        "size": there.st_size,
        "inode": there.st_ino,
        "mtime": there.st_mtime,
        "text": settle(text),
        "partial": settle(last_state(partial)),
        "was_truncated": was_truncated,
    }


def _whole_first_line(data: bytes, start: int, from_end: bool) -> Any:
    """Without the torn line at the top of what was read from the end."""
    if not from_end or start == 0:
        return start, data
    first = data.find(b"\n") + 1
    if 0 < first < len(data):
        return start + first, data[first:]
    return start, data


def _cut(data: bytes, is_full: bool) -> Any:
    """Whole lines, what follows them, and the bytes that are done with.

    The last line is kept for the next read unless it alone is more than one read.
    """
    end = data.rfind(b"\n") + 1
    if end == 0 and is_full:
        # one endless line, of progress bars perhaps: only its last state matters
        bar = data.rfind(b"\r")
        if bar > 0:
            return "", data[bar:].decode("utf-8", "replace"), bar
        text, used = decode_piece(data)
        return text, "", used
    return (
        data[:end].decode("utf-8", "replace"),
        data[end:].decode("utf-8", "replace"),
        end,
    )


@verb(whole=True)
def write_atomic(
    request: Request, path: str, mode: int = 0o664, if_mtime: Optional[float] = None
) -> Dict[str, Any]:
    """Write the bytes beside the request: beside the name, flushed, then renamed.

    With `if_mtime` only if the file is still the one of that time (0: is not there).
    """
    target = request.path(path)
    if os.path.islink(target):
        target = os.path.realpath(target)
    if if_mtime is not None:
        there = _stat(target)
        if (there["mtime"] if there else 0) != if_mtime:
            message = "{}: was changed by somebody else".format(path)
            raise VerbError(message, "conflict")
    write_bytes(target, request.blob, mode)
    written = os.stat(target)
    return {"size": written.st_size, "mtime": written.st_mtime}


@verb()
def make_dir(request: Request, path: str) -> None:
    """Make a folder and those above it."""
    os.makedirs(request.path(path), exist_ok=True)
