"""What usually comes after a job, with what this project's jobs say filled in."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.jobs.facts import NOTHING_KNOWN
from engine.jobs.hints import Hint, next_jobs
from engine.jobs.job import Job
from engine.jobs.running import QUEUE
from remote.errors import RemoteError
from remote.views import JobRow, Overview

_PARTICLES = {"extract", "select", "import"}


async def hints_of(
    workspace: Any, form: Job, row: JobRow, overview: Overview | None
) -> list[Hint]:
    """Jobs that usually follow, with the settings of earlier jobs carried over."""
    rows = sorted(overview.jobs if overview else (), key=lambda one: one.number)
    newest = {one.type: one for one in rows if one.number < row.number}
    names = [one.name for one in sorted(newest.values(), key=lambda one: one.number)]
    forms = await asyncio.gather(*(_form(workspace, name) for name in names))
    # a form that nobody can read carries nothing over
    loaded = [(n, f) for n, f in zip(names, forms, strict=True) if f is not None]
    facts = replace(
        NOTHING_KNOWN,
        has_ctf=await _has_ctf(workspace, row),
        last_optimiser=row.continue_from,
    )
    if row.type in _PARTICLES:
        try:
            values = (await workspace.statistics(row.name)).values
        except RemoteError:
            values = {}
        facts = replace(
            facts,
            particles=values.get("particles_total"),
            micrographs=values.get("micrographs_total"),
        )
    hints = next_jobs(form, row.name, facts=facts, earlier=loaded)
    return await asyncio.gather(*(_sent_as_usual(workspace, hint) for hint in hints))


async def _has_ctf(workspace: Any, row: JobRow) -> bool | None:
    """Whether a job's micrographs have their CTF; None if nothing tells."""
    if any("ctf" in node.label for node in row.outputs):
        return True
    lists = [node.name for node in row.outputs if node.kind == "MicrographsData"]
    if not lists:
        return None
    try:
        files = (await workspace.inputs(lists[:1]))["files"]
    except RemoteError:
        return None
    known: bool | None = (files.get(lists[0]) or {}).get("has_ctf")
    return known


async def _form(workspace: Any, name: str) -> Job | None:
    try:
        form: Job = await workspace.load_job(name)
    except RemoteError:
        return None
    return form


async def _sent_as_usual(workspace: Any, hint: Hint) -> Hint:
    """A new form goes to the queue that every new form goes to here."""
    job = hint.job
    if hint.continues:
        return hint
    try:
        usual = await workspace.defaults(job.type.key)
    except RemoteError:
        return hint
    bare = Job.new(job.type.key, job.version)
    for option in QUEUE:
        key = option.key
        if key in job.values and job.values[key] == bare.values[key]:
            job = job.replace(key, usual.text(key, job.values[key]))
    return replace(hint, job=job)
