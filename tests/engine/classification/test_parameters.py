"""Parameters of the form that act within the E-step: each does what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.rank_threads import ThreadCommunicator, run_threads
from support.worked_example import (
    ArraySource,
    example_ctf,
    example_groups,
    example_images,
)

from engine.classification.batch import Optics
from engine.classification.masking import circular_mask, masked
from engine.classification.optimizer import Optimizer
from engine.classification.polar import PolarGrid, half_circle
from engine.classification.ring_ctf import RingCtf
from engine.classification.sampling import Sampling, next_perturbation
from engine.classification.state import Groups, Settings
from engine.ctf import aberration_phase
from engine.parallel import Communicator

N = 60


def optimizer(comm=None, source=None, **more):
    values = {
        "n_classes": 3,
        "n_iterations": 3,
        "tau_fudge": 2.0,
        "sampling": Sampling(),
        "optics": Optics(pixel_size=4.0, radius_px=12.5),
        "offset_sigma_px": 2.5,
    }
    return Optimizer(
        source or ArraySource(example_images()[:N], example_ctf()),
        N,
        Groups(
            noise=np.zeros(N, dtype=int),
            scale=example_groups()[:N],
            astigmatism_angstrom=500.0,
        ),
        Settings(**values | more),
        comm or Communicator(),
    )


def test_the_tutorials_sampling_is_sixty_angles_and_eightyfour_offsets():
    sampling = Sampling(psi_step_deg=6, offset_step_px=1, offset_range_px=5)
    assert len(sampling.coarse_psi_deg()) == 30
    fine = np.sort(sampling.fine_psi_deg() % 360)
    np.testing.assert_allclose(np.diff(fine), 6)
    coarse, offsets = sampling.coarse_offsets_px(), sampling.fine_offsets_px()
    assert coarse.shape == (21, 2)
    assert np.hypot(*coarse.T).max() <= 5
    np.testing.assert_allclose(offsets.mean(axis=1), coarse)
    near = np.sort(np.unique(offsets[..., 0]))
    np.testing.assert_allclose(np.diff(near), 1)


def test_a_perturbation_moves_all_samples_by_its_part_of_a_coarse_step():
    plain, moved = Sampling(), Sampling(perturbation=0.25)
    np.testing.assert_allclose(moved.fine_psi_deg() - plain.fine_psi_deg(), 3)
    shift = moved.fine_offsets_px() - plain.fine_offsets_px()
    np.testing.assert_allclose(shift, 0.5)
    random, value = np.random.default_rng(1), 0.0
    for _ in range(200):
        value = next_perturbation(value, random)
        assert -0.5 <= value <= 0.5


def test_zero_offset_range_leaves_one_offset():
    sampling = Sampling(offset_range_px=0, offset_step_px=1)
    assert sampling.coarse_offsets_px().tolist() == [[0, 0]]


def test_ctf_is_one_up_to_the_first_peak_if_asked():
    grid = PolarGrid.make(32, 15, 24)
    one = optimizer()
    state = one.start()
    batch = one.share.batch(np.arange(4), state.particles, state.model)
    flat = Optics(pixel_size=4.0, radius_px=12.5, is_intact_until_first_peak=True)
    plain = RingCtf(grid, Optics(pixel_size=4.0, radius_px=12.5))(batch)
    found = RingCtf(grid, flat)(batch)
    theta = half_circle(24)
    q = np.arange(15)[:, None] / 128
    gamma = aberration_phase(batch.ctf, q * np.sin(theta), q * np.cos(theta))
    is_before = np.abs(gamma) < 0.5 * math.pi
    assert is_before.any()
    assert not is_before.all()
    np.testing.assert_array_equal(found[is_before], 1)
    np.testing.assert_array_equal(found[~is_before], plain[~is_before])


def test_the_resolution_limit_keeps_finer_rings_out_of_the_comparison():
    limited = Optics(pixel_size=4.0, radius_px=12.5, finest_search_ring=6)
    one = optimizer(optics=limited)
    state = one.start()
    state.model.current_shell = state.model.finest_ring = 15
    step = one.expectation(state.model, Sampling())
    assert step.n_search == 7
    assert np.abs(step.conjugate[:, 7:]).max() == 0
    assert np.abs(step.power_conjugate[:, 7:]).max() == 0
    # averages still take all rings
    assert step.grid.n_rings > 7
    _, sums = step(one.share.batch(np.arange(8), state.particles, state.model))
    assert np.abs(sums.data[..., 8:]).max() > 0


def test_outside_the_mask_is_the_mean_or_noise():
    images = example_images()[:6]
    mask = circular_mask(32, 9.0)
    outside = mask == 0
    filled = masked(images, mask)
    assert np.ptp(filled[:, outside], axis=1).max() < 1e-5
    one = optimizer(optics=Optics(pixel_size=4.0, radius_px=9, fills_with_zeros=False))
    state = one.start()
    step = one.expectation(state.model, Sampling())
    noisy = step._masked(one.share.batch(np.arange(6), state.particles, state.model))
    spread = noisy[:, outside].std(axis=1)
    assert (spread > 0.3).all()
    # each particle has its own, the same in every iteration
    again = step._masked(one.share.batch(np.arange(3, 6), state.particles, state.model))
    np.testing.assert_array_equal(again, noisy[3:])
    np.testing.assert_array_equal(noisy[:, mask == 1], images[:, mask == 1])


def test_fast_subsets_are_drawn_over_all_of_the_list():
    one = optimizer(n_classes=1, has_fast_subsets=True)
    one.n_particles, one._usable = 1000, np.arange(1000)
    for iteration in (1, 7):
        used = one.subset(iteration)
        assert len(used) == (100 if iteration == 1 else 300)
        # as many from each tenth of the list as chance allows
        share = np.histogram(used, 10, (0, 1000))[0]
        assert share.min() > 0


def test_given_references_are_lowpassed_if_asked():
    rng = np.random.default_rng(5)
    references = rng.standard_normal((3, 32, 32)).astype(np.float32)
    one = optimizer(reference_resolution_angstrom=32.0)  # shell 4
    state = one.start(references=references)
    assert (state.model.current_shell, state.model.finest_ring) == (5, 5)
    power = np.abs(np.fft.fft2(state.model.images)) ** 2
    frequency = np.fft.fftfreq(32) * 32
    radius = np.hypot(frequency[:, None], frequency)
    # the mask's edge smears it a little
    assert power[:, radius > 8].sum() < 0.01 * power.sum()


class Counting(ThreadCommunicator):
    """Counts the reductions and messages of a rank."""

    sums = gathers = 0

    def sum(self, array):
        self.sums += 1
        total = np.sum(np.stack(super().gather(np.asarray(array))), axis=0)
        return total.astype(np.asarray(array).dtype)

    def gather(self, value):
        self.gathers += 1
        return super().gather(value)


class Reading(ArraySource):
    """Remembers which particles were read."""

    def __init__(self):
        super().__init__(example_images()[:N], example_ctf())
        self.read: set[int] = set()

    def images(self, indices):
        self.read |= set(np.asarray(indices).tolist())
        return super().images(indices)


@pytest.mark.parametrize("ranks", [2, 3])
def test_an_iteration_is_one_reduction_and_every_rank_works(ranks):
    def one(comm):
        comm.__class__ = Counting
        source = Reading()
        classified = optimizer(comm, source)
        state = classified.start()
        before = comm.sums, comm.gathers
        source.read.clear()
        classified.next(state)
        return comm.sums - before[0], comm.gathers - before[1], source.read

    found = run_threads(ranks, one)
    assert [(sums, gathers) for sums, gathers, _ in found] == [(1, 1)] * ranks
    shares = [read for _, _, read in found]
    assert sorted(i for read in shares for i in read) == list(range(N))
    assert min(map(len, shares)) == N // ranks
