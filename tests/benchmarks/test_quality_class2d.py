"""The judge of classifications, on cases whose answer is known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import quality_class2d as judge


def junk(label, good, resolution=(10.0, 20.0, 30.0)):
    label, good = np.array(label), np.array(good, dtype=bool)
    scores = np.where(label == 1, 0.9, 0.1)
    return judge.junk_separation(label, good, scores, np.array(resolution))


def test_junk_in_classes_of_its_own_is_told_apart():
    found = junk([1, 1, 1, 1, 2, 2], [1, 1, 1, 1, 0, 0])
    assert found["junk_purity"] == 1
    assert found["junk_auc"] == 1
    assert found["junk_kept"] == 0
    assert found["score_auc"] == 1
    assert found["estimate_auc"] == 1


def test_a_class_of_one_says_nothing_of_its_particle():
    found = junk([1, 2, 3], [1, 0, 1])
    assert found["junk_auc"] == pytest.approx(0.5)
    # a resolution that calls the junk finest is worse than chance
    assert junk([1, 2, 3], [1, 0, 1], (20, 10, 30))["estimate_auc"] == 0


def test_junk_spread_evenly_is_kept_with_the_particles():
    found = junk([1, 1, 1, 2, 2, 2], [1, 1, 0, 1, 1, 0])
    assert found["junk_kept"] == 1
    assert found["junk_auc"] < 0.5


@pytest.mark.parametrize("name", ["betagalactosidase", "proteasome"])
def test_equal_views_of_a_symmetric_particle_have_no_spread_and_no_error(name):
    rng = np.random.default_rng(2)
    operators = judge._operators(name)
    orientation = judge.euler_matrix(30.0, 65.0, 20.0)
    mates = orientation @ operators[rng.integers(0, len(operators), 12)]
    tilt = np.degrees(np.arccos(mates[:, 2, 2]))
    rot = np.degrees(np.arctan2(mates[:, 2, 1], mates[:, 2, 0]))
    psi = np.degrees(np.arctan2(mates[:, 1, 2], -mates[:, 0, 2]))
    turned = rng.uniform(-180, 180, 12)  # by the particle and by its assignment alike
    truth = judge.Truth([name], np.zeros(12, int), rot, tilt, psi + turned, None)
    found = judge.Found(np.ones(12, int), turned.copy(), None, None, None)
    angles, twist = judge._orientations(truth, found, np.arange(12), name)
    np.testing.assert_allclose(angles, 0, atol=0.05)
    np.testing.assert_allclose((twist + 180) % 360 - 180, twist[0], atol=0.05)
    found.psi[3] += 7
    _, twist = judge._orientations(truth, found, np.arange(12), name)
    wrong = (np.delete(twist, 3).mean() - twist[3] + 180) % 360 - 180
    assert abs(wrong) == pytest.approx(7, abs=0.1)


def test_centers_that_the_assignments_bring_together_have_no_error():
    rng = np.random.default_rng(3)
    psi = rng.uniform(-180, 180, 6)
    away = rng.normal(0, 3, (6, 2))
    truth = judge.Truth(["x"], np.zeros(6, int), psi, psi, psi, away)
    found = judge.Found(np.ones(6, int), psi, -away, None, None)
    for row in range(6):
        np.testing.assert_allclose(judge._turned(truth, found, row), 0, atol=1e-12)
