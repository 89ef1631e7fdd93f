"""What puts a project right: lock, labels, layout, deletions undone."""

from __future__ import annotations

from typing import Any

from remote.operations import Operating


class Mending(Operating):
    """Seldom needed, and never done without being asked for."""

    async def damage(self) -> list[str]:
        """Labels that another version of RELION has spoilt, a line each."""
        found: list[str] = await self._do_read("mending.damage")
        return found

    async def repair(self) -> dict[str, Any]:
        """Mend such labels: {"backup", "mended"}."""
        said: dict[str, Any] = await self._do("mending.repair")
        return said

    async def convert(self, version: str, *, dry_run: bool = True) -> dict[str, Any]:
        """Bring the project to a newer version's layout; what changes."""
        said: dict[str, Any] = await self._do(
            "mending.convert", version=version, dry_run=dry_run
        )
        return said

    async def deleted(self) -> list[dict[str, Any]]:
        """Deletions that can be undone, newest first: file, at, jobs, aliases."""
        found: list[dict[str, Any]] = await self._do_read("mending.deleted")
        return found

    async def undelete(self, file: str) -> list[str]:
        """Undo one deletion; the jobs that are back."""
        found: list[str] = await self._do("mending.undelete", file=file)
        return found

    async def lock(self) -> dict[str, Any] | None:
        """Who holds the lock: {"held_by", "why", "age_s", "removable", ...}."""
        said: dict[str, Any] | None = await self._do_read("mending.lock")
        return said

    async def unlock(self, seen: dict[str, Any]) -> bool:
        """Remove the lock that `lock` told of; False if it was gone already."""
        return bool(
            await self._do("mending.unlock", text=seen["text"], since=seen["since"])
        )
