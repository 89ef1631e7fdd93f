"""What a real Slurm and a real Grid Engine tell of their queues, before Run!."""

from __future__ import annotations

import pytest
from support import remote_project as far

from engine.jobs.check import check
from engine.jobs.job import Job
from remote.surroundings import facts_of

pytestmark = pytest.mark.cluster


def _job(**values: str) -> Job:
    form = {"do_queue": "Yes", "fn_img": "Extract/job001/particles.star"}
    return Job.new("class2d", "4.0", form | values)


async def _problems(workspace, job: Job) -> dict[str, tuple[bool, str]]:
    found = check(job, facts=await facts_of(workspace, job, None))
    return {p.key: (p.is_error, p.message) for p in found}


async def test_slurms_partitions_are_asked_once_and_known_before_run(cluster):
    folder = far.place(cluster, "what queues give")
    workspace = await far.open_project(cluster, folder, queue="cpu")
    try:
        queues = await workspace.queues()
        told = cluster.shell("sinfo -h -N -p cpu -o '%c %N' | sort -u").split("\n")
        sizes = [int(line.split()[0]) for line in told if line.strip()]
        cpu = queues["cpu"]
        assert cpu.cores_per_node == max(sizes)
        assert (cpu.nodes, cpu.cores) == (len(sizes), sum(sizes))
        assert cpu.max_time_s == 86400
        assert (queues["gpu"].gpus_per_node, cpu.gpus_per_node) == (4, 0)
        trips = workspace.agent.round_trips
        assert await workspace.queues() == queues
        assert workspace.agent.round_trips == trips

        ranks = str(sum(sizes) + 1)
        is_error, words = (await _problems(workspace, _job(nr_mpi=ranks)))["nr_mpi"]
        assert is_error
        assert f"all nodes of queue cpu together have {sum(sizes)}" in words
        # and Slurm says the same, only later
        refused = cluster.shell(
            f"sbatch -p cpu --ntasks={ranks} --wrap true 2>&1; squeue -h -o '%r'"
        )
        assert any(w in refused for w in ("not available", "PartitionConfig", "Nodes"))
        cluster.shell("scancel -u $USER")
        many = _job(nr_mpi=str(sum(sizes)))
        is_error, words = (await _problems(workspace, many))["nr_mpi"]
        assert not is_error
        assert f"largest node of queue cpu has {max(sizes)}" in words
        nowhere = await _problems(workspace, _job(queuename="cpuu"))
        assert "no queue cpuu" in nowhere["queuename"][1]
        gpu = _job(use_gpu="Yes", gpu_ids="0:9", queuename="gpu", nr_mpi="2")
        assert "GPU 9 does not exist" in (await _problems(workspace, gpu))["gpu_ids"][1]
    finally:
        await workspace.close()


async def test_grid_engines_queues_are_known_before_run(grid_engine):
    folder = far.place(grid_engine, "what queues give")
    profile = {"scheduler": "sge", "queue": "all.q", "parallel_environment": "mpi"}
    workspace = await far.open_project(grid_engine, folder, **profile)
    try:
        queue = (await workspace.queues())["all.q"]
        assert queue.nodes >= 1
        assert queue.cores >= queue.cores_per_node >= 1
        ranks = str(queue.cores + 1)
        is_error, words = (await _problems(workspace, _job(nr_mpi=ranks)))["nr_mpi"]
        assert is_error
        assert f"all nodes of queue all.q together have {queue.cores}" in words
    finally:
        await workspace.close()
