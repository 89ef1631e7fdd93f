import json
import time
from dataclasses import replace

import pytest

from remote.cluster import Cluster
from remote.errors import NotSeenError
from remote.last_known import LastKnown
from remote.last_seen import LastSeen
from remote.views import (
    JobRow,
    JobState,
    LogChunk,
    Node,
    Overview,
    Progress,
    Verdict,
    Witness,
)
from remote.workspace import Workspace

ROW = JobRow(
    name="AutoPick/job002",
    number=2,
    type="autopick",
    type_label="relion.autopick.log",
    alias="LoG é",
    status="Running",
    verdict=Verdict(
        state=JobState.RUNNING,
        reason="on cpu1",
        witnesses=(Witness(name="scheduler", says="RUNNING", at=None),),
    ),
    progress=Progress(
        kind="step", done=1, total=2, unit="micrographs", started_at=1.0, at=2.5
    ),
    inputs=("Import/job001",),
    outputs=(Node(name="a.star", kind="MicrographsData", label="1"),),
)
OVERVIEW = Overview(
    project="/p", version="3.1", jobs=(ROW,), taken_at=5.0, scheduler_asked_at=None
)


def test_a_project_is_remembered_exactly():
    memory = LastKnown("spider", "/data/my project")
    memory.keep_overview(OVERVIEW)
    memory.keep("statistics.of_job", {"name": "a"}, {"x": [1, None]}, b"")
    memory.keep("pictures.gallery", {"name": "a", "iteration": 3}, {}, b"\0pixels\n")
    before = time.time()
    memory.flush()
    again = LastKnown("spider", "/data/my project")
    overview, at = again.overview()
    assert overview == OVERVIEW
    assert before - 5 < at <= time.time()
    assert again.answer("statistics.of_job", {"name": "a"}).said == {"x": [1, None]}
    tiles = again.answer("pictures.gallery", {"name": "a", "iteration": 3})
    assert tiles.blob == b"\0pixels\n"
    assert again.answer("pictures.gallery", {"name": "a", "iteration": 4}) is None
    assert again.answer("statistics.of_job", {"name": "b"}) is None
    for file in again.folder.iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_arguments_that_change_only_the_way_of_telling_do_not_count():
    memory = LastKnown("spider", "/p")
    args = {"name": "a", "iteration": None, "max_tile": 64}
    memory.keep("pictures.gallery", args, {"iteration": 25}, b"")
    assert memory.answer("pictures.gallery", args | {"max_tile": 16}) is not None


def test_what_changes_something_is_never_remembered():
    memory = LastKnown("spider", "/p")
    memory.keep("submission.submit", {"name": "a"}, {"id": "1"}, b"")
    memory.flush()
    assert LastKnown("spider", "/p").answer("submission.submit", {"name": "a"}) is None


def test_projects_and_clusters_are_kept_apart():
    memory = LastKnown("spider", "/p")
    memory.keep_overview(OVERVIEW)
    memory.flush()
    assert LastKnown("spider", "/q").overview() is None
    assert LastKnown("other", "/p").overview() is None


def test_a_damaged_or_foreign_cache_is_no_memory():
    memory = LastKnown("spider", "/p")
    memory.keep_overview(OVERVIEW)
    memory.keep("statistics.of_job", {"name": "a"}, {}, b"")
    memory.flush()
    whole = json.loads(memory.path.read_text())
    for change in (
        lambda found: found.update(format=99),
        lambda found: found.update(at="yesterday"),
        lambda found: found["overview"].pop("jobs"),
        lambda found: found["overview"].update(jobs=[{"name": 1}]),
        lambda found: found["overview"]["jobs"][0]["verdict"].update(state="bliss"),
    ):
        damaged = json.loads(json.dumps(whole))
        change(damaged)
        memory.path.write_text(json.dumps(damaged))
        assert LastKnown("spider", "/p").overview() is None
    memory.path.write_text("{")
    assert LastKnown("spider", "/p").overview() is None
    for file in memory.folder.glob("*.answer"):
        file.write_bytes(b"no zlib")
    assert LastKnown("spider", "/p").answer("statistics.of_job", {"name": "a"}) is None


def test_answers_longest_unseen_are_forgotten_beyond_a_number(monkeypatch):
    monkeypatch.setattr("remote.last_known.MOST_ANSWERS", 10)
    for i in range(30):
        memory = LastKnown("spider", "/p")
        memory.keep("statistics.of_job", {"name": f"j{i}"}, {}, b"")
        memory.flush()
    again = LastKnown("spider", "/p")
    kept = [
        i for i in range(30) if again.answer("statistics.of_job", {"name": f"j{i}"})
    ]
    assert len(kept) == 10
    assert 29 in kept


def test_only_the_end_of_a_log_is_kept_joined_from_its_pieces():
    memory = LastKnown("spider", "/p")
    end = 0
    for i in range(400):
        text = f"line {i} ".ljust(399, ".") + "\n"
        chunk = LogChunk(path="a/run.out", offset=end + 400, size=end + 400, text=text)
        memory.keep_log("a", "out", end, chunk)
        end += 400
    memory.flush()
    chunk, _ = LastKnown("spider", "/p").log("a", "out")
    assert chunk.offset == end
    assert 60_000 < len(chunk.text) <= 65_536
    assert chunk.text.startswith("line ")
    assert chunk.text.splitlines()[-1].startswith("line 399 ")
    assert memory.log("a", "err") is None


async def test_a_workspace_out_of_reach_answers_as_it_did_and_says_when(project):
    cluster = Cluster(name="here", session="local")
    (project / "AutoPick/job002/run.out").write_text("one\ntwo\n")
    workspace = await Workspace.open(cluster, str(project))
    seen = await workspace.overview()
    numbers = await workspace.statistics("AutoPick/job002")
    form = await workspace.load_job("AutoPick/job002")
    log = await workspace.log("AutoPick/job002", "out", -1000)
    micrographs = await workspace.micrographs("AutoPick/job002")
    await workspace.close()
    offline = LastSeen(cluster, str(project))
    assert await offline.overview() == seen
    assert (await offline.statistics("AutoPick/job002")).values == numbers.values
    assert (await offline.load_job("AutoPick/job002")).values == form.values
    assert (await offline.log("AutoPick/job002", "out", -1000)).text == log.text
    assert (await offline.log("AutoPick/job002", "out", log.offset)).text == ""
    assert await offline.micrographs("AutoPick/job002") == micrographs
    assert time.time() - 60 < offline.seen_at <= time.time()
    with pytest.raises(NotSeenError, match="Class2D/job004"):
        await offline.statistics("Class2D/job004")
    with pytest.raises(NotSeenError, match="no link"):
        await offline.run("AutoPick/job002")
    new = await offline.defaults("class2d")
    assert new.version == seen.version


async def test_a_form_begun_before_the_link_is_there_goes_to_the_queue_as_well():
    profile = Cluster(name="far", session="ssh", host="far", scheduler="slurm")
    offline = LastSeen(profile, "/data/p")
    form = await offline.defaults("autopick")
    assert form.flag("do_queue")
    assert form.text("qsub") == "sbatch"  # RELION's own default is qsub
    here = LastSeen(replace(profile, scheduler="shell"), "/data/p")
    assert not (await here.defaults("autopick")).flag("do_queue")
