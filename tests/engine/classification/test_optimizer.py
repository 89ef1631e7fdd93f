"""Whole classifications of the worked example."""

import numpy as np
import pytest
from support.rank_threads import run_threads
from support.worked_example import (
    ArraySource,
    confusion,
    example_ctf,
    example_groups,
    example_images,
    example_truth,
)

from engine.classification.batch import Optics
from engine.classification.masking import moved
from engine.classification.maximization import prior_ratio
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.parallel import Communicator


def settings(**more):
    values = {
        "n_classes": 3,
        "n_iterations": 12,
        "tau_fudge": 2,
        "sampling": Sampling(),
        "optics": Optics(pixel_size=4.0, radius_px=12.5),
        "offset_sigma_px": 2.5,
        "seed": 1,
    } | more
    return Settings(**values)


def groups():
    return Groups(
        noise=np.zeros(300, dtype=int),
        scale=example_groups(),
        astigmatism_angstrom=200,
    )


def classify(comm=None, iterations=12, **more):
    source = ArraySource(example_images(), example_ctf())
    optimizer = Optimizer(
        source, 300, groups(), settings(**more), comm or Communicator()
    )
    state = optimizer.start()
    for _ in range(iterations):
        state = optimizer.next(state)
    return state


def test_unsupervised_classes_are_pure_for_at_least_four_of_five_seeds():
    truth = example_truth()["class"]
    purity = []
    for seed in range(1, 6):
        table = confusion(truth, classify(seed=seed).particles.class_index)
        # each true class wants a class of its own
        own = table.max(axis=1).sum() if len(set(table.argmax(axis=1))) == 3 else 0
        purity.append(own / 300)
    assert sorted(purity)[1] >= 0.95, purity


def test_any_number_of_ranks_gives_the_same_classes():
    alone = classify(iterations=3)
    for size in (2, 5):
        for state in run_threads(size, lambda comm: classify(comm, iterations=3)):
            same = alone.particles.class_index == state.particles.class_index
            assert same.mean() > 0.99
            difference = np.abs(state.model.images - alone.model.images).max()
            assert difference < 2e-3 * np.abs(alone.model.images).max()


def test_threads_change_nothing():
    alone, threads = classify(iterations=2), classify(iterations=2, n_threads=2)
    assert np.array_equal(alone.model.images, threads.model.images)


def test_without_alignment_angles_and_offsets_stay():
    source = ArraySource(example_images(), example_ctf())
    truth = example_truth()
    optimizer = Optimizer(
        source, 300, groups(), settings(does_align=False), Communicator()
    )
    known = optimizer.start().particles
    known.psi_deg[:] = truth["psi_deg"]
    known.offset_px[:, 0] = truth["origin_y_angst"] / 4
    known.offset_px[:, 1] = truth["origin_x_angst"] / 4
    psi, offset = known.psi_deg.copy(), known.offset_px.copy()
    state = optimizer.start(known)
    for _ in range(4):
        state = optimizer.next(state)
    assert np.allclose(state.particles.psi_deg, psi, atol=1e-9)
    assert np.allclose(state.particles.offset_px, offset, atol=1e-9)


def test_fast_subsets_follow_relions_schedule():
    source = ArraySource(np.zeros((1, 32, 32), np.float32), None)
    group = Groups(noise=np.zeros(20000, int), scale=np.zeros(20000, int))
    optimizer = Optimizer(
        source, 20000, group, settings(has_fast_subsets=True), Communicator()
    )
    sizes = [len(optimizer.subset(i)) for i in (1, 5, 6, 10, 11, 15, 16)]
    assert sizes == [300, 300, 900, 900, 6000, 6000, 20000]
    assert not np.array_equal(optimizer.subset(1), optimizer.subset(2))


def test_particles_outside_a_subset_keep_their_rows():
    state = classify(iterations=1, has_fast_subsets=False)
    source = ArraySource(example_images(), example_ctf())
    optimizer = Optimizer(
        source, 300, groups(), settings(has_fast_subsets=True), Communicator()
    )
    optimizer.subset = lambda iteration, state: np.arange(100)
    new = optimizer.next(state)
    assert np.array_equal(new.particles.psi_deg[100:], state.particles.psi_deg[100:])
    assert new.n_used == 100


def test_moved_images_lose_what_leaves_and_gain_zeros():
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    out = moved(image, np.array([[1, -2]]))
    assert np.array_equal(out[0, 0], [0, 0, 0, 0])
    assert np.array_equal(out[0, 1], [2, 3, 0, 0])
    assert image[0, 0, 1] == 1


def test_the_prior_ratio_is_the_fixed_point_of_relions_recursion():
    for a in (2.5, 6.0, 40.0):
        x = float(prior_ratio(np.array(a), 2.0))
        assert x == pytest.approx(2 * a * (x / (1 + x)) ** 2, rel=1e-9)
    # noise alone counts as no resolution
    assert float(prior_ratio(np.array(1.0), 2.0)) < 0.1


def test_centered_classes_take_their_particles_along():
    state = classify(iterations=4, seed=2, centers_classes=True)
    from engine.classification.masking import centers_of_mass

    live = state.model.class_distribution > 0.05
    away = np.hypot(*centers_of_mass(state.model.images[live]).T)
    assert away.max() < 1.0
    before = confusion(example_truth()["class"], state.particles.class_index)
    assert before.sum() == 300


def test_empty_classes_are_seeded_again_from_the_fullest():
    from engine.classification.masking import circular_mask
    from engine.classification.reseeding import reseeded

    model = classify(iterations=2).model
    model.class_distribution[:] = [0.9, 0.1, 0.0]
    model.images[2] = 0
    count = reseeded(model, circular_mask(32, 12.5), np.random.default_rng(1), 300)
    assert count == 1
    assert model.class_distribution == pytest.approx([0.45, 0.1, 0.45])
    same = np.corrcoef(model.images[0].ravel(), model.images[2].ravel())[0, 1]
    assert 0.8 < same < 0.999


@pytest.mark.parametrize(("n_particles", "count"), [(40, 1), (4000, 0)])
def test_classes_of_fewer_than_five_particles_are_seeded_again(n_particles, count):
    from engine.classification.masking import circular_mask
    from engine.classification.reseeding import reseeded

    model = classify(iterations=2).model
    model.class_distribution[:] = [0.6, 0.31, 0.09]
    random = np.random.default_rng(1)
    assert reseeded(model, circular_mask(32, 12.5), random, n_particles) == count


def test_a_class_of_a_usual_size_is_not_split():
    from engine.classification.masking import circular_mask
    from engine.classification.reseeding import reseeded

    model = classify(iterations=2).model
    model.class_distribution[:] = [0.49, 0.51, 0.0]
    before = model.images.copy()
    model.class_distribution[2] = 0.04
    assert reseeded(model, circular_mask(32, 12.5), np.random.default_rng(1), 300) == 0
    np.testing.assert_array_equal(model.images, before)
