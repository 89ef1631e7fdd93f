"""The practice project's own cluster, on which jobs fail on purpose."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation

NAME = "practice"
SIMULATED = (
    "the scheduler of the cluster `practice` is simulated: its jobs run on this "
    "machine, and some are killed on purpose"
)
#: alias -> partition, and what its job teaches
DRAFTS = {
    "finishes": ("debug", "It waits, runs and finishes."),
    "out-of-memory": (
        "small-memory",
        "Its node has 64 MB, and the job needs more: it is killed before there is "
        "anything to continue. Make a new job from it, in the partition debug.",
    ),
    "time-limit": (
        "short",
        "Its partition gives 3 seconds, and the job needs more. Continue! it in the "
        "partition debug: it goes on from its last iteration.",
    ),
    "node-failure": (
        "flaky",
        "Its node fails after 3 seconds. Continue! it in the partition debug: it goes "
        "on from its last iteration.",
    ),
}
_PARTICLES = {"extract_size": "64"}
_CLASSES = {
    "nr_classes": "15",
    "particle_diameter": "200",
    "do_em": "Yes",
    "do_grad": "No",
    "nr_iter_em": "25",
    "do_queue": "Yes",
}


def make_cluster(folder: Path) -> None:
    """Write the cluster's commands into the project, and its profile."""
    from remote import cluster as profiles
    from tui.practice.slurm import COMMANDS
    from tui.practice.submit import command

    if not Path("/proc/self/stat").exists():
        message = "the practice cluster needs Linux: it looks at jobs through /proc"
        raise CommandFailure(message)
    hidden = folder / ".practice"
    programs = hidden / "bin"
    if any(cluster.name == NAME for cluster in profiles.load_all()):
        known = profiles.load(NAME).scheduler_bin
        if known != str(programs):
            message = (
                f"there is another cluster named {NAME}; "
                f"`cryodeck hosts remove {NAME}` forgets it"
            )
            raise CommandFailure(message)
    programs.mkdir(parents=True, exist_ok=True)
    for one in COMMANDS:
        words = shlex.join([*command(hidden / "jobs"), one.__name__])
        path = programs / one.__name__
        path.write_text(
            f'#!/bin/sh\n# simulated, see cryodeck demo\nexec {words} "$@"\n'
        )
        path.chmod(0o755)
    profiles.save(
        profiles.Cluster(
            name=NAME,
            session="local",
            scheduler="slurm",
            scheduler_bin=str(programs),
            engine=profiles.load("local").engine,
            queue="debug",
            poll_s=1.0,
            projects=(str(folder),),
        )
    )


async def make_drafts(invocation: Invocation, micrographs: str, picked: str) -> None:
    """Extract particles, and leave a draft for each partition."""
    from tui.cli.demo import finished, named

    workspace = await invocation.workspace()
    values = {"star_mics": micrographs, "coords_suffix": f"{picked}/autopick.star"}
    overview = await workspace.overview()
    source = await finished(
        invocation, overview, "extract", "particles", values | _PARTICLES
    )
    made = {}
    for alias, (partition, lesson) in DRAFTS.items():
        row = named(await workspace.overview(), "class2d", alias)
        if row is None:
            job = await workspace.defaults("class2d", last_used=False)
            more = {"fn_img": f"{source}/particles.star", "queuename": partition}
            for key, value in (_CLASSES | more).items():
                job = job.replace(key, value)
            if alias == "finishes":
                job = job.replace("nr_iter_em", "3").replace("nr_classes", "5")
            name = await workspace.create(job, alias=alias)
            await workspace.note(name, f"{SIMULATED}.\n{lesson}\n")
        else:
            name = row.name
        made[alias] = name
    output = invocation.output
    output.line(SIMULATED)
    for alias, name in made.items():
        partition, lesson = DRAFTS[alias]
        output.line(f"  {name} ({alias}), partition {partition}: {lesson}")
    where = f"--host {NAME} --project {shlex.quote(invocation.project)}"
    output.line(f"start them with Run!, or: cryodeck run JOB {where}")
    output.line(f"to undo it: cryodeck hosts remove {NAME}, and delete the folder")
    output.result({"project": invocation.project, "host": NAME, "drafts": made})
