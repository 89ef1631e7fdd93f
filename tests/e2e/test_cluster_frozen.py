"""A controller that does not answer: the submission that failed has happened."""

import asyncio

import pytest
from support import remote_project as far

from remote.errors import AgentError
from remote.views import JobState

pytestmark = pytest.mark.cluster


async def test_a_job_submitted_to_a_frozen_controller_is_found_not_repeated(
    own_cluster,
):
    folder = far.place(own_cluster, "frozen")
    workspace = await far.open_project(own_cluster, folder, **far.stand_in(folder))
    name = await far.draft(
        workspace, own_cluster, "echo ran >>times; touch RELION_JOB_EXIT_SUCCESS"
    )
    own_cluster.kill("STOP", "slurmctld")
    running = asyncio.create_task(workspace.run(name))
    await asyncio.sleep(1.0)
    row = await far.until(workspace, name, JobState.SUBMITTING)
    assert "being submitted by" in row.verdict.reason
    with pytest.raises(AgentError, match="is being submitted at this moment"):
        await workspace.run(name)
    await asyncio.sleep(9.0)  # sbatch gives up after ten seconds
    own_cluster.kill("CONT", "slurmctld")
    number = await running
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED
    assert row.scheduler_id == number
    assert (folder / name / "times").read_text() == "ran\n"
    listed = own_cluster.shell("squeue -h -t all -o '%i %j'").splitlines()
    assert len(listed) == 1
    await workspace.close()
