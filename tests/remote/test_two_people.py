"""Two windows, and two people of one group, at work in one project at the same time."""

import asyncio
from pathlib import Path

import pytest
from support import hand_project
from support.local_sessions import until
from support.person import Person

from engine.io.coordinates import read_coordinates
from engine.jobs.job import Job
from engine.project.picks_file import PicksFile
from remote.agent import records
from remote.errors import BadRequestError, ConflictError
from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


def a_form(**values):
    return Job.new("import", "4.0", {"do_raw": "No", "do_other": "Yes", **values})


@pytest.fixture(scope="module")
def way_in(ssh_server, tmp_path_factory):
    """Profile for one of two people: alice, or bob of her group."""
    group = int(ssh_server.settings["USERID"])
    ssh_server.account("bob", group=group)
    port = ssh_server.door("people", "AllowUsers *")
    folder = tmp_path_factory.mktemp("people")

    def lead(user, umask):
        home = ssh_server.folder / "home" / user
        rc = home / ".bashrc"
        rc.write_text(f"umask {umask}\n")
        config = ssh_server.config_for(folder / user, port, user=user)
        return ssh_server.profile("door", ssh_config=config, scheduler="shell")

    usual = (ssh_server.home / ".bashrc").read_text()
    yield lead
    (ssh_server.home / ".bashrc").write_text(usual)
    ssh_server.shut("people")


@pytest.fixture
async def shared(ssh_server, way_in, request):
    """The project in alice's window and in bob's."""
    folder = ssh_server.folder / "share" / request.node.name[:40]
    ssh_server.enter("install", "-d", "-m", "2775", "-o", "alice", str(folder))
    ssh_server.enter("chgrp", ssh_server.settings["USERID"], str(folder))
    windows = []

    async def opened(user, umask="002"):
        profile = way_in(user, umask)
        window = await Workspace.open(profile, str(folder), prompts=Person())
        assert window.agent.hello["user"] == user
        windows.append(window)
        return window

    yield opened
    for window in windows:
        await window.close()


async def test_two_people_change_one_anothers_jobs(shared):
    alice, bob = await shared("alice"), await shared("bob")
    await alice.create_project()
    made = await asyncio.gather(
        *(
            w.create(a_form(fn_in_other=f"{n}.star"))
            for w in (alice, bob)
            for n in "xyz"
        )
    )
    assert sorted(made) == [f"Import/job{n:03d}" for n in range(1, 7)]
    for window in (alice, bob):
        assert len((await window.overview()).jobs) == 6
        for name in made:
            await window.save(name, await window.load_job(name))
            await window.note(name, f"seen by {window.agent.hello['user']}")
        await window.set_alias(made[0], f"of_{window.agent.hello['user']}")
    assert not [f for f in await bob.doctor() if f.check in ("sharing", "lock")]


async def test_many_jobs_are_made_and_started_at_the_same_time(shared):
    alice, bob = await shared("alice"), await shared("bob")
    await alice.create_project()
    windows = [alice, bob] * 6
    names = await asyncio.gather(
        *(w.create(a_form(fn_in_other="x.star")) for w in windows)
    )
    assert len(set(names)) == len(windows)
    numbers = await asyncio.gather(
        *(w.run(name) for w, name in zip(windows, names, strict=True))
    )
    assert len(set(numbers)) == len(windows)
    left = (await alice.list_dir(".cryodeck")).entries
    assert not [entry["name"] for entry in left if entry["name"].startswith("room")]


async def test_whoever_saves_a_form_second_is_told_who_was_first(shared):
    alice, bob = await shared("alice"), await shared("bob")
    await alice.create_project()
    name = await alice.create(a_form(fn_in_other="a.star"))
    hers, his = await alice.load_job(name), await bob.load_job(name)
    await alice.save(name, hers.replace("fn_in_other", "hers.star"))
    with pytest.raises(BadRequestError, match=r"changed by alice, .* ago") as raised:
        await bob.save(name, his.replace("fn_in_other", "his.star"))
    assert "not saved" in str(raised.value)
    assert (await alice.load_job(name)).text("fn_in_other") == "hers.star"
    await bob.save(name, his.replace("fn_in_other", "his.star"))  # he insists
    assert (await alice.load_job(name)).text("fn_in_other") == "his.star"
    with pytest.raises(BadRequestError, match="changed by bob"):
        await alice.save(name, hers.replace("fn_in_other", "again.star"))


async def test_a_window_does_not_quarrel_with_itself(shared):
    alice = await shared("alice")
    await alice.create_project()
    name = await alice.create(a_form(fn_in_other="a.star"))
    form = await alice.load_job(name)
    for value in ("b.star", "c.star", "a.star"):
        form = form.replace("fn_in_other", value)
        await alice.save(name, form)
    copied = form.replace("fn_in_other", "copy.star")
    other = await alice.create(copied)
    await alice.save(other, copied.replace("fn_in_other", "copy2.star"))


async def test_the_holder_of_a_lock_is_named_to_others(shared, ssh_server):
    alice, bob = await shared("alice"), await shared("bob")
    await alice.create_project()
    script = (
        "from engine.project.lock import ProjectLock; import time\n"
        "with ProjectLock('.', tool='cryodeck'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    python = f"{ssh_server.folder}/share/venv/bin/python"
    task = asyncio.create_task(
        alice.ask(
            "processes.run",
            argv=[python, "-c", script],
            env={"PYTHONPATH": f"{ssh_server.folder}/share/checkout"},
        )
    )
    try:
        while (seen := await bob.ask("mending.lock")) is None:
            await asyncio.sleep(0.05)
        assert "alice@login1, process" in seen["held_by"]
        (finding,) = [f for f in await bob.doctor() if f.check == "lock"]
        assert "alice" in finding.says
        assert not seen["removable"]
    finally:
        task.cancel()
    await alice.ask("processes.run", argv=["rm", "-rf", ".relion_lock"])
    await alice.ask("processes.run", argv=["mkdir", "-m", "700", ".relion_lock"])
    seen = await bob.ask("mending.lock")
    assert "RELION or another program of alice" in seen["held_by"]
    await alice.ask("processes.run", argv=["touch", "-d", "1 hour ago", ".relion_lock"])
    seen = await bob.ask("mending.lock")
    assert seen["removable"]
    await bob.ask("mending.unlock", text=seen["text"], since=seen["since"])
    assert await bob.ask("mending.lock") is None


async def test_doctor_sees_a_umask_that_shuts_others_out(shared):
    alice = await shared("alice", "077")
    await alice.create_project()
    (finding,) = [f for f in await alice.doctor() if f.check == "sharing"]
    assert "umask 077" in finding.says
    assert "umask 002" in finding.advice
    bob = await shared("bob")
    found = {f.check: f for f in await bob.doctor()}
    assert "ermission denied" in found["project"].says
    assert "umask 002" in found["project"].advice
    await alice.ask("processes.run", argv=["chmod", "755", "."])
    (finding,) = [f for f in await bob.doctor() if f.check == "sharing"]
    assert "is alice's" in finding.says


async def test_two_people_pick_and_submit_at_the_same_time(shared, ssh_server):
    """Every pick of both is kept, every job runs once, every file is the group's."""
    alice, bob = await shared("alice"), await shared("bob")
    project = Path(alice.project)
    hand_project.make(project, "4.0", 2)
    group = ssh_server.settings["USERID"]
    ssh_server.enter("chown", "-R", f"alice:{group}", str(project))
    ssh_server.enter("chmod", "-R", "g+rwXs", str(project))
    form = Job.new("manualpick", "4.0", {"fn_in": hand_project.LIST})
    picking = await alice.create(form)
    await alice.run(picking)
    names = hand_project.names(2)
    conflicts = 0

    async def pick(window, micrograph, meeting, places):
        nonlocal conflicts
        sheet = await window.pick_sheet(picking, micrograph)
        await meeting.wait()  # both have read before either writes
        for x, y in places:
            while True:
                file = PicksFile.parse(sheet.text, sheet.layout)
                text = file.text([*file.rows, file.made(x, y)])
                try:
                    await window.write_picks(
                        picking, micrograph, text, if_version=sheet.version
                    )
                    break
                except ConflictError:
                    conflicts += 1
                finally:
                    sheet = await window.pick_sheet(picking, micrograph)

    async def submit(window):
        made = []
        for _ in range(3):
            name = await window.create(a_form(fn_in_other="x.star"))
            made.append((name, await window.run(name)))
        return made

    hers = [(10.0 + i, 20.0) for i in range(6)]
    his = [(10.0 + i, 60.0) for i in range(6)]
    one, other = asyncio.Barrier(2), asyncio.Barrier(2)
    *_, first, second = await asyncio.gather(
        pick(alice, names[0], one, hers),
        pick(bob, names[0], one, his),
        pick(alice, names[1], other, hers),
        pick(bob, names[1], other, his),
        submit(alice),
        submit(bob),
    )
    for micrograph in names:
        sheet = await bob.pick_sheet(picking, micrograph)
        found = read_coordinates(project / sheet.path)
        places = list(zip(found.x, found.y, strict=True))
        assert sorted(places) == sorted(hers + his)
    made = first + second
    assert len({name for name, _ in made}) == len({number for _, number in made}) == 6
    for name, number in made:
        (entry,) = records.submissions(str(project / name))
        assert entry["id"].startswith(number)
        for window in (alice, bob):
            await window.wait(name, timeout=60.0)
    assert conflicts >= 2, "one of two writes of what both had read"
    folders = [project / name / ".cryodeck" for name, _ in made]
    # a script writes down how it ended after its job is known to have succeeded
    await until(lambda: all(any(f.glob("*.ended")) for f in folders))
    for path in project.rglob("*"):
        mode = path.stat().st_mode
        wanted = 0o2070 if path.is_dir() else 0o060
        assert mode & wanted == wanted, f"{path}: {mode:o}"
        assert path.stat().st_gid == int(group), path
    assert not (project / ".relion_lock").exists()
