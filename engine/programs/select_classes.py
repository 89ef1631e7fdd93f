"""Classes chosen: their particles, their averages, and the record of the choice."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.mrc import read_header, read_images, write_mrc
from engine.io.star import Column, Table, read_star, write_star
from engine.programs.context import Context
from engine.programs.select_backup import BACKUP, read_backup, write_backup
from engine.programs.select_particles import LABEL, evidence
from engine.selection.centering import moved_origins, recentered
from engine.selection.classes import best_classes, class_scores, parse_numbers
from engine.selection.particles import particle_scores
from engine.selection.subsets import regrouped
from engine.selection.views import different_classes, likeness

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classification:
    """An iteration of a classification, as its files state it."""

    model_path: str
    classes: Table
    groups: Table | None
    images: Array
    pixel_size: float
    particles: Table
    optics: Table | None
    class_index: Array
    radius_px: float
    offset_sigma_angstrom: float

    @property
    def counts(self) -> Array:
        """Particles of each class."""
        return np.bincount(self.class_index, minlength=len(self.classes))

    def scores(self) -> Array:
        """The automatic score of each class."""
        return class_scores(
            self.images,
            self.counts,
            self.classes.numbers("rlnEstimatedResolution"),
            self.radius_px,
        )

    def particle_scores(self, scores: Array) -> Array:
        """The score of each particle, given those of the classes."""
        beside = evidence(self.particles, self.offset_sigma_angstrom)
        return particle_scores(scores[self.class_index], beside)


def select_classes(context: Context) -> dict[str, Any]:
    """Write what a selection of classes leaves; its statistics."""
    job = context.job
    found = _read(job.text("fn_model"))
    scores = found.scores()
    of_particles = found.particle_scores(scores)
    chosen, reason = _choose(context, found, scores)
    of_classes = np.isin(found.class_index, chosen)
    keep = of_classes.copy()
    least = job.number_or_none("cryodeck_min_particle_score")
    if least is not None:
        keep &= of_particles >= least
        reason += f", particles with a score of {least:g} or more"
    left_out = {"left_out_by_particle_score": int((of_classes & ~keep).sum())}
    if job.flag("cryodeck_invert", False):
        keep = ~keep
        chosen = np.setdiff1d(np.arange(len(found.classes)), chosen)
        if least is not None:  # the rest of chosen classes too
            chosen = np.union1d(chosen, found.class_index[keep])
        reason += ", inverted"
    rows = np.flatnonzero(keep)
    if not len(chosen) or not len(rows):
        message = f"{found.model_path}: no class with particles chosen ({reason})"
        raise InputError(message)
    _write_averages(context, found, chosen, scores)
    centers = np.zeros((len(found.classes), 2))
    if job.flag("do_recenter"):
        centers[chosen] = _recenter(context, found, chosen)
    _write_particles(context, found, rows, centers, of_particles)
    marked = np.isin(np.arange(len(found.classes)), chosen)
    write_backup(context.path(BACKUP), marked, context.star_version)
    _log.info(
        "%d classes (%s) with %d of %d particles",
        len(chosen),
        reason,
        len(rows),
        len(found.particles),
    )
    names = found.particles.columns.get("rlnMicrographName")
    micrographs = len({names[i] for i in rows.tolist()}) if names is not None else 0
    return {
        "selected_classes": (chosen + 1).tolist(),
        "rule": reason,
        "particles_total": len(rows),
        "micrographs_total": micrographs,
        "input_total": len(found.particles),
        "scores": [round(float(score), 4) for score in scores],
        "centers_px": np.round(centers[chosen][:, ::-1], 4).tolist(),
        **(left_out if least is not None else {}),
    }


#: Equal steps of a particle's score from 0 to 1, in which `scores_of` counts.
STEPS = 20


def scores_of(path: str) -> tuple[dict[int, float], dict[int, list[int]]]:
    """Scores in a model or optimiser file: of the classes, and of their particles.

    Both by the class's number from 1; of particles how many there are in each of
    `STEPS` equal steps of the score.
    """
    found = _read(path)
    scores = found.scores()
    step = np.minimum(found.particle_scores(scores) * STEPS, STEPS - 1).astype(np.int64)
    counts = np.zeros((len(scores), STEPS), dtype=np.int64)
    np.add.at(counts, (found.class_index, step), 1)
    return (
        {k + 1: round(float(score), 4) for k, score in enumerate(scores)},
        {k + 1: row for k, row in enumerate(counts.tolist())},
    )


def _read(path: str) -> _Classification:
    if not path:
        message = "Select: Select classes from (fn_model) is empty"
        raise InputError(message)
    model_path, data_path, diameter = _paths(path)
    tables = read_star(model_path)
    classes = tables.get("model_classes")
    if classes is None:
        message = f"{model_path}: no table model_classes; is it a model of classes?"
        raise InputError(message)
    names = classes.text("rlnReferenceImage")
    images = _reference_images(names, model_path)
    data = read_star(data_path)
    particles = data.get("particles")
    if particles is None or "rlnClassNumber" not in particles:
        message = (
            f"{data_path}: no particles with class numbers (rlnClassNumber); "
            "was it written by a 2D classification?"
        )
        raise InputError(message)
    class_index = particles.integers("rlnClassNumber") - 1
    if class_index.size and not 0 <= class_index.min() <= class_index.max() < len(
        names
    ):
        message = (
            f"{data_path}: class numbers outside 1 to {len(names)}; "
            f"{model_path} is of another classification"
        )
        raise InputError(message)
    stack = names[0].partition("@")[2] or names[0]
    pixel = read_header(stack).pixel_size
    if pixel <= 0 and "rlnPixelSize" in tables.get("model_general", Table()):
        pixel = float(tables["model_general"].numbers("rlnPixelSize")[0])
    box = images.shape[-1]
    radius = diameter / 2 / pixel if diameter > 0 and pixel > 0 else _radius_of(images)
    return _Classification(
        model_path=model_path,
        classes=classes,
        groups=tables.get("model_groups"),
        images=images,
        pixel_size=pixel or 1.0,
        particles=particles,
        optics=data.get("optics"),
        class_index=class_index,
        radius_px=min(radius, box / 2),
        offset_sigma_angstrom=_offset_sigma(tables.get("model_general")),
    )


def _offset_sigma(general: Table | None) -> float:
    """Å; 0 if the model does not say it."""
    label = "rlnSigmaOffsetsAngst"
    if general is None or label not in general or not len(general):
        return 0.0
    return float(general.numbers(label)[0])


def _paths(path: str) -> tuple[str, str, float]:
    """Model, data and mask diameter (Å, 0 unknown) of a model or optimiser file."""
    if path.endswith("_optimiser.star"):
        general = read_star(path).get("optimiser_general")
        if general is None:
            message = f"{path}: no table optimiser_general; is it an optimiser file?"
            raise InputError(message)
        diameter = float(general.numbers("rlnParticleDiameter", 0.0)[0])
        model = general.text("rlnModelStarFile")[0]
        return model, general.text("rlnExperimentalDataStarFile")[0], diameter
    if not path.endswith("_model.star"):
        message = f"{path}: not a ..._model.star or ..._optimiser.star"
        raise InputError(message)
    diameter = 0.0
    optimiser = Path(path.replace("_model.star", "_optimiser.star"))
    if optimiser.is_file():
        general = read_star(optimiser).get("optimiser_general")
        if general is not None:
            diameter = float(general.numbers("rlnParticleDiameter", 0.0)[0])
    return path, path.replace("_model.star", "_data.star"), diameter


def _reference_images(names: list[str], model_path: str) -> Array:
    places = [name.partition("@") for name in names]
    stacks = {stack for _, at, stack in places if at}
    if len(stacks) != 1:
        message = f"{model_path}: its references are not a stack of 2D classes"
        raise InputError(message)
    return read_images(stacks.pop(), [int(number) - 1 for number, _, _ in places])


def _radius_of(images: Array) -> float:
    """The radius of the mask, from where averages are anything but 0."""
    size = images.shape[-1]
    x = np.arange(size) - size // 2
    r = np.hypot(x[:, None], x[None, :])
    anything = np.abs(images).max(axis=0) > 1e-6
    return float(max(5.0, r[anything].max() - 5.0)) if anything.any() else size / 2


def _choose(
    context: Context, found: _Classification, scores: Array
) -> tuple[Array, str]:
    """Indices of chosen classes, and the rule in words."""
    job, k = context.job, len(found.classes)
    numbers = job.text("cryodeck_classes", "").strip()
    if numbers:
        return parse_numbers(numbers, k, "class"), f"by number: {numbers}"
    if job.flag("do_class_ranker", False):
        return _ranked(context, found, scores)
    rules, keep = [], found.counts > 0
    share = job.number_or_none("cryodeck_min_share")
    if share is not None:
        keep &= found.classes.numbers("rlnClassDistribution") >= share / 100
        rules.append(f"share of {share:g} % or more")
    finest = job.number_or_none("cryodeck_max_resolution")
    if finest is not None:
        keep &= found.classes.numbers("rlnEstimatedResolution") <= finest
        rules.append(f"resolution of {finest:g} A or finer")
    least = job.number_or_none("cryodeck_min_score")
    if least is not None:
        keep &= scores >= least
        rules.append(f"score of {least:g} or more")
    best = job.number_or_none("cryodeck_best")
    if best is not None:
        top, how = _best(context, found, np.where(keep, scores, 0), int(best))
        keep = np.isin(np.arange(k), top)
        rules.append(how)
    if rules:
        return np.flatnonzero(keep), " and ".join(rules)
    earlier = read_backup(context.path(BACKUP), k)
    if earlier is not None:
        return np.flatnonzero(earlier), f"as in {context.path(BACKUP)}"
    if job.number_or_none("cryodeck_min_particle_score") is not None:
        return np.flatnonzero(keep), "all classes"
    if job.flag("cryodeck_invert", False):
        return np.zeros(0, dtype=np.int64), "none"
    message = (
        f"{found.model_path}: say which of its {k} classes: by number "
        "(cryodeck_classes), by rule, or the best by score (cryodeck_best)"
    )
    raise InputError(message)


def _best(
    context: Context, found: _Classification, scores: Array, count: int
) -> tuple[Array, str]:
    """The classes of the highest scores, of different views if the job wants it."""
    most_alike = context.job.number_or_none("cryodeck_most_alike")
    how = f"best {count} by score"
    if most_alike is None:
        return best_classes(scores, count), how
    alike = likeness(found.images, found.radius_px, found.pixel_size)
    chosen = different_classes(scores, count, alike, most_alike)
    return chosen, f"{how}, none more than {most_alike:g} like a better one"


def _ranked(
    context: Context, found: _Classification, scores: Array
) -> tuple[Array, str]:
    """RELION 4's form of automatic selection, with the score of this engine."""
    job = context.job
    threshold = job.number("rank_threshold")
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    wanted = int((scores[order] >= threshold).sum())
    least_parts = job.number_or_none("select_nr_parts")
    if least_parts is not None:
        total = np.cumsum(found.counts[order])
        wanted = max(wanted, int(np.searchsorted(total, least_parts)) + 1)
    least = job.number_or_none("select_nr_classes")
    if least is not None:
        wanted = max(wanted, int(least))
    chosen = np.sort(order[:wanted])
    return chosen, f"automatic, score of {threshold:g} or more"


def _write_averages(
    context: Context, found: _Classification, chosen: Array, scores: Array
) -> None:
    columns: dict[str, Column] = dict(found.classes.take(chosen).columns)
    if context.job.flag("do_recenter"):
        stack = context.path("class_averages.mrcs")
        count = range(1, len(chosen) + 1)
        columns["rlnReferenceImage"] = [f"{i:06d}@{stack}" for i in count]
    columns["rlnClassNumber"] = chosen + 1
    if context.job.version != "3.1":
        columns["rlnPredictedClassScore"] = scores[chosen]
    write_star(
        context.path("class_averages.star"),
        {"": Table(columns)},
        version=context.star_version,
    )


def _recenter(context: Context, found: _Classification, chosen: Array) -> Array:
    """Write the averages moved to their centers; the centers in pixels."""
    images, centers = recentered(found.images[chosen])
    write_mrc(context.path("class_averages.mrcs"), images, found.pixel_size)
    far = np.hypot(*centers.T) > 0.5 * found.radius_px
    for number in (chosen[far] + 1).tolist():
        context.warn(f"class {number}: its center of mass is far from the middle")
    return centers


def _write_particles(
    context: Context,
    found: _Classification,
    rows: Array,
    centers: Array,
    of_particles: Array,
) -> None:
    job = context.job
    scored = found.particles.with_columns({LABEL: np.round(of_particles, 6)})
    table = scored.take(rows)
    if job.flag("do_recenter") and job.flag("cryodeck_move_origins", True):
        labels = ("rlnOriginYAngst", "rlnOriginXAngst")
        origins = np.stack([table.numbers(label, 0.0) for label in labels], axis=1)
        moved = moved_origins(
            origins,
            table.numbers("rlnAnglePsi", 0.0),
            centers[found.class_index[rows]] * found.pixel_size,
        )
        table = table.with_columns(dict(zip(labels, moved.T, strict=True)))
    if job.flag("do_regroup"):
        table = _regroup(context, found, table)
    tables = {} if found.optics is None else {"optics": found.optics}
    tables["particles"] = table
    write_star(context.path("particles.star"), tables, version=context.star_version)


def _regroup(context: Context, found: _Classification, table: Table) -> Table:
    if found.groups is None or "rlnGroupNumber" not in table:
        context.warn(f"{found.model_path}: no groups in it, particles not regrouped")
        return table
    n_groups = len(found.groups)
    group = table.integers("rlnGroupNumber") - 1
    counts = np.bincount(group, minlength=n_groups)
    optics = np.ones(n_groups, dtype=np.int64)
    if "rlnOpticsGroup" in table:
        optics[group] = table.integers("rlnOpticsGroup")
    scales = found.groups.numbers("rlnGroupScaleCorrection")
    new = regrouped(scales, counts, optics, context.job.integer("nr_groups"))
    width = len(str(max(new)))
    names = [f"group_{new[i]:0{width}d}" for i in group.tolist()]
    _log.info("%d groups made %d", int((counts > 0).sum()), max(new))
    return table.with_columns({"rlnGroupName": names}).without(["rlnGroupNumber"])
