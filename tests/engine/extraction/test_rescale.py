"""Rescaling, and its fast form against the plain one."""

import numpy as np
import pytest

from engine.extraction.rescale import prefers_matrices, rescale, shrink


@pytest.mark.parametrize(("box_px", "size"), [(256, 64), (32, 16), (96, 40), (30, 2)])
def test_matrix_products_give_the_numbers_of_fourier_cropping(box_px, size):
    rng = np.random.default_rng(1)
    boxes = rng.normal(10, 3, (2, box_px, box_px)).astype(np.float32)
    want = rescale(boxes, size)
    for box, small in zip(boxes, want, strict=True):
        np.testing.assert_allclose(shrink(box, size), small, atol=3e-5)


def test_a_view_into_a_micrograph_is_taken_as_it_is():
    image = np.random.default_rng(2).normal(size=(80, 90)).astype(np.float32)
    view = image[10:42, 30:62]
    np.testing.assert_array_equal(shrink(view, 16), shrink(view.copy(), 16))


@pytest.mark.parametrize("size", [20, 64])
def test_a_smooth_image_keeps_values_and_center(size):
    i, j = np.indices((40, 40)) - 20
    blob = np.exp(-(i**2 + j**2) / (2 * 5.0**2)).astype(np.float32)
    got = rescale(blob[None], size)[0]
    i, j = (np.indices((size, size)) - size // 2) * 40 / size
    want = np.exp(-(i**2 + j**2) / (2 * 5.0**2))
    np.testing.assert_allclose(got, want, atol=1e-3)


def test_large_results_are_left_to_the_fourier_transform():
    assert prefers_matrices(256, 64)
    assert not prefers_matrices(256, 200)
    assert not prefers_matrices(1024, 256)
