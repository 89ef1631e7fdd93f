"""The command `classes`: the classes of a 2D classification, look-alikes, averages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure
from tui.cli.formats import number
from tui.cli.parser import add_job, add_order

if TYPE_CHECKING:
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_COLUMNS = ("resolution", "accuracy_rotations", "accuracy_translations")


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    classes = commands.add(
        "classes",
        show_classes,
        "list the classes of a 2D classification, those that look alike, averages",
        about="List the classes of an iteration: share, resolution, accuracies, and\n"
        "which larger class each looks like, turned in the plane or mirrored. With\n"
        "--average, average the class averages of these numbers, as they lie, and\n"
        "show that and their standard deviation here or in a PNG file.",
        examples="  cryodeck classes Class2D/LoG\n"
        "  cryodeck classes Class2D/LoG --different --json\n"
        "  cryodeck classes Class2D/LoG --average 1,4,9 -o average.png",
    )
    add_job(classes)
    add_order(classes)
    classes.add_argument(
        "--different",
        action="store_true",
        help="leave out those that look like a larger one",
    )
    classes.add_argument(
        "--average", metavar="LIST", help="average of these: 1,4,9 or 1-5 8"
    )
    classes.add_argument(
        "-o", "--output", metavar="FILE", dest="file", type=Path, help="write a PNG"
    )


async def show_classes(invocation: Invocation) -> int:
    """List classes, or show an average of some."""
    row = await invocation.find(invocation.job)
    if row.type != "class2d":
        message = f"{row.name} is {row.type}; only a 2D classification has classes"
        raise CommandFailure(message)
    workspace = await invocation.workspace()
    if invocation.average is not None:
        return await _average(invocation, workspace, row.name)
    if invocation.file is not None:
        message = "-o writes an average (--average); `picture` writes the class sheet"
        raise CommandFailure(message)
    return await _list(invocation, workspace, row.name)


async def _list(invocation: Invocation, workspace: Workspace, name: str) -> int:
    from tui.near_views import near_views
    from tui.tile_orders import ORDERS
    from tui.tile_sheet import in_order

    found = await workspace.gallery(name, invocation.iteration, max_tile=64)
    order = next(one for one in ORDERS if one.key.startswith(invocation.sort))
    if order.key == "score":
        scores = await workspace.class_scores(str(found["model"]))
        for tile in found["tiles"]:
            tile["score"] = scores.classes.get(int(tile["number"]))
    tiles = in_order(found["tiles"], order)
    if not tiles:
        message = f"{name} has no class averages yet"
        raise CommandFailure(message)
    like = near_views(tiles)
    shown = [t for t in tiles if not (invocation.different and t["number"] in like)]
    records = [_record(tile, like.get(int(tile["number"]))) for tile in shown]
    output = invocation.output
    output.result(
        {"job": name, "iteration": found["iteration"], "classes": records}
        | ({"left_out": len(tiles) - len(shown)} if invocation.different else {})
    )
    heads = [">Class", ">Share", ">Resolution (Å)", ">Rotations (°)", ">Offsets (Å)"]
    heads += [">Score"] * (order.key == "score")
    output.table((*heads, ">Looks like"), [_cells(one) for one in records])
    words = f"{len(shown)} classes of iteration {found['iteration']}"
    if invocation.different:
        words += f"; {len(tiles) - len(shown)} look like a larger one"
    elif like:
        words += f"; {len(like)} look like a larger one"
    output.line(words, "dim")
    return DONE


def _record(tile: dict[str, Any], like: int | None) -> dict[str, Any]:
    keys = ("number", "distribution", *_COLUMNS, "score")
    return {key: tile[key] for key in keys if key in tile} | {"like": like}


def _cells(one: dict[str, Any]) -> list[str]:
    cells = [str(one["number"]), f"{100 * (one.get('distribution') or 0):.1f} %"]
    cells += [number(one.get(key)) for key in _COLUMNS]
    cells += [number(one["score"])] if "score" in one else []
    return [*cells, str(one["like"] or "")]


async def _average(invocation: Invocation, workspace: Workspace, name: str) -> int:
    from tui.cli.showing import average_tiles, show_tiles
    from tui.ticking import numbers_of

    chosen = numbers_of(invocation.average, 100_000)
    if not chosen:
        message = f"--average {invocation.average}: write 1,4,9 or 1-5 8"
        raise CommandFailure(message)
    found = await workspace.class_average(name, sorted(chosen), invocation.iteration)
    words = f"{name}: average and deviation of {found['count']} classes"
    words += f" of iteration {found['iteration']}"
    file = show_tiles(invocation, average_tiles(found), words)
    keys = ("iteration", "count", "lowest", "highest", "deviation")
    record = {"job": name, "averaged": sorted(chosen), **{k: found[k] for k in keys}}
    invocation.output.result({**record, "file": file})
    return DONE
