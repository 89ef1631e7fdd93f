"""The image of a scene: contrast, noise and spectrum against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from engine.ctf import Ctf, contrast_transfer
from engine.fourier.grids import frequency_radii
from engine.simulation.exposure import DOSE_PER_ANGSTROM2, expose
from engine.simulation.scene import PlacedParticles, Scene, plan_scene

SHAPE, PIXEL_SIZE = (512, 512), 3.2
NOTHING = PlacedParticles(
    y=np.empty(0), x=np.empty(0), angles_deg=np.empty((0, 3)), species=np.empty(0, int)
)


def scene(index=0, **options) -> Scene:
    return plan_scene(
        index, 1, SHAPE, PIXEL_SIZE, species={"betagalactosidase": 1}, **options
    )


def image(of: Scene, seed: int = 5) -> np.ndarray:
    return expose(of, np.random.default_rng(seed))


def test_the_same_generator_gives_the_same_image():
    np.testing.assert_array_equal(image(scene()), image(scene()))
    assert image(scene()).dtype == np.float32


def test_particles_are_darker_than_the_ice():
    of = scene()
    got = image(of)
    y, x = np.indices(SHAPE)
    on = np.zeros(SHAPE, dtype=bool)
    for py, px in zip(of.particles.y, of.particles.x, strict=True):
        on |= (y - py) ** 2 + (x - px) ** 2 < (60 / PIXEL_SIZE) ** 2
    assert got[on].mean() < 0.985 * got[~on].mean()


def test_contrast_scales_what_the_particles_add():
    usual, faint = scene(contrast=1.0), scene(contrast=0.25)
    empty = image(replace(usual, particles=NOTHING, broken=NOTHING))
    strong, weak = image(usual) - empty, image(faint) - empty
    slope = (strong * weak).sum() / (strong * strong).sum()
    assert slope == pytest.approx(0.25, abs=0.02)


def test_empty_ice_has_the_counting_noise_of_its_dose():
    of = replace(scene(), particles=NOTHING, broken=NOTHING, blobs=(), carbon=None)
    got = image(of).astype(np.float64)
    arriving = DOSE_PER_ANGSTROM2 * PIXEL_SIZE**2
    assert 0.85 * arriving < got.mean() < arriving
    difference = got - image(of, seed=6)
    power = np.abs(np.fft.rfft2(difference)) ** 2 / (2 * got.size)
    at = frequency_radii(SHAPE, PIXEL_SIZE)
    # near Nyquist little but electrons is left: the variance is the mean, less the
    # fifth that the detector takes
    edge = power[(at > 0.14) & (at < 0.15)].mean()
    assert 0.7 * got.mean() < edge < 1.1 * got.mean()


def test_the_spectrum_of_empty_ice_shows_the_rings_of_its_ctf():
    ctf = Ctf(
        voltage_kv=300,
        spherical_aberration_mm=2.7,
        amplitude_contrast=0.1,
        defocus_u_angstrom=18000,
        defocus_v_angstrom=18000,
    )
    of = replace(
        scene(), particles=NOTHING, broken=NOTHING, blobs=(), carbon=None, ctf=ctf
    )
    got = image(of)
    power = np.abs(np.fft.rfft2(got / got.mean() - 1)) ** 2
    at = frequency_radii(SHAPE, PIXEL_SIZE)
    rings = contrast_transfer(ctf, SHAPE, PIXEL_SIZE) ** 2
    band = (at > 1 / 60) & (at < 1 / 14)
    peaks, zeros = band & (rings > 0.9), band & (rings < 0.05)
    assert power[peaks].mean() > 1.4 * power[zeros].mean()


def test_carbon_is_darker_and_grainier_than_the_hole():
    of = scene(3)
    got = image(of)
    y, x = np.indices(SHAPE)
    from_hole = np.hypot(y - of.carbon.y, x - of.carbon.x) - of.carbon.radius_px
    carbon, hole = got[from_hole > 15], got[from_hole < -15]
    assert carbon.mean() < 0.93 * hole.mean()
    assert carbon.std() / carbon.mean() > hole.std() / hole.mean()


def test_an_ice_crystal_is_dark():
    of = scene(1)
    got = image(of)
    for blob in of.blobs:
        y, x = np.indices(SHAPE)
        inside = np.hypot(y - blob.y, x - blob.x) < 0.5 * blob.radius_px
        assert got[inside].mean() < 0.97 * np.median(got)


def test_contrast_does_not_depend_on_the_sampling():
    fine = plan_scene(0, 1, (768, 768), 1.6, species={"betagalactosidase": 1})
    half = replace(
        fine,
        shape=(384, 384),
        pixel_size=3.2,
        particles=replace(
            fine.particles,
            y=(fine.particles.y - 0.5) / 2,
            x=(fine.particles.x - 0.5) / 2,
        ),
        broken=NOTHING,
    )
    fine = replace(fine, broken=NOTHING)
    binned = image(fine).reshape(384, 2, 384, 2).sum(axis=(1, 3))
    one, again, other = (lowpassed(v) for v in (binned, image(half), image(half, 6)))
    assert one.std() == pytest.approx(again.std(), rel=0.15)
    # as alike as two exposures with the same sampling: what differs is noise
    alike = np.corrcoef(again.ravel(), other.ravel())[0, 1]
    assert np.corrcoef(one.ravel(), again.ravel())[0, 1] == pytest.approx(
        alike, abs=0.06
    )


def lowpassed(pixels: np.ndarray) -> np.ndarray:
    """Pixels with nothing finer than 40 Å."""
    transform = np.fft.rfft2(pixels - pixels.mean())
    transform[frequency_radii(pixels.shape, 3.2) > 1 / 40] = 0
    return np.fft.irfft2(transform, pixels.shape)
