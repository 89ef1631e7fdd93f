"""Through SSH to a real Grid Engine: submit, follow, refuse, cancel, and be told."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from support import remote_project as far

from remote.errors import RejectedError
from remote.views import JobState

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch):
    monkeypatch.setattr("remote.operations.ABORT_WAIT_S", 1.0)


@pytest.fixture
async def workspace(grid_engine, request):
    folder = far.place(grid_engine, f"it's {request.node.name[:40]} é")
    opened = await far.open_project(grid_engine, folder, **site(folder))
    yield opened
    await opened.close()
    while proxies():  # asyncssh does not wait for its ProxyCommand; the loop must
        await asyncio.sleep(0.01)


def proxies():
    """This process's children that lead into the cluster's network."""
    lists = Path("/proc/self/task").glob("*/children")
    numbers = [number for one in lists for number in one.read_text().split()]
    found = []
    for number in numbers:
        with contextlib.suppress(OSError):  # it may be gone by now
            found.append(Path(f"/proc/{number}/comm").read_text().strip())
    return "nsenter" in found


def site(folder, **more):
    """A profile of this Grid Engine, whose jobs are run by a stand-in."""
    # Grid Engine's memory limit is on addresses, not on what is used
    return {"scheduler": "sge", "memory": "", **far.stand_in(folder), **more}


SUCCEED = "touch RELION_JOB_EXIT_SUCCESS"


async def test_every_way_to_end_is_told_in_words(grid_engine, workspace):
    lines = {
        "well": SUCCEED,
        "error": "echo 'ERROR: no such micrograph: a b.mrc' >&2; exit 2",
        "file": "until [ -e RELION_JOB_ABORT_NOW ]; do sleep 0.1; done; "
        "touch RELION_JOB_EXIT_ABORTED; exit 3",
        "mine": "sleep 60",
        "qdel": "sleep 60",
        "time": "sleep 60",
    }
    names = {
        case: await far.draft(workspace, grid_engine, text)
        for case, text in lines.items()
    }
    ids = {}
    for case, name in names.items():
        limit = "0:00:03" if case == "time" else "10"
        workspace.cluster = grid_engine.profile(
            **site(workspace.project, time_limit=limit)
        )
        ids[case] = await workspace.run(name)
    assert all(number.isdigit() for number in ids.values())
    for case in ("file", "mine", "qdel"):
        row = await far.until(workspace, names[case], JobState.RUNNING)
        assert row.scheduler_id == ids[case]
        assert "localhost" in row.verdict.reason
    grid_engine.enter("qdel", ids["qdel"])
    assert (await workspace.abort(names["file"])).startswith("it stopped by itself")
    assert await workspace.abort(names["mine"]) == "cancelled with the scheduler"
    rows = {
        case: await workspace.wait(name, timeout=120) for case, name in names.items()
    }
    reasons = {case: row.verdict.reason for case, row in rows.items()}
    states = {case: row.verdict.state for case, row in rows.items()}

    assert states["well"] is JobState.SUCCEEDED
    assert (states["error"], reasons["error"]) == (
        JobState.FAILED,
        "ERROR: no such micrograph: a b.mrc",
    )
    assert states["file"] is states["mine"] is states["qdel"] is JobState.ABORTED
    assert reasons["file"] == f"stopped at {grid_engine.user}'s request"
    assert reasons["mine"].startswith(
        f"cancelled by {grid_engine.user} through cryodeck after 00:00:"
    )
    assert "Grid Engine does not say which" in reasons["qdel"]
    assert states["time"] is JobState.TIMEOUT
    assert reasons["time"].startswith("killed by the scheduler after 00:00:0")
    assert "limit 00:00:03" in reasons["time"]
    overview = await workspace.overview(ask_scheduler=False)
    for case, name in names.items():
        row = next(row for row in overview.jobs if row.name == name)
        assert row.status in ("Succeeded", "Failed", "Aborted"), case


@pytest.mark.slow
async def test_what_waits_says_why_and_can_be_cancelled(grid_engine, workspace):
    names = [await far.draft(workspace, grid_engine, SUCCEED) for _ in range(2)]
    folder = workspace.project
    workspace.cluster = grid_engine.profile(**site(folder, submit_args="-pe mpi 500"))
    await workspace.run(names[0])
    workspace.cluster = grid_engine.profile(
        **site(folder, submit_args="-o /nowhere/run.out")
    )
    await workspace.run(names[1])
    row = await far.until(workspace, names[1], JobState.HELD)
    while "/nowhere" not in row.verdict.reason:
        row = await far.until(workspace, names[1], JobState.HELD)
    assert row.verdict.reason.startswith("it could not be started: can't open")
    assert "never start" in row.verdict.advice
    row = await far.until(workspace, names[0], JobState.QUEUED)
    while "only offers" not in row.verdict.reason:
        row = await far.until(workspace, names[0], JobState.QUEUED)
    for name in names:
        assert await workspace.abort(name) == "cancelled with the scheduler"
        row = await workspace.wait(name, timeout=120)
        assert row.verdict.state is JobState.ABORTED
        assert row.verdict.reason == (
            f"cancelled by {grid_engine.user} through cryodeck before it started"
        )
        assert row.status == "Aborted"


@pytest.mark.slow
async def test_a_refused_submission_leaves_a_draft_behind(grid_engine, workspace):
    name = await far.draft(workspace, grid_engine, SUCCEED)
    folder = workspace.project
    good = workspace.cluster
    refusals = {
        "-q nowhere": 'unknown queue "nowhere"',
        "-pe nope 4": 'parallel environment "nope" does not exist',
    }
    for words, said in refusals.items():
        workspace.cluster = grid_engine.profile(**site(folder, submit_args=words))
        with pytest.raises(RejectedError, match=said):
            await workspace.run(name)
        row = await far.until(workspace, name, JobState.DRAFT)
        assert row.status == "Scheduled"
    workspace.cluster = good
    await workspace.run(name)
    assert (await workspace.wait(name, timeout=120)).status == "Succeeded"


async def test_a_job_submitted_as_the_link_broke_is_found(grid_engine, workspace):
    name = await far.draft(workspace, grid_engine, f"echo ran >>times; {SUCCEED}")
    running = asyncio.create_task(workspace.run(name))
    record = grid_engine.home / workspace.project / name / ".cryodeck/submitting"
    while not record.exists() and not running.done():
        await asyncio.sleep(0.002)
    far.cut_connections(grid_engine)
    number = await running
    row = await workspace.wait(name, timeout=120)
    assert row.scheduler_id == number
    times = grid_engine.home / workspace.project / name / "times"
    assert times.read_text() == "ran\n"


ARRAY = """\
#!/bin/bash
#$ -cwd -S /bin/bash -t 1-4 -tc 2
#$ -o XXXoutfileXXX
#$ -e XXXerrfileXXX
XXXcommandXXX
"""


async def test_an_array_is_one_job(grid_engine, workspace):
    path = grid_engine.home / "array template"
    path.write_text(ARRAY)
    workspace.cluster = grid_engine.profile(
        **site(workspace.project, template=str(path))
    )
    name = await far.draft(
        workspace, grid_engine, f"{SUCCEED}; until [ -e go ]; do sleep 0.1; done"
    )
    number = await workspace.run(name)
    assert number.isdigit()
    row = await far.until(workspace, name, JobState.RUNNING)
    while "2 running" not in row.verdict.reason:
        row = await far.until(workspace, name, JobState.RUNNING)
    assert row.verdict.reason.startswith("array 0/4 done, 2 running; on ")
    (grid_engine.home / workspace.project / name / "go").touch()
    row = await workspace.wait(name, timeout=120)
    assert (row.verdict.state, row.scheduler_id) == (JobState.SUCCEEDED, number)

    fails = '[ "$SGE_TASK_ID" != 2 ] || { echo "ERROR: bad m2.mrc" >&2; exit 3; }'
    name = await far.draft(workspace, grid_engine, fails)
    await workspace.run(name)
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.FAILED
    assert row.verdict.reason.endswith("ERROR: bad m2.mrc")
    assert row.status == "Failed"
