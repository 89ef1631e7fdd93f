"""Programs of this machine that a session starts: local ones, and the person's ssh."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

from remote.errors import SessionError, SessionLostError

_KEPT_STDERR = 8192
_PATIENCE_S = 3.0


class ProcessPipe:
    """A child process as a `Pipe`."""

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


class Processes:
    """The programs that one session has started."""

    def __init__(self) -> None:
        self._births: list[asyncio.Task[ProcessPipe]] = []

    async def start(
        self, *argv: str, environment: Mapping[str, str] | None = None
    ) -> ProcessPipe:
        """Start one, away from this terminal: no signal of its keys reaches it.

        One whose caller is cancelled meanwhile is ended by `close`.
        """
        birth = asyncio.create_task(_started(argv, environment))
        self._births.append(birth)
        return await asyncio.shield(birth)

    async def close(self) -> None:
        """End them all."""
        births, self._births = self._births, []
        for found in await asyncio.gather(*births, return_exceptions=True):
            if isinstance(found, ProcessPipe):
                await found.close()


async def _started(
    argv: tuple[str, ...], environment: Mapping[str, str] | None
) -> ProcessPipe:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        message = f"{argv[0]}: {error.strerror or error}"
        raise SessionError(message) from error
    return ProcessPipe(process)
