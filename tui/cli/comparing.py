"""The command `compare`: two jobs side by side, or one done by both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.class_matches import agreement, class_matches, match_lines
from tui.cli.failure import DONE, CommandFailure
from tui.cli.formats import number
from tui.words import how_far_words

if TYPE_CHECKING:
    from remote.views import JobRow
    from tui.cli.invocation import Invocation
    from tui.cli.output import Output
    from tui.cli.parser import Commands

_WITHIN_ANGSTROM = 40.0  # a quarter of the tutorial's particle
_PICKING = ("autopick", "manualpick")


def add_command(commands: Commands) -> None:
    """Add the command."""
    compare = commands.add(
        "compare",
        compare_jobs,
        "compare the numbers, options and picks of two jobs of one type",
        about="Say in what two jobs of one type differ: options, numbers, for picking\n"
        "jobs how many picks they share, for 2D classifications which class of B\n"
        "holds most of each class of A. With --engines, do job A once more by the\n"
        "other engine (RELION's executables, or cryodeck's) and compare; with\n"
        "--first N both do only the first N micrographs of A's list.",
        examples="  cryodeck compare LoG fewer\n"
        "  cryodeck compare LoG --engines --first 3",
    )
    compare.add_argument("job", metavar="A", help="number, name or alias")
    compare.add_argument("other", metavar="B", nargs="?", help="number, name or alias")
    compare.add_argument(
        "--within",
        metavar="A",
        type=float,
        default=_WITHIN_ANGSTROM,
        help="picks this many Å apart are still the same one, and particles of "
        "other extractions the same particle [40]",
    )
    compare.add_argument(
        "--engines", action="store_true", help="A against the same by the other engine"
    )
    compare.add_argument(
        "--first", metavar="N", type=int, help="with --engines: only N micrographs"
    )


async def compare_jobs(invocation: Invocation) -> int:
    """Print what differs between two jobs: options, numbers, picks."""
    if not 0 < invocation.within < float("inf"):
        message = f"--within {invocation.within:g}: a distance in Å, above 0"
        raise CommandFailure(message)
    first, second = await _rows(invocation)
    if first.type != second.type:
        types = f"{first.name} is {first.type}, {second.name} is {second.type}"
        message = f"{types}: compare two of one type"
        raise CommandFailure(message)
    workspace = await invocation.workspace()
    jobs = [await workspace.load_job(row.name) for row in (first, second)]
    numbers = [(await workspace.statistics(r.name)).values for r in (first, second)]
    keys = [k for k in jobs[0].values if k in jobs[1].values]
    options = {
        key: [job.text(key) for job in jobs]
        for key in keys
        if jobs[0].text(key) != jobs[1].text(key)
    }
    singles = {
        key: [values.get(key) for values in numbers]
        for key, value in numbers[0].items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    output = invocation.output
    names = [first.name, second.name]
    record: dict[str, Any] = {"jobs": names, "options": options, "numbers": singles}
    overlap = None
    if first.type in _PICKING:
        overlap = await workspace.overlap(*names, within_angstrom=invocation.within)
        record["overlap"] = overlap
    classes = None
    if first.type == "class2d":
        classes = await workspace.class_overlap(
            *names,
            within_angstrom=invocation.within,
            on_progress=lambda seen: output.status(how_far_words(seen)),
        )
        output.clear_status()
        record["classes"] = _class_record(classes)
    output.result(record)
    heads = ("", *(">" + name for name in names))
    output.line("options that differ", "bold")
    output.table(
        heads, [(key, *(v or "(empty)" for v in options[key])) for key in options]
    )
    output.line()
    output.line("numbers", "bold")
    output.table(heads, [(key, *(number(v) for v in singles[key])) for key in singles])
    if overlap is not None:
        _print_overlap(output, names, overlap)
    if classes is not None:
        output.line()
        output.drawing(match_lines(classes, (names[0], names[1]), output.width))
    return DONE


def _class_record(answer: dict[str, Any]) -> dict[str, Any]:
    """What `--json` says of two classifications, class by class and both ways."""
    keys = ("matched_by", "within_angstrom", "iterations", "particles", "shared")
    return {
        **{key: answer[key] for key in keys},
        "agreement": agreement(answer),
        "first": [match.record() for match in class_matches(answer)],
        "second": [match.record() for match in class_matches(answer, side=1)],
    }


def _print_overlap(output: Output, names: list[str], overlap: dict[str, Any]) -> None:
    rows = list(overlap["micrographs"])
    output.line()
    within = number(overlap["within_angstrom"])
    output.line(f"picks, and how many of them are the same within {within} Å", "bold")
    if not rows:
        output.line("no micrograph has been picked by both")
        return
    total = {
        key: sum(row[key] for row in rows) for key in ("first", "second", "shared")
    }
    rows.append({"name": "together", **total})
    cells = [
        (
            str(row["name"]).rpartition("/")[2],
            str(row["first"]),
            str(row["second"]),
            str(row["shared"]),
            _share(row["shared"], row["first"]),
            _share(row["shared"], row["second"]),
        )
        for row in rows
    ]
    heads = ("", *(">" + name for name in names), ">shared", ">of first", ">of second")
    output.table(heads, cells)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


async def _rows(invocation: Invocation) -> tuple[JobRow, JobRow]:
    """Return the two jobs, once both engines have done theirs if that is wanted."""
    first = await invocation.find(invocation.job)
    if not invocation.engines:
        if invocation.first is not None:
            message = "--first goes with --engines"
            raise CommandFailure(message)
        if not invocation.other:
            message = "compare needs a second job, or --engines"
            raise CommandFailure(message)
        return first, await invocation.find(invocation.other)
    if invocation.other:
        message = "--engines makes the second job itself; leave B away"
        raise CommandFailure(message)
    if invocation.read_only:
        message = "compare --engines runs jobs, and --read-only forbids it"
        raise CommandFailure(message)
    names = await _by_both(invocation, first)
    return await invocation.find(names[0]), await invocation.find(names[1])


async def _by_both(invocation: Invocation, row: JobRow) -> list[str]:
    """Run a job's form by the other engine, and by its own if on a subset."""
    from engine.jobs.running import ENGINE_KEY, ENGINES

    workspace = await invocation.workspace()
    form = (await workspace.load_job(row.name)).continued(False)
    if not form.type.engine_can:
        message = f"{row.name}: cryodeck's engine does no {form.type.key} jobs"
        raise CommandFailure(message)
    own = form.engine
    other = next(engine for engine in ENGINES if engine != own)
    wanted = [other]
    if invocation.first is not None:
        if row.type != "autopick":
            message = f"--first is for picking jobs; {row.name} is {row.type}"
            raise CommandFailure(message)
        form = form.replace("fn_input_autopick", await _subset(invocation, form))
        wanted = [own, other]
    names = []
    for engine in wanted:
        job = form.replace(ENGINE_KEY, engine)
        names.append(await _done(invocation, job))
    return names if invocation.first is not None else [row.name, *names]


async def _subset(invocation: Invocation, form: Any) -> str:
    """Return a list of the first micrographs, which a selection has made."""
    workspace = await invocation.workspace()
    from tui.class_selection import cleared_form

    source = form.text("fn_input_autopick")
    job = cleared_form(await workspace.defaults("select", last_used=False)).replace(
        "fn_mic", source
    )
    job = job.replace("cryodeck_first", str(invocation.first))
    name = await _done(invocation, job)
    row = await invocation.find(name)
    return next(node.name for node in row.outputs if "micrographs" in node.name)


async def _done(invocation: Invocation, job: Any) -> str:
    """Make, run and await a job; its name."""
    from tui.cli.control import submit
    from tui.cli.drafting import require_valid
    from tui.cli.following import outcome_of, watch

    workspace = await invocation.workspace()
    await require_valid(invocation, job, continuing=False)
    name = await workspace.create(job)
    await submit(invocation, name, continuing=False)
    row = (await watch(invocation, [name]))[0]
    if outcome_of(row) != DONE:
        message = f"{name}: {row.verdict.state.value}: {row.verdict.reason}"
        raise CommandFailure(message, outcome_of(row))
    return name
