"""The command that tells how things were made: notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remote.views import JobRow
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands
    from tui.halfblocks import Canvas
    from tui.notebook import Page

_PICTURE_PX = 512
_PICKING = {"autopick", "manualpick"}


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    notebook = commands.add(
        "notebook",
        show_notebook,
        "tell how a job, or all of the project, was made",
        about="Tell how a job was made, with the jobs it was made from: when, with "
        "which parameters and commands, what came out, notes, what was done by hand. "
        "Without JOB, the whole project. With -o a Markdown file, with pictures of "
        "picks and class averages in a folder beside it; with --commands a shell "
        "script that does it all again.",
        examples="  cryodeck notebook template\n  cryodeck notebook -o betagal.md\n"
        "  cryodeck notebook Class2D/LoG --commands > again.sh",
    )
    notebook.add_argument("job", metavar="JOB", nargs="?", help="one job's history")
    notebook.add_argument(
        "--commands", action="store_true", help="the commands that repeat it"
    )
    notebook.add_argument(
        "-o", "--file", metavar="FILE", type=Path, help="write it to a file here"
    )
    notebook.add_argument(
        "--no-pictures", action="store_true", help="without pictures beside the file"
    )


async def show_notebook(invocation: Invocation) -> int:
    """Print or write the notebook."""
    from tui.cli.invocation import find_job
    from tui.exporting import write_whole
    from tui.notebook import as_commands, as_markdown, pages

    workspace = await invocation.workspace()
    overview = await workspace.overview(ask_scheduler=False)
    name = find_job(overview, invocation.job).name if invocation.job else ""
    found = await pages(workspace, overview.jobs, name)
    file: Path | None = invocation.file
    pictures: dict[str, str] = {}
    output = invocation.output
    try:
        if file is not None and not (invocation.no_pictures or invocation.commands):
            pictures = await _pictures(workspace, [page.row for page in found], file)
        text = (
            as_commands(found, overview.version)
            if invocation.commands
            else as_markdown(overview.project, found, pictures)
        )
        if file is not None:
            write_whole(file, text)
    except OSError as error:
        message = f"{file}: not written: {error.strerror or error}"
        raise CommandFailure(message) from error
    if file is None:
        output.block(text)
    else:
        more = f", {len(pictures)} pictures beside it" if pictures else ""
        output.line(f"{file}: {len(found)} jobs{more}")
    output.result(_record(found, text, file))
    return DONE


def _record(found: Sequence[Page], text: str, file: Path | None) -> dict[str, object]:
    from tui.cli.listing import job_record

    jobs = [
        job_record(page.row)
        | {
            "values": dict(page.form.values) if page.form is not None else None,
            "note": page.note,
            "kept": list(page.kept),
            "picks": {str(at): list(places) for at, places in page.picks.items()},
        }
        for page in found
    ]
    return {"jobs": jobs, "text": text, "file": str(file or "")}


async def _pictures(
    workspace: Workspace, rows: Sequence[JobRow], file: Path
) -> dict[str, str]:
    """Write a picture of each job that has one; files by job, relative to the file."""
    from remote.errors import RemoteError
    from tui.cli.png import encode_rgb

    folder = file.with_name(f"{file.stem}-pictures")
    found = {}
    for row in rows:
        try:
            canvas = await _picture(workspace, row)
        except (RemoteError, CommandFailure):
            continue  # the job is told without
        if canvas is None:
            continue
        folder.mkdir(exist_ok=True)
        place = folder / f"{row.name.replace('/', '_')}.png"
        place.write_bytes(encode_rgb(canvas.rgb(), canvas.width, canvas.height))
        found[row.name] = f"{folder.name}/{place.name}"
    return found


async def _picture(workspace: Workspace, row: JobRow) -> Canvas | None:
    from tui.cli.showing import micrograph_named, sheet_of, small_picture
    from tui.tile_orders import ORDERS
    from tui.tile_sheet import in_order

    if row.type == "class2d":
        tiles = (await workspace.gallery(row.name, max_tile=64))["tiles"]
        return sheet_of(in_order(tiles, ORDERS[0]), _PICTURE_PX) if tiles else None
    if row.type in _PICKING:
        micrograph = await micrograph_named(workspace, row.name, "1")
        return await small_picture(workspace, row.name, micrograph, _PICTURE_PX)
    return None
