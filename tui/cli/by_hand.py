"""Commands for what is done by hand: micrographs to tick, picks to add and remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job
from tui.words import how_far_words

if TYPE_CHECKING:
    from remote.views import HandTable
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands
    from tui.picking import Picking

_WITHIN_PX = 20.0


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    listing = commands.add(
        "micrographs",
        micrographs,
        "list the micrographs of a picking or selecting job, or tick some of them",
        about="List the micrographs of a Manual picking, Auto-picking or Subset\n"
        "selection job: picks, defocus, CTF, and which are ticked. The options say\n"
        "which are to be ticked; they are saved as RELION's window saves them.",
        examples="  cryodeck micrographs ManualPick/job004\n"
        "  cryodeck micrographs ManualPick/job004 --first 5\n"
        '  cryodeck micrographs 4 --where "resolution < 5"',
    )
    add_job(listing)
    which = listing.add_mutually_exclusive_group()
    which.add_argument("--first", metavar="N", type=int, help="tick the first N only")
    which.add_argument("--rows", metavar="LIST", help="tick these only: 1,4,9 or 1-5 8")
    which.add_argument(
        "--where",
        metavar="RULE",
        help="tick those with: resolution < 5, defocus < 2 (µm), fom > 0.1, picks >= 1",
    )
    which.add_argument("--all", action="store_true", help="tick all")
    which.add_argument("--invert", action="store_true", help="turn all ticks over")
    picking = commands.add(
        "picks",
        picks,
        "list the picks on a micrograph, add and remove some",
        about="List the picks of a job on a micrograph, in pixels of its file, after\n"
        "adding and removing those that the options name. Without MICROGRAPH: how\n"
        "many there are on each.",
        examples="  cryodeck picks ManualPick/job004 1 --add 1424,1572\n"
        "  cryodeck picks LoG 00021 --remove 1424,1572 --json\n"
        "  cryodeck picks LoG 00021 --original",
    )
    add_job(picking)
    picking.add_argument(
        "micrograph",
        metavar="MICROGRAPH",
        nargs="?",
        help="its number from 1, or a part of its name",
    )
    for option, words in (("--add", "pick here"), ("--remove", "remove the pick here")):
        picking.add_argument(
            option, metavar="X,Y", action="append", default=[], help=words
        )
    anew = picking.add_mutually_exclusive_group()
    anew.add_argument("--clear", action="store_true", help="remove all, then --add")
    anew.add_argument(
        "--original",
        action="store_true",
        help="take the program's own picks again, as before anyone changed them",
    )
    picking.add_argument(
        "--within",
        metavar="PX",
        type=float,
        default=_WITHIN_PX,
        help=f"with --remove: how near a pick must be; default {_WITHIN_PX:g}",
    )


async def micrographs(invocation: Invocation) -> int:
    """List micrographs, after ticking some."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    output = invocation.output
    table = await workspace.hand_table(
        row.name, on_progress=lambda seen: output.status(how_far_words(seen))
    )
    output.clear_status()
    ticks = _wanted_ticks(invocation, table)
    if ticks is not None:
        chosen = [i for i, tick in enumerate(ticks) if tick]
        await workspace.write_ticks(row.name, chosen, if_version=table.selection)
        table = await workspace.hand_table(row.name)
    selected = sum(bool(item["selected"]) for item in table.micrographs)
    output.result(
        {
            "job": row.name,
            "source": table.source,
            "picks_of": table.picks_job,
            "selected": selected,
            "micrographs": list(table.micrographs),
        }
    )
    output.table(
        ("Tick", "No", "Micrograph", "Picks", "Defocus µm", "CTF Å", "CTF FOM"),
        [_cells(i, item) for i, item in enumerate(table.micrographs)],
    )
    output.line(f"{selected} of {len(table.micrographs)} selected", "dim")
    return DONE


def _cells(index: int, item: dict[str, Any]) -> tuple[str, ...]:
    def word(key: str, form: str, unit: float = 1.0) -> str:
        value = item.get(key)
        return "-" if value is None else form.format(value / unit)

    return (
        "[x]" if item["selected"] else "[ ]",
        str(index + 1),
        str(item["name"]),
        word("picks", "{:.0f}"),
        word("defocus", "{:.2f}", 1e4),
        word("ctf_resolution", "{:.1f}"),
        word("ctf_fom", "{:.3f}"),
    )


def _wanted_ticks(invocation: Invocation, table: HandTable) -> list[bool] | None:
    """Ticks that the options ask for; None if they ask for none."""
    from tui.ticking import numbers_of, rows_where

    items = table.micrographs
    if invocation.first is not None:
        if not 1 <= invocation.first <= len(items):
            message = f"--first {invocation.first}: from 1 to {len(items)}"
            raise CommandFailure(message)
        return [i < invocation.first for i in range(len(items))]
    if invocation.rows is not None:
        chosen = numbers_of(invocation.rows, len(items))
        if chosen is None:
            message = f"--rows {invocation.rows}: numbers from 1 to {len(items)}"
            raise CommandFailure(message)
        return [i + 1 in chosen for i in range(len(items))]
    if invocation.where is not None:
        ticks = rows_where(items, invocation.where)
        if ticks is None:
            message = f"--where {invocation.where}: write for example resolution < 5"
            raise CommandFailure(message)
        return ticks
    if invocation.invert:
        return [not item["selected"] for item in items]
    return [True] * len(items) if invocation.all else None


async def picks(invocation: Invocation) -> int:
    """List picks, after changing some."""
    from engine.project.errors import ProjectError
    from tui.cli.showing import micrograph_named
    from tui.picking import Picking

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    if invocation.micrograph is None:
        changes = (invocation.add, invocation.remove, invocation.clear)
        if any(changes) or invocation.original:
            message = "say on which MICROGRAPH: its number, or a part of its name"
            raise CommandFailure(message)
        return await micrograph_counts(invocation, workspace, row.name)
    name = await micrograph_named(workspace, row.name, invocation.micrograph)
    sheet = await workspace.pick_sheet(row.name, name)
    try:
        picking = Picking(sheet)
    except ProjectError as error:
        raise CommandFailure(str(error)) from error
    if invocation.original:
        text = await workspace.original_picks(row.name, name)
        layout = (await workspace.hand_table(row.name)).layout
        picking.replace("the program's picks", text, layout)
    _edit(invocation, picking)
    if picking.is_changed:
        await workspace.write_picks(
            row.name, name, picking.text, if_version=picking.base
        )
    columns = [c for c in picking.file.columns if c.startswith("rln")]
    places = picking.places()
    records = [
        {"x": x, "y": y, "values": dict(zip(columns, cells, strict=True))}
        for (x, y), cells in zip(places, picking.rows, strict=True)
    ]
    output = invocation.output
    output.result(
        {
            "job": row.name,
            "micrograph": name,
            "file": sheet.path,
            "changed": picking.is_changed,
            "picks": records,
        }
    )
    foms = picking.values("rlnAutopickFigureOfMerit")
    output.table(
        ("No", "X", "Y", "FOM"),
        [
            (str(i + 1), f"{x:.1f}", f"{y:.1f}", "-" if fom is None else f"{fom:.3f}")
            for i, ((x, y), fom) in enumerate(zip(places, foms, strict=True))
        ],
    )
    saved = f" saved in {sheet.path}" if picking.is_changed else ""
    output.line(f"{len(places)} picks on {name}{saved}", "dim")
    return DONE


def _edit(invocation: Invocation, picking: Picking) -> None:
    places = {
        word: _place(option, word)
        for option, words in (
            ("--add", invocation.add),
            ("--remove", invocation.remove),
        )
        for word in words
    }
    for word in invocation.remove:
        at = picking.nearest(*places[word], invocation.within)
        if at is None:
            message = f"--remove {word}: no pick within {invocation.within:g} pixels"
            raise CommandFailure(message)
        picking.remove(at)
    if invocation.clear:
        picking.clear()
    for word in invocation.add:
        picking.add(*places[word])


def _place(option: str, word: str) -> tuple[float, float]:
    try:
        x, y = (float(part) for part in word.split(","))
    except ValueError:
        message = f"{option} {word}: write X,Y in pixels of the micrograph"
        raise CommandFailure(message) from None
    if not (0 <= x < 1e6 and 0 <= y < 1e6):
        message = f"{option} {word}: outside any micrograph"
        raise CommandFailure(message)
    return x, y


async def micrograph_counts(
    invocation: Invocation, workspace: Workspace, name: str
) -> int:
    """Print how many picks there are on each micrograph."""
    output = invocation.output
    found = await workspace.micrographs(
        name, on_progress=lambda seen: output.status(how_far_words(seen))
    )
    output.clear_status()
    output.result({"job": name, "micrographs": found})
    output.table(
        ("No", "Micrograph", "Picks"),
        [
            (str(i + 1), str(m["name"]), "-" if m["picks"] is None else str(m["picks"]))
            for i, m in enumerate(found)
        ],
    )
    total = sum(m["picks"] or 0 for m in found)
    output.line(f"{total} picks on {len(found)} micrographs", "dim")
    return DONE
