"""Template maps against a slow plain form and RELION's maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from support.engine_jobs import DATA

from engine.ctf import contrast_transfer
from engine.io.fom_maps import read_fom_map
from engine.io.micrographs import read_micrographs
from engine.io.mrc import read_image, read_images
from engine.micrograph import Micrograph
from engine.picking.references import (
    automatic_diameter,
    prepare_references,
    rescale_images,
)
from engine.picking.relion_noise import RelionNoise, noise_around
from engine.picking.rotations import RotatedReferences
from engine.picking.template_picker import TemplateMatcher
from engine.picking.templates import best_correlation, reference_moments
from engine.picking.working_size import choose_working_size

MAPS = np.load(DATA / "picking/expected/maps.npz")


def matched(*, is_compatible: bool):
    """The maps of the fact sheet's case B."""
    folder = DATA / "picking"
    (entry,) = read_micrographs(folder / "micrographs_ctf.star").entries
    image = read_image(folder / "Micrographs/mic1.mrc")
    image.flags.writeable = False
    references, diameter = prepare_references(
        read_images(folder / "refs.mrcs"), 4, 4, mask_diameter=None, is_inverted=True
    )
    assert diameter == 96
    assert (references.mask_radius_px, references.mask.sum()) == (10, 305)
    assert references.ring.sum() == 719
    size = choose_working_size(image.shape, 4.0, lowpass_angstrom=20, shrink=0)
    matcher = TemplateMatcher(references, size, 4.0, step_deg=15, use_ctf=True)
    noise = RelionNoise(forgets=False)
    around = noise_around(noise, size, 1)
    return matcher.match(
        Micrograph(image=image, pixel_size=4.0, ctf=entry.ctf),
        noise=around,
        deviates=noise.draw if is_compatible else None,
    )


def test_maps_are_relions_when_compatible():
    maps = matched(is_compatible=True)
    np.testing.assert_allclose(maps.noise.mean, MAPS["B_avgNoise"], atol=1e-6)
    np.testing.assert_allclose(maps.noise.spread, MAPS["B_stddevNoise"], atol=2e-6)
    expected = [template.expected for template in maps.templates]
    np.testing.assert_allclose(expected, [1.070781466, 1.123955280], atol=1e-7)
    for index in (0, 1):
        psi = MAPS[f"B_ref{index}_bestPSI"]
        assert (maps.templates[index].psi == psi).mean() > 0.999
    fom, stored = read_fom_map(
        DATA / "picking/expected/B_mic1_autopick_ref000000._bestCCF.spi",
        (80, 80),
        made_with="",
    )
    np.testing.assert_allclose(maps.templates[0].fom, fom, atol=3e-6)
    assert stored == pytest.approx(1.0707815)


def test_the_random_term_is_left_out_by_default():
    expected = [t.expected for t in matched(is_compatible=False).templates]
    np.testing.assert_allclose(expected, [1.071266381, 1.076642336], atol=1e-7)


def rotated_reference(step: float) -> tuple[np.ndarray, RotatedReferences]:
    rng = np.random.default_rng(2)
    axis = np.arange(24) - 12
    blob = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / 18)
    image = ndimage.gaussian_filter(rng.standard_normal((24, 24)), 2) * blob
    return image, RotatedReferences(image[None], 64, 64, 64, step)


def test_a_quarter_turn_is_numpys_rot90():
    image, rotated = rotated_reference(90)
    square = np.zeros((64, 64))
    square[20:44, 20:44] = image
    # psi = 90 samples at T_0(-y, x): content turns from +y towards +x
    turned = np.roll(np.rot90(square), (1, 0), axis=(0, 1))
    expected = np.fft.rfft2(np.fft.ifftshift(turned), norm="forward")
    found = rotated.transform(0, 1)
    is_used = np.abs(found) > 0
    error = np.abs(found - expected)[is_used]
    assert error.max() < 0.02 * np.abs(expected).max()


def test_the_best_angle_is_the_plain_maximum():
    _, rotated = rotated_reference(10)
    rng = np.random.default_rng(5)
    micrograph = np.fft.rfft2(rng.standard_normal((64, 64)), norm="forward")
    micrograph = micrograph.astype(np.complex64)
    maps = np.stack(
        [
            np.fft.irfft2(
                rotated.transform(0, angle).conj() * micrograph, norm="forward"
            )
            for angle in range(36)
        ]
    )
    best, index = best_correlation(micrograph, rotated, 0, 64)
    np.testing.assert_allclose(best, maps.max(axis=0), atol=2e-6 * np.abs(maps).max())
    assert (index == maps.argmax(axis=0)).mean() > 0.999


def test_angles_without_their_opposites_are_searched_one_by_one():
    _, rotated = rotated_reference(120)
    micrograph = np.fft.rfft2(
        np.random.default_rng(6).standard_normal((64, 64)), norm="forward"
    ).astype(np.complex64)
    maps = [
        np.fft.irfft2(rotated.transform(0, angle).conj() * micrograph, norm="forward")
        for angle in range(3)
    ]
    best, index = best_correlation(micrograph, rotated, 0, 64)
    np.testing.assert_allclose(best, np.max(maps, axis=0), atol=1e-6)
    np.testing.assert_array_equal(index, np.argmax(maps, axis=0))


def test_a_perfect_copy_has_a_figure_of_merit_of_one():
    references, _ = prepare_references(
        read_images(DATA / "picking/refs.mrcs")[:1], 4, 4, mask_diameter=96
    )
    mask, box = references.mask, references.box_px
    image = np.random.default_rng(1).standard_normal((128, 128)).astype(np.float32)
    plain = references.images[0]
    inside = np.zeros((128, 128), dtype=bool)
    inside[40 : 40 + box, 60 : 60 + box] = mask
    image[inside] = plain[mask]
    mean, spread = image.mean(), image.std()
    image = image * 2.5 + 100  # what the micrograph's own normalization takes off
    size = choose_working_size(
        (128, 128), 4.0, lowpass_angstrom=None, shrink=1, optimise=False
    )
    scaled, _ = prepare_references(
        (read_images(DATA / "picking/refs.mrcs")[:1] - mean) / spread,
        4,
        4,
        mask_diameter=96,
    )
    matcher = TemplateMatcher(scaled, size, 4.0, step_deg=90, outlier_zscore=99)
    maps = matcher.match(Micrograph(image=image, pixel_size=4.0))
    fom = maps.templates[0].fom
    row, column = 40 + box // 2, 60 + box // 2
    # noise off its mean and spread of exactly 0 and 1 moves it a little
    assert fom[row, column] == pytest.approx(1, abs=0.15)


def test_moments_are_those_of_the_image_in_the_mask():
    references, _ = prepare_references(
        read_images(DATA / "picking/refs.mrcs"), 4, 4, mask_diameter=96
    )
    rotated = RotatedReferences(references.images, 200, 80, 80, 15)
    (entry,) = read_micrographs(DATA / "picking/micrographs_ctf.star").entries
    ctf = contrast_transfer(entry.ctf, (80, 80), 10.0)
    transform = rotated.transform(0, 0) * ctf
    full = np.zeros((200, 101), dtype=complex)
    full[:41, :41] = transform[:41]
    full[161:, :41] = transform[41:]
    image = np.fft.fftshift(np.fft.irfft2(full, norm="forward"))
    inside = image[84:116, 84:116][references.mask]
    moments = reference_moments(transform, references, 200)
    count = references.mask.sum() + 1
    assert moments.mean == pytest.approx(inside.sum() / count, rel=1e-3)
    assert moments.square == pytest.approx((inside**2).sum() / count, rel=1e-3)
    assert moments.expected == pytest.approx(np.exp(moments.square / 2), rel=1e-6)


def test_the_mask_of_class_averages_is_measured():
    axis = np.arange(40) - 20
    disc = axis[:, None] ** 2 + axis[None, :] ** 2 < 12**2
    images = np.where(disc, np.random.default_rng(1).random((3, 40, 40)) + 1, 0)
    # 23 pixels from -11 to 11, counted as RELION does: last less first
    assert automatic_diameter(images, 2.0) == 2.0 * 22


def test_growing_references_are_weakened_by_their_growth():
    image = np.ones((1, 16, 16))
    np.testing.assert_allclose(rescale_images(image, 8, 4), np.full((1, 32, 32), 0.5))
    np.testing.assert_allclose(rescale_images(image, 4, 8), np.ones((1, 8, 8)))
