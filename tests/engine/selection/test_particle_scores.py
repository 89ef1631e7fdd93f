"""Scores of particles, on numbers drawn as a classification would write them."""

import numpy as np
import pytest

from engine.io.star import Table
from engine.programs.select_particles import evidence
from engine.selection.particles import particle_scores

SIGMA = 5.0


def drawn(rng, n_good=400, n_junk=60, n_stray=6):
    """Class scores, a data table and which particles are junk, strays last."""
    n = n_good + n_junk + n_stray
    is_junk = np.arange(n) >= n_good
    score = np.where(is_junk, 0.05, 0.7)
    score[-n_stray:] = 0.7
    width = np.where(is_junk, 2.2, 1.0) * SIGMA
    table = Table(
        {
            "rlnOriginXAngst": rng.normal(0, width),
            "rlnOriginYAngst": rng.normal(0, width),
            "rlnNrOfSignificantSamples": np.where(is_junk, 900, 30),
            "rlnNormCorrection": rng.normal(np.where(is_junk, 0.9, 0.8), 0.05),
        }
    )
    return score, table, is_junk


def test_strays_score_below_the_true_particles_of_their_class():
    score, table, _ = drawn(np.random.default_rng(1))
    found = particle_scores(score, evidence(table, SIGMA))
    assert ((found >= 0) & (found <= 1)).all()
    assert np.median(found[:400]) > 0.7
    assert found[-6:].max() < np.quantile(found[:400], 0.05)
    assert found[400:-6].max() < 0.5


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e4])
def test_the_scale_of_the_evidence_does_not_matter(unit):
    score, table, _ = drawn(np.random.default_rng(2))
    beside = evidence(table, SIGMA)
    once, again = particle_scores(score, beside), particle_scores(score, unit * beside)
    np.testing.assert_allclose(once, again, atol=1e-9)


def test_evidence_that_says_nothing_changes_little():
    rng = np.random.default_rng(3)
    score = np.where(np.arange(2000) < 1500, 0.7, 0.05)
    found = particle_scores(score, rng.normal(size=(2000, 3)))
    assert np.abs(found - score).max() < 0.15


@pytest.mark.parametrize(
    "score",
    [np.full(50, 1.0), np.zeros(50), np.array([0.9, 0.1, 0.5])],
    ids=["all good", "all junk", "three particles"],
)
def test_with_too_few_to_learn_from_it_is_the_score_of_the_class(score):
    beside = np.random.default_rng(4).normal(size=(len(score), 2))
    np.testing.assert_allclose(particle_scores(score, beside), score, atol=0.011)


def test_columns_that_a_list_lacks_are_left_out():
    table = Table({"rlnOriginXAngst": np.array([3.0]), "rlnClassNumber": np.array([1])})
    assert evidence(table, SIGMA).shape == (1, 0)
    both = table.with_columns({"rlnOriginYAngst": np.array([4.0])})
    np.testing.assert_allclose(evidence(both, SIGMA), [[1.0]])
    assert evidence(both, 0.0).shape == (1, 0)


def test_a_value_that_is_no_number_says_nothing():
    table = Table({"rlnNormCorrection": np.array([0.8, np.nan, np.inf, 0.6])})
    found = evidence(table, SIGMA)[:, 0]
    np.testing.assert_allclose(found, [0.8, 0.7, 0.7, 0.6])
