"""Commands that look at jobs: jobs, show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE
from tui.cli.formats import STATE_COLORS, moment, number
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from remote.views import JobRow, Overview
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    jobs = commands.add(
        "jobs",
        list_jobs,
        "list the jobs of the project",
        about="List the jobs of the project, one a line. With -f go on, and say what\n"
        "becomes of them: a line for each change, nothing is drawn over (for screen\n"
        "readers, logs and scripts). Ctrl-C ends it, never a job.",
        examples="  cryodeck jobs\n  cryodeck jobs --state running --json\n"
        "  cryodeck jobs -f --type class2d",
    )
    jobs.add_argument("--type", metavar="TYPE", help="only jobs of this type")
    jobs.add_argument(
        "--state", metavar="STATE", help="only jobs in this state, as running"
    )
    jobs.add_argument(
        "-f", "--follow", action="store_true", help="go on, and say what changes"
    )
    show = commands.add(
        "show",
        show_job,
        "show one job: its state and why, inputs, outputs, options",
    )
    add_job(show)
    show.add_argument(
        "--all", action="store_true", help="options at their defaults too"
    )


async def list_jobs(invocation: Invocation) -> int:
    """Print one line per job."""
    overview = await (await invocation.workspace()).overview()
    shown = [job for job in overview.jobs if _is_wanted(job, invocation)]
    output = invocation.output
    (output.record if invocation.follow else output.result)(
        {
            "project": overview.project,
            "version": overview.version,
            "taken_at": overview.taken_at,
            "scheduler_asked_at": overview.scheduler_asked_at,
            "warnings": list(overview.warnings),
            "jobs": [job_record(job) for job in shown],
        }
    )
    for warning in overview.warnings:
        output.warning(warning)
    if not shown:
        output.line("no jobs yet; `cryodeck new import` makes the first one")
    else:
        rows = [_job_cells(job, overview) for job in shown]
        heads = ("Job", "Alias", "State", "Progress", "Started", "Took", "What")
        output.table(heads, rows)
    if invocation.follow:
        from tui.cli.announcing import announce

        await announce(invocation, overview, _is_wanted)
    return DONE


def _is_wanted(job: JobRow, invocation: Invocation) -> bool:
    state, type_key = invocation.state, invocation.type
    if state and job.verdict.state.value != state.lower():
        return False
    return not type_key or job.type == type_key.lower()


def _job_cells(job: JobRow, overview: Overview) -> tuple[str, ...]:
    from tui.words import duration

    return (
        job.name,
        alias_of(job),
        job.verdict.state.value,
        progress_text(job),
        moment(job.started_at),
        duration(_elapsed(job, overview)),
        job.summary,
    )


def alias_of(job: JobRow) -> str:
    """Return the last part of a job's alias."""
    return job.alias.rstrip("/").rpartition("/")[2]


def _elapsed(job: JobRow, overview: Overview) -> float | None:
    if job.started_at is None:
        return None
    if job.ended_at is not None:
        return max(0.0, job.ended_at - job.started_at)
    if job.verdict.state.is_over:
        return None
    return max(0.0, overview.taken_at - job.started_at)


def progress_text(job: JobRow) -> str:
    """Return how far a job has come, and how long the rest may take."""
    progress = job.progress
    if progress is None or progress.total <= 0:
        return ""
    if job.verdict.state.is_over and progress.done >= progress.total:
        return ""
    text = f"{number(progress.done)}/{number(progress.total)} {progress.unit}"
    if not job.verdict.state.is_over and progress.eta_s is not None:
        from tui.words import duration

        text += f", {duration(progress.eta_s)} left"
    return text


def job_record(job: JobRow) -> dict[str, Any]:
    """Return a job as JSON shows it."""
    from dataclasses import asdict

    record = asdict(job)
    verdict = record.pop("verdict")
    record["alias"] = alias_of(job)
    record["state"] = verdict["state"].value
    record["reason"] = verdict["reason"]
    record["advice"] = verdict["advice"]
    record["witnesses"] = verdict["witnesses"]
    if job.progress is not None:
        record["progress"]["eta_s"] = job.progress.eta_s
    return record


async def show_job(invocation: Invocation) -> int:
    """Print everything about one job."""
    workspace = await invocation.workspace()
    overview = await workspace.overview()
    from tui.cli.invocation import find_job

    row = find_job(overview, invocation.job)
    job = await workspace.load_job(row.name)
    commands = await _commands(invocation, row.name)
    output = invocation.output
    output.result(job_record(row) | {"values": dict(job.values), "commands": commands})
    title = row.name + (f"  ({alias_of(row)})" if row.alias else "")
    output.line(title, "bold")
    verdict = row.verdict
    output.line(
        f"{verdict.state.value}: {verdict.reason}", STATE_COLORS[verdict.state.value]
    )
    for text in (verdict.advice, progress_text(row), row.summary):
        if text and text != verdict.reason:
            output.line(text)
    for witness in verdict.witnesses:
        asked = f" ({moment(witness.at)})" if witness.at else ""
        output.line(f"  {witness.name}: {witness.says}{asked}", "dim")
    if row.scheduler_id:
        output.line(f"scheduler's id: {row.scheduler_id}")
    if row.inputs:
        output.line("input from: " + ", ".join(row.inputs))
    for node in row.outputs:
        output.line(f"output: {node.name}  ({node.kind})")
    for engine, text in commands.items():
        output.line()
        title = f"by {engine}" if engine == job.engine else f"the same by {engine}"
        output.line(title, "bold")
        output.block(text + "\n")
    _print_options(invocation, job)
    return DONE


async def _commands(invocation: Invocation, name: str) -> dict[str, str]:
    """Return a job's command lines by engine, the one that does it first."""
    from remote.errors import BadRequestError

    workspace = await invocation.workspace()
    engine = (await workspace.load_job(name)).engine
    other = "cryodeck" if engine == "relion" else "relion"
    try:
        texts = await workspace.preview(name)
    except BadRequestError:
        return {}  # a form that is not filled in yet
    found = {engine: texts["commands"], other: texts.get("other commands", "")}
    return {engine: text for engine, text in found.items() if text}


def _print_options(invocation: Invocation, job: Any) -> None:
    output = invocation.output
    for tab in job.type.tabs(job.version):
        shown = [
            option
            for option in tab.options
            if invocation.all or job.text(option.key) != option.default
        ]
        if not shown:
            continue
        output.line()
        output.line(tab.label, "bold")
        output.table(
            ("Key", "Value", "Label"),
            [(o.key, job.text(o.key) or "(empty)", o.title) for o in shown],
        )
