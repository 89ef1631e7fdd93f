"""Through real SSH to a real Slurm: run, lose the link, and be told how it ended."""

import asyncio
import time

import pytest
from support import remote_project as far

from remote.errors import BadRequestError, RejectedError
from remote.views import JobState, LinkState

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch):
    monkeypatch.setattr("remote.operations.ABORT_WAIT_S", 3.0)


@pytest.fixture(scope="module")
def micrographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("practice") / "set"
    far.simulate(folder, "--size", "512x512", "--pixel-size", "3.2", "--count", "4")
    return folder


@pytest.fixture
async def workspace(cluster, request):
    """A project of the test's own, whose jobs are run by a stand-in."""
    folder = far.place(cluster, f"it's {request.node.name[:40]} é")
    opened = await far.open_project(cluster, folder, **far.stand_in(folder))
    yield opened
    await opened.close()


async def test_picking_on_two_ranks_survives_a_cut_link(cluster, micrographs):
    folder = far.place(cluster, "tutorial; $(touch oops) it's", micrographs)
    setup = (*cluster.setup, "sleep 2")
    workspace = await far.open_project(cluster, folder, setup=setup)
    job = await workspace.defaults("import")
    assert job.flag("do_queue")
    job = job.replace("do_raw", False).replace("do_other", True)
    job = job.replace("node_type", "Micrographs STAR file (.star)")
    job = job.replace("fn_in_other", "micrographs_ctf.star")
    name = await workspace.create(job)
    await workspace.run(name)
    assert (await workspace.wait(name, timeout=120)).status == "Succeeded"

    job = (await workspace.defaults("autopick")).replace("do_log", True)
    job = job.replace("fn_input_autopick", f"{name}/micrographs_ctf.star")
    job = job.replace("nr_mpi", "2").replace("log_adjust_thr", "0.5")
    name = await workspace.create(job, alias="LoG")
    number = await workspace.run(name)
    assert number.isdigit()
    await far.until(workspace, name, JobState.RUNNING)
    states = []
    workspace.on_link(lambda link: states.append(link.state))
    assert far.cut_connections(cluster) > 0
    while LinkState.LOST not in states:
        await asyncio.sleep(0.05)
    workspace.retry_now()
    while workspace.link.state is not LinkState.CONNECTED:
        await asyncio.sleep(0.05)
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED
    assert row.alias == "AutoPick/LoG"
    assert row.scheduler_id == number
    assert "4 micrographs" in row.summary
    values = (await workspace.statistics("LoG")).values
    assert values["micrographs_done"] == 4
    assert values["picks_total"] > 20
    assert len(await workspace.micrographs(name)) == 4
    log = await workspace.log(name, max_bytes=1 << 16)
    assert "2 ranks" in log.text
    assert not list(folder.parent.glob("**/oops"))
    await workspace.close()


async def test_every_way_to_end_is_told_in_words(cluster, workspace):
    """All at once, since Slurm looks at time limits only every half minute."""
    lines = (
        'say started \', "done": 0, "total": 5, "unit": "micrographs"\' '
        '>progress.jsonl; say step \', "done": 2, "total": 5, '
        '"unit": "micrographs"\' >>progress.jsonl; sleep 120'
    )
    names = {}
    for case in ("time", "mine", "theirs", "node"):
        names[case] = await far.draft(workspace, cluster, lines)
    names["error"] = await far.draft(
        workspace, cluster, "echo 'ERROR: no such micrograph: a b.mrc' >&2; exit 2"
    )
    names["silent"] = await far.draft(workspace, cluster, "exit 7")
    names["aborted"] = await far.draft(
        workspace,
        cluster,
        "until [ -e RELION_JOB_ABORT_NOW ]; do sleep 0.1; done; "
        "touch RELION_JOB_EXIT_ABORTED; exit 3",
    )
    ids = {case: await workspace.run(name) for case, name in names.items()}
    for case in ("time", "mine", "theirs", "node", "aborted"):
        await far.until(workspace, names[case], JobState.RUNNING)
    cluster.enter("scontrol", "update", f"jobid={ids['time']}", "EndTime=now+1")
    cluster.shell(f"scancel {ids['mine']}")
    cluster.enter("scancel", ids["theirs"])
    said = await workspace.abort(names["aborted"])
    assert said.startswith("it stopped by itself")
    overview = await workspace.overview()
    node = next(r for r in overview.jobs if r.name == names["node"])
    where = node.verdict.reason.split(",")[0].removeprefix("on ")
    rows = {}
    for case, name in names.items():
        if case not in ("node", "time"):
            rows[case] = await workspace.wait(name, timeout=120)
    rows["time"] = await workspace.wait(names["time"], timeout=90)
    cluster.enter(
        "scontrol", "update", f"nodename={where}", "state=down", "reason=test"
    )
    rows["node"] = await workspace.wait(names["node"], timeout=120)
    reasons = {case: row.verdict.reason for case, row in rows.items()}

    assert rows["time"].verdict.state is JobState.TIMEOUT
    assert reasons["time"].startswith("killed by the scheduler after 00:")
    assert "limit 00:" in reasons["time"]
    assert reasons["time"].endswith(
        "2 of 5 micrographs are done, Continue does the rest"
    )
    assert rows["mine"].verdict.state is JobState.ABORTED
    assert reasons["mine"].startswith(f"cancelled by {cluster.user}, not through")
    assert reasons["theirs"].startswith("cancelled by an administrator (root)")
    assert reasons["error"] == "ERROR: no such micrograph: a b.mrc"
    assert reasons["silent"] == "ended with exit status 7; see its run.err"
    assert rows["aborted"].verdict.state is JobState.ABORTED
    assert reasons["aborted"] == f"stopped at {cluster.user}'s request"
    assert rows["node"].verdict.state is JobState.NODE_FAILURE
    assert where in reasons["node"]

    overview = await workspace.overview(ask_scheduler=False)
    after = {row.name: row for row in overview.jobs}
    for case, row in rows.items():
        now = after[names[case]]
        assert now.status in ("Failed", "Aborted"), case
        assert now.verdict.reason == row.verdict.reason


async def test_an_impossible_request_says_that_it_will_never_start(cluster, workspace):
    name = await far.draft(workspace, cluster, "exit 0")
    workspace.cluster = cluster.profile(
        **{**far.stand_in(workspace.project), "submit_args": "--ntasks=500"}
    )
    await workspace.run(name)
    row = await far.until(workspace, name, JobState.QUEUED)
    while "PartitionConfig" not in row.verdict.reason:
        row = await far.until(workspace, name, JobState.QUEUED)
    assert "never start" in row.verdict.advice
    assert await workspace.abort(name) == "cancelled with the scheduler"
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.ABORTED
    assert row.verdict.reason == (
        f"cancelled by {cluster.user} through cryodeck before it started"
    )
    assert row.status == "Aborted"


async def test_a_refused_submission_leaves_a_draft_behind(cluster, workspace):
    name = await far.draft(workspace, cluster, "touch RELION_JOB_EXIT_SUCCESS")
    good = workspace.cluster
    workspace.cluster = cluster.profile(
        queue="nowhere", **far.stand_in(workspace.project)
    )
    with pytest.raises(RejectedError, match="invalid partition"):
        await workspace.run(name)
    row = await far.until(workspace, name, JobState.DRAFT)
    assert row.status == "Scheduled"
    assert "refused" in row.verdict.reason
    workspace.cluster = good
    await workspace.run(name)
    row = await workspace.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED


async def test_a_running_job_is_not_started_again(cluster, workspace):
    name = await far.draft(workspace, cluster, "sleep 30")
    await workspace.run(name)
    with pytest.raises(BadRequestError, match="running or queued already"):
        await workspace.run(name)
    with pytest.raises(BadRequestError, match="running"):
        await workspace.run(name, continuing=True)
    started = time.monotonic()
    await far.until(workspace, name, JobState.RUNNING)
    said = asyncio.create_task(workspace.abort(name))
    cluster.shell("true")
    assert "cancelled" in await said
    assert time.monotonic() - started > 3  # the abort file had its chance
    assert (await workspace.wait(name, timeout=120)).verdict.state is JobState.ABORTED


async def test_without_a_scheduler_a_job_outlives_the_connection(cluster, workspace):
    folder = workspace.project
    profile = {**far.stand_in(folder), "scheduler": "shell"}
    alone = await far.open_project(cluster, folder, **profile)
    line = "sleep 2; echo done; touch RELION_JOB_EXIT_SUCCESS"
    name = await far.draft(alone, cluster, line)
    killed = await far.draft(alone, cluster, "exec sleep 60")
    number = await alone.run(name)
    assert number.startswith("login1:")
    await alone.run(killed)
    await alone.close()
    again = await far.open_project(cluster, folder, **profile)
    await far.until(again, name, JobState.RUNNING)
    assert (await again.wait(name, timeout=120)).verdict.state is JobState.SUCCEEDED
    assert await again.abort(killed) == "its processes were ended"
    row = await again.wait(killed, timeout=120)
    assert row.verdict.state is JobState.ABORTED
    assert f"by {cluster.user} through cryodeck" in row.verdict.reason or (
        row.verdict.reason == f"stopped at {cluster.user}'s request"
    )
    await again.close()


async def test_two_windows_cannot_start_a_job_twice(cluster, workspace):
    name = await far.draft(workspace, cluster, "sleep 1; touch RELION_JOB_EXIT_SUCCESS")
    other = await far.open_project(
        cluster, workspace.project, **far.stand_in(workspace.project)
    )
    answers = await asyncio.gather(
        workspace.run(name), other.run(name), return_exceptions=True
    )
    ids = [answer for answer in answers if isinstance(answer, str)]
    assert len(ids) == 1, answers
    listed = cluster.shell("squeue -h -t all -o '%i %k %Z'").splitlines()
    assert len([line for line in listed if workspace.project in line]) == 1
    for window in (workspace, other):
        row = await window.wait(name, timeout=120)
        assert row.scheduler_id == ids[0]
        assert row.verdict.state is JobState.SUCCEEDED
    await other.close()
