"""What Select leaves as input of RELION's next programs, and the other way round."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.engine_jobs import run_engine, run_relion, write_job
from support.remote_project import simulate
from support.worked_example import CLASSIFIED, classified_project

from engine.io.star import read_star

pytestmark = pytest.mark.relion


@pytest.fixture
def project(tmp_path):
    classified_project(tmp_path)
    return tmp_path


def select(project, number, **values):
    name = f"Select/job{number:03d}"
    write_job(project, name, "select", cryodeck_engine="cryodeck", **values)
    done = run_engine(project, name)
    assert done.returncode == 0, done.stderr
    return json.loads((project / name / "summary.json").read_text())


def classify(project, particles, name):
    """One coarse iteration of RELION's 2D classification of a list."""
    command = [
        "relion_refine",
        "--i",
        particles,
        "--o",
        name,
        "--iter",
        "1",
        "--K",
        "2",
    ]
    command += ["--ctf", "--tau2_fudge", "2", "--particle_diameter", "100"]
    command += ["--oversampling", "0", "--psi_step", "60", "--offset_range", "1"]
    command += ["--offset_step", "2", "--norm", "--scale", "--flatten_solvent"]
    run_relion(project, *command, "--zero_mask", "--random_seed", "1")
    return read_star(project / f"{name}_it001_data.star")["particles"]


def test_relion_classifies_regrouped_split_and_thinned_particles(project):
    select(
        project,
        2,
        fn_model=f"{CLASSIFIED}_model.star",
        cryodeck_classes="1,3",
        do_regroup="Yes",
        nr_groups="3",
    )
    table = classify(project, "Select/job002/particles.star", "Class2D/regrouped")
    ours = read_star(project / "Select/job002/particles.star")["particles"]
    assert len(table) == 196
    assert set(table.text("rlnGroupName")) == set(ours.text("rlnGroupName"))
    select(project, 3, fn_data="particles.star", do_split="Yes", split_size="75")
    split = "Select/job003/particles_split2.star"
    assert len(classify(project, split, "Class2D/split")) == 75
    summary = select(
        project,
        4,
        fn_data=f"{CLASSIFIED}_data.star",
        do_remove_duplicates="Yes",
        duplicate_threshold="100",
    )
    thinned = classify(project, "Select/job004/particles.star", "Class2D/thinned")
    assert len(thinned) == summary["particles_total"]


def test_relion_picks_with_selected_averages_on_selected_micrographs(tmp_path):
    simulate(tmp_path, "--size", "384x384", "--pixel-size", "4", "--count", "3")
    classified_project(tmp_path)
    select(tmp_path, 2, fn_model=f"{CLASSIFIED}_model.star", cryodeck_best="2")
    select(tmp_path, 3, fn_mic="micrographs_ctf.star", cryodeck_first="1")
    for number, name in enumerate(("micrographs.star", "micrographs_selected.star")):
        picks = f"AutoPick/job00{number + 4}/"
        (tmp_path / picks).mkdir(parents=True)
        command = ["relion_autopick", "--i", f"Select/job003/{name}", "--odir", picks]
        command += ["--pickname", "autopick", "--ang", "30", "--shrink", "0"]
        command += ["--ref", "Select/job002/class_averages.star", "--angpix_ref", "4"]
        command += ["--lowpass", "30", "--particle_diameter", "100", "--invert"]
        command += ["--threshold", "0.05", "--min_distance", "80", "--ctf"]
        run_relion(tmp_path, *command)
        found = sorted((tmp_path / picks).rglob("*_autopick.star"))
        assert len(found) == 1
        assert len(read_star(found[0])[""]) > 3


def test_lists_that_relion_selected_are_selected_from(project):
    (project / "Select/job002").mkdir(parents=True)
    handler = ["relion_star_handler", "--i", f"{CLASSIFIED}_data.star"]
    run_relion(
        project,
        *handler,
        *("--o", "Select/job002/particles.star", "--select"),
        *("rlnMaxValueProbDistribution", "--minval", "0.95", "--maxval", "1"),
    )
    run_relion(
        project,
        *("relion_star_handler", "--i", "particles.star", "--split"),
        *("--nr_split", "3", "--o", "Select/job002/parts.star"),
    )
    kept = "Select/job002/particles.star"
    summary = select(
        project,
        3,
        fn_data=kept,
        do_select_values="Yes",
        select_label="rlnClassNumber",
        select_minval="2",
        select_maxval="2",
    )
    theirs = read_star(project / kept)["particles"]
    assert summary["input_total"] == len(theirs) == 218
    expected = int((theirs.integers("rlnClassNumber") == 2).sum())
    assert summary["particles_total"] == expected > 0
    part = "Select/job002/parts_split3.star"
    summary = select(project, 4, fn_data=part, do_discard="Yes", discard_sigma="2")
    assert 80 < summary["particles_total"] < 100


def test_classes_of_relions_own_run_are_selected(project):
    classify(project, "particles.star", "Class2D/theirs")
    summary = select(
        project,
        5,
        fn_model="Class2D/theirs_it001_model.star",
        cryodeck_classes="1",
        do_regroup="Yes",
        nr_groups="2",
    )
    table = read_star(project / "Select/job005/particles.star")["particles"]
    data = read_star(project / "Class2D/theirs_it001_data.star")["particles"]
    assert len(table) == int(np.sum(data.integers("rlnClassNumber") == 1))
    assert summary["input_total"] == 300
