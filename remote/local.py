"""Sessions on this very machine: the agent as a child process, no SSH."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.subprocess import PIPE, Process

from remote.errors import SessionError, SessionLostError
from remote.session import AGENT_START_S

_KEPT_STDERR = 8192
_PATIENCE_S = 3.0


class ProcessPipe:
    """A child process as a `Pipe`; local and openssh sessions share it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._stderr = bytearray()
        self._listener = asyncio.create_task(self._listen())

    async def read(self, max_bytes: int) -> bytes:
        """Read what is there; empty at the end."""
        assert self.process.stdout is not None
        return await self.process.stdout.read(max_bytes)

    async def write(self, data: bytes) -> None:
        """Write it all; SessionLostError if the process is gone."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(data)
            await self.process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise SessionLostError(self.complaint() or "the agent is gone") from error

    async def close(self) -> None:
        """Close its input and wait; kill it if it does not go."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), _PATIENCE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(self._listener, _PATIENCE_S)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self.process.stdin.wait_closed(), _PATIENCE_S)
        transport = getattr(self.process, "_transport", None)
        if transport is not None:
            transport.close()

    def complaint(self) -> str:
        """Last of what it wrote to standard error."""
        return bytes(self._stderr).decode("utf-8", "replace").strip()

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(4096):
            self._stderr += piece
            del self._stderr[:-_KEPT_STDERR]


class LocalSession:
    """This machine as a cluster."""

    needs_person = False
    start_limit_s = AGENT_START_S

    def __init__(self) -> None:
        self._pipes: list[ProcessPipe] = []

    async def start(self, command: str) -> ProcessPipe:
        """Start a command line in a shell of this machine."""
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            message = f"/bin/sh: {error.strerror or error}"
            raise SessionError(message) from error
        pipe = ProcessPipe(process)
        self._pipes.append(pipe)
        return pipe

    async def close(self) -> None:
        """End what was started."""
        pipes, self._pipes = self._pipes, []
        for pipe in pipes:
            await pipe.close()

    def explain(self, complaint: str) -> SessionError | None:
        """Nothing: what went wrong here was told when it was opened."""
        return None

    def describe(self) -> str:
        """In words."""
        return f"this machine ({socket.gethostname()})"
