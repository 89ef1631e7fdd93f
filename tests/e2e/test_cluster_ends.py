"""Ends and waits that a cluster must be made to have: memory, preemption, requeue."""

import asyncio
from pathlib import Path

import pytest
from support import remote_project as far

from remote.views import JobState

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PREEMPTION = """
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=urgent Nodes=cpu[1-2] PriorityTier=10 MaxTime=INFINITE State=UP
"""


@pytest.fixture
async def workspace(own_cluster):
    """Slurm without accounting, where a job of another partition pushes others out."""
    config = own_cluster.folder / "slurm" / "slurm.conf"
    config.write_text(config.read_text() + PREEMPTION)
    own_cluster.kill("KILL", "slurmctld")
    own_cluster.restart()
    folder = far.place(own_cluster, "ends")
    opened = await far.open_project(own_cluster, folder, **far.stand_in(folder))
    yield opened
    await opened.close()


def profile(cluster, workspace, **more):
    return cluster.profile(**{**far.stand_in(workspace.project), **more})


async def until_said(workspace, name, words, state):
    """The job's row once its reason has some words."""
    for _ in range(200):
        row = await far.until(workspace, name, state)
        if words in row.verdict.reason:
            return row
        await asyncio.sleep(0.2)
    raise AssertionError(row.verdict)


async def test_ends_and_waits_without_accounting(own_cluster, workspace, monkeypatch):
    hungry = "/usr/bin/python3 -c 'import time; x = b\"x\" * 400000000; time.sleep(30)'"
    names = {
        "memory": await far.draft(workspace, own_cluster, hungry),
        "pushed": await far.draft(workspace, own_cluster, "sleep 300"),
        "waits": await far.draft(workspace, own_cluster, "sleep 300"),
    }
    workspace.cluster = profile(own_cluster, workspace, memory="100M")
    await workspace.run(names["memory"])
    row = await workspace.wait(names["memory"], timeout=120)
    assert row.verdict.state is JobState.OUT_OF_MEMORY, row.verdict
    assert row.verdict.reason.startswith("killed for taking too much memory after 00:")
    assert "ask for more memory" in row.verdict.advice

    workspace.cluster = profile(
        own_cluster, workspace, submit_args="--nodes=2 --ntasks=2 --exclusive"
    )
    await workspace.run(names["pushed"])
    await far.until(workspace, names["pushed"], JobState.RUNNING)
    await workspace.run(names["waits"])
    row = await until_said(
        workspace, names["waits"], "expected to start in", JobState.QUEUED
    )
    assert row.verdict.reason in (
        "waiting for free nodes, expected to start in 10 min",
        "waiting for free nodes, expected to start in 9 min",
        "jobs with a higher priority go first, expected to start in 10 min",
    )
    await workspace.abort(names["waits"])
    own_cluster.shell(
        "sbatch -p urgent -N2 -n2 --exclusive -o /dev/null --wrap 'sleep 2'"
    )
    row = await workspace.wait(names["pushed"], timeout=120)
    assert row.verdict.state is JobState.PREEMPTED
    assert row.verdict.reason.startswith("pushed aside by a job of higher priority")


async def test_a_job_pushed_aside_is_put_back_and_goes_on(own_cluster, workspace):
    """Where the site puts jobs back that were pushed aside, and the job allows it."""
    name = await far.draft(
        workspace,
        own_cluster,
        "echo x >>times; [ $(wc -l <times) = 2 ] || sleep 300; "
        "touch RELION_JOB_EXIT_SUCCESS",
    )
    workspace.cluster = profile(
        own_cluster, workspace, submit_args="--nodes=2 --ntasks=2 --exclusive"
    )
    number = await workspace.run(name)
    await far.until(workspace, name, JobState.RUNNING)
    own_cluster.enter("scontrol", "update", f"jobid={number}", "Requeue=1")
    own_cluster.shell("sbatch -p urgent -N2 -n2 --exclusive -o /dev/null --wrap true")
    row = await until_said(workspace, name, "put back into", JobState.QUEUED)
    assert row.status == "Running"  # as RELION counts a job that waits
    own_cluster.enter("scontrol", "update", f"jobid={number}", "StartTime=now")
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED
    assert row.scheduler_id == number
    times = Path(workspace.project) / name / "times"
    assert times.read_text() == "x\nx\n"


async def test_a_node_that_falls_silent_has_failed(own_cluster, workspace):
    """Its daemon and the job's keeper are killed; the controller finds out."""
    name = await far.draft(workspace, own_cluster, "sleep 300")
    await workspace.run(name)
    row = await until_said(workspace, name, "on cpu", JobState.RUNNING)
    node = row.verdict.reason.split(",")[0].removeprefix("on ")
    own_cluster.kill("KILL", f"slurmd-{node}")
    own_cluster.enter("pkill", "-KILL", "slurmstepd")
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.NODE_FAILURE, row.verdict
    assert row.verdict.reason.startswith(f"its node {node} failed after 00:")
    assert row.status == "Failed"


async def test_a_job_put_back_into_the_queue_is_followed(own_cluster, workspace):
    name = await far.draft(
        workspace,
        own_cluster,
        "echo x >>times; [ $(wc -l <times) = 2 ] || sleep 300; sleep 3; "
        "touch RELION_JOB_EXIT_SUCCESS",
    )
    number = await workspace.run(name)
    await far.until(workspace, name, JobState.RUNNING)
    own_cluster.enter("scontrol", "update", f"jobid={number}", "Requeue=1")
    own_cluster.enter("scontrol", "requeue", number)
    row = await far.until(workspace, name, JobState.QUEUED)
    assert row.verdict.reason.startswith("put back into the queue by the scheduler: ")
    row = await until_said(workspace, name, "expected to start in", JobState.QUEUED)
    own_cluster.enter("scontrol", "update", f"jobid={number}", "StartTime=now")
    row = await until_said(workspace, name, "started again", JobState.RUNNING)
    assert row.scheduler_id == number
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED


async def test_a_job_that_vanished_is_lost_and_nothing_is_written(
    own_cluster, workspace, monkeypatch
):
    monkeypatch.setattr("remote.verdict.LOST_S", 1.5)
    name = await far.draft(workspace, own_cluster, "sleep 300")
    number = await workspace.run(name)
    await far.until(workspace, name, JobState.RUNNING)
    own_cluster.kill("KILL", "slurmctld")
    own_cluster.enter("pkill", "-KILL", "slurmstepd")
    own_cluster.enter("sh", "-c", f"rm -f {own_cluster.folder}/state/job_state*")
    row = await far.until(workspace, name, JobState.RUNNING)  # nobody answers
    own_cluster.restart()
    row = await far.until(workspace, name, JobState.LOST, seconds=60.0)
    assert row.status == "Running"
    assert row.verdict.reason == (
        f"the scheduler knows nothing of {number} any more, and it left no exit status"
    )
    assert "mark it as failed, or continue it" in row.verdict.advice
    await workspace.mark(name, "failed")
    assert (await workspace.wait(name, timeout=120)).status == "Failed"
