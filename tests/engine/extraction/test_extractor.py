"""The way from a micrograph to particles."""

from dataclasses import replace

import numpy as np
import pytest

from engine.ctf import Ctf, contrast_transfer
from engine.extraction.extractor import ExtractionSettings, Extractor
from engine.micrograph import Micrograph

CTF = Ctf(
    voltage_kv=300,
    spherical_aberration_mm=2.7,
    amplitude_contrast=0.1,
    defocus_u_angstrom=12000,
    defocus_v_angstrom=11000,
    defocus_angle_deg=30,
)
PLAIN = ExtractionSettings(box_px=24)


def micrograph(seed=0):
    image = np.random.default_rng(seed).normal(50, 3, (90, 110)).astype(np.float32)
    return Micrograph(image=image, pixel_size=4.0, ctf=CTF)


def positions(*pairs):
    return np.array(pairs, dtype=float).T


def test_plain_boxes_are_the_pixels_around_the_truncated_center():
    of = micrograph()
    got = Extractor(PLAIN).extract(of, *positions((40.9, 50.9), (60.0, 70.2)))
    np.testing.assert_array_equal(got[0], of.image[28:52, 38:62])
    np.testing.assert_array_equal(got[1], of.image[48:72, 58:82])


def test_many_particles_come_in_their_order():
    of = micrograph()
    rng = np.random.default_rng(1)
    y, x = rng.uniform(10, 80, 700), rng.uniform(10, 100, 700)
    settings = replace(PLAIN, background_radius_px=9, scale_px=16, invert=True)
    together = Extractor(settings).extract(of, y, x)
    for i in (0, 1, 455, 699):
        alone = Extractor(settings).extract(of, y[i : i + 1], x[i : i + 1])
        np.testing.assert_allclose(together[i], alone[0], atol=1e-5)


def test_inverting_turns_the_sign_after_normalizing():
    of = micrograph()
    settings = replace(PLAIN, background_radius_px=9)
    up = Extractor(settings).extract(of, *positions((40, 50)))
    down = Extractor(replace(settings, invert=True)).extract(of, *positions((40, 50)))
    np.testing.assert_array_equal(up, -down)


def test_rescaling_keeps_a_wave_and_its_place():
    x = np.indices((90, 110))[1]
    wave = np.cos(2 * np.pi * (x - 50) / 12).astype(np.float32)
    of = Micrograph(image=wave, pixel_size=1.0)
    settings = replace(PLAIN, scale_px=12)
    got = Extractor(settings).extract(of, *positions((40, 50)))[0]
    j = np.arange(12) - 6
    np.testing.assert_allclose(
        got, np.tile(np.cos(2 * np.pi * j / 6), (12, 1)), atol=1e-5
    )


def test_a_window_keeps_the_center():
    of = micrograph()
    whole = Extractor(PLAIN).extract(of, *positions((40, 50)))
    cut = Extractor(replace(PLAIN, window_px=16)).extract(of, *positions((40, 50)))
    np.testing.assert_array_equal(cut[0], whole[0, 4:20, 4:20])


def test_subpixel_puts_a_blob_on_the_center_pixel():
    y, x = np.indices((90, 110))
    blob = np.exp(-((x - 50.37) ** 2 + (y - 40.81) ** 2) / (2 * 3.0**2))
    of = Micrograph(image=blob.astype(np.float32), pixel_size=1.0)
    settings = replace(PLAIN, subpixel=True)
    got = Extractor(settings).extract(of, *positions((40.81, 50.37)))[0]
    i, j = np.indices((24, 24)) - 12
    want = np.exp(-(i**2 + j**2) / (2 * 3.0**2))
    np.testing.assert_allclose(got, want, atol=2e-3)


@pytest.mark.parametrize("phase_flip", [False, True])
def test_the_ctf_is_applied_in_the_larger_box(phase_flip):
    of = micrograph()
    settings = replace(PLAIN, ctf_box_px=48, phase_flip=phase_flip)
    got = Extractor(settings).extract(of, *positions((40, 50)))[0]
    large = of.image[16:64, 26:74].astype(np.float64)
    ctf = contrast_transfer(CTF, (48, 48), 4.0, phase_flip=phase_flip)
    want = np.fft.irfft2(np.fft.rfft2(large) * ctf)[12:36, 12:36]
    np.testing.assert_allclose(got, want, atol=1e-3)


def test_each_particle_can_have_its_own_ctf():
    of = micrograph()
    settings = replace(PLAIN, ctf_box_px=24)
    y, x = positions((40, 50), (40, 50))
    both = replace(CTF, defocus_u_angstrom=np.array([12000.0, 20000.0]))
    got = Extractor(settings).extract(of, y, x, ctf=both)
    alone = Extractor(settings).extract(of, y[:1], x[:1])
    np.testing.assert_allclose(got[0], alone[0], atol=1e-4)
    assert np.abs(got[1] - got[0]).max() > 0.1


def test_what_lies_outside_is_known_before():
    extractor = Extractor(PLAIN)
    y, x = positions((40, 50), (-13.0, 50), (40, 122))
    assert extractor.is_inside(y, x, (90, 110)).tolist() == [True, False, False]


def test_no_particles_give_an_empty_stack():
    got = Extractor(PLAIN).extract(micrograph(), np.empty(0), np.empty(0))
    assert got.shape == (0, 24, 24)
