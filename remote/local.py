"""Sessions on this very machine: the agent as a child process, no SSH."""

from __future__ import annotations

import socket

from remote.errors import SessionError
from remote.processes import Processes, ProcessPipe
from remote.session import AGENT_START_S


class LocalSession:
    """This machine as a cluster."""

    needs_person = False
    start_limit_s = AGENT_START_S

    def __init__(self) -> None:
        self._processes = Processes()

    async def start(self, command: str) -> ProcessPipe:
        """Start a command line in a shell of this machine."""
        return await self._processes.start("/bin/sh", "-c", command)

    async def close(self) -> None:
        """End what was started."""
        await self._processes.close()

    def explain(self, complaint: str) -> SessionError | None:
        """Nothing: what went wrong here was told when it was opened."""
        return None

    def describe(self) -> str:
        """In words."""
        return f"this machine ({socket.gethostname()})"
