"""A cluster 200 ms away over a link that loses packets, and one that is cut."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest
from support.far_link import far_link
from support.person import Person

from remote import channel
from remote.errors import SessionLostError
from remote.views import LinkState
from remote.workspace import Workspace

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

DATA = Path(__file__).resolve().parents[1] / "data" / "remote" / "project"


@pytest.fixture(scope="module")
def far():
    with far_link(Path(f"/tmp/cryodeck-far-{os.getpid()}"), "delay=0.1") as link:
        project = link.live.home / "project"
        shutil.copytree(DATA, project)
        (project / "AutoPick/job002/run.out").write_text("a line\n" * 20000)
        link.live.enter("chown", "-R", link.live.user, str(project))
        yield link


@pytest.fixture
async def workspace(far):
    far.say("set", "delay=0.1", "loss=0.02")
    profile = far.live.profile(scheduler="shell")
    project = str(far.live.home / "project")
    opened = await Workspace.open(profile, project, prompts=Person())
    await opened.overview()  # the site's settings come with it
    yield opened
    await opened.close()


VIEWS = {
    "job list": lambda w: w.overview(),
    "form": lambda w: w.load_job("AutoPick/job002"),
    "log": lambda w: w.log("AutoPick/job002", offset=-65536),
    "logs of all": lambda w: w.tail_many([("AutoPick/job002/run.out", 0)] * 5),
    "picks": lambda w: w.statistics("AutoPick/job002"),
    "picks on a micrograph": lambda w: w.picks("AutoPick/job002", "Micrographs/mic1"),
    "micrographs": lambda w: w.micrographs("AutoPick/job002"),
    "classes": lambda w: w.statistics("Class2D/job004"),
    "gallery": lambda w: w.gallery("Class2D/job004"),
    "nodes for a field": lambda w: w.nodes(""),
    "folder": lambda w: w.list_dir(""),
    "cost": lambda w: w.traffic(),
}


@pytest.mark.parametrize("view", sorted(VIEWS))
async def test_a_view_is_one_round_trip_and_usable(workspace, view, monkeypatch):
    monkeypatch.setattr(channel, "PING_S", 3600.0)
    before = workspace.agent.round_trips
    started = time.monotonic()
    await VIEWS[view](workspace)
    first = time.monotonic() - started
    assert workspace.agent.round_trips - before == 1
    await VIEWS[view](workspace)
    assert workspace.agent.round_trips - before == 2
    assert first >= 0.2  # it really went there and back
    assert workspace.link.round_trip_s >= 0.2


async def test_a_link_cut_for_a_minute_comes_back_by_itself(far, workspace):
    """With the usual limits: noticed, tried again, and everything goes on."""
    states = []
    workspace.on_link(lambda link: states.append(link.state))
    overview = await workspace.overview()
    first = workspace.agent.hello["pid"]
    changing = asyncio.create_task(
        workspace.ask(
            "processes.run", argv=["sleep", "200"], reads_only=False, timeout=240.0
        )
    )
    reading = asyncio.create_task(
        workspace.ask(
            "processes.run", argv=["sh", "-c", "sleep 3; echo ok"], timeout=240.0
        )
    )
    far.say("cut")
    cut = time.monotonic()
    with pytest.raises(SessionLostError):
        await changing
    assert time.monotonic() - cut < 65
    await asyncio.sleep(max(0.0, cut + 60 - time.monotonic()))
    far.say("heal")
    async with asyncio.timeout(120):
        assert (await reading)["out"] == "ok\n"
    assert workspace.link.state is LinkState.CONNECTED
    assert workspace.agent.hello["pid"] != first
    assert LinkState.LOST in states
    again = await workspace.overview()
    assert [row.name for row in again.jobs] == [row.name for row in overview.jobs]
