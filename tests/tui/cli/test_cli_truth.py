"""Scores against a known truth."""

import itertools
import math

import pytest

from tui.cli.failure import CommandFailure
from tui.cli.truth import count_matches, read_truth, score


def test_every_pick_and_every_particle_counts_once():
    picks = [(0.0, 0.0), (1.0, 0.0)]
    particles = [(0.5, 0.0)]
    assert count_matches(picks, particles, 1.0) == 1
    assert count_matches(particles, picks, 1.0) == 1


def test_a_pick_on_the_radius_counts_and_one_beyond_does_not():
    assert count_matches([(3.0, 4.0)], [(0.0, 0.0)], 5.0) == 1
    assert count_matches([(3.0, 4.1)], [(0.0, 0.0)], 5.0) == 0


def test_far_apart_particles_match_as_the_plain_rule_says():
    particles = [
        (100.0 * i, 50.0 * j) for i, j in itertools.product(range(5), repeat=2)
    ]
    picks = [(x + 3, y - 4) for x, y in particles[::2]] + [(1000.0, 1000.0)]
    plain = sum(any(math.dist(p, q) <= 6 for q in particles) for p in picks)
    assert count_matches(picks, particles, 6.0) == plain == 13


def test_recall_and_precision_are_shares_of_particles_and_of_picks():
    found = score(
        {"a.mrc": [(0, 0), (50, 50), (90, 90)], "b.mrc": []},
        {"a.mrc": [(0, 1)], "b.mrc": [(5, 5)], "never-picked.mrc": [(1, 1)]},
        radius_px=2,
        radius_angstrom=4,
    )
    assert (found.matched, found.picks, found.particles) == (1, 3, 2)
    assert found.recall == 1 / 2
    assert found.precision == 1 / 3
    assert found.f1 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))


def test_truth_is_read_by_the_file_name_of_the_micrograph(tmp_path):
    path = tmp_path / "truth.star"
    path.write_text(
        "data_particles\n\nloop_\n_rlnMicrographName #1\n_rlnCoordinateX #2\n"
        "_rlnCoordinateY #3\nMicrographs/a.mrc 1.5 2.5\nMicrographs/a.mrc 3 4\n\n"
    )
    assert read_truth(path) == {"a.mrc": [(1.5, 2.5), (3.0, 4.0)]}


def test_a_file_that_is_no_truth_gets_one_clear_line(tmp_path):
    path = tmp_path / "no.star"
    with pytest.raises(CommandFailure, match="cannot be read as truth"):
        read_truth(path)
    path.write_text("data_\n\nloop_\n_rlnMicrographName #1\na.mrc\n\n")
    with pytest.raises(CommandFailure, match="no coordinates"):
        read_truth(path)
