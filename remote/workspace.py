"""The facade: one project on one cluster, all that a front end talks to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from remote.by_hand import ByHand
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.journal import Journal
from remote.last_known import LastKnown
from remote.last_seen import LastSeen
from remote.opening import open_session
from remote.prompts import NoPrompts, Prompts
from remote.session import Session
from remote.views import Link, LogChunk, Overview

FLUSH_S = 60.0  # between two writings of what is remembered


class Workspace(ByHand):
    """A project where it lies. Made by `open`; every call has a time limit."""

    _flushed_at = float("-inf")

    @classmethod
    async def open(
        cls,
        cluster: Cluster,
        project: str = "",
        *,
        prompts: Prompts | None = None,
        journal: Journal | None = None,
    ) -> Workspace:
        """Connect to a cluster; `project` is a folder there, "" the home folder."""
        asked = prompts or NoPrompts()

        async def opener() -> Session:
            return await open_session(cluster, asked)

        async def unasked() -> Session:
            return await open_session(cluster, NoPrompts())

        agent = AgentClient(
            opener, unasked=unasked, name=cluster.name, journal=journal or Journal()
        )
        made = cls(
            cluster, project, agent, asked
        )  # a bad profile fails here, unconnected
        await agent.open()
        return made

    def other(self, project: str) -> Workspace:
        """Another project on the same cluster, over the same connection.

        The connection ends when this workspace is closed.
        """
        made = type(self)(self.profile, project, self.agent, self.prompts)
        made.read_only = self.read_only
        return made

    def offline(self) -> LastSeen:
        """The same project as it was last seen, to be asked without the link."""
        return LastSeen(self.cluster, self.project, self._memory)

    async def overview(self, *, ask_scheduler: bool = True) -> Overview:
        """All jobs, in one round trip; remembered for when the link is down."""
        found = await super().overview(ask_scheduler=ask_scheduler)
        self._memory.keep_overview(found)
        await self._flush_now_and_then()
        return found

    async def log(
        self, name: str, stream: str = "out", offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        """What was added to a job's log; its end is remembered."""
        chunk = await super().log(name, stream, offset, max_bytes)
        if chunk.size - chunk.offset <= max_bytes:  # its end, not a page before it
            self._memory.keep_log(name, stream, offset, chunk)
        return chunk

    def remember(self, verb: str, args: dict[str, Any], said: Any, blob: bytes) -> None:
        """Keep an answer for when the link is down."""
        self._memory.keep(verb, args, said, blob)

    @cached_property
    def _memory(self) -> LastKnown:
        return LastKnown(self.cluster.name, self.project)

    async def _flush_now_and_then(self) -> None:
        now = time.monotonic()
        if now - self._flushed_at > FLUSH_S:
            self._flushed_at = now
            await asyncio.to_thread(self._memory.flush)

    @property
    def link(self) -> Link:
        """The state of the link at this moment."""
        return self.agent.link

    def on_link(self, callback: Callable[[Link], None]) -> Callable[[], None]:
        """Have changes of the link told, on the event loop; returns what stops it."""
        return self.agent.on_link(callback)

    def retry_now(self) -> None:
        """Reconnect at once."""
        self.agent.retry_now()

    async def close(self) -> None:
        """End the connection."""
        await self.agent.close()
        self._memory.flush()
