"""What the project knows about a form's inputs, for sharper checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jobs.check import is_used
from engine.jobs.facts import Facts
from engine.jobs.option import Kind

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.views import JobRow, Overview
    from remote.workspace import Workspace

_OPTIMISER = "_optimiser.star"


async def facts_of(
    workspace: Workspace, job: Job, overview: Overview | None, directory: str
) -> Facts:
    """Which inputs exist, and what became of the jobs that make them."""
    rows = overview.jobs if overview is not None else ()
    paths = [
        job.text(option.key)
        for option in job.type.all_options(job.version).values()
        if option.kind in {Kind.NODE, Kind.FILE} and is_used(job, option)
    ]
    inside = {path for path in paths if path and not _is_elsewhere(path)}
    there = await _existing(workspace, inside)
    promised = {node.name for row in rows for node in row.outputs}
    mine = next((row for row in rows if row.name == directory), None)
    return Facts(
        exists=lambda path: path in there or path in promised or _is_elsewhere(path),
        producer_status=lambda path: _producer_status(rows, path),
        done=int(mine.progress.done) if mine is not None and mine.progress else None,
        micrographs=(
            int(mine.progress.total)
            if mine is not None
            and mine.progress
            and mine.progress.unit == "micrographs"
            else None
        ),
        last_optimiser=_last_optimiser(mine),
    )


def _is_elsewhere(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path or any(c in path for c in "*?[")


async def _existing(workspace: Workspace, paths: set[str]) -> set[str]:
    from remote.errors import RemoteError

    there: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in paths}:
        try:
            names = {str(entry["name"]) for entry in await workspace.list_dir(folder)}
        except RemoteError:
            names = set()
        prefix = folder + "/" if folder else ""
        there |= {prefix + name for name in names}
    return there


def _producer_status(rows: tuple[JobRow, ...], path: str) -> str:
    for row in rows:
        folders = [row.name, row.alias.rstrip("/")] if row.alias else [row.name]
        if any(path.startswith(folder + "/") for folder in folders):
            return row.status
    return ""


def _last_optimiser(row: JobRow | None) -> str:
    names = [node.name for node in row.outputs] if row is not None else []
    return max((n for n in names if n.endswith(_OPTIMISER)), default="")
