"""One run of a job directory: markers, exit codes, what is said."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from support.engine_jobs import run_engine, small_project, write_job
from support.rank_threads import run_threads

from engine.errors import AbortedError, InputError, NumericalError
from engine.parallel import Communicator
from engine.programs import runner
from engine.progress import read_progress

LOG = {
    "fn_input_autopick": "micrographs_ctf.star",
    "do_log": "Yes",
    "log_diam_min": "80",
    "log_diam_max": "120",
}


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job directory whose program a test can choose."""
    monkeypatch.chdir(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **LOG)

    def run(program, comm=None):
        module = SimpleNamespace(run=program)
        monkeypatch.setattr(runner, "_program_of", lambda job: module)
        return runner.run_job("AutoPick/job001", comm or Communicator())

    run.folder = tmp_path / "AutoPick/job001"
    return run


def markers(folder):
    return {path.name for path in folder.glob("RELION_JOB_*")}


def test_success_leaves_its_marker_summary_and_progress(job):
    (job.folder / "RELION_JOB_EXIT_FAILURE").touch()
    assert job(lambda context: {"picks_total": 7}) == 0
    assert markers(job.folder) == {"RELION_JOB_EXIT_SUCCESS"}
    summary = json.loads((job.folder / "summary.json").read_text())
    assert (summary["type"], summary["picks_total"]) == ("autopick", 7)
    assert summary["failed"] == []
    records = read_progress((job.folder / "progress.jsonl").read_text())
    assert records[-1]["kind"] == "finished"


@pytest.mark.parametrize(
    ("error", "code", "marker"),
    [
        (InputError("mask.mrc: 64 px"), 2, "FAILURE"),
        (NumericalError("NaN"), 1, "FAILURE"),
        (AbortedError("stopped"), 3, "ABORTED"),
        (KeyboardInterrupt(), 3, "ABORTED"),
        (ValueError("a mistake of ours"), 1, "FAILURE"),
        (MemoryError(), 1, "FAILURE"),
        (OSError(28, "No space left on device", "a.star"), 1, "FAILURE"),
    ],
)
def test_errors_have_their_exit_code_and_marker(job, error, code, marker):
    def program(context):
        raise error

    (job.folder / "RELION_JOB_EXIT_SUCCESS").touch()
    assert job(program) == code
    assert markers(job.folder) == {f"RELION_JOB_EXIT_{marker}"}
    records = read_progress((job.folder / "progress.jsonl").read_text())
    assert records[-1]["kind"] == "failed"


def test_an_abort_request_is_seen_between_items(job):
    done = []

    def program(context):
        for item in range(5):
            context.raise_if_aborted()
            done.append(item)
            if item == 2:
                context.path("RELION_JOB_ABORT_NOW").touch()

    assert job(program) == 3
    assert done == [0, 1, 2]


def test_only_rank_0_writes_what_belongs_to_the_job(job):
    folder = job.folder

    def one(comm):
        return job(lambda context: {"rank": context.comm.rank}, comm)

    assert run_threads(3, one) == [0, 0, 0]
    assert json.loads((folder / "summary.json").read_text())["rank"] == 0


def test_a_directory_without_a_job_is_bad_input(tmp_path):
    done = run_engine(tmp_path, "AutoPick/job009")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "run this in the project folder" in done.stderr


def test_a_type_that_the_engine_lacks_names_relion(tmp_path):
    small_project(tmp_path)
    write_job(tmp_path, "CtfFind/job002", "ctffind")
    done = run_engine(tmp_path, "CtfFind/job002")
    assert done.returncode == 2
    assert "let RELION run this job" in done.stderr
    assert (tmp_path / "CtfFind/job002/RELION_JOB_EXIT_FAILURE").exists()


def test_ranks_that_are_all_alone_say_so(tmp_path, monkeypatch):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **LOG, nr_mpi="2")
    # a launcher that mpi4py's MPI knows nothing of
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 2
    assert "every rank is alone" in done.stderr
