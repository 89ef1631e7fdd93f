"""What the agent tells bit by bit, put together; the price of a large project."""

import os
import time

import pytest
from support.pipelines import set_status

from engine.project import actions
from engine.project.pipeline import Pipeline
from remote.agent import job_facts, overview, records
from remote.agent.verbs import Request
from remote.overview import Picture
from remote.schedulers.slurm import Slurm
from remote.views import JobState

NOW = 1_800_000_000.0
FACTS = {
    "name": "AutoPick/job002",
    "alias": "AutoPick/LoG",
    "type": "relion.autopick.log",
    "status": "Running",
    "inputs": ["Import/job001"],
    "outputs": [["AutoPick/job002/autopick.star", "MicrographsCoords.star.relion"]],
    "entry": {
        "token": "k7f3",
        "state": "submitted",
        "id": "12",
        "scheduler": "slurm",
        "answered_at": NOW - 5,
    },
    "started": {"time": str(int(NOW))},
}
RUNS = "12|RUNNING|0:01|10:00|1795467266|cpu1|None|cpu1\n"


def said(at, *, out=None, jobs=(), generation=1, full=False, complaint=""):
    answers = []
    if out is not None:
        one = {"query": "squeue", "exit_status": 0, "out": out, "err": ""}
        answers = [one]
    return {
        "epoch": "e",
        "generation": generation,
        "full": full,
        "version": "4.0",
        "jobs": list(jobs),
        "gone": [],
        "taken_at": at,
        "looked_at": at - 0.1,
        "warnings": [],
        "answers": answers,
        "asked_at": at if answers else None,
        "complaint": complaint,
        "users": {},
    }


@pytest.fixture
def picture():
    shown = Picture(Slurm())
    shown.take(said(NOW, jobs=[FACTS], full=True, out=RUNS))
    return shown


def verdict(picture):
    return picture.judgements(picture.facts)["AutoPick/job002"].verdict


def test_a_query_that_fails_changes_no_state(picture):
    before = verdict(picture)
    assert before.state is JobState.RUNNING
    picture.take(said(NOW + 60, complaint="Unable to contact slurm controller"))
    assert verdict(picture).state is before.state
    assert verdict(picture).reason == before.reason
    assert "does not answer" in picture.warnings[0]


def test_a_job_is_lost_only_after_two_polls_and_a_minute(picture):
    states = []
    for after in (10, 20, 30, 71):
        picture.take(said(NOW + after, out=""))
        states.append(verdict(picture).state)
    assert states == [JobState.RUNNING] * 3 + [JobState.LOST]
    picture.take(said(NOW + 80, out=RUNS))
    assert verdict(picture).state is JobState.RUNNING


def test_answers_from_before_the_submission_do_not_count_as_absence(picture):
    later = {**FACTS, "entry": {**FACTS["entry"], "id": "13", "answered_at": NOW + 100}}
    picture.take(said(NOW + 101, jobs=[later]))
    for _ in range(5):
        picture.take(said(NOW + 99, out=RUNS))
    assert "has not been asked since" in verdict(picture).reason


def test_a_row_has_what_the_list_shows(picture):
    row = picture.rows(picture.judgements(picture.facts))[0]
    assert (row.number, row.type, row.scheduler_id) == (2, "autopick", "12")
    assert row.outputs[0].kind == "MicrographsCoords"
    assert row.inputs == ("Import/job001",)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """5,000 jobs in a chain, all but ten of them over."""
    folder = tmp_path_factory.mktemp("large")
    actions.create_project(str(folder))
    pipeline = Pipeline.new("4.0")
    rows, nodes, edges, made = [], [], [], []
    for number in range(1, 5001):
        name = f"Extract/job{number:03d}/"
        (folder / name).mkdir(parents=True)
        (folder / name / "job.star").write_text("x")
        if number <= 4990:
            (folder / name / "RELION_JOB_EXIT_SUCCESS").touch()
            summary = f'{{\n "type": "extract",\n "particles_total": {number}\n}}\n'
            (folder / name / "summary.json").write_text(summary)
        status = "Succeeded" if number <= 4990 else "Running"
        rows.append(f"{name} None relion.extract {status}")
        nodes.append(f"{name}particles.star ParticlesData.star.relion")
        made.append(f"{name} {name}particles.star")
        if number > 1:
            edges.append(f"Extract/job{number - 1:03d}/particles.star {name}")
    pipeline.counter = 5001
    text = pipeline.format()
    for table, names, lines in (
        ("processes", "Name Alias TypeLabel StatusLabel", rows),
        ("nodes", "Name TypeLabel", nodes),
        ("input_edges", "FromNode Process", edges),
        ("output_edges", "Process ToNode", made),
    ):
        kind = {"processes": "Process", "nodes": "Node"}.get(table, "Edge")
        labels = "".join(f"_rlnPipeLine{kind}{n}\n" for n in names.split())
        text += (
            f"\ndata_pipeline_{table}\n\nloop_\n{labels}" + "\n".join(lines) + "\n\n"
        )
    (folder / "default_pipeline.star").write_text(text)
    return str(folder)


def test_five_thousand_jobs_are_looked_over_in_less_than_a_second(large):
    request = Request(1, large, 60.0)
    started = time.process_time()
    first = overview.look(request)
    took = time.process_time() - started
    assert len(first["jobs"]) == 5000
    assert took < 1.0
    since = [first["epoch"], first["generation"]]
    started = time.process_time()
    second = overview.look(request, since)
    assert time.process_time() - started < 0.1
    assert second["jobs"] == []
    set_status(large, "Extract/job4995/", "Failed")
    third = overview.look(request, since)
    assert [job["name"] for job in third["jobs"]] == ["Extract/job4995"]


@pytest.fixture
def waiting(tmp_path, monkeypatch):
    """A project with a draft and a job in Slurm's queue, both an hour old."""
    monkeypatch.setattr(overview, "_memory", {})
    where = str(tmp_path)
    actions.create_project(where)
    for name in ("Import/job001", "AutoPick/job002"):
        (tmp_path / name / ".cryodeck").mkdir(parents=True)
    pipeline = Pipeline.parse((tmp_path / "default_pipeline.star").read_text())
    pipeline.add_process("Import/job001/", "relion.import", "Scheduled")
    pipeline.add_process("AutoPick/job002/", "relion.autopick", "Running")
    (tmp_path / "default_pipeline.star").write_text(pipeline.format())
    records.put(str(tmp_path / "AutoPick/job002"), FACTS["entry"])
    hour_ago = time.time() - 3600
    for path in sorted(tmp_path.glob("*/job*")):
        os.utime(path / ".cryodeck", (hour_ago, hour_ago))
        os.utime(path, (hour_ago, hour_ago))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "key", "shown"),
    [
        ("AutoPick/job002/.cryodeck/k7f3.started", "started", {"time": "1"}),
        ("AutoPick/job002/RELION_JOB_EXIT_FAILURE", "marker", "Failed"),
        ("AutoPick/job002/RELION_JOB_ABORT_NOW", "abort_at", pytest.approx),
        ("Import/job001/run.err", "log_at", pytest.approx),
    ],
)
def test_folders_of_jobs_that_wait_are_read_once_something_was_written(
    waiting, monkeypatch, file, key, shown
):
    read = []
    of_running = job_facts.of_running
    monkeypatch.setattr(
        job_facts, "of_running", lambda path: read.append(path) or of_running(path)
    )
    request = Request(1, str(waiting), 60.0)
    first = overview.look(request, may_change=False)
    assert [job["status"] for job in first["jobs"]] == ["Scheduled", "Running"]
    assert len(read) == 2
    since = [first["epoch"], first["generation"]]
    assert overview.look(request, since, may_change=False)["jobs"] == []
    assert len(read) == 2
    (waiting / file).write_text("time=1\n")
    (job,) = overview.look(request, since, may_change=False)["jobs"]
    assert len(read) == 3
    if shown is pytest.approx:
        shown = pytest.approx((waiting / file).stat().st_mtime)
    assert (job["name"], job[key]) == (file[: len(job["name"])], shown)
    overview.look(request, since, may_change=False)
    assert len(read) == 4  # it has only just changed: once more
