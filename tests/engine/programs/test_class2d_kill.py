"""A classification killed at any moment: whole iterations, the same result after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
from support.engine_jobs import ROOT, run_engine, write_job
from support.worked_example import example_project

from engine.io.mrc import read_images
from engine.io.star import read_star

VALUES = {
    "cryodeck_engine": "cryodeck",
    "fn_img": "particles.star",
    "nr_classes": "3",
    "particle_diameter": "100",
    "do_em": "Yes",
    "do_grad": "No",
    "do_center": "No",
    "nr_iter_em": "5",
    "other_args": "--full_passes",
}


def write(project, name, **more):
    write_job(project, name, "class2d", version="4.0", **VALUES, **more)


def started(project, name):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "engine", "run", name],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_at(process, folder, count):
    """Kill -9 as soon as the folder holds so many files (hidden ones too)."""
    until = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < until:
        if len(list(folder.iterdir())) >= count:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def check_whole(folder):
    """Every iteration with an optimiser file has all its files, readable to the end."""
    found = 0
    for path in folder.glob("run_it*_optimiser.star"):
        root = str(path).removesuffix("_optimiser.star")
        names = read_star(path)["optimiser_general"]
        assert int(names.integers("rlnCurrentIteration")[0]) == int(root[-3:])
        assert len(read_star(f"{root}_data.star")["particles"]) == 300
        model = read_star(f"{root}_model.star")
        assert {f"model_class_{k}" for k in (1, 2, 3)} <= set(model)
        assert "sampling_general" in read_star(f"{root}_sampling.star")
        assert read_images(f"{root}_classes.mrcs").shape == (3, 32, 32)
        with np.load(f"{root}_state.npz") as state:
            assert len(state["particles_class_index"]) == 300
        found += 1
    return found


def test_kill_9_leaves_whole_iterations_and_continue_gives_the_same(tmp_path):
    example_project(tmp_path)
    write(tmp_path, "Class2D/job001")
    assert run_engine(tmp_path, "Class2D/job001").returncode == 0
    write(tmp_path, "Class2D/job002")
    folder = tmp_path / "Class2D/job002"
    random = np.random.default_rng(os.getpid())
    # about seven files an iteration: somewhere within the second, then further on
    for count in (random.integers(9, 17), random.integers(22, 32)):
        process = started(tmp_path, "Class2D/job002")
        kill_at(process, folder, int(count))
        check_whole(folder)
        write(tmp_path, "Class2D/job002", is_continue=True)
    assert run_engine(tmp_path, "Class2D/job002").returncode == 0
    assert check_whole(folder) == 6
    assert not list(folder.glob(".*"))
    with (
        np.load(tmp_path / "Class2D/job001/run_it005_state.npz") as one,
        np.load(folder / "run_it005_state.npz") as two,
    ):
        for name in one.files:
            if name != "note":  # it holds seconds
                assert np.array_equal(one[name], two[name]), name


def test_scratch_is_free_again_after_kill_9(tmp_path):
    example_project(tmp_path)
    scratch = tmp_path / "scratch"
    write(tmp_path, "Class2D/job003", scratch_dir=str(scratch))
    process = started(tmp_path, "Class2D/job003")
    kill_at(process, tmp_path / "Class2D/job003", 9)
    # something was written, so images had been read from there
    assert list((tmp_path / "Class2D/job003").glob("run_it000*"))
    assert list(scratch.iterdir()) == []
