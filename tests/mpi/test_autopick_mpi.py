"""Autopick under mpirun: any number of ranks, the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.engine_jobs import DATA, make_project, run_engine, write_job

from engine.io.mrc import read_image, write_mrc
from engine.progress import read_progress

pytestmark = pytest.mark.mpi

VALUES = {
    "fn_input_autopick": "micrographs.star",
    "do_log": "Yes",
    "log_diam_min": "80",
    "log_diam_max": "120",
    "log_maxres": "20",
}


@pytest.fixture
def project(tmp_path):
    image = read_image(DATA / "picking/Micrographs/mic1.mrc")
    rng = np.random.default_rng(5)
    (tmp_path / "raw").mkdir()
    files = [tmp_path / f"raw/mic{i + 1}.mrc" for i in range(5)]
    for file in files:
        noisy = image + 30 * rng.standard_normal(image.shape, dtype=np.float32)
        write_mrc(file, noisy, 4.0)
    make_project(tmp_path, files, 4.0)
    return tmp_path


def picks(project: Path, job: str) -> dict[str, bytes]:
    folder = project / job / "Micrographs"
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_one_three_and_seven_ranks_write_the_same_files(project):
    for number, ranks in enumerate((0, 3, 7), 1):
        values = VALUES | {"nr_mpi": str(max(1, ranks))}
        write_job(project, f"AutoPick/job00{number}", "autopick", **values)
        done = run_engine(project, f"AutoPick/job00{number}", ranks=ranks)
        assert done.returncode == 0, done.stderr
        assert "WARNING" not in done.stderr
    alone = picks(project, "AutoPick/job001")
    assert len(alone) == 5
    assert picks(project, "AutoPick/job002") == alone
    assert picks(project, "AutoPick/job003") == alone
    summaries = [
        json.loads((project / f"AutoPick/job00{i}/summary.json").read_text())
        for i in (1, 2, 3)
    ]
    for summary in summaries:
        summary.pop("elapsed_s")
    assert summaries[0] == summaries[1] == summaries[2]


def test_rank_0_reports_everybodys_progress(project):
    values = VALUES | {"nr_mpi": "2"}
    write_job(project, "AutoPick/job001", "autopick", **values)
    run_engine(project, "AutoPick/job001", ranks=2)
    text = (project / "AutoPick/job001/progress.jsonl").read_text()
    records = read_progress(text)
    assert [records[0]["kind"], records[-1]["kind"]] == ["started", "finished"]
    steps = [record for record in records if record["kind"] == "step"]
    assert (steps[-1]["done"], steps[-1]["total"]) == (5, 5)


def test_a_rank_count_other_than_the_jobs_is_said(project):
    write_job(project, "AutoPick/job001", "autopick", **VALUES, nr_mpi="4")
    done = run_engine(project, "AutoPick/job001", ranks=2)
    assert done.returncode == 0
    assert "the job asks for 4 MPI processes, but 2 run" in done.stderr
    assert "[rank 1]" in done.stdout


def test_an_abort_request_ends_all_ranks_with_its_marker(project):
    write_job(project, "AutoPick/job001", "autopick", **VALUES, nr_mpi="2")
    folder = project / "AutoPick/job001"
    (folder / "RELION_JOB_ABORT_NOW").touch()
    done = run_engine(project, "AutoPick/job001", ranks=2)
    assert done.returncode == 3
    assert (folder / "RELION_JOB_EXIT_ABORTED").exists()
    assert not (folder / "RELION_JOB_EXIT_SUCCESS").exists()
    assert not (folder / "RELION_JOB_EXIT_FAILURE").exists()


def test_a_failure_on_one_rank_ends_all_with_its_marker(project):
    # rank 1 cannot write: its share's coordinate file is a folder with something in it
    folder = project / "AutoPick/job001"
    write_job(project, "AutoPick/job001", "autopick", **VALUES, nr_mpi="2")
    (folder / "Micrographs/mic5_autopick.star/inside").mkdir(parents=True)
    done = run_engine(project, "AutoPick/job001", ranks=2)
    assert done.returncode == 1
    assert "ERROR" in done.stderr
    assert (folder / "RELION_JOB_EXIT_FAILURE").exists()
    assert not (folder / "RELION_JOB_EXIT_SUCCESS").exists()
    records = read_progress((folder / "progress.jsonl").read_text())
    assert [r["kind"] for r in records].count("failed") == 1
    assert records[-1]["kind"] == "failed"
    assert "mic5_autopick.star" in records[-1]["message"]


def test_templates_give_the_same_files_on_any_number_of_ranks(project):
    shutil.copy(DATA / "picking/refs.mrcs", project / "refs.mrcs")
    values = {
        "fn_input_autopick": "micrographs.star",
        "fn_refs_autopick": "refs.mrcs",
        "angpix_ref": "4",
        "psi_sampling_autopick": "30",
        "do_ctf_autopick": "No",
        "threshold_autopick": "0.0",
        "mindist_autopick": "60",
    }
    for number, ranks in enumerate((0, 3), 1):
        write_job(
            project,
            f"AutoPick/job00{number}",
            "autopick",
            **values,
            nr_mpi=str(max(1, ranks)),
        )
        done = run_engine(project, f"AutoPick/job00{number}", ranks=ranks)
        assert done.returncode == 0, done.stderr
    alone = picks(project, "AutoPick/job001")
    assert len(alone) == 5
    assert picks(project, "AutoPick/job002") == alone
