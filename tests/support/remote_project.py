"""A project on the test cluster, reached as a person's own machine reaches it."""

import asyncio
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from support.cluster import LiveCluster

from engine.jobs.job import Job
from remote.workspace import Workspace

#: an engine whose jobs do what their own file `behave` says
STAND_IN = """\
cd "$2" && say() { printf '{"t": %s, "kind": "%s"%s}\\n' "$(date +%s)" "$@"; }
. ./behave
"""


def simulate(folder: Path, *options: str) -> None:
    """Write small practice micrographs."""
    subprocess.run(
        [sys.executable, "-m", "engine", "simulate", folder, *options],
        check=True,
        capture_output=True,
        timeout=120,
    )


def place(live: LiveCluster, name: str, source: Path | None = None) -> Path:
    """A folder of the account's, with a copy of another's files."""
    target = live.home / name
    if source is None:
        target.mkdir(parents=True)
    else:
        shutil.copytree(source, target)
    (target / "stand_in.sh").write_text(STAND_IN)
    live.enter("chown", "-R", live.user, str(target))
    return target


async def open_project(live: LiveCluster, folder: Path, **profile) -> Workspace:
    """The folder as a project through SSH."""
    workspace = await Workspace.open(live.profile(**profile), str(folder))
    await workspace.create_project()
    return workspace


def stand_in(folder: Path) -> dict[str, object]:
    """Part of a profile: jobs are run by the stand-in of an engine."""
    return {"engine": f"bash {shlex.quote(f'{folder}/stand_in.sh')}", "setup": ()}


async def draft(workspace: Workspace, live: LiveCluster, behave: str) -> str:
    """A job that will do what a few lines of shell say."""
    job = Job.new("import", "4.0", {"do_queue": "Yes"})
    name = await workspace.create(job)
    folder = Path(workspace.project) / name
    (folder / "behave").write_text(behave + "\n")
    live.enter("chown", live.user, str(folder / "behave"))
    return name


def cut_connections(live: LiveCluster) -> int:
    """Kill the account's SSH sessions at the far end; how many there were."""
    listed = live.enter("ps", "-u", live.user, "-o", "pid=,comm=")
    pids = [line.split()[0] for line in listed.splitlines() if "sshd" in line]
    if pids:
        live.enter("kill", "-KILL", *pids, check=False)
    return len(pids)


async def until(workspace: Workspace, name: str, *states, seconds: float = 120.0):
    """The job's row once its verdict is one of some states."""
    deadline = time.monotonic() + seconds
    while True:
        overview = await workspace.overview()
        row = next(row for row in overview.jobs if row.name == name)
        if row.verdict.state in states:
            return row
        assert time.monotonic() < deadline, row.verdict
        await asyncio.sleep(0.2)
