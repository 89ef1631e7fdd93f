"""The only caller of `remote`: questions in, messages out, nobody ever waits.

A widget asks with `ask(widget, "statistics", lambda w: w.statistics(name))` and gets
`Answered` or `Refused` later. The overview is polled here, at a pace that depends on
whether anything is changing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.dom import DOMNode

from engine.errors import EngineError
from remote.errors import NotSeenError, RemoteError, SessionLostError
from remote.views import JobRow, Link, LinkState, Overview
from tui.messages import (
    Answered,
    JobEnded,
    JobsEnded,
    LinkChanged,
    OverviewArrived,
    ProjectOpened,
    Refused,
    Remembered,
)
from tui.words import is_active

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

    from remote.cluster import Cluster
    from remote.last_seen import LastSeen
    from remote.prompts import Prompts
    from remote.workspace import Workspace

Opener = Callable[["Cluster", str, "Prompts"], Awaitable["Workspace"]]
LOCAL_POLL_S = 2.0
LONG_AGO_S = 600.0  # what ended since then is told in one message
CALM_FACTOR = 3.0  # slower when nothing changes
TRY_AGAIN_S = (5.0, 15.0, 30.0, 60.0)  # after a cluster could not be reached at all


def last_seen(cluster: Cluster, project: str) -> LastSeen:
    """The project as it was last seen; imported on first use."""
    from remote.last_seen import LastSeen

    return LastSeen(cluster, project)


def _as_on_file(cluster: Cluster) -> Cluster:
    from remote.cluster import again

    return again(cluster)


async def open_workspace(cluster: Cluster, project: str, prompts: Prompts) -> Workspace:
    """Connect to a project; imported on first use."""
    from remote.workspace import Workspace

    return await Workspace.open(cluster, project, prompts=prompts)


class Bridge:
    """Between the widgets and one workspace at a time."""

    def __init__(
        self,
        app: App[Any],
        opener: Opener = open_workspace,
        *,
        read_only: bool = False,
        offline: bool = False,
    ) -> None:
        self.app = app
        self.read_only = read_only
        self.is_offline = offline  # asked for: no contact is made until ^L
        self.workspace: Workspace | None = None
        self.overview: Overview | None = None
        self.cluster: Cluster | None = None
        self._on_file: Cluster | None = None  # the profile as it was read last
        self.project = ""
        self.link = Link(state=LinkState.OFFLINE)
        self.arrived_at = 0.0  # this machine's clock at the last overview
        self.is_remembered = False  # the overview is from memory
        self._prompts: Prompts | None = None
        self._opener = opener
        self._stop_link: Callable[[], None] | None = None
        self._asked_again = asyncio.Event()
        self._poll: asyncio.Task[None] | None = None

    # the way in

    def open(self, cluster: Cluster, project: str, prompts: Prompts) -> None:
        """Open a project; `ProjectOpened` or `Refused("open")` follows."""
        self.app.run_worker(
            self._open(cluster, project, prompts), group="open", exclusive=True
        )

    async def _open(self, cluster: Cluster, project: str, prompts: Prompts) -> None:
        await self._leave()
        self.cluster, self.project, self._prompts = cluster, project, prompts
        self._on_file = _as_on_file(cluster)
        await self._show_last_seen()
        if self.is_offline:
            self._link(Link(state=LinkState.OFFLINE, reason="as you asked"))
            return
        attempt = 0
        while not await self._connect(cluster, project, prompts):
            self._asked_again.clear()
            wait = TRY_AGAIN_S[min(attempt, len(TRY_AGAIN_S) - 1)]
            attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked_again.wait(), wait)

    async def _connect(self, cluster: Cluster, project: str, prompts: Prompts) -> bool:
        """Whether there is nothing more to try: it is open, or needs the person."""
        self._link(Link(state=LinkState.CONNECTING, since=time.time()))
        try:
            workspace = await self._opener(cluster, project, prompts)
        except (RemoteError, EngineError, OSError) as error:
            self._link(Link(state=LinkState.OFFLINE, reason=one_line(error)))
            self.app.post_message(Refused("open", one_line(error)))
            return not _is_transient(error)
        workspace.read_only = self.read_only
        self.workspace = workspace
        self.project = workspace.project = self._whole(workspace.project)
        self._stop_link = workspace.on_link(self._link)
        self._link(workspace.link)
        self.app.post_message(ProjectOpened(cluster.name, workspace.project))
        self._poll = asyncio.get_running_loop().create_task(self._keep_polling())
        return True

    async def _show_last_seen(self) -> None:
        """What was there last time, while the connection is made."""
        assert self.cluster is not None
        if self.cluster.session == "local":
            return
        memory = last_seen(self.cluster, self.project).memory
        found = await asyncio.to_thread(memory.overview)
        if found is not None and self.overview is None:
            self.overview, self.arrived_at = found
            self.is_remembered = True
            self.app.post_message(OverviewArrived(self.overview, self.arrived_at))

    async def _leave(self) -> None:
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        if self._stop_link is not None:
            self._stop_link()
            self._stop_link = None
        workspace, self.workspace = self.workspace, None
        self.overview, self.is_remembered = None, False
        if workspace is not None:
            await workspace.close()

    async def close(self) -> None:
        """End the connection."""
        await self._leave()

    def _whole(self, path: str) -> str:
        """A path on the cluster with ~ written out: one project, one name."""
        return self.home + path[1:] if path.startswith("~/") and self.home else path

    @property
    def home(self) -> str:
        """The home folder on the cluster; empty if it is not known."""
        agent = getattr(self.workspace, "agent", None)
        return str(agent.hello.get("home", "")) if agent is not None else ""

    # questions

    def ask(
        self,
        asker: MessagePump,
        what: str,
        question: Callable[[Workspace], Awaitable[Any]],
        *,
        group: str = "",
    ) -> None:
        """Ask; the newest question of a group replaces those before it.

        Whoever asked and goes away wants no answer: the cluster stops counting.
        """
        owner = asker if isinstance(asker, DOMNode) else self.app
        owner.run_worker(
            self._ask(asker, what, question),
            group=f"{group or what}-{id(asker)}",
            exclusive=True,
        )

    def act(
        self,
        asker: MessagePump,
        what: str,
        deed: Callable[[Workspace], Awaitable[Any]],
    ) -> None:
        """Change something: never replaced by another, and a new overview follows."""
        self.app.run_worker(self._act(asker, what, deed), group="deeds")

    async def _ask(
        self,
        asker: MessagePump,
        what: str,
        question: Callable[[Workspace], Awaitable[Any]],
    ) -> None:
        if self.link.state is not LinkState.CONNECTED and self.cluster is not None:
            seen = await self._ask_memory(asker, what, question)
            if seen or self.workspace is None:
                return
        await self._ask_cluster(asker, what, question)

    async def _ask_memory(
        self,
        asker: MessagePump,
        what: str,
        question: Callable[[Any], Awaitable[Any]],
    ) -> bool:
        """Whether it could be answered from what was last seen; says when that was."""
        assert self.cluster is not None
        workspace = self.workspace
        memory = (
            last_seen(self.cluster, self.project)
            if workspace is None
            else workspace.offline()
        )
        try:
            answer = await question(memory)
        except (RemoteError, EngineError) as error:
            if workspace is None or not isinstance(error, NotSeenError):
                asker.post_message(Refused(what, one_line(error), True))
                return True
            return False
        asker.post_message(Answered(what, answer))
        if memory.seen_at is not None:
            self.app.post_message(Remembered(what, memory.seen_at))
        return True

    async def _ask_cluster(
        self,
        asker: MessagePump,
        what: str,
        question: Callable[[Workspace], Awaitable[Any]],
    ) -> None:
        if self.workspace is None:
            where = f"no contact with {self.cluster.name}" if self.cluster else ""
            words = f"{where or 'no project is open'}; ^L tries again"
            asker.post_message(Refused(what, words, True))
            return
        try:
            answer = await question(self.workspace)
        except (RemoteError, EngineError) as error:
            words = one_line(error)
            is_away = self.link.state is not LinkState.CONNECTED
            if isinstance(error, SessionLostError) and is_away:
                words = f"no contact with {self.workspace.cluster.name}"
                words += "; ^L tries again"  # why is said where the link is
            asker.post_message(Refused(what, words, _is_transient(error)))
        else:
            asker.post_message(Answered(what, answer))

    async def _act(
        self, asker: MessagePump, what: str, deed: Callable[[Workspace], Awaitable[Any]]
    ) -> None:
        await self._ask_cluster(asker, what, deed)
        self.refresh()

    def look_at_profile(self) -> None:
        """Take what another window or `cryodeck install` has written meanwhile."""
        if self.cluster is None or self._on_file is None:
            return
        now = _as_on_file(self.cluster)
        if replace(now, recent=()) != replace(self._on_file, recent=()):
            self.cluster = self._on_file = now
            if self.workspace is not None:
                self.workspace.take_profile(now)

    # the overview

    def refresh(self) -> None:
        """Look at the project now instead of at the next turn."""
        self._asked_again.set()

    def retry_link(self) -> None:
        """Try a lost link at once; connect if there never was one."""
        if self.workspace is not None:
            self.workspace.retry_now()
        elif self.cluster is not None and self._prompts is not None:
            self.is_offline = False
            if self.link.state is not LinkState.CONNECTING:
                self.open(self.cluster, self.project, self._prompts)
        self.refresh()

    async def _keep_polling(self) -> None:
        while self.workspace is not None:
            self._asked_again.clear()
            try:
                self._take(await self.workspace.overview())
            except (RemoteError, EngineError) as error:
                self.app.post_message(
                    Refused("overview", one_line(error), _is_transient(error))
                )
            try:
                await asyncio.wait_for(self._asked_again.wait(), self._interval())
            except TimeoutError:
                continue

    def _interval(self) -> float:
        assert self.cluster is not None
        local = self.cluster.session == "local"
        pace = LOCAL_POLL_S if local else max(2.0, self.cluster.poll_s)
        if getattr(self.app, "is_slow", False):
            pace *= 2
        jobs = self.overview.jobs if self.overview is not None else ()
        return pace if any(is_active(row) for row in jobs) else pace * CALM_FACTOR

    def _take(self, overview: Overview) -> None:
        before = {row.name: row for row in self.overview.jobs} if self.overview else {}
        is_long_ago = time.time() - self.arrived_at > LONG_AGO_S
        meanwhile, self.is_remembered = self.is_remembered or is_long_ago, False
        self.overview = overview
        self.arrived_at = time.time()
        self.app.post_message(OverviewArrived(overview))
        ended = [
            row
            for row in overview.jobs
            if row.verdict.state.is_over
            and row.name in before
            and is_active(before[row.name])
        ]
        if meanwhile and len(ended) > 1:
            self.app.post_message(JobsEnded(ended))
            return
        for row in ended:
            self.app.post_message(JobEnded(row))

    def job(self, name: str) -> JobRow | None:
        """The row of a job, by name."""
        jobs = self.overview.jobs if self.overview is not None else ()
        return next((row for row in jobs if row.name == name), None)

    def _link(self, link: Link) -> None:
        is_back = link.state is LinkState.CONNECTED is not self.link.state
        self.link = link
        self.app.post_message(LinkChanged(link))
        if is_back:
            self.refresh()


def one_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _is_transient(error: BaseException) -> bool:
    return bool(getattr(error, "transient", False))
