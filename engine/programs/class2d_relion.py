"""An iteration that RELION wrote, as a state to go on from."""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.classification.model import ClassModel
from engine.classification.state import Settings, State
from engine.errors import InputError
from engine.io.mrc import read_images
from engine.io.star import Table, read_star
from engine.programs.class2d_files import known_assignments
from engine.programs.particle_set import ParticleSet


def read_relion_iteration(
    optimiser: str,
    particles: ParticleSet,
    settings: Settings,
    *,
    has_micrograph_noise: bool,
) -> State:
    """The state of an iteration that RELION wrote: its rounded numbers.

    Raises
    ------
    InputError
        If a file or a table of it is missing.
    """
    general = read_star(optimiser).get("optimiser_general")
    if general is None:
        message = f"{optimiser}: no table optimiser_general; is it an optimiser file?"
        raise InputError(message)
    model_path = general.text("rlnModelStarFile")[0]
    tables = read_star(model_path)
    classes = tables["model_classes"]
    k, box = len(classes), particles.box_px
    pixel = particles.pixel_size
    stack = classes.text("rlnReferenceImage")[0].partition("@")[2]
    shells = [tables[f"model_class_{i + 1}"] for i in range(k)]

    def of(label: str) -> Array:
        return np.stack([t.numbers(label, 0.0) for t in shells])

    noise = _noise(tables, particles, has_micrograph_noise=has_micrograph_noise)
    offsets = [classes.numbers(f"rlnClassPriorOffset{c}", 0.0) for c in "YX"]
    main = tables["model_general"]
    norm = float(main.numbers("rlnNormCorrectionAverage")[0])
    resolution = float(main.numbers("rlnCurrentResolution")[0])
    size = int(main.integers("rlnCurrentImageSize")[0])
    shell = round(box * pixel / resolution) if math.isfinite(resolution) else 5
    model = ClassModel(
        images=read_images(stack),
        class_distribution=classes.numbers("rlnClassDistribution"),
        noise_power=noise,
        signal_power=of("rlnReferenceTau2"),
        data_vs_prior=of("rlnSsnrMap"),
        coverage=of("rlnFourierCompleteness"),
        reference_noise=of("rlnReferenceSigma2"),
        offset_sigma_px=float(main.numbers("rlnSigmaOffsetsAngst")[0]) / pixel,
        prior_offset_px=np.stack(offsets, axis=1) / pixel,
        group_scale=_scales(tables, particles),
        norm_average=norm,
        current_shell=max(5, shell),
        finest_ring=min(max(size // 2, 2), box // 2 - 1),
        accuracy_psi_deg=classes.numbers("rlnAccuracyRotations"),
        accuracy_offset_px=classes.numbers("rlnAccuracyTranslationsAngst") / pixel,
        ctf_power=np.zeros(box // 2 + 1),
    )
    return State(
        iteration=int(general.integers("rlnCurrentIteration")[0]),
        model=model,
        particles=known_assignments(particles),
        perturbation=0.0,
        sampling=settings.sampling,
    )


def _rows_by_name(tables: dict[str, Table], particles: ParticleSet) -> dict[int, int]:
    """Our group of each of the model's group numbers, by name."""
    groups = tables["model_groups"]
    place = {name: row for row, name in enumerate(particles.group_names)}
    numbers = groups.integers("rlnGroupNumber").tolist()
    names = groups.text("rlnGroupName")
    found = {
        n: place[name] for n, name in zip(numbers, names, strict=True) if name in place
    }
    missing = set(range(len(place))) - set(found.values())
    if missing:
        name = particles.group_names[min(missing)]
        message = (
            f"{groups.source}: no group {name}, which {particles.path} has; "
            "continue with the particles that were classified"
        )
        raise InputError(message)
    return found


def _scales(tables: dict[str, Table], particles: ParticleSet) -> Array:
    """Intensity of each of our groups."""
    groups = tables["model_groups"]
    row = _rows_by_name(tables, particles)
    values = groups.numbers("rlnGroupScaleCorrection")
    out = np.ones(len(particles.group_names))
    for number, value in zip(
        groups.integers("rlnGroupNumber").tolist(), values, strict=True
    ):
        if number in row:
            out[row[number]] = value
    return out


def _noise(
    tables: dict[str, Table], particles: ParticleSet, *, has_micrograph_noise: bool
) -> Array:
    """σ² per optics or micrograph group, from 4.0's tables or from 3.1's."""
    shells = particles.box_px // 2 + 1
    optics_of = np.zeros(len(particles.group_names), dtype=np.int64)
    optics_of[particles.group_index] = particles.optics_index
    row = _rows_by_name(tables, particles)
    by_group = np.zeros((len(optics_of), shells))
    for name, table in tables.items():
        kind, _, number = name.rpartition("_")
        if kind not in {"model_group", "model_optics_group"} or not number.isdigit():
            continue
        power = np.zeros(shells)
        power[table.integers("rlnSpectralIndex")] = table.numbers("rlnSigma2Noise")
        power = np.where(power > 0, power, power[power > 0].min())
        if kind == "model_optics_group":
            by_group[optics_of == int(number) - 1] = power
        elif int(number) in row:
            by_group[row[int(number)]] = power
    if not np.all(by_group > 0):
        message = (
            f"{particles.path}: the model has no noise spectrum for some groups; "
            "continue with the particles that were classified"
        )
        raise InputError(message)
    return noise_of_groups(
        by_group, particles, has_micrograph_noise=has_micrograph_noise
    )


def noise_of_groups(
    noise: Array, particles: ParticleSet, *, has_micrograph_noise: bool
) -> Array:
    """Spectra per micrograph group or optics group, whichever the given ones are of.

    A continued job may ask for the other kind than the one before.

    Parameters
    ----------
    noise : array, shape (micrograph or optics group, shell)
    particles : ParticleSet
    has_micrograph_noise : bool
        What is wanted.
    """
    n_groups = len(particles.group_names)
    n_optics = int(particles.optics_index.max()) + 1
    if len(noise) == (n_groups if has_micrograph_noise else n_optics):
        return noise
    optics_of = np.zeros(n_groups, dtype=np.int64)
    optics_of[particles.group_index] = particles.optics_index
    if has_micrograph_noise:
        return np.asarray(noise[optics_of])
    counts = np.bincount(particles.group_index, minlength=n_groups)
    total, weight = np.zeros((n_optics, noise.shape[1])), np.zeros(n_optics)
    np.add.at(total, optics_of, counts[:, None] * noise)
    np.add.at(weight, optics_of, counts)
    return np.asarray(total / weight[:, None])
