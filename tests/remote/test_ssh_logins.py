"""Logins that stock OpenSSH cannot be made to ask for: a server in this process.

The server hands its command to a real shell, so the agent runs as over any SSH.
"""

import asyncio
import os
import subprocess
from dataclasses import replace

import asyncssh
import pytest
from support.person import Person

from remote.cluster import Cluster
from remote.errors import HostKeyError, LoginError, SessionError
from remote.workspace import Workspace


class Door(asyncssh.SSHServer):
    """Lets in by whatever its test wants."""

    methods = ("none",)
    rounds = ()
    banner = ""

    def connection_made(self, conn):
        self.conn = conn
        self.round = 0

    def begin_auth(self, username):
        if self.banner:
            self.conn.send_auth_banner(self.banner)
        return "none" not in self.methods

    def kbdint_auth_supported(self):
        return "kbdint" in self.methods

    def get_kbdint_challenge(self, username, lang, submethods):
        self.round = 0
        return self.rounds[0][0]

    def validate_kbdint_response(self, username, responses):
        wanted = self.rounds[self.round][1]
        if list(responses) != wanted:
            return False
        self.round += 1
        if self.round == len(self.rounds):
            return True
        return self.rounds[self.round][0]

    def password_auth_supported(self):
        return "password" in self.methods

    def validate_password(self, username, password):
        if password == "old":
            raise asyncssh.PasswordChangeRequired("Your password has expired.")
        return password == "new"

    def change_password(self, username, old_password, new_password):
        return old_password == "old" and new_password == "new"


async def run_shell(process):
    """Run the command as a login shell would; SFTP-only servers do not."""
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def feed():
        try:
            while data := await process.stdin.read(65536):
                child.stdin.write(data)
                await child.stdin.drain()
        except (asyncssh.Error, ConnectionError):
            pass  # the client has gone
        child.stdin.close()

    async def show(source, sink):
        while data := await source.read(65536):
            sink.write(data)

    await asyncio.gather(
        feed(), show(child.stdout, process.stdout), show(child.stderr, process.stderr)
    )
    process.exit(await child.wait())


async def sftp_only(process):
    """What ForceCommand internal-sftp looks like to others."""
    process.stdout.write(b"This service allows sftp connections only.\n")
    process.exit(1)


@pytest.fixture
async def serve(tmp_path):
    """Start a server with a kind of door; gives a profile that leads to it."""
    servers = []
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def start(handler=run_shell, *, known=True, certificate=None, **door):
        kind = type("OneDoor", (Door,), door)
        host_key = (key, certificate) if certificate else key
        server = await asyncssh.create_server(
            kind,
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            process_factory=handler,
            encoding=None,
            allow_scp=False,
        )
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        hosts = tmp_path / "known_hosts"
        if known:
            public = key.export_public_key().decode()
            hosts.write_text(f"[127.0.0.1]:{port} {public}")
        config = tmp_path / "config"
        config.write_text(
            f"Host site\n HostName 127.0.0.1\n Port {port}\n User me\n"
            " IdentitiesOnly yes\n IdentityFile /nonexistent\n"
        )
        return Cluster(name="site", ssh_config=str(config), known_hosts=str(hosts))

    start.key = key
    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def log_in(profile, person):
    workspace = await Workspace.open(profile, "/", prompts=person)
    answer = await workspace.ask("host.ping")
    await workspace.close()
    return answer


async def test_a_menu_of_second_factors_is_shown_with_its_text(serve):
    menu = "Duo two-factor login for me\n\n 1. Duo Push to XXX-1234\n 2. Phone call\n"
    profile = await serve(
        methods=("kbdint",),
        rounds=(
            (("", "", "", (("Password: ", False),)), ["secret"]),
            (("Duo", menu, "", (("Passcode or option (1-2): ", True),)), ["1"]),
            (("", "Pushed a login request to your device...", "", ()), []),
        ),
    )
    person = Person("secret", "1")
    assert await log_in(profile, person) > 0
    assert person.asked == [["Password:"], ["Passcode or option (1-2):"]]
    assert person.told == ["Pushed a login request to your device..."]


async def test_several_questions_in_one_round(serve):
    questions = (("User token: ", True), ("PIN: ", False))
    profile = await serve(
        methods=("kbdint",), rounds=((("", "", "", questions), ["a", "b"]),)
    )
    person = Person("a", "b")
    assert await log_in(profile, person) > 0
    assert person.asked == [["User token:", "PIN:"]]


async def test_questions_with_escape_sequences_are_shown_clean(serve):
    question = (("\x1b]0;evil\x07\x1b[31mCode\x1b[0m: ", True),)
    profile = await serve(
        methods=("kbdint",),
        rounds=((("\x1b[2Jx", "", "", question), ["1"]),),
        banner="\x1b[5mHello\x1b[0m\n",
    )
    person = Person("1")
    await log_in(profile, person)
    assert person.asked == [["Code:"]]
    assert person.told == ["Hello"]


async def test_a_wrong_code_ends_soon_when_the_person_gives_up(serve):
    profile = await serve(
        methods=("kbdint",), rounds=((("", "", "", (("Code: ", False),)), ["1"]),)
    )
    person = Person("2", "3")
    with pytest.raises(LoginError, match="given up"):
        await log_in(profile, person)
    assert len(person.asked) <= 3


async def test_an_expired_password_is_changed(serve):
    profile = await serve(methods=("password",))
    person = Person("old", "old", "new", "typo", "old", "new", "new")
    assert await log_in(profile, person) > 0
    assert person.asked[1] == ["Old password", "New password", "New password again"]


async def test_a_slow_person_is_waited_for_beyond_the_connect_time_out(serve):
    profile = await serve(methods=("password",))
    person = Person("new")
    usual = person.ask

    async def slow(*args):
        await asyncio.sleep(3.5)
        return await usual(*args)

    person.ask = slow
    profile = replace(profile, connect_timeout_s=3.0, login_timeout_s=60.0)
    assert await log_in(profile, person) > 0


async def test_a_login_that_never_ends_is_given_up(serve):
    profile = await serve(methods=("password",))
    person = Person()

    async def never(*args):
        await asyncio.sleep(60)

    person.ask = never
    profile = replace(profile, connect_timeout_s=3.0, login_timeout_s=1.0)
    with pytest.raises(SessionError, match="took too long"):
        await asyncio.wait_for(log_in(profile, person), 30)


async def test_sftp_only_servers_say_so(serve):
    profile = await serve(sftp_only)
    with pytest.raises(SessionError, match="sftp connections only"):
        await log_in(profile, Person())


async def test_a_host_certificate_is_trusted_by_its_authority(serve, tmp_path):
    authority = asyncssh.generate_private_key("ssh-ed25519")
    certificate = authority.generate_host_certificate(
        serve.key, "site", principals=["127.0.0.1"]
    )
    profile = await serve(known=False, certificate=certificate)
    public = authority.export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"@cert-authority * {public}")
    person = Person()
    assert await log_in(profile, person) > 0
    assert person.keys == []


async def test_a_revoked_host_key_is_refused_without_a_question(serve, tmp_path):
    profile = await serve()
    known = tmp_path / "known_hosts"
    public = serve.key.export_public_key().decode()
    known.write_text(f"@revoked * {public}{known.read_text()}")
    person = Person()
    with pytest.raises(HostKeyError, match="revoked"):
        await log_in(profile, person)
    assert person.keys == []


async def test_a_host_key_alias_is_known_by_its_name_whatever_the_port(serve, tmp_path):
    profile = await serve(known=False)
    config = tmp_path / "config"
    config.write_text(config.read_text() + " HostKeyAlias the-cluster\n")
    person = Person()
    assert await log_in(profile, person) > 0
    assert len(person.keys) == 1
    assert (tmp_path / "known_hosts").read_text().startswith("the-cluster ssh-ed25519 ")
    assert await log_in(profile, person) > 0
    assert len(person.keys) == 1


async def test_a_second_kind_of_key_is_not_trusted_for_the_first(serve, tmp_path):
    profile = await serve()
    known = tmp_path / "known_hosts"
    name = known.read_text().split()[0]
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    known.write_text(f"{name} {other.export_public_key().decode()}")
    person = Person()
    with pytest.raises(HostKeyError, match=r"HAVE CHANGED.*ecdsa"):
        await log_in(profile, person)
    assert person.keys == []


async def test_keys_of_a_running_agent_are_used(serve, tmp_path, monkeypatch):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id")
    (tmp_path / "id").chmod(0o600)
    socket = tmp_path / "agent"
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL
    )
    try:
        while not socket.exists():
            await asyncio.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(
            ["ssh-add", "-q", tmp_path / "id"], check=True, capture_output=True
        )
        public = key.export_public_key().decode().split()[1]

        def accepts(self, username, offered):
            return offered.export_public_key().decode().split()[1] == public

        profile = await serve(
            methods=("key",),
            public_key_auth_supported=lambda self: True,
            validate_public_key=accepts,
        )
        config = tmp_path / "config"
        config.write_text(
            "\n".join(
                line for line in config.read_text().split("\n") if "Ident" not in line
            )
        )
        person = Person()
        assert await log_in(profile, person) > 0
        assert person.asked == []
    finally:
        agent.terminate()
        agent.wait()


async def test_an_ssh_config_that_cannot_be_read_is_named(tmp_path):
    config = tmp_path / "config"
    config.write_text("Host site\n Port many\n")
    with pytest.raises(Exception, match=r"(?i)port|many"):
        await log_in(Cluster(name="site", ssh_config=str(config)), Person())
    missing = Cluster(name="site", ssh_config=str(tmp_path / "none"))
    with pytest.raises(Exception, match="none: the ssh config"):
        await log_in(missing, Person())


async def test_jump_hosts_that_loop_are_noticed(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        f"Host *\n ProxyJump site\n User {os.environ.get('USER', 'me')}\n"
    )
    with pytest.raises(Exception, match="ProxyJump"):
        await log_in(Cluster(name="site", ssh_config=str(config)), Person())


async def test_a_key_on_a_security_key_that_is_not_there_is_explained(serve, tmp_path):
    key = asyncssh.sk_eddsa._SKEd25519Key(bytes(range(32)), "ssh:", 1, b"handle", b"")
    (tmp_path / "id_sk").write_bytes(key.export_private_key("openssh"))
    public = key.export_public_key("openssh")
    keys = asyncssh.import_authorized_keys(public.decode())

    def begin_auth(self, username):
        self.conn.set_authorized_keys(keys)
        return True

    profile = await serve(methods=(), begin_auth=begin_auth)
    config = tmp_path / "config"
    text = config.read_text().replace("/nonexistent", str(tmp_path / "id_sk"))
    config.write_text(text)
    with pytest.raises(LoginError, match=r"on a security key: .*touch it .*openssh"):
        await log_in(profile, Person())


async def test_where_kerberos_is_asked_for_a_refusal_says_what_it_needs(
    serve, tmp_path
):
    profile = await serve(methods=("password",))
    config = tmp_path / "config"
    config.write_text(config.read_text() + " GSSAPIAuthentication yes\n")
    with pytest.raises(LoginError, match=r"Kerberos: .*(gssapi|kinit)"):
        await log_in(profile, Person("wrong", "wrong", "wrong"))
    config.write_text(config.read_text().replace("GSSAPIAuthentication yes", ""))
    with pytest.raises(LoginError) as refused:
        await log_in(profile, Person("wrong", "wrong", "wrong"))
    assert "Kerberos" not in str(refused.value)
