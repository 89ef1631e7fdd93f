"""Transforms on rings and their harmonics, against sums over pixels."""

import math

import numpy as np
import pytest

from engine.classification.polar import (
    PolarGrid,
    angles_needed,
    half_circle,
    harmonic_limits,
    harmonics_of,
    offset_phases,
    rings_of,
)
from engine.fourier.shift import shift

BOX, RADIUS, RINGS = 48, 18.0, 16


@pytest.fixture(scope="module")
def grid():
    n_angles = angles_needed(RINGS, RADIUS, 5, BOX)
    return PolarGrid.make(BOX, RINGS, n_angles)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    x = np.arange(BOX) - BOX // 2
    inside = np.hypot(x[:, None], x) < RADIUS
    return (rng.standard_normal((3, BOX, BOX)) * inside).astype(np.float32)


def blobs():
    x = np.arange(BOX) - BOX // 2
    near = np.exp(-((x[:, None] + 4) ** 2 + (x - 7) ** 2) / 12)
    far = np.exp(-((x[:, None] - 9) ** 2 + (x + 2) ** 2) / 16)
    return (near - 0.5 * far).astype(np.float32)[None]


def test_rings_are_the_transform_at_their_points(grid, images):
    rings = grid.rings(images)
    x = np.arange(BOX) - BOX // 2
    theta = half_circle(grid.n_angles)
    for q, j in ((0, 0), (1, 5), (7, 0), (15, grid.n_angles - 1)):
        kx, ky = q * math.cos(theta[j]), q * math.sin(theta[j])
        wave = np.exp(-2j * np.pi * (kx * x[None, :] + ky * x[:, None]) / BOX)
        expected = (images[1] * wave).sum() / BOX**2
        assert rings[q, j, 1] == pytest.approx(expected, rel=3e-3, abs=2e-5)


def test_shell_power_is_that_of_the_whole_plane(grid, images):
    _, power = grid.rings_and_power(images)
    full = np.abs(np.fft.fft2(images) / BOX**2) ** 2
    k = np.fft.fftfreq(BOX) * BOX
    shell = np.floor(np.hypot(k[:, None], k) + 0.5).astype(int)
    for s in (0, 3, BOX // 2 - 1):
        assert power[2, s] == pytest.approx(full[2][shell == s].mean(), rel=1e-4)


def test_harmonics_and_rings_are_inverses(grid, images):
    rings = grid.rings(images)
    highest = int(harmonic_limits(RINGS, RADIUS, BOX).max())
    again = rings_of(harmonics_of(rings, highest), grid.n_angles)
    assert np.abs(again - rings).max() < 2e-2 * np.abs(rings).max()


def test_an_image_comes_back_from_its_rings():
    grid = PolarGrid.make(BOX, BOX // 2, 80)
    image = blobs()
    back = grid.images(grid.rings(image))
    x = np.arange(BOX) - BOX // 2
    inside = np.hypot(x[:, None], x) < RADIUS
    assert np.abs(back - image)[0][inside].max() < 5e-3


def test_a_turned_image_has_the_same_harmonics_but_for_a_phase(grid):
    image = blobs()
    # 90 degrees: the pixel (x, y) of the turned image shows what was at R(90)(x, y)
    turned = np.zeros_like(image)
    x = np.arange(1, BOX) - BOX // 2
    yy, xx = np.meshgrid(x, x, indexing="ij")
    half = BOX // 2
    turned[0, yy + half, xx + half] = image[0, xx + half, -yy + half]
    highest = 12
    plain = harmonics_of(grid.rings(image), highest)
    other = harmonics_of(grid.rings(turned), highest)
    m = np.arange(highest + 1)[:, None, None]
    expected = plain * np.exp(1j * m * np.pi / 2)
    assert np.abs(other - expected).max() < 2e-3 * np.abs(plain).max()


def test_offset_phases_move_content_to_higher_indices(grid):
    image = blobs()
    moved = shift(image[0], 2.5, -1.25)[None]
    phases = offset_phases(RINGS, grid.n_angles, BOX, np.array([[2.5, -1.25]]))
    expected = grid.rings(moved)
    found = grid.rings(image) * phases
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
