"""Template matching on every array library: the same numbers, type and library."""

from __future__ import annotations

import numpy as np
import pytest
from support.libraries import Library

from engine.arrays import astype, copied, copy_where, write_into
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import (
    fft,
    irfft,
    irfft2,
    rfft,
    rfft2,
    rfftn,
)
from engine.image.statistics import mean_and_spread
from engine.micrograph import Micrograph
from engine.picking.highpass import removed_weights
from engine.picking.references import References, prepare_references
from engine.picking.rotations import RotatedReferences, box_transform
from engine.picking.square_transform import square_transform
from engine.picking.template_picker import TemplateMaps, TemplateMatcher
from engine.picking.working_size import choose_working_size

RNG = np.random.default_rng(4)
IMAGE = RNG.standard_normal((60, 72)).astype(np.float32)
HALF = (RNG.standard_normal((2, 8, 5)) + 1j * RNG.standard_normal((2, 8, 5))).astype(
    np.complex64
)
CUBE = RNG.standard_normal((6, 5, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (rfft, IMAGE),
        (rfft2, IMAGE),
        (rfftn, CUBE),
        (fft, HALF),
        # with imaginary parts where those of a real image have none
        (lambda x: irfft(x, 8), HALF),
        (lambda x: irfft(x, 9), HALF),
        (lambda x: irfft2(x, (8, 8)), HALF),
        (lambda x: irfft2(x, (8, 9)), HALF),
        (lambda x: resize_transform(x, (8, 8), (6, 6)), HALF),
    ],
)
def test_transforms_are_numpys(library: Library, function, values):
    given = library.array(values)
    found = library.numpy(function(given))
    expected = np.asarray(function(values.copy()))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
    np.testing.assert_array_equal(library.numpy(given), values)


def test_what_has_no_name_in_the_standard_has_one_here(library: Library):
    xp = library.module
    values = library.array(np.array([1.5, -2.0, 3.0], np.float32))
    assert library.numpy(astype(values, xp.int16)).dtype == np.int16
    mine = copied(values)
    write_into(mine, xp.abs, mine)
    assert library.numpy(mine).tolist() == [1.5, 2.0, 3.0]
    copy_where(mine, values, values > 2)
    copy_where(mine, values, values < 0)
    assert library.numpy(mine).tolist() == [1.5, -2.0, 3.0]
    assert library.numpy(values).tolist() == [1.5, -2.0, 3.0]


def test_mean_and_spread_are_plain_ones(library: Library):
    mean, spread = mean_and_spread(library.array(3 * IMAGE + 1000))
    assert mean == pytest.approx(1000 + 3 * IMAGE.mean(), abs=1e-4)
    assert spread == pytest.approx(3 * IMAGE.std(), rel=1e-5)


def test_high_pass_weights_are_one_number_each(library: Library):
    weights = library.numpy(removed_weights(12, 3, library.module))
    assert (weights[0, 0], weights[0, 2], weights[0, 4], weights[4, 0]) == (1, 1, 0, 0)
    assert weights[0, 3] == pytest.approx(0.5)


def test_a_box_at_the_origin_has_its_images_transform(library: Library):
    box = RNG.standard_normal((8, 8))
    rows, columns = np.array([0, 1, -3]), np.array([0, 2])
    found = box_transform(*map(library.array, (box, rows, columns)), 20)
    square = np.zeros((20, 20))
    square[6:14, 6:14] = box
    expected = np.fft.fft2(np.fft.ifftshift(square))[np.ix_(rows, columns)]
    np.testing.assert_allclose(library.numpy(found), expected, atol=1e-12)


def references() -> References:
    axis = np.arange(24) - 12
    blob = np.exp(-(axis[:, None] ** 2 / 30 + axis[None, :] ** 2 / 12))
    images = np.stack([blob, np.roll(blob, 2, axis=1)])
    return prepare_references(images, 4.0, 4.0, mask_diameter=60)[0]


@pytest.mark.parametrize("step", [30.0, 120.0])
def test_rotated_references_stay_in_their_library(library: Library, step):
    images = references().images
    plain = RotatedReferences(images, 72, 40, 40, step)
    rotated = RotatedReferences(library.array(images), 72, 40, 40, step)
    for angle in range(3):
        found = library.numpy(rotated.transform(1, angle))
        assert found.dtype == np.complex64
        np.testing.assert_allclose(found, plain.transform(1, angle), atol=1e-8)


def matched(library: Library | None, step: float, highpass: float | None):
    """Maps of one micrograph, with what surrounds it and RELION's random term."""
    make = np.asarray if library is None else library.array
    size = choose_working_size(IMAGE.shape, 4.0, lowpass_angstrom=14, shrink=0)
    plain = references()
    matcher = TemplateMatcher(
        References(
            images=make(plain.images),
            mask=make(plain.mask),
            mask_radius_px=plain.mask_radius_px,
        ),
        size,
        4.0,
        step_deg=step,
        highpass_angstrom=highpass,
        outlier_zscore=3.0,
    )
    rng = np.random.default_rng(8)
    around = size.full_px**2 - IMAGE.size
    return matcher.match(
        Micrograph(image=make(20 + 2 * IMAGE), pixel_size=4.0),
        noise=make(rng.standard_normal(around).astype(np.float32)),
        deviates=lambda n: make(rng.standard_normal(n).astype(np.float32)),
    )


@pytest.mark.parametrize(("step", "highpass"), [(30.0, None), (120.0, 100.0)])
def test_maps_are_those_of_numpy(library: Library, step, highpass):
    maps: TemplateMaps = matched(library, step, highpass)
    expected = matched(None, step, highpass)
    for name in ("mean", "spread"):
        found = library.numpy(getattr(maps.noise, name))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, getattr(expected.noise, name), atol=2e-6)
    for ours, plain in zip(maps.templates, expected.templates, strict=True):
        fom, psi = library.numpy(ours.fom), library.numpy(ours.psi)
        assert (fom.dtype, psi.dtype) == (np.float32, np.float32)
        np.testing.assert_allclose(fom, plain.fom, atol=2e-5 * np.abs(plain.fom).max())
        assert (psi == plain.psi).mean() > 0.995  # two angles may be equally good
        assert ours.expected == pytest.approx(plain.expected, rel=1e-6)


def test_a_square_larger_than_the_micrograph_is_padded(library: Library):
    size = choose_working_size(
        IMAGE.shape, 4.0, lowpass_angstrom=None, shrink=1, optimise=False
    )
    given = library.array(IMAGE)
    found = square_transform(given, size, outlier_zscore=8.0, new_px=90)
    expected = square_transform(IMAGE, size, outlier_zscore=8.0, new_px=90)
    assert found.dtype == library.module.complex64
    np.testing.assert_allclose(library.numpy(found), expected, atol=1e-7)
