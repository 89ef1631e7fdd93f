"""2D classification under mpirun: any number of ranks, the same classes."""

from __future__ import annotations

import numpy as np
import pytest
from support.engine_jobs import run_engine, write_job
from support.worked_example import example_project

pytestmark = pytest.mark.mpi

VALUES = {
    "cryodeck_engine": "cryodeck",
    "fn_img": "particles.star",
    "nr_classes": "3",
    "nr_iter": "2",
    "particle_diameter": "100",
}


def test_one_two_three_and_five_ranks_agree_up_to_rounding(tmp_path):
    example_project(tmp_path)
    found = []
    for ranks, more in (
        (0, {}),
        (2, {"do_combine_thru_disc": "Yes"}),
        (3, {}),
        (5, {"do_parallel_discio": "No"}),
    ):
        name = f"Class2D/job{ranks:03d}"
        values = VALUES | more | {"nr_mpi": str(max(1, ranks))}
        write_job(tmp_path, name, "class2d", **values)
        done = run_engine(tmp_path, name, ranks=ranks)
        assert done.returncode == 0, done.stderr
        found.append(np.load(tmp_path / name / "run_it002_state.npz"))
        assert not list((tmp_path / name).glob(".sums*"))
    for other in found[1:]:
        same = other["particles_class_index"] == found[0]["particles_class_index"]
        assert same.mean() > 0.99
        difference = np.abs(other["model_images"] - found[0]["model_images"]).max()
        assert difference < 1e-3 * np.abs(found[0]["model_images"]).max()
