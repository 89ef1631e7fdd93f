"""A project on this machine with very many finished jobs and some that really run."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import time
from pathlib import Path

from engine.project.actions import create_project
from remote.cluster import Cluster
from remote.workspace import Workspace

ENGINE = Path(__file__).with_name("slow_engine.py")


def make_finished(folder: Path, count: int) -> None:
    """A project with so many finished jobs, folders and markers included."""
    create_project(str(folder))
    path = folder / "default_pipeline.star"
    names = [f"Class2D/job{i:05d}/" for i in range(1, count + 1)]
    processes = "\n".join(f"{n} None relion.class2d Succeeded" for n in names)
    path.write_text(
        "# version 30001\n\ndata_pipeline_general\n\n"
        f"_rlnPipeLineJobCounter {count + 1}\n\n"
        "data_pipeline_processes\n\nloop_\n_rlnPipeLineProcessName #1\n"
        "_rlnPipeLineProcessAlias #2\n_rlnPipeLineProcessTypeLabel #3\n"
        f"_rlnPipeLineProcessStatusLabel #4\n{processes}\n\n"
    )
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "RELION_JOB_EXIT_SUCCESS").touch()


def profile(lines_a_second: float, minutes: float) -> Cluster:
    """This machine, whose engine only writes logs."""
    engine = f"{shlex.quote(sys.executable)} {shlex.quote(str(ENGINE))}"
    setup = (
        f"export SLOW_LINES={lines_a_second:g}",
        f"export SLOW_MINUTES={minutes:g}",
    )
    return Cluster(
        name="local", session="local", scheduler="shell", engine=engine, setup=setup
    )


async def start_jobs(cluster: Cluster, folder: Path, count: int) -> list[str]:
    """Have jobs run; their names."""
    listed = folder / "micrographs.star"
    listed.write_text("data_\n\nloop_\n_rlnMicrographName #1\nmic1.mrc\n")
    workspace = await Workspace.open(cluster, str(folder))
    names = []
    for _ in range(count):
        job = await workspace.defaults("autopick")
        job = job.replace("do_log", True).replace("fn_input_autopick", listed.name)
        name = await workspace.create(job)
        await workspace.run(name)
        names.append(name)
    await workspace.close()
    return names


def abort_jobs(folder: Path, names: list[str]) -> None:
    """Stop them by their process groups, and wait until they have written so."""
    for name in names:
        for record in (folder / name / ".cryodeck").glob("*.started"):
            for line in record.read_text().splitlines():
                if line.startswith("process="):
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(os.getpgid(int(line[8:])), signal.SIGTERM)
    end = time.monotonic() + 10
    while time.monotonic() < end and not all(
        any((folder / name / ".cryodeck").glob("*.ended")) for name in names
    ):
        time.sleep(0.1)
