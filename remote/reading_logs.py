"""Text files that grow: their ends, their pages, what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remote.agent.text import clean, one_line
from remote.contact import Contact
from remote.views import LogChunk, LogFound, LogLine, LogLines, LogPage

_SEARCH_S = 60.0  # a login node that is busy lets a search wait


class ReadingLogs(Contact):
    """Logs of jobs."""

    async def log(
        self, name: str, stream: str = "out", offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        """What was added to a job's log since an offset; from the end if negative."""
        said = await self.ask(
            "project.log", name=name, stream=stream, offset=offset, max_bytes=max_bytes
        )
        return _chunk(said["path"], said)

    async def tail(
        self, path: str, offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        """What was added to a text file since an offset; from the end if negative."""
        said = await self.ask(
            "files.read_from", path=path, offset=offset, max_bytes=max_bytes
        )
        return _chunk(path, said)

    async def tail_many(
        self, wanted: Sequence[tuple[str, int]], max_bytes: int = 65536
    ) -> list[LogChunk | None]:
        """New text of several files, given as (path, offset), in one round trip."""
        files = [
            {"path": path, "offset": offset, "max_bytes": max_bytes}
            for path, offset in wanted
        ]
        said = await self.ask("files.tail_many", files=files)
        return [
            None if "error" in one else _chunk(path, one)
            for (path, _), one in zip(wanted, said, strict=True)
        ]

    async def log_before(
        self, name: str, stream: str, offset: int, max_bytes: int = 65536
    ) -> LogPage:
        """Whole lines of a job's log that end at an offset."""
        said = await self.ask(
            "log_search.before",
            name=name,
            stream=stream,
            offset=offset,
            max_bytes=max_bytes,
        )
        return _page(said | {"end": offset}, int(said["size"]))

    async def find_in_log(
        self,
        name: str,
        stream: str = "out",
        text: str = "",
        *,
        start: int = 0,
        end: int = -1,
        is_backward: bool = False,
    ) -> LogFound:
        """The first line with a text (an error if empty) between two offsets.

        One round trip; it may stop before it is over, and says where.
        """
        said = await self.ask(
            "log_search.find",
            name=name,
            stream=stream,
            text=text,
            start=start,
            end=end,
            is_backward=is_backward,
            timeout=_SEARCH_S,
        )
        size, page = int(said["size"]), said["hit"]
        return LogFound(
            path=one_line(said["path"]),
            size=size,
            reached=int(said["reached"]),
            is_over=bool(said["is_over"]),
            page=None if page is None else _page(page, size),
        )

    async def lines_in_log(
        self,
        name: str,
        stream: str = "out",
        text: str = "",
        *,
        start: int = 0,
        most: int = 1000,
    ) -> LogLines:
        """All lines with a text (errors if empty); it may stop before it is over."""
        said = await self.ask(
            "log_search.lines",
            name=name,
            stream=stream,
            text=text,
            start=start,
            most=most,
            timeout=_SEARCH_S,
        )
        return LogLines(
            path=one_line(said["path"]),
            size=int(said["size"]),
            hits=tuple(
                LogLine(offset=int(at), number=int(number), text=one_line_of_log(line))
                for at, number, line in said["hits"]
            ),
            count=int(said["count"]),
            lines=int(said["lines"]),
            reached=int(said["reached"]),
            is_over=bool(said["is_over"]),
        )


def one_line_of_log(text: str) -> str:
    """A line as it stands, its blanks too, without what a terminal might obey."""
    return clean(text).replace("\n", " ")


def _page(said: dict[str, Any], size: int) -> LogPage:
    return LogPage(
        start=int(said["start"]),
        end=int(said["end"]),
        text=clean(said["text"]),
        size=size,
        line=int(said.get("line", -1)),
    )


def _chunk(path: str, said: dict[str, Any]) -> LogChunk:
    """Record of an answer; cleaned once more: the other end may not be ours."""
    return LogChunk(
        path=path,
        offset=int(said["offset"]),
        size=int(said["size"]),
        text=clean(said["text"]),
        partial=clean(said["partial"]),
        was_truncated=bool(said["was_truncated"]),
        start=int(said["start"]),
    )
