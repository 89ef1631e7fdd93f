"""Jobs in cgroups: what takes too much memory is ended by the kernel."""

import os
from pathlib import Path

import pytest
from support import remote_project as far
from support.cluster import start, stop

from remote.views import JobState

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/sys/fs/cgroup/memory/tasks").exists(),
        reason="this machine has no memory controller of cgroup v1",
    ),
]
HUNGRY = "/usr/bin/python3 -c 'x = b\"x\" * 400000000'"


@pytest.fixture
def confined():
    """Sshd, Slurm with accounting, and jobs in cgroups."""
    options = ("--confine", "--gpu-nodes", "0")
    live = start(Path(f"/tmp/cryodeck-cg-{os.getpid()}"), *options)
    yield live
    stop(live)


async def test_what_the_kernel_ends_for_its_memory_is_told(confined):
    folder = far.place(confined, "confined")
    stand_in = {**far.stand_in(folder), "memory": "60M"}
    workspace = await far.open_project(confined, folder, **stand_in)
    cases = {
        "the script's own program": HUNGRY,
        "a step's program": f"srun {HUNGRY}",
        "one that the script outlives": f"{HUNGRY}; sleep 1; exit 3",
        "a program not needed": f"{HUNGRY}; touch RELION_JOB_EXIT_SUCCESS",
    }
    names = {c: await far.draft(workspace, confined, b) for c, b in cases.items()}
    ids = {case: await workspace.run(name) for case, name in names.items()}
    rows = {c: await workspace.wait(name, timeout=90) for c, name in names.items()}
    await workspace.close()
    accounts = confined.shell("sacct -a -n -P -o JobID,State,ExitCode")
    log = (confined.folder / "log/slurmd-cpu1.log").read_text()
    assert "oom-kill event(s)" in log, log  # by the kernel, not by polling
    assert rows["a program not needed"].verdict.state is JobState.SUCCEEDED
    for case in list(cases)[:3]:
        verdict = rows[case].verdict
        assert verdict.state is JobState.OUT_OF_MEMORY, (case, verdict, accounts, ids)
        assert verdict.reason.startswith("killed for taking too much memory after 00:")
        assert "ask for more memory" in verdict.advice
        assert rows[case].status == "Failed"
