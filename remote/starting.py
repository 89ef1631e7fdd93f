"""Starting the agent over a session, and why it did not start."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any, NamedTuple

from remote.agent import bootstrap, frames
from remote.agent.text import one_line
from remote.errors import RemoteError, SessionError, SessionLostError
from remote.session import Pipe, Session

_READ_BYTES = 1 << 18
#: what OpenSSH's internal-sftp, rssh, scponly and their kin say
_TRANSFER_ONLY = re.compile(r"(?i)\bs(ftp|cp)\b.*\bonly\b|restricted by rssh|scponly")


class Started(NamedTuple):
    """An agent that has said hello."""

    pipe: Pipe
    reader: frames.FrameReader
    hello: dict[str, Any]
    early: list[frames.Frame]  # what it said beside that
    luggage: bootstrap.Luggage
    bytes_sent: int


async def start_agent(session: Session) -> Started:
    """Start the agent and hear its hello; SessionError says why there is none."""
    limit = session.start_limit_s
    try:
        async with asyncio.timeout(limit):
            pipe = await session.start(bootstrap.command())
    except TimeoutError as error:
        message = (
            f"{session.describe()}: no program can be started, no answer within "
            f"{limit:.0f} s; the login node may be overloaded, or a file system hangs"
        )
        raise SessionError(message) from error
    reader = frames.FrameReader()
    luggage = bootstrap.Luggage()
    bundle, ahead = bootstrap.bundle(), luggage.for_verb(bootstrap.SOON)
    try:
        async with asyncio.timeout(limit):
            with contextlib.suppress(SessionLostError):
                await pipe.write(bundle)  # the reading says why not
                await pipe.write(ahead)  # apart: SSH hands over whole packets only
            first, *early = await _first_frames(pipe, reader, session)
    except TimeoutError as error:
        raise _no_agent(session, pipe, reader, "it did not answer") from error
    hello = first.message["hello"]
    return Started(pipe, reader, hello, early, luggage, len(bundle + ahead))


async def _first_frames(
    pipe: Pipe, reader: frames.FrameReader, session: Session
) -> list[frames.Frame]:
    """Step over what the login shell writes until the agent says hello."""
    while data := await pipe.read(_READ_BYTES):
        found = reader.feed(data)
        if found:
            return found
    raise _no_agent(session, pipe, reader, "it ended at once")


def _no_agent(
    session: Session, pipe: Pipe, reader: frames.FrameReader, what: str
) -> SessionError:
    complaint = pipe.complaint()
    known = session.explain(complaint)
    if known is not None:
        return known
    where = session.describe()
    if bootstrap.NO_PYTHON in complaint:
        message = (
            f"{where}: no python3 of version 3.6 or later on the PATH; "
            "load a module in the login files or ask the site"
        )
        return SessionError(message)
    said = complaint or reader.unread().decode("utf-8", "replace")
    if _TRANSFER_ONLY.search(said):
        message = (
            f"{where}: this account is for file transfer only "
            f'("{one_line(said)[-200:].strip()}"); cryodeck has to start python3 '
            "there: ask the site for a login with a shell"
        )
        return SessionError(message)
    more = f": {one_line(said)[-300:]}" if said.strip() else ""
    return SessionError(f"{where}: the agent could not be started, {what}{more}")


async def leave(pipe: Pipe | None, session: Session | None) -> None:
    """Close an agent's pipe and its session, whatever state they are in."""
    for one in (pipe, session):
        with contextlib.suppress(RemoteError, OSError, TimeoutError):
            async with asyncio.timeout(10):
                if one is not None:
                    await one.close()
