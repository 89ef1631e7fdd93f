"""A project in memory with the interface of `remote.workspace.Workspace`.

A dozen jobs in all states, picks that make sense, pictures with blobs where the picks
are. Jobs that are run go on by themselves, faster than real ones.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.jobs import commands
from engine.jobs.by_hand import by_hand
from engine.jobs.job import Job
from engine.project.picks_file import PicksFile
from remote.agent import log_search
from remote.agent.verbs import Request
from remote.cluster import Cluster
from remote.errors import BadRequestError, ConflictError, SessionLostError
from remote.last_seen import LastSeen
from remote.schedulers.queues import QueueLimits
from remote.views import (
    Ctf,
    Finding,
    Folder,
    HandTable,
    JobPicks,
    JobRow,
    JobState,
    Link,
    LinkState,
    LogChunk,
    LogFound,
    LogLine,
    LogLines,
    LogPage,
    NewProject,
    Node,
    Overview,
    Picks,
    PickSheet,
    Picture,
    Progress,
    Reached,
    Scores,
    Statistics,
    Traffic,
    Verdict,
    Witness,
)

MICROGRAPH_PX = (1024, 1024)
PIXEL_SIZE = 3.54
NAMES = [f"MotionCorr/job002/Movies/20170629_{n:05d}.mrc" for n in range(21, 45)]
STATUS = {
    JobState.DRAFT: "Scheduled",
    JobState.SUCCEEDED: "Succeeded",
    JobState.ABORTED: "Aborted",
    JobState.FAILED: "Failed",
    JobState.OUT_OF_MEMORY: "Failed",
}


def _witnesses(state: JobState, now: float) -> tuple[Witness, ...]:
    marker = {
        JobState.SUCCEEDED: "RELION_JOB_EXIT_SUCCESS",
        JobState.FAILED: "RELION_JOB_EXIT_FAILURE",
        JobState.ABORTED: "RELION_JOB_EXIT_ABORTED",
    }.get(state, "none")
    return (
        Witness(name="pipeline", says=STATUS.get(state, "Running"), at=now - 2),
        Witness(name="marker", says=marker, at=now - 2),
        Witness(name="scheduler", says=f"slurm says {state}", at=now - 8),
        Witness(name="exit status", says="not written", at=None),
    )


def _row(
    number: int,
    folder: str,
    type_label: str,
    state: JobState,
    *,
    alias: str = "",
    reason: str = "",
    advice: str = "",
    inputs: tuple[str, ...] = (),
    outputs: tuple[tuple[str, str], ...] = (),
    summary: str = "",
    progress: Progress | None = None,
    reached: Reached | None = None,
    age_s: float = 7200.0,
) -> JobRow:
    now = time.time()
    name = f"{folder}/job{number:03d}"
    is_over = state.is_over
    return JobRow(
        name=name,
        number=number,
        type=folder.lower(),
        type_label=type_label,
        alias=f"{folder}/{alias}/" if alias else "",
        status=STATUS.get(state, "Running"),
        verdict=Verdict(
            state=state,
            reason=reason or str(state),
            advice=advice,
            witnesses=_witnesses(state, now),
        ),
        progress=progress,
        started_at=None if state is JobState.DRAFT else now - age_s,
        ended_at=now - age_s + 900 if is_over else None,
        modified_at=now - 30,
        inputs=inputs,
        outputs=tuple(
            Node(name=f"{name}/{file}", kind=label.split(".")[0], label=label)
            for file, label in outputs
        ),
        scheduler_id="" if state is JobState.DRAFT else str(4200 + number),
        summary=summary,
        reached=reached,
    )


MICS = (("micrographs.star", "MicrographsData.star.relion"),)
CTF = (("micrographs_ctf.star", "MicrographsData.star.relion.ctf"),)
PICKED = (("autopick.star", "MicrographsCoords.star.relion.autopick"),)
PARTICLES = (("particles.star", "ParticlesData.star.relion"),)


def believable_jobs() -> list[JobRow]:
    """A tutorial project on its way."""
    now = time.time()
    running = Progress(
        kind="step",
        done=11,
        total=24,
        unit="micrographs",
        started_at=now - 300,
        at=now - 4,
    )
    return [
        _row(
            1,
            "Import",
            "relion.import.movies",
            JobState.SUCCEEDED,
            outputs=(("movies.star", "MicrographMoviesData.star.relion"),),
            reason="finished in 8 s",
            summary="24 movies",
            age_s=90_000,
        ),
        _row(
            2,
            "MotionCorr",
            "relion.motioncorr.own",
            JobState.SUCCEEDED,
            inputs=("Import/job001",),
            outputs=(("corrected_micrographs.star", "MicrographsData.star.relion"),),
            reason="finished in 41 min",
            summary="24 micrographs",
            age_s=80_000,
        ),
        _row(
            3,
            "CtfFind",
            "relion.ctffind.ctffind4",
            JobState.SUCCEEDED,
            inputs=("MotionCorr/job002",),
            outputs=CTF,
            reason="finished in 12 min",
            summary="24 micrographs",
            age_s=70_000,
        ),
        _row(
            4,
            "Select",
            "relion.select.split",
            JobState.SUCCEEDED,
            alias="5mics",
            inputs=("CtfFind/job003",),
            outputs=(("micrographs_split1.star", "MicrographsData.star.relion"),),
            reason="finished in 2 s",
            summary="5 micrographs",
            age_s=40_000,
        ),
        _row(
            5,
            "ManualPick",
            "relion.manualpick",
            JobState.SUCCEEDED,
            inputs=("Select/job004",),
            reason="finished",
            age_s=39_000,
            summary="3 micrographs, 102 particles",
        ),
        _row(
            6,
            "AutoPick",
            "relion.autopick.log",
            JobState.SUCCEEDED,
            alias="LoG",
            inputs=("Select/job004",),
            outputs=PICKED,
            reason="finished in 1 min",
            summary="5 micrographs, 821 particles",
            reached=Reached(done=5, total=5),
            age_s=30_000,
        ),
        _row(
            7,
            "Extract",
            "relion.extract",
            JobState.SUCCEEDED,
            alias="LoG_based",
            inputs=("AutoPick/job006", "Select/job004"),
            outputs=PARTICLES,
            reason="finished in 25 s",
            summary="806 particles of 64 px",
            reached=Reached(done=5, total=5),
            age_s=28_000,
        ),
        _row(
            8,
            "Class2D",
            "relion.class2d.em",
            JobState.SUCCEEDED,
            alias="LoG_classes",
            inputs=("Extract/job007",),
            outputs=(
                ("run_it025_optimiser.star", "ProcessData.star.relion.optimiser"),
                ("run_it025_data.star", "ParticlesData.star.relion.class2d"),
            ),
            reason="finished in 6 min",
            summary="50 classes, 25 iterations",
            age_s=20_000,
        ),
        _row(
            9,
            "Select",
            "relion.select.interactive",
            JobState.SUCCEEDED,
            alias="templates4autopick",
            inputs=("Class2D/job008",),
            outputs=(
                ("particles.star", "ParticlesData.star.relion"),
                ("class_averages.star", "ImagesData.star.relion.classaverages"),
            ),
            reason="finished",
            summary="4 classes, 348 particles",
            age_s=15_000,
        ),
        _row(
            10,
            "AutoPick",
            "relion.autopick.ref2d",
            JobState.OUT_OF_MEMORY,
            alias="optimise_params",
            inputs=("Select/job004", "Select/job009"),
            reason="killed by the scheduler for memory after 2 min, limit 4 GB",
            advice="ask for more memory per node, then Continue!",
            age_s=9000,
        ),
        _row(
            11,
            "AutoPick",
            "relion.autopick.ref2d",
            JobState.ABORTED,
            inputs=("Select/job004", "Select/job009"),
            reason="aborted by you after 12 s",
            age_s=8000,
        ),
        _row(
            12,
            "AutoPick",
            "relion.autopick.ref2d",
            JobState.RUNNING,
            alias="template",
            inputs=("CtfFind/job003", "Select/job009"),
            outputs=PICKED,
            reason="running for 5 min on node003",
            progress=running,
            summary="11 of 24 micrographs, 1820 particles",
            reached=Reached(done=11, total=24),
            age_s=300,
        ),
        _row(
            13,
            "Extract",
            "relion.extract",
            JobState.QUEUED,
            inputs=("AutoPick/job012",),
            outputs=PARTICLES,
            reason="queued for 3 min: waiting for other jobs of yours (Dependency)",
            age_s=200,
        ),
        _row(
            14,
            "Class2D",
            "relion.class2d.em",
            JobState.DRAFT,
            reason="not started yet",
            age_s=100,
        ),
        _row(
            15,
            "Class2D",
            "relion.class2d.em",
            JobState.LOST,
            inputs=("Extract/job007",),
            reason="[red]nobody[/] knows it any more\x1b[31m and it left no verdict",
            advice="look at the log, then mark it",
            age_s=600_000,
        ),
    ]


def many_jobs(total: int) -> list[JobRow]:
    """A project of very many jobs."""
    some = believable_jobs()
    return [
        replace(
            some[n % len(some)],
            name=f"{some[n % len(some)].name.split('/')[0]}/job{n + 1:03d}",
            number=n + 1,
        )
        for n in range(total)
    ]


def picks_of(micrograph: str, seed: int = 0) -> Picks:
    """Picks in places that depend on the micrograph's name only."""
    chance = random.Random(f"{micrograph}{seed}")
    number = chance.randrange(90, 190)
    x = tuple(chance.uniform(30, MICROGRAPH_PX[0] - 30) for _ in range(number))
    y = tuple(chance.uniform(30, MICROGRAPH_PX[1] - 30) for _ in range(number))
    fom = tuple(max(0.05, chance.gauss(0.55, 0.22)) for _ in range(number))
    return Picks(micrograph=micrograph, x=x, y=y, fom=fom)


LOG = "\n".join(
    [
        " RELION version: 3.1.3 ",
        " + Using references: LoG, diameters 150 to 180 A",
        *[
            f" ++ picking micrograph {n}: {90 + 7 * n % 60} particles"
            for n in range(60)
        ],
        " WARNING: 20170629_00044.mrc has no particles",
        " Done!",
        "",
    ]
)


class FakeWorkspace:
    """See `remote.workspace.Workspace`."""

    def __init__(
        self,
        cluster: Cluster | None = None,
        project: str = "/data/relion/betagal",
        *,
        jobs: list[JobRow] | None = None,
        version: str = "4.0",
        delay_s: float = 0.0,
        step_s: float = 0.05,
    ) -> None:
        self.cluster = cluster or Cluster(name="hpc1", host="login.hpc1.example.org")
        self.project = project
        self.version = version
        self.jobs = {row.name: row for row in jobs or believable_jobs()}
        self.forms: dict[str, Job] = {}
        self.logs: dict[tuple[str, str], str] = {}
        self.notes: dict[str, str] = {}
        self.held: dict[str, dict[str, Any]] = {}  # what input files hold
        self.map_counts: dict[str, int] = {}
        self.log_levels: dict[str, dict[str, list[float]]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.protected: set[str] = set()
        self.looks: list[tuple[Any, ...]] = []  # pictures that were asked for
        self.on_its_way_s = 0.0  # pictures
        self.searches: list[tuple[Any, ...]] = []  # in logs
        self.search_s = 10.0  # a request's time for one
        self.sheets: dict[tuple[str, str], str] = {}  # coordinate files
        self.queue_limits: dict[str, QueueLimits] = {}
        self.colors: tuple[tuple[float, float, float], ...] = ()
        self.ticks: dict[str, list[bool]] = {}
        self.link = Link(state=LinkState.CONNECTED, round_trip_s=0.012)
        self.is_cut = False
        self.is_closed = False
        self._listeners: list[Callable[[Link], None]] = []
        self._delay_s, self._step_s = delay_s, step_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._prepare()

    def _prepare(self) -> None:
        for row in self.jobs.values():
            job = Job.new(row.type, self.version) if row.type in _TYPES else None
            if job is not None:
                if row.type == "autopick" and row.type_label.endswith("log"):
                    job = _log_form(job)
                self.forms[row.name] = job
        self.logs["AutoPick/job006", "out"] = LOG
        self.logs["AutoPick/job012", "out"] = LOG
        self.logs["AutoPick/job010", "err"] = (
            "slurmstepd: error: Detected 1 oom_kill event in StepId=4210.0\n"
        )

    async def _pause(self) -> None:
        await asyncio.sleep(self._delay_s)
        if self.is_cut:
            message = "the link to hpc1 is gone"
            raise SessionLostError(message)

    # the link

    def on_link(self, callback: Callable[[Link], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def cut(self) -> None:
        """Lose the link."""
        self.is_cut = True
        now = time.time()
        self._say(
            Link(state=LinkState.LOST, reason="gone", since=now, retry_at=now + 5)
        )

    def mend(self) -> None:
        """Have the link back."""
        self.is_cut = False
        self._say(Link(state=LinkState.CONNECTED, round_trip_s=0.012))

    def _say(self, link: Link) -> None:
        self.link = link
        for listener in self._listeners:
            listener(link)

    def retry_now(self) -> None:
        self.mend()

    def other(self, project: str) -> FakeWorkspace:
        return FakeWorkspace(self.cluster, project)

    def offline(self) -> LastSeen:
        return LastSeen(self.cluster, self.project)

    async def close(self) -> None:
        self.is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # reading

    async def overview(self, *, ask_scheduler: bool = True) -> Overview:
        await self._pause()
        now = time.time()
        return Overview(
            project=self.project,
            version=self.version,
            jobs=tuple(self.jobs.values()),
            taken_at=now,
            scheduler_asked_at=now - 3,
        )

    def _find(self, name: str) -> JobRow:
        wanted = name.rstrip("/")
        for row in self.jobs.values():
            if wanted in (row.name, row.alias.rstrip("/")):
                return row
        message = f"{name}: no such job"
        raise BadRequestError(message)

    async def load_job(self, name: str) -> Job:
        await self._pause()
        row = self._find(name)
        if row.name not in self.forms:
            message = f"{name}: its form is not known here"
            raise BadRequestError(message)
        return self.forms[row.name]

    async def defaults(self, type: str, *, last_used: bool = True) -> Job:
        await self._pause()
        return Job.new(type, self.version)

    async def nodes(self, kind_prefix: str = "") -> tuple[Node, ...]:
        await self._pause()
        return tuple(
            node
            for row in self.jobs.values()
            for node in row.outputs
            if node.kind.startswith(kind_prefix)
        )

    async def list_dir(self, path: str = "", needle: str = "", **_: Any) -> Folder:
        await self._pause()
        found = [e for e in self._entries(path) if needle.lower() in e["name"].lower()]
        return Folder(entries=tuple(found[:500]), total=len(found), is_project=True)

    def _entries(self, path: str) -> list[dict[str, Any]]:
        if path in ("", "/", self.project, "/data/relion", "/data"):
            folders = ["AutoPick", "Class2D", "CtfFind", "Movies", "betagal"]
            entries = [
                {"name": n, "is_dir": True, "is_link": False, "size": 0, "mtime": 0.0}
                | {"is_project": n == "betagal"}
                for n in folders
            ]
            entries.append(
                {
                    "name": "default_pipeline.star",
                    "is_dir": False,
                    "is_link": False,
                    "size": 4711,
                    "mtime": time.time(),
                }
            )
            return entries
        return [
            {
                "name": node.name.rpartition("/")[2],
                "is_dir": False,
                "is_link": False,
                "size": 1234,
                "mtime": time.time(),
            }
            for row in self.jobs.values()
            for node in row.outputs
            if node.name.rpartition("/")[0] == path.rstrip("/")
        ]

    async def inputs(self, paths: list[str]) -> dict[str, Any]:
        await self._pause()
        there = {node.name for row in self.jobs.values() for node in row.outputs}
        held = {path: self.held.get(path, {}) for path in paths if path in there}
        return {"files": {path: held.get(path) for path in paths}, "free": 1 << 40}

    async def has_engine(self) -> bool:
        await self._pause()
        return True

    def take_profile(self, profile: Cluster) -> None:
        self.cluster = profile

    async def queues(self) -> dict[str, QueueLimits]:
        await self._pause()
        return self.queue_limits

    async def deleted(self) -> list[dict[str, Any]]:
        await self._pause()
        return [{"file": "trash-1", "at": 1.7e9, "jobs": ["Import/job099"]}]

    async def undelete(self, file: str) -> list[str]:
        await self._pause()
        self.calls.append(("undelete", file))
        return ["Import/job099"]

    async def begin_project(self, version: str = "") -> NewProject:
        await self._pause()
        self.calls.append(("begin_project", version))
        why = "as you asked" if version else "the host has RELION 3.1.3"
        return NewProject(path=self.project, version=version or "3.1", why=why)

    async def preview(self, name_or_job: str | Job) -> dict[str, str]:
        await self._pause()
        job = (
            name_or_job
            if isinstance(name_or_job, Job)
            else await self.load_job(name_or_job)
        )
        where = f"{job.type.folder}/job016"
        lines = commands.commands(job, where)
        return {
            "job.star": job.to_star(),
            "commands": "\n".join(lines),
            "script": "#!/bin/bash\n#SBATCH --ntasks=2\n" + "\n".join(lines) + "\n",
        }

    def _log(self, name: str, stream: str) -> bytes:
        return self.logs.get((self._find(name).name, stream), "").encode()

    async def log(
        self, name: str, stream: str = "out", offset: int = 0, max_bytes: int = 65536
    ) -> LogChunk:
        await self._pause()
        data = self._log(name, stream)
        is_from_end, start = offset < 0, max(0, offset if offset >= 0 else 0)
        if is_from_end:
            start = max(0, len(data) + offset)
        part = data[start : start + max_bytes]
        if is_from_end and start:
            cut = part.find(b"\n") + 1
            start, part = start + cut, part[cut:]
        whole, newline, partial = part.rpartition(b"\n")
        return LogChunk(
            path=f"{name}/run.{stream}",
            start=start,
            offset=start + len(whole) + len(newline),
            size=len(data),
            text=(whole + newline).decode(),
            partial=partial.decode(),
            was_truncated=offset > len(data),
        )

    def _search(self, verb: Any, name: str, stream: str, *args: Any, **kw: Any) -> Any:
        """The agent's own search, in a folder with this log alone."""
        with tempfile.TemporaryDirectory() as folder:
            job = Path(folder) / self._find(name).name
            job.mkdir(parents=True)
            (job / f"run.{stream}").write_bytes(self._log(name, stream))
            request = Request(1, folder)
            return verb(request, self._find(name).name, stream, *args, **kw)

    async def log_before(
        self, name: str, stream: str, offset: int, max_bytes: int = 65536
    ) -> LogPage:
        await self._pause()
        said = self._search(log_search.before, name, stream, offset, max_bytes)
        return LogPage(
            start=said["start"], end=offset, text=said["text"], size=said["size"]
        )

    async def find_in_log(
        self, name: str, stream: str = "out", text: str = "", **between: Any
    ) -> LogFound:
        await self._pause()
        self.searches.append((stream, text, between))
        said = self._search(
            log_search.find, name, stream, text, budget_s=self.search_s, **between
        )
        hit, size = said.pop("hit"), said["size"]
        if hit is not None:
            del hit["offset"]
        return LogFound(**said, page=hit and LogPage(**hit, size=size))

    async def lines_in_log(
        self, name: str, stream: str = "out", text: str = "", **more: Any
    ) -> LogLines:
        await self._pause()
        said = self._search(log_search.lines, name, stream, text, **more)
        hits = [LogLine(offset=a, number=n, text=line) for a, n, line in said["hits"]]
        return LogLines(**(said | {"hits": tuple(hits)}))

    async def tail_many(
        self, wanted: list[tuple[str, int]], max_bytes: int = 65536
    ) -> list[LogChunk | None]:
        return [
            await self.log(path.rpartition("/")[0], path[-3:], offset, max_bytes)
            for path, offset in wanted
        ]

    async def micrographs(self, name: str, **_: Any) -> list[dict[str, Any]]:
        await self._pause()
        row = self._find(name)
        total = 24 if row.number == 12 else 5
        return [
            {
                "name": n,
                "picks": len(picks_of(n, row.number).x),
                "defocus": 9000.0 + 450 * i,
                "ctf_resolution": 3.1 + 0.4 * (i % 7),
                "ctf_fom": 0.2 - 0.005 * i,
                "ctf_image": n.replace("MotionCorr/job002", "CtfFind/job003") + ":mrc",
                "exists": True,
            }
            for i, n in enumerate(NAMES[:total])
        ]

    async def statistics(self, name: str, **_: Any) -> Statistics:
        await self._pause()
        row = self._find(name)
        if row.type not in {"autopick", "manualpick"}:
            return Statistics(
                job=row.name,
                type=row.type,
                values=_other_values(row.type),
                taken_at=time.time(),
            )
        items = await self.micrographs(name)
        foms = [f for item in items for f in picks_of(item["name"], row.number).fom]
        edges = [0.05 * i for i in range(29)]
        counts = [
            sum(low <= f < high for f in foms)
            for low, high in itertools.pairwise(edges)
        ]
        ordered = sorted(foms)
        per = [item["picks"] for item in items]
        values = {
            "type": row.type,
            "micrographs": items,
            "micrographs_total": len(items),
            "micrographs_done": len(items),
            "picks_total": sum(per),
            "picks_histogram": {
                "edges": [80, 110, 140, 170, 200],
                "counts": [1, 2, 1, 1],
            },
            "fom_histogram": {"edges": edges, "counts": counts},
            "fom_min": ordered[0],
            "fom_median": ordered[len(ordered) // 2],
            "fom_max": ordered[-1],
            "failed": [],
        }
        if row.name in self.log_levels:
            values["log_levels"] = self.log_levels[row.name]
        return Statistics(
            job=row.name, type=row.type, values=values, taken_at=time.time()
        )

    async def ctf(self, name: str, micrograph: str) -> Ctf:
        return Ctf(
            defocus_u=10860.0,
            defocus_v=10575.0,
            angle=78.0,
            voltage=200.0,
            cs=1.4,
            amplitude=0.1,
            resolution=4.0,
        )

    async def picks(self, name: str, micrograph: str) -> Picks:
        await self._pause()
        return picks_of(micrograph, self._find(name).number)

    async def job_picks(self, name: str) -> JobPicks:
        items = await self.micrographs(name)
        number = self._find(name).number
        picks = tuple(picks_of(item["name"], number) for item in items)
        return JobPicks(
            job=name,
            picks=picks,
            pixel_size=PIXEL_SIZE,
            map_count=self.map_counts.get(name, 0),
        )

    async def micrograph(
        self,
        name: str,
        micrograph: str,
        *,
        width: int = 512,
        height: int = 512,
        lowpass_angstrom: float = 0.0,
        region: tuple[int, int, int, int] | None = None,
        on_progress: Any = None,
        coarser: int = 1,
        **filters: float,
    ) -> Picture:
        await self._pause()
        more = {"coarser": coarser} if coarser > 1 else {}
        self.looks.append((micrograph, region, lowpass_angstrom, filters | more))
        x0, y0, w, h = region or (0, 0, *MICROGRAPH_PX)
        binning = coarser * max(1.0, w / width, h / height)
        out_w, out_h = max(1, int(w / binning)), max(1, int(h / binning))
        chance = random.Random(micrograph)
        rows = bytearray(
            min(255, max(0, int(chance.gauss(150, 28)))) for _ in range(out_w * out_h)
        )
        picks = picks_of(micrograph, self._find(name).number)
        radius = 24 / binning
        for x, y in zip(picks.x, picks.y, strict=True):
            cx, cy = (x - x0) / binning, (y - y0) / binning
            for py in range(max(0, int(cy - radius)), min(out_h, int(cy + radius) + 1)):
                for px in range(
                    max(0, int(cx - radius)), min(out_w, int(cx + radius) + 1)
                ):
                    d2 = ((px - cx) ** 2 + (py - cy) ** 2) / max(1.0, radius) ** 2
                    at = py * out_w + px
                    rows[at] = max(0, int(rows[at] - 70 * math.exp(-2 * d2)))
        return Picture(
            width=out_w,
            height=out_h,
            pixels=bytes(rows),
            source_width=MICROGRAPH_PX[0],
            source_height=MICROGRAPH_PX[1],
            pixel_size=PIXEL_SIZE,
            binning=binning,
            label=micrograph,
            on_its_way_s=self.on_its_way_s,
        )

    async def gallery(
        self,
        name: str,
        iteration: int | None = None,
        *,
        max_tile: int = 64,
        numbers: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        await self._pause()
        tiles = []
        for number in numbers or range(1, 13):
            pixels = bytes(
                min(
                    255,
                    int(
                        60
                        + 180
                        * math.exp(
                            -(((x - 16) / (4 + number / 2)) ** 2)
                            - ((y - 16) / (12 - number / 2)) ** 2
                        )
                    ),
                )
                for y in range(32)
                for x in range(32)
            )
            tiles.append(
                {
                    "number": number,
                    "width": 32,
                    "height": 32,
                    "pixels": pixels,
                    "distribution": 1 / (number + 3),
                    "resolution": 9.0 + number,
                }
            )
        return {
            "iteration": 25 if iteration is None else iteration,
            "iterations": [0, 10, 25],
            "model": f"{name}/run_it{iteration or 25:03d}_model.star",
            "tiles": tiles,
        }

    async def class_overlap(
        self, first: str, second: str, **more: object
    ) -> dict[str, Any]:
        await self._pause()
        self.calls.append(("class_overlap", first, second))
        counts = []  # 10 n particles of class n: 8 n in the next, 2 n in the one after
        for n in range(1, 12):
            counts += [[n, n % 12 + 1, 8 * n], [n, (n + 1) % 12 + 1, 2 * n]]
        sides = []
        for side in (0, 1):
            shared = dict.fromkeys(range(1, 13), 0)
            for pair in counts:
                shared[pair[side]] += pair[2]
            sides.append(
                [
                    {"number": n, "resolution": 9.0 + n, "particles": p + 1}
                    | {"shared": p, "distribution": p / 660}
                    for n, p in shared.items()
                ]
            )
        return {
            "matched_by": "image",
            "within_angstrom": None,
            "iterations": [25, 25],
            "particles": [672, 672],
            "shared": 660,
            "classes": sides,
            "counts": counts,
        }

    async def class_scores(self, model: str) -> Scores:
        await self._pause()
        numbers = range(1, 13)
        return Scores({n: n / 12 for n in numbers}, {n: [n] * 20 for n in numbers})

    async def class_average(
        self, name: str, numbers: Sequence[int], iteration: int | None = None
    ) -> dict[str, Any]:
        found = await self.gallery(name, iteration, numbers=numbers)
        stack = [tile["pixels"] for tile in found["tiles"]]
        average = bytes(sum(p) // len(p) for p in zip(*stack, strict=True))
        return {
            "iteration": iteration or 25,
            "count": len(stack),
            "width": 32,
            "height": 32,
            "lowest": -0.5,
            "highest": 1.5,
            "deviation": 0.25,
            "pixels": average,
            "deviation_pixels": bytes(32 * 32),
        }

    async def traffic(self) -> Traffic:
        await self._pause()
        return Traffic(
            link=self.link,
            host="login1",
            user="alice",
            session="ssh",
            connected_s=600.0,
            clock_skew_s=0.4,
            round_trips=1234,
            bytes_sent=250_000,
            bytes_received=4_750_000,
            pid=4711,
            cpu_s=1.25,
            children_cpu_s=0.5,
            memory=31_000_000,
            memory_peak=58_000_000,
            load=(1.5, 1.2, 1.0),
            cores=32,
            limits={
                "poll_s": 30.0,
                "memory_mb": 200.0,
                "silence_s": 900.0,
                "nice": 15.0,
                "heavy_threads": 1.0,
            },
            is_limited=True,
        )

    async def doctor(self) -> list[Finding]:
        await self._pause()
        return [Finding(check="python3", level="ok", says="3.11")]

    async def particle_page(
        self,
        path: str,
        *,
        first: int = 0,
        count: int = 100,
        sort: str = "",
        is_descending: bool = False,
        max_tile: int = 64,
    ) -> dict[str, Any]:
        await self._pause()
        rows = list(range(1, 251))
        foms = {n: random.Random(n).random() for n in rows}
        if sort:
            rows.sort(key=lambda n: -foms[n] if is_descending else foms[n])
        tiles = [
            {
                "number": n,
                "width": 16,
                "height": 16,
                "pixels": random.Random(n).randbytes(256),
                "values": {
                    "rlnImageName": f"{n:06d}@Extract/job007/Movies/a.mrcs",
                    "rlnMicrographName": NAMES[n % 5],
                    "rlnAutopickFigureOfMerit": f"{foms[n]:.6f}",
                },
            }
            for n in rows[first : first + count]
        ]
        columns = ["rlnAutopickFigureOfMerit"]
        return {"total": 250, "first": first, "columns": columns, "tiles": tiles}

    async def particle_average(
        self, path: str, numbers: Sequence[int] | None = None, *, max_tile: int = 128
    ) -> dict[str, Any]:
        await self._pause()
        self.calls.append(("particle_average", path, numbers))
        total = 250 if numbers is None else len(numbers)
        return {
            "count": total,
            "total": total,
            "width": 16,
            "height": 16,
            "pixels": bytes(range(256)),
            "deviation_pixels": bytes(256),
            "lowest": -0.1,
            "highest": 1.5,
            "deviation": 1.0,
        }

    # by hand

    async def hand_table(self, name: str, **_: Any) -> HandTable:
        await self._pause()
        row = self._find(name)
        total = 24 if row.type in {"manualpick", "select"} else 5
        ticks = self.ticks.setdefault(row.name, [True] * total)
        picks_job = row.name if row.type != "select" else ""
        rows = []
        for i, item in enumerate(NAMES[:total]):
            text = self.sheets.get((row.name, item))
            known = text is not None or row.type == "autopick"
            rows.append(
                {
                    "name": item,
                    "picks": len(self._rows(row.name, item)) if known else None,
                    "defocus": 9000.0 + 450 * i,
                    "ctf_resolution": 3.1 + 0.4 * (i % 7),
                    "ctf_fom": 0.2 - 0.005 * i,
                    "ctf_image": f"CtfFind/job003/{item}_PS.ctf:mrc",
                    "exists": True,
                    "selected": ticks[i],
                }
            )
        return HandTable(
            job=row.name,
            layout=self.version,
            picks_job=picks_job,
            source="CtfFind/job003/micrographs_ctf.star",
            selection=str(ticks),
            micrographs=tuple(rows),
        )

    def _text(self, name: str, micrograph: str) -> str:
        row = self._find(name)
        text = self.sheets.get((row.name, micrograph))
        if text is None and row.type == "autopick":
            picks = picks_of(micrograph, row.number)
            lines = ["", "data_", "", "loop_", "_rlnCoordinateX", "_rlnCoordinateY"]
            lines.append("_rlnAutopickFigureOfMerit")
            places = zip(picks.x, picks.y, picks.fom, strict=True)
            lines += [f"{x:.6f} {y:.6f} {fom:.6f}" for x, y, fom in places]
            text = "\n".join(lines) + "\n"
        return text or ""

    def _rows(self, name: str, micrograph: str) -> list[Any]:
        return PicksFile.parse(self._text(name, micrograph), self.version).rows

    async def pick_sheet(self, name: str, micrograph: str) -> PickSheet:
        await self._pause()
        text = self._text(name, micrograph)
        return PickSheet(
            micrograph=micrograph,
            text=text,
            version=_digest(text) if text else "",
            layout=self.version,
            path=f"{name}/{micrograph}",
        )

    async def pick_colors(
        self, path: str, micrograph: str, label: str
    ) -> tuple[tuple[float, float, float], ...]:
        await self._pause()
        self.calls.append(("pick_colors", path, micrograph, label))
        return self.colors

    async def original_picks(self, name: str, micrograph: str) -> str:
        await self._pause()
        before = self.sheets.pop((name, micrograph), "")
        text = self._text(name, micrograph)
        self.sheets[name, micrograph] = before
        return text

    async def write_picks(
        self, name: str, micrograph: str, text: str, *, if_version: str
    ) -> str:
        await self._pause()
        self.calls.append(("write_picks", name, micrograph))
        now = self._text(name, micrograph)
        version = _digest(now) if now else ""
        if now != text and version != if_version:
            message = f"{micrograph}: was changed by somebody else"
            raise ConflictError(message)
        self.sheets[name, micrograph] = text
        return _digest(text)

    async def write_ticks(
        self, name: str, rows: Sequence[int], *, if_version: str
    ) -> str:
        await self._pause()
        self.calls.append(("write_ticks", name, list(rows)))
        ticks = self.ticks[name]
        if if_version != str(ticks):
            message = f"{name}: its selection was changed by somebody else"
            raise ConflictError(message)
        self.ticks[name] = [i in set(rows) for i in range(len(ticks))]
        return str(self.ticks[name])

    # changing

    async def create(self, job: Job, *, alias: str = "") -> str:
        await self._pause()
        number = max((row.number for row in self.jobs.values()), default=0) + 1
        row = _row(
            number,
            job.type.folder,
            job.type_label,
            JobState.DRAFT,
            alias=alias,
            reason="not started yet",
        )
        self.jobs[row.name] = row
        self.forms[row.name] = job
        self.calls.append(("create", row.name))
        return row.name

    async def save(self, name: str, job: Job) -> None:
        await self._pause()
        self.forms[self._find(name).name] = job
        self.calls.append(("save", name))

    async def run(self, name: str, *, continuing: bool = False) -> str:
        await self._pause()
        row = self._find(name)
        self.calls.append(("run", row.name, continuing))
        if by_hand(self.forms[row.name], continuing):
            self._change(row.name, JobState.SUCCEEDED, "done by hand")
            return ""
        self._change(row.name, JobState.QUEUED, "queued just now")
        task = asyncio.get_running_loop().create_task(self._work(row.name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return str(4200 + row.number)

    def _change(self, name: str, state: JobState, reason: str, **more: Any) -> None:
        row = self.jobs[name]
        verdict = Verdict(
            state=state, reason=reason, witnesses=_witnesses(state, time.time())
        )
        self.jobs[name] = replace(
            row, verdict=verdict, status=STATUS.get(state, "Running"), **more
        )

    async def _work(self, name: str) -> None:
        started = time.time()
        self.logs[name, "out"] = ""
        for done in range(6):
            await asyncio.sleep(self._step_s)
            progress = Progress(
                kind="step",
                done=done,
                total=5,
                unit="micrographs",
                started_at=started,
                at=time.time(),
            )
            self.logs[name, "out"] += f" picked micrograph {done} of 5\n"
            self._change(
                name,
                JobState.RUNNING,
                "running on node001",
                progress=progress,
                reached=Reached(done=done, total=5),
                started_at=started,
            )
        self._change(
            name,
            JobState.SUCCEEDED,
            "finished",
            ended_at=time.time(),
            summary="5 micrographs, 640 particles",
            reached=Reached(done=5, total=5),
        )

    async def abort(self, name: str) -> str:
        await self._pause()
        self.calls.append(("abort", name))
        self._change(self._find(name).name, JobState.ABORTED, "aborted by you")
        return "cancelled with the scheduler"

    async def mark(self, name: str, status: str) -> None:
        await self._pause()
        self.calls.append(("mark", name, status))
        state = JobState.SUCCEEDED if status.lower() != "failed" else JobState.FAILED
        self._change(self._find(name).name, state, f"marked {status} by hand")

    async def set_alias(self, name: str, alias: str) -> None:
        await self._pause()
        row = self._find(name)
        folder = row.name.partition("/")[0]
        self.calls.append(("set_alias", name, alias))
        self.jobs[row.name] = replace(row, alias=f"{folder}/{alias}/" if alias else "")

    async def note(self, name: str, text: str | None = None) -> str:
        await self._pause()
        if text is not None:
            self.notes[name] = text
        return self.notes.get(name, "")

    async def clean(
        self,
        name: str,
        *,
        harsh: bool = False,
        dry_run: bool = False,
        spares_protected: bool = False,
    ) -> dict[str, Any]:
        await self._pause()
        self.calls.append(("clean", name, harsh, dry_run))
        if harsh and spares_protected and name in self.protected:
            message = f"{name} is protected by NO_HARSH_CLEAN"
            raise BadRequestError(message)
        return {
            "files": [f"{name}/a_log.spi", f"{name}/b_log.spi"],
            "bytes": 123_456_789,
        }

    async def delete(self, name: str, *, dry_run: bool = False) -> dict[str, Any]:
        await self._pause()
        self.calls.append(("delete", name, dry_run))
        row = self._find(name)
        if not dry_run:
            del self.jobs[row.name]
        return {"jobs": [row.name], "files": [], "bytes": 9_876_543}


_TYPES = {"import", "ctffind", "manualpick", "autopick", "extract", "class2d", "select"}


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def _log_form(job: Job) -> Job:
    for key, value in {
        "fn_input_autopick": "Select/job004/micrographs_split1.star",
        "do_log": "Yes",
        "log_diam_min": "150",
        "log_diam_max": "180",
    }.items():
        job = job.replace(key, value)
    return job


def _other_values(type_key: str) -> dict[str, Any]:
    if type_key == "class2d":
        history = [
            {
                "iteration": i,
                "distribution": [0.4, 0.3, 0.2, 0.1],
                "resolution": 30.0 - 0.6 * i,
                "changes_classes": 0.9 / (i + 1),
                "log_likelihood": 1e5 + 900 * i,
                "seconds": 14.0,
            }
            for i in range(1, 26)
        ]
        classes = [
            {
                "number": n,
                "distribution": 0.22 / n,
                "resolution": 9.0 + n,
                "accuracy_rotations": 4.0 + 0.2 * n,
                "accuracy_translations": 6.0,
            }
            for n in range(1, 21)
        ]
        return {
            "type": type_key,
            "iteration": 25,
            "iterations_total": 25,
            "classes": classes,
            "history": history,
        }
    if type_key == "extract":
        return {
            "type": type_key,
            "particles_total": 806,
            "box_px": 64,
            "pixel_size": 3.54,
            "micrographs": [
                {"name": n, "particles": 150 + 7 * i} for i, n in enumerate(NAMES[:5])
            ],
            "skipped_outside": 15,
            "micrographs_without_coordinates": 0,
        }
    if type_key == "select":
        return {
            "type": type_key,
            "selected_classes": [1, 4, 9, 12],
            "rule": "by hand",
            "input_total": 806,
            "particles_total": 348,
            "classes": [{"number": n, "particles": 150 - 9 * n} for n in (1, 4, 9, 12)],
            "micrographs": [
                {"name": n, "particles": 60 + 5 * i} for i, n in enumerate(NAMES[:5])
            ],
        }
    return {"type": type_key, "items": 24, "optics": []}
