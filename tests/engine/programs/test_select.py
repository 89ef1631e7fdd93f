"""Subset selection as a job, of RELION's own iteration, taken by RELION's programs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from support.engine_jobs import run_engine, run_relion, write_job
from support.worked_example import CLASSIFIED as ROOT
from support.worked_example import EXPECTED, classified_project, example_truth

from engine.io.mrc import read_images
from engine.io.star import Table, read_star, write_star
from engine.selection.centering import centers_of_mass

OWN = {"cryodeck_engine": "cryodeck"}


@pytest.fixture
def project(tmp_path):
    classified_project(tmp_path)
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


def test_particles_fit_recentered_averages_and_truth_as_before(project):
    """Origins may be moved the wrong way without a picture showing it."""
    truth = example_truth()
    place = np.argsort(truth["index"])
    true_origin = np.stack([truth[f"origin_{c}_angst"][place] for c in "yx"], 1)
    errors = {}
    for number, moves in ((2, "No"), (3, "Yes")):
        folder, _ = select(
            project,
            number,
            fn_model=f"{ROOT}_model.star",
            cryodeck_classes="1-3",
            cryodeck_move_origins=moves,
        )
        table = read_star(folder / "particles.star")["particles"]
        origin = [table.numbers(f"rlnOrigin{c}Angst") for c in "YX"]
        error = _in_class_frame(table, np.stack(origin, 1) - true_origin)
        label = table.integers("rlnClassNumber")
        for k in np.unique(label):
            scatter = error[label == k] - np.median(error[label == k], axis=0)
            errors.setdefault(number, []).append(np.hypot(*scatter.T))
        if moves == "Yes":
            images = read_images(project / "particles.mrcs")
            moved = read_images(folder / "class_averages.mrcs")
            for k in (1, 2, 3):
                rows = np.flatnonzero(label == k)[:60]
                mean = _aligned_mean(images, table, rows)
                # the shift that fits the moved average best is none
                assert np.abs(_best_shift(mean, moved[k - 1])).max() <= 1
    for before, after in zip(errors[2], errors[3], strict=True):
        np.testing.assert_allclose(after, before, atol=2e-3)


def _in_class_frame(table, yx):
    """Vectors of images as the averages see them: R(psi) v, y and x."""
    psi = np.deg2rad(table.numbers("rlnAnglePsi"))
    c, s = np.cos(psi), np.sin(psi)
    return np.stack([s * yx[:, 1] + c * yx[:, 0], c * yx[:, 1] - s * yx[:, 0]], 1)


def _aligned_mean(images, table, rows):
    """Mean of images, moved by their origins and turned by psi, by interpolation."""
    size = images.shape[-1]
    grid = np.stack(np.mgrid[:size, :size]) - size // 2
    mean = np.zeros((size, size))
    for row in rows:
        psi = np.deg2rad(table.numbers("rlnAnglePsi")[row])
        origin = [table.numbers(f"rlnOrigin{c}Angst")[row] / 4 for c in "YX"]
        c, s = np.cos(psi), np.sin(psi)
        # ref(y) = img(R(-psi) y - o)
        x = c * grid[1] + s * grid[0] - origin[1]
        y = -s * grid[1] + c * grid[0] - origin[0]
        where = [y + size // 2, x + size // 2]
        mean += map_coordinates(images[row], where, order=1)
    return mean


def _best_shift(image, reference):
    """Shift (y, x) of an image that fits a reference best, pixels."""
    spectrum = np.fft.fft2(reference) * np.fft.fft2(image).conj()
    cross = np.fft.ifft2(spectrum).real
    found = np.array(np.unravel_index(cross.argmax(), cross.shape))
    return (found + len(image) // 2) % len(image) - len(image) // 2


def test_rules_and_best_classes(project):
    _, summary = select(project, fn_model=f"{ROOT}_model.star", cryodeck_min_share="30")
    assert summary["selected_classes"] == [1, 2]
    _, summary = select(project, 3, fn_model=f"{ROOT}_model.star", cryodeck_best="2")
    assert len(summary["selected_classes"]) == 2
    assert len(summary["scores"]) == 3


def test_particles_of_a_low_score_are_left_out(project):
    label = "rlnParticleFigureOfMerit"
    chosen = {"fn_model": f"{ROOT}_model.star", "cryodeck_classes": "1,3"}
    folder, every = select(project, 2, **chosen)
    scores = read_star(folder / "particles.star")["particles"].numbers(label)
    assert len(scores) == every["particles_total"]
    assert scores.min() < scores.max()
    least = round(float(np.median(scores)), 3)
    rule = {"cryodeck_min_particle_score": str(least)}
    folder, some = select(project, 3, **chosen, **rule)
    kept = read_star(folder / "particles.star")["particles"]
    assert kept.numbers(label).tolist() == scores[scores >= least].tolist()
    assert some["left_out_by_particle_score"] == (scores < least).sum()
    # what both leave out is kept by the opposite, of whichever class
    folder, rest = select(project, 4, **chosen, **rule, cryodeck_invert="Yes")
    assert rest["particles_total"] == every["input_total"] - some["particles_total"]
    assert {1, 2} <= set(rest["selected_classes"])
    left = read_star(folder / "particles.star")["particles"]
    assert not set(left.text("rlnImageName")) & set(kept.text("rlnImageName"))


def test_a_score_of_particles_alone_is_a_rule(project):
    model = f"{ROOT}_model.star"
    _, all_of_them = select(
        project, 2, fn_model=model, cryodeck_min_particle_score="0.001"
    )
    assert all_of_them["selected_classes"] == [1, 2, 3]
    assert all_of_them["particles_total"] == all_of_them["input_total"]
    refused(
        project,
        "no class with particles chosen",
        fn_model=model,
        cryodeck_min_particle_score="1",
    )


def test_the_best_classes_of_different_views(project):
    model = f"{ROOT}_model.star"
    best = {"fn_model": model, "cryodeck_best": "3"}
    _, every = select(project, **best, cryodeck_most_alike="1")
    _, one = select(project, 3, **best, cryodeck_most_alike="0.01")
    assert len(every["selected_classes"]) == 3
    (kept,) = one["selected_classes"]
    assert one["scores"][kept - 1] == max(one["scores"])
    assert "0.01" in one["rule"]


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


def test_coordinate_lists_of_later_versions_select_their_micrographs(project):
    (project / "ManualPick/job005").mkdir(parents=True)
    names = [f"Micrographs/mic{i}.mrc" for i in range(1, 13)]
    picks = [f"ManualPick/job005/Micrographs/mic{i}_manualpick.star" for i in range(12)]
    columns = {"rlnMicrographName": names, "rlnMicrographCoordinates": picks}
    write_star(
        project / "ManualPick/job005/manualpick.star",
        {"coordinate_files": Table(columns)},
    )
    folder, _ = select(
        project,
        fn_coords="ManualPick/job005/manualpick.star",
        cryodeck_rows="8-12",
        cryodeck_invert="Yes",
    )
    table = read_star(folder / "micrographs_selected.star")["micrographs"]
    assert table.text("rlnMicrographName") == names[:7]


def test_a_range_of_values_and_what_lies_outside(project):
    values = {
        "fn_mic": "micrographs.star",
        "do_select_values": "Yes",
        "select_label": "rlnCtfMaxResolution",
        "select_minval": "3",
        "select_maxval": "5",
    }
    folder, _ = select(project, **values)
    table = read_star(folder / "micrographs.star")["micrographs"]
    assert table.numbers("rlnCtfMaxResolution").tolist() == [3, 4, 5]
    folder, _ = select(project, 3, **values, cryodeck_invert="Yes")
    table = read_star(folder / "micrographs.star")["micrographs"]
    assert table.numbers("rlnCtfMaxResolution").tolist() == [0, 1, 2, *range(6, 12)]


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
    kept = read_star(folder / "particles.star")["particles"]
    for row in range(len(removed)):
        near = _distance(kept, removed, row) <= 165 + 1e-6
        worth = "rlnMaxValueProbDistribution"
        assert kept.numbers(worth)[near].max() >= removed.numbers(worth)[row]


def _distance(table, other, row):
    """Å from each particle to one of another table; inf on other micrographs."""
    away = [
        4 * table.numbers(f"rlnCoordinate{c}")
        - table.numbers(f"rlnOrigin{c}Angst")
        - 4 * other.numbers(f"rlnCoordinate{c}")[row]
        + other.numbers(f"rlnOrigin{c}Angst")[row]
        for c in "XY"
    ]
    here = np.array(table.text("rlnMicrographName"))
    same = here == other.text("rlnMicrographName")[row]
    return np.where(same, np.hypot(*away), np.inf)


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


def test_raw_particles_have_an_average_and_a_deviation_too(project):
    """The tutorial marks all extracted particles and looks at their average."""
    folder, summary = select(
        project,
        fn_data="particles.star",
        cryodeck_invert="Yes",
        cryodeck_write_average="Yes",
    )
    assert summary["particles_total"] == 300
    images = read_images(project / "particles.mrcs").astype(np.float64)
    for name, expected in (("average", images.mean(0)), ("deviation", images.std(0))):
        found = read_images(folder / f"{name}.mrc")[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


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
