"""The agent at the other end, kept: requests in flight, the link's state, reconnecting.

A request that only reads is asked again after a reconnect, within its own time limit.
One that changes something fails with `SessionLostError`: whether it happened must be
looked up, never guessed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from remote.agent import bootstrap, frames
from remote.agent.text import one_line
from remote.calls import Call, OnProgress, hearer
from remote.errors import (
    AgentError,
    BadRequestError,
    HostKeyError,
    LoginError,
    RemoteError,
    SessionError,
    SessionLostError,
)
from remote.journal import Journal
from remote.session import Pipe, Session
from remote.starting import leave, start_agent
from remote.views import Link, LinkState

BACK_OFF_S = (2.0, 5.0, 15.0, 30.0, 60.0)
WATCH_S = 2.0  # between two looks at the clock
PING_S = 20.0  # between two pings
PING_LIMIT_S = 30.0  # an agent silent for this long is gone
AWAKE_LIMIT_S = 6.0  # for the first answer after a sleep
SLEPT_S = 30.0  # this machine was asleep if its clock jumped by more
UNASKED_LOGINS = 3  # refused one after the other, before a person is asked to log in
GRACE_S = 5.0  # beyond the agent's own time limit
_READ_BYTES = 1 << 18

_log = logging.getLogger(__name__)

Opener = Callable[[], Awaitable[Session]]


class AgentClient:
    """Asks a cluster's agent; several requests at a time.

    Parameters
    ----------
    opener : coroutine function
        Opens a new session.
    unasked : coroutine function
        Opens one without asking anybody, for reconnects that nobody waits for; without
        it `opener` does.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        unasked: Opener | None = None,
        name: str = "",
        journal: Journal | None = None,
    ) -> None:
        self.name = name
        self.hello: dict[str, Any] = {}
        self.clock_skew_s = 0.0  # the cluster's clock minus this machine's
        self.link = Link(state=LinkState.OFFLINE, since=time.time())
        self.bytes_sent = 0
        self.bytes_received = 0
        self.round_trips = 0
        self._opener = opener
        self._unasked = unasked or opener
        self._journal = journal
        self._session: Session | None = None
        self._pipe: Pipe | None = None
        self._luggage = bootstrap.Luggage()
        self._calls: dict[int, Call] = {}
        self._next = 1
        self._listeners: list[Callable[[Link], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._is_closed = False
        self._attempts = 0  # to connect since an agent last answered

    # the link

    def on_link(self, callback: Callable[[Link], None]) -> Callable[[], None]:
        """Have changes of the link told; returns what stops it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def open(self) -> None:
        """Connect; raises what went wrong."""
        self._set_link(LinkState.CONNECTING)
        try:
            await self._connect(self._opener)
        except BaseException as error:
            self._set_link(LinkState.OFFLINE, str(error))
            await self._drop_session()
            raise
        self._spawn(self._keep_watch())

    def retry_now(self) -> None:
        """Reconnect at once instead of at the end of the wait."""
        self._wake.set()

    async def close(self) -> None:
        """End the agent and the session; requests under way fail."""
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail_calls(
            SessionLostError("the connection was closed"), all_of_them=True
        )
        await self._drop_session()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        self._set_link(LinkState.OFFLINE, "closed")
        if self._journal is not None:
            self._journal.close()

    # requests

    async def call(
        self,
        verb: str,
        *,
        project: str = "",
        timeout: float = 30.0,
        reads_only: bool = True,
        on_progress: OnProgress | None = None,
        **args: Any,
    ) -> Any:
        """Answer of a verb."""
        result, _ = await self.call_blob(
            verb,
            project=project,
            timeout=timeout,
            reads_only=reads_only,
            on_progress=on_progress,
            **args,
        )
        return result

    async def call_blob(
        self,
        verb: str,
        *,
        project: str = "",
        timeout: float = 30.0,
        reads_only: bool = True,
        blob: bytes = b"",
        on_progress: OnProgress | None = None,
        **args: Any,
    ) -> tuple[Any, bytes]:
        """Answer of a verb and the bytes beside it."""
        started = time.monotonic()
        received = self.bytes_received
        outcome = "ok"
        number, self._next = self._next, self._next + 1
        message = {"id": number, "verb": verb, "args": args, "limit": timeout}
        if project:
            message["project"] = project
        if on_progress is not None:
            message["progress"] = True
        answer: asyncio.Future[tuple[Any, bytes]]
        answer = asyncio.get_running_loop().create_future()
        call = Call(message, blob, reads_only, answer)
        try:
            async with asyncio.timeout(timeout + GRACE_S) as limit:
                if on_progress is not None:
                    call.hear = hearer(limit, timeout + GRACE_S, on_progress)
                return await self._ask(number, call)
        except TimeoutError as error:
            outcome = "no answer"
            self._forget(number)
            message_text = f"{verb}: no answer within {timeout:.0f} s"
            raise AgentError(message_text, "time limit") from error
        except asyncio.CancelledError:
            outcome = "cancelled"
            self._forget(number)
            raise
        except AgentError as error:
            outcome = error.code
            raise
        except RemoteError as error:
            outcome = type(error).__name__
            raise
        finally:
            self._calls.pop(number, None)
            if self._journal is not None:
                subject = str(args.get("path") or args.get("name") or "")
                took = time.monotonic() - started
                more = self.bytes_received - received
                self._journal.write(
                    self.name, verb, subject, took, outcome, len(blob), more
                )

    async def _ask(self, number: int, call: Call) -> tuple[Any, bytes]:
        if self._pipe is None:
            raise SessionLostError(self._lost_in_words())
        self._calls[number] = call
        self.round_trips += 1
        try:
            await self._send(call.message, call.blob)
        except SessionLostError:
            if not call.reads_only:
                raise
        except frames.FrameError as error:
            raise BadRequestError(str(error)) from error
        return await call.answer

    def _forget(self, number: int) -> None:
        """Tell the agent that an answer is not wanted any more."""
        if number in self._calls and self._pipe is not None:
            self._spawn(self._try_send({"cancel": number}))

    async def _try_send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        with contextlib.suppress(RemoteError):
            await self._send(message, blob)

    async def _send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        pipe = self._pipe
        if pipe is None:
            raise SessionLostError(self._lost_in_words())
        luggage = self._luggage.for_verb(str(message.get("verb", "")))
        data = luggage + frames.encode(message, blob)
        self.bytes_sent += len(data)
        await pipe.write(data)

    # connecting and losing

    async def _connect(self, opener: Opener) -> None:
        session = await opener()
        self._session = session
        agent = await start_agent(session)
        self.bytes_sent += agent.bytes_sent
        self.hello = agent.hello
        self.clock_skew_s = float(agent.hello["clock"]) - time.time()
        self._luggage = agent.luggage
        self._pipe = agent.pipe
        self._spawn(self._listen(agent.pipe, agent.reader, agent.early))
        self._set_link(LinkState.CONNECTED)
        self._spawn(self._ping(PING_LIMIT_S))  # measures the way; nobody waits for it
        await asyncio.sleep(0)  # until it is on its way

    async def _listen(
        self, pipe: Pipe, reader: frames.FrameReader, early: list[frames.Frame]
    ) -> None:
        reason = ""
        try:
            for frame in early:
                self._take(frame)
            while data := await pipe.read(_READ_BYTES):
                self.bytes_received += len(data)
                for frame in reader.feed(data):
                    self._take(frame)
        except (frames.FrameError, SessionError, OSError) as error:
            reason = str(error)
        if pipe is self._pipe and not self._is_closed:
            self._lose(reason or pipe.complaint() or "the connection ended")

    def _take(self, frame: frames.Frame) -> None:
        message = frame.message
        call = self._calls.get(message.get("id", 0))
        if call is None or call.answer.done():
            return
        if "progress" in message:
            if call.hear is not None:
                call.hear(message["progress"])
        elif "error" in message:
            said = message["error"]
            text = one_line(str(said.get("message")))
            error = AgentError(text, str(said.get("code")))
            call.answer.set_exception(error)
        else:
            call.answer.set_result((message.get("ok"), frame.blob))

    def _lose(self, reason: str) -> None:
        """Note that the link is gone and start to reconnect."""
        if self._pipe is None:
            return
        self._pipe = None
        error = SessionLostError(f"the link to {self.name} is gone: {one_line(reason)}")
        self._fail_calls(error, all_of_them=False)
        self._set_link(LinkState.LOST, one_line(reason))
        self._spawn(self._reconnect())

    def _fail_calls(self, error: SessionLostError, *, all_of_them: bool) -> None:
        for call in list(self._calls.values()):
            if (all_of_them or not call.reads_only) and not call.answer.done():
                call.answer.set_exception(error)

    async def _reconnect(self) -> None:
        session = self._session
        needs_person = session is not None and session.needs_person
        refused = 0
        self._drop_later()
        while not self._is_closed:
            reason = self.link.reason
            if needs_person:
                self._set_link(LinkState.REFUSED, f"{reason}; log in again to go on")
                await self._wait(None)
            else:
                await self._back_off(reason)
            self._attempts += 1
            self._set_link(LinkState.CONNECTING, reason)
            try:
                await self._connect(self._opener if needs_person else self._unasked)
            except Exception as error:
                await self._drop_session()
                # one refusal may be a server's that has only half started
                refused += isinstance(error, LoginError)
                if isinstance(error, HostKeyError) or refused >= UNASKED_LOGINS:
                    needs_person = True
                state = LinkState.REFUSED if needs_person else LinkState.LOST
                self._set_link(state, one_line(str(error)) or type(error).__name__)
                if not isinstance(error, RemoteError):
                    _log.exception("connecting failed in a way that nobody foresaw")
            else:
                await self._ask_again()
                return

    async def _back_off(self, reason: str) -> None:
        """Wait longer from attempt to attempt; not at all after a sleep."""
        if self._attempts < 0:
            return
        wait = BACK_OFF_S[min(self._attempts, len(BACK_OFF_S) - 1)]
        self._set_link(LinkState.LOST, reason, retry_at=time.time() + wait)
        if await self._wait(wait):
            self._attempts = -1

    async def _wait(self, seconds: float | None) -> bool:
        """Wait for the time or for `retry_now`; whether it was the latter."""
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _ask_again(self) -> None:
        for call in list(self._calls.values()):
            if call.reads_only and not call.answer.done():
                await self._try_send(call.message, call.blob)

    def _drop_later(self) -> asyncio.Task[None]:
        """Close agent and session in the background; `close` waits for it."""
        pipe, self._pipe = self._pipe, None
        session, self._session = self._session, None
        task = asyncio.create_task(leave(pipe, session))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return task

    async def _drop_session(self) -> None:
        """The same, waiting for it; a caller that is cancelled does not stop it."""
        await asyncio.shield(self._drop_later())

    async def _keep_watch(self) -> None:
        """Ping, measure, and notice at once that this machine has slept."""
        last_ping = time.monotonic()
        while True:
            before = time.time()
            await asyncio.sleep(min(WATCH_S, PING_S))
            slept = time.time() - before > SLEPT_S
            if slept:
                self._attempts = -1  # what failed before says nothing about now
            if self.link.state is not LinkState.CONNECTED:
                if slept and self.link.state is not LinkState.REFUSED:
                    self.retry_now()  # else the person would be asked, unawares
                continue
            if not slept and time.monotonic() - last_ping < PING_S:
                continue
            last_ping = time.monotonic()
            await self._ping(AWAKE_LIMIT_S if slept else PING_LIMIT_S)

    async def measure(self) -> Link:
        """The link, measured at this moment."""
        await self._ping(PING_LIMIT_S)
        return self.link

    async def _ping(self, limit: float) -> None:
        pipe = self._pipe
        asked, started = time.time(), time.monotonic()
        try:
            async with asyncio.timeout(limit):
                clock = await self.call("host.ping", timeout=limit, reads_only=False)
        except (TimeoutError, AgentError):
            if pipe is self._pipe:
                self._lose(f"no answer for {limit:.0f} s")
        except RemoteError:
            return
        else:
            took = time.monotonic() - started
            self._attempts = 0
            self.clock_skew_s = float(clock) - asked - took / 2
            self._tell(replace(self.link, round_trip_s=took))

    def _set_link(
        self,
        state: LinkState,
        reason: str = "",
        *,
        retry_at: float | None = None,
        round_trip_s: float | None = None,
    ) -> None:
        same = state is self.link.state
        self._tell(
            Link(
                state=state,
                reason=reason,
                since=self.link.since if same else time.time(),
                retry_at=retry_at,
                round_trip_s=round_trip_s,
            )
        )

    def _tell(self, link: Link) -> None:
        self.link = link
        for callback in list(self._listeners):
            try:
                callback(link)
            except Exception:
                _log.exception("a listener of the link failed")

    def _lost_in_words(self) -> str:
        reason = f": {self.link.reason}" if self.link.reason else ""
        return f"no link to {self.name or 'the cluster'} ({self.link.state}){reason}"

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
