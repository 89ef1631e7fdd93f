"""The command that shows particles: a page of a stack by any column, their average."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    particles = commands.add(
        "particles",
        show_particles,
        "show some particles of a job, sorted by any column, or their average",
        about="Show particles of an extraction, a selection or a classification here\n"
        "or in a PNG file, in the order of the file or sorted by a column; or their\n"
        "average and standard deviation as they lie, not aligned.",
        examples="  cryodeck particles Extract/LoG --average\n"
        "  cryodeck particles Extract/LoG --sort rlnAutopickFigureOfMerit -n 50\n"
        "  cryodeck particles Extract/LoG -o particles.png",
    )
    add_job(particles)
    particles.add_argument(
        "-n", metavar="N", dest="count", type=int, default=50, help="how many"
    )
    particles.add_argument(
        "--from", metavar="K", dest="start", type=int, default=1, help="the first one"
    )
    particles.add_argument(
        "--sort", metavar="COLUMN", default="", help="order, as rlnDefocusU"
    )
    particles.add_argument(
        "--reverse", action="store_true", help="the largest number first"
    )
    particles.add_argument(
        "--average", action="store_true", help="average and deviation of all"
    )
    particles.add_argument(
        "--rows", metavar="LIST", help="with --average: of these only, 1,4,9 or 1-5 8"
    )
    particles.add_argument(
        "-o", "--output", metavar="FILE", dest="file", type=Path, help="write a PNG"
    )


async def show_particles(invocation: Invocation) -> int:
    """Show a page of particles, or an average."""
    from tui.cli.showing import show_tiles
    from tui.words import particles_of

    row = await invocation.find(invocation.job)
    path = particles_of(row)
    if not path:
        message = f"{row.name} has made no list of particles"
        raise CommandFailure(message)
    workspace = await invocation.workspace()
    if invocation.average:
        record, tiles, words = await _average(invocation, workspace, path)
    else:
        record, tiles, words = await _page(invocation, workspace, path)
    file = show_tiles(invocation, tiles, words)
    invocation.output.result({"job": row.name, **record, "file": file})
    return DONE


_Shown = tuple[dict[str, Any], list[dict[str, Any]], str]


async def _page(invocation: Invocation, workspace: Workspace, path: str) -> _Shown:
    if invocation.count < 1 or invocation.start < 1:
        message = "-n and --from count from 1"
        raise CommandFailure(message)
    found = await workspace.particle_page(
        path,
        first=invocation.start - 1,
        count=invocation.count,
        sort=invocation.sort,
        is_descending=invocation.reverse,
        max_tile=64 if invocation.file is not None else 32,
    )
    tiles = found["tiles"]
    if not tiles:
        message = f"{path} lists no particles"
        raise CommandFailure(message)
    words = f"{path}: {len(tiles)} of {found['total']} particles"
    if invocation.sort:
        words += f" by {invocation.sort}"
    listed = [{"number": t["number"], "values": t["values"]} for t in tiles]
    record = {"particles": path, "total": found["total"], "shown": listed}
    return record, tiles, words


async def _average(invocation: Invocation, workspace: Workspace, path: str) -> _Shown:
    from tui.cli.showing import average_tiles
    from tui.ticking import numbers_of

    numbers = None
    if invocation.rows is not None:
        chosen = numbers_of(invocation.rows, 100_000_000)
        if chosen is None:
            message = f"--rows {invocation.rows}: write 1,4,9 or 1-5 8"
            raise CommandFailure(message)
        numbers = sorted(chosen)
    found = await workspace.particle_average(path, numbers)
    tiles = average_tiles(found)
    words = f"{path}: average and deviation of {found['count']} particles"
    if found["count"] < found["total"]:
        words += f", an even sample of {found['total']}"
    keys = ("count", "total", "lowest", "highest", "deviation")
    return {"particles": path, **{k: found[k] for k in keys}}, tiles, words
