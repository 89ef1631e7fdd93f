"""Selection against what RELION 3.1.3 did with the same tables, and closed forms."""

import csv

import numpy as np
import pytest
from support.engine_jobs import DATA

from engine.errors import InputError
from engine.io.mrc import read_images
from engine.io.star import read_star
from engine.selection.centering import centers_of_mass, moved_origins, recentered
from engine.selection.classes import best_classes, class_scores, parse_numbers
from engine.selection.subsets import (
    in_range,
    ordinary_images,
    parts,
    regrouped,
    without_duplicates,
)

EXAMPLE = DATA / "class2d"


def iteration3() -> dict[str, np.ndarray]:
    with (EXAMPLE / "expected/B_it003_data.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}


def test_centers_of_mass_are_those_of_relion():
    images = read_images(EXAMPLE / "expected/B_it003_classes.mrcs")
    # x, y as relion_image_handler --shift_com moves them back
    expected = [(1.227600, 0.693730), (-0.332035, 1.023549), (0.311763, -0.379306)]
    assert np.allclose(centers_of_mass(images)[:, ::-1], expected, atol=2e-6)


def test_recentered_images_have_their_center_in_the_middle():
    images = read_images(EXAMPLE / "expected/B_it003_classes.mrcs")
    moved, _ = recentered(images)
    assert np.abs(centers_of_mass(moved)).max() < 0.08
    assert moved.dtype == np.float32


def test_an_image_without_bright_pixels_stays():
    moved, centers = recentered(-np.ones((1, 8, 8), np.float32))
    assert np.allclose(moved, -1, atol=1e-6)
    assert np.all(centers == 0)


def test_particles_fit_their_moved_reference_as_before():
    rng = np.random.default_rng(3)
    origins, centers = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    psi = rng.uniform(-180, 180, 5)
    new = moved_origins(origins, psi, centers)
    point = np.array([3.0, -2.0])  # x, y
    for i in range(5):
        a = np.deg2rad(psi[i])
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
        before = turn @ (point + origins[i, ::-1])  # where ref is read
        after = turn @ (point + new[i, ::-1]) + centers[i, ::-1]  # ref moved by -c
        assert np.allclose(before, after)


def test_values_in_a_range_are_those_of_relion():
    assert in_range(iteration3()["pmax"], 0.95, 1.0).sum() == 218


def test_ordinary_images_are_those_of_relion():
    images = read_images(EXAMPLE / "particles_int8.mrcs") / 32
    keep = ordinary_images(images.mean(axis=(1, 2)), images.std(axis=(1, 2)), 2.0)
    assert keep.sum() == 270


@pytest.mark.parametrize(
    ("size", "number", "lengths"),
    [
        (0, 4, [75, 75, 75, 75]),
        (110, 0, [110, 110, 80]),
        (40, 3, [40, 40, 40]),
        (400, 0, [300]),
    ],
)
def test_parts_are_those_of_relion(size, number, lengths):
    assert [b - a for a, b in parts(300, size, number)] == lengths


def test_no_two_kept_particles_are_too_close_and_none_is_lost_needlessly():
    rng = np.random.default_rng(1)
    place = rng.uniform(0, 100, (400, 2))
    groups = rng.integers(0, 3, 400)
    worth = rng.uniform(size=400)
    keep = without_duplicates(place, groups, 9.0, worth)
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    near = (distance <= 9.0) & (groups[:, None] == groups) & ~np.eye(400, dtype=bool)
    assert not near[np.ix_(keep, keep)].any()
    for i in np.flatnonzero(~keep):
        assert (worth[keep & near[i]] >= worth[i]).any()


def test_a_chain_loses_every_other_particle_where_relion_keeps_one():
    place = np.stack([np.arange(5) * 40.0, np.zeros(5)], axis=1)
    keep = without_duplicates(place, np.zeros(5, int), 41.0, np.zeros(5))
    assert keep.tolist() == [True, False, True, False, True]


def test_new_groups_join_neighbors_in_scale_and_are_about_equal():
    rng = np.random.default_rng(2)
    scales, counts = rng.normal(1, 0.1, 40), rng.integers(5, 30, 40)
    new = np.array(regrouped(scales, counts, np.ones(40, int), 6))
    sizes = np.bincount(new, weights=counts)[1:]
    assert 5 <= len(sizes) <= 7
    assert sizes.max() < 1.5 * counts.sum() / 6
    order = np.argsort(scales)
    assert np.all(np.diff(new[order]) >= 0)


def test_groups_of_different_optics_never_join():
    optics = np.array([1, 2, 1, 2])
    new = regrouped(np.ones(4), np.full(4, 20), optics, 2)
    assert new[0] == new[2]
    assert new[1] == new[3]
    assert new[0] != new[1]


def test_too_many_groups_are_refused():
    with pytest.raises(InputError, match="at least 10"):
        regrouped(np.ones(4), np.full(4, 20), np.ones(4, int), 20)


def test_numbers_and_ranges_are_read_and_wrong_ones_named():
    assert parse_numbers("1, 4-6 9", 10, "class").tolist() == [0, 3, 4, 5, 8]
    for bad in ("0", "11", "5-3", "x", "1-"):
        with pytest.raises(InputError, match="Select"):
            parse_numbers(bad, 10, "class")


def test_chosen_real_classes_score_above_the_rest():
    folder = DATA / "class2d/real"
    images = read_images(folder / "classes.mrcs")
    with (folder / "selected.csv").open() as file:
        rows = list(csv.DictReader(file))
    good = np.array([row["looks_good_by_eye"] == "1" for row in rows])
    counts = np.array([float(row["distribution"]) for row in rows]) * 9168
    resolution = np.array([float(row["resolution"]) for row in rows])
    scores = class_scores(images, counts, resolution, 28.0)
    pairs = scores[good][:, None] > scores[~good][None]
    assert pairs.mean() > 0.99
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_the_best_classes_are_in_class_order_and_never_empty_ones():
    scores = np.array([0.2, 0.0, 0.9, 0.5])
    assert best_classes(scores, 2).tolist() == [2, 3]
    assert best_classes(scores, 9).tolist() == [0, 2, 3]


def test_the_tables_of_the_example_are_what_they_say():
    model = read_star(EXAMPLE / "expected/B_it003_model.star")
    assert len(model["model_classes"]) == 3
