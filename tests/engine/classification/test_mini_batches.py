"""Mini-batches of 2D classification."""

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
from engine.classification.masking import circular_mask
from engine.classification.mini_batches import (
    MiniBatches,
    blended,
    enough_per_iteration,
)
from engine.classification.optimizer import Optimizer
from engine.classification.reseeding import reseeded
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.classification.statistics import SufficientStatistics
from engine.parallel import Communicator


def classify(
    comm=None,
    *,
    iterations,
    n_iterations,
    seed=1,
    state=None,
    per_iteration=1,
    images=None,
):
    settings = Settings(
        n_classes=3,
        n_iterations=n_iterations,
        tau_fudge=2,
        sampling=Sampling(),
        optics=Optics(pixel_size=4.0, radius_px=12.5),
        offset_sigma_px=2.5,
        seed=seed,
        has_mini_batches=True,
        mini_batches_per_iteration=per_iteration,
    )
    noise = np.zeros(300, dtype=int)
    groups = Groups(noise=noise, scale=example_groups(), astigmatism_angstrom=200)
    images = example_images() if images is None else images
    source = ArraySource(images, example_ctf())
    optimizer = Optimizer(source, 300, groups, settings, comm or Communicator())
    state = state or optimizer.start()
    for _ in range(iterations):
        state = optimizer.next(state)
    return state


def batches(**more):
    values = {"n_particles": 480, "n_classes": 10, "n_iterations": 63, "seed": 3}
    return MiniBatches(**(values | more))


def test_a_round_of_mini_batches_uses_no_particle_twice():
    plan = batches()
    assert plan.size == 100
    count = np.zeros(480, dtype=int)
    for iteration in range(1, 61):
        np.add.at(count, plan.particles(iteration), 1)
        assert count.max() == (iteration + 3) // 4
    assert count.sum() == 6000
    assert count.min() >= 7
    assert [plan.is_full(i) for i in (60, 61, 63, 64)] == [False, True, True, True]


def test_mini_batches_grow_with_classes_and_particles():
    sizes = [batches(n_particles=n).size for n in (60, 480, 800, 2000, 50_000)]
    assert sizes == [60, 100, 160, 200, 500]
    assert batches(n_particles=2000, n_classes=70).size == 280


def test_few_iterations_have_several_mini_batches_each():
    assert enough_per_iteration(25) == 3
    plan = batches(n_iterations=25, per_iteration=3)
    assert [list(plan.numbers(i)) for i in (1, 2)] == [[1, 2, 3], [4, 5, 6]]
    assert list(batches(n_iterations=60).numbers(7)) == [7]
    # all particles in one: more of them would be full passes
    assert list(batches(n_particles=80, per_iteration=3).numbers(2)) == [2]


def test_mini_batches_depend_on_seed_and_iteration_alone():
    one, two = batches().particles(7), batches().particles(7)
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, batches(seed=4).particles(7))
    assert not np.array_equal(one, batches().particles(8))


def test_the_memory_holds_a_window_that_grows_up_to_all_particles():
    plan = batches()
    held = 0.0
    for iteration in range(1, 61):
        held = held * plan.memory(iteration) + plan.size
        assert held <= min(480, 100 * iteration) + 1e-6
    assert held == pytest.approx(480, rel=0.05)


def test_blended_sums_keep_a_copied_class():
    """A copy that its old sums undo in the next mini-batch is none."""
    state = classify(iterations=3, n_iterations=60)
    model, sums = state.model, state.running
    model.class_distribution[:] = [0.9, 0.1, 0.0]
    whole = sums.class_weight[0]
    data = sums.data[0].copy()
    mask = circular_mask(32, 12.5)
    assert reseeded(model, mask, np.random.default_rng(1), 300, sums) == 1
    assert sums.class_weight[0] == pytest.approx(whole / 2)
    assert sums.class_weight[2] == pytest.approx(min(8, whole / 2))
    part = sums.class_weight[2] / whole
    np.testing.assert_allclose(sums.data[2], part * data)
    np.testing.assert_allclose(sums.data[0], data / 2)


def test_blended_sums_are_the_weighted_ones_on_common_rings():
    def sums(rings, value):
        out = SufficientStatistics.zeros(
            n_classes=2, n_harmonics=rings, n_weight_harmonics=1, n_rings=rings,
            n_noise_groups=1, n_shells=9, n_scale_groups=1,
        )  # fmt: skip
        out.data += value
        out.noise += value
        return out

    found = blended(sums(4, 2.0), sums(6, 1.0), 0.5)
    assert found.data.shape == (2, 6, 6)
    np.testing.assert_array_equal(found.data[:, :4, :4], 2)
    np.testing.assert_array_equal(found.data[:, 4:], 1)
    np.testing.assert_array_equal(found.noise, 2)
    assert blended(None, found, 0.5) is found


def test_mini_batches_find_the_three_true_classes():
    truth = example_truth()["class"]
    pure = 0
    for seed in (1, 2, 3):
        found = classify(seed=seed, iterations=24, n_iterations=24)
        table = confusion(truth, found.particles.class_index)
        pure += table.max(axis=0).sum() >= 290 and len(set(table.argmax(axis=0))) == 3
    assert pure >= 2


@pytest.mark.parametrize(("iterations", "per_iteration"), [(5, 1), (2, 2)])
def test_ranks_share_a_mini_batch(iterations, per_iteration):
    values = {"iterations": iterations, "n_iterations": 20}
    values["per_iteration"] = per_iteration
    one = classify(**values)
    many = run_threads(3, lambda comm: classify(comm, **values))
    for state in many:
        assert 100 <= state.n_used <= 100 * per_iteration
        difference = np.abs(state.model.images - one.model.images).max()
        assert difference < 1e-3 * np.abs(one.model.images).max()


def test_several_mini_batches_of_an_iteration_are_the_same_one_after_another():
    one = classify(iterations=2, n_iterations=20, per_iteration=2)
    four = classify(iterations=4, n_iterations=20)
    assert (one.iteration, four.iteration) == (2, 4)
    np.testing.assert_array_equal(one.model.images, four.model.images)
    np.testing.assert_array_equal(one.running.data, four.running.data)


def test_iterations_added_after_the_full_passes_are_full_passes():
    done = classify(iterations=6, n_iterations=6)
    assert done.running is None
    more = classify(iterations=1, n_iterations=20, state=done)
    assert (more.iteration, more.n_used) == (7, 300)
    cut_short = classify(iterations=3, n_iterations=20)
    assert classify(iterations=1, n_iterations=20, state=cut_short).n_used == 100


def test_full_passes_leave_no_particle_where_its_neighbor_is():
    before = classify(iterations=9, n_iterations=12)
    far = np.arange(0, 300, 30)
    images = example_images()
    images[far] = np.roll(images[far], 9, axis=(1, 2))
    before.particles.offset_px[far] -= 9  # where the particle now is
    after = classify(iterations=3, n_iterations=12, state=before, images=images)
    length = np.hypot(*after.particles.offset_px[far].T)
    assert length.max() < 4 * after.model.offset_sigma_px
