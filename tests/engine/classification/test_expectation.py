"""The E-step in angular harmonics against the plain Cartesian form."""

import numpy as np
import pytest
from support.engine_jobs import DATA
from support.worked_example import (
    ArraySource,
    example_ctf,
    example_groups,
    example_images,
)

from engine.classification.batch import Optics
from engine.classification.masking import circular_mask, masked
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.ctf import contrast_transfer
from engine.io.mrc import read_images
from engine.parallel import Communicator

N = 12
BOX, PIXEL, RADIUS = 32, 4.0, 12.5


@pytest.fixture(scope="module")
def case():
    images, ctf = example_images(), example_ctf()
    source = ArraySource(images, ctf)
    settings = Settings(
        n_classes=3,
        n_iterations=1,
        tau_fudge=2,
        sampling=Sampling(offset_range_px=3.0),
        optics=Optics(pixel_size=PIXEL, radius_px=RADIUS),
        offset_sigma_px=2.5,
        perturbation_factor=0,
    )
    groups = Groups(
        noise=np.zeros(300, dtype=int),
        scale=example_groups(),
        astigmatism_angstrom=200,
    )
    optimizer = Optimizer(source, 300, groups, settings, Communicator())
    references = read_images(DATA / "class2d/refs5.mrcs")
    state = optimizer.start(references=references)
    return optimizer, state, source


def plain_log_posteriors(step, model, image, ctf, psi, offsets):
    """(psi, offset, class), by sums over the pixels of the half-plane."""
    mask = circular_mask(BOX, RADIUS)
    x = np.fft.rfft2(np.fft.ifftshift(masked(image[None], mask)[0])) / BOX**2
    ky = np.fft.fftfreq(BOX)[:, None] * BOX
    kx = np.arange(BOX // 2 + 1)[None, :]
    radius = np.hypot(ky, kx)
    # each independent coefficient once, within the rings of the search
    use = (radius > 0.5) & (radius < step.n_search - 0.5)
    use &= ~((kx == 0) & (ky < 0))
    noise = np.interp(radius, np.arange(BOX // 2 + 1), model.noise_power[0])
    grid = np.arange(BOX) - BOX // 2
    values = np.zeros((len(psi), len(offsets), 3))
    for k in range(3):
        for i, angle in enumerate(psi):
            c, s = np.cos(angle), np.sin(angle)
            # F_ref(R k), by a sum over the reference's pixels
            rx, ry = c * kx - s * ky, s * kx + c * ky
            points = np.stack([rx[use], ry[use]])
            along_x = np.exp(-2j * np.pi * points[0][:, None] * grid / BOX)
            along_y = np.exp(-2j * np.pi * points[1][:, None] * grid / BOX)
            reference = (
                np.einsum("py,yx,px->p", along_y, model.images[k], along_x) / BOX**2
            )
            predicted = ctf[use] * reference
            for j, (oy, ox) in enumerate(offsets):
                phase = np.exp(-2j * np.pi * (ky * oy + kx * ox) / BOX)
                seen = (x * phase)[use]
                difference = np.abs(predicted - seen) ** 2 / noise[use]
                values[i, j, k] = -0.5 * difference.sum()
    square = (np.asarray(offsets) ** 2).sum(axis=1)
    return values - square[None, :, None] / (2 * model.offset_sigma_px**2)


def test_log_posteriors_are_those_of_the_plain_form(case):
    optimizer, state, source = case
    step = optimizer.expectation(state.model, optimizer.settings.sampling)
    ctf = np.asarray(
        contrast_transfer(source.ctf(np.arange(N)), (BOX, BOX), PIXEL), dtype=float
    )
    for i in range(3):
        batch = optimizer.share.batch(np.array([i]), state.particles, state.model)
        rings = step.grid.rings(step._masked(batch)).transpose(2, 0, 1)
        transfer = step._ctf(batch)
        inverse = 1 / state.model.noise_power[0, : step.grid.n_rings][:, None]
        offsets = np.array([[0.0, 0.0], [1.5, -0.5], [-2.0, 1.0]])
        from engine.classification.polar import harmonics_of, offset_phases

        phases = offset_phases(step.grid.n_rings, step.grid.n_angles, BOX, offsets)
        y = (rings * transfer * inverse).astype(np.complex64)[0]
        v = (transfer**2 * inverse).transpose(1, 2, 0).astype(np.complex64)
        v = harmonics_of(v, step.highest_weight)[::2][:, :, 0]
        from engine.classification.fine_pass import FinePass

        one = FinePass(step, step.zeros(), None)
        chosen = np.arange(0, 60, 7)
        harmonics = one._harmonics(y * phases.transpose(2, 0, 1))
        waves = step.fine_waves[chosen]
        found = one._log_posterior(harmonics, v, np.arange(3), waves, offsets)
        image = source.images(np.array([i]))[0]
        plain = plain_log_posteriors(
            step, state.model, image, ctf[i], step.fine_psi[chosen], offsets
        )
        # a constant apart, which is the image's own power
        found, plain = found - found.max(), plain - plain.max()
        near = plain > -30
        assert near.sum() > 3
        # rings are not shells: sums over few pixels of low shells differ a little
        assert np.abs(found - plain)[near].max() < 0.06 * np.ptp(plain[near]) + 0.5
        assert np.corrcoef(found.ravel(), plain.ravel())[0, 1] > 0.999


def test_with_true_references_particles_find_their_class_angle_and_offset(case):
    from support.worked_example import example_truth

    optimizer, state, _ = case
    truth = example_truth()
    particles = optimizer.next(state).particles
    assert (particles.class_index + 1 == truth["class"]).mean() > 0.99
    turn = np.abs((particles.psi_deg - truth["psi_deg"] + 180) % 360 - 180)
    # class 2 nearly has a twofold axis
    assert np.median(turn[truth["class"] != 2]) < 4
    offset = particles.offset_px[:, ::-1] * PIXEL
    away = offset - np.stack([truth["origin_x_angst"], truth["origin_y_angst"]], axis=1)
    assert np.median(np.hypot(*away.T)) < 3.0


def test_posteriors_of_a_particle_sum_to_one(case):
    optimizer, state, _ = case
    step = optimizer.expectation(state.model, optimizer.settings.sampling)
    batch = optimizer.share.batch(np.arange(20), state.particles, state.model)
    _, sums = step(batch)
    # what carries less than 1e-4 is left out of the sums
    assert sums.class_weight.sum() == pytest.approx(20, abs=0.05)


def test_statistics_of_two_batches_add_up_to_those_of_one(case):
    optimizer, state, _ = case
    step = optimizer.expectation(state.model, optimizer.settings.sampling)

    def sums_of(first, last):
        batch = optimizer.share.batch(
            np.arange(first, last), state.particles, state.model
        )
        return step(batch)[1]

    whole, parts = sums_of(0, 20), sums_of(0, 7) + sums_of(7, 20)
    for name in ("data", "weight", "class_weight", "noise", "scale_cross"):
        a, b = getattr(whole, name), getattr(parts, name)
        assert np.abs(a - b).max() <= 2e-5 * np.abs(a).max(), name


def test_confined_offsets_are_forbidden_beyond_three_deviations(case):
    optimizer, state, _ = case
    sigma = state.model.offset_sigma_px
    square = (sigma * np.array([0.0, 1.0, 2.9, 4.0, 6.0])) ** 2
    sampling = optimizer.settings.sampling
    free = optimizer.expectation(state.model, sampling).offset_prior(square)
    confined = optimizer.expectation(state.model, sampling, confines_offsets=True)
    found = confined.offset_prior(square)
    np.testing.assert_allclose(free, [0, -0.5, -(2.9**2) / 2, -8, -18])
    np.testing.assert_array_equal(found[:3], free[:3])
    np.testing.assert_allclose(found[3:] - free[3:], [-20, -180])
