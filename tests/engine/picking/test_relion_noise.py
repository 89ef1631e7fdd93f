from __future__ import annotations

import ctypes

import numpy as np
import pytest

from engine.picking.relion_noise import GlibcRandom, RelionNoise


@pytest.mark.parametrize("seed", [0, 1, 2, 77, 2**31 + 5, 2**32 - 1])
def test_numbers_are_those_of_the_c_library(seed):
    library = ctypes.CDLL("libc.so.6")
    library.srand(ctypes.c_uint(seed))
    expected = [library.rand() for _ in range(9000)]
    random = GlibcRandom(seed)
    drawn = np.concatenate([random.draw(5000), random.draw(10)])
    assert drawn[:6000].tolist() == expected[:6000]


def test_deviates_are_relions():
    noise = RelionNoise()
    noise.seed(1)
    expected = [1.1122715, -0.3453237, 0.6080564, 0.6410062]
    np.testing.assert_allclose(noise.draw(4), expected, atol=1e-7)


def test_how_they_are_drawn_does_not_matter():
    noise = RelionNoise()
    noise.seed(3)
    at_once = noise.draw(1001)
    noise.seed(3)
    parts = [noise.draw(n) for n in (1, 0, 7, 500, 493)]
    np.testing.assert_array_equal(np.concatenate(parts), at_once)


def test_a_pairs_second_waits_across_seeding_as_in_relion():
    plain, forgetful = RelionNoise(forgets=False), RelionNoise()
    for noise in (plain, forgetful):
        noise.seed(1)
        noise.draw(1)
        noise.seed(9)
    waiting = np.float32(-0.34532365)
    fresh = forgetful.draw(5)
    np.testing.assert_array_equal(plain.draw(6), np.r_[waiting, fresh])


def test_mean_and_spread_are_those_of_a_gaussian():
    noise = RelionNoise()
    noise.seed(5)
    drawn = noise.draw(200_000)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.01
