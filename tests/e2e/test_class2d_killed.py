"""Classifications that Slurm kills in the middle, and what continuing them gives.

Both engines, each killed by its time limit, for its memory, by scancel, and with its
node, all at once: Slurm looks at time limits only every half minute. After every
iteration the programs are held for a while, so that they are slow on any machine.
"""

import asyncio
import re

import numpy as np
import pytest
from support import remote_project as far
from support.worked_example import example_project

from engine.io.mrc import read_images
from engine.io.star import read_star
from engine.jobs.continuation import prepared
from remote.views import JobState

pytestmark = [
    *(pytest.mark.cluster, pytest.mark.slow, pytest.mark.relion),
    pytest.mark.timeout(900),  # limits of two minutes take three
]

ITERATIONS = 10
VALUES = {
    "fn_img": "particles.star",
    "nr_classes": "3",
    "particle_diameter": "100",
    "do_em": "Yes",
    "do_grad": "No",
    "do_center": "No",
    "nr_iter_em": str(ITERATIONS),
    "do_queue": "Yes",
}
WAYS = ("time", "memory", "scancel", "node")
#: ten iterations take longer than a limit of two minutes, which ends jobs within three
HOLD = """\
for n in 001 002 003 004 005 006 007 008 009; do
    until ls "$job"/run_it${n}_optimiser.star >/dev/null 2>&1; do sleep 0.05; done
    pkill -STOP -f -- "$job"; sleep 20; pkill -CONT -f -- "$job"
done"""
#: what makes a job too large for its memory once three iterations are there
HOG = """\
until ls "$job"/run_it003_optimiser.star >/dev/null 2>&1; do sleep 0.05; done
/usr/bin/python3 -c 'import time; x = b"x" * 2000000000; time.sleep(60)'"""


@pytest.fixture
async def workspace(cluster, tmp_path):
    source = tmp_path / "example"
    source.mkdir()
    example_project(source)
    folder = far.place(cluster, "killed while classifying", source)
    opened = await far.open_project(cluster, folder)
    yield opened
    await opened.close()


async def start(cluster, workspace, engine, way):
    """A classification that will be killed that way, or not at all."""
    job = await workspace.defaults("class2d")
    for key, value in {**VALUES, "cryodeck_engine": engine}.items():
        job = job.replace(key, value)
    if engine == "relion":  # else every run begins with other numbers
        job = job.replace("other_args", "--random_seed 7")
    name = await workspace.create(job)
    setup = cluster.setup
    if way:
        setup += (f"({HOLD}) </dev/null >/dev/null 2>&1 &",)
    if way == "memory":
        setup += (f"({HOG}) </dev/null >/dev/null 2>&1 &",)
    node = {"node": "cpu2", "time": "cpu1", "memory": "cpu1"}.get(way, "gpu1")
    workspace.cluster = cluster.profile(
        setup=setup,
        time_limit="2" if way == "time" else "9",
        memory="450M",
        queue=node[:3],  # nobody waits for a core: each node has four
        submit_args=f"--nodelist={node}",
    )
    return name, await workspace.run(name)


async def until_iteration(workspace, name, number):
    """The job's row once an iteration is whole."""
    while True:
        row = await far.until(workspace, name, JobState.RUNNING, seconds=120.0)
        if row.progress is not None and row.progress.done >= number:
            return row
        await asyncio.sleep(0.5)


async def until_warned(workspace, name):
    """The job's row once it is said that it will not be done by its time limit."""
    while True:
        row = await far.until(workspace, name, JobState.RUNNING, seconds=120.0)
        if row.verdict.advice:
            return row
        await asyncio.sleep(0.5)


def result(workspace, cluster, name):
    """Classes and places of a job's particles, and its class averages."""
    folder = cluster.home / workspace.project / name
    newest = max(
        folder.glob(f"run*_it{ITERATIONS:03d}_data.star"),
        key=lambda path: path.stat().st_mtime,
    )
    rows = read_star(newest)["particles"]
    labels = ("rlnClassNumber", "rlnAnglePsi", "rlnOriginXAngst", "rlnOriginYAngst")
    numbers = np.stack([rows.numbers(label) for label in labels])
    return numbers, read_images(str(newest).replace("_data.star", "_classes.mrcs"))


async def test_killed_classifications_are_explained_and_continued(cluster, workspace):
    jobs = {}
    for engine in ("cryodeck", "relion"):
        for way in (*WAYS, ""):
            jobs[engine, way] = await start(cluster, workspace, engine, way)

    for engine in ("cryodeck", "relion"):
        row = await until_warned(workspace, jobs[engine, "time"][0])
        assert re.match(
            r"at this speed it needs 00:\d\d:\d\d more, but its time limit leaves 00:0",
            row.verdict.advice,
        )
        for way in ("scancel", "node"):
            await until_iteration(workspace, jobs[engine, way][0], 2)
        cluster.shell(f"scancel {jobs[engine, 'scancel'][1]}")
    cluster.enter("scontrol", "update", "nodename=cpu2", "state=down", "reason=test")

    said = {
        "time": (JobState.TIMEOUT, "killed by the scheduler after 00:0"),
        "memory": (
            JobState.OUT_OF_MEMORY,
            "killed for taking too much memory after 00:0",
        ),
        "scancel": (
            JobState.ABORTED,
            f"cancelled by {cluster.user}, not through cryodeck after 00:0",
        ),
        "node": (JobState.NODE_FAILURE, "its node cpu2 failed after 00:0"),
    }
    for (engine, way), (name, _) in jobs.items():
        row = await workspace.wait(name, timeout=300)
        if not way:
            assert row.verdict.state is JobState.SUCCEEDED, (engine, row.verdict)
            continue
        state, reason = said[way]
        assert row.verdict.state is state, (engine, way, row.verdict)
        assert row.verdict.reason.startswith(reason)
        done = int(row.progress.done)
        assert 1 <= done < ITERATIONS
        assert row.verdict.reason.endswith(
            f"iteration {done} of {ITERATIONS} is complete, Continue does the rest"
        )
        newest = f"run_it{done:03d}_optimiser.star"
        assert f"continue it from {newest}" in row.verdict.advice
        assert row.continue_from == f"{name}/{newest}"

        form = prepared(await workspace.load_job(name), row.continue_from, name)
        assert form.text("fn_cont") == f"{name}/{newest}"
        workspace.cluster = cluster.profile()
        await workspace.save(name, form)
        await workspace.run(name, continuing=True)

    for engine in ("cryodeck", "relion"):
        places, averages = result(workspace, cluster, jobs[engine, ""][0])
        for way in WAYS:
            name = jobs[engine, way][0]
            row = await workspace.wait(name, timeout=300)
            assert row.verdict.state is JobState.SUCCEEDED, (engine, way, row.verdict)
            assert (row.status, row.summary[:12]) == ("Succeeded", "iteration 10")
            again, anew = result(workspace, cluster, name)
            if engine == "cryodeck":
                assert np.array_equal(again, places), way
                assert np.array_equal(anew, averages), way
                continue
            # its random numbers go on from another place when a run is continued
            assert (again[0] == places[0]).mean() > 0.7, way
            assert np.corrcoef(anew.ravel(), averages.ravel())[0, 1] > 0.9, way
