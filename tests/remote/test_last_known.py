import json

from remote.cluster import Cluster
from remote.last_known import LastKnown
from remote.views import (
    JobRow,
    JobState,
    Node,
    Overview,
    Progress,
    Statistics,
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
    numbers = Statistics(
        job="a", type="autopick", values={"x": [1, None]}, taken_at=1.0
    )
    memory.keep_statistics(numbers)
    memory.flush()
    again = LastKnown("spider", "/data/my project")
    assert again.overview == OVERVIEW
    assert again.statistics("a") == numbers
    assert again.statistics("b") is None
    assert again.path.stat().st_mode & 0o077 == 0


def test_projects_and_clusters_are_kept_apart():
    memory = LastKnown("spider", "/p")
    memory.keep_overview(OVERVIEW)
    memory.flush()
    assert LastKnown("spider", "/q").overview is None
    assert LastKnown("other", "/p").overview is None


def test_a_damaged_or_foreign_cache_is_no_memory():
    memory = LastKnown("spider", "/p")
    memory.keep_overview(OVERVIEW)
    memory.flush()
    whole = json.loads(memory.path.read_text())
    for change in (
        lambda found: found.update(format=99),
        lambda found: found["overview"].pop("jobs"),
        lambda found: found["overview"].update(jobs=[{"name": 1}]),
        lambda found: found["overview"]["jobs"][0]["verdict"].update(state="bliss"),
    ):
        damaged = json.loads(json.dumps(whole))
        change(damaged)
        memory.path.write_text(json.dumps(damaged))
        assert LastKnown("spider", "/p").overview is None
    memory.path.write_text("{")
    assert LastKnown("spider", "/p").overview is None


def test_the_numbers_of_the_jobs_longest_unseen_are_dropped():
    memory = LastKnown("spider", "/p")
    for i in range(40):
        memory.keep_statistics(
            Statistics(job=f"j{i}", type="x", values={}, taken_at=float(i))
        )
    memory.flush()
    again = LastKnown("spider", "/p")
    assert again.statistics("j9") is None
    assert again.statistics("j10") is not None


async def test_a_workspace_remembers_what_it_showed(project):
    cluster = Cluster(name="here", session="local")
    workspace = await Workspace.open(cluster, str(project))
    seen = await workspace.overview()
    numbers = await workspace.statistics("AutoPick/job002")
    await workspace.close()
    memory = Workspace.last_known(cluster, str(project))
    assert memory.overview == seen
    assert memory.statistics("AutoPick/job002") == numbers
