"""What a person picks and ticks: coordinate files replaced, selections kept."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from remote.calls import OnProgress
from remote.errors import AgentError, BadRequestError, ConflictError
from remote.mending import Mending
from remote.views import HandTable, PickSheet


class ByHand(Mending):
    """Manual picking and subset selection; each call may be repeated safely."""

    async def hand_table(
        self, name: str, *, on_progress: OnProgress | None = None
    ) -> HandTable:
        """Micrographs of a picking or selecting job, with picks, CTF and ticks."""
        said = await self._do_read(
            "by_hand.table", name=name, timeout=120.0, on_progress=on_progress
        )
        return HandTable(
            job=said["job"],
            layout=said["version"],
            picks_job=said["picks_job"],
            source=said["source"],
            selection=said["selection"],
            micrographs=tuple(said["micrographs"]),
        )

    async def pick_sheet(self, name: str, micrograph: str) -> PickSheet:
        """Coordinate file of a micrograph, to be edited."""
        said, data = await self._read_packed("by_hand.read", name, micrograph)
        return PickSheet(
            micrograph=micrograph,
            text=data,
            version=said["version"],
            layout=said["layout"],
            path=said["path"],
        )

    async def pick_colors(
        self, path: str, micrograph: str, label: str
    ) -> tuple[tuple[float, float, float], ...]:
        """Places on a micrograph and a number at each, from another STAR file."""
        try:
            said = await self.ask(
                "pick_colors.of_micrograph",
                path=path,
                micrograph=micrograph,
                label=label,
                timeout=120.0,
            )
        except AgentError as error:
            raise BadRequestError(str(error)) from error
        return tuple((float(x), float(y), float(n)) for x, y, n in said["picks"])

    async def original_picks(self, name: str, micrograph: str) -> str:
        """Coordinate file as the program left it before a person changed it."""
        return (await self._read_packed("by_hand.original", name, micrograph))[1]

    async def _read_packed(
        self, verb: str, name: str, micrograph: str
    ) -> tuple[dict[str, str], str]:
        try:
            said, blob = await self.ask_blob(verb, name=name, micrograph=micrograph)
        except AgentError as error:
            raise BadRequestError(str(error)) from error
        return said, zlib.decompress(blob).decode("utf-8", "surrogateescape")

    async def write_picks(
        self, name: str, micrograph: str, text: str, *, if_version: str
    ) -> str:
        """Replace a coordinate file; ConflictError if it is not that version any more.

        The version it has now. Asking again after a broken link does no harm.
        """
        packed = zlib.compress(text.encode("utf-8", "surrogateescape"))
        return str(
            await self._change(
                "by_hand.write",
                blob=packed,
                name=name,
                micrograph=micrograph,
                if_version=if_version,
            )
        )

    async def write_ticks(
        self, name: str, rows: Sequence[int], *, if_version: str
    ) -> str:
        """Keep the micrographs of these rows (from 0) as a job's selection."""
        version = await self._change(
            "by_hand.tick", name=name, rows=list(rows), if_version=if_version
        )
        return str(version)

    async def _change(self, verb: str, *, blob: bytes = b"", **args: Any) -> str:
        if self.read_only:
            message = "the project was opened read-only; open it anew to change it"
            raise BadRequestError(message)
        try:
            said, _ = await self.agent.call_blob(
                verb,
                project=self.project,
                timeout=60.0,
                reads_only=False,
                blob=blob,
                **args,
            )
        except AgentError as error:
            if error.code == "conflict":
                raise ConflictError(str(error)) from error
            raise BadRequestError(str(error)) from error
        return str(said["version"])
