"""The agent as a process of this machine, and the link when it breaks."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest
from support.local_sessions import Sessions, until

from remote import channel
from remote.agent.frames import encode
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.errors import (
    AgentError,
    LoginError,
    SessionError,
    SessionLostError,
)
from remote.journal import Journal
from remote.local import LocalSession
from remote.views import LinkState
from remote.workspace import Workspace


@pytest.fixture
async def agent(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.05, 0.1))
    client = AgentClient(Sessions(), name="here")
    await client.open()
    yield client
    await client.close()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_agent_says_who_and_where_it_is(agent):
    assert agent.hello["pid"] != os.getpid()
    assert agent.hello["home"] == str(Path.home())
    assert (await agent.measure()).state is LinkState.CONNECTED
    assert abs(agent.clock_skew_s) < 30  # half of what a busy machine makes of a ping
    assert 0 < agent.link.round_trip_s < 60


async def test_requests_overtake_slow_ones(agent):
    slow = asyncio.create_task(agent.call("processes.run", argv=["sleep", "60"]))
    await asyncio.sleep(0.05)
    await asyncio.gather(*(agent.call("host.ping") for _ in range(50)))
    assert not slow.done()
    slow.cancel()


async def test_a_cancelled_request_ends_its_program(agent, tmp_path):
    pid = tmp_path / "pid"
    argv = ["sh", "-c", 'echo $$ > "$0.new"; mv "$0.new" "$0"; exec sleep 60', str(pid)]
    task = asyncio.create_task(agent.call("processes.run", argv=argv))
    await until(pid.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not is_alive(int(pid.read_text())))  # and it was reaped


async def test_a_program_past_its_time_limit_is_killed_with_its_children(
    agent, tmp_path
):
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $! $$ > '{pids}'; wait"
    with pytest.raises(AgentError, match="time limit") as raised:
        await agent.call("processes.run", argv=["sh", "-c", script], timeout=1.5)
    assert raised.value.code == "time limit"
    for pid in map(int, pids.read_text().split()):
        await until(lambda pid=pid: not is_alive(pid))


async def test_arguments_are_data(agent):
    argv = ["printf", "%s|", "$(id)", "; rm -rf /", "a b", "new\nline", "é", "'\""]
    said = await agent.call("processes.run", argv=argv)
    assert said["out"] == "$(id)|; rm -rf /|a b|new\nline|é|'\"|"


async def test_endless_output_is_cut_and_costs_no_memory(agent):
    said = await agent.call(
        "processes.run",
        argv=["sh", "-c", "yes | head -c 50000000"],
        max_bytes=100000,
    )
    assert said["is_cut"]
    assert len(said["out"]) == 100000
    assert (await agent.call("host.usage"))["memory"] < 60e6


async def test_a_missing_program_is_an_error_with_a_code(agent):
    with pytest.raises(AgentError, match="no-such-program") as raised:
        await agent.call("processes.run", argv=["no-such-program"])
    assert raised.value.code == "not found"


async def test_unknown_verbs_and_wrong_arguments_are_answered(agent):
    for verb in ("files.nothing", "os.system", "..", "main.serve", ""):
        with pytest.raises(AgentError, match="no verb"):
            await agent.call(verb)
    with pytest.raises(AgentError, match="unexpected"):
        await agent.call("host.ping", nonsense=1)


async def test_agent_ends_with_its_channel_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    client = AgentClient(Sessions(), name="here")
    await client.open()
    pid = client.hello["pid"]
    await client.call("host.usage")
    await client.close()
    assert not is_alive(pid)
    assert list(tmp_path.rglob("*.py*")) == []


async def test_a_program_under_way_ends_with_the_channel(tmp_path):
    client = AgentClient(Sessions(), name="here")
    await client.open()
    pids = tmp_path / "pids"
    script = f"echo $$ > '{pids}'; exec sleep 60"
    task = asyncio.create_task(client.call("processes.run", argv=["sh", "-c", script]))
    await until(lambda: pids.exists() and pids.read_text().strip())
    await client.close()
    with pytest.raises(SessionLostError):
        await task
    await until(lambda: not is_alive(int(pids.read_text())))


async def test_garbage_on_its_input_ends_the_agent(agent):
    pid = agent.hello["pid"]
    frame = bytearray(encode({"id": 99, "verb": "host.ping", "args": {"x": "y" * 50}}))
    frame[-1] ^= 255
    await agent._pipe.write(bytes(frame))
    await until(lambda: not is_alive(pid))
    await until(lambda: agent.link.state is LinkState.CONNECTED)


async def test_two_windows_have_an_agent_each_and_see_each_others_files(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    profile = Cluster(name="here", session="local")
    first = await Workspace.open(profile, str(folder))
    second = await Workspace.open(profile, str(folder))
    await first.agent.call_blob(
        "files.write_atomic", project=str(folder), path="a", blob=b"1"
    )
    assert [e["name"] for e in (await second.list_dir("")).entries] == ["a"]
    await first.close()
    assert [e["name"] for e in (await second.list_dir("")).entries] == ["a"]
    await second.close()


async def test_reading_request_under_way_is_asked_again_after_the_link_broke(
    agent, tmp_path
):
    flag = tmp_path / "flag"
    begun = tmp_path / "begun"
    script = f"touch '{begun}'; until [ -e '{flag}' ]; do sleep 0.02; done; echo done"
    task = asyncio.create_task(
        agent.call("processes.run", argv=["sh", "-c", script], timeout=120)
    )
    await until(begun.exists)
    first = agent.hello["pid"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: agent.hello["pid"] != first)
    flag.touch()
    assert (await task)["out"] == "done\n"
    assert agent.link.state is LinkState.CONNECTED


async def test_changing_request_under_way_is_never_repeated(agent, tmp_path):
    log = tmp_path / "log"
    script = f"echo once >> '{log}'; sleep 60"
    task = asyncio.create_task(
        agent.call("processes.run", argv=["sh", "-c", script], reads_only=False)
    )
    await until(log.exists)
    first = agent.hello["pid"]
    os.kill(first, signal.SIGKILL)
    with pytest.raises(SessionLostError):
        await task
    await until(lambda: agent.hello["pid"] != first)
    assert log.read_text() == "once\n"


async def test_new_requests_fail_at_once_while_the_link_is_down(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (30.0,))
    client = AgentClient(Sessions(), name="far")
    links = []
    client.on_link(links.append)
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.retry_at is not None)
    assert client.link.state is LinkState.LOST
    assert 20 < client.link.retry_at - time.time() < 31
    with pytest.raises(SessionLostError, match="no link to far"):
        await client.call("host.ping")
    client.retry_now()
    await until(lambda: client.link.state is LinkState.CONNECTED)
    assert await client.call("host.ping") > 0
    states = [link.state for link in links]
    assert states[:2] == [LinkState.CONNECTING, LinkState.CONNECTED]
    assert LinkState.LOST in states
    await client.close()


async def test_back_off_goes_on_until_the_cluster_answers(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02, 0.05))
    gone = SessionError("far: cannot be reached")
    sessions = Sessions(None, gone, gone, gone)
    client = AgentClient(sessions, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: len(sessions.opened) == 2)
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


async def test_agents_that_die_after_their_hello_are_tried_more_and_more_rarely(
    monkeypatch,
):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.1, 0.2, 0.3, 0.4))

    class ShortLived(LocalSession):
        async def start(self, command):
            hello = encode({"hello": {"pid": 0, "clock": 0.0}}).hex()
            code = f"import os; os.write(1, bytes.fromhex('{hello}')); os.read(0, 9)"
            return await super().start(f'exec {sys.executable} -c "{code}"')

    class Weak(Sessions):
        async def __call__(self):
            if 1 <= len(self.opened) <= 3:
                self.opened.append(ShortLived())
                return self.opened[-1]
            return await super().__call__()

    sessions = Weak()
    client = AgentClient(sessions, name="far")
    await client.open()
    first = client.hello["pid"]
    waits = []

    def note(link):
        if link.retry_at is not None:
            waits.append(round(link.retry_at - time.time(), 1))

    client.on_link(note)
    os.kill(first, signal.SIGKILL)
    await until(lambda: client.hello["pid"] not in (0, first))
    assert len(sessions.opened) == 5
    assert waits == [0.1, 0.2, 0.3, 0.4]
    await client.measure()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: len(waits) == 5)
    assert waits[-1] == 0.1  # an agent that answered begins the count anew
    await client.close()


async def test_a_login_that_needs_the_person_waits_for_them(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    sessions = Sessions()
    sessions.needs_person = True
    client = AgentClient(sessions, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.state is LinkState.REFUSED)
    await asyncio.sleep(0.2)
    assert len(sessions.opened) == 1
    assert "log in again" in client.link.reason
    client.retry_now()
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


async def test_a_refused_login_is_not_tried_over_and_over(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    refused = LoginError("far: the login was refused")
    sessions = Sessions(None, *[refused] * 9)
    client = AgentClient(sessions, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.state is LinkState.REFUSED)
    await asyncio.sleep(0.2)
    assert len(sessions.failures) == 9 - channel.UNASKED_LOGINS
    assert client.link.reason == "far: the login was refused; log in again to go on"
    await client.close()


async def test_nobody_is_asked_because_a_link_broke(monkeypatch):
    """A server that has half started may refuse a key: it is offered again."""
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    asking = Sessions()
    refused = LoginError("far: the login asks for password, and nobody is asked")
    unasked = Sessions(refused, refused, None, *[refused] * 3)
    client = AgentClient(asking, unasked=unasked, name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: len(unasked.opened) == 1)
    await until(lambda: client.link.state is LinkState.CONNECTED)
    assert len(asking.opened) == 1
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: client.link.state is LinkState.REFUSED)
    assert len(asking.opened) == 1  # a dialog would take the keys of what one does
    client.retry_now()
    await until(lambda: client.link.state is LinkState.CONNECTED)
    assert len(asking.opened) == 2
    await client.close()


async def test_what_nobody_foresaw_does_not_end_reconnecting(monkeypatch, caplog):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    client = AgentClient(Sessions(None, EOFError()), name="far")
    await client.open()
    os.kill(client.hello["pid"], signal.SIGKILL)
    await until(lambda: caplog.records)
    assert "nobody foresaw" in caplog.text
    await until(lambda: client.link.state is LinkState.CONNECTED)
    await client.close()


async def test_a_silent_agent_is_given_up(monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    monkeypatch.setattr(channel, "PING_S", 0.1)
    monkeypatch.setattr(channel, "PING_LIMIT_S", 0.5)
    client = AgentClient(Sessions(), name="far")
    await client.open()
    first = client.hello["pid"]
    os.kill(first, signal.SIGSTOP)
    try:
        await until(lambda: client.hello["pid"] != first)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
    await client.close()


async def test_noise_of_the_login_shell_does_no_harm():
    class Noisy(LocalSession):
        async def start(self, command):
            loud = "echo 'Welcome!'; printf '\\223CDKnoise\\n'; (sleep 0.3; echo bg) & "
            return await super().start(loud + command)

    async def opener():
        return Noisy()

    client = AgentClient(opener, name="noisy")
    await client.open()
    await asyncio.sleep(0.5)
    assert await client.call("host.ping") > 0
    await client.close()


@pytest.mark.parametrize("shell", ["bash", "dash", "tcsh"])
async def test_any_login_shell_starts_the_agent(shell):
    class Shell(LocalSession):
        async def start(self, command):
            # as sshd does it: the user's shell, -c, one text
            return await super().start(f"exec {shell} -c {shlex.quote(command)}")

    async def opener():
        return Shell()

    client = AgentClient(opener, name=shell)
    await client.open()
    assert await client.call("host.ping") > 0
    await client.close()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("echo 'This service allows sftp connections only.'; exit 1", "sftp"),
        ("echo 'fork: Resource temporarily unavailable' >&2; exit 254", "fork"),
        ("PATH=/nowhere; {}", "no python3"),
    ],
)
async def test_why_there_is_no_agent_is_said(command, says, monkeypatch):
    from remote.agent import bootstrap

    usual = bootstrap.command(("python3", "python3.9"))

    class Broken(LocalSession):
        async def start(self, line):
            return await super().start(command.replace("{}", usual))

    async def opener():
        return Broken()

    client = AgentClient(opener, name="broken")
    with pytest.raises(SessionError, match=says):
        await client.open()
    assert client.link.state is LinkState.OFFLINE


async def test_a_login_node_that_starts_nothing_is_given_up():
    class Stuck(LocalSession):
        start_limit_s = 0.2

        async def start(self, command):
            await asyncio.Event().wait()

    async def opener():
        return Stuck()

    client = AgentClient(opener, name="stuck")
    with pytest.raises(SessionError, match="no program can be started, no answer"):
        await client.open()
    await client.close()


async def test_the_journal_has_a_line_per_request_and_no_contents(tmp_path):
    journal = Journal(tmp_path / "state" / "journal.jsonl")
    opened = await Workspace.open(
        Cluster(name="here", session="local"), str(tmp_path), journal=journal
    )
    secret = "a-very-secret-word"
    await opened.agent.call(
        "processes.run", argv=["cat"], stdin=secret, env={"PASSWORD": secret}
    )
    with pytest.raises(AgentError):
        await opened.tail("missing/run.out")
    await opened.close()
    path = tmp_path / "state" / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["verb"] for line in lines][-2:] == ["processes.run", "files.read_from"]
    assert lines[-1]["outcome"] == "not found"
    assert lines[-1]["subject"] == "missing/run.out"
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
