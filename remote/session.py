"""A session: a way to start programs on a cluster. Three kinds, one interface."""

from __future__ import annotations

from typing import Protocol

from remote.errors import SessionError


class Pipe(Protocol):
    """A program's standard input and output."""

    async def read(self, max_bytes: int) -> bytes:
        """Read what is there, waiting for the first byte; empty at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Write it all."""
        ...

    async def close(self) -> None:
        """End the program by closing its input; by force if it does not go."""
        ...

    def complaint(self) -> str:
        """Last of what it wrote to standard error."""
        ...


class Session(Protocol):
    """A connection to one cluster over which programs can be started."""

    @property
    def needs_person(self) -> bool:
        """Whether opening it again needs the person (a code, a password)."""
        ...

    @property
    def start_limit_s(self) -> float:
        """How long the agent may take to say hello."""
        ...

    async def start(self, command: str) -> Pipe:
        """Start a command line in the login shell; SessionLostError if it cannot."""
        ...

    async def close(self) -> None:
        """End the connection and everything on it."""
        ...

    def explain(self, complaint: str) -> SessionError | None:
        """What a program's complaint says about the session itself, if anything."""
        ...

    def describe(self) -> str:
        """In words, for the person: "ssh alice@login1 port 22"."""
        ...


#: an agent that has not said hello within this time is not coming
AGENT_START_S = 30.0
