"""SSH for real: OpenSSH's server on loopback, its keys, passwords, codes and moods."""

import asyncio
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.local_sessions import until
from support.person import Person

from remote import channel, ssh
from remote.errors import (
    AgentError,
    HostKeyError,
    LoginError,
    SessionError,
    SessionLostError,
)
from remote.views import LinkState
from remote.workspace import Workspace

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))
from netem import TcpRelay

pytestmark = pytest.mark.cluster


async def connected(profile, person=None):
    """Home folder's entries through a fresh connection."""
    workspace = await Workspace.open(profile, "", prompts=person or Person())
    try:
        names = [entry["name"] for entry in (await workspace.list_dir("")).entries]
        return workspace, names
    finally:
        await workspace.close()


def without_key(live, tmp_path, **more):
    """Profile that has no usable key: a password or a code must be given."""
    config = tmp_path / "config"
    text = live.config.read_text().replace("client/id\n", "client/not-there\n")
    config.write_text(text)
    return live.profile(ssh_config=str(config), **more)


async def test_a_key_of_the_ssh_config_opens_the_session(ssh_server):
    person = Person()
    workspace, names = await connected(ssh_server.profile(), person)
    assert ".bashrc" in names
    assert workspace.agent.hello["user"] == ssh_server.user
    assert workspace.agent.hello["host"] == "login1"
    assert (person.asked, person.keys) == ([], [])


async def test_a_jump_host_of_the_ssh_config_is_gone_through(ssh_server):
    _, names = await connected(ssh_server.profile("tc-jump"))
    assert ".bashrc" in names


async def test_a_passphrase_is_asked_for_when_the_key_is_locked(ssh_server):
    person = Person("wrong", "looking glass")
    key = str(ssh_server.folder / "client" / "id_secret")
    _, names = await connected(ssh_server.profile(identity_file=key), person)
    assert ".bashrc" in names
    assert person.asked == [[f"Passphrase of {key}"]] * 2


async def test_a_password_is_asked_for_without_a_key(ssh_server, tmp_path):
    person = Person("wrong", ssh_server.password)
    _, names = await connected(without_key(ssh_server, tmp_path), person)
    assert ".bashrc" in names
    assert len(person.asked) == 2


async def test_key_and_one_time_code(ssh_server):
    person = Person(ssh_server.code)
    _, names = await connected(ssh_server.profile("tc-otp"), person)
    assert ".bashrc" in names
    assert person.asked == [["Verification code:"]]


async def test_password_then_code_and_a_round_without_questions(ssh_server, tmp_path):
    person = Person(ssh_server.password, ssh_server.code)
    profile = without_key(ssh_server, tmp_path, name="tc-otp")
    _, names = await connected(profile, person)
    assert ".bashrc" in names
    assert person.asked == [["Password:"], ["Verification code:"]]


async def test_a_session_with_a_code_does_not_reconnect_by_itself(
    ssh_server, monkeypatch
):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.05,))
    person = Person(ssh_server.code, ssh_server.code)
    workspace = await Workspace.open(ssh_server.profile("tc-otp"), "", prompts=person)
    workspace.agent._session.connection.abort()
    await until(lambda: workspace.link.state is LinkState.REFUSED)
    await asyncio.sleep(0.3)
    assert len(person.asked) == 1
    workspace.retry_now()
    await until(lambda: workspace.link.state is LinkState.CONNECTED)
    assert len(person.asked) == 2
    await workspace.close()


async def test_giving_up_at_the_prompt_is_a_login_error(ssh_server, tmp_path):
    with pytest.raises(LoginError, match="given up"):
        await connected(without_key(ssh_server, tmp_path), Person())


async def test_wrong_passwords_end_in_a_login_error(ssh_server, tmp_path):
    with pytest.raises(LoginError, match=r"refused|too many"):
        await connected(without_key(ssh_server, tmp_path), Person(*["wrong"] * 20))


async def test_an_unknown_host_is_asked_about_and_then_known(ssh_server, tmp_path):
    known = tmp_path / "known_hosts"
    profile = ssh_server.profile(known_hosts=str(known))
    person = Person()
    await connected(profile, person)
    (key,) = person.keys
    public = ssh_server.known_hosts.read_text().split()[2]
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", ssh_server.known_hosts],
        check=True,
        capture_output=True,
        text=True,
    )
    assert key.fingerprint in said.stdout
    assert (key.port, key.type) == (ssh_server.port, "ssh-ed25519")
    assert public in known.read_text() or key.fingerprint in said.stdout
    assert known.stat().st_mode & 0o077 == 0
    again = Person()
    await connected(profile, again)
    assert again.keys == []
    done = subprocess.run(
        [
            "ssh",
            "-F",
            ssh_server.config,
            "-o",
            f"UserKnownHostsFile={known}",
            "tc",
            "true",
        ],
        check=False,
    )
    assert done.returncode == 0


async def test_an_unknown_host_that_is_not_trusted_is_not_entered(ssh_server, tmp_path):
    known = tmp_path / "known_hosts"
    profile = ssh_server.profile(known_hosts=str(known))
    with pytest.raises(HostKeyError, match=r"SHA256:.* was not accepted"):
        await connected(profile, Person(trusts=False))
    assert not known.exists()


async def test_both_hops_of_a_jump_are_asked_about(ssh_server, tmp_path):
    person = Person()
    known = str(tmp_path / "known_hosts")
    await connected(ssh_server.profile("tc-jump", known_hosts=known), person)
    assert [key.port for key in person.keys] == [ssh_server.port + 2, ssh_server.port]


async def test_a_changed_host_key_is_refused_loudly_and_nothing_is_sent(ssh_server):
    wrong = Path(f"{ssh_server.known_hosts}.wrong")
    before = wrong.read_text()
    person = Person(ssh_server.password)
    with pytest.raises(HostKeyError, match="HAS CHANGED") as raised:
        await connected(ssh_server.profile(known_hosts=str(wrong)), person)
    assert f"{wrong} line " in str(raised.value)
    assert (person.keys, person.asked) == ([], [])
    assert wrong.read_text() == before


async def test_a_noisy_login_shell_does_no_harm(ssh_server):
    rc = ssh_server.home / ".bashrc"
    before = rc.read_text()
    noise = "echo 'Welcome to the cluster!'; echo oops >&2; printf '\\223CDK\\001\\n'\n"
    try:
        rc.write_text(noise + "(sleep 0.2; echo later) &\n" + before)
        workspace = await Workspace.open(ssh_server.profile(), "", prompts=Person())
        await asyncio.sleep(0.4)
        assert ".bashrc" in [e["name"] for e in (await workspace.list_dir("")).entries]
        await workspace.close()
    finally:
        rc.write_text(before)


async def test_the_banner_is_shown_without_its_escape_sequences(ssh_server):
    banner = ssh_server.folder / "ssh" / "banner"
    banner.write_text("\x1b[31mMaintenance\x1b[0m on Friday\n")
    try:
        person = Person()
        await connected(ssh_server.profile(), person)
        assert person.told == ["Maintenance on Friday"]
    finally:
        banner.unlink()


async def test_a_login_shell_that_ends_at_once_is_told(ssh_server):
    rc = ssh_server.home / ".bashrc"
    before = rc.read_text()
    try:
        rc.write_text("echo 'your account has expired' >&2; exit 1\n")
        with pytest.raises(SessionError, match="your account has expired"):
            await connected(ssh_server.profile())
    finally:
        rc.write_text(before)


async def test_the_agent_leaves_no_process_and_no_file_behind(ssh_server):
    def processes():
        return ssh_server.shell(f"ps -u {ssh_server.user} -o args", check=False)

    before = {p: p.stat().st_mtime_ns for p in ssh_server.home.rglob("*")}
    workspace = await Workspace.open(ssh_server.profile(), "", prompts=Person())
    await workspace.list_dir("")
    assert "sys.stdin.buffer" in processes()
    await workspace.close()
    await until(lambda: "sys.stdin.buffer" not in processes())
    assert {p: p.stat().st_mtime_ns for p in ssh_server.home.rglob("*")} == before


async def test_hostile_names_are_data_over_ssh(ssh_server):
    names = ["a b", "q'uote", 'd"q', "$(touch x)", "; touch y", "new\nline", "é", "-n"]
    folder = f"/tmp/hostile {os.getpid()}; $(id)"
    workspace = await Workspace.open(ssh_server.profile(), folder, prompts=Person())
    try:
        await workspace.agent.call("files.make_dir", path=folder)
        for name in names:
            await workspace.agent.call_blob(
                "files.write_atomic", project=folder, path=name, blob=b"x"
            )
        found = [entry["name"] for entry in (await workspace.list_dir("")).entries]
        assert sorted(found) == sorted(names)
        said = await workspace.ask("processes.run", argv=["ls", "--", *names])
        assert said["exit_status"] == 0
    finally:
        await workspace.ask("processes.run", argv=["rm", "-r", "--", folder], cwd="/")
        await workspace.close()


async def test_a_killed_server_process_is_survived(ssh_server, monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.1, 0.2))
    workspace = await Workspace.open(ssh_server.profile(), "", prompts=Person())
    first = workspace.agent.hello["pid"]
    ssh_server.enter("pkill", "-KILL", "-u", ssh_server.user, "sshd", check=False)
    await until(lambda: workspace.agent.hello["pid"] != first)
    assert ".bashrc" in [e["name"] for e in (await workspace.list_dir("")).entries]
    await workspace.close()


@pytest.fixture
async def relay(ssh_server, tmp_path):
    """A bad network to the login node, and a profile that goes through it."""
    relay = TcpRelay(ssh_server.port)
    await relay.start()
    config = tmp_path / "config"
    config.write_text(
        f"Host far\n HostName 127.0.0.1\n Port {relay.port}\n User {ssh_server.user}\n"
        f" IdentityFile {ssh_server.folder}/client/id\n IdentitiesOnly yes\n"
    )
    known = tmp_path / "known"
    host_key = ssh_server.known_hosts.read_text().split(None, 1)[1]
    known.write_text(f"[127.0.0.1]:{relay.port} {host_key.splitlines()[0]}\n")
    profile = ssh_server.profile("far", ssh_config=str(config), known_hosts=str(known))
    yield relay, profile
    await relay.stop()


async def test_a_reset_connection_comes_back_by_itself(relay, monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.1, 0.2))
    relay, profile = relay
    workspace = await Workspace.open(profile, "", prompts=Person())
    reading = asyncio.create_task(
        workspace.ask("processes.run", argv=["sh", "-c", "sleep 1; echo ok"])
    )
    changing = asyncio.create_task(
        workspace.ask("processes.run", argv=["sleep", "30"], reads_only=False)
    )
    await asyncio.sleep(0.3)
    relay.reset()
    with pytest.raises(SessionLostError):
        await changing
    assert (await reading)["out"] == "ok\n"
    assert workspace.link.state is LinkState.CONNECTED
    await workspace.close()


async def test_a_cut_link_is_noticed_and_healed(relay, monkeypatch):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.2, 0.5))
    monkeypatch.setattr(ssh, "KEEPALIVE_S", 0.5)
    monkeypatch.setattr(ssh, "KEEPALIVE_COUNT", 2)
    relay, profile = relay
    workspace = await Workspace.open(profile, "", prompts=Person())
    first = workspace.agent.hello["pid"]
    relay.link.up.clear()
    await until(lambda: workspace.link.state is LinkState.LOST)
    assert "keepalive" in workspace.link.reason
    with pytest.raises(SessionLostError):
        await workspace.list_dir("")
    relay.link.up.set()
    await until(lambda: workspace.link.state is LinkState.CONNECTED)
    assert workspace.agent.hello["pid"] != first
    await workspace.list_dir("")
    await workspace.close()


async def test_a_host_that_accepts_and_says_nothing_is_given_up(relay):
    relay, profile = relay
    relay.link.up.clear()
    quick = replace(profile, connect_timeout_s=1.0)
    with pytest.raises(SessionError, match=r"took too long|no answer"):
        await asyncio.wait_for(connected(quick), 15)


async def test_a_far_cluster_answers_in_one_round_trip_per_request(relay):
    relay, profile = relay
    relay.link.set(delay=0.1)
    workspace = await Workspace.open(profile, "", prompts=Person())
    started = time.monotonic()
    await asyncio.gather(*(workspace.ask("host.ping") for _ in range(20)))
    assert time.monotonic() - started < 4.0  # one after another they cannot
    assert workspace.link.round_trip_s >= 0.2
    await workspace.close()


async def test_unreachable_hosts_are_told_in_one_line(ssh_server):
    for profile in (
        ssh_server.profile("nowhere.invalid"),
        ssh_server.profile("127.0.0.1", ssh_config="", port=1),
    ):
        with pytest.raises(SessionError, match="cannot be reached") as raised:
            await connected(profile)
    assert str(raised.value) == "127.0.0.1: cannot be reached: Connection refused"


async def test_agent_errors_pass_through(ssh_server):
    workspace = await Workspace.open(ssh_server.profile(), "", prompts=Person())
    with pytest.raises(AgentError, match="Permission denied") as raised:
        await workspace.tail("/etc/shadow")
    assert raised.value.code == "denied"
    await workspace.close()


async def test_a_link_that_keeps_breaking_repeats_no_change(
    relay, ssh_server, monkeypatch
):
    """Each change happens once or not at all; those acknowledged did happen."""
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    relay, profile = relay
    rng = random.Random(7)
    log = ssh_server.home / f"log {os.getpid()}"
    workspace = await Workspace.open(profile, "", prompts=Person())
    acknowledged, lost, count = [], [], 0

    async def change(number):
        await until(lambda: workspace.link.state is LinkState.CONNECTED)
        argv = ["sh", "-c", 'sleep 0.0$2; echo "$1" >> "$0"', str(log), str(number)]
        try:
            said = await workspace.ask(
                "processes.run", argv=[*argv, str(number % 7)], reads_only=False
            )
        except SessionLostError:
            lost.append(number)
        else:
            assert said["exit_status"] == 0
            acknowledged.append(number)

    async def break_it():
        while True:  # a machine that needs longer to connect would never get anywhere
            await until(lambda: workspace.link.state is LinkState.CONNECTED)
            await asyncio.sleep(rng.uniform(0.0, 0.3))
            relay.reset()
            if rng.random() < 0.3:
                await asyncio.sleep(rng.uniform(0.0, 0.2))
                relay.reset()  # while it connects

    breaking = asyncio.create_task(break_it())
    try:
        while count < 72 or len(lost) <= 3:
            await asyncio.gather(*(change(n) for n in range(count, count + 4)))
            count += 4
    finally:
        breaking.cancel()
        await until(lambda: workspace.link.state is LinkState.CONNECTED)
        await asyncio.sleep(0.2)
        done = [int(line) for line in log.read_text().split()]
        log.unlink()
        await workspace.close()
    assert len(done) == len(set(done))
    assert set(acknowledged) <= set(done)
    assert sorted(acknowledged + lost) == list(range(count))


async def test_a_key_refused_for_a_moment_asks_nobody_for_a_password(
    relay, ssh_server, monkeypatch
):
    """As a login node does that has just started, and has no home folders yet."""
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.02,))
    relay, profile = relay
    person = Person()
    workspace = await Workspace.open(profile, "", prompts=person)
    keys = ssh_server.folder / "ssh" / "authorized_keys"
    text, seen = keys.read_text(), []

    def hear(link):
        if link.state is LinkState.LOST and "asks for" in link.reason:
            seen.append(link.reason)
            keys.write_text(text)

    workspace.on_link(hear)
    keys.write_text("")
    try:
        relay.reset()
        await until(lambda: seen)
        await until(lambda: workspace.link.state is LinkState.CONNECTED)
    finally:
        keys.write_text(text)
    assert seen[0].endswith("; nobody was asked")
    assert not person.asked
    await workspace.close()


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_what_people_have_in_their_ssh_config_does_no_harm(
    ssh_server, tmp_path, session
):
    config = tmp_path / "config"
    config.write_text(
        f"Host busy\n HostName 127.0.0.1\n Port {ssh_server.port}\n"
        f" User {ssh_server.user}\n IdentityFile {ssh_server.folder}/client/id\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {ssh_server.known_hosts}\n"
        f" ProxyCommand ssh -F {ssh_server.config} -W %h:%p tc-gateway\n"
        " RemoteCommand tmux new -A\n RequestTTY force\n Compression yes\n"
        " ForwardAgent yes\n ServerAliveInterval 60\n LogLevel ERROR\n"
        " LocalForward 127.0.0.1:1 localhost:1\n ControlMaster no\n"
    )
    profile = ssh_server.profile("busy", ssh_config=str(config), session=session)
    _, names = await connected(profile)
    assert ".bashrc" in names
