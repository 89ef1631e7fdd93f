"""Search in a job's log where it lies: from line to line, a block at a time.

A log may be a gigabyte. One block is in memory, a request stops when its time is over
and says how far it came, and the answer is an offset with the lines around it.
"""

import os
import re
import time
from typing import Any, BinaryIO, Dict, Iterator, List, NamedTuple, Tuple

from remote.agent.files import open_plain
from remote.agent.project import job_folder
from remote.agent.text import last_state, settle
from remote.agent.verbs import Request, verb

BLOCK = 1 << 20
BUDGET_S = 1.5  # of the login node's time for one request; the rest is asked for again
PAGE_BYTES = 1 << 17  # around a hit, before it and after it
_LONGEST = 4000  # characters of a line that is shown as an answer
_ERROR = re.compile(
    r"\berror\b|traceback|segmentation fault|oom[_-]kill|out of memory|killed by|"
    r"\bfatal\b|mpi_abort|bad termination|exception|cannot |no such file",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(r"\b(0|no) errors?\b|error (rate|estimate)", re.IGNORECASE)
#: one of these stands in every line that `_ERROR` finds: bytes are searched faster
_ERROR_WORDS = (
    b"error",
    b"traceback",
    b"segmentation fault",
    b"oom",
    b"out of memory",
    b"killed by",
    b"fatal",
    b"mpi_abort",
    b"bad termination",
    b"exception",
    b"cannot ",
    b"no such file",
)


def is_error(line: str) -> bool:
    """Whether a line of a log tells of something that went wrong."""
    return bool(_ERROR.search(line)) and not _NO_ERROR.search(line)


class Pattern:
    """What is looked for: a text, in capitals or not, or, if it is empty, errors."""

    def __init__(self, text: str = "") -> None:
        self.text = text.lower()
        encoded = text.encode("utf-8", "surrogateescape").lower()
        self.words = (encoded,) if text else _ERROR_WORDS

    def is_in(self, line: str) -> bool:
        """Whether a line, as it is shown, is one of those."""
        return self.text in line.lower() if self.text else is_error(line)

    def lines(self, block: bytes) -> Iterator[Tuple[int, str]]:
        """Where the lines that are looked for begin in a block, and what they say."""
        lowered = block.lower()
        ahead = [-1] * len(self.words)  # where each word comes next
        at, end = 0, len(block)
        while at < end:
            first = end
            for number, word in enumerate(self.words):
                if ahead[number] < at:
                    found = lowered.find(word, at)
                    ahead[number] = end if found < 0 else found
                first = min(first, ahead[number])
            if first >= end:
                return
            begin = block.rfind(b"\n", at, first) + 1 or at
            stop = block.find(b"\n", first)
            stop = end if stop < 0 else stop
            line = settle(last_state(block[begin:stop].decode("utf-8", "replace")))
            if self.is_in(line):
                yield begin, line
            at = stop + 1


#: `number` is how many lines stand before it in what was looked through
Hit = NamedTuple("Hit", [("offset", int), ("line", str), ("number", int)])
Block = NamedTuple("Block", [("start", int), ("end", int), ("data", bytes)])


def blocks(handle: BinaryIO, start: int, end: int) -> Iterator[Block]:
    """A stretch of a file in pieces that end where lines end, from its beginning on."""
    at = start
    while at < end:
        handle.seek(at)
        data = handle.read(min(BLOCK, end - at))
        if not data:
            return
        if at + len(data) < end:
            # a line longer than a block is cut: nobody reads it as one line anyway
            data = data[: data.rfind(b"\n") + 1] or data
        yield Block(at, at + len(data), data)
        at += len(data)


def blocks_backward(handle: BinaryIO, start: int, end: int) -> Iterator[Block]:
    """The same, from its end on."""
    at = end
    while at > start:
        first = max(start, at - BLOCK)
        handle.seek(first)
        data = handle.read(at - first)
        if not data:
            return
        if first > start:
            cut = data.find(b"\n") + 1
            if 0 < cut < len(data):
                data, first = data[cut:], first + cut
        yield Block(first, at, data)
        at = first


class Search:
    """One stretch of a file being looked through; `reached` is where it goes on."""

    def __init__(
        self,
        handle: BinaryIO,
        pattern: Pattern,
        start: int,
        end: int,
        is_backward: bool = False,
    ) -> None:
        self.handle = handle
        self.pattern = pattern
        self.start = start
        self.end = end
        self.is_backward = is_backward
        self.reached = end if is_backward else start
        self.lines_passed = 0

    @property
    def is_over(self) -> bool:
        """Whether everything has been looked through."""
        if self.is_backward:
            return self.reached <= self.start
        return self.reached >= self.end

    def hits(self, request: Request, budget_s: float) -> Iterator[Hit]:
        """Lines in the order they are met, until the time is over."""
        until = time.monotonic() + budget_s
        pieces = blocks_backward if self.is_backward else blocks
        for block in pieces(self.handle, self.start, self.end):
            found, number, counted = [], self.lines_passed, 0
            for at, line in self.pattern.lines(block.data):
                number += block.data.count(b"\n", counted, at)
                counted = at
                found.append(Hit(block.start + at, line, number))
            for hit in reversed(found) if self.is_backward else found:
                yield hit
            self.reached = block.start if self.is_backward else block.end
            self.lines_passed = number + block.data.count(b"\n", counted)
            request.check()
            if time.monotonic() > until:
                return
        self.reached = self.start if self.is_backward else self.end


@verb(heavy=True)
def find(
    request: Request,
    name: str,
    stream: str = "out",
    text: str = "",
    start: int = 0,
    end: int = -1,
    is_backward: bool = False,
    budget_s: float = BUDGET_S,
) -> Dict[str, Any]:
    """The first line with a text (an error if it is empty) between two offsets.

    "hit" is the page around it, or None; "reached" is where to go on if "is_over" is
    false.
    """
    found, path = _log_path(request, name, stream)
    said: Dict[str, Any]
    said = {"path": found, "size": 0, "reached": 0, "is_over": True, "hit": None}
    if not os.path.exists(path):
        return said  # nothing stands in it
    with open_plain(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        end = size if end < 0 else min(end, size)
        search = Search(handle, Pattern(text), max(0, start), end, is_backward)
        hit = next(search.hits(request, budget_s), None)
        said["size"], said["reached"] = size, search.reached
        said["is_over"] = hit is not None or search.is_over
        if hit is not None:
            said["hit"] = _page(handle, hit, size)
    return said


def _page(handle: BinaryIO, hit: Hit, size: int) -> Dict[str, Any]:
    """Whole lines around one, and which of them it is."""
    before = _before(handle, hit.offset)
    handle.seek(hit.offset)
    data = handle.read(PAGE_BYTES)
    end = hit.offset + len(data)
    if end < size:
        cut = data.rfind(b"\n") + 1
        data = data[:cut] or data
        end = hit.offset + len(data)
    text = before["text"]
    after = settle(data.decode("utf-8", "replace"))
    return {
        "start": before["start"],
        "end": end,
        "line": text.count("\n"),
        "text": text + after + ("" if after.endswith("\n") else "\n"),
        "offset": hit.offset,
    }


@verb()
def before(
    request: Request,
    name: str,
    stream: str,
    offset: int,
    max_bytes: int = PAGE_BYTES,
) -> Dict[str, Any]:
    """Whole lines of a log that end at an offset, and where they begin."""
    path = _log_path(request, name, stream)[1]
    with open_plain(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        said = _before(handle, min(offset, size), max_bytes)
        said["size"] = size
        return said


def _before(
    handle: BinaryIO, offset: int, max_bytes: int = PAGE_BYTES
) -> Dict[str, Any]:
    start = max(0, offset - max_bytes)
    handle.seek(start)
    data = handle.read(offset - start)
    cut = data.find(b"\n") + 1
    if start and 0 < cut < len(data):
        start, data = start + cut, data[cut:]
    text = settle(data.decode("utf-8", "replace"))
    if text and not text.endswith("\n"):
        text += "\n"
    return {"start": start, "text": text}


@verb(heavy=True)
def lines(
    request: Request,
    name: str,
    stream: str = "out",
    text: str = "",
    start: int = 0,
    most: int = 1000,
    budget_s: float = BUDGET_S,
) -> Dict[str, Any]:
    """All lines with a text (errors if it is empty) from an offset on, up to a number.

    Each is [offset, lines before it since `start`, text]. Beyond `most` they are only
    counted. "lines" is how many lines there were from `start` to "reached".
    """
    found, path = _log_path(request, name, stream)
    with open_plain(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        search = Search(handle, Pattern(text), max(0, start), size)
        kept: List[List[Any]] = []
        count = 0
        for hit in search.hits(request, budget_s):
            count += 1
            if len(kept) < most:
                kept.append([hit.offset, hit.number, hit.line[:_LONGEST]])
    return {
        "path": found,
        "size": size,
        "hits": kept,
        "count": count,
        "lines": search.lines_passed,
        "reached": search.reached,
        "is_over": search.is_over,
    }


def _log_path(request: Request, name: str, stream: str) -> Tuple[str, str]:
    """Name of a log, and its path."""
    found, folder = job_folder(request, name)
    file_name = "run." + os.path.basename(stream)
    return found + "/" + file_name, os.path.join(folder, file_name)
