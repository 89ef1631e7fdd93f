"""The E-step by whole batches, in every array library, against one after another."""

from __future__ import annotations

from dataclasses import fields

import array_api_strict as strict
import numpy as np
import pytest
from support.engine_jobs import DATA
from support.libraries import Library
from support.worked_example import (
    ArraySource,
    example_ctf,
    example_groups,
    example_images,
)

from engine.classification import expectation
from engine.classification.batch import Optics
from engine.classification.batched import BatchedExpectation
from engine.classification.device_rings import leading
from engine.classification.expectation import ADAPTIVE_FRACTION, Expectation
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.io.mrc import read_images
from engine.parallel import Communicator

OPTICS = {"pixel_size": 4.0, "radius_px": 12.5}


def case(n=12, astigmatism=1000.0, confines_offsets=False, **optics):
    """An E-step from the true references, and a batch."""
    ctf = example_ctf()
    source = ArraySource(example_images(), ctf)
    settings = Settings(
        n_classes=3,
        n_iterations=1,
        tau_fudge=2,
        sampling=Sampling(offset_range_px=3.0, perturbation=0.1),
        optics=Optics(**OPTICS | optics),
        offset_sigma_px=2.5,
        perturbation_factor=0,
    )
    groups = Groups(
        noise=np.zeros(300, dtype=int),
        scale=example_groups(),
        astigmatism_angstrom=astigmatism,
    )
    optimizer = Optimizer(source, 300, groups, settings, Communicator())
    state = optimizer.start(references=read_images(DATA / "class2d/refs5.mrcs"))
    state.model.group_scale = np.array([1.1, 0.9, 1.0, 1.2])
    state.particles.offset_px[:] = np.arange(600).reshape(300, 2) % 3
    step = optimizer.expectation(
        state.model, settings.sampling, confines_offsets=confines_offsets
    )
    batch = optimizer.share.batch(
        np.arange(0, 300, 300 // n), state.particles, state.model
    )
    return step, batch


def check(put, fetch, step, batch):
    expected, sums = step(batch)
    found, total = BatchedExpectation(step, put, fetch)(batch)
    for name in ("class_index", "n_significant"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for name in ("psi_deg", "offset_px"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-9, err_msg=name
        )
    for name in ("max_posterior", "log_likelihood", "norm_correction"):
        one, other = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(one, other, rtol=2e-4, err_msg=name)
    for name in (field.name for field in fields(sums)):
        one, other = getattr(total, name), getattr(sums, name)
        scale = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=2e-4 * scale, err_msg=name)
    assert sums.class_weight.sum() > 0.9 * len(batch.index)


@pytest.mark.parametrize(
    "optics",
    [
        {},
        {"fills_with_zeros": False},
        {"is_premultiplied": True, "finest_search_ring": 9},
        {"is_intact_until_first_peak": True},
        {"do_ctf": False, "astigmatism": 0.0},
        {"confines_offsets": True},
    ],
)
def test_winners_and_sums_are_those_of_one_after_another(library: Library, optics):
    check(library.array, library.numpy, *case(**optics))


def test_nothing_of_the_host_is_mixed_with_what_is_elsewhere():
    """The strict library's other device takes no array of its first one."""
    elsewhere = strict.Device("device1")
    check(
        lambda array: strict.asarray(np.asarray(array), device=elsewhere),
        lambda array: np.from_dlpack(array.to_device(strict.Device("CPU_DEVICE"))),
        *case(),
    )


def test_a_batch_of_one_and_a_dead_class(library: Library):
    step, batch = case(n=1)
    assert len(batch.index) == 1
    step.model.class_distribution[1] = 0
    step = Expectation(
        step.model,
        step.grid,
        step.sampling,
        step.optics,
        n_reference_rings=13,
        n_coarse_rings=9,
        n_scale_groups=4,
    )
    assert step.live.tolist() == [0, 2]
    check(library.array, library.numpy, step, batch)


def test_the_fewest_entries_that_hold_a_fraction(library: Library):
    random = np.random.default_rng(3)
    mass = random.exponential(size=(40, 17)).astype(np.float32) ** 3
    mass[5] = 1.0
    found = library.numpy(leading(library.array(mass), ADAPTIVE_FRACTION))
    np.testing.assert_array_equal(found, expectation.leading(mass))
    for row, is_leading in zip(mass, found, strict=True):
        held = row[is_leading].sum() / row.sum()
        assert held >= ADAPTIVE_FRACTION - 1e-6
        # without the least of them it is too little
        fewer = row[is_leading].sum() - row[is_leading].min()
        assert fewer / row.sum() < ADAPTIVE_FRACTION
        assert row[is_leading].min() >= row[~is_leading].max(initial=0)


def test_significant_samples_are_counted_as_sorting_them_does():
    random = np.random.default_rng(4)
    weights = np.exp(-random.exponential(3, (6, 5, 7, 4)))
    weights[:, 2] = 1e-9
    weights[3, 2, 1, 1] = 1.0
    found = expectation._significant_counts(weights)
    assert found[2] == 1
    for i in range(5):
        w = np.sort(weights[:, i].ravel())[::-1]
        exact = 1 + np.searchsorted(np.cumsum(w), ADAPTIVE_FRACTION * w.sum())
        # counted in steps of 5 % of weight
        assert abs(found[i] - exact) <= 0.02 * w.size
