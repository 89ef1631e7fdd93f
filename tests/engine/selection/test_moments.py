"""Average and deviation of images."""

import numpy as np

from engine.selection.moments import Moments


def test_parts_of_any_size_give_numpys_average_and_deviation():
    images = np.random.default_rng(1).normal(1e5, 2, (37, 6, 5)).astype(np.float32)
    moments = Moments()
    for part in (images[:1], images[1:1], images[1:20], images[20:]):
        moments.add(part)
    assert moments.count == 37
    exact = images.astype(np.float64)
    np.testing.assert_allclose(moments.average, exact.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(moments.deviation, exact.std(axis=0), rtol=1e-5)


def test_one_image_is_its_own_average_without_deviation():
    moments = Moments()
    moments.add(np.full((1, 4, 4), 3, dtype=np.float32))
    assert np.all(moments.average == 3)
    assert np.all(moments.deviation == 0)
