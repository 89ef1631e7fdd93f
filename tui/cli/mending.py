"""Commands that put a project right: undelete, unlock, repair, convert."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_MOST_LINES = 20


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    back = commands.add(
        "undelete",
        undelete,
        "bring deleted jobs back from Trash; without JOB, list them",
        examples="  cryodeck undelete\n  cryodeck undelete AutoPick/job006",
    )
    back.add_argument("job", metavar="JOB", nargs="?", help="one of the deleted jobs")
    unlock = commands.add(
        "unlock",
        unlock_project,
        "show who holds the project's lock; remove one that was left behind",
        changes=True,
    )
    unlock.add_argument("--yes", action="store_true", help="do not ask")
    repair = commands.add(
        "repair",
        repair_project,
        "repair node labels that another version of RELION has broken",
        changes=True,
    )
    repair.add_argument("--dry-run", action="store_true", help="only say what is wrong")
    convert = commands.add(
        "convert",
        convert_project,
        "convert a project to the layout of a newer RELION",
        changes=True,
        examples="  cryodeck convert 4.0 --dry-run",
    )
    convert.add_argument("version", metavar="VERSION", help="4.0 or 5.0")
    convert.add_argument("--dry-run", action="store_true", help="only say what changes")


async def undelete(invocation: Invocation) -> int:
    """List what can be brought back, or bring it back."""
    from tui.cli.formats import moment

    workspace, output = await invocation.workspace(), invocation.output
    found = await workspace.deleted()
    if invocation.job is None:
        output.result({"deleted": found})
        rows = [(", ".join(one["jobs"]), moment(one["at"])) for one in found]
        if rows:
            output.table(("Deleted together", "When"), rows)
        else:
            output.line("nothing in Trash can be brought back")
        return DONE
    if invocation.read_only:
        message = "undelete changes the project, and --read-only forbids it"
        raise CommandFailure(message)
    one = next((o for o in found if _is_meant(o, invocation.job)), None)
    if one is None:
        message = f"{invocation.job}: not among the deleted jobs; see `undelete` alone"
        raise CommandFailure(message)
    names = await workspace.undelete(one["file"])
    output.result({"jobs": names})
    output.line(f"back again: {', '.join(names)}")
    return DONE


def _is_meant(deleted: dict[str, Any], word: str) -> bool:
    wanted = word.strip().rstrip("/")
    number = wanted.removeprefix("job")
    for name, alias in zip(deleted["jobs"], deleted["aliases"], strict=True):
        if wanted in (name, alias) or (alias and wanted == alias.rpartition("/")[2]):
            return True
        last = name.rpartition("/job")[2]
        if number.isdecimal() and last.isdecimal() and int(number) == int(last):
            return True
    return False


async def unlock_project(invocation: Invocation) -> int:
    """Say who holds the lock; remove it once that was confirmed."""
    workspace, output = await invocation.workspace(), invocation.output
    seen = await workspace.lock()
    if seen is None:
        output.line("the project is not locked")
        output.result({"locked": False, "removed": False})
        return DONE
    what = f"locked by {seen['held_by']}: {seen['why']}"
    if not seen["removable"]:
        raise CommandFailure(what)
    if not invocation.yes:
        if not sys.stdin.isatty():
            message = f"{what}; add --yes to remove it without asking"
            raise CommandFailure(message)
        output.line(what)
        question = "Nobody works in this project, remove the lock? [y/N] "
        if input(question).strip().lower() not in {"y", "yes"}:
            message = "the lock stays"
            raise CommandFailure(message)
    removed = await workspace.unlock(seen)
    output.line("lock removed" if removed else "the lock is gone already")
    output.result({"locked": False, "removed": removed, "held_by": seen["held_by"]})
    return DONE


async def repair_project(invocation: Invocation) -> int:
    """Mend labels, or only list them."""
    workspace, output = await invocation.workspace(), invocation.output
    if invocation.dry_run:
        said: dict[str, Any] = {"backup": "", "mended": await workspace.damage()}
    else:
        said = await workspace.repair()
    output.result(said | {"dry_run": invocation.dry_run})
    _lines(invocation, said["mended"])
    count = len(said["mended"])
    if not count:
        output.line("nothing is wrong with the pipeline's labels")
    elif invocation.dry_run:
        output.line(f"{count} to be mended")
    else:
        output.line(f"{count} mended; the pipeline from before is {said['backup']}")
    return DONE


async def convert_project(invocation: Invocation) -> int:
    """Bring the project to a newer layout, or say what that would change."""
    workspace, output = await invocation.workspace(), invocation.output
    said = await workspace.convert(invocation.version, dry_run=invocation.dry_run)
    output.result(said | {"dry_run": invocation.dry_run})
    if not said["changes"]:
        output.line(f"the project has the layout of RELION {said['to']} already")
        return DONE
    would = "would go" if invocation.dry_run else "went"
    output.line(
        f"{said['jobs']} jobs {would} from RELION {said['from']}'s layout to "
        f"{said['to']}'s, {len(said['job_stars'])} job.star files with them"
    )
    if said["dropped_nodes"]:
        output.line("without a word there, left out of the pipeline (the files stay):")
        _lines(invocation, said["dropped_nodes"])
    if said["backup"]:
        output.line(f"copies from before: {said['backup']}")
    return DONE


def _lines(invocation: Invocation, lines: list[str]) -> None:
    for line in lines[:_MOST_LINES]:
        invocation.output.line(f"  {line}")
    if len(lines) > _MOST_LINES:
        invocation.output.line(f"  ... and {len(lines) - _MOST_LINES} more")
