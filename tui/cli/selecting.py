"""Commands that choose: select-classes, select-micrographs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.class_selection import cleared_form, score_of
from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job

if TYPE_CHECKING:
    import argparse

    from engine.jobs.job import Job
    from remote.views import JobRow
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    classes = commands.add(
        "select-classes",
        select_classes,
        "keep some classes of a 2D classification, as templates or to go on with",
        changes=True,
        about="Make and run a Subset selection of a 2D classification's newest\n"
        "result: its particles, and its averages, re-centered to be templates.",
        examples="  cryodeck select-classes Class2D/LoG --classes 1,4,9\n"
        "  cryodeck select-classes Class2D/LoG --best 4 --alias templates4autopick\n"
        "  cryodeck select-classes Class2D/LoG --min-particle-score 0.3",
    )
    add_job(classes)
    which = classes.add_mutually_exclusive_group()
    which.add_argument(
        "--classes", metavar="LIST", help="their numbers: 1,4,9 or 1-5 8"
    )
    which.add_argument("--best", metavar="N", type=int, help="the N best by score")
    which.add_argument(
        "--min-score", metavar="X", type=_score, help="all of this score or more"
    )
    classes.add_argument(
        "--min-particle-score",
        metavar="X",
        type=_score,
        help="leave out particles that score below X (0 to 1): junk that strayed into\n"
        "good classes. Without any of the above: of all classes",
    )
    classes.add_argument(
        "--different",
        action="store_true",
        help="of the best leave out views like a better one's (with --best)",
    )
    classes.add_argument(
        "--no-recenter", action="store_true", help="leave the averages where they are"
    )
    _add_running(classes)
    micrographs = commands.add(
        "select-micrographs",
        select_micrographs,
        "keep some micrographs of a job's list",
        changes=True,
        examples="  cryodeck select-micrographs micrographs --first 5 --alias 5mics",
    )
    add_job(micrographs)
    which = micrographs.add_mutually_exclusive_group(required=True)
    which.add_argument("--first", metavar="N", type=int, help="the first N of the list")
    which.add_argument("--rows", metavar="LIST", help="their numbers: 1,4,9 or 1-5 8")
    _add_running(micrographs)


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alias", metavar="A", default="", help="a second name")
    parser.add_argument(
        "--draft", action="store_true", help="only make the draft, run nothing"
    )


def _score(text: str) -> float:
    """Return the number of an option that is a score."""
    from argparse import ArgumentTypeError  # not for `cryodeck --help`

    score = score_of(text)
    if score:
        return score
    message = f"{text}: a score is a number above 0, at most 1, like 0.3"
    raise ArgumentTypeError(message)


#: Correlation above which two class averages show one view (docs/selection.md).
_MOST_ALIKE = "0.9"


async def select_classes(invocation: Invocation) -> int:
    """Keep some classes of a 2D classification."""
    if invocation.different and invocation.best is None:
        message = "--different goes with --best N: it leaves out some of the best"
        raise CommandFailure(message)
    rules = {
        "cryodeck_classes": invocation.classes,
        "cryodeck_best": invocation.best,
        "cryodeck_min_score": invocation.min_score,
        "cryodeck_min_particle_score": invocation.min_particle_score,
    }
    stated = {key: str(value) for key, value in rules.items() if value is not None}
    if not stated:
        message = (
            "say which classes: --classes LIST, --best N or --min-score X, or which "
            "particles of all: --min-particle-score X"
        )
        raise CommandFailure(message)
    row = await invocation.find(invocation.job)
    if invocation.classes is not None:
        await _require_classes(invocation, row.name)
    model = _newest_model(row)
    job = await (await invocation.workspace()).defaults("select", last_used=False)
    ending = "_model.star" if job.version == "3.1" else "_optimiser.star"
    job = cleared_form(job).replace("fn_model", model.replace("_model.star", ending))
    job = job.replace("do_recenter", not invocation.no_recenter)
    for key, value in stated.items():
        job = job.replace(key, value)
    if invocation.different:
        job = job.replace("cryodeck_most_alike", _MOST_ALIKE)
    return await _run(invocation, job)


def _newest_model(row: JobRow) -> str:
    """Return the model file of a classification's newest whole iteration."""
    listed = sorted((node.name for node in row.outputs), reverse=True)
    for name in (row.continue_from, *listed):
        for ending in ("_optimiser.star", "_model.star"):
            if name.endswith(ending):
                return name.removesuffix(ending) + "_model.star"
    message = (
        f"{row.name} has no classes: it is not a 2D classification, or no "
        "iteration has ended yet"
    )
    raise CommandFailure(message)


async def _require_classes(invocation: Invocation, name: str) -> None:
    """Refuse numbers that the classification does not have, before a job is made."""
    from tui.ticking import numbers_of

    said = await (await invocation.workspace()).statistics(name)
    most = len(said.values.get("classes") or ())
    if most and numbers_of(invocation.classes, most) is None:
        message = (
            f"--classes {invocation.classes}: {name} has the classes 1 to {most}; "
            "write 1,4,9 or 1-5 8"
        )
        raise CommandFailure(message)


async def select_micrographs(invocation: Invocation) -> int:
    """Keep some micrographs of a list."""
    row = await invocation.find(invocation.job)
    job = await (await invocation.workspace()).defaults("select", last_used=False)
    job = cleared_form(job).replace("fn_mic", _output(row, "micrograph"))
    if invocation.first is not None:
        job = job.replace("cryodeck_first", str(invocation.first))
    else:
        job = job.replace("cryodeck_rows", invocation.rows)
    return await _run(invocation, job)


def _output(row: JobRow, wanted: str) -> str:
    """Return a job's newest output whose file is of the wanted kind."""
    found = sorted(
        node.name for node in row.outputs if wanted in node.name.rpartition("/")[2]
    )
    if not found:
        names = ", ".join(node.name for node in row.outputs) or "nothing"
        message = (
            f"{row.name} has no {wanted.strip('_')} to select from; it made {names}"
        )
        raise CommandFailure(message)
    return found[-1]


async def _run(invocation: Invocation, job: Job) -> int:
    """Make the selection, and run and await it unless only a draft is wanted."""
    from tui.cli.control import submit
    from tui.cli.drafting import require_valid
    from tui.cli.following import wait_until_over

    workspace = await invocation.workspace()
    await require_valid(invocation, job, continuing=False)
    name = await workspace.create(job, alias=invocation.alias)
    if invocation.draft:
        invocation.output.line(f"{name}: draft made")
        invocation.output.result({"job": name, "alias": invocation.alias})
        return DONE
    await submit(invocation, name, continuing=False)
    return await wait_until_over(invocation, [name])
