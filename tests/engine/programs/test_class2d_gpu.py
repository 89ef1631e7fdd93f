"""2D classification on GPUs: which one, what is said without one, the same classes."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from support import pretend_cupy
from support.engine_jobs import run_engine, write_job
from support.worked_example import example_project

VALUES = {
    "cryodeck_engine": "cryodeck",
    "fn_img": "particles.star",
    "nr_classes": "3",
    "nr_iter": "3",
    "particle_diameter": "100",
}


@pytest.fixture
def project(tmp_path):
    example_project(tmp_path)
    return tmp_path


def classified(project, name, *, ranks=0, **values):
    """A job that has to succeed: its state, and its log."""
    write_job(project, name, "class2d", **VALUES | {"nr_mpi": str(ranks or 1)} | values)
    done = run_engine(project, name, ranks=ranks)
    assert done.returncode == 0, done.stderr
    number = int(values.get("nr_iter", VALUES["nr_iter"]))
    path = project / f"{name}/run_it{number:03d}_state.npz"
    return np.load(path), done


def check_same_classes(one, other):
    same = one["particles_class_index"] == other["particles_class_index"]
    assert same.mean() > 0.99
    turn = one["particles_psi_deg"] - other["particles_psi_deg"]
    assert (np.abs((turn + 180) % 360 - 180) < 1e-6).mean() > 0.98
    for name in ("images", "noise_power", "class_distribution", "data_vs_prior"):
        a, b = one[f"model_{name}"], other[f"model_{name}"]
        np.testing.assert_allclose(a, b, atol=2e-3 * np.abs(b).max(), err_msg=name)


@pytest.mark.gpu
def test_a_gpu_finds_the_processors_classes(project):
    plain, _ = classified(project, "Class2D/job001")
    found, done = classified(project, "Class2D/job002", use_gpu="Yes")
    assert "works on GPU 0" in done.stdout
    check_same_classes(found, plain)


def test_data_cross_to_a_device_and_back_where_they_should(project):
    plain, _ = classified(project, "Class2D/job001", nr_iter="2")
    shutil.copy(pretend_cupy.__file__, project / "cupy.py")
    found, done = classified(
        project, "Class2D/job002", nr_iter="2", use_gpu="Yes", gpu_ids="1"
    )
    assert "works on GPU 1 (Pretended GPU 1)" in done.stdout
    assert "batches of " in done.stdout
    check_same_classes(found, plain)


@pytest.mark.mpi
def test_each_rank_takes_its_gpu(project):
    shutil.copy(pretend_cupy.__file__, project / "cupy.py")
    more = {"nr_iter": "1", "use_gpu": "Yes", "gpu_ids": "0:1"}
    found, done = classified(project, "Class2D/job002", ranks=2, **more)
    assert "[rank 0] works on GPU 0" in done.stdout
    assert "[rank 1] works on GPU 1" in done.stdout
    plain, _ = classified(project, "Class2D/job001", nr_iter="1")
    check_same_classes(found, plain)


def test_a_gpu_that_is_not_there_is_said_in_one_line(project, monkeypatch):
    shutil.copy(pretend_cupy.__file__, project / "cupy.py")
    monkeypatch.setenv("PRETEND_GPUS", "-1")
    write_job(project, "Class2D/job003", "class2d", **VALUES, use_gpu="Yes")
    done = run_engine(project, "Class2D/job003")
    assert done.returncode == 1
    assert "this node has none that can be used" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    monkeypatch.delenv("PRETEND_GPUS")
    more = {"use_gpu": "Yes", "gpu_ids": "0:7"}
    write_job(project, "Class2D/job004", "class2d", **VALUES, **more)
    done = run_engine(project, "Class2D/job004")
    assert done.returncode == 2
    assert "GPU 7 does not exist" in done.stderr


def test_what_runs_on_processors_says_so(project):
    more = {"nr_iter": "1", "use_gpu": "Yes", "dont_skip_align": "No"}
    _, done = classified(project, "Class2D/job005", **more)
    assert "without alignment: this runs on processors" in done.stderr
