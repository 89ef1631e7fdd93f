"""The facade: one project on one cluster, all that a front end talks to."""

from __future__ import annotations

from collections.abc import Callable

from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.journal import Journal
from remote.opening import open_session
from remote.operations import Operating
from remote.prompts import NoPrompts, Prompts
from remote.session import Session
from remote.views import Link


class Workspace(Operating):
    """A project where it lies. Made by `open`; every call has a time limit."""

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

        agent = AgentClient(opener, name=cluster.name, journal=journal or Journal())
        await agent.open()
        return cls(cluster, project, agent, asked)

    def other(self, project: str) -> Workspace:
        """Another project on the same cluster, over the same connection.

        The connection ends when this workspace is closed.
        """
        return type(self)(self.cluster, project, self.agent, self.prompts)

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
