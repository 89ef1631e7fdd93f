"""Job arrays and heterogeneous jobs of a site's template, in a real Slurm."""

import asyncio

import pytest
from support import remote_project as far

from remote.views import JobState

pytestmark = pytest.mark.cluster

TEMPLATE = """\
#!/bin/bash
#SBATCH --output=XXXoutfileXXX --open-mode=append --mem=100
#SBATCH --error=XXXerrfileXXX
#SBATCH {more}
XXXcommandXXX
"""
FIVE = "--array=1-5%2"
TWO_PARTS = "--ntasks=1\n#SBATCH hetjob\n#SBATCH --ntasks=2 --mem=100"
SUCCEED = "touch RELION_JOB_EXIT_SUCCESS"


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch):
    monkeypatch.setattr("remote.operations.ABORT_WAIT_S", 0.5)


@pytest.fixture
async def workspace(cluster, request):
    folder = far.place(cluster, f"many; {request.node.name[:30]}")
    opened = await far.open_project(cluster, folder, **far.stand_in(folder))
    yield opened
    await opened.close()


async def start(cluster, workspace, more, behave):
    """A job by a site's template of its own, and its id."""
    name = await far.draft(workspace, cluster, behave)
    path = cluster.home / f"template {name.replace('/', ' ')}"
    path.write_text(TEMPLATE.format(more=more))
    workspace.cluster = cluster.profile(
        template=str(path), **far.stand_in(workspace.project)
    )
    return name, await workspace.run(name)


async def until_said(workspace, name, words):
    """The running job's row once its reason has some words."""
    while True:
        row = await far.until(workspace, name, JobState.QUEUED, JobState.RUNNING)
        if words in row.verdict.reason:
            return row
        await asyncio.sleep(0.1)


def rows(cluster, number):
    return cluster.shell(f"squeue -h -r -j {number} -o '%i %T'").splitlines()


async def test_an_array_has_ended_when_its_last_task_has(cluster, workspace):
    wait = f"{SUCCEED}; until [ -e go ]; do sleep 0.1; done"
    name, number = await start(cluster, workspace, FIVE, wait)
    assert number.isdigit()
    row = await until_said(workspace, name, "array 0/5 done, 2 running; on cpu")
    assert (row.verdict.state, row.status) == (JobState.RUNNING, "Running")
    marker = cluster.home / workspace.project / name / "RELION_JOB_EXIT_SUCCESS"
    while not marker.exists():  # of the first tasks: RELION writes one for each
        await asyncio.sleep(0.05)
    row = await until_said(workspace, name, "2 running")
    assert row.status == "Running"
    scheduler = next(w for w in row.verdict.witnesses if w.name == "scheduler")
    assert scheduler.says == "array 0/5 done, 2 running; RUNNING"
    (marker.parent / "go").touch()
    row = await workspace.wait(name, timeout=120)
    assert (row.verdict.state, row.scheduler_id) == (JobState.SUCCEEDED, number)
    assert (await far.until(workspace, name, JobState.SUCCEEDED)).status == "Succeeded"
    ended = cluster.home / workspace.project / name / ".cryodeck"
    assert len(list(ended.glob("*.task*.ended"))) == 5
    assert rows(cluster, number) == []


async def test_the_task_that_failed_is_named(cluster, workspace):
    fails = (
        "[ $SLURM_ARRAY_TASK_ID != 3 ] || "
        "{ echo 'ERROR: no such micrograph: m3.mrc' >&2; exit 7; }"
    )
    name, _ = await start(cluster, workspace, FIVE, fails)
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.FAILED
    assert row.verdict.reason == (
        "array: 1 of 5 tasks failed; task 3: ERROR: no such micrograph: m3.mrc"
    )
    assert row.status == "Failed"


async def test_an_array_is_cancelled_with_what_still_waits(cluster, workspace):
    name, number = await start(cluster, workspace, FIVE, "sleep 60")
    await until_said(workspace, name, "2 running")
    assert len(rows(cluster, number)) == 5
    assert await workspace.abort(name) == "cancelled with the scheduler"
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.ABORTED
    assert row.verdict.reason.startswith(
        f"array: 5 of 5 tasks cancelled; task 1: cancelled by {cluster.user} through"
    )
    assert rows(cluster, number) == []


async def test_a_heterogeneous_job_is_one_job(cluster, workspace):
    behave = f"sleep 1; env | grep HET >>het; {SUCCEED}"
    name, number = await start(cluster, workspace, TWO_PARTS, behave)
    row = await far.until(workspace, name, JobState.RUNNING)
    assert row.verdict.reason.startswith("on cpu")
    other, second = await start(cluster, workspace, TWO_PARTS, "sleep 60")
    row = await workspace.wait(name, timeout=120)
    assert (row.verdict.state, row.scheduler_id) == (JobState.SUCCEEDED, number)
    said = (cluster.home / workspace.project / name / "het").read_text()
    assert "SLURM_HET_SIZE=2" in said
    await far.until(workspace, other, JobState.RUNNING)
    cluster.shell(f"scancel {second}")
    row = await workspace.wait(other, timeout=120)
    assert row.verdict.state is JobState.ABORTED
    assert row.verdict.reason.startswith(f"cancelled by {cluster.user}, not through")
