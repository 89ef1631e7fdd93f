"""Iterations exactly as RELION 3.1 does them, over pixels: slow, for comparison.

The offset prior mixes pixels and Å, class offsets are divided by all particles' weight,
initial references hold half the intended shells: RELION's results, not the best ones.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Assignments, Optics
from engine.classification.masking import circular_mask
from engine.classification.maximization import NOTICEABLE
from engine.classification.model import ClassModel
from engine.classification.optimizer import Optimizer, changes_between
from engine.classification.plain_expectation import PlainExpectation
from engine.classification.plain_planes import (
    Plane,
    half_up,
    masked_double,
    radial_mean,
    transform_of,
)
from engine.classification.plain_projection import (
    LOWEST_SHELL,
    BackProjection,
    Projector,
    Reconstruction,
    reconstruct,
)
from engine.classification.sampling import Sampling, next_perturbation
from engine.classification.share import put
from engine.classification.state import State
from engine.classification.statistics import summed
from engine.ctf import contrast_transfer
from engine.fourier.filters import lowpass

#: Shells beyond the current resolution (RELION's --incr_size).
_SHELL_MARGIN = 10
_INITIAL_SHELLS = 0.07
#: Particles that accuracies are estimated from.
_ACCURACY_PARTICLES = 10
#: Steps of errors up to limits: (limit, step).
_PSI_STEPS = ((0.2, 0.05), (1, 0.1), (2, 0.2), (5, 0.5), (10, 1), (20, 2), (30, 5))
_OFFSET_STEPS = ((1, 0.1), (2, 0.2), (5, 0.5), (10, 1))


class PlainOptimizer(Optimizer):
    """The same iterations over pixels, one thread per rank."""

    def start(
        self, particles: Assignments | None = None, references: Array | None = None
    ) -> State:
        """The state before the first iteration; see `Optimizer.start`."""
        settings, box = self.settings, self.box_px
        particles = particles or Assignments.empty(self.n_particles)
        k, shells = settings.n_classes, box // 2 + 1
        length = box * settings.optics.pixel_size
        noise, images = self._plain_first_pass(particles, references)
        resolution = settings.reference_resolution_angstrom
        if references is None:
            resolution = length / max(1, half_up(_INITIAL_SHELLS * box))
        if resolution is not None:
            images = lowpass(images, settings.optics.pixel_size, resolution)
        counts = np.bincount(self.groups.noise[self._usable], minlength=len(noise))
        mean = (counts[:, None] * noise).sum(axis=0) / counts.sum()
        power = np.array([radial_mean(np.abs(transform_of(i)) ** 2) for i in images])
        tau = 0.5 * settings.tau_fudge * power
        shell = shells - 1 if resolution is None else half_up(length / resolution)
        model = ClassModel(
            images=images.astype(np.float64),
            class_distribution=np.full(k, 1 / k),
            noise_power=noise,
            signal_power=tau,
            data_vs_prior=len(self._usable) / k * tau / mean,
            coverage=np.zeros((k, shells)),
            reference_noise=np.zeros((k, shells)),
            offset_sigma_px=settings.offset_sigma_px,
            prior_offset_px=np.zeros((k, 2)),
            group_scale=np.ones(int(self.groups.scale.max()) + 1),
            norm_average=1.0,
            current_shell=shell,
            finest_ring=0,
            accuracy_psi_deg=np.full(k, 999.0),
            accuracy_offset_px=np.full(k, 999.0),
            ctf_power=np.zeros(shells),
        )
        return State(
            iteration=0,
            model=model,
            particles=particles,
            perturbation=self._perturbed(0.0, 0),
            sampling=settings.sampling,
        )

    def _perturbed(self, previous: float, iteration: int) -> float:
        factor = self.settings.perturbation_factor
        if not self.settings.does_align or factor <= 0:
            return 0.0
        random = np.random.default_rng([self.settings.seed, iteration])
        return next_perturbation(previous, random)

    def _plain_first_pass(
        self, particles: Assignments, references: Array | None
    ) -> tuple[Array, Array]:
        """Noise power per group, and the first references."""
        box, optics, k = self.box_px, self.settings.optics, self.settings.n_classes
        n_groups = int(self.groups.noise.max()) + 1
        parts = {
            "power": np.zeros((n_groups, box // 2 + 1)),
            "count": np.zeros(n_groups),
            "mean": np.zeros((box, box)),
        }
        plane = Plane(box, max(1, half_up(_INITIAL_SHELLS * box) // 2))
        back = BackProjection(k, plane)
        mask = circular_mask(box, optics.radius_px)
        for batch in self.share.batches(self.share.mine(self._usable), particles):
            images = masked_double(batch.images, mask)
            parts["mean"] += images.sum(axis=0)
            if not optics.fills_with_zeros:
                first = np.asarray(batch.images, np.float64)
            else:
                first = images
            for i, transform in enumerate(transform_of(images)):
                group = int(batch.noise_group[i])
                parts["power"][group] += radial_mean(np.abs(transform) ** 2)
                parts["count"][group] += 1
            if references is None:
                self._add_random(back, batch.index, transform_of(first), plane)
            self.on_progress(0, 0)
        sums = summed(parts | {"data": back.data, "weight": back.weight}, self.comm)
        mean = sums["mean"] / max(len(self._usable), 1)
        own = 0.5 * radial_mean(np.abs(transform_of(mean)) ** 2)
        count = np.maximum(sums["count"], 1)[:, None]
        noise = _filled(0.5 * sums["power"] / count - own)
        if references is not None:
            return noise, np.asarray(references, np.float64)
        images = [
            reconstruct(
                sums["data"][c],
                sums["weight"][c],
                plane,
                signal_power=None,
                is_completed=False,
            ).image
            for c in range(k)
        ]
        return noise, np.array(images)

    def _add_random(
        self, back: BackProjection, index: Array, transforms: Array, plane: Plane
    ) -> None:
        """Particles in random classes and orientations of their own seeds."""
        settings = self.settings
        ctf = self._transfer(index)
        for i, number in enumerate(index):
            random = np.random.default_rng([settings.seed, int(number), 1])
            psi = float(random.uniform(0, 360))
            c = int(random.integers(settings.n_classes))
            factor = ctf[i][plane.within]
            back.add(c, psi, transforms[i][plane.within] * factor, factor**2)

    def _transfer(self, index: Array) -> Array:
        """CTFs of particles on the half-plane."""
        box, optics = self.box_px, self.settings.optics
        ctf = self.source.ctf(index) if optics.do_ctf else None
        if ctf is None:
            return np.ones((len(index), box, box // 2 + 1))
        return np.asarray(
            contrast_transfer(
                ctf,
                (box, box),
                optics.pixel_size,
                intact_until_first_peak=optics.is_intact_until_first_peak,
            ),
            np.float64,
        )

    def next(self, state: State) -> State:
        """The state after one more iteration."""
        model = state.model
        iteration = state.iteration + 1
        perturbation = self._perturbed(state.perturbation, iteration)
        used = self.subset(iteration, state)
        psi, offset = self._accuracies(model, used, iteration)
        known = replace(model, accuracy_psi_deg=psi, accuracy_offset_px=offset)
        sampling = self._sampling(known, perturbation)
        step = self._plain_step(model, sampling, iteration)
        mine = self.share.mine(used)
        out, done = Assignments.empty(len(mine)), 0
        for batch in self.share.batches(mine, state.particles, model):
            found, count = step.add(batch), len(batch.index)
            put(out, slice(done, done + count), found)
            done += count
            self.on_progress(done, len(mine))
        step.finish()
        parts = {name: getattr(step, name) for name in step.SUMS}
        parts |= {"data": step.back.data, "weight": step.back.weight}
        sums = summed(parts, self.comm)
        particles = self.share.gathered(out, mine, state.particles)
        new = self._maximized(known, step, sums)
        if len(self._usable) < self.n_particles:
            self._set_aside(new, particles)
        return State(
            iteration=iteration,
            model=new,
            particles=particles,
            perturbation=perturbation,
            sampling=sampling,
            changes=changes_between(state.particles, particles, used),
            n_used=len(used),
        )

    def _plain_step(
        self, model: ClassModel, sampling: Sampling, iteration: int
    ) -> PlainExpectation:
        settings, box = self.settings, self.box_px
        optics = settings.optics
        length = box * optics.pixel_size
        r_max = min(model.current_shell + _SHELL_MARGIN, box // 2)
        coarse = 1 / sampling.n_coarse_psi * math.pi
        coarse *= 2 * optics.radius_px * optics.pixel_size / 1.5
        return PlainExpectation(
            model,
            sampling,
            self._optics(optics, iteration),
            r_max=r_max,
            coarse_r_max=min(r_max, math.ceil(length / coarse)),
            does_align=settings.does_align,
            seed=settings.seed,
        )

    def _optics(self, optics: Optics, iteration: int) -> Optics:
        """Without CTF in the first iteration where references are not corrected."""
        if iteration > 1 or self.settings.references_are_ctf_corrected:
            return optics
        return replace(optics, do_ctf=False)

    def _maximized(
        self, model: ClassModel, step: PlainExpectation, sums: dict[str, Array]
    ) -> ClassModel:
        settings, plane = self.settings, step.plane
        weight, total = sums["class_weight"], max(float(sums["totals"][0]), 1e-300)
        mask = circular_mask(self.box_px, settings.optics.radius_px)
        k, shells = model.n_classes, plane.size // 2 + 1
        empty = Reconstruction(
            image=np.zeros((plane.size, plane.size)),
            data_vs_prior=np.zeros(shells),
            coverage=np.zeros(shells),
            reference_noise=np.zeros(shells),
        )
        tau = np.zeros((k, shells))
        made = [empty] * k
        for c, projector in step.projectors.items():
            tau[c] = projector.signal_power()
            if weight[c] > 0:
                made[c] = reconstruct(
                    sums["data"][c],
                    sums["weight"][c],
                    plane,
                    signal_power=tau[c],
                    tau_fudge=settings.tau_fudge,
                    total=float(weight[c]),
                )
        pixel = settings.optics.pixel_size
        sigma = model.offset_sigma_px
        if settings.does_align:
            sigma = math.sqrt(float(sums["totals"][1]) / (2 * total)) / pixel
        new = ClassModel(
            images=np.array([m.image for m in made]) * np.asarray(mask, np.float64),
            class_distribution=weight / total,
            noise_power=_noise(sums, plane, model.noise_power),
            signal_power=tau,
            data_vs_prior=np.array([m.data_vs_prior for m in made]),
            coverage=np.array([m.coverage for m in made]),
            reference_noise=np.array([m.reference_noise for m in made]),
            offset_sigma_px=sigma,
            prior_offset_px=sums["class_offset"] / total,
            group_scale=_scales(sums, model.group_scale),
            norm_average=float(sums["totals"][4]) / total,
            current_shell=model.current_shell,
            finest_ring=plane.r_max,
            log_likelihood=float(sums["totals"][2]),
            average_posterior=float(sums["totals"][3]) / total,
            accuracy_psi_deg=model.accuracy_psi_deg,
            accuracy_offset_px=model.accuracy_offset_px,
            ctf_power=np.zeros(shells),
        )
        # RELION's walk for the image size ends before the last shell
        last = np.minimum(new.resolution_shells(), shells - 2)
        new.current_shell = max(LOWEST_SHELL, int(last.max()))
        return new

    def _accuracies(
        self, model: ClassModel, used: Array, iteration: int
    ) -> tuple[Array, Array]:
        """Errors of angle (degrees) and offset (pixels) that can be noticed.

        Means over ten particles of the smallest error that costs ln 100.
        """
        random = np.random.default_rng([self.settings.seed, iteration, 13])
        index = np.sort(random.permutation(used)[:_ACCURACY_PARTICLES])
        plane = Plane(
            self.box_px, min(model.current_shell + _SHELL_MARGIN, self.box_px // 2)
        )
        use = plane.use
        variance = np.array(
            [
                plane.shells(model.noise_power[g], use)
                for g in self.groups.noise[index].tolist()
            ]
        )
        scale = model.group_scale[self.groups.scale[index]]
        ctf = (self._transfer(index)[:, use] * scale[:, None]) ** 2
        weight = ctf / (2 * variance)
        psi = np.full(model.n_classes, 999.0)
        offset = np.full(model.n_classes, 999.0)
        for k in np.flatnonzero(model.class_distribution >= 0.01).tolist():
            project = Projector(np.asarray(model.images[k], np.float64), plane)
            psi[k] = _first_noticed(
                weight, [(e, project(e) - project(0.0)) for e in _errors(_PSI_STEPS)]
            )
            errors = np.array(_errors(_OFFSET_STEPS))
            moves = plane.phases(np.stack([0 * errors, errors], axis=1), use) - 1
            offset[k] = _first_noticed(
                weight, list(zip(errors.tolist(), project(0.0) * moves, strict=True))
            )
        return psi, offset


def _errors(steps: tuple[tuple[float, float], ...]) -> list[float]:
    """Growing errors up to just beyond the last limit."""
    out = [0.0]
    for limit, step in steps:
        while out[-1] < limit - 1e-9:
            out.append(round(out[-1] + step, 6))
    return [*out[1:], out[-1] + 0.1]


def _first_noticed(weight: Array, changes: list[tuple[float, Array]]) -> float:
    """Mean over particles of the first error that costs more than ln 100."""
    errors = np.array([error for error, _ in changes])
    cost = np.array([weight @ np.abs(change) ** 2 for _, change in changes])
    is_noticed = cost > NOTICEABLE
    is_noticed[-1] = True
    return float(errors[is_noticed.argmax(axis=0)].mean())


def _filled(noise: Array) -> Array:
    """Entries that are not positive replaced by the one before, or the next."""
    out = noise.copy()
    for group in out:
        good = np.flatnonzero(group > 0)
        if not len(good):
            group[:] = 1e-6
            continue
        for shell in np.flatnonzero(group <= 0):
            group[shell] = group[shell - 1] if shell else group[good[0]]
    return np.asarray(out)


def _noise(sums: dict[str, Array], plane: Plane, old: Array) -> Array:
    """σ² per group; groups without particles keep theirs."""
    count = sums["noise_count"][:, None]
    new = sums["noise"] / np.maximum(2 * count * plane.count, 1e-300)
    for shell in range(1, new.shape[1]):
        tiny = new[:, shell] < 1e-14
        new[tiny, shell] = new[tiny, shell - 1]
    return np.asarray(np.where(count > 0, new, old))


def _scales(sums: dict[str, Array], old: Array) -> Array:
    """Intensity of each group, within a fifth and five times the median, mean 1."""
    if len(old) < 2:
        return old
    count, norm = sums["scale_count"], sums["scale_norm"]
    scale = np.where(norm > 0, sums["scale_cross"] / np.where(norm > 0, norm, 1), 1)
    scale = np.where(count > 0, scale, old)
    median = np.sort(scale)[len(scale) // 2]
    scale = np.clip(scale, median / 5, median * 5)
    return np.asarray(scale / ((scale * count).sum() / count.sum()))
