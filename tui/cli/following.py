"""Commands that stay with a job: log, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import ABORTED, DONE, FAILED, CommandFailure
from tui.cli.formats import STATE_COLORS
from tui.cli.listing import job_record, progress_text
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from remote.views import JobRow
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_CHUNK = 1 << 18
_POLL_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # ever slower, never faster than a site allows


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    log = commands.add(
        "log",
        show_log,
        "show what a job has written",
        examples="  cryodeck log LoG -f\n  cryodeck log 6 --err --lines 0\n"
        "  cryodeck log 6 --search 'norm correction'\n  cryodeck log 6 --first-error",
    )
    add_job(log)
    log.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    log.add_argument("--err", action="store_true", help="run.err, not run.out")
    log.add_argument(
        "-n", "--lines", type=int, default=0, help="only the last so many; 0: all"
    )
    log.add_argument(
        "--search",
        metavar="TEXT",
        help="only the lines with a text, in capitals or not, with their numbers",
    )
    log.add_argument(
        "--first-error",
        action="store_true",
        help="the first line that tells of an error, of run.out or run.err, with "
        "those around it",
    )
    log.add_argument(
        "--limit",
        type=int,
        default=1000,
        metavar="N",
        help="of --search: at most so many lines, the others are only counted (1000)",
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


async def show_log(invocation: Invocation) -> int:
    """Print a job's log, and follow it if asked to."""
    if invocation.search is not None or invocation.first_error:
        from tui.cli.searching import search_log

        return await search_log(invocation)
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    stream = "err" if invocation.err else "out"
    output = invocation.output
    if invocation.lines > 0:
        last = await _last_lines(workspace, row.name, stream, invocation.lines)
        text, offset, partial, path = last
    elif invocation.follow or output.as_json:
        text, offset, partial, path = await _read_log(workspace, row.name, stream)
    else:
        _, _, partial, _ = await _read_log(workspace, row.name, stream, output.block)
        output.block(partial + "\n" if partial else "")
        return DONE
    if invocation.follow:
        output.record({"job": row.name, "text": text})
        output.block(text)
        return await _follow_log(invocation, row.name, stream, offset)
    output.result({"job": row.name, "path": path, "text": text + partial})
    output.block(text + (partial + "\n" if partial else ""))
    return DONE


async def _read_log(
    workspace: Workspace,
    name: str,
    stream: str,
    give: Callable[[str], None] | None = None,
) -> tuple[str, int, str, str]:
    """Return a whole log, or give it away piece by piece."""
    parts: list[str] = []
    offset = 0
    while True:
        chunk = await workspace.log(name, stream, offset, _CHUNK)
        (give or parts.append)(chunk.text)
        if chunk.offset >= chunk.size or chunk.offset == offset:
            return "".join(parts), chunk.offset, chunk.partial, chunk.path
        offset = chunk.offset


async def _last_lines(
    workspace: Workspace, name: str, stream: str, lines: int
) -> tuple[str, int, str, str]:
    """Return the end of a log; no more of it is read than so many lines need."""
    chunk = await workspace.log(name, stream, -_CHUNK, _CHUNK)
    text, start = chunk.text, chunk.start
    while start > 0 and text.count("\n") < lines:
        page = await workspace.log_before(name, stream, start, _CHUNK)
        text, start = page.text + text, page.start
    text = "".join(text.splitlines(keepends=True)[-lines:])
    return text, chunk.offset, chunk.partial, chunk.path


async def _follow_log(
    invocation: Invocation, name: str, stream: str, offset: int
) -> int:
    import asyncio

    workspace, output = await invocation.workspace(), invocation.output
    from tui.cli.invocation import find_job

    rounds = 0
    while True:
        chunk = await workspace.log(name, stream, offset, _CHUNK)
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
