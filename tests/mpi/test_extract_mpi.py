"""Extraction under mpirun: any number of ranks, the same files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.engine_jobs import run_engine, write_job

from engine.io.star import read_star
from engine.programs.simulate import main as simulate

pytestmark = pytest.mark.mpi

VALUES = {
    "star_mics": "micrographs_ctf.star",
    "coords_suffix": "Truth/coords_suffix_truth.star",
    "extract_size": "64",
    "do_rescale": "Yes",
    "rescale": "32",
    "white_dust": "3",
}


@pytest.fixture
def project(tmp_path):
    options = ["--size", "256x256", "--pixel-size", "5", "--count", "5"]
    assert simulate([str(tmp_path), *options]) == 0
    (tmp_path / "Truth/Micrographs/mic0002_truth.star").unlink()
    return tmp_path


def files(project: Path, job: str) -> dict[str, bytes]:
    folder = project / job
    found = sorted([*folder.rglob("*.mrcs"), *folder.rglob("*.star")])
    return {
        str(path.relative_to(folder)): path.read_bytes().replace(job.encode(), b"JOB")
        for path in found
        if path.name != "job.star"
    }


def test_one_three_and_seven_ranks_write_the_same_files(project):
    for number, ranks in enumerate((0, 3, 7), 1):
        values = VALUES | {"nr_mpi": str(max(1, ranks))}
        write_job(project, f"Extract/job00{number}", "extract", **values)
        done = run_engine(project, f"Extract/job00{number}", ranks=ranks)
        assert done.returncode == 0, done.stderr
    alone = files(project, "Extract/job001")
    assert len(alone) == 9  # four stacks, four tables, the joined one
    assert files(project, "Extract/job002") == alone
    assert files(project, "Extract/job003") == alone
    path = project / "Extract/job003/summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    assert summary["micrographs_without_coordinates"] == 1
    joined = read_star(project / "Extract/job003/particles.star")["particles"]
    assert len(joined) == summary["particles_total"] > 20
