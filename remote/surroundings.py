"""What the project knows about a form's inputs: the facts that sharpen its checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engine.jobs.check import is_used
from engine.jobs.facts import Facts
from engine.jobs.option import Kind
from remote.schedulers.queues import QueueLimits, joined
from remote.script import queue_of

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from remote.views import JobRow, Overview

_OPTIMISER = "_optimiser.star"
_MICROGRAPHS = ("fn_input_autopick", "star_mics", "input_star_mics", "fn_in", "fn_mic")
_PARTICLES = ("fn_img", "fndata_reextract", "fn_data")
_REFERENCES = ("fn_refs_autopick",)


class Inputs(Protocol):
    """A workspace, as far as it is asked here."""

    cluster: Cluster

    async def inputs(self, paths: Sequence[str]) -> dict[str, Any]:
        """What input files hold."""
        ...

    async def queues(self) -> dict[str, QueueLimits]:
        """What the scheduler's queues can give."""
        ...

    async def has_engine(self) -> bool:
        """Whether cryodeck's engine can be started there."""
        ...


async def facts_of(
    workspace: Inputs, job: Job, overview: Overview | None, directory: str = ""
) -> Facts:
    """Which inputs exist, what they hold, what became of the jobs that make them."""
    rows = overview.jobs if overview is not None else ()
    options = job.type.all_options(job.version).values()
    used = {
        option.key: job.text(option.key)
        for option in options
        if option.kind in {Kind.NODE, Kind.FILE} and is_used(job, option)
    }
    asked = sorted({p for p in used.values() if p and not _is_elsewhere(p)})
    said = await workspace.inputs(asked)
    files: dict[str, Any] = said["files"]
    promised = {node.name for row in rows for node in row.outputs}

    def held(keys: Sequence[str]) -> dict[str, Any]:
        paths = (used.get(key, "") for key in keys)
        return next((files[path] for path in paths if files.get(path)), {})

    micrographs, particles = held(_MICROGRAPHS), held(_PARTICLES)
    source = particles or micrographs
    mine = next((row for row in rows if row.name == directory), None)
    reached = mine.reached if mine is not None else None
    size = micrographs.get("micrograph_px")
    return Facts(
        exists=lambda path: (
            files.get(path) is not None or path in promised or _is_elsewhere(path)
        ),
        producer_status=lambda path: _producer_status(rows, path),
        micrographs=micrographs.get("rows") or (reached.total if reached else None),
        particles=particles.get("rows"),
        references=held(_REFERENCES).get("rows"),
        box_px=particles.get("box_px"),
        pixel_size=source.get("pixel_size"),
        micrograph_px=(int(size[0]), int(size[1])) if size else None,
        has_ctf=source.get("has_ctf"),
        free_disk=said.get("free"),
        done=reached.done if reached else None,
        last_optimiser=_last_optimiser(mine),
        no_engine_on=await _without_engine(workspace, job),
        **await _place(workspace, job, said),
    )


async def _without_engine(workspace: Inputs, job: Job) -> str:
    """The cluster's name, if the job needs an engine that is not there."""
    if job.engine != "cryodeck" or await workspace.has_engine():
        return ""
    return workspace.cluster.name


async def _place(workspace: Inputs, job: Job, said: dict[str, Any]) -> dict[str, Any]:
    """What is known of where the job will run: the nodes of its queue, or the host."""
    cluster = workspace.cluster
    if not job.flag("do_queue", cluster.scheduler != "shell"):
        cores, memory = said.get("cores"), said.get("memory")
        return {"cores_per_node": cores or None, "memory_per_node": memory or None}
    there = await workspace.queues()
    name = queue_of(job, cluster)
    wanted = [there[one.strip()] for one in name.split(",") if one.strip() in there]
    if not name:
        wanted = [queue for queue in there.values() if queue.is_default]
    if not wanted:
        return {"queues": tuple(there)}
    queue = joined(wanted, name or wanted[0].name)
    return {
        "queue": queue.name,
        "queues": tuple(there),
        "queue_cores": queue.cores or None,
        "queue_nodes": queue.max_nodes,
        "cores_per_node": queue.cores_per_node or None,
        "gpus_per_node": queue.gpus_per_node,
        "memory_per_node": queue.memory_mb * 2.0**20 or None,
        "max_time_s": queue.max_time_s,
    }


def _is_elsewhere(path: str) -> bool:
    """Whether a path is a wildcard or lies outside of the project."""
    return path.startswith(("/", "~")) or ".." in path or any(c in path for c in "*?[")


def _producer_status(rows: Sequence[JobRow], path: str) -> str:
    """The status of the job that makes a file; empty if none does."""
    for row in rows:
        folders = [row.name, row.alias.rstrip("/")] if row.alias else [row.name]
        if any(path.startswith(folder + "/") for folder in folders):
            return row.status
    return ""


def _last_optimiser(row: JobRow | None) -> str:
    names = [node.name for node in row.outputs] if row is not None else []
    return max((n for n in names if n.endswith(_OPTIMISER)), default="")
