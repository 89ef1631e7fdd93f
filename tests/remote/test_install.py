"""The engine installed on a cluster through real SSH, with no index of packages."""

import asyncio
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support import remote_project as far
from support.wheelhouse import fill

from remote import channel
from remote import cluster as profiles
from remote import install as installing
from remote.errors import BadRequestError, SessionLostError
from remote.install import Wish, install
from remote.views import JobState, LinkState
from remote.wheel import about, pack
from remote.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def test_the_wheel_holds_every_module_and_its_own_record(tmp_path):
    path = pack(tmp_path, about())
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        record = archive.read(f"cryodeck-{about().version}.dist-info/RECORD").decode()
    assert {line.split(",")[0] for line in record.splitlines()} == names
    for package in ("engine", "remote", "tui"):
        for file in (ROOT / package).rglob("*.py"):
            assert file.relative_to(ROOT).as_posix() in names
    assert "tui/app.tcss" in names
    assert not [name for name in names if "__pycache__" in name]
    first = path.read_bytes()
    assert pack(tmp_path, about()).read_bytes() == first


def test_an_unknown_extra_is_refused_by_name():
    with pytest.raises(BadRequestError, match="no extra is called 'gpus'"):
        about().requirements(("engine", "gpus"))


@pytest.fixture
async def contact(ssh_server):
    setup = ("export PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null; unset PIP_FIND_LINKS",)
    profile = ssh_server.profile(scheduler="shell", engine="", setup=setup)
    opened = await Workspace.open(profile)
    yield opened
    await opened.close()


def in_home(ssh_server, *parts):
    return ssh_server.home.joinpath(".local/share/cryodeck", *parts)


@pytest.mark.cluster
async def test_what_fails_leaves_nothing_behind_and_one_line(
    contact, ssh_server, tmp_path
):
    said = []
    with pytest.raises(BadRequestError, match="try --offline") as refusal:
        await install(contact, Wish(), said.append)
    assert "\n" not in str(refusal.value)
    assert "numpy" in str(refusal.value)
    left = ssh_server.enter("find", str(in_home(ssh_server)), "-mindepth", "1")
    assert left.split() == [str(in_home(ssh_server, "versions"))]
    with pytest.raises(BadRequestError, match="no wheels"):
        await install(contact, Wish(wheelhouse=tmp_path), said.append)
    with pytest.raises(BadRequestError, match=r"no Python there.*--python"):
        await install(contact, Wish(python="/no/such/python"), said.append)
    with pytest.raises(BadRequestError, match="whole path"):
        await install(contact, Wish(prefix="deck"), said.append)


@pytest.mark.cluster
@pytest.mark.mpi
@pytest.mark.slow
async def test_an_engine_from_a_wheelhouse_runs_jobs_on_two_ranks(
    contact, ssh_server, tmp_path
):
    house = tmp_path / "house"
    house.mkdir()
    fill(house, about().requirements(("engine", "mpi")))
    said = []
    done = await install(contact, Wish(wheelhouse=house), said.append)
    assert done.mpi_works, done.mpi
    assert done.said == f"cryodeck engine {about().version}"
    assert said[-1].startswith("installing in")
    current = in_home(ssh_server, "current")
    assert done.cluster.engine == f"{current}/bin/python -m engine"
    assert not list(in_home(ssh_server).glob("incoming-*"))

    folder = far.place(ssh_server, "project")
    far.simulate(
        folder / "set", "--size", "256x256", "--pixel-size", "6", "--count", "1"
    )
    ssh_server.enter("chown", "-R", ssh_server.user, str(folder))
    contact.cluster = done.cluster
    profiles.save(done.cluster)
    assert profiles.load("tc").engine == done.cluster.engine
    project = Workspace(done.cluster, str(folder / "set"), contact.agent)
    await project.create_project()
    form = (await project.defaults("import")).replace("do_raw", False)
    form = form.replace("do_other", True).replace("fn_in_other", "micrographs_ctf.star")
    form = form.replace("node_type", "Micrographs STAR file (.star)")
    name = await project.create(form)
    await project.run(name)
    assert (await project.wait(name, timeout=60)).verdict.state is JobState.SUCCEEDED
    form = (await project.defaults("autopick")).replace("do_log", True)
    form = form.replace("fn_input_autopick", f"{name}/micrographs_ctf.star")
    name = await project.create(form.replace("nr_mpi", "2"))
    await project.run(name)
    row = await project.wait(name, timeout=60)
    assert row.verdict.state is JobState.SUCCEEDED, row.verdict
    assert "2 ranks" in (await project.log(name)).text

    again = await install(contact, Wish(wheelhouse=house, extras=()), said.append)
    assert again.folder != done.folder
    assert current.resolve() == Path(again.folder)
    assert Path(done.folder).is_dir()  # jobs that run now go on from it


@pytest.fixture
def house(tmp_path):
    """A wheelhouse with one small wheel that nothing needs."""
    folder = tmp_path / "small-house"
    folder.mkdir()
    fill(folder, ("iniconfig",))
    return folder


def bare(house):
    """The least that is an engine: its own wheel, no numpy."""
    return Wish(wheelhouse=house, extras=())


@pytest.mark.cluster
@pytest.mark.slow
async def test_a_broken_link_while_uploading_is_survived(
    contact, ssh_server, house, monkeypatch
):
    monkeypatch.setattr(installing, "PIECE_BYTES", 50_000)
    monkeypatch.setattr(channel, "BACK_OFF_S", (0.05,))
    said = []

    def tell(words):
        said.append(words)
        if len(said) == 4:
            contact.agent._session.connection.abort()

    done = await install(contact, bare(house), tell)
    assert len([words for words in said if words.startswith("uploading")]) > 6
    assert done.said == f"cryodeck engine {about().version}"


@pytest.mark.cluster
async def test_what_was_cut_off_is_taken_up_by_the_next_installation(
    contact, ssh_server, house, monkeypatch
):
    monkeypatch.setattr(installing, "PIECE_BYTES", 50_000)
    usual = installing._remove

    async def gone(contact, *folders):  # a client that was killed removes nothing
        return None

    def stop_at(words):
        def tell(said):
            if said.startswith(words):
                raise KeyboardInterrupt

        return tell

    monkeypatch.setattr(installing, "_remove", gone)
    with pytest.raises(KeyboardInterrupt):
        await install(contact, bare(house), stop_at("uploading 0 of"))
    (incoming,) = in_home(ssh_server).glob("incoming-*")
    arrived = {p.name: p.stat().st_mtime_ns for p in incoming.iterdir()}
    assert arrived
    monkeypatch.setattr(installing, "_remove", usual)

    # the link breaks while pip is at work: half a version stays, and the pieces
    async def cut():
        while not list(in_home(ssh_server, "versions").glob("*/installing")):
            await asyncio.sleep(0.02)
        contact.agent._session.connection.abort()

    cutting = asyncio.create_task(cut())
    with pytest.raises(SessionLostError):
        await install(contact, bare(house), lambda said: None)
    await cutting
    now = {p.name: p.stat().st_mtime_ns for p in incoming.iterdir()}
    assert arrived.items() <= now.items(), "a piece was sent again"
    (half,) = [p.parent for p in in_home(ssh_server).glob("versions/*/installing")]

    while contact.link.state is not LinkState.CONNECTED:
        await asyncio.sleep(0.05)
    done = await install(contact, bare(house), lambda said: None)
    assert in_home(ssh_server, "current").resolve() == Path(done.folder)
    assert not half.exists()
    assert not list(in_home(ssh_server).glob("incoming-*"))


@pytest.mark.cluster
async def test_a_python_that_is_too_old_is_named_with_what_to_do(
    contact, ssh_server, tmp_path
):
    old = ssh_server.home / "python3.6"
    old.write_text(
        '#!/bin/sh\necho \'cryodeck-found ["/usr/bin/python3.6", [3, 6], "x86_64", '
        '"/home/alice", "glibc 2.28"]\'\n'
    )
    old.chmod(0o755)
    with pytest.raises(BadRequestError, match=r"only Python 3\.6 there, the engine n"):
        await install(contact, Wish(python=str(old)), lambda said: None)


@pytest.mark.cluster
@pytest.mark.mpi
@pytest.mark.slow
async def test_without_any_network_an_engine_is_installed_and_slurm_runs_it(
    cluster, tmp_path
):
    house = tmp_path / "house"
    house.mkdir()
    fill(house, about().requirements(("engine", "mpi")))
    inside = "ip link set lo up; exec /usr/sbin/sshd -i -f"
    config = tmp_path / "config"
    config.write_text(
        f"Host tc\n ProxyCommand {cluster.folder}/enter unshare --net sh -c "
        f"'{inside} {cluster.folder}/ssh/sshd_login'\n{cluster.config.read_text()}"
    )
    contact = await Workspace.open(
        cluster.profile(ssh_config=str(config), engine="", setup=())
    )
    said = await contact.ask("processes.run", argv=["ip", "-br", "addr"])
    assert [line.split()[0] for line in said["out"].splitlines()] == ["lo"]
    said = await contact.ask(
        "processes.run", argv=["python3", "-m", "pip", "download", "numpy"], cwd="/tmp"
    )
    assert said["exit_status"] != 0
    done = await install(contact, Wish(wheelhouse=house), lambda said: None)
    await contact.close()

    folder = far.place(cluster, "installed")
    far.simulate(
        folder / "set", "--size", "256x256", "--pixel-size", "6", "--count", "2"
    )
    cluster.enter("chown", "-R", cluster.user, str(folder))
    profile = replace(done.cluster, ssh_config=str(cluster.config))
    project = await Workspace.open(profile, str(folder / "set"))
    await project.create_project()
    form = (await project.defaults("import")).replace("do_raw", False)
    form = form.replace("do_other", True).replace("fn_in_other", "micrographs_ctf.star")
    form = form.replace("node_type", "Micrographs STAR file (.star)")
    name = await project.create(form)
    await project.run(name)
    row = await project.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED, row.verdict
    form = (await project.defaults("autopick")).replace("do_log", True)
    form = form.replace("fn_input_autopick", f"{name}/micrographs_ctf.star")
    name = await project.create(form.replace("nr_mpi", "2"))
    number = await project.run(name)
    row = await project.wait(name, timeout=120)
    assert row.verdict.state is JobState.SUCCEEDED, row.verdict
    assert "2 ranks" in (await project.log(name)).text
    assert number.split()[-1].isdigit()
    script = (folder / "set" / name / "run_submit.script").read_text()
    assert "/current/bin/python -m engine" in script
    await project.close()


@pytest.mark.cluster
@pytest.mark.slow
async def test_a_csh_account_that_prints_and_loads_its_python_by_a_module(
    ssh_server, house, tmp_path, monkeypatch
):
    """Its own python3 is too old; words of its login files stand before the answers."""
    home = ssh_server.account("carol", shell="/usr/bin/tcsh")
    old, new = home / "old", home / "new"
    for folder in (old, new):
        folder.mkdir()
    (old / "python3").write_text(
        "#!/bin/sh\ncase $* in *cryodeck-found*) echo 'cryodeck-found "
        '["/old/python3", [3, 6], "x86_64", "/", "glibc 2.28"]\'; exit;; esac\n'
        'exec /usr/bin/python3 "$@"\n'
    )
    (old / "python3").chmod(0o755)
    (new / "python3.11").symlink_to("/usr/bin/python3.11")
    (home / ".cshrc").write_text("echo Welcome to csh\nset prompt='> '\n")
    (home / ".bash_profile").write_text(
        f"printf 'Welcome, no newline'\necho oops >&2\nexport PATH={old}:/bin\n"
        f'module() {{ [ "$1" = load ] && PATH={new}:$PATH && printf "loaded $2 "; }}\n'
    )
    (home / ".bash_logout").write_text("echo Goodbye; false\n")
    ssh_server.enter("chown", "-R", "carol", str(home))
    port = ssh_server.door("carols", "AllowUsers *")
    config = ssh_server.config_for(tmp_path / "config", port, user="carol")
    profile = ssh_server.profile("door", ssh_config=config, engine="", setup=())
    contact = await Workspace.open(replace(profile, scheduler="shell"))
    try:
        (old / "python3.11").symlink_to(old / "python3")
        contact.cluster = replace(contact.cluster, setup=())
        monkeypatch.setattr(installing, "_PYTHONS", ("python3", "python3.11"))
        with pytest.raises(BadRequestError, match=r"only Python 3\.6 .*module load"):
            await install(contact, bare(house), lambda said: None)
        setup = ("module load python/3.11",)
        contact.cluster = replace(contact.cluster, setup=setup)
        done = await install(contact, bare(house), lambda said: None)
        assert done.said == f"cryodeck engine {about().version}"
        assert done.python == f"{new}/python3.11 (3.11)"
        assert (home / ".local/share/cryodeck/current/bin/python").exists()
    finally:
        await contact.close()
        ssh_server.shut("carols")
