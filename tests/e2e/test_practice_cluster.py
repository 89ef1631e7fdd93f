"""The practice cluster: a job is lost in each of the ways that it teaches."""

import asyncio
import json
import sys

from tui.cli.practice_cluster import DRAFTS


async def cryodeck(*words, code=0):
    """What a command says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == code, out + err
    return json.loads(out) if "--json" in words else out.decode()


async def test_each_draft_of_the_practice_cluster_ends_as_it_should(tmp_path):
    project = tmp_path / "pick's practice"
    made = await cryodeck("demo", str(project), "--cluster", "--headless", "--json")
    assert list(made["drafts"]) == list(DRAFTS)
    there = ("--host", "practice", "--project", str(project))
    ends = {"finishes": 0, "out-of-memory": 1, "time-limit": 1, "node-failure": 1}
    await asyncio.gather(
        *(cryodeck("run", *there, name, "--wait", code=ends[name]) for name in DRAFTS)
    )
    jobs = (await cryodeck("jobs", *there, "--json"))["jobs"]
    seen = {job["alias"]: job for job in jobs if job["alias"] in DRAFTS}
    assert {alias: job["state"] for alias, job in seen.items()} == {
        "finishes": "succeeded",
        "out-of-memory": "out of memory",
        "time-limit": "timeout",
        "node-failure": "node failure",
    }
    reasons = {alias: job["reason"] for alias, job in seen.items()}
    assert "killed for taking too much memory after" in reasons["out-of-memory"]
    assert "MB" in reasons["out-of-memory"]
    assert "limit 00:00:03" in reasons["time-limit"]
    assert "its node simulated-flaky failed after" in reasons["node-failure"]
    for alias in ("out-of-memory", "time-limit", "node-failure"):
        said = (project / "Class2D" / alias / "run.err").read_text()
        assert "(simulated)" in said
