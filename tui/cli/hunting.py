"""The threshold hunt as a command: what other values would pick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import DONE, CommandFailure
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands
    from tui.hunting import Hunt, Trial


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    hunt = commands.add(
        "hunt",
        hunt_threshold,
        "predict how many picks other thresholds would keep",
        about="Predict, from the picks that a job has stored, how many other\n"
        "thresholds and least distances would keep on each micrograph. Nothing is\n"
        "run; the command that picks with the last of the values is printed.",
        examples="  cryodeck hunt templates --threshold 0.3 --threshold 0.4\n"
        "  cryodeck hunt templates --threshold 0.3 --distance 120 --json\n"
        "  cryodeck hunt LoG --threshold 0.5        (in spreads above the mean)",
    )
    add_job(hunt)
    hunt.add_argument(
        "--threshold",
        metavar="T",
        type=float,
        action="append",
        help="picking threshold, or of Laplacian picks the adjustment in spreads; "
        "may be given several times",
    )
    hunt.add_argument(
        "--distance", metavar="A", type=float, help="least distance of picks in Å"
    )


async def hunt_threshold(invocation: Invocation) -> int:
    """Print how many picks each of the values would keep."""
    from tui.hunting import Hunt, Trial, levels_of

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    if row.type != "autopick":
        message = (
            f"{row.name} is not a picking job; only those have a threshold to hunt"
        )
        raise CommandFailure(message)
    job = await workspace.load_job(row.name)
    levels = {}
    if job.flag("do_log", False):
        levels = levels_of(await workspace.statistics(row.name))
    hunt = Hunt(await workspace.job_picks(row.name), job, levels)
    if hunt.trouble:
        message = f"{row.name}: {hunt.trouble}"
        raise CommandFailure(message)
    distance = invocation.distance
    distance = hunt.own.distance if distance is None else distance
    wanted = invocation.threshold or [hunt.own.threshold]
    trials = [Trial(threshold, distance) for threshold in wanted]
    _print(invocation, row.name, hunt, trials)
    return DONE


def _print(invocation: Invocation, name: str, hunt: Hunt, trials: list[Trial]) -> None:
    output = invocation.output
    names = [picks.micrograph for picks in hunt.found.picks]
    counts = [hunt.counts(trial) for trial in trials]
    again = hunt.values(trials[-1], continuing=hunt.may_continue)
    settings = " ".join(f"--set {key}={value}" for key, value in again.items())
    command = f"cryodeck new autopick --from {name} {settings} --run"
    if hunt.may_continue:
        command = f"cryodeck continue {name} {settings}"
    output.result(
        {
            "job": name,
            "unit": "sigma" if hunt.is_log else "fom",
            "own": {"threshold": hunt.own.threshold, "distance": hunt.own.distance},
            "stored": hunt.total,
            "trials": [
                {
                    "threshold": trial.threshold,
                    "distance": trial.distance,
                    "picks": sum(found),
                    "certainty": hunt.certainty(trial)[0],
                    "why": hunt.certainty(trial)[1],
                    "by_micrograph": dict(zip(names, found, strict=True)),
                }
                for trial, found in zip(trials, counts, strict=True)
            ],
            "command": command,
        }
    )
    heads = ["Micrograph", *(f"{trial.threshold:g}" for trial in trials)]
    rows = [
        [micrograph, *(str(found[i]) for found in counts)]
        for i, micrograph in enumerate(names)
    ]
    rows.append(["all", *(str(sum(found)) for found in counts)])
    output.table(heads, rows)
    for trial in trials:
        certainty, why = hunt.certainty(trial)
        output.line(f"{trial.threshold:g}, {trial.distance:g} Å: {certainty}, {why}")
    output.line(command, "dim")
