"""What a site allows an agent, kept by real agents of windows that are open at once."""

import asyncio
import math
import time

import pytest

from engine.project import actions
from engine.project.pipeline import Pipeline
from remote.agent import limits, records
from remote.cluster import Cluster
from remote.errors import RemoteError
from remote.views import JobState, LinkState
from remote.workspace import Workspace

FLOOR_S = 1.5
SQUEUE = """\
#!/bin/sh
echo asked >>"{ledger}"
cat "{rows}"
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A login node whose site has written limits, and a Slurm that counts questions."""
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "limits"))
    programs = tmp_path / "bin"
    programs.mkdir()
    squeue = programs / "squeue"
    text = SQUEUE.format(ledger=tmp_path / "ledger", rows=tmp_path / "rows")
    squeue.write_text(text)
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    actions.create_project(str(tmp_path))
    return tmp_path


def queue_jobs(site, numbers):
    """Jobs that Slurm has in its queue."""
    path = site / "default_pipeline.star"
    pipeline = Pipeline.parse(path.read_text())
    for number in numbers:
        pipeline.add_process(f"Import/job{number:03d}/", "relion.import", "Running")
        folder = site / f"Import/job{number:03d}"
        folder.mkdir(parents=True)
        entry = {"token": f"t{number}", "state": "submitted", "id": str(number)}
        records.put(str(folder), {**entry, "scheduler": "slurm", "answered_at": 1.0})
    path.write_text(pipeline.format())
    with (site / "rows").open("a") as rows:
        for number in numbers:
            rows.write(f"{number}|PENDING|0:00|1:00|N/A||Priority|(Priority)\n")


async def window(site):
    cluster = Cluster(name="here", session="local", scheduler="slurm", poll_s=0.0)
    return await Workspace.open(cluster, str(site))


async def test_two_windows_keep_to_the_sites_pace_also_for_new_jobs(site):
    (site / "limits").write_text(f"poll_s = {FLOOR_S}\n")
    queue_jobs(site, [1])
    windows = [await window(site) for _ in range(2)]
    assert windows[0].agent.hello["limits"]["poll_s"] == FLOOR_S
    started, looks, seen = time.monotonic(), 0, set()
    while time.monotonic() - started < 3 * FLOOR_S or len(seen) < 3:
        if looks == 4:  # a profile that wants each look to ask, and jobs nobody knows
            queue_jobs(site, [2, 3])
        for one in windows:
            overview = await one.overview()
            seen |= {
                row.name
                for row in overview.jobs
                if row.verdict.state is JobState.QUEUED
                and "priority" in row.verdict.reason
            }
        looks += 1
        await asyncio.sleep(0.05)
    took = time.monotonic() - started
    asked = len((site / "ledger").read_text().splitlines())
    assert 2 <= asked <= math.floor(took / FLOOR_S) + 1
    assert 2 * looks > asked
    for one in windows:
        await one.close()


async def test_an_agent_that_stays_too_large_ends_and_says_so(site):
    (site / "limits").write_text("memory_mb = 60\n")
    names = "".join(
        f"Class2D/job{number:06d}/ None relion.class2d Succeeded\n"
        for number in range(30_000)
    )
    path = site / "default_pipeline.star"
    text = path.read_text() + (
        "data_pipeline_processes\n\nloop_\n_rlnPipeLineProcessName\n"
        "_rlnPipeLineProcessAlias\n_rlnPipeLineProcessTypeLabel\n"
        f"_rlnPipeLineProcessStatusLabel\n{names}\n"
    )
    path.write_text(text)
    one = await window(site)
    said = []
    one.on_link(lambda link: said.append((link.state, link.reason)))
    refused = ""
    while not refused:  # every look is more than is allowed
        try:
            await one.overview(ask_scheduler=False)
        except RemoteError as error:
            refused = str(error)
    words = f"MB of memory; 60 MB are allowed here (memory_mb in {site / 'limits'})"
    while not [text for _, text in said if "it has ended itself" in text]:
        await asyncio.sleep(0.05)
    ended = next(text for _, text in said if "it has ended itself" in text)
    assert words in ended or words in refused
    assert ended.count("\n") == 0
    while one.link.state is not LinkState.CONNECTED:  # a new one is small again
        await asyncio.sleep(0.05)
    assert (await one.ask("host.usage"))["memory"] < 60e6
    await one.close()
