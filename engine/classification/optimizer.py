"""Iterations of 2D classification: sizes, passes over the particles, new models.

The optimizer knows no files. A `ParticleSource` gives images and what is known of
them; each iteration yields a new `State`, which the program writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from engine.arrays import Array, to_device, to_host
from engine.classification.batch import Assignments, Batch
from engine.classification.batched import BatchedExpectation
from engine.classification.centering import center_classes
from engine.classification.expectation import Expectation
from engine.classification.masking import circular_mask
from engine.classification.maximization import (
    LOWEST_SHELL,
    Updates,
    accuracies,
    class_averages,
    maximize,
)
from engine.classification.mini_batches import MiniBatches, blended
from engine.classification.model import ClassModel
from engine.classification.polar import PolarGrid, angles_needed
from engine.classification.reseeding import reseeded
from engine.classification.sampling import Sampling, next_perturbation
from engine.classification.share import Share, in_order, put
from engine.classification.starting import (
    FirstPass,
    equalized,
    first_rings,
    lowpassed,
)
from engine.classification.state import Groups, ParticleSource, Settings, State
from engine.classification.statistics import SufficientStatistics
from engine.parallel import Communicator

#: Shells beyond the current resolution that are summed (RELION's --incr_size).
SHELL_MARGIN = 10
#: Classes are kept balanced and seeded anew up to here; no part of the number of
#: iterations, so that a continued job with more of them is what it would have been
#: at once.
_LAST_EARLY_ITERATION = 15


class Optimizer:
    """Expectation-maximization over particles that ranks share.

    Parameters
    ----------
    source : ParticleSource
    n_particles : int
    groups : Groups
    settings : Settings
    comm : Communicator
    on_progress : callable(done, total), optional
        Called on every rank with its own counts; may raise to stop.
    device : int, optional
        CUDA device that the E-step runs on; the processor without it.
    """

    def __init__(
        self,
        source: ParticleSource,
        n_particles: int,
        groups: Groups,
        settings: Settings,
        comm: Communicator,
        on_progress: Callable[[int, int], None] | None = None,
        device: int | None = None,
    ) -> None:
        self.device = device
        self.source, self.n_particles, self.groups = source, n_particles, groups
        self.settings, self.comm = settings, comm
        self.on_progress = on_progress or (lambda done, total: None)
        self.share = Share(source, n_particles, groups, settings, comm)
        self._grids: dict[tuple[int, int], PolarGrid] = {}
        self._usable = np.arange(n_particles)
        if groups.is_usable is not None:
            self._usable = np.flatnonzero(groups.is_usable)
        self.mini_batches = MiniBatches(
            n_particles=len(self._usable),
            n_classes=settings.n_classes,
            n_iterations=settings.n_iterations,
            seed=settings.seed,
            per_iteration=settings.mini_batches_per_iteration,
        )

    @property
    def box_px(self) -> int:
        """Edge of the images."""
        return self.source.box_px

    def start(
        self, particles: Assignments | None = None, references: Array | None = None
    ) -> State:
        """The state before the first iteration.

        Parameters
        ----------
        particles : Assignments, optional
            Angles and offsets known already.
        references : array, shape (class, y, x), optional
            On the particles' grey scale; without them, low-passed averages of random
            particles in random orientations.
        """
        settings = self.settings
        particles = particles or Assignments.empty(self.n_particles)
        shells = self.box_px // 2 + 1
        grid = self._grid(first_rings(self.box_px))
        put_there = None if self.device is None else self._put
        noise, sums = FirstPass(self.share, self._usable, grid, put_there)(
            particles,
            wants_references=references is None,
            on_batch=lambda: self.on_progress(0, 0),
        )
        if references is None:
            mask = circular_mask(self.box_px, settings.optics.radius_px)
            images = equalized(class_averages(sums, grid, None)[0] * mask, grid)
            finest = grid.n_rings - 1
        else:
            images, finest = lowpassed(references, settings)
        k, highest = settings.n_classes, self.box_px // 2 - 1 - SHELL_MARGIN
        mask = circular_mask(self.box_px, settings.optics.radius_px)
        n_scales = int(self.groups.scale.max()) + 1
        model = ClassModel(
            images=(images * mask).astype(np.float32),
            class_distribution=np.full(k, 1 / k),
            noise_power=noise,
            signal_power=np.zeros((k, shells)),
            data_vs_prior=np.zeros((k, shells)),
            coverage=np.zeros((k, shells)),
            reference_noise=np.zeros((k, shells)),
            offset_sigma_px=settings.offset_sigma_px,
            prior_offset_px=np.zeros((k, 2)),
            group_scale=np.ones(n_scales),
            norm_average=1.0,
            current_shell=max(LOWEST_SHELL, min(finest, highest)),
            finest_ring=finest,
            accuracy_psi_deg=np.full(k, 30.0),
            accuracy_offset_px=np.full(k, 10.0),
            ctf_power=np.zeros(shells),
        )
        random = np.random.default_rng([settings.seed, 0])
        perturbation = next_perturbation(0.0, random)
        return State(
            iteration=0,
            model=model,
            particles=particles,
            perturbation=perturbation,
            sampling=settings.sampling,
        )

    def _put(self, array: Array) -> Array:
        return to_device(array, self.device)

    def _grid(self, n_rings: int) -> PolarGrid:
        sampling, radius = self.settings.sampling, self.settings.optics.radius_px
        reach = sampling.offset_range_px + 2 * sampling.offset_step_px
        n_angles = angles_needed(n_rings, radius + 2.5, reach, self.box_px)
        key = (n_rings, n_angles)
        if key not in self._grids:
            self._grids = {key: PolarGrid.make(self.box_px, n_rings, n_angles)}
        return self._grids[key]

    def _is_mini_batch(self, iteration: int, state: State | None) -> bool:
        """Whether few particles are blended with sums; without sums all are used."""
        if not self.settings.has_mini_batches or self.mini_batches.is_full(iteration):
            return False
        return state is None or state.iteration == 0 or state.running is not None

    def subset(self, iteration: int, state: State | None = None) -> Array:
        """Particles of an iteration: all, a mini-batch, or RELION's fast subsets.

        `state` is the one before, where it is known: iterations added after a full
        pass have no sums to blend a mini-batch with, so they are full passes too.
        """
        if self._is_mini_batch(iteration, state):
            numbers = self.mini_batches.numbers(iteration)
            parts = [self.mini_batches.particles(number) for number in numbers]
            return self._usable[np.unique(np.concatenate(parts))]
        n, k = len(self._usable), self.settings.n_classes
        if not self.settings.has_fast_subsets or iteration > 15:
            return self._usable
        size = 100 * k if iteration <= 5 else 300 * k
        if iteration > 10:
            size = max(size, int(0.3 * n))
        if size >= n:
            return self._usable
        random = np.random.default_rng([self.settings.seed, iteration, 7])
        return self._usable[np.sort(random.permutation(n)[:size])]

    def next(self, state: State) -> State:
        """The state after one more iteration."""
        iteration = state.iteration + 1
        if not self._is_mini_batch(iteration, state):
            used = self.subset(iteration, state)
            return self._pass(state, iteration, iteration, used)
        before, numbers = state.particles, self.mini_batches.numbers(iteration)
        for number in numbers:
            used = self._usable[self.mini_batches.particles(number)]
            part = (numbers.index(number), len(numbers))
            state = self._pass(state, iteration, number, used, part)
        used = self.subset(iteration, state)
        state.changes = changes_between(before, state.particles, used)
        state.n_used = len(used)
        return state

    def _pass(
        self,
        state: State,
        iteration: int,
        number: int,
        used: Array,
        part: tuple[int, int] | None = None,
    ) -> State:
        """The state after some particles: all, or a mini-batch, `part` of several.

        `number` counts iterations, or mini-batches, from 1.
        """
        settings, model = self.settings, state.model
        random = np.random.default_rng([settings.seed, number])
        perturbation = 0.0
        if settings.does_align and settings.perturbation_factor > 0:
            perturbation = next_perturbation(state.perturbation, random)
        sampling = self._sampling(model, perturbation)
        # mini-batches have not settled where their classes lie in the box
        is_last = settings.has_mini_batches and part is None
        step = self.expectation(model, sampling, iteration, confines_offsets=is_last)
        mine = self.share.mine(used)
        particles, sums = self._expect(step, mine, state, part or (0, 1))
        sums = sums.reduced(self.comm)
        particles = self.share.gathered(particles, mine, state.particles)
        if part:
            sums = blended(state.running, sums, self.mini_batches.memory(number))
        updates = Updates(
            tau_fudge=settings.tau_fudge, radius_px=settings.optics.radius_px
        )
        new = maximize(
            sums,
            model,
            step.grid,
            updates,
            offset_is_searched=settings.does_align,
        )
        power = sums.ctf_power / max(float(sums.totals[0]), 1)
        psi, offset = accuracies(step.harmonics, power, self.box_px)
        if settings.reseeds_classes and number >= 3 and self._is_early(iteration):
            mask = circular_mask(self.box_px, settings.optics.radius_px)
            n = len(self._usable)
            reseeded(new, mask, random, n, sums if part else None)
        # the blended sums stay in their frame
        if settings.centers_classes and settings.does_align and not part:
            reach = settings.sampling.offset_range_px
            new, particles = center_classes(new, particles, reach)
        if len(self._usable) < self.n_particles:
            self._set_aside(new, particles)
        new.accuracy_psi_deg = _scattered(psi, step.live, 999.0, settings.n_classes)
        new.accuracy_offset_px = _scattered(
            offset, step.live, 999.0, settings.n_classes
        )
        return State(
            iteration=iteration,
            model=new,
            particles=particles,
            perturbation=perturbation,
            sampling=sampling,
            changes=changes_between(state.particles, particles, used),
            n_used=len(used),
            running=sums if part else None,
        )

    def _set_aside(self, model: ClassModel, particles: Assignments) -> None:
        """Particles that take no part go where they change least."""
        rest = np.setdiff1d(np.arange(self.n_particles), self._usable)
        particles.class_index[rest] = int(np.argmin(model.class_distribution))

    def _sampling(self, model: ClassModel, perturbation: float) -> Sampling:
        sampling = replace(self.settings.sampling, perturbation=perturbation)
        if not self.settings.allows_coarser:
            return sampling
        # 0.8 of the accuracy, as RELION does; coarse steps are twice the fine ones
        psi = max(sampling.psi_step_deg, 0.8 * float(model.accuracy_psi_deg.min()))
        offset = 0.8 * float(model.accuracy_offset_px.min())
        most = 0.95 * sampling.offset_range_px / 2
        offset = max(sampling.offset_step_px, min(offset, most))
        return replace(sampling, psi_step_deg=min(psi, 30.0), offset_step_px=offset)

    def expectation(
        self,
        model: ClassModel,
        sampling: Sampling,
        iteration: int = 1,
        *,
        confines_offsets: bool = False,
    ) -> Expectation:
        """The E-step of a model: rings up to the resolution and a margin beyond."""
        settings, box = self.settings, self.box_px
        optics = settings.optics
        finest = min(model.current_shell + SHELL_MARGIN, box // 2 - 1)
        coarse_step = 2 * sampling.psi_step_deg
        # an arc of a coarse step at the particle's rim, over 1.5 (RELION)
        arc = math.radians(coarse_step) * optics.radius_px / 1.5
        return Expectation(
            model,
            self._grid(finest + 1),
            sampling,
            optics,
            n_reference_rings=model.finest_ring + 1,
            n_coarse_rings=math.ceil(box / arc) + 1,
            n_scale_groups=len(model.group_scale),
            max_astigmatism_angstrom=self.groups.astigmatism_angstrom,
            does_align=settings.does_align,
            class_exponent=self._class_exponent(iteration),
            confines_offsets=confines_offsets,
            seed=settings.seed,
        )

    def _class_exponent(self, iteration: int) -> float:
        """Full classes are held back at first, then all are alike; or by shares."""
        if self.settings.has_class_prior:
            return 1.0
        is_held = self.settings.balances_classes and self._is_early(iteration)
        return -1.0 if is_held else 0.0

    def _is_early(self, iteration: int) -> bool:
        """Whether classes are still being formed: balanced, and seeded anew."""
        if self.settings.has_mini_batches:
            return self.mini_batches.is_early(iteration)
        return iteration <= _LAST_EARLY_ITERATION

    def _expect(
        self, step: Expectation, mine: Array, state: State, part: tuple[int, int]
    ) -> tuple[Assignments, SufficientStatistics]:
        """Winners of this rank's particles, and their sums; `part` for progress."""
        parts = self.share.parts(mine)
        out = Assignments.empty(len(mine))
        sums = step.zeros()
        done = 0

        for result, part_sums in self._results(step, parts, state):
            count = len(result.class_index)
            put(out, slice(done, done + count), result)
            sums = sums + part_sums
            done += count
            self.on_progress(part[0] * len(mine) + done, part[1] * len(mine))
        return out, sums

    def _results(
        self, step: Expectation, parts: list[Array], state: State
    ) -> Iterator[tuple[Assignments, SufficientStatistics]]:
        """Winners and sums of each part, in order."""

        def read(index: Array) -> Batch:
            return self.share.batch(index, state.particles, state.model)

        if self.device is None or not step.does_align:
            threads = self.settings.n_threads
            yield from in_order(lambda part: step(read(part)), parts, threads)
            return
        # one thread reads ahead while the device works
        batched = BatchedExpectation(step, self._put, to_host)
        yield from map(batched, in_order(read, parts, 2))


def _scattered(values: Array, where: Array, default: float, n: int) -> Array:
    out = np.full(n, default)
    out[where] = values
    return out


def changes_between(
    old: Assignments, new: Assignments, used: Array
) -> tuple[float, float, float]:
    """Changed classes (fraction), mean change of angles (circular) and offsets."""
    classes = float((old.class_index[used] != new.class_index[used]).mean())
    turn = np.abs(new.psi_deg[used] - old.psi_deg[used]) % 360
    psi = float(np.minimum(turn, 360 - turn).mean())
    square = ((new.offset_px[used] - old.offset_px[used]) ** 2).sum(axis=1)
    return classes, psi, float(np.sqrt(square.mean() / 2))
