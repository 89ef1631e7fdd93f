"""2D classification: particles in, class averages and assignments out."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array, free_device_memory
from engine.classification.batched import bytes_per_particle
from engine.classification.optimizer import Optimizer
from engine.classification.plain_optimizer import PlainOptimizer
from engine.classification.state import Groups, Settings, State
from engine.errors import InputError
from engine.io.star import read_star
from engine.jobs.command_lines import output_root
from engine.programs.class2d_files import IterationFiles, known_assignments
from engine.programs.class2d_images import image_name, left_out, place_images
from engine.programs.class2d_options import Options, read_options, read_references
from engine.programs.class2d_relion import noise_of_groups, read_relion_iteration
from engine.programs.class2d_state import read_state
from engine.programs.context import Context
from engine.programs.devices import choose_device, ranks_on_device
from engine.programs.disc_sums import DiscCommunicator
from engine.programs.image_store import ImageStore
from engine.programs.particle_set import ParticleSet, read_particles

_log = logging.getLogger(__name__)

#: Of iterations of one mini-batch every tenth is written.
_WRITTEN = 10
#: Particles left out that the summary names.
_MOST_NAMED = 1000


def run(context: Context) -> dict[str, Any]:
    """The statistics of a job that sorts particles into classes."""
    _sweep(context)
    start_from = _iteration_to_continue(context)
    particles = read_particles(_particle_path(context, start_from))
    if not context.is_leader:
        particles = particles.without_text()
    options = read_options(context, particles)
    store = ImageStore(particles)
    try:
        place_images(context, options, particles, store)
        return _Run(context, options, particles, store).go(start_from)
    finally:
        store.close()


def _sweep(context: Context) -> None:
    """Remove what a killed run has left half-written under hidden names."""
    if context.is_leader:
        for pattern in (".run*_it*.tmp", ".sums_*.npy"):
            for path in context.directory.glob(pattern):
                path.unlink(missing_ok=True)
    context.comm.barrier()


class _Run:
    """One run: iterations, files, reports."""

    def __init__(
        self,
        context: Context,
        options: Options,
        particles: ParticleSet,
        store: ImageStore,
    ) -> None:
        self.context, self.options, self.particles = context, options, particles
        self.settings = options.settings
        self.left_out = left_out(context, particles, store, self.settings.n_classes)
        comm = context.comm
        if options.through_disc and comm.size > 1:
            comm = DiscCommunicator(comm, context.directory)
        noise = (
            particles.group_index
            if options.has_micrograph_noise
            else particles.optics_index
        )
        groups = Groups(
            noise=noise,
            scale=particles.group_index,
            astigmatism_angstrom=particles.astigmatism_angstrom,
            is_usable=self._usable(),
        )
        kind = PlainOptimizer if options.is_compat else Optimizer
        device = _device(context, options)
        if device is not None:
            free = free_device_memory(device) / ranks_on_device(device, context.comm)
            self.settings = _sized_for(free, self.settings, particles.box_px)
            _log.info("batches of %d on GPU %d", self.settings.batch_size, device)
        self.optimizer = kind(
            store,
            len(particles),
            groups,
            self.settings,
            comm,
            self._progress,
            device,
        )
        self.store = store
        self.history: list[dict[str, Any]] = []
        self.iteration = 0

    def _usable(self) -> Array | None:
        """Which particles take part; None for all."""
        if not self.left_out:
            return None
        usable = np.ones(len(self.particles), dtype=bool)
        usable[list(self.left_out)] = False
        return usable

    def go(self, start_from: str | None) -> dict[str, Any]:
        """Iterate to the last iteration; the statistics."""
        context, settings = self.context, self.settings
        root = context.path(output_root(context.job, context.is_continue))
        self.files = IterationFiles(
            root,
            self.particles,
            settings,
            version=context.star_version,
            has_optics_noise_table=context.job.version != "3.1",
            has_micrograph_noise=self.options.has_micrograph_noise,
        )
        state = self._first_state(start_from)
        context.progress.started(
            settings.n_iterations, "iterations", first=state.iteration
        )
        if context.is_leader:
            self._announce(state)
            if not Path(self.files.name(state.iteration, "optimiser.star")).is_file():
                self.files.write(state, self.history, settings.n_iterations)
        while state.iteration < settings.n_iterations:
            self.iteration = state.iteration + 1
            state = self._one(state)
        context.comm.barrier()
        return self._statistics(state)

    def _first_state(self, start_from: str | None) -> State:
        if start_from is None:
            references = None
            path = self.options.arguments.text("--ref", "")
            if path:
                references = read_references(
                    path, self.settings.n_classes, self.particles
                )
            known = known_assignments(self.particles)
            known.norm_correction[:] = 1
            state = self.optimizer.start(known, references)
            self._check_normalization()
            return state
        saved = Path(start_from.replace("_optimiser.star", "_state.npz"))
        if saved.is_file():
            state, self.history = read_state(saved)
            state.model.noise_power = noise_of_groups(
                state.model.noise_power,
                self.particles,
                has_micrograph_noise=self.options.has_micrograph_noise,
            )
        else:
            state = read_relion_iteration(
                start_from,
                self.particles,
                self.settings,
                has_micrograph_noise=self.options.has_micrograph_noise,
            )
            self.context.warn(
                f"{start_from}: no full-precision state beside it (another program "
                "wrote it), going on from its rounded numbers"
            )
        if state.model.n_classes != self.settings.n_classes:
            message = (
                f"{start_from}: has {state.model.n_classes} classes, the job asks for "
                f"{self.settings.n_classes}; the number cannot change when continuing"
            )
            raise InputError(message)
        return state

    def _check_normalization(self) -> None:
        """Warn if the background of particles is not of mean 0 and deviation 1."""
        if not self.context.is_leader:
            return
        if self.options.arguments.has("--dont_check_norm"):
            return
        usable = self._usable()
        rows = np.arange(len(self.particles)) if usable is None else usable.nonzero()[0]
        rows = rows[:64]
        images = self.particles.read(rows)
        box = self.particles.box_px
        x = np.arange(box) - box // 2
        outside = np.hypot(x[:, None], x) > round(self.settings.optics.radius_px)
        if not outside.any():
            return
        values = images[:, outside]
        mean, spread = values.mean(axis=1), values.std(axis=1)
        bad = (np.abs(mean) > 0.5 * spread) | (spread < 0.5) | (spread > 2)
        if bad.any():
            i = int(np.argmax(bad))
            self.context.warn(
                f"{self.particles.path}: particle {rows[i] + 1} has a background of "
                f"mean {mean[i]:.2f} and deviation {spread[i]:.2f}; extract with "
                "normalization, and a background circle inside the box"
            )

    def _announce(self, state: State) -> None:
        s, p = self.settings, self.particles
        _log.info(
            "%d particles of %d px at %.4g A/px, %d classes, T %g, mask %.4g A",
            len(p),
            p.box_px,
            p.pixel_size,
            s.n_classes,
            s.tau_fudge,
            2 * s.optics.radius_px * p.pixel_size,
        )
        angles, offsets = 2 * s.sampling.n_coarse_psi, s.sampling.coarse_offsets_px()
        if s.does_align:
            _log.info(
                "in the fine pass %d angles of %.4g degrees and %d offsets of %g px",
                angles,
                360 / angles,
                4 * len(offsets),
                s.sampling.offset_step_px,
            )
        else:
            _log.info("no alignment: classes only")
        if state.iteration:
            _log.info("going on after iteration %d", state.iteration)

    def _one(self, state: State) -> State:
        context, settings = self.context, self.settings
        started = time.monotonic()
        if context.is_leader:
            used = len(self.optimizer.subset(self.iteration))
            some = "" if used == len(self.particles) else f" (with {used} particles)"
            _log.info(
                "Expectation iteration %d of %d%s",
                self.iteration,
                settings.n_iterations,
                some,
            )
        new = self.optimizer.next(state)
        context.raise_if_aborted()
        if not context.is_leader:
            return new
        seconds = round(time.monotonic() - started, 3)
        self.history.append(self._history_entry(new, seconds))
        # single mini-batches are too quick to write each
        is_single = settings.mini_batches_per_iteration == 1
        if new.running is None or not is_single or new.iteration % _WRITTEN == 0:
            self.files.write(new, self.history, settings.n_iterations)
        self._report(new, seconds)
        return new

    def _history_entry(self, state: State, seconds: float) -> dict[str, Any]:
        length = self.particles.box_px * self.particles.pixel_size
        return {
            "iteration": state.iteration,
            "distribution": [
                round(float(v), 6) for v in state.model.class_distribution
            ],
            "resolution": round(length / state.model.current_shell, 4),
            "changes_classes": round(state.changes[0], 6),
            "changes_psi": round(state.changes[1], 4),
            "changes_offset": round(state.changes[2] * self.particles.pixel_size, 4),
            "log_likelihood": round(state.model.log_likelihood, 3),
            "average_posterior": round(state.model.average_posterior, 6),
            "seconds": seconds,
        }

    def _report(self, state: State, seconds: float) -> None:
        entry = self.history[-1]
        shares = state.model.class_distribution
        _log.info(
            "  %.1f s; resolution %.1f A; %d classes alive; %.1f %% of particles "
            "changed class, angles by %.1f degrees, offsets by %.1f A",
            seconds,
            entry["resolution"],
            int((shares > 0).sum()),
            100 * state.changes[0],
            state.changes[1],
            entry["changes_offset"],
        )
        self.context.progress.iteration(
            state.iteration,
            self.settings.n_iterations,
            resolution=entry["resolution"],
            changes_classes=entry["changes_classes"],
            seconds=seconds,
        )

    def _progress(self, done: int, total: int) -> None:
        self.context.raise_if_aborted()
        if total:
            self.context.progress.step(
                done, total, "particles", iteration=self.iteration
            )

    def _name(self, row: int) -> str:
        return image_name(self.particles, row)

    def _statistics(self, state: State) -> dict[str, Any]:
        model, pixel = state.model, self.particles.pixel_size
        length = self.particles.box_px * pixel
        shells = model.resolution_shells()
        counts = np.bincount(
            state.particles.class_index, minlength=model.n_classes
        ).tolist()
        classes = [
            {
                "number": k + 1,
                "distribution": round(float(model.class_distribution[k]), 6),
                "particles": counts[k],
                "resolution": round(length / shells[k], 4) if shells[k] else None,
                "accuracy_rotations": round(float(model.accuracy_psi_deg[k]), 4),
                "accuracy_translations": round(
                    float(model.accuracy_offset_px[k] * pixel), 4
                ),
            }
            for k in range(model.n_classes)
        ]
        return {
            "iteration": state.iteration,
            "iterations_total": self.settings.n_iterations,
            "particles_total": len(self.particles),
            "particles_used": len(self.particles) - len(self.left_out),
            "failed": [
                {"name": self._name(row), "reason": reason}
                for row, reason in self.left_out.items()
            ][:_MOST_NAMED],
            "classes": classes,
            "history": self.history,
        }


def _device(context: Context, options: Options) -> int | None:
    """The GPU of this rank; None for the processor."""
    job = context.job
    if not job.flag("use_gpu", False):
        return None
    reason = ""
    if options.is_compat:
        reason = "exactly as RELION does it"
    elif not options.settings.does_align:
        reason = "without alignment"
    if reason:
        if context.is_leader:
            context.warn(f"{reason}: this runs on processors, GPUs stay idle")
        return None
    return choose_device(job.text("gpu_ids", ""), context.comm)


def _sized_for(free: float, settings: Settings, box_px: int) -> Settings:
    """Settings with batches that fill a third of a device's free bytes."""
    each = bytes_per_particle(box_px, settings.n_classes, settings.sampling)
    size = int(free / 3 / each)
    return replace(settings, batch_size=max(1, min(size, 1024)))


def _iteration_to_continue(context: Context) -> str | None:
    """The optimiser file to go on from; None for a new start.

    Without one in the form, a continued job goes on from its own last whole iteration.
    """
    if not context.is_continue:
        return None
    asked = context.job.text("fn_cont", "").strip()
    if asked:
        if not Path(asked).is_file():
            message = f"{asked}: no such file; choose a run_itNNN_optimiser.star"
            raise InputError(message)
        return asked
    found = sorted(
        context.directory.glob("run*_it[0-9][0-9][0-9]_optimiser.star"),
        key=lambda path: (int(re.findall(r"_it(\d+)_", path.name)[-1]), path.name),
    )
    return str(found[-1]) if found else None


def _particle_path(context: Context, start_from: str | None) -> str:
    if start_from is None:
        path = context.job.text("fn_img").strip()
        if not path:
            message = "Class2D: Input images STAR file (fn_img) is empty"
            raise InputError(message)
        return path
    table = read_star(start_from).get("optimiser_general")
    if table is None:
        message = f"{start_from}: no table optimiser_general; is it an optimiser file?"
        raise InputError(message)
    return table.text("rlnExperimentalDataStarFile")[0]
