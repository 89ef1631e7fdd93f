"""What the project knows about a job's inputs, for sharper checks before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.jobs.facts import Facts
    from engine.jobs.job import Job
    from remote.views import Overview
    from remote.workspace import Workspace


async def facts_of(workspace: Workspace, job: Job) -> Facts:
    """Return which inputs exist and what became of the jobs that make them."""
    from engine.jobs.facts import Facts

    overview = await workspace.overview(ask_scheduler=False)
    there = await _existing(workspace, _paths(job))
    return Facts(
        exists=lambda path: path in there or _looks_elsewhere(path),
        producer_status=lambda path: _producer_status(overview, path),
    )


def _paths(job: Job) -> list[str]:
    from engine.jobs.check import is_used
    from engine.jobs.option import Kind

    options = job.type.all_options(job.version).values()
    return [
        job.text(option.key)
        for option in options
        if option.kind in {Kind.NODE, Kind.FILE}
        and is_used(job, option)
        and job.text(option.key)
        and not _looks_elsewhere(job.text(option.key))
    ]


def _looks_elsewhere(path: str) -> bool:
    """Whether a path is a wildcard or lies outside of the project."""
    return path.startswith(("/", "~")) or ".." in path or any(c in path for c in "*?[")


async def _existing(workspace: Workspace, paths: list[str]) -> set[str]:
    """Return which paths exist, one question per folder."""
    from remote.errors import AgentError, BadRequestError

    names: dict[str, set[str]] = {}
    for folder in {path.rpartition("/")[0] for path in paths}:
        try:
            entries = await workspace.list_dir(folder)
        except (AgentError, BadRequestError):
            entries = []
        names[folder] = {str(entry["name"]) for entry in entries}
    return {
        path
        for path in paths
        if path.rpartition("/")[2] in names[path.rpartition("/")[0]]
    }


def _producer_status(overview: Overview, path: str) -> str:
    """Return the status of the job that makes a file; empty if none does."""
    for job in overview.jobs:
        folders = [job.name, job.alias.rstrip("/")] if job.alias else [job.name]
        if any(path.startswith(folder + "/") for folder in folders):
            return job.status
    return ""
