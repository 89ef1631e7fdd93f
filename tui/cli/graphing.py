"""Commands about jobs among jobs: graph, next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from engine.jobs.hints import Hint
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    graph = commands.add(
        "graph",
        show_graph,
        "show which job feeds which",
        examples="  cryodeck graph\n  cryodeck graph LoG --json",
    )
    graph.add_argument(
        "job",
        metavar="JOB",
        nargs="?",
        help="only what went into this job, and what was made from it",
    )
    following = commands.add(
        "next",
        show_next,
        "show what usually comes after a job, or make one of these jobs",
        about="List the jobs that usually follow one, with their inputs filled in.\n"
        "With --take N the N-th is made, as a draft to change or run.",
        examples="  cryodeck next LoG\n  cryodeck next LoG --take 1 --alias particles",
    )
    add_job(following)
    following.add_argument("--take", metavar="N", type=int, help="make the N-th")
    following.add_argument("--alias", metavar="A", default="", help="of the new job")


async def show_graph(invocation: Invocation) -> int:
    """Print the jobs as a tree."""
    from tui.cli.invocation import find_job
    from tui.cli.listing import alias_of
    from tui.job_graph import branches, downstream, upstream

    workspace = await invocation.workspace()
    overview = await workspace.overview(ask_scheduler=False)
    rows = overview.jobs
    if invocation.job:
        row = find_job(overview, invocation.job)
        kept = {row.name, *upstream(row.name, rows), *downstream(row.name, rows)}
        rows = tuple(one for one in rows if one.name in kept)
    output = invocation.output
    output.result(
        {
            "jobs": [
                {
                    "name": row.name,
                    "alias": alias_of(row),
                    "state": row.verdict.state.value,
                    "inputs": list(row.inputs),
                }
                for row in rows
            ]
        }
    )
    for branch in branches(rows):
        row = branch.row
        alias = f" ({alias_of(row)})" if row.alias else ""
        others = f"  also from {', '.join(branch.others)}" if branch.others else ""
        state = row.verdict.state.value
        text = f"{row.name}{alias}  {state}{others}"
        output.labeled(output.painted(branch.stem, "dim"), text)
    if not rows:
        output.line("no jobs yet")
    return DONE


async def show_next(invocation: Invocation) -> int:
    """Print what may follow a job, or make it."""
    from remote.hints import hints_of

    if invocation.take is not None and invocation.read_only:
        message = "next --take makes a job, and --read-only forbids it"
        raise CommandFailure(message)
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    overview = await workspace.overview(ask_scheduler=False)
    form = await workspace.load_job(row.name)
    hints = []
    if row.verdict.state.value != "draft" and form.type.has_form:
        hints = await hints_of(workspace, form, row, overview)
    if invocation.take is not None:
        return await _take(invocation, row.name, hints)
    output = invocation.output
    output.result({"job": row.name, "next": [_record(hint) for hint in hints]})
    for number, hint in enumerate(hints, 1):
        output.line(f"{number}  {hint.title}: {hint.reason}")
    if not hints:
        output.line(f"{row.name} makes nothing that another job could take")
    return DONE


async def _take(invocation: Invocation, name: str, hints: list[Hint]) -> int:
    if not 1 <= invocation.take <= len(hints):
        message = f"--take {invocation.take}: {name} has {len(hints)} next jobs"
        raise CommandFailure(message)
    hint, output = hints[invocation.take - 1], invocation.output
    if hint.continues:
        settings = " ".join(f"--set {k}={v}" for k, v in _changed(hint).items())
        message = f"`cryodeck continue {hint.continues} {settings}` does that"
        raise CommandFailure(message)
    workspace = await invocation.workspace()
    made = await workspace.create(hint.job, alias=invocation.alias)
    output.line(f"{made}: draft made ({hint.title}); `cryodeck run {made}` starts it")
    output.result({"job": made, "alias": invocation.alias, **_record(hint)})
    return DONE


def _record(hint: Hint) -> dict[str, object]:
    return {
        "title": hint.title,
        "reason": hint.reason,
        "type": hint.job.type.key,
        "continues": hint.continues,
        "options": _changed(hint),
    }


def _changed(hint: Hint) -> dict[str, str]:
    """Options that are not at RELION's defaults."""
    usual = hint.job.type.defaults(hint.job.version)
    return {
        key: value
        for key, value in hint.job.values.items()
        if value != usual.get(key, "")
    }
