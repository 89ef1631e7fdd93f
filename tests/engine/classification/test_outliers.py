"""Particles that take no part."""

import numpy as np

from engine.classification.outliers import deviations, reasons


def noise(n=200):
    return np.random.default_rng(1).standard_normal((n, 8, 8)).astype(np.float32)


def test_deviations_are_numpys_for_any_scale_and_flag_what_is_no_number():
    images = noise(6)
    images[1] *= 1e30
    images[2] = 7.3
    images[3, 4, 4] = np.inf
    images[4] = images[4] * 1e-30
    found = deviations(images)
    expected = images[[0, 1, 4, 5]].astype(float).std(axis=(1, 2))
    np.testing.assert_allclose(found[[0, 1, 4, 5]], expected, rtol=1e-6)
    assert found[2] == 0
    assert np.isnan(found[3])


def test_only_what_is_far_from_its_group_is_left_out():
    deviation = deviations(noise())
    deviation[100:] *= 30  # another optics group, not normalized
    deviation[[3, 120]] *= 100
    deviation[[5, 150]] /= 1000
    deviation[7] = 0
    deviation[9] = np.nan
    found = reasons(deviation, np.repeat([0, 1], 100))
    assert {i for i, reason in enumerate(found) if reason} == {3, 5, 7, 9, 120, 150}
    assert "not numbers" in found[9]
    assert "one value" in found[7]


def test_a_wide_but_ordinary_spread_of_deviations_is_kept_whole():
    deviation = np.exp(np.random.default_rng(2).normal(0, 1, 500))
    assert not any(reasons(deviation, np.zeros(500, dtype=int)))
