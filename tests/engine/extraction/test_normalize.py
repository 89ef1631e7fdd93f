"""Normalization, against plain double-precision arithmetic."""

import numpy as np
import pytest

from engine.extraction.normalize import normalize, remove_dust


def boxes(count=3, box_px=20, level=0.0, seed=1):
    rng = np.random.default_rng(seed)
    j, i = np.meshgrid(np.arange(box_px), np.arange(box_px))
    ramp = 0.3 * j - 0.2 * i
    images = level + 5 * rng.normal(size=(count, box_px, box_px)) + ramp
    return images.astype(np.float32)


def plain(image, radius, *, ramp=True):
    image = image.astype(np.float64)
    offset = np.arange(len(image)) - len(image) // 2
    j, i = np.meshgrid(offset, offset)
    outside = i**2 + j**2 > radius**2
    if ramp:
        design = np.stack([j[outside], i[outside], np.ones(outside.sum())], axis=1)
        a, b, c = np.linalg.lstsq(design, image[outside], rcond=None)[0]
        image = image - (a * j + b * i + c)
    return (image - image[outside].mean()) / image[outside].std()


@pytest.mark.parametrize("ramp", [True, False])
@pytest.mark.parametrize("level", [0.0, 6800.0])
@pytest.mark.parametrize("radius", [0, 7, 9.5])
def test_background_gets_mean_0_and_deviation_1(radius, level, ramp):
    images = boxes(level=level)
    got = normalize(images, radius, ramp=ramp)
    assert got.dtype == np.float32
    for one, image in zip(got, images, strict=True):
        want = plain(image, radius, ramp=ramp)
        np.testing.assert_allclose(one, want, atol=2e-5 if level == 0 else 2e-3)


def test_a_flat_background_loses_its_ramp_and_nothing_else():
    flat = np.full((1, 16, 16), 3.0, dtype=np.float32)
    flat[0, 8, 8] = 10.0
    got = normalize(flat, 5, ramp=False)
    np.testing.assert_array_equal(got, flat)
    assert np.isfinite(normalize(flat, 5)).all()


def test_inputs_are_not_changed():
    images = boxes()
    before = images.copy()
    normalize(images, 7)
    remove_dust(images, 7, 2.0, 2.0, np.random.default_rng(1))
    np.testing.assert_array_equal(images, before)


def test_dust_is_replaced_by_noise_of_the_background():
    images = np.random.default_rng(2).normal(10, 2, (1, 32, 32)).astype(np.float32)
    images[0, 16, 16] = 500.0
    images[0, 3, 4] = -300.0
    rng = np.random.default_rng(5)
    got = remove_dust(images, 12, 20.0, None, rng)
    changed = np.argwhere(got != images)
    assert changed.tolist() == [[0, 16, 16]]
    got = remove_dust(images, 12, 5.0, 5.0, rng)
    assert np.abs(got - 10).max() < 60
    assert (got != images).sum() == 2


def test_no_dust_leaves_every_pixel():
    images = boxes()
    got = remove_dust(images, 7, 30.0, 30.0, np.random.default_rng(1))
    np.testing.assert_array_equal(got, images)
