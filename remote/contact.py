"""What every part of a workspace stands on: a cluster, a project, and its agent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from remote.calls import OnProgress
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.errors import RemoteError
from remote.prompts import NoPrompts, Prompts

if TYPE_CHECKING:
    from remote.layers import Layers


class Contact:
    """One project on one cluster.

    The parts of `Workspace` (reading, operating) derive from it and use `ask`.
    """

    def __init__(
        self,
        cluster: Cluster,
        project: str,
        agent: AgentClient,
        prompts: Prompts | None = None,
    ) -> None:
        self.profile = cluster  # as the person has it; `cluster` is what counts here
        self.cluster = cluster
        self._layers: Layers | None = None
        self._layering = asyncio.Lock()
        self.project = project
        self.agent = agent
        self.prompts: Prompts = prompts or NoPrompts()

    async def ask(
        self,
        verb: str,
        *,
        timeout: float = 30.0,
        reads_only: bool = True,
        on_progress: OnProgress | None = None,
        **args: Any,
    ) -> Any:
        """Answer of one of the agent's verbs, about this project.

        Say ``reads_only=False`` for everything that changes something: such a request
        is never sent twice.
        """
        said = await self.agent.call(
            verb,
            project=self.project,
            timeout=timeout,
            reads_only=reads_only,
            on_progress=on_progress,
            **args,
        )
        self.remember(verb, args, said, b"")
        return said

    def take_profile(self, profile: Cluster) -> None:
        """Have a profile that was changed count for the jobs from now on."""
        self.profile = self.cluster = profile
        self._layers = None

    async def layers(self) -> Layers:
        """What counts here of site, profile and project; asked for once."""
        async with self._layering:
            if self._layers is None:
                return self.take_layers(await self.ask("settings.layers"))
            return self._layers

    def take_layers(self, said: dict[str, Any]) -> Layers:
        """The same from an answer that came with another one."""
        from remote.layers import layered

        self._layers = layered(self.profile, said)
        if self.cluster == self.profile:  # else somebody chose otherwise
            self.cluster = self._layers.cluster
        return self._layers

    async def tool(
        self, *argv: str, limit: float = 20.0, folder: str = ""
    ) -> tuple[int, str]:
        """Exit status and output of a program on the login node; -1: not there.

        It runs in the project's folder, or in another one.
        """
        setup = self.cluster.setup
        words: list[str] = list(argv)
        if setup:  # module load ... needs a login shell; the arguments stay arguments
            words = ["bash", "-lc", "\n".join([*setup, 'exec "$@"']), "bash", *argv]
        try:
            said = await self.ask(
                "processes.run", argv=words, cwd=folder, timeout=limit
            )
        except RemoteError as error:
            return -1, str(error)
        status = int(said["exit_status"])
        return (-1 if setup and status == 127 else status), said["out"] + said["err"]

    async def ask_blob(
        self,
        verb: str,
        *,
        timeout: float = 60.0,
        on_progress: OnProgress | None = None,
        **args: Any,
    ) -> tuple[Any, bytes]:
        """Answer of a verb that reads, with the bytes beside it."""
        said, blob = await self.agent.call_blob(
            verb,
            project=self.project,
            timeout=timeout,
            on_progress=on_progress,
            **args,
        )
        self.remember(verb, args, said, blob)
        return said, blob

    def remember(self, verb: str, args: dict[str, Any], said: Any, blob: bytes) -> None:
        """Keep an answer for when the link is down; a bare contact keeps none."""
