"""A project out of reach, as it was last seen: the same questions, dated answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from engine.jobs.job import Job
from remote.calls import OnProgress
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.errors import BadRequestError, NotSeenError
from remote.last_known import LastKnown
from remote.reading import Reading
from remote.session import Session
from remote.views import Link, LinkState, LogChunk, Overview, Statistics

if TYPE_CHECKING:
    from remote.layers import Layers

_WORDS = {
    "project.job_star": "its form",
    "statistics.of_job": "its numbers",
    "statistics.micrographs": "its micrographs",
    "pictures.gallery": "its pictures",
    "pictures.micrograph": "this micrograph",
    "hunting.of_job": "its picks",
    "log_search.find": "what lies further in its log",
    "log_search.before": "what lies further in its log",
    "log_search.lines": "what lies further in its log",
}


class LastSeen(Reading):
    """Answers from memory; `seen_at` is the time of the oldest one given so far.

    Make one for every question: what it does not know raises `NotSeenError`, and so
    does everything that needs the cluster.
    """

    read_only = True

    def __init__(
        self, cluster: Cluster, project: str, memory: LastKnown | None = None
    ) -> None:
        super().__init__(cluster, project, AgentClient(_no_session, name=cluster.name))
        self.memory = memory or LastKnown(cluster.name, project)
        self.link = Link(state=LinkState.OFFLINE)
        self.seen_at: float | None = None

    def _date(self, at: float) -> None:
        self.seen_at = at if self.seen_at is None else min(at, self.seen_at)

    async def ask(
        self, verb: str, *, timeout: float = 30.0, reads_only: bool = True, **args: Any
    ) -> Any:
        """The last answer to this question."""
        return (await self.ask_blob(verb, **args))[0]

    async def ask_blob(
        self, verb: str, *, timeout: float = 60.0, **args: Any
    ) -> tuple[Any, bytes]:
        """The last answer to this question, and its bytes."""
        kept = self.memory.answer(verb, args)
        if kept is None:
            words, name = _WORDS.get(verb, verb), str(args.get("name") or "")
            raise NotSeenError(self._unseen(f"{name}: {words}" if name else words))
        self._date(kept.at)
        return kept.said, kept.blob

    def _unseen(self, what: str) -> str:
        return f"{what} was not looked at before, and {self.cluster.name} is not there"

    async def layers(self) -> Layers:
        """The settings as they were; the profile's own if nobody asked for them."""
        try:
            return await super().layers()
        except NotSeenError:
            from remote.layers import Layers

            return Layers(cluster=self.cluster)

    async def overview(self, *, ask_scheduler: bool = True) -> Overview:
        """All jobs as they were last seen."""
        found = self.memory.overview()
        if found is None:
            raise NotSeenError(self._unseen(self.project or "the home folder"))
        self._date(found[1])
        return found[0]

    async def log(
        self, name: str, stream: str = "out", offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        """The end of a log; nothing more if that is where it was asked from."""
        found = self.memory.log(name, stream)
        if found is None:
            raise NotSeenError(self._unseen(f"{name}: run.{stream}"))
        chunk, at = found
        self._date(at)
        return replace(chunk, text="") if offset >= chunk.offset > 0 else chunk

    async def statistics(
        self, name: str, *, on_progress: OnProgress | None = None
    ) -> Statistics:
        """A job's numbers as they were last counted."""
        found = await super().statistics(name)
        return replace(found, taken_at=self.seen_at or 0.0)

    async def _defaults(self, type_key: str, last_used: bool) -> Job:
        """A form as the project used it last, else RELION's defaults."""
        try:
            return await super()._defaults(type_key, last_used)
        except NotSeenError:
            overview = self.memory.overview()
            version = overview[0].version if overview else ""
            return Job.new(type_key, version or "4.0")

    async def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        """Refuse what only the cluster can do."""
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*_: Any, **__: Any) -> NoReturn:
            words = name.replace("_", " ")
            message = (
                f"{self.cluster.name}: {words} needs the cluster, and there is no link"
            )
            raise NotSeenError(message)

        return refuse


async def _no_session() -> Session:
    message = "there is no link: this is what was last seen"
    raise BadRequestError(message)
