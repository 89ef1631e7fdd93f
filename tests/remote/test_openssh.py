"""Sessions by the person's own ssh."""

import subprocess
from pathlib import Path

import pytest
from support.person import Person

from remote.cluster import Cluster
from remote.errors import BadRequestError, HostKeyError, LoginError
from remote.openssh import OpenSshSession
from remote.workspace import Workspace


@pytest.mark.cluster
async def test_the_persons_own_ssh_gets_in(ssh_server):
    for host in ("tc", "tc-jump"):
        workspace = await Workspace.open(ssh_server.profile(host, session="openssh"))
        assert workspace.agent.hello["user"] == ssh_server.user
        await workspace.list_dir("")
        await workspace.close()


@pytest.mark.cluster
async def test_an_open_master_connection_is_used_where_a_code_is_wanted(
    ssh_server, tmp_path
):
    config = tmp_path / "config"
    config.write_text(
        f"Host *\n ControlPath {tmp_path}/%n\n" + ssh_server.config.read_text()
    )
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\nexec {ssh_server.folder}/client/totp\n")
    askpass.chmod(0o755)
    master = ["ssh", "-F", config, "-M", "-N", "-f", "tc-otp"]
    subprocess.run(
        master,
        check=True,
        env={
            "SSH_ASKPASS": askpass,
            "SSH_ASKPASS_REQUIRE": "force",
            "PATH": "/usr/bin:/bin",
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        profile = ssh_server.profile(
            "tc-otp", session="openssh", ssh_config=str(config)
        )
        workspace = await Workspace.open(profile)
        assert workspace.agent.hello["user"] == ssh_server.user
        await workspace.close()
    finally:
        subprocess.run(
            ["ssh", "-F", config, "-O", "exit", "tc-otp"],
            check=True,
            stderr=subprocess.DEVNULL,
        )


@pytest.mark.cluster
async def test_what_ssh_complains_of_is_translated(ssh_server, tmp_path):
    wrong = f"{ssh_server.known_hosts}.wrong"
    cases = (
        ({"known_hosts": wrong}, HostKeyError, "HAS CHANGED"),
        ({"known_hosts": str(tmp_path / "none")}, HostKeyError, "not known"),
        ({"name": "tc-otp"}, LoginError, "ControlMaster"),
    )
    for more, error, says in cases:
        profile = ssh_server.profile(**{"session": "openssh", **more})
        with pytest.raises(error, match=says):
            await Workspace.open(profile)


@pytest.mark.cluster
async def test_what_ssh_asks_is_brought_to_the_person(ssh_server, tmp_path):
    config = tmp_path / "config"
    text = ssh_server.config.read_text().replace("client/id\n", "client/not-there\n")
    config.write_text(text.replace("StrictHostKeyChecking yes", ""))
    known = tmp_path / "known_hosts"
    person = Person(ssh_server.password, ssh_server.code)
    profile = ssh_server.profile(
        "tc-otp", session="openssh", ssh_config=str(config), known_hosts=str(known)
    )
    workspace = await Workspace.open(profile, prompts=person)
    assert workspace.agent.hello["user"] == ssh_server.user
    folder = Path(workspace.agent._session._askpass._folder)
    assert folder.stat().st_mode & 0o077 == 0
    await workspace.close()
    assert not folder.exists()
    (key,) = person.keys
    assert key.fingerprint.startswith("SHA256:")
    assert key.port == ssh_server.port + 1
    assert [asked[0].split(") ")[-1] for asked in person.asked] == [
        "Password:",
        "Verification code:",
    ]
    assert workspace.agent.hello["user"] == ssh_server.user


@pytest.mark.cluster
async def test_giving_up_at_a_question_of_ssh_is_a_login_error(ssh_server, tmp_path):
    config = tmp_path / "config"
    text = ssh_server.config.read_text().replace("client/id\n", "client/not-there\n")
    config.write_text(text)
    profile = ssh_server.profile(session="openssh", ssh_config=str(config))
    with pytest.raises(LoginError, match="given up"):
        await Workspace.open(profile, prompts=Person())
    stranger = ssh_server.profile(
        session="openssh",
        ssh_config=str(config),
        known_hosts=str(tmp_path / "none"),
    )
    config.write_text(text.replace("StrictHostKeyChecking yes", ""))
    with pytest.raises(HostKeyError, match="not accepted"):
        await Workspace.open(stranger, prompts=Person(trusts=False))


def test_a_host_that_looks_like_an_option_is_refused():
    with pytest.raises(BadRequestError, match="cannot be the name"):
        OpenSshSession(Cluster(name="a", host="-oProxyCommand=touch hacked"))


def test_no_shell_sees_the_arguments():
    cluster = Cluster(name="a", host="h;$(id)", user="me", port=2222)
    argv = OpenSshSession(cluster).argv("run this")
    assert argv[-3:] == ["--", "h;$(id)", "run this"]
    assert argv[argv.index("-p") + 1] == "2222"
