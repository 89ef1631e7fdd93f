"""What is typed at a prompt is nowhere afterwards; what is written is private."""

import logging
import os
import resource
import stat
import threading
from pathlib import Path

import pytest
from support.person import Person

from remote import cluster as profiles
from remote.errors import LoginError
from remote.journal import Journal
from remote.places import cache_home, config_home, state_home
from remote.workspace import Workspace

pytestmark = pytest.mark.cluster

PASSPHRASE = "looking glass"
WRONG = "not-the-word-4711"


class Processes(threading.Thread):
    """Looks at the words and the environment of every process, again and again."""

    def __init__(self, secrets):
        super().__init__(daemon=True)
        self.secrets = [word.encode() for word in secrets]
        self.found = set()
        self.looks = 0
        self._over = threading.Event()

    def run(self):
        while not self._over.is_set():
            for folder in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        data = (folder / name).read_bytes()
                    except OSError:
                        continue
                    for word in self.secrets:
                        if word in data:
                            self.found.add((name, word, data[:200]))
            self.looks += 1

    def stop(self):
        self._over.set()
        self.join()


def files_below(*folders):
    return [p for folder in folders for p in Path(folder).rglob("*") if p.is_file()]


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("session", ["ssh", "openssh"])
async def test_no_secret_is_written_logged_or_shown_in_a_process_list(
    ssh_server, tmp_path, session, caplog, open_umask
):
    caplog.set_level(logging.DEBUG)
    config = tmp_path / "config-for-ssh"
    text = ssh_server.config.read_text()
    config.write_text(text.replace("client/id\n", "client/not-there\n"))
    secrets = [ssh_server.password, WRONG, PASSPHRASE]
    watch = Processes([WRONG, PASSPHRASE])
    watch.start()
    there = {p: p.stat().st_mtime_ns for p in files_below(ssh_server.home)}
    try:
        person = Person(WRONG, ssh_server.password, ssh_server.password)
        profile = ssh_server.profile(session=session, ssh_config=str(config))
        workspace = await Workspace.open(profile, "", prompts=person)
        await workspace.create_project()
        await workspace.overview()
        await workspace.close()
        key = str(ssh_server.folder / "client" / "id_secret")
        person = Person(PASSPHRASE)
        profile = ssh_server.profile(session=session, identity_file=key)
        profiles.save(profile)
        workspace = await Workspace.open(profile, "", prompts=person)
        await workspace.close()
        profile = ssh_server.profile(session=session, ssh_config=str(config))
        with pytest.raises(LoginError) as refused:
            await Workspace.open(profile, "", prompts=Person(*[WRONG] * 20))
    finally:
        watch.stop()
        ssh_server.shell("rm -rf default_pipeline.star .cryodeck .gui_projectdir")
    assert watch.looks > 3
    assert watch.found == set()
    said = [str(refused.value), caplog.text, repr(workspace), repr(profile)]
    for word in secrets:
        assert not [text for text in said if word in text], word
    written = files_below(tmp_path)
    assert any(path.name == "journal.jsonl" for path in written)
    over_there = [p for p in files_below(ssh_server.home) if p not in there]
    for path in [*written, *over_there]:
        data = path.read_bytes()
        for word in secrets:
            assert word.encode() not in data, f"{word} in {path}"


async def test_private_files_are_private_under_any_umask(project, open_umask):
    profile = profiles.parse('session = "local"\n', "here")
    path = profiles.save(profile)
    workspace = await Workspace.open(profile, str(project))
    await workspace.overview()
    await workspace.statistics("2")
    await workspace.close()
    Journal().close()
    written = files_below(config_home(), state_home(), cache_home())
    assert path in written
    assert {"journal.jsonl", "here.toml"} <= {p.name for p in written}
    assert any(p.suffix == ".json" for p in written)  # what was last known
    for file in written:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        for folder in (file.parent, *file.parents):
            if folder in (config_home().parent, state_home().parent):
                break
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_a_journal_that_was_open_to_others_is_shut(tmp_path):
    path = tmp_path / "state" / "journal.jsonl"
    path.parent.mkdir(mode=0o755)
    path.write_text("")
    path.chmod(0o644)
    journal = Journal(path)
    journal.write("here", "host.ping", "", 0.1, "ok")
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_no_core_is_written_after_a_secret_was_typed(ssh_server, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        key = str(ssh_server.folder / "client" / "id_secret")
        profile = ssh_server.profile(identity_file=key)
        workspace = await Workspace.open(profile, "", prompts=Person(PASSPHRASE))
        await workspace.close()
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
