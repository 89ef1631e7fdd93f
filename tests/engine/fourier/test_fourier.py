"""Transforms against closed forms and plain sums."""

from __future__ import annotations

import numpy as np
import pytest

from engine.fourier.filters import lowpass
from engine.fourier.grids import frequency_radii, row_frequencies, shells
from engine.fourier.resize import resize_transform
from engine.fourier.shift import shift
from engine.fourier.transforms import irfft2, rfft2


def smooth(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """A random image without frequencies near those of any sampling used here."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape) / np.array(shape)[:, None, None]
    waves = [
        rng.standard_normal() * np.cos(2 * np.pi * (a * y + b * x) + rng.random())
        for a in range(-3, 4)
        for b in range(4)
    ]
    return np.sum(waves, axis=0).astype(np.float32)


@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (6, 5), (5, 8)])
def test_the_forward_transform_is_the_mean_of_phases(shape):
    image = np.random.default_rng(1).standard_normal(shape)
    y, x = np.indices(shape)
    ky, kx = 2, 1
    phase = np.exp(-2j * np.pi * (ky * y / shape[0] + kx * x / shape[1]))
    assert rfft2(image)[ky, kx] == pytest.approx((image * phase).mean())
    np.testing.assert_allclose(irfft2(rfft2(image), shape), image, atol=1e-12)


def test_float32_images_stay_in_single_precision():
    transform = rfft2(np.zeros((4, 6), np.float32))
    assert transform.dtype == np.complex64
    assert irfft2(transform, (4, 6)).dtype == np.float32


def test_the_nyquist_row_is_positive():
    assert row_frequencies(6).tolist() == [0, 1, 2, 3, -2, -1]
    assert row_frequencies(5).tolist() == [0, 1, 2, -2, -1]


@pytest.mark.parametrize("old", [(32, 32), (33, 32), (32, 27), (31, 29)])
@pytest.mark.parametrize("new", [(16, 16), (17, 15), (64, 64), (45, 40), (16, 48)])
def test_resizing_samples_the_same_function_elsewhere(old, new):
    # waves of at most 3 periods are below every Nyquist frequency used here
    transform = resize_transform(rfft2(smooth(old)), old, new)
    np.testing.assert_allclose(irfft2(transform, new), smooth(new), atol=2e-5, rtol=0)


def test_cropping_takes_nyquist_from_the_positive_frequency():
    transform = rfft2(np.random.default_rng(2).standard_normal((12, 12)))
    cropped = resize_transform(transform, (12, 12), (8, 8))
    np.testing.assert_array_equal(cropped[4], transform[4, :5])
    np.testing.assert_array_equal(cropped[5], transform[9, :5])


def test_inputs_are_not_changed():
    image = smooth((16, 16))
    image.flags.writeable = False
    transform = rfft2(image)
    transform.flags.writeable = False
    resize_transform(transform, (16, 16), (8, 8))
    lowpass(image, 1.0, 4.0)
    shift(image, 1.5, 0)


def test_shifting_by_whole_pixels_rolls():
    image = np.random.default_rng(3).standard_normal((9, 12))
    moved = shift(image, 2, -3)
    np.testing.assert_allclose(moved, np.roll(image, (2, -3), (0, 1)), atol=1e-12)


def test_shifting_by_a_fraction_and_back_is_nothing():
    image = smooth((16, 20))
    back = shift(shift(image, 0.3, -1.7), -0.3, 1.7)
    np.testing.assert_allclose(back, image, atol=1e-5)


def test_the_low_pass_keeps_long_waves_and_drops_short_ones():
    x = np.arange(64)
    long, short = np.cos(2 * np.pi * x * 4 / 64), np.cos(2 * np.pi * x * 16 / 64)
    image = np.tile(long + short, (64, 1))
    # waves of 4 and 16 periods in 64 px of 2 Å: 32 Å and 8 Å
    np.testing.assert_allclose(lowpass(image, 2.0, 16.0)[0], long, atol=1e-6)


def test_half_the_amplitude_is_left_at_the_low_pass_resolution():
    image = np.tile(np.cos(2 * np.pi * np.arange(64) * 8 / 64), (64, 1))
    left = lowpass(image, 1.0, 8.0, soft_edge_shells=2)
    np.testing.assert_allclose(left, 0.5 * image, atol=1e-6)


def test_radii_and_shells_count_whole_frequencies():
    assert frequency_radii((10, 10), 2.0)[3, 4] == pytest.approx(5 / 20)
    assert shells(8)[0].tolist() == [0, 1, 2, 3, 4]
    assert shells(8)[1, 1] == 1
    assert shells(8)[7, 2] == 2
