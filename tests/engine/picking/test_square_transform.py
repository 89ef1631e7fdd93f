from __future__ import annotations

import numpy as np
import pytest

from engine.errors import NumericalError
from engine.fourier.low_frequencies import by_products, low_frequencies
from engine.fourier.resize import resize_transform
from engine.picking.square_transform import square_transform
from engine.picking.working_size import choose_working_size


def plain(image, size, zscore, surroundings):
    """The slow form: fill a square, transform all of it, crop."""
    image = image.astype(np.float64)
    mean, spread = image.mean(), image.std()
    clean = np.where(np.abs(image - mean) > zscore * spread, mean, image)
    full = size.full_px
    square = np.zeros((full, full))
    (top, left), (rows, columns) = size.corner, image.shape
    is_inside = np.zeros((full, full), dtype=bool)
    is_inside[top : top + rows, left : left + columns] = True
    square[is_inside] = ((clean - mean) / spread).ravel()
    if surroundings is not None:
        square[~is_inside] = surroundings
    transform = np.fft.rfft2(square, norm="forward")
    work = (size.work_px, size.work_px)
    return resize_transform(transform, (full, full), work)


@pytest.mark.parametrize("shape", [(160, 200), (200, 160), (199, 160), (131, 202)])
@pytest.mark.parametrize("has_noise", [False, True])
@pytest.mark.parametrize("shrink", [0, 0.5, 1])
def test_it_is_the_plain_transform(shape, has_noise, shrink):
    rng = np.random.default_rng(4)
    image = (6800 + 3 * rng.standard_normal(shape)).astype(np.float32)
    image[20, 30] = 9999
    size = choose_working_size(shape, 4.0, lowpass_angstrom=20, shrink=shrink)
    around = rng.standard_normal(size.full_px**2 - image.size).astype(np.float32)
    surroundings = around if has_noise else None
    image.flags.writeable = False
    fast = square_transform(image, size, outlier_zscore=5, surroundings=surroundings)
    slow = plain(image, size, 5, surroundings)
    assert fast.dtype == np.complex64
    np.testing.assert_allclose(fast, slow, atol=3e-7 * np.abs(slow).max() * 10)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((20, 20), 3, np.float32), "one value"),
        (np.where(np.eye(20) > 0, np.nan, 1).astype(np.float32), "finite"),
        (np.where(np.eye(20) > 0, np.inf, 1).astype(np.float32), "finite"),
    ],
)
def test_images_without_contrast_or_numbers_are_refused(image, words):
    size = choose_working_size((20, 20), 4.0, lowpass_angstrom=20, shrink=0)
    with pytest.raises(NumericalError, match=words):
        square_transform(image, size, outlier_zscore=8)


@pytest.mark.parametrize(
    ("length", "count", "factor"),
    [(202, 30, 2), (202, 101, 2), (3838, 171, 19), (3838, 171, 38), (57, 29, 19)],
)
def test_products_give_the_transforms_lowest_frequencies(length, count, factor):
    rows = np.random.default_rng(6).standard_normal((5, length), dtype=np.float32)
    expected = np.fft.rfft(rows.astype(np.float64), norm="forward")[:, :count]
    scale = np.abs(expected).max()
    fast = by_products(rows, count, factor)
    np.testing.assert_allclose(fast, expected, atol=1e-6 * scale)
    either = low_frequencies(rows, count)
    np.testing.assert_allclose(either, expected, atol=1e-6 * scale)
