import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter

from remote.agent import grey
from remote.agent.levels import Levels, box_halves


def values(levels):
    """The values of a picture of whole numbers."""
    numbers = np.array([levels.numbers(row) for row in levels.rows], float)
    return levels.zero + levels.step * numbers


def of(image):
    return grey.levels_of(image.tolist())


def noise(*shape, mean=0.0):
    return np.random.default_rng(4).normal(mean, 1, shape)


def test_values_come_back_to_a_thousandth_of_the_noise():
    image = noise(31, 47, mean=6800)
    assert np.abs(values(of(image)) - image).max() < 1e-3


def test_what_is_far_from_all_others_is_cut_and_what_is_none_is_zero():
    image = noise(40, 40)
    image[3, 5], image[4, 4], image[6, 6] = 1e30, -1e30, np.inf
    image[7, 7] = np.nan
    levels = of(image)
    found = values(levels)
    assert 20 < found[3, 5] == found[6, 6] < 100
    assert -100 < found[4, 4] < -20
    assert levels.numbers(levels.rows[7])[7] == 0
    image[3, 5] = image[4, 4] = image[6, 6] = image[7, 7] = 0
    others = found[:3], found[8:]
    assert np.abs(np.vstack(others) - np.vstack([image[:3], image[8:]])).max() < 1e-3


def test_the_lowpass_has_half_its_amplitude_at_the_resolution():
    # a wave of 40 Å at 5 Å per pixel, over whole periods
    wave = np.cos(2 * np.pi * np.arange(800) / 8)
    levels = of(np.tile(wave, (60, 1))).blurred(grey.sigma_of(40, 5))
    assert values(levels)[30, 80:720].max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shape", [(90, 110), (91, 111)])
@pytest.mark.parametrize("sigma", [0.4, 0.7, 1.5, 2.8])
def test_blurring_is_scipys_gaussian(sigma, shape):
    image = noise(*shape, mean=300)
    wanted = gaussian_filter(image, sigma, mode="nearest")
    assert np.abs(values(of(image).blurred(sigma)) - wanted).max() < 1e-2


@pytest.mark.parametrize("shape", [(90, 110), (91, 111)])
@pytest.mark.parametrize("sigma", [2.9, 4.0, 12.0])
def test_wider_blurring_is_four_running_means_of_the_same_variance(sigma, shape):
    image = noise(*shape, mean=300)
    halves = box_halves(sigma)
    wanted = image
    for half in halves:
        wanted = uniform_filter(wanted, 2 * half + 1, mode="nearest")
    assert np.abs(values(of(image).blurred(sigma)) - wanted).max() < 3e-3
    variance = sum(((2 * half + 1) ** 2 - 1) / 12 for half in halves)
    assert variance == pytest.approx(sigma**2, rel=0.1)


def test_without_what_is_slow_the_rest_is_left():
    image = noise(90, 111, mean=300)
    levels = of(image)
    slow = levels.blurred(12.0)
    assert np.abs(values(levels.without(slow)) - (image - values(slow))).max() < 3e-3


@pytest.mark.parametrize(
    ("black", "white"), [(-2, 3), (0.1, 0.2), (-500, 700), (5, 9), (-9, -5), (-1e9, 1)]
)
def test_greys_lie_evenly_between_black_and_white(black, white):
    image = noise(40, 51)
    found = np.frombuffer(of(image).greys(black, white), np.uint8).reshape(40, 51)
    wanted = np.clip(255 * (image - black) / (white - black), 0, 255)
    assert np.abs(found - wanted).max() < 1.6


def test_contrast_stretches_between_percentiles_and_stands_broken_pixels():
    image = np.array([np.arange(1000.0), np.full(1000, np.nan)])
    image[1, 500:502] = 1e30
    levels = of(image)
    pixels = grey.shown(levels, *grey.limits(levels))
    assert pixels[0] == 0
    assert pixels[999] == 255
    assert abs(pixels[500] - 128) <= 1
    assert pixels[1000] == 0
    assert pixels[1500] == 255


def test_an_ice_crystal_does_not_take_the_contrast_of_the_rest():
    image = noise(200, 200, mean=100)
    image[:60, :60] -= 80
    levels = of(image)
    pixels = grey.shown(levels, *grey.limits(levels))
    seen = np.frombuffer(pixels, np.uint8).reshape(200, 200)
    assert seen[100:, 100:].std() > 25
    assert seen[:60, :60].max() == 0


def test_limits_by_deviations_are_those_of_the_values():
    image = noise(70, 80, mean=300)
    black, white = grey.sigma_limits(of(image), 3.0)
    assert black == pytest.approx(image.mean() - 3 * image.std(), abs=1e-3)
    assert white == pytest.approx(image.mean() + 3 * image.std(), abs=1e-3)


def test_a_constant_picture_is_grey():
    assert grey.to_bytes([[3.0] * 5] * 2) == b"\x80" * 10
    assert grey.to_bytes([[float("nan")] * 4]) == b"\x80" * 4
    levels = Levels.of([[3.0] * 5] * 2, 3.0, 3.0)
    assert grey.shown(levels, *grey.limits(levels)) == b"\x80" * 10


def test_a_tile_goes_from_its_least_to_its_greatest():
    assert grey.to_bytes([[-1.0, 0.0], [0.5, 1.0]]) == bytes([0, 128, 191, 255])
