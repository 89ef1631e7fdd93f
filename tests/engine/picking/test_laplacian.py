"""The Laplacian of Gaussian against closed forms and RELION's maps."""

from __future__ import annotations

import numpy as np
import pytest
from support.engine_jobs import DATA

from engine.io.mrc import read_image
from engine.picking.laplacian import (
    BlobMap,
    apply_threshold,
    blob_responses,
    blob_thresholds,
    clear_margin,
    search_diameters,
    select_diameters,
    strongest_response,
)
from engine.picking.relion_noise import RelionNoise, noise_around
from engine.picking.square_transform import square_transform
from engine.picking.working_size import choose_working_size

MAPS = np.load(DATA / "picking/expected/maps.npz")


def test_diameters_are_relions():
    diameters = search_diameters(150, 180)
    assert diameters == [30, 38, 50, 75, 150, 165, 180, 360, 540, 720, 900]
    assert search_diameters(80, 120, 2.9) == [40, 80, 100, 120, 240]


def test_a_gaussian_blob_answers_most_at_its_own_diameter():
    # a Gaussian of s px under the filter of diameter d (s_f = d / pi) peaks at
    # 2 s^2 s_f^2 / (s^2 + s_f^2)^2 times its area's worth: largest at s_f = s
    size = choose_working_size(
        (128, 128), 1.0, lowpass_angstrom=None, shrink=1, optimise=False
    )
    y, x = np.indices((128, 128)) - 64
    spread = 6.0
    blob = np.exp(-(x**2 + y**2) / (2 * spread**2)).astype(np.float32)
    diameters = [np.pi * spread * f for f in (0.5, 0.8, 1.0, 1.25, 2.0)]
    transform = np.fft.rfft2(blob, norm="forward").astype(np.complex64)
    responses = blob_responses(transform, size, 1.0, diameters)[:, 64, 64]
    f = np.array([0.5, 0.8, 1.0, 1.25, 2.0]) ** 2
    # the filter is (2 d q)^2 exp(-(2 d q)^2 / 2) = with s_f: 4 pi^2 q^2 s_f^2 * ...
    expected = 2 * f / (1 + f) ** 2
    np.testing.assert_allclose(responses / responses[2], expected / 0.5, rtol=1e-4)
    assert responses.argmax() == 2


@pytest.fixture(scope="module")
def case_a():
    image = read_image(DATA / "picking/Micrographs/mic1.mrc")
    size = choose_working_size(image.shape, 4.0, lowpass_angstrom=20, shrink=0)
    noise = noise_around(RelionNoise(), size, 1)
    transform = -square_transform(image, size, outlier_zscore=8, surroundings=-noise)
    diameters = search_diameters(80, 120)
    responses = blob_responses(transform, size, 4.0, diameters)
    return size, strongest_response(responses, diameters)


def test_maps_are_relions(case_a):
    _, best = case_a
    assert best.response.dtype == np.float32
    np.testing.assert_allclose(best.response, MAPS["A_bestLoG"], atol=2e-6)
    np.testing.assert_array_equal(best.diameter, MAPS["A_bestSize"])


def test_thresholds_are_relions(case_a):
    size, best = case_a
    inner = clear_margin(best, size, 10)
    thresholds = blob_thresholds(inner, 80, 120, adjust=0.5, upper=5)
    assert thresholds.mean == pytest.approx(0.04303449, abs=1e-7)
    assert thresholds.spread == pytest.approx(0.05990633, abs=1e-7)
    assert thresholds.lower == pytest.approx(0.07298765, abs=1e-7)
    assert thresholds.upper == pytest.approx(0.34256613, abs=1e-6)


def test_stages_do_not_change_their_input(case_a):
    size, best = case_a
    for array in (best.response, best.diameter):
        array.flags.writeable = False
    inner = clear_margin(best, size, 10)
    apply_threshold(select_diameters(inner, 80, 120), 0.07)


def test_the_margin_is_counted_from_the_micrograph(case_a):
    size, best = case_a
    inner = clear_margin(best, size, 10).response  # 4 map pixels
    assert not inner[: size.first[0] + 4].any()
    assert inner[size.first[0] + 4, 40] == best.response[size.first[0] + 4, 40]
    assert not inner[:, 76:].any()


def test_a_map_without_the_right_size_has_no_threshold_to_pass():
    blobs = BlobMap(
        response=np.ones((4, 4), np.float32), diameter=np.full((4, 4), 9, np.float32)
    )
    thresholds = blob_thresholds(blobs, 80, 120, adjust=0, upper=1)
    assert thresholds.lower == 0
    assert not select_diameters(blobs, 80, 120).response.any()
