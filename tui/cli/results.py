"""Commands that show what came out: stats, picture; compare is beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.comparing import add_command as add_compare
from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job, add_order
from tui.words import how_far_words

if TYPE_CHECKING:
    from remote.views import Statistics
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands
    from tui.cli.truth import Score

_MATCH_RADIUS_ANGSTROM = 40.0  # a quarter of the tutorial's particle


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    stats = commands.add(
        "stats",
        show_statistics,
        "show the numbers of a job",
        about="Show the numbers of a job: picks per micrograph and figures of merit,\n"
        "particles, class distributions. docs/statistics.md explains each.",
        examples="  cryodeck stats LoG\n  cryodeck stats LoG --json\n"
        "  cryodeck stats LoG --truth truth.star\n"
        "  cryodeck stats Class2D/LoG -o classes.csv",
    )
    add_job(stats)
    stats.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        dest="file",
        type=Path,
        help="write them to a file, .csv (one number a line) or .json",
    )
    stats.add_argument(
        "--truth",
        metavar="FILE",
        type=Path,
        help="score the picks against this truth of `cryodeck simulate`",
    )
    stats.add_argument(
        "--radius",
        metavar="A",
        type=float,
        default=_MATCH_RADIUS_ANGSTROM,
        help="with --truth: a pick is right within so many Å of a particle's center",
    )
    add_compare(commands)
    picture = commands.add(
        "picture",
        show_picture,
        "show a micrograph with its picks, or class averages",
        about="Show a picture in the terminal, or write it to a PNG file: a\n"
        "micrograph with its picks, or the class averages of a 2D classification.\n"
        "In a terminal with kitty's protocol or sixel these are real pixels.",
        examples="  cryodeck picture LoG --micrograph 3\n"
        "  cryodeck picture LoG -o picks.png --width 1600\n"
        "  cryodeck picture Class2D/LoG --iteration 10\n"
        "  cryodeck picture Class2D/LoG --class 12 -o class12.png",
    )
    add_job(picture)
    picture.add_argument(
        "-o", "--output", metavar="FILE", dest="file", type=Path, help="write a PNG"
    )
    picture.add_argument(
        "--micrograph",
        metavar="N",
        default="1",
        help="which one: its number from 1, or a part of its name",
    )
    picture.add_argument(
        "--width",
        metavar="PX",
        type=int,
        help="pixels of the PNG, columns of a terminal",
    )
    picture.add_argument(
        "--lowpass", metavar="A", type=float, default=20.0, help="filter; 0: none"
    )
    picture.add_argument(
        "--class", metavar="N", dest="class_number", type=int, help="one class, large"
    )
    add_order(picture)
    picture.add_argument(
        "--highpass", metavar="A", type=float, default=0.0, help="filter; 0: none"
    )
    picture.add_argument(
        "--sigma",
        metavar="N",
        type=float,
        default=0.0,
        help="black and white lie so many deviations from the mean; 0: by the picture",
    )
    picture.add_argument(
        "--region",
        metavar="X,Y,W,H",
        help="only this part of the micrograph, in its pixels",
    )
    picture.add_argument(
        "--spectrum", action="store_true", help="the CTF power spectrum instead"
    )
    picture.add_argument(
        "--threshold", metavar="T", type=float, help="only picks of this FOM or better"
    )
    picture.add_argument(
        "--colors",
        metavar="RED,BLUE",
        help="values of the reddest and the bluest circle; default: the lowest and "
        "the highest",
    )
    picture.add_argument(
        "--color-by",
        metavar="LABEL",
        default="rlnAutopickFigureOfMerit",
        help="with --color-file: its column",
    )
    picture.add_argument(
        "--color-file",
        metavar="FILE",
        help="STAR file of the project whose column colors the circles, by place",
    )
    picture.add_argument("--no-picks", action="store_true", help="without circles")
    picture.add_argument(
        "--diameter",
        metavar="A",
        type=float,
        help="of the circles; default: the form's",
    )


async def show_statistics(invocation: Invocation) -> int:
    """Print the numbers of a job."""
    from tui.cli.reports import print_score, print_statistics

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    output = invocation.output
    statistics = await workspace.statistics(
        row.name, on_progress=lambda seen: output.status(how_far_words(seen))
    )
    output.clear_status()
    record: dict[str, Any] = {"job": row.name, **statistics.values}
    agreement = None
    if invocation.truth is not None:
        agreement = await score_of(
            workspace, row.name, invocation.truth, invocation.radius
        )
        record["score"] = agreement.record()
    output.result(record)
    for warning in statistics.warnings:
        output.warning(warning)
    if invocation.file is not None:
        _export(invocation, statistics)
        return DONE
    print_statistics(output, statistics)
    if agreement is not None:
        print_score(output, agreement)
    return DONE


def _export(invocation: Invocation, statistics: Statistics) -> None:
    """Write the numbers to a file on this machine."""
    from tui.exporting import as_csv, as_json, write_whole

    path: Path = invocation.file
    makers = {".csv": as_csv, ".json": as_json}
    make = makers.get(path.suffix.lower())
    if make is None:
        message = f"{path}: ends neither with .csv nor with .json"
        raise CommandFailure(message)
    write_whole(path, make(statistics))
    invocation.output.line(f"{path}: the numbers of {statistics.job}")


async def score_of(
    workspace: Workspace,
    name: str,
    truth: Path,
    radius_angstrom: float = _MATCH_RADIUS_ANGSTROM,
) -> Score:
    """Return the score of a picking job against a truth file."""
    from tui.cli.truth import read_truth, score

    known = read_truth(truth)
    picks: dict[str, list[tuple[float, float]]] = {}
    pixel_size = 0.0
    for micrograph in await workspace.micrographs(name):
        path = str(micrograph["name"])
        found = await workspace.picks(name, path)
        picks[Path(path).name] = list(zip(found.x, found.y, strict=True))
        if not pixel_size:
            small = await workspace.micrograph(name, path, width=32, height=32)
            pixel_size = small.pixel_size
    if not pixel_size:
        message = f"{name}: the pixel size of its micrographs is unknown"
        raise CommandFailure(message)
    return score(
        picks,
        known,
        radius_px=radius_angstrom / pixel_size,
        radius_angstrom=radius_angstrom,
    )


async def show_picture(invocation: Invocation) -> int:
    """Show a picture, or write it to a file."""
    from tui.cli.showing import show

    return await show(invocation)
