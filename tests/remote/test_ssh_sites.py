"""What real sites do to a login, each by OpenSSH's own server on loopback."""

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.local_sessions import until
from support.person import Person

from remote import channel
from remote.agent import bootstrap
from remote.errors import AgentError, HostKeyError, LoginError, SessionError
from remote.views import LinkState
from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


async def hello_of(profile, person=None):
    """Who the agent is, through a fresh connection that has also listed a folder."""
    workspace = await Workspace.open(profile, "", prompts=person or Person())
    try:
        await workspace.list_dir("")
        return workspace.agent.hello
    finally:
        await workspace.close()


def keygen(*words):
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True)


@pytest.fixture
def at_door(ssh_server, tmp_path):
    """Profile that leads to an sshd of the test's own."""
    names = []

    def lead(name, *settings, config=(), user="", command=(), **more):
        port = ssh_server.door(name, *settings, command=command)
        names.append(name)
        path = ssh_server.config_for(tmp_path / f"to_{name}", port, *config, user=user)
        return ssh_server.profile("door", ssh_config=path, **more)

    yield lead
    for name in names:
        ssh_server.shut(name)


@pytest.mark.parametrize("session", ["ssh", "openssh"])
@pytest.mark.parametrize("way", ["tc-gateway,tc", "tc-jump"])
async def test_two_jump_hosts_are_gone_through(at_door, session, way):
    profile = at_door(
        "behind", "MaxSessions 1", config=[f"ProxyJump {way}"], session=session
    )
    assert (await hello_of(profile))["user"] == "alice"


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_one_session_is_enough(at_door, session):
    profile = at_door("single", "MaxSessions 1", session=session)
    workspace = await Workspace.open(profile, "", prompts=Person())
    said = await asyncio.gather(
        workspace.list_dir(""),
        *(workspace.ask("processes.run", argv=["echo", str(n)]) for n in range(8)),
    )
    assert [one["out"] for one in said[1:]] == [f"{n}\n" for n in range(8)]
    await workspace.close()


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_a_forwarded_agent_is_there_for_what_runs_over_there(
    at_door, ssh_server, tmp_path, monkeypatch, session
):
    key = tmp_path / "forwarded"
    keygen("-t", "ed25519", "-N", "", "-C", "a forwarded key", "-f", key)
    sock = tmp_path / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    try:
        await until(sock.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(sock))
        subprocess.run(["ssh-add", "-q", key], check=True)
        profile = at_door("forward", config=["ForwardAgent yes"], session=session)
        workspace = await Workspace.open(profile, "", prompts=Person())
        said = await workspace.ask("processes.run", argv=["ssh-add", "-l"])
        await workspace.close()
        assert "a forwarded key" in said["out"]
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_a_user_certificate_opens_the_session(
    at_door, ssh_server, tmp_path, session
):
    authority, key = tmp_path / "ca", tmp_path / "mine"
    for path in (authority, key):
        keygen("-t", "ed25519", "-N", "", "-f", path)
    keygen("-s", authority, "-I", "alice", "-n", "alice", "-V", "+1h", f"{key}.pub")
    trusted = ssh_server.folder / "ssh" / "user_ca.pub"
    trusted.write_text(Path(f"{authority}.pub").read_text())
    settings = [f"TrustedUserCAKeys {trusted}", "AuthorizedKeysFile none"]
    mine = [f"IdentityFile {key}", f"CertificateFile {key}-cert.pub"]
    profile = at_door("certified", *settings, config=mine, session=session)
    assert (await hello_of(profile))["user"] == "alice"
    keygen("-s", authority, "-I", "x", "-n", "bob", "-V", "+1h", f"{key}.pub")
    with pytest.raises(LoginError):
        await hello_of(profile)


async def test_a_host_certificate_is_trusted_by_its_authority_alone(
    at_door, ssh_server, tmp_path
):
    authority = tmp_path / "ca"
    keygen("-t", "ed25519", "-N", "", "-f", authority)
    host = ssh_server.folder / "ssh" / "host_certified"
    keygen("-t", "ed25519", "-N", "", "-f", host)
    keygen("-s", authority, "-I", "login", "-h", "-n", "127.0.0.1", f"{host}.pub")
    settings = [f"HostKey {host}", f"HostCertificate {host}-cert.pub"]
    profile = at_door("host-certified", *settings)
    known = tmp_path / "known"
    public = Path(f"{authority}.pub").read_text()
    known.write_text(f"@cert-authority * {public}")
    person = Person(trusts=False)
    profile = ssh_server.profile(
        "door", ssh_config=profile.ssh_config, known_hosts=str(known)
    )
    assert (await hello_of(profile, person))["user"] == "alice"
    assert person.keys == []


async def test_a_hashed_file_knows_the_host_and_a_changed_key_is_a_hard_stop(
    at_door, tmp_path
):
    profile = at_door("hashed")
    known = tmp_path / "to_hashed.known"
    keygen("-H", "-f", known)
    assert known.read_text().startswith("|1|")
    person = Person(trusts=True)
    await hello_of(profile, person)
    assert person.keys == []
    key = tmp_path / "other"
    keygen("-t", "ed25519", "-N", "", "-f", key)
    entry = known.read_text().split()[0]
    known.write_text(f"{entry} {Path(f'{key}.pub').read_text()}")
    with pytest.raises(HostKeyError, match=r"HAS CHANGED.* line 1 ") as raised:
        await hello_of(profile, person)
    assert "ssh-keygen -R" in str(raised.value)
    assert person.keys == []


async def test_a_key_that_changes_while_connected_stops_the_reconnecting(
    at_door, tmp_path, monkeypatch
):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.05,))
    workspace = await Workspace.open(at_door("changing"), "", prompts=Person())
    key = tmp_path / "other"
    keygen("-t", "ed25519", "-N", "", "-f", key)
    known = tmp_path / "to_changing.known"
    entry = known.read_text().split()[0]
    known.write_text(f"{entry} {Path(f'{key}.pub').read_text()}")
    workspace.agent._session.connection.abort()
    await until(lambda: workspace.link.state is LinkState.REFUSED)
    assert "HAS CHANGED" in workspace.link.reason
    await asyncio.sleep(0.3)
    assert workspace.link.state is LinkState.REFUSED
    await workspace.close()


async def test_an_expired_password_is_changed_in_rounds_by_pam(
    at_door, ssh_server, tmp_path
):
    """Passwd's library renames /etc/shadow: this sshd has an /etc of its own."""
    password = "a rather long word 7!"
    own = ssh_server.folder / "own-etc"
    script = (
        f"cp -a /etc {own} && mount --bind {own} /etc && "
        "usermod -p \"$(openssl passwd -6 'first word')\" alice && "
        'chage -d 0 alice && exec "$@"'
    )
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    settings = [
        "KbdInteractiveAuthentication yes",
        "AuthenticationMethods keyboard-interactive:pam",
    ]
    profile = at_door("expired", *settings, command=inside)
    pam = own / "pam.d" / "sshd"
    pam.write_text(pam.read_text() + "password required pam_unix.so sha512\n")
    person = Person("first word", "first word", password, password)
    assert (await hello_of(profile, person))["user"] == "alice"
    asked = [text for questions in person.asked for text in questions]
    assert len(asked) == 4
    assert asked[0] == "Password:"
    assert "required to change your password immediately" in asked[1]
    assert asked[1].endswith("Current password:")
    assert asked[2:] == ["New password:", "Retype new password:"]
    again = Person(password)
    await hello_of(profile, again)
    assert len(again.asked) == 1


async def test_keep_alives_of_the_server_are_answered(at_door):
    profile = at_door("alive", "ClientAliveInterval 1", "ClientAliveCountMax 2")
    workspace = await Workspace.open(profile, "", prompts=Person())
    first = workspace.agent.hello["pid"]
    await asyncio.sleep(4.5)
    await workspace.list_dir("")
    assert workspace.agent.hello["pid"] == first
    await workspace.close()


async def test_an_idle_limit_is_kept_off_by_pings_and_else_survived(
    at_door, monkeypatch
):
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.05,))
    monkeypatch.setattr(channel, "PING_S", 0.5)
    profile = at_door("idle", "ChannelTimeout session:*=3s")
    workspace = await Workspace.open(profile, "", prompts=Person())
    first = workspace.agent.hello["pid"]
    await asyncio.sleep(4.5)
    assert workspace.agent.hello["pid"] == first
    monkeypatch.setattr(channel, "PING_S", 3600.0)
    await until(lambda: workspace.agent.hello["pid"] != first)
    await until(lambda: workspace.link.state is LinkState.CONNECTED)
    await workspace.list_dir("")
    await workspace.close()


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_an_account_for_file_transfer_only_is_told_so(at_door, session):
    profile = at_door("sftp", "ForceCommand internal-sftp", session=session)
    with pytest.raises(SessionError, match="file transfer only") as raised:
        await hello_of(profile)
    assert "\n" not in str(raised.value)
    assert "shell" in str(raised.value)


_NOISE = {
    "tcsh": (".cshrc", "echo Welcome; set prompt='x> '; sleep 0"),
    "fish": (".config/fish/config.fish", "echo Welcome; set -x TMOUT 1"),
    "zsh": (".zshenv", "echo Welcome; echo oops >&2; TMOUT=1"),
    "bash": (".bashrc", "echo Welcome; readonly TMOUT=1; export TMOUT; stty -echo"),
}


@pytest.mark.parametrize("shell", sorted(_NOISE))
async def test_any_login_shell_may_print_what_it_likes(at_door, ssh_server, shell):
    home = ssh_server.account(f"u{shell}", shell=f"/usr/bin/{shell}")
    file, noise = _NOISE[shell]
    rc = home / file
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(f"{noise}\n")
    ssh_server.enter("chown", "-R", f"u{shell}", str(home))
    profile = at_door(f"shell-{shell}", "AllowUsers *", user=f"u{shell}")
    workspace = await Workspace.open(profile, "", prompts=Person())
    assert workspace.agent.hello["user"] == f"u{shell}"
    await asyncio.sleep(1.5)  # longer than TMOUT
    said = await workspace.ask("processes.run", argv=["printf", "%s|", "a b", "$HOME"])
    assert said["out"] == "a b|$HOME|"
    await workspace.close()


@pytest.mark.parametrize(
    ("shell", "says"),
    [("/usr/sbin/nologin", "not available"), ("/bin/rbash", "restricted")],
)
async def test_a_shell_that_starts_nothing_is_quoted(at_door, ssh_server, shell, says):
    name = Path(shell).name
    ssh_server.account(name, shell=shell)
    profile = at_door(f"shell-{name}", "AllowUsers *", user=name)
    with pytest.raises(SessionError, match=says) as raised:
        await hello_of(profile)
    assert "\n" not in str(raised.value)


async def test_a_killed_client_leaves_nothing_on_the_login_node(
    at_door, ssh_server, tmp_path
):
    """SIGKILL: no farewell at all; the agent ends because its channel did."""
    profile = at_door("killed")
    script = tmp_path / "client.py"
    script.write_text(
        "import asyncio, sys\n"
        "from remote.cluster import Cluster\n"
        "from remote.workspace import Workspace\n"
        "async def main():\n"
        "    cluster = Cluster(name='door', ssh_config=sys.argv[1])\n"
        "    w = await Workspace.open(cluster, '')\n"
        "    asyncio.create_task(w.ask('processes.run', argv=['sleep', '61']))\n"
        "    print(w.agent.hello['pid'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    before = {p: p.stat().st_mtime_ns for p in ssh_server.home.rglob("*")}
    find = "find /tmp /dev/shm /var/tmp -maxdepth 1 -user alice"
    elsewhere = ssh_server.shell(find)
    client = subprocess.Popen(
        [sys.executable, script, profile.ssh_config],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    pid = client.stdout.readline().strip()

    def processes():
        return ssh_server.shell("ps -u alice -o pid=,args=", check=False)

    await until(lambda: "sleep 61" in processes())
    assert pid in processes().split()
    client.kill()
    client.wait()
    client.stdout.close()
    await until(lambda: pid not in processes().split())
    await until(lambda: "sleep 61" not in processes())
    assert {p: p.stat().st_mtime_ns for p in ssh_server.home.rglob("*")} == before
    assert ssh_server.shell(find) == elsewhere


async def test_a_site_s_limits_are_kept_and_shown(at_door, ssh_server):
    own = ssh_server.folder / "limited-etc"
    script = f'cp -a /etc {own} && mount --bind {own} /etc && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    profile = at_door("limited", command=inside)
    (own / "cryodeck").mkdir()
    (own / "cryodeck" / "limits").write_text("poll_s = 45\nmemory_mb = 150\nnice=15\n")
    workspace = await Workspace.open(profile, "", prompts=Person())
    seen = await workspace.traffic()
    assert seen.is_limited
    assert (seen.limits["poll_s"], seen.limits["memory_mb"]) == (45.0, 150.0)
    assert 5e6 < seen.memory <= seen.memory_peak < 60e6
    assert 0 < seen.cpu_s < 30
    findings = {f.check: f.says for f in await workspace.doctor()}
    assert "memory_mb 150" in findings["limits"]
    assert "one process" in findings["agent"]
    argv = ["sh", "-c", "for t in /proc/$PPID/task/*; do cut -d' ' -f19 $t/stat; done"]
    said = await workspace.ask("processes.run", argv=argv)
    assert "15" not in said["out"].split()  # nothing heavy has been asked yet
    await workspace.create_project()
    said = await workspace.ask("processes.run", argv=["true"])
    with contextlib.suppress(AgentError):
        await workspace.statistics("1")
    said = await workspace.ask("processes.run", argv=argv)
    assert "15" in said["out"].split()
    await workspace.ask("processes.run", argv=["rm", "-rf", "default_pipeline.star"])
    await workspace.close()


async def test_an_agent_whose_link_died_silently_ends_by_itself(
    at_door, ssh_server, monkeypatch
):
    """A laptop that never wakes up: no end of the connection reaches the server."""
    known = bootstrap.sources()
    short = {
        name: (is_package, text.replace('"silence_s": (900.0,', '"silence_s": (5.0,'))
        for name, (is_package, text) in known.items()
    }
    monkeypatch.setattr(bootstrap, "sources", lambda: short)
    monkeypatch.setattr(channel, "PING_S", 3600.0)
    bootstrap.modules.cache_clear()
    bootstrap.bundle.cache_clear()
    try:
        workspace = await Workspace.open(at_door("silent"), "", prompts=Person())
    finally:
        monkeypatch.undo()
        bootstrap.modules.cache_clear()
        bootstrap.bundle.cache_clear()
    pid = str(workspace.agent.hello["pid"])

    def processes():
        return ssh_server.shell("ps -u alice -o pid=", check=False).split()

    assert pid in processes()
    monkeypatch.setattr(channel, "PING_S", 3600.0)
    monkeypatch.setattr(channel, "BACK_OFF_S", (3600.0,))
    await until(lambda: pid not in processes())
    await workspace.close()
