"""Commands that act on jobs: run, continue, abort, alias, mark, note, clean, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job

if TYPE_CHECKING:
    import argparse

    from engine.jobs.job import Job
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    _add_running(commands)
    alias = commands.add("alias", set_alias, "give a job a second name", changes=True)
    add_job(alias)
    alias.add_argument("name", metavar="NAME", help='the alias; "" takes it away')
    mark = commands.add(
        "mark",
        mark_job,
        "set a job's status by hand, as RELION's GUI does",
        changes=True,
    )
    add_job(mark)
    mark.add_argument(
        "status", choices=("finished", "failed", "aborted"), help="what it shall be"
    )
    note = commands.add(
        "note",
        show_note,
        "show a job's note, or write it",
        examples='  cryodeck note LoG\n  cryodeck note LoG --text "threshold too low"',
    )
    add_job(note)
    note.add_argument("--text", metavar="TEXT", help="the new note; - reads it here")
    clean = commands.add(
        "clean",
        clean_job,
        "move a job's intermediate files to Trash",
        changes=True,
        about="Move the files of a job that later jobs do not need to Trash/.\n"
        "With --harsh also those that only a continuation would need.",
    )
    add_job(clean)
    clean.add_argument("--harsh", action="store_true", help="as RELION's harsh clean")
    _add_dry_run(clean)
    delete = commands.add(
        "delete",
        delete_job,
        "move a job, and everything made from it, to Trash",
        changes=True,
    )
    add_job(delete)
    _add_dry_run(delete)
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _add_running(commands: Commands) -> None:
    run = commands.add(
        "run",
        run_job,
        "start a draft",
        changes=True,
        examples="  cryodeck run 7 --wait",
    )
    add_job(run)
    _add_wait(run)
    _add_dry_run(run, _WOULD_BE)
    more = commands.add(
        "continue",
        continue_job,
        "go on with a job that was run before",
        changes=True,
        about="Go on with a job that was run before: what is whole is kept, and only\n"
        "the rest is done. Options that may change then can be set. A classification\n"
        "goes on from its newest whole iteration, unless fn_cont says otherwise.",
        examples="  cryodeck continue job008 --set cryodeck_time_limit=8:00:00\n"
        "  cryodeck continue optimise_params --set threshold_autopick=0.4 \\\n"
        "      --set do_write_fom_maps=No --set do_read_fom_maps=Yes --wait\n"
        "  cryodeck continue job008 --set nr_iter_em=40 --dry-run",
    )
    add_job(more)
    add_settings(more)
    _add_wait(more)
    _add_dry_run(more, _WOULD_BE)
    abort = commands.add("abort", abort_job, "stop a job", changes=True)
    add_job(abort, several=True)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add --set KEY=VALUE."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="settings",
        help="an option by its key or label; may be repeated",
    )


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="wait until it is over")


_WOULD_BE = "only say what would be kept, done again, overwritten"


def _add_dry_run(
    parser: argparse.ArgumentParser, words: str = "only say what would go"
) -> None:
    parser.add_argument("--dry-run", action="store_true", help=words)


async def run_job(invocation: Invocation) -> int:
    """Start a draft, once checked."""
    from tui.cli.drafting import require_valid

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    job = await workspace.load_job(row.name)
    await require_valid(invocation, job, continuing=False)
    words = await _explained(workspace, row.name, job, continuing=False)
    invocation.output.line(words, "dim")
    if invocation.dry_run:
        invocation.output.result({"job": row.name, "would": words})
        return DONE
    return await start(invocation, row.name, continuing=False)


async def _explained(
    workspace: Workspace,
    name: str,
    job: Job,
    *,
    continuing: bool,
    before: Job | None = None,
) -> str:
    """Say what starting a job would keep, do again and overwrite."""
    from engine.jobs.explain import explain_run
    from remote.surroundings import facts_of

    overview = await workspace.overview(ask_scheduler=False)
    facts = await facts_of(workspace, job, overview, name)
    return explain_run(job, continuing, facts, name, before)


async def continue_job(invocation: Invocation) -> int:
    """Change what a continuation may change, and start the job again."""
    from engine.jobs.continuation import prepared
    from tui.cli.drafting import changed, require_valid

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    job = await workspace.load_job(row.name)
    before, job = job, prepared(job, row.continue_from, row.name)
    job = changed(job, invocation.settings, continuing=True)
    await require_valid(invocation, job, continuing=True)
    if row.continue_from and job.text("fn_cont", "") == row.continue_from:
        words = f"fn_cont = {row.continue_from}, the newest iteration that is whole"
        invocation.output.line(words)
    words = await _explained(workspace, row.name, job, continuing=True, before=before)
    invocation.output.line(words, "dim")
    if invocation.dry_run:
        invocation.output.result({"job": row.name, "would": words})
        return DONE
    await workspace.save(row.name, job)
    return await start(invocation, row.name, continuing=True)


async def submit(invocation: Invocation, name: str, *, continuing: bool) -> str:
    """Submit a job and say so; return the scheduler's id."""
    from engine.jobs.by_hand import by_hand

    workspace = await invocation.workspace()
    output = invocation.output
    if by_hand(await workspace.load_job(name), continuing):
        await workspace.run(name, continuing=continuing)
        output.line(
            f"{name} is open: tick with `cryodeck micrographs {name}`, pick with "
            f"`cryodeck picks {name}`, or do both in the interface"
        )
        return ""
    output.status(f"{name}: submitting ...")
    scheduler_id = await workspace.run(name, continuing=continuing)
    output.clear_status()
    where = f" as {scheduler_id}" if scheduler_id else ""
    output.line(f"{name} submitted{where} on {workspace.cluster.name}")
    return scheduler_id


async def start(invocation: Invocation, name: str, *, continuing: bool) -> int:
    """Submit a job, and wait for it if that was asked for."""
    scheduler_id = await submit(invocation, name, continuing=continuing)
    if getattr(invocation, "wait", False):
        from tui.cli.following import wait_until_over

        return await wait_until_over(invocation, [name])
    invocation.output.result({"job": name, "scheduler_id": scheduler_id})
    return DONE


async def abort_job(invocation: Invocation) -> int:
    """Ask jobs to stop, by RELION's way and the scheduler's."""
    workspace = await invocation.workspace()
    output = invocation.output
    names = [(await invocation.find(word)).name for word in invocation.job]
    effects = {}
    for name in names:
        output.status(f"{name}: asked to stop, waiting for it before cancelling ...")
        effects[name] = await workspace.abort(name)
        output.clear_status()
        output.line(f"{name}: {effects[name]}")
    output.result({"aborted": names, "effects": effects})
    return DONE


async def set_alias(invocation: Invocation) -> int:
    """Give a job an alias."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    await workspace.set_alias(row.name, invocation.name)
    invocation.output.line(
        f"{row.name} is now {invocation.name}"
        if invocation.name
        else f"{row.name} has no alias any more"
    )
    invocation.output.result({"job": row.name, "alias": invocation.name})
    return DONE


async def mark_job(invocation: Invocation) -> int:
    """Set a job's status by hand."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    await workspace.mark(row.name, invocation.status)
    invocation.output.line(f"{row.name} marked as {invocation.status}")
    invocation.output.result({"job": row.name, "status": invocation.status})
    return DONE


async def show_note(invocation: Invocation) -> int:
    """Show or write a job's note."""
    import sys

    text = invocation.text
    if text is not None and invocation.read_only:
        message = "note --text changes the project, and --read-only forbids it"
        raise CommandFailure(message)
    if text == "-":
        text = sys.stdin.read()
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    note = await workspace.note(row.name, text)
    invocation.output.result({"job": row.name, "note": note})
    invocation.output.block(note if note.endswith("\n") or not note else note + "\n")
    return DONE


async def clean_job(invocation: Invocation) -> int:
    """Move intermediate files to Trash."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    answer = await workspace.clean(
        row.name, harsh=invocation.harsh, dry_run=invocation.dry_run
    )
    _report_moved(invocation, row.name, answer)
    return DONE


async def delete_job(invocation: Invocation) -> int:
    """Move a job and what depends on it to Trash."""
    import sys

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    answer = await workspace.delete(row.name, dry_run=True)
    if invocation.dry_run:
        _report_moved(invocation, row.name, answer)
        return DONE
    if not invocation.yes:
        jobs = ", ".join(answer.get("jobs", [row.name]))
        if not sys.stdin.isatty():
            message = f"would move {jobs} to Trash: add --yes to do it without asking"
            raise CommandFailure(message)
        if input(f"Move {jobs} to Trash? [y/N] ").strip().lower() not in {"y", "yes"}:
            message = "nothing deleted"
            raise CommandFailure(message)
    answer = await workspace.delete(row.name, dry_run=False)
    _report_moved(invocation, row.name, answer)
    return DONE


def _report_moved(invocation: Invocation, name: str, answer: dict[str, Any]) -> None:
    from tui.words import bytes_words

    output = invocation.output
    output.result({"job": name, "dry_run": invocation.dry_run} | answer)
    if answer.get("consequence"):
        output.line(answer["consequence"])
    files = answer.get("files", answer.get("jobs", []))
    for file in files[:20]:
        output.line(f"  {file}")
    if len(files) > 20:
        output.line(f"  ... and {len(files) - 20} more")
    would = "would move" if invocation.dry_run else "moved"
    volume = f", {bytes_words(answer['bytes'])}" if "bytes" in answer else ""
    what = "job" if "jobs" in answer and "files" not in answer else "file"
    plural = "" if len(files) == 1 else "s"
    output.line(f"{name}: {would} {len(files)} {what}{plural}{volume} to Trash")
