"""Two jobs side by side, counted where their files are: picks, classes."""

from __future__ import annotations

from typing import Any

from remote.calls import OnProgress
from remote.contact import Contact
from remote.errors import AgentError, BadRequestError

_LONG_S = 120.0


class Comparing(Contact):
    """What two jobs have in common."""

    async def overlap(
        self, first: str, second: str, *, within_angstrom: float = 40.0
    ) -> dict[str, Any]:
        """How many picks two jobs share, on the micrographs that both have done.

        {"within_angstrom", "micrographs": [{"name", "first", "second", "shared"}]}
        """
        return await self._compared("overlap.of_jobs", first, second, within_angstrom)

    async def class_overlap(
        self,
        first: str,
        second: str,
        *,
        within_angstrom: float = 40.0,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        """Which classes of two 2D classifications hold the same particles.

        {"matched_by": "image" or "place", "within_angstrom", "iterations", "particles",
        "shared", "classes": [of the first, of the second], "counts": [[class of the
        first, class of the second, particles]]}; see docs/statistics.md.
        """
        return await self._compared(
            "class_overlap.of_jobs", first, second, within_angstrom, on_progress
        )

    async def _compared(
        self,
        verb: str,
        first: str,
        second: str,
        within_angstrom: float,
        on_progress: OnProgress | None = None,
    ) -> dict[str, Any]:
        try:
            said: dict[str, Any] = await self.ask(
                verb,
                first=first,
                second=second,
                within_angstrom=within_angstrom,
                timeout=_LONG_S,
                on_progress=on_progress,
            )
        except AgentError as error:
            raise BadRequestError(str(error)) from error
        return said
