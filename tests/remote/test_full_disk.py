"""A disk that is full, a quota used up, a project that only can be read."""

import contextlib
import re

import pytest
from support.person import Person

from engine.jobs.job import Job
from remote.errors import RemoteError
from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


@pytest.fixture
async def small(ssh_server):
    """A project on a disk of half a megabyte, and how to fill it and to make room."""
    folder = ssh_server.home / "small"
    folder.mkdir(exist_ok=True)
    options = f"size=512k,mode=755,uid={ssh_server.settings['USERID']}"
    ssh_server.enter("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    profile = ssh_server.profile(scheduler="shell")
    workspace = await Workspace.open(profile, str(folder), prompts=Person())
    await workspace.create_project()

    async def fill(leaving=0):
        script = (
            "dd if=/dev/zero of=filler bs=4k 2>/dev/null; size=$(stat -c %s filler); "
            "truncate -s $(( size > $1 ? size - $1 : 0 )) filler"
        )
        await workspace.ask(
            "processes.run", argv=["sh", "-c", script, "", str(leaving)]
        )

    async def empty():
        await workspace.ask("processes.run", argv=["rm", "-f", "filler"])

    workspace.fill, workspace.empty = fill, empty
    yield workspace
    await workspace.close()
    ssh_server.enter("umount", "-l", str(folder))


async def contents(workspace):
    """Every file with what it holds, but for what fills the disk."""
    script = (
        "find . -type f ! -name filler ! -path './.cryodeck/backups/*' "
        "-exec cksum {} + | sort -k 3; find . -type d | sort; find . -type l | sort"
    )
    return (await workspace.ask("processes.run", argv=["sh", "-c", script]))["out"]


def a_form(**values):
    return Job.new("import", "4.0", {"do_raw": "No", "do_other": "Yes", **values})


DEEDS = {
    "create": lambda w: w.create(a_form(fn_in_other="x.star"), alias="second"),
    "save": lambda w: w.save("Import/job001", a_form(fn_in_other="y.star")),
    "alias": lambda w: w.set_alias("Import/job001", "other"),
    "note": lambda w: w.note("Import/job001", "a note " * 4000),
    "mark": lambda w: w.mark("Import/job001", "failed"),
    "run": lambda w: w.run("Import/job001"),
}


@pytest.mark.parametrize(
    ("deed", "leaving"),
    [*((deed, 0) for deed in sorted(DEEDS)), ("create", 81920), ("run", 200000)],
)
async def test_on_a_full_disk_a_deed_is_done_whole_or_not_at_all(small, deed, leaving):
    await small.create(a_form(fn_in_other="missing.star"), alias="first")
    before = await contents(small)
    await small.fill(leaving)
    refusal = None
    with contextlib.suppress(TimeoutError):
        try:
            await DEEDS[deed](small)
        except RemoteError as error:
            refusal = str(error)
    after = await contents(small)
    locked = await small.ask("mending.lock")
    await small.empty()
    assert locked is None
    assert not re.search(r"/\.[^/]*\.tmp$|/room\.", after, re.MULTILINE)
    overview = await small.overview()
    assert overview.jobs[0].name == "Import/job001"
    if refusal is not None:
        assert "No space left on device" in refusal
        assert "\n" not in refusal
        assert "make room" in refusal
        assert after == before
        await DEEDS[deed](small)
    else:
        assert leaving > 65536


async def test_a_project_that_can_only_be_read_is_shown_and_says_so(small, ssh_server):
    name = await small.create(a_form(fn_in_other="missing.star"))
    ssh_server.enter("mount", "-o", "remount,ro", small.project)
    try:
        overview = await small.overview()
        assert [row.name for row in overview.jobs] == [name]
        for deed in sorted(DEEDS):
            with pytest.raises(RemoteError, match="Read-only file system") as raised:
                await DEEDS[deed](small)
            assert "\n" not in str(raised.value)
    finally:
        ssh_server.enter("mount", "-o", "remount,rw", small.project)
    await small.note(name, "it goes on")
