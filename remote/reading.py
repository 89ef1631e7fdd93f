"""The questions a front end asks about a project; nothing here changes anything."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Sequence
from typing import Any

from engine.errors import InputError
from engine.jobs.job import Job
from engine.jobs.registry import by_key
from engine.jobs.site_fields import with_site_defaults, with_site_fields
from remote.agent.text import one_line
from remote.calls import OnProgress
from remote.comparing import Comparing
from remote.errors import BadRequestError
from remote.reading_logs import ReadingLogs
from remote.reading_pictures import ReadingPictures
from remote.schedulers.known import scheduler
from remote.schedulers.queues import ARGV, QueueLimits, queues_of
from remote.views import (
    Finding,
    Folder,
    Node,
    Scores,
    Statistics,
    Traffic,
)

_LONG_S = 120.0
_ANEW_S = 900.0
_QUEUES_WAIT_S = 8.0  # a form is checked without it then


class Reading(ReadingLogs, ReadingPictures, Comparing):
    """Forms, lists, statistics; with logs, pictures, and two jobs side by side."""

    _queues: tuple[float, dict[str, QueueLimits]] | None = None
    _engine: tuple[float, bool] | None = None  # when it was tried, and found

    async def list_dir(
        self,
        path: str = "",
        *,
        needle: str = "",
        limit: int = 500,
        folders_only: bool = False,
        hidden: bool = True,
        on_progress: OnProgress | None = None,
    ) -> Folder:
        """The first entries of a folder whose names hold a text."""
        said = await self.ask(
            "files.list_dir",
            timeout=_LONG_S,
            on_progress=on_progress,
            path=path,
            needle=needle,
            limit=limit,
            folders_only=folders_only,
            hidden=hidden,
        )
        return folder(said)

    async def traffic(self) -> Traffic:
        """What the link has carried and what the agent has cost, in one round trip."""
        agent = self.agent
        said = await self.ask("host.usage")
        hello = agent.hello
        return Traffic(
            link=agent.link,
            host=one_line(str(hello["host"])),
            user=one_line(str(hello["user"])),
            session=self.cluster.session,
            connected_s=max(0.0, time.time() - agent.link.since),
            clock_skew_s=agent.clock_skew_s,
            round_trips=agent.round_trips,
            bytes_sent=agent.bytes_sent,
            bytes_received=agent.bytes_received,
            pid=int(hello["pid"]),
            cpu_s=said["cpu_s"],
            children_cpu_s=said["children_cpu_s"],
            memory=said["memory"],
            memory_peak=said["memory_peak"],
            load=tuple(said["load"]),
            cores=int(said["cores"] or 1),
            limits=hello["limits"],
            is_limited=bool(hello["site_limits"]),
        )

    async def inputs(self, paths: Sequence[str]) -> dict[str, Any]:
        """What input files hold: {"files": {path: None or rows, sizes ...}, "free"}."""
        said: dict[str, Any]
        said = await self.ask("inputs.look_at", paths=list(paths), timeout=_LONG_S)
        return said

    async def queues(self) -> dict[str, QueueLimits]:
        """What the scheduler's queues can give; it is asked every now and then."""
        await self.layers()
        now = time.monotonic()
        if self._queues is None or now - self._queues[0] > _ANEW_S:
            kind, outputs = self.cluster.scheduler, []
            for argv in ARGV.get(kind, ()):
                status, out = await self.tool(*argv, limit=_QUEUES_WAIT_S)
                outputs.append(out if status == 0 else "")
            found = queues_of(kind, outputs) if any(outputs) else {}
            self._queues = now, found
        return self._queues[1]

    async def has_engine(self) -> bool:
        """Whether the engine can be started; tried only where no profile names it."""
        if (await self.layers()).cluster.engine:
            return True
        now = time.monotonic()
        if self._engine is None or now - self._engine[0] > _ANEW_S:
            status, _ = await self.tool("python3", "-m", "engine", "check")
            # -1: there was nothing to try it with
            self._engine = now, status in {0, -1}
        return self._engine[1]

    async def load_job(self, name: str) -> Job:
        """Form of a job, by name, alias or number."""
        said, layers = await asyncio.gather(
            self.ask("project.job_star", name=name), self.layers()
        )
        source = f"{said['name']}/{said['file']}"
        environment = layers.environment
        try:
            if said["file"] == "run.job":
                job = Job.from_run_job(said["text"], source)
            else:
                job = Job.from_star(said["text"], source, said["version"])
            return with_site_fields(job, environment)
        except InputError as error:
            raise BadRequestError(str(error)) from error

    async def defaults(self, type_key: str, *, last_used: bool = True) -> Job:
        """A new form: RELION's defaults, the site's, the last used, the profile's."""
        job = await self._defaults(type_key, last_used)
        cluster = (await self.layers()).cluster
        if cluster.scheduler != "shell" and not job.flag("do_queue", True):
            job = job.replace("do_queue", True)
            if cluster.queue:
                job = job.replace("queuename", cluster.queue)
            option = job.type.option("qsub", job.version)
            if option is not None and job.text("qsub") == option.default:
                program = scheduler(cluster.scheduler).submit_program
                job = job.replace("qsub", program)
        return job

    async def _defaults(self, type_key: str, last_used: bool) -> Job:
        """RELION's defaults, then what the project used last."""
        try:
            job_type = by_key(type_key)
        except InputError as error:
            raise BadRequestError(str(error)) from error
        said, layers = await asyncio.gather(
            self.ask("project.gui_defaults", name=job_type.gui_name), self.layers()
        )
        environment = layers.environment
        version = said["version"] or "3.1"
        job = with_site_fields(Job.new(type_key, version), environment)
        job = with_site_defaults(job, environment)
        if not (last_used and said["text"]):
            return job
        source = f".gui_{job_type.gui_name}job.star"
        try:
            last = Job.from_star(said["text"], source, version)
        except InputError:
            return job  # a file that RELION could not read either
        if last.type.key != job.type.key:
            return job
        return with_site_fields(last, environment).continued(False)

    async def nodes(self, kind_prefix: str = "") -> tuple[Node, ...]:
        """Files of a kind that a form's field may take, the newest first."""
        said = await self.ask("project.nodes", kind=kind_prefix)
        return tuple(
            Node(name=one["name"], kind=one["kind"], label=one["label"]) for one in said
        )

    async def statistics(
        self, name: str, *, on_progress: OnProgress | None = None
    ) -> Statistics:
        """What a job came to, from its own files."""
        said = await self.ask(
            "statistics.of_job", name=name, timeout=_LONG_S, on_progress=on_progress
        )
        return Statistics(
            job=said["job"],
            type=said["type"],
            values=said["values"],
            taken_at=time.time() + self.agent.clock_skew_s,
            warnings=tuple(one_line(text) for text in said["warnings"]),
        )

    async def micrographs(
        self, name: str, *, on_progress: OnProgress | None = None
    ) -> list[dict[str, Any]]:
        """Micrographs of a job: name, picks (None: not done), defocus, ctf_..., exists.

        ctf_fom, ctf_resolution (Å) and ctf_image are as the list has them.
        """
        found: list[dict[str, Any]]
        found = await self.ask(
            "statistics.micrographs",
            name=name,
            timeout=_LONG_S,
            on_progress=on_progress,
        )
        return found

    async def class_scores(self, model: str) -> Scores:
        """The engine's scores of a model file's classes and of their particles."""
        engine = shlex.split(self.cluster.engine) or ["python3", "-m", "engine"]
        status, text = await self.tool(*engine, "scores", model, limit=_LONG_S)
        try:
            found = json.loads(text) if status == 0 else {}
            return Scores(
                {int(number): float(s) for number, s in found["scores"].items()},
                {int(n): list(counts) for n, counts in found["particles"].items()},
            )
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            says = " ".join(text.split())[-300:] or f"exit status {status}"
            message = f"no scores of {model}: `{' '.join(engine)}` says: {says}"
            raise BadRequestError(message) from error

    async def doctor(self) -> list[Finding]:
        """What is right and wrong with this cluster, and what to do about it."""
        from remote.doctor import examine

        return await examine(self)


def folder(said: dict[str, Any]) -> Folder:
    """A folder as `files.list_dir` answers."""
    entries = tuple(
        {
            "name": name,
            "is_dir": kind in "dDpP",
            "is_project": kind in "pP",
            "is_link": kind.isupper(),
            "size": size,
            "mtime": mtime,
        }
        for name, kind, size, mtime in said["entries"]
    )
    return Folder(
        entries=entries, total=said["total"], is_project=bool(said["is_project"])
    )
