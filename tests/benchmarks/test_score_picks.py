"""Matching and scoring of picks, against cases small enough to count by hand."""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

_PATH = Path(__file__).parents[2] / "benchmarks" / "score_picks.py"
_SPEC = importlib.util.spec_from_file_location("score_picks", _PATH)
score_picks = importlib.util.module_from_spec(_SPEC)
sys.modules["score_picks"] = score_picks  # dataclasses look their module up
_SPEC.loader.exec_module(score_picks)


def points(*pairs):
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def field(picks, truth, fom=None, **more):
    fom = np.zeros(len(picks)) if fom is None else np.array(fom, dtype=float)
    return score_picks.Field(
        picks=picks, fom=fom, truth=truth, shape=(100, 200), pixel_size=2.0, **more
    )


def most_pairs(picks, truth, radius):
    """The largest one-to-one matching, by trying every one."""
    reach = np.hypot(*(picks[:, None] - truth[None]).transpose(2, 0, 1)) <= radius
    few, many = sorted((len(picks), len(truth)))
    reach = reach if len(picks) <= len(truth) else reach.T
    orders = itertools.permutations(range(many), few)
    return max(sum(reach[i, j] for i, j in enumerate(order)) for order in orders)


@pytest.mark.parametrize("seed", range(12))
def test_matching_finds_as_many_pairs_as_there_can_be(seed):
    rng = np.random.default_rng(seed)
    picks = rng.uniform(0, 10, (rng.integers(1, 7), 2))
    truth = rng.uniform(0, 10, (rng.integers(1, 7), 2))
    which, paired = score_picks.match(picks, truth, 3.0)
    assert len(which) == most_pairs(picks, truth, 3.0)
    assert len(set(which.tolist())) == len(which)
    assert len(set(paired.tolist())) == len(paired)
    assert (np.hypot(*(picks[which] - truth[paired]).T) <= 3.0).all()


def test_one_truth_counts_for_one_of_two_picks():
    got = score_picks.score([field(points((50, 50), (51, 50)), points((50, 50)))], 10)
    assert (got.hits, got.picks, got.truth) == (1, 2, 1)
    assert (got.precision, got.recall) == (0.5, 1.0)
    assert got.f1 == pytest.approx(2 / 3)
    assert got.median_error_angstrom == 0


def test_a_pick_just_beyond_the_radius_is_no_hit():
    truth = points((50, 50))
    assert score_picks.score([field(points((55, 50)), truth)], 10.0).hits == 1
    assert score_picks.score([field(points((55.1, 50)), truth)], 10.0).hits == 0


def test_the_best_pick_takes_the_truth_though_another_is_nearer():
    found = score_picks.hits_by_fom(
        points((0, 0), (3, 0)), np.array([0.2, 0.9]), points((0.5, 0)), 5.0
    )
    assert found.tolist() == [-1, 0]


def test_best_f1_is_at_the_threshold_that_drops_the_false_picks():
    truth = points((10, 10), (50, 50), (90, 90))
    picks = points((10, 10), (50, 50), (150, 20), (160, 80))
    got = score_picks.score([field(picks, truth, [0.9, 0.8, 0.3, 0.2])], 10)
    assert got.best_f1 == pytest.approx(2 * 2 / (2 + 3))
    assert got.best_threshold == 0.8
    assert (got.precision_at_best, got.recall_at_best) == (1.0, pytest.approx(2 / 3))
    assert got.average_precision == pytest.approx(2 / 3)


def test_average_precision_of_a_known_ranking():
    # hit, miss, hit, of two truths: 1/2 * 1 + 1/2 * 2/3
    got = score_picks.curve(np.array([3.0, 2.0, 1.0]), np.array([1, 0, 1], bool), 2)
    assert got["average_precision"] == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_picks_of_equal_merit_pass_a_threshold_together():
    got = score_picks.curve(np.array([1.0, 1.0]), np.array([1, 0], bool), 1)
    assert got["precision_at_best"] == 0.5
    assert got["average_precision"] == 0.5


def test_false_picks_on_carbon_and_ice_are_counted_apart():
    regions = np.zeros((50, 100), dtype=np.uint8)
    regions[:, 80:] = 3
    regions[:10, :10] = 2
    picks = points((190, 50), (5, 5), (100, 50), (60, 60))
    got = score_picks.score([field(picks, points((60, 60)), regions=regions)], 10)
    assert (got.false_on_carbon, got.false_on_ice) == (1, 1)
    assert got.hits == 1


def test_what_lies_in_the_border_is_judged_neither_way():
    truth = points((5, 50), (100, 50))
    picks = points((6, 50), (100, 50), (195, 95))
    got = score_picks.score([field(picks, truth, [1, 1, 1])], 20.0, 30.0)
    assert (got.hits, got.picks, got.truth) == (1, 1, 1)
    assert got.best_f1 == 1.0


def test_centers_are_compared_on_the_particles_that_both_find():
    truth = points((10, 10), (50, 50), (90, 90), (3, 50))
    mine = field(points((11, 10), (50, 52), (3, 51)), truth)
    yours = field(points((10, 10), (50, 55), (91, 90), (3, 50)), truth)
    # pixels of 2 Å; the last lies in the border
    got = score_picks.common_errors([mine], [yours], 20.0, 10.0)
    assert got == (2, pytest.approx(3.0), pytest.approx(5.0))
    nobody = field(points(), truth)
    assert score_picks.common_errors([nobody], [yours], 20.0)[0] == 0


def test_nothing_picked_and_nothing_there_are_scores_too():
    none = points()
    got = score_picks.score([field(none, points((5, 5)))], 10)
    assert (got.recall, got.f1, got.best_f1) == (0, 0, 0)
    got = score_picks.score([field(points((5, 5)), none)], 10)
    assert (got.precision, got.f1) == (0, 0)
