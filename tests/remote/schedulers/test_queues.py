"""What queues can give: outputs of the schedulers' own commands, and what we read.

Slurm's and Grid Engine's are recorded (22.05, 8.1.9), some rows widened to larger sites
by hand; PBS's and LSF's are written after their manuals.
"""

from __future__ import annotations

import pytest

from engine.jobs.check import check
from engine.jobs.facts import Facts
from engine.jobs.job import Job
from remote.schedulers.queues import QueueLimits, joined, queues_of

SINFO = """\
cpu*|1-00:00:00|2|64|257000|(null)|1-infinite
cpu*|1-00:00:00|6|32|128000|(null)|1-infinite
gpu|2-00:00:00|4|48|512000|gpu:a100:4(S:0-1),nvme:1|1-2
mixed|infinite|1|16|64000|gpu:v100:2,gpu:4(S:1)|1-infinite
long-debug|30:00|1|8|16000|gpu|1
"""
QSTAT = """\
<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
    <Queue-List>
      <name>all.q@node1.cluster.example.org</name>
      <qtype>BIP</qtype>
      <slots_used>1</slots_used>
      <slots_resv>0</slots_resv>
      <slots_total>16</slots_total>
      <arch>lx-amd64</arch>
      <job_list state="running">
        <JB_job_number>3</JB_job_number>
        <JB_name>limit</JB_name>
        <slots>1</slots>
      </job_list>
    </Queue-List>
    <Queue-List>
      <name>all.q@node2.cluster.example.org</name>
      <qtype>BIP</qtype>
      <slots_total>32</slots_total>
      <state>au</state>
    </Queue-List>
    <Queue-List>
      <name>gpu.q@node3</name>
      <slots_total>8</slots_total>
    </Queue-List>
  </queue_info>
</job_info>
"""
QSTAT_QF = """\
Queue: workq
    queue_type = Execution
    total_jobs = 0
    state_count = Transit:0 Queued:0 Held:0 Waiting:0 Running:0 Exiting:0 Begun:0
    resources_max.ncpus = 96
    resources_max.nodect = 2
    resources_max.walltime = 48:00:00
    enabled = True
    started = True

Queue: route
    queue_type = Route
    enabled = True

Queue: gpuq
    queue_type = Execution
    enabled = True
"""
PBSNODES = """\
n1
     Mom = n1.cluster
     state = free
     pcpus = 64
     resources_available.mem = 263740624kb
     resources_available.ncpus = 64
     queue = workq

n2
     Mom = n2.cluster
     state = job-busy
     resources_available.mem = 131870312kb
     resources_available.ncpus = 64

g1
     state = free
     np = 32
     gpus = 4
     queue = gpuq
     status = rectime=1,physmem=65935156kb,ncpus=32
"""
BQUEUES = """\

QUEUE: normal
  -- For normal low priority jobs.  This is the default queue.

PARAMETERS/STATISTICS
PRIO NICE STATUS          MAX JL/U JL/P JL/H NJOBS  PEND   RUN SSUSP USUSP  RSV
 30    0  Open:Active       -    -    -    -     0     0     0     0     0    0
RUNLIMIT
 1440.0 min

QUEUE: long
  -- For long jobs.
"""
BHOSTS = """\
HOST_NAME          STATUS          JL/U    MAX  NJOBS    RUN  SSUSP  USUSP    RSV
hosta              ok              -       40     20     20      0      0      0
hostb              unavail         -       28      0      0      0      0      0
hostc              ok              -        -      0      0      0      0      0
"""


def test_slurms_partitions() -> None:
    found = queues_of("slurm", [SINFO])
    assert found["cpu"] == QueueLimits(
        name="cpu",
        is_default=True,
        nodes=8,
        cores=320,
        cores_per_node=64,
        memory_mb=257000,
        gpus_per_node=0,
        max_time_s=86400,
    )
    gpu = found["gpu"]
    assert (gpu.gpus_per_node, gpu.max_nodes, gpu.cores) == (4, 2, 192)
    assert found["mixed"].gpus_per_node == 6
    assert found["mixed"].max_time_s is None
    debug = found["long-debug"]
    assert (debug.gpus_per_node, debug.max_nodes, debug.max_time_s) == (1, 1, 1800)


def test_a_site_that_tells_of_no_gpus_may_have_some() -> None:
    found = queues_of("slurm", ["a*|1:00:00|1|4|1000|(null)|1-infinite\nnonsense\n"])
    assert found["a"].gpus_per_node is None
    assert queues_of("slurm", [""]) == {}
    assert queues_of("shell", []) == {}


def test_grid_engines_queues() -> None:
    found = queues_of("sge", [QSTAT])
    assert set(found) == {"all.q", "gpu.q"}
    assert (found["all.q"].nodes, found["all.q"].cores) == (2, 48)
    assert found["all.q"].cores_per_node == 32


def test_pbs_queues_and_nodes() -> None:
    found = queues_of("pbs", [QSTAT_QF, PBSNODES])
    assert set(found) == {"workq", "gpuq"}
    work = found["workq"]
    assert (work.nodes, work.cores, work.cores_per_node) == (2, 96, 64)
    assert (work.max_nodes, work.max_time_s) == (2, 172800)
    assert round(work.memory_mb / 1024) == 252
    gpu = found["gpuq"]
    assert (gpu.nodes, gpu.gpus_per_node, gpu.cores) == (2, 4, 96)
    assert round(gpu.memory_mb / 1024) == 126


def test_lsf_queues_and_hosts() -> None:
    found = queues_of("lsf", [BQUEUES, BHOSTS])
    normal = found["normal"]
    assert (normal.cores, normal.cores_per_node) == (68, 40)
    assert (normal.max_time_s, normal.is_default) == (86400, True)
    assert found["long"].max_time_s is None


def test_several_queues_are_as_generous_as_the_most_generous() -> None:
    found = queues_of("slurm", [SINFO])
    both = joined([found["cpu"], found["gpu"]], "cpu,gpu")
    assert (both.cores, both.cores_per_node, both.gpus_per_node) == (512, 64, 4)
    assert (both.max_nodes, both.max_time_s) == (None, 172800)


def _facts(name: str) -> Facts:
    found = queues_of("slurm", [SINFO])
    queue = found[name]
    return Facts(
        queue=name,
        queues=tuple(found),
        queue_cores=queue.cores,
        queue_nodes=queue.max_nodes,
        cores_per_node=queue.cores_per_node,
        gpus_per_node=queue.gpus_per_node,
        memory_per_node=queue.memory_mb * 2.0**20,
        max_time_s=queue.max_time_s,
    )


@pytest.mark.parametrize(
    ("queue", "values", "key", "words", "is_error"),
    [
        (
            "cpu",
            {"nr_mpi": "40", "nr_threads": "4"},
            "nr_mpi",
            "40 × 4 threads ask for 160 cores; the largest node of queue cpu has 64, "
            "so they are spread over 3 nodes or more",
            False,
        ),
        (
            "cpu",
            {"nr_mpi": "64", "nr_threads": "6"},
            "nr_mpi",
            "64 × 6 threads ask for 384 cores; all nodes of queue cpu together have "
            "320, so it would never start; give fewer",
            True,
        ),
        (
            "gpu",
            {"nr_mpi": "25", "nr_threads": "6"},
            "nr_mpi",
            "25 × 6 threads ask for 150 cores; the largest node of queue gpu has 48 "
            "and a job gets 2 nodes at most; give fewer",
            True,
        ),
        (
            "mixed",
            {"nr_mpi": "1", "nr_threads": "20"},
            "nr_threads",
            "20 threads, but the largest node of queue mixed has 16 cores; give at "
            "most those",
            True,
        ),
        (
            "cpu",
            {"queuename": "cpuu"},
            "queuename",
            "the scheduler has no queue cpuu; it has: cpu, gpu, mixed, long-debug",
            False,
        ),
        (
            "cpu",
            {"use_gpu": "Yes"},
            "use_gpu",
            "the nodes of this queue have no GPU",
            True,
        ),
        (
            "gpu",
            {"use_gpu": "Yes", "gpu_ids": "0:1:2:4", "nr_mpi": "4"},
            "gpu_ids",
            "GPU 4 does not exist: a node has 4, numbered from 0; leave the list empty "
            "to take all",
            True,
        ),
        (
            "cpu",
            {"cryodeck_time_limit": "2-00:00:00"},
            "cryodeck_time_limit",
            "2-0:00:00 is longer than this queue allows, 1-0:00:00; ask for less or "
            "for another queue",
            True,
        ),
        (
            "cpu",
            {"cryodeck_memory": "300G"},
            "cryodeck_memory",
            "300 GiB asked for, but a node has 251 GiB",
            True,
        ),
    ],
)
def test_what_does_not_fit_is_said_before_run(
    queue: str, values: dict[str, str], key: str, words: str, is_error: bool
) -> None:
    job = Job.new("class2d", "4.0", {"do_queue": "Yes", "fn_img": "a.star"} | values)
    found = {p.key: p for p in check(job, facts=_facts(queue)) if p.message == words}
    assert key in found, check(job, facts=_facts(queue))
    assert found[key].is_error is is_error


def test_what_fits_is_not_spoken_of() -> None:
    values = {"do_queue": "Yes", "fn_img": "a.star", "nr_mpi": "5", "nr_threads": "6"}
    values |= {"do_grad": "No", "do_em": "Yes", "queuename": "gpu", "use_gpu": "Yes"}
    values |= {"cryodeck_engine": "relion"}
    job = Job.new("class2d", "4.0", values | {"gpu_ids": "0:1:2:3"})
    keys = {p.key for p in check(job, facts=_facts("gpu"))}
    assert not keys & {"nr_mpi", "nr_threads", "queuename", "use_gpu"}


def test_a_host_without_a_queue_is_crowded_not_refused() -> None:
    values = {"do_queue": "No", "fn_img": "a.star", "nr_threads": "6", "nr_mpi": "2"}
    job = Job.new("class2d", "4.0", values)
    found = [
        p for p in check(job, facts=Facts(cores_per_node=2)) if "cores" in p.message
    ]
    assert [(p.key, p.is_error) for p in found] == [("nr_mpi", False)]


def test_slurm_tells_how_many_cores_are_idle_over_all_kinds_of_nodes():
    rows = "gpu*|infinite|2|32|1000|(null)|1-infinite|40/20/4/64\n"
    rows += "gpu*|infinite|1|64|1000|(null)|1-infinite|64/0/0/64\n"
    rows += "old|infinite|1|8|1000|(null)|1-infinite|n/a\n"
    found = queues_of("slurm", [rows])
    assert (found["gpu"].cores, found["gpu"].cores_idle) == (128, 20)
    assert found["old"].cores_idle is None
