"""Commands that look: jobs, show, log, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import ABORTED, DONE, FAILED, CommandFailure
from tui.cli.formats import STATE_COLORS, duration, moment, number
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from remote.views import JobRow, Overview
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_POLL_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # ever slower, never faster than a site allows


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    jobs = commands.add(
        "jobs",
        list_jobs,
        "list the jobs of the project",
        examples="  cryodeck jobs\n  cryodeck jobs --state running --json",
    )
    jobs.add_argument("--type", metavar="TYPE", help="only jobs of this type")
    jobs.add_argument(
        "--state", metavar="STATE", help="only jobs in this state, as running"
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
    log = commands.add(
        "log",
        show_log,
        "show what a job has written",
        examples="  cryodeck log LoG -f\n  cryodeck log 6 --err --lines 0",
    )
    add_job(log)
    log.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    log.add_argument("--err", action="store_true", help="run.err, not run.out")
    log.add_argument(
        "-n", "--lines", type=int, default=0, help="only the last so many; 0: all"
    )
    wait = commands.add(
        "wait",
        wait_for_jobs,
        "wait until jobs are over; exits 0, 1 or 3 as they did",
        about="Wait until jobs are over. Exits with 0 if all succeeded, 1 if one\n"
        "failed, 3 if one was aborted. Ctrl-C stops the waiting, never a job.",
        examples="  cryodeck wait LoG && cryodeck stats LoG",
    )
    add_job(wait, several=True)
    wait.add_argument(
        "--timeout", type=float, metavar="S", help="give up after so many seconds"
    )


async def list_jobs(invocation: Invocation) -> int:
    """Print one line per job."""
    overview = await (await invocation.workspace()).overview()
    shown = [job for job in overview.jobs if _is_wanted(job, invocation)]
    output = invocation.output
    output.result(
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
        return DONE
    rows = [_job_cells(job, overview) for job in shown]
    output.table(("Job", "Alias", "State", "Progress", "Started", "Took", "What"), rows)
    return DONE


def _is_wanted(job: JobRow, invocation: Invocation) -> bool:
    state, type_key = invocation.state, invocation.type
    if state and job.verdict.state.value != state.lower():
        return False
    return not type_key or job.type == type_key.lower()


def _job_cells(job: JobRow, overview: Overview) -> tuple[str, ...]:
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
    output = invocation.output
    output.result(job_record(row) | {"values": dict(job.values)})
    title = row.name + (f"  ({alias_of(row)})" if row.alias else "")
    output.line(title, "bold")
    verdict = row.verdict
    output.line(
        f"{verdict.state.value}: {verdict.reason}", STATE_COLORS[verdict.state.value]
    )
    for text in (verdict.advice, progress_text(row), row.summary):
        if text:
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
    _print_options(invocation, job)
    return DONE


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


async def show_log(invocation: Invocation) -> int:
    """Print a job's log, and follow it if asked to."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    stream = "err" if invocation.err else "out"
    output = invocation.output
    text, offset, partial, path = await _read_log(workspace, row.name, stream)
    if invocation.lines > 0:
        text = "".join(text.splitlines(keepends=True)[-invocation.lines :])
    if invocation.follow:
        output.record({"job": row.name, "text": text})
        output.block(text)
        return await _follow_log(invocation, row.name, stream, offset)
    output.result({"job": row.name, "path": path, "text": text + partial})
    output.block(text + (partial + "\n" if partial else ""))
    return DONE


async def _read_log(
    workspace: Workspace, name: str, stream: str
) -> tuple[str, int, str, str]:
    parts = []
    offset = 0
    while True:
        chunk = await workspace.log(name, stream, offset, 1 << 18)
        parts.append(chunk.text)
        if chunk.offset >= chunk.size or chunk.offset == offset:
            return "".join(parts), chunk.offset, chunk.partial, chunk.path
        offset = chunk.offset


async def _follow_log(
    invocation: Invocation, name: str, stream: str, offset: int
) -> int:
    import asyncio

    workspace, output = await invocation.workspace(), invocation.output
    from tui.cli.invocation import find_job

    rounds = 0
    while True:
        chunk = await workspace.log(name, stream, offset, 1 << 18)
        if chunk.was_truncated:
            output.warning(f"{chunk.path} was written anew; it begins again here")
        offset = chunk.offset
        if chunk.text:
            rounds = 0
            output.block(chunk.text)
            output.record({"job": name, "text": chunk.text})
        if chunk.partial:
            output.status(chunk.partial)
        if not chunk.text:
            row = find_job(await workspace.overview(), name)
            if row.verdict.state.is_over or row.verdict.state.value == "draft":
                if chunk.partial:
                    output.block(chunk.partial + "\n")
                return _report_end(invocation, row)
            await asyncio.sleep(_POLL_S[min(rounds, 2)])
            rounds += 1


def _report_end(invocation: Invocation, row: JobRow) -> int:
    output = invocation.output
    state = row.verdict.state.value
    output.clear_status()
    output.line(f"{row.name}: {state}: {row.verdict.reason}", STATE_COLORS[state])
    output.record({"job": row.name, "state": state, "reason": row.verdict.reason})
    return outcome_of(row)


def outcome_of(row: JobRow) -> int:
    """Return the exit code that a job's end amounts to."""
    state = row.verdict.state.value
    if state in {"succeeded", "draft"}:
        return DONE
    return ABORTED if state == "aborted" else FAILED


async def wait_for_jobs(invocation: Invocation) -> int:
    """Wait until the jobs of the command line are over."""
    overview = await (await invocation.workspace()).overview(ask_scheduler=False)
    from tui.cli.invocation import find_job

    names = [find_job(overview, word).name for word in invocation.job]
    return await wait_until_over(invocation, names, timeout=invocation.timeout)


async def wait_until_over(
    invocation: Invocation, names: list[str], *, timeout: float | None = None
) -> int:
    """Wait for jobs, saying how far they are; Ctrl-C leaves them running."""
    import asyncio

    rows: list[JobRow] = []
    try:
        async with asyncio.timeout(timeout):
            rows = await watch(invocation, names)
    except TimeoutError:
        message = f"{', '.join(names)}: not over after {timeout:g} s; still going on"
        raise CommandFailure(message, FAILED) from None
    except asyncio.CancelledError:
        again = " ".join(names)
        verb = "go" if len(names) > 1 else "goes"
        invocation.output.warning(
            f"stopped waiting; {', '.join(names)} {verb} on "
            f"(`cryodeck wait {again}` waits again, `cryodeck abort` stops a job)"
        )
        raise
    output = invocation.output
    output.result({"jobs": [job_record(row) for row in rows]})
    for row in rows:
        state = row.verdict.state.value
        output.line(f"{row.name}: {state}: {row.verdict.reason}", STATE_COLORS[state])
    codes = {outcome_of(row) for row in rows}
    return FAILED if FAILED in codes else max(codes)


async def watch(invocation: Invocation, names: list[str]) -> list[JobRow]:
    """Return the jobs once all of them are over, showing how far they are."""
    import asyncio

    from tui.cli.invocation import find_job

    workspace = await invocation.workspace()
    rounds, before = 0, ""
    while True:
        overview = await workspace.overview()
        rows = [find_job(overview, name) for name in names]
        open_rows = [row for row in rows if not row.verdict.state.is_over]
        drafts = [row.name for row in open_rows if row.verdict.state.value == "draft"]
        if drafts:
            message = f"{drafts[0]} was never started: `cryodeck run {drafts[0]}` does"
            raise CommandFailure(message)
        if not open_rows:
            invocation.output.clear_status()
            return rows
        now = "; ".join(
            f"{row.name} {row.verdict.state.value} {progress_text(row)}".rstrip()
            for row in open_rows
        )
        invocation.output.status(now)
        rounds = 0 if now != before else rounds + 1
        before = now
        await asyncio.sleep(_POLL_S[min(rounds, len(_POLL_S) - 1)])
