"""The examination of a real cluster, whole and broken."""

import pytest
from support.person import Person

from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


async def findings_of(profile, project=""):
    workspace = await Workspace.open(profile, project, prompts=Person())
    try:
        return {finding.check: finding for finding in await workspace.doctor()}
    finally:
        await workspace.close()


async def test_a_whole_cluster_is_found_whole(cluster):
    found = await findings_of(cluster.profile())
    assert found["scheduler"].says == "slurm: partitions cpu*, gpu"
    assert "accounting" not in found
    assert found["engine"].level == "ok"
    assert found["MPI"].level == "ok"
    assert "a100" in found["GPU"].says
    assert found["clock"].level == "ok"
    assert not [f for f in found.values() if f.level == "problem"]


async def test_what_is_missing_is_named_with_what_to_do(cluster):
    profile = cluster.profile(engine="/no/such/python -m engine", mpirun="mpiexec.none")
    found = await findings_of(profile, "/no/such/project")
    assert found["project"].level == "problem"
    assert found["engine"].level == "warning"
    assert "mpiexec.none" in found["MPI"].says


async def test_an_unused_scheduler_is_pointed_out(cluster):
    found = await findings_of(cluster.profile(scheduler="shell"))
    assert found["scheduler"].advice == 'set scheduler = "slurm" in the profile'


async def test_setup_lines_are_run_before_the_tools_are_looked_for(cluster):
    setup = ("export PATH=/nowhere",)
    found = await findings_of(cluster.profile(setup=setup))
    assert "sbatch" in found["scheduler"].says
    assert found["scheduler"].level == "problem"
    assert "module load" in found["scheduler"].advice
