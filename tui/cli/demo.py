"""The practice project: made once, finished if cut short, reopened ever after."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote.places import at_home
from tui.cli.failure import DONE, FAILED, CommandFailure

if TYPE_CHECKING:
    from remote.views import JobRow, Overview
    from tui.cli.invocation import Invocation

MICROGRAPHS = "micrographs_ctf.star"
TRUTH = "truth.star"
MICROGRAPHS_TYPE = "Micrographs STAR file (.star)"
# The tutorial's values for beta-galactosidase.
LOG_VALUES = {
    "do_log": "Yes",
    "log_diam_min": "150",
    "log_diam_max": "180",
    "log_adjust_thr": "0",
    "log_upper_thr": "5",
    "log_maxres": "20",
    "shrink": "0",
}


def demo(invocation: Invocation) -> int:
    """Make or reopen the practice project, then show it."""
    import asyncio

    from tui.cli.interface import require_terminal, run_interface
    from tui.cli.practice_cluster import NAME, make_cluster

    if not invocation.headless:
        require_terminal()
    folder = at_home(invocation.folder).absolute()
    _make_data(invocation, folder)
    invocation.arguments.host = "local"
    invocation.arguments.project = str(folder)
    if invocation.with_cluster:
        make_cluster(folder)
    asyncio.run(invocation.closing(_work(invocation)))
    if invocation.headless:
        return DONE
    host = NAME if invocation.with_cluster else "local"
    return run_interface(host=host, project=str(folder), read_only=invocation.read_only)


def _make_data(invocation: Invocation, folder: Path) -> None:
    """Simulate the practice set beside its place, and move it there whole."""
    import asyncio
    import shutil

    from engine.project.actions import create_project
    from tui.cli.practice import run_simulation

    if not (folder / TRUTH).is_file():
        if folder.exists() and any(folder.iterdir()):
            message = f"{invocation.folder} is neither a practice project nor empty"
            message = f"{message}; choose another folder"
            raise CommandFailure(message)
        invocation.output.line(f"simulating micrographs in {invocation.folder} ...")
        started = time.monotonic()
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            status = asyncio.run(run_simulation(part, ["--size", "quick"], quiet=True))
            if status != 0:
                message = "the simulation failed (its complaint stands above)"
                raise CommandFailure(message, FAILED)
            part.replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        took = time.monotonic() - started
        invocation.output.line(f"simulated in {took:.1f} s")
    create_project(str(folder))


async def _work(invocation: Invocation) -> int:
    """Run what the practice project still lacks; print the results if headless."""
    from tui.cli.practice_cluster import make_drafts

    workspace = await invocation.workspace()
    overview = await workspace.overview()
    await finished(
        invocation,
        overview,
        "import",
        "micrographs",
        {
            "do_raw": "No",
            "do_other": "Yes",
            "fn_in_other": MICROGRAPHS,
            "node_type": MICROGRAPHS_TYPE,
        },
    )
    overview = await workspace.overview()
    source = named(overview, "import", "micrographs")
    assert source is not None
    picked = await finished(
        invocation,
        overview,
        "autopick",
        "LoG",
        LOG_VALUES | {"fn_input_autopick": f"{source.name}/{MICROGRAPHS}"},
    )
    if named(await workspace.overview(), "autopick", "fewer") is None:
        await _draft(invocation, picked)
    if invocation.tutorial:
        await _walk(invocation, f"{source.name}/{MICROGRAPHS}")
    elif invocation.with_cluster:
        await make_drafts(invocation, f"{source.name}/{MICROGRAPHS}", picked)
    elif invocation.headless:
        await _show_results(invocation, picked)
    return DONE


async def _walk(invocation: Invocation, micrographs: str) -> None:
    """Go through the tutorial's chapter, and say what each step left."""
    from tui.cli.chapter import Chapter, described

    truth = Path(invocation.project) / TRUTH
    steps = await Chapter(invocation=invocation, truth=truth).walk(micrographs)
    invocation.output.result({"project": invocation.project, "steps": steps})
    for step in steps:
        invocation.output.line(described(step))


async def finished(
    invocation: Invocation,
    overview: Overview,
    type_key: str,
    alias: str,
    values: dict[str, str],
) -> str:
    """Return the name of a finished job, running it first if there is none."""
    from tui.cli.following import outcome_of

    workspace = await invocation.workspace()
    row = named(overview, type_key, alias)
    if row is not None and row.verdict.state.value == "succeeded":
        return row.name
    if row is None or row.verdict.state.value != "running":
        job = await workspace.defaults(type_key, last_used=False)
        for key, value in values.items():
            job = job.replace(key, value)
        given = alias if row is None else ""
        name = await workspace.create(job, alias=given)
        invocation.output.line(f"{name} ({alias}) ...")
        await workspace.run(name)
    else:
        name = row.name
    over = await _until_over(invocation, name)
    if outcome_of(over) != DONE:
        message = f"{name}: {over.verdict.state.value}: {over.verdict.reason}"
        raise CommandFailure(message, outcome_of(over))
    return name


async def _until_over(invocation: Invocation, name: str) -> JobRow:
    from tui.cli.following import watch

    return (await watch(invocation, [name]))[0]


def named(overview: Overview, type_key: str, alias: str) -> JobRow | None:
    """Return the job of a type with an alias; None if there is none."""
    from tui.cli.listing import alias_of

    jobs = [job for job in overview.jobs if job.type == type_key]
    return next((job for job in jobs if alias_of(job) == alias), None)


async def _draft(invocation: Invocation, source: str) -> None:
    """Leave a draft behind, so that a newcomer has something to start."""
    if invocation.read_only:
        return
    workspace = await invocation.workspace()
    job = (await workspace.load_job(source)).continued(False)
    await workspace.create(job.replace("log_adjust_thr", "0.5"), alias="fewer")


async def _show_results(invocation: Invocation, name: str) -> None:
    """Print statistics, the score against the truth, and a picture."""
    from tui.cli.reports import print_score, print_statistics
    from tui.cli.results import score_of
    from tui.cli.showing import small_picture

    workspace = await invocation.workspace()
    output = invocation.output
    statistics = await workspace.statistics(name)
    truth = Path(invocation.project) / TRUTH
    agreement = await score_of(workspace, name, truth)
    record: dict[str, Any] = {"project": invocation.project, "job": name}
    output.result(
        record | {"statistics": statistics.values, "score": agreement.record()}
    )
    print_statistics(output, statistics)
    print_score(output, agreement)
    if not output.as_json:
        first = (await workspace.micrographs(name))[0]["name"]
        output.line()
        output.line(first, "dim")
        canvas = await small_picture(workspace, name, first)
        output.picture(canvas)
