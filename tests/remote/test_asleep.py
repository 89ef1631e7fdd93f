"""A machine that was asleep: its link is dead, its clock jumped, nothing is lost."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.far_link import far_link
from support.local_sessions import Sessions, until
from support.person import Person

from engine.jobs.job import Job
from remote import channel
from remote.agent import records
from remote.channel import AgentClient
from remote.errors import SessionError
from remote.views import LinkState
from remote.workspace import Workspace

SLEEPER = Path(__file__).resolve().parents[1] / "support" / "sleeper.py"
HOUR_S = 3600.0


class Clock:
    """The time module with a clock on the wall that can jump."""

    def __init__(self):
        self.slept = 0.0

    def __getattr__(self, name):
        return getattr(time, name)

    def time(self):
        return time.time() + self.slept


async def test_a_dead_link_is_noticed_at_once_after_a_sleep(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(channel, "time", clock)
    monkeypatch.setattr(channel, "BACK_OFF_S", (3600.0,))
    monkeypatch.setattr(channel, "PING_S", 3600.0)
    monkeypatch.setattr(channel, "AWAKE_LIMIT_S", 0.3)
    monkeypatch.setattr(channel, "WATCH_S", 0.05)
    client = AgentClient(Sessions(), name="far")
    await client.open()
    first = client.hello["pid"]
    os.kill(first, signal.SIGSTOP)
    try:
        await asyncio.sleep(0)  # the watch has begun
        clock.slept = 3600.0
        await until(lambda: client.hello["pid"] != first)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
    await client.close()


async def test_a_lost_link_is_tried_at_once_after_a_sleep(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(channel, "time", clock)
    monkeypatch.setattr(channel, "BACK_OFF_S", (3600.0,))
    monkeypatch.setattr(channel, "WATCH_S", 0.05)
    client = AgentClient(Sessions(), name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.retry_at is not None)
    clock.slept = 3600.0
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


async def test_a_person_is_not_asked_for_a_code_because_the_machine_woke_up(
    monkeypatch,
):
    clock = Clock()
    monkeypatch.setattr(channel, "time", clock)
    monkeypatch.setattr(channel, "WATCH_S", 0.05)
    sessions = Sessions()
    sessions.needs_person = True
    client = AgentClient(sessions, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.state is LinkState.REFUSED)
    clock.slept = HOUR_S
    await asyncio.sleep(0.5)
    assert client.link.state is LinkState.REFUSED
    assert len(sessions.opened) == 1
    client.retry_now()
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


async def test_what_failed_before_the_sleep_does_not_count_after_it(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(channel, "time", clock)
    monkeypatch.setattr(channel, "WATCH_S", 0.05)
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.01, 0.01, 0.01, 3600.0))
    down = [SessionError("no route to host") for _ in range(4)]
    sessions = Sessions(None, *down)
    client = AgentClient(sessions, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: (client.link.retry_at or 0.0) > time.time() + 1000.0)
    assert len(sessions.failures) == 1  # the network is still down at first
    assert client.link.state is LinkState.LOST
    clock.slept = HOUR_S
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


# a client with the usual limits


async def slept_through(live, ssh_config, project, seconds, *, cut=None, heal=None):
    """What a client says that slept while a job was on its way to the cluster."""
    profile = live.profile(scheduler="shell")
    workspace = await Workspace.open(profile, project, prompts=Person())
    await workspace.create_project()
    form = Job.new("import", "4.0", {"do_raw": "No", "do_other": "Yes"})
    job = await workspace.create(form.replace("fn_in_other", "x.star"))
    await workspace.close()
    client = subprocess.Popen(
        [sys.executable, SLEEPER, ssh_config, project, job, str(HOUR_S)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        pid = json.loads(client.stdout.readline())["pid"]
        await until((Path(project) / "made").exists)  # the deed is under way
        client.send_signal(signal.SIGSTOP)
        if cut is not None:
            cut()
        await asyncio.sleep(seconds)
        live.enter("kill", "-KILL", str(pid))  # as a server that waited long enough
        if heal is not None:
            heal()
        client.send_signal(signal.SIGCONT)
        said = json.loads(await asyncio.to_thread(client.stdout.readline))
        assert await asyncio.to_thread(client.wait, 30) == 0
    finally:
        client.kill()
        client.wait()
        client.stdout.close()
    folder = Path(project)
    assert said["read"] == "read\n"
    assert said["deed"] == "SessionLostError"
    assert (folder / "made").read_text() == "x\n"
    assert said["jobs"] == [job]
    (entry,) = records.submissions(str(folder / job))
    assert entry["id"].startswith(said["submitted"])
    assert abs(said["fresh"]) < 60.0
    assert said["states"][-1] == "connected"
    return said


async def test_an_hour_asleep_costs_nothing(ssh_server):
    project = ssh_server.home / "asleep"
    project.mkdir()
    ssh_server.enter("chown", ssh_server.user, str(project))
    said = await slept_through(ssh_server, str(ssh_server.config), str(project), 2.0)
    assert said["took"] < 60.0


@pytest.mark.cluster
@pytest.mark.slow
async def test_an_hour_asleep_with_the_link_cut_costs_nothing():
    """Two real minutes without a link, of which the server has seen the end."""
    with far_link(Path(f"/tmp/cryodeck-asleep-{os.getpid()}"), "delay=0.1") as far:
        project = far.live.home / "asleep"
        project.mkdir()
        far.live.enter("chown", far.live.user, str(project))
        said = await slept_through(
            far.live,
            str(far.live.config),
            str(project),
            120.0,
            cut=lambda: far.say("cut"),
            heal=lambda: far.say("heal"),
        )
    assert said["took"] < 90.0
