"""The questions a front end asks about a project; nothing here changes anything."""

from __future__ import annotations

from typing import Any

from engine.jobs.job import Job
from remote.contact import Contact
from remote.views import Finding, LogChunk, Node, Picks, Picture, Statistics


class Reading(Contact):
    """Logs, statistics, pictures, lists."""

    async def list_dir(self, path: str = "") -> list[dict[str, Any]]:
        """Entries of a folder: name, is_dir, is_link, size, mtime."""
        found: list[dict[str, Any]] = await self.ask("files.list_dir", path=path)
        return found

    async def log(
        self, name: str, stream: str = "out", offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        """What was added to a job's log since an offset; from the end if negative."""
        path = f"{name.rstrip('/')}/run.{stream}"
        said = await self.ask(
            "files.read_from", path=path, offset=offset, max_bytes=max_bytes
        )
        return LogChunk(
            path=path,
            offset=said["offset"],
            size=said["size"],
            text=said["text"],
            partial=said["partial"],
            was_truncated=said["was_truncated"],
        )

    async def load_job(self, name: str) -> Job:
        """Form of a job, by name or alias."""
        raise NotImplementedError

    async def defaults(self, type_key: str) -> Job:
        """A new form: RELION's defaults, then the project's own."""
        raise NotImplementedError

    async def nodes(self, kind_prefix: str = "") -> tuple[Node, ...]:
        """Files of a kind that a form's field may take."""
        raise NotImplementedError

    async def statistics(self, name: str) -> Statistics:
        """What a job came to, from its own files."""
        raise NotImplementedError

    async def micrographs(self, name: str) -> list[dict[str, Any]]:
        """Micrographs of a job: name, picks, defocus, exists."""
        raise NotImplementedError

    async def micrograph(
        self,
        name: str,
        micrograph: str,
        *,
        width: int = 512,
        height: int = 512,
        lowpass_angstrom: float = 0.0,
        region: tuple[int, int, int, int] | None = None,
    ) -> Picture:
        """A micrograph reduced to fit; `region` is x, y, width, height in its pixels."""
        raise NotImplementedError

    async def picks(self, name: str, micrograph: str) -> Picks:
        """Coordinates of a job on one micrograph."""
        raise NotImplementedError

    async def gallery(
        self, name: str, iteration: int | None = None, *, max_tile: int = 64
    ) -> dict[str, Any]:
        """Class averages as tiles with captions."""
        raise NotImplementedError

    async def doctor(self) -> list[Finding]:
        """What is right and wrong with the connection."""
        raise NotImplementedError
