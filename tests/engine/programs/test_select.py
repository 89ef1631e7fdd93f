"""Subset selection as a job, of RELION's own iteration, taken by RELION's programs."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from support.engine_jobs import DATA, run_engine, run_relion, write_job
from support.worked_example import example_project

from engine.io.mrc import read_images
from engine.io.star import Table, read_star, write_star
from engine.selection.centering import centers_of_mass

EXPECTED = DATA / "class2d/expected"
ROOT = "Class2D/job001/run_it003"
OWN = {"cryodeck_engine": "cryodeck"}


@pytest.fixture
def project(tmp_path):
    """Iteration 3 of RELION on the worked example, and a list of micrographs."""
    example_project(tmp_path)
    folder = tmp_path / "Class2D/job001"
    folder.mkdir(parents=True)
    shutil.copy(EXPECTED / "B_it003_classes.mrcs", f"{tmp_path}/{ROOT}_classes.mrcs")
    text = (EXPECTED / "B_it003_model.star").read_text()
    text = text.replace("B/run_it003", ROOT)
    (tmp_path / f"{ROOT}_model.star").write_text(text)
    tables = read_star(tmp_path / "particles.star")
    with (EXPECTED / "B_it003_data.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["index"]))
    found = {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}
    names = tables["particles"].text("rlnMicrographName")
    groups = np.unique(names, return_inverse=True)[1] + 1
    tables["particles"] = tables["particles"].with_columns(
        {
            "rlnGroupNumber": groups,
            "rlnAnglePsi": found["psi"],
            "rlnOriginXAngst": found["origin_x_angst"],
            "rlnOriginYAngst": found["origin_y_angst"],
            "rlnClassNumber": found["class"].astype(int),
            "rlnMaxValueProbDistribution": found["pmax"],
        }
    )
    write_star(tmp_path / f"{ROOT}_data.star", tables)
    micrographs = {
        "rlnMicrographName": [f"Micrographs/mic{i}.mrc" for i in range(1, 13)],
        "rlnCtfMaxResolution": np.arange(12.0),
    }
    write_star(tmp_path / "micrographs.star", {"micrographs": Table(micrographs)})
    return tmp_path


def select(project, number=2, **values):
    write_job(project, f"Select/job{number:03d}", "select", **(OWN | values))
    done = run_engine(project, f"Select/job{number:03d}")
    assert done.returncode == 0, done.stderr
    folder = project / f"Select/job{number:03d}"
    return folder, json.loads((folder / "summary.json").read_text())


def refused(project, message, **values):
    write_job(project, "Select/job009", "select", **(OWN | values))
    done = run_engine(project, "Select/job009")
    assert done.returncode == 2
    assert message in done.stderr


def test_classes_by_number_leave_what_relion_leaves(project):
    folder, summary = select(
        project,
        fn_model=f"{ROOT}_model.star",
        cryodeck_classes="1,3",
        do_recenter="No",
    )
    assert summary["selected_classes"] == [1, 3]
    assert summary["particles_total"] == 196
    particles = read_star(folder / "particles.star")["particles"]
    assert set(particles.integers("rlnClassNumber").tolist()) == {1, 3}
    backup = read_star(folder / "backup_selection.star")[""]
    assert backup.integers("rlnSelected").tolist() == [1, 0, 1]
    averages = read_star(folder / "class_averages.star")[""]
    assert averages.text("rlnReferenceImage") == [
        f"000001@{ROOT}_classes.mrcs",
        f"000003@{ROOT}_classes.mrcs",
    ]
    assert averages.integers("rlnClassNumber").tolist() == [1, 3]


def test_the_opposite_of_a_selection_is_the_rest(project):
    _, summary = select(
        project,
        fn_model=f"{ROOT}_model.star",
        cryodeck_classes="1,3",
        cryodeck_invert="Yes",
    )
    assert summary["selected_classes"] == [2]
    assert summary["particles_total"] == 104


def test_recentering_moves_averages_and_origins_together(project):
    folder, summary = select(
        project, fn_model=f"{ROOT}_model.star", cryodeck_classes="1-3"
    )
    moved = read_images(folder / "class_averages.mrcs")
    assert np.abs(centers_of_mass(moved)).max() < 0.08
    assert summary["centers_px"][0] == pytest.approx([1.2276, 0.6937], abs=1e-3)
    before = read_star(project / f"{ROOT}_data.star")["particles"]
    after = read_star(folder / "particles.star")["particles"]
    dx = after.numbers("rlnOriginXAngst") - before.numbers("rlnOriginXAngst")
    dy = after.numbers("rlnOriginYAngst") - before.numbers("rlnOriginYAngst")
    center = np.array(summary["centers_px"])[after.integers("rlnClassNumber") - 1]
    assert np.allclose(np.hypot(dx, dy), 4 * np.hypot(*center.T), atol=1e-3)
    kept, _ = select(
        project,
        3,
        fn_model=f"{ROOT}_model.star",
        cryodeck_classes="1-3",
        cryodeck_move_origins="No",
    )
    same = read_star(kept / "particles.star")["particles"]
    assert same.text("rlnOriginXAngst") == before.text("rlnOriginXAngst")


def test_rules_and_best_classes(project):
    _, summary = select(project, fn_model=f"{ROOT}_model.star", cryodeck_min_share="30")
    assert summary["selected_classes"] == [1, 2]
    _, summary = select(project, 3, fn_model=f"{ROOT}_model.star", cryodeck_best="2")
    assert len(summary["selected_classes"]) == 2
    assert len(summary["scores"]) == 3


def test_a_selection_made_in_relions_window_is_applied(project):
    folder = project / "Select/job002"
    folder.mkdir(parents=True)
    write_star(
        folder / "backup_selection.star",
        {"": Table({"rlnSelected": np.array([0, 2, 0])})},
    )
    _, summary = select(project, fn_model=f"{ROOT}_model.star")
    assert summary["selected_classes"] == [2]


def test_regrouping_names_groups_and_drops_numbers(project):
    folder, _ = select(
        project,
        fn_model=f"{ROOT}_model.star",
        cryodeck_classes="1,3",
        do_regroup="Yes",
        nr_groups="2",
    )
    table = read_star(folder / "particles.star")["particles"]
    assert "rlnGroupNumber" not in table
    names = table.text("rlnGroupName")
    assert set(names) == {"group_1", "group_2"}
    assert 60 < names.count("group_1") < 140


def test_the_first_micrographs_are_the_tutorials_5mics(project):
    folder, summary = select(project, fn_mic="micrographs.star", cryodeck_first="5")
    assert summary["micrographs_total"] == 5
    for name in ("micrographs.star", "micrographs_selected.star"):
        table = read_star(folder / name)["micrographs"]
        assert table.text("rlnMicrographName")[-1] == "Micrographs/mic5.mrc"
    rest, _ = select(
        project,
        3,
        fn_mic="micrographs.star",
        cryodeck_rows="1-5",
        cryodeck_invert="Yes",
    )
    table = read_star(rest / "micrographs.star")["micrographs"]
    assert len(table) == 7


def test_picked_coordinates_select_their_micrographs(project):
    (project / "AutoPick").mkdir()
    (project / "AutoPick/coords_suffix_autopick.star").write_text("micrographs.star\n")
    folder, _ = select(
        project, fn_coords="AutoPick/coords_suffix_autopick.star", cryodeck_first="3"
    )
    assert len(read_star(folder / "micrographs_selected.star")["micrographs"]) == 3


def test_values_statistics_and_parts(project):
    folder, summary = select(
        project,
        fn_data=f"{ROOT}_data.star",
        do_select_values="Yes",
        select_label="rlnMaxValueProbDistribution",
        select_minval="0.95",
        select_maxval="1",
    )
    assert summary["particles_total"] == 218
    _, summary = select(
        project, 3, fn_data="particles.star", do_discard="Yes", discard_sigma="2"
    )
    assert summary["particles_total"] == 270
    folder, _ = select(
        project,
        4,
        fn_data="particles.star",
        do_split="Yes",
        split_size="110",
        do_random="Yes",
    )
    names = [
        name
        for i in (1, 2, 3)
        for name in read_star(folder / f"particles_split{i}.star")["particles"].text(
            "rlnImageName"
        )
    ]
    assert len(set(names)) == 300
    assert (folder / "RELION_OUTPUT_NODES.star").is_file()


def test_duplicates_keep_more_than_relions_chains(project):
    folder, summary = select(
        project,
        fn_data=f"{ROOT}_data.star",
        do_remove_duplicates="Yes",
        duplicate_threshold="165",
        image_angpix="4",
    )
    kept = (EXPECTED / "B_it003_kept_after_duplicates_165A.txt").read_text().split()
    assert summary["particles_total"] > len(kept)
    removed = read_star(folder / "particles_removed.star")["particles"]
    assert len(removed) + summary["particles_total"] == 300


def test_wrong_requests_get_one_clear_line(project):
    refused(project, "no input")
    refused(project, "say which of its 3 classes", fn_model=f"{ROOT}_model.star")
    refused(project, "there are 3", fn_model=f"{ROOT}_model.star", cryodeck_classes="4")
    refused(project, "say which of its 12 rows", fn_mic="micrographs.star")
    refused(
        project,
        "no column rlnNothing",
        fn_mic="micrographs.star",
        do_select_values="Yes",
        select_label="rlnNothing",
    )
    assert not (project / "Select/job009/micrographs.star").exists()


@pytest.mark.relion
def test_relion_takes_what_was_selected(project):
    folder, _ = select(project, fn_model=f"{ROOT}_model.star", cryodeck_classes="1,3")
    stack = folder / "class_averages.mrcs"
    run_relion(project, "relion_image_handler", "--i", str(stack), "--stats")
    run_relion(
        project,
        "relion_refine",
        *[
            "--i",
            "Select/job002/particles.star",
            "--o",
            "Class2D/next",
            "--iter",
            "1",
            "--K",
            "2",
        ],
        *["--ctf", "--tau2_fudge", "2", "--particle_diameter", "100", "--zero_mask"],
        *[
            "--oversampling",
            "0",
            "--psi_step",
            "30",
            "--offset_range",
            "1",
            "--offset_step",
            "2",
        ],
        *["--norm", "--scale", "--flatten_solvent"],
    )
    assert (project / "Class2D/next_it001_data.star").is_file()


def test_average_and_deviation_of_a_selection_are_images(project):
    values = {"fn_model": f"{ROOT}_model.star", "cryodeck_write_average": "Yes"}
    folder, _ = select(project, cryodeck_classes="2", **values)
    rows = read_star(folder / "particles.star")["particles"].text("rlnImageName")
    places = [int(name.partition("@")[0]) - 1 for name in rows]
    images = read_images(project / "particles.mrcs")[places].astype(np.float64)
    for name, expected in (("average", images.mean(0)), ("deviation", images.std(0))):
        found = read_images(folder / f"{name}.mrc")[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)
    folder, _ = select(
        project, cryodeck_classes="2", **values | {"cryodeck_write_average": "No"}
    )
    assert not (folder / "average.mrc").exists()
