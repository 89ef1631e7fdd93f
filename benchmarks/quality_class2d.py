"""Quality of a 2D classification, from the truth of a simulated set.

    python benchmarks/quality_class2d.py SET DATA_STAR

SET is a folder of class2d_set.py, of one species or several; DATA_STAR any
run_itNNN_data.star of it, whoever wrote it. Prints one JSON object. Of classes with at
least five true particles that are at least half of the class ("good"):

- frc_angstrom: median over classes, weighted by particles, of the resolution (FRC 0.5)
  of the class average against the mean of its particles' true projections in the frame
  that the assignments put them in;
- view_spread_deg: median over classes of the median angle between a particle's true
  view and its class's middle, under the symmetry of the class's main species;
- psi_error_deg, offset_error_angstrom: scatter of assigned against true angle and
  offset within classes, after the class's own turn and shift are taken off;
- good_classes: how many there are.

Of all classes:

- species_purity: part of the true particles that are of their class's main species;
- junk_purity: mean over junk of how much junk its class holds;
- junk_auc: of the share of junk among the others of a particle's class as a classifier
  of junk (0.5 by chance): what the best possible choice of classes could tell;
- junk_kept: part of the junk that is kept with 95 % of the true particles, the purest
  classes chosen first;
- score_auc: the same as junk_auc with the score of engine.selection, which knows no
  truth; score_recall and score_precision: of true particles in classes scored 0.5 or
  more; estimate_auc: with the model's estimated resolution;
- particle_score_auc, _recall, _precision: the same with the score of each particle
  (engine.selection.particles); particle_score_kept: part of the junk that is kept with
  the 95 % of the true particles of the highest score;
- effective_classes: exp of the entropy of the occupancies.
"""

import csv
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from class2d_set import BOX, DIAMETER, PIXEL, project

from engine import simulation
from engine.classification.masking import circular_mask
from engine.image.euler import euler_matrix
from engine.io.mrc import read_images
from engine.io.star import read_star
from engine.programs.select_particles import evidence
from engine.selection.classes import class_scores
from engine.selection.particles import particle_scores

#: For each measure whether more is better.
MEASURES = {
    "frc_angstrom": False,
    "view_spread_deg": False,
    "psi_error_deg": False,
    "offset_error_angstrom": False,
    "species_purity": True,
    "junk_purity": True,
    "junk_auc": True,
    "junk_kept": False,
    "score_auc": True,
    "particle_score_auc": True,
    "particle_score_kept": False,
    "effective_classes": True,
}
#: Particles of a class that are projected for its average.
_PROJECTED = 40


@cache
def _operators(name: str) -> np.ndarray:
    """Rotations that leave a molecule as it is, shape (n, 3, 3)."""
    path = Path(simulation.__file__).with_name("molecules.npz")
    with np.load(path) as stored:
        return stored[f"{name}_operators"]


@dataclass
class Truth:
    """What a set's particles really are, in the order of the stack.

    `species` counts from 0 in `names`; -1 is junk.
    """

    names: list
    species: np.ndarray
    rot: np.ndarray
    tilt: np.ndarray
    psi: np.ndarray
    offset: np.ndarray

    @property
    def good(self) -> np.ndarray:
        return self.species >= 0

    def take(self, rows) -> "Truth":
        return Truth(
            self.names,
            *(
                getattr(self, name)[rows]
                for name in ("species", "rot", "tilt", "psi", "offset")
            ),
        )


def read_truth(folder: Path) -> Truth:
    """The truth of a set."""
    with (folder / "truth.csv").open() as file:
        rows = list(csv.DictReader(file))
    columns = {k: np.array([float(r[k]) for r in rows]) for k in rows[0]}
    table = read_star(folder / "sim/truth.star").get("species")
    names = ["betagalactosidase"]
    if table is not None:
        names = list(table.text("cryodeckSpecies"))
    species = np.where(columns["is_particle"] == 1, columns["species"] - 1, -1)
    return Truth(
        names,
        species.astype(int),
        columns["rot"],
        columns["tilt"],
        columns["psi"],
        np.stack([columns["x"], columns["y"]], 1),
    )


@dataclass
class Found:
    """What a classification says of each particle, and of each class."""

    label: np.ndarray
    psi: np.ndarray
    offset: np.ndarray
    averages: np.ndarray
    resolution: np.ndarray
    beside: np.ndarray | None = None  # evidence about particles


def main(folder: Path, data_star: str) -> dict:
    found, names = read_found(data_star)
    place = np.array([int(name.split("@")[0]) - 1 for name in names])
    return judge(read_truth(folder).take(place), found)


def read_found(data_star: str) -> tuple:
    """What a classification's files say, and the names of the images."""
    table = read_star(data_star)["particles"]
    said = read_star(data_star.replace("_data.star", "_model.star"))
    model, general = said["model_classes"], said["model_general"]
    stack = model.text("rlnReferenceImage")[0].partition("@")[2]
    found = Found(
        label=table.integers("rlnClassNumber"),
        psi=table.numbers("rlnAnglePsi"),
        offset=np.stack([table.numbers(f"rlnOrigin{c}Angst") for c in "XY"], 1) / PIXEL,
        averages=read_images(Path(data_star).parent / Path(stack).name),
        resolution=model.numbers("rlnEstimatedResolution"),
        beside=evidence(table, float(general.numbers("rlnSigmaOffsetsAngst")[0])),
    )
    return found, table.text("rlnImageName")


def judge(truth: Truth, found: Found) -> dict:
    """All measures."""
    scores = scores_of_particles(found)
    kept = scores >= 0.5
    return (
        _species(truth, found.label)
        | junk_separation(found.label, truth.good, scores, found.resolution)
        | particle_separation(found, truth.good, scores)
        | {
            "score_recall": float(kept[truth.good].mean()),
            "score_precision": float(truth.good[kept].mean()) if kept.any() else None,
            "effective_classes": effective_classes(found.label),
            "frc_angstrom": _frc(truth, found),
        }
        | class_errors(truth, found)
    )


def _species(truth: Truth, label) -> dict:
    main = 0
    for k in np.unique(label):
        inside = truth.species[(label == k) & truth.good]
        main += np.bincount(inside).max() if len(inside) else 0
    return {"species_purity": float(main / truth.good.sum())}


def junk_separation(label, good, scores, resolution) -> dict:
    """How well classes, their score and their resolution tell junk."""
    if good.all():
        names = ("junk_purity", "junk_auc", "junk_kept", "score_auc", "estimate_auc")
        return dict.fromkeys(names)
    count = np.bincount(label)
    junk = np.bincount(label, ~good)
    share = junk / np.maximum(count, 1)
    overall = (~good).mean()
    # of the others in the class, so that a class of one says nothing of it
    others = (junk[label] - ~good + overall) / count[label]
    # the purest classes first, up to where 95 % of the true particles are in
    order = np.argsort(share[1:], kind="stable") + 1
    inside = np.cumsum(count[order] - junk[order])
    last = np.searchsorted(inside, 0.95 * good.sum())
    coarse = np.where(np.isfinite(resolution), resolution, 999.0)[label - 1]
    return {
        "junk_purity": float(share[label][~good].mean()),
        "junk_auc": _auc(others, ~good),
        "junk_kept": float(junk[order[: last + 1]].sum() / junk.sum()),
        "score_auc": _auc(-scores, ~good),
        "estimate_auc": _auc(coarse, ~good),
    }


def particle_separation(found: Found, good, scores) -> dict:
    """How well the score of each particle tells junk."""
    if found.beside is None or good.all():
        return {}
    score = particle_scores(scores, found.beside)
    kept = score >= 0.5
    least = np.quantile(score[good], 0.05)
    return {
        "particle_score_auc": _auc(-score, ~good),
        "particle_score_kept": float((score[~good] >= least).mean()),
        "particle_score_recall": float(kept[good].mean()),
        "particle_score_precision": float(good[kept].mean()) if kept.any() else None,
    }


def _auc(value, positive) -> float:
    """Chance that a positive has the higher value; ties count half."""
    a, b = value[positive], value[~positive]
    return float((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean())


def scores_of_particles(found: Found) -> np.ndarray:
    """The automatic score of each particle's class."""
    counts = np.bincount(found.label - 1, minlength=len(found.averages))
    radius = DIAMETER / 2 / PIXEL
    scores = class_scores(found.averages, counts, found.resolution, radius)
    return scores[found.label - 1]


def effective_classes(label) -> float:
    """Exp of the entropy of the occupancies."""
    p = np.unique(label, return_counts=True)[1] / len(label)
    return float(np.exp(-(p * np.log(p)).sum()))


def _good_classes(truth: Truth, found: Found):
    """Number and rows of true particles, of classes mostly made of such."""
    for k, count in zip(*np.unique(found.label, return_counts=True), strict=True):
        rows = np.flatnonzero((found.label == k) & truth.good)
        if len(rows) >= 5 and len(rows) >= 0.5 * count:
            yield k, rows


def _frc(truth: Truth, found: Found) -> float | None:
    mask = circular_mask(BOX, 28)
    frc, weight = [], []
    for k, rows in _good_classes(truth, found):
        mean = _true_average(truth, found, rows[:_PROJECTED])
        frc.append(_resolution(found.averages[k - 1] * mask, mean * mask))
        weight.append(len(rows))
    return _weighted_median(frc, np.array(weight, float))


def class_errors(truth: Truth, found: Found) -> dict:
    """Spread of views and errors of alignment within good classes."""
    spread, psi_errors, offset_errors = [], [], []
    for _, inside in _good_classes(truth, found):
        species = np.bincount(truth.species[inside]).argmax()
        rows = inside[truth.species[inside] == species]
        angles, twist = _orientations(truth, found, rows, truth.names[species])
        spread.append(float(np.median(angles)))
        close = twist[angles < 15]
        if len(close) > 3:
            middle = np.angle(np.exp(1j * np.deg2rad(close)).sum(), deg=True)
            psi_errors.extend(np.abs(_wrapped(close - middle)))
        away = np.array([_turned(truth, found, row) for row in rows])
        offset_errors.extend(np.hypot(*(away - np.median(away, axis=0)).T) * PIXEL)

    def median(values):
        return float(np.median(values)) if values else None

    return {
        "good_classes": len(spread),
        "view_spread_deg": median(spread),
        "psi_error_deg": median(psi_errors),
        "offset_error_angstrom": median(offset_errors),
    }


def _true_average(truth: Truth, found: Found, rows) -> np.ndarray:
    """Mean of true projections, turned and moved as the assignments say."""
    mean = np.zeros((BOX, BOX))
    for row in rows:
        image = project(
            truth.names[truth.species[row]],
            truth.rot[row],
            truth.tilt[row],
            truth.psi[row] - found.psi[row],
        )
        mean += _shifted(image, _turned(truth, found, row))
    return mean


def _turned(truth: Truth, found: Found, row) -> np.ndarray:
    """Where the particle's center comes to lie in the class's frame, x and y."""
    a = np.deg2rad(found.psi[row])
    away = truth.offset[row] + found.offset[row]
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ away


def _orientations(truth: Truth, found: Found, rows, name: str):
    """Angles of views from the class's middle one, and turns about the beam to it.

    Orientations are those of the aligned particles, so equal ones are perfect.
    """
    mine = euler_matrix(
        truth.rot[rows], truth.tilt[rows], truth.psi[rows] - found.psi[rows]
    )
    mates = np.einsum("nij,sjk->nsik", mine, _operators(name))
    # of every particle's mates against every particle: the cosine between the views
    cosine = np.einsum("nsk,mk->nsm", mates[:, :, 2], mine[:, 2])
    mate = cosine.argmax(axis=1)
    angles = np.degrees(np.arccos(np.clip(cosine.max(axis=1), -1, 1)))
    middle = int(np.argmin(np.median(angles, axis=0)))
    best = mates[np.arange(len(rows)), mate[:, middle]]
    turn = best @ mine[middle].T
    twist = np.arctan2(turn[:, 1, 0] - turn[:, 0, 1], turn[:, 0, 0] + turn[:, 1, 1])
    return angles[:, middle], np.degrees(twist)


def _wrapped(angle):
    return (angle + 180) % 360 - 180


def _shifted(image, move) -> np.ndarray:
    ky = np.fft.fftfreq(BOX)[:, None]
    kx = np.fft.rfftfreq(BOX)[None]
    phase = np.exp(-2j * np.pi * (kx * move[0] + ky * move[1]))
    return np.fft.irfft2(np.fft.rfft2(image) * phase, (BOX, BOX))


def _resolution(a, b) -> float:
    fa, fb = np.fft.rfft2(a), np.fft.rfft2(b)
    ky, kx = np.fft.fftfreq(BOX)[:, None] * BOX, np.fft.rfftfreq(BOX)[None] * BOX
    shell = np.round(np.hypot(ky, kx)).astype(int).ravel()
    cross = np.bincount(shell, (fa * fb.conj()).real.ravel())
    power = (
        np.bincount(shell, (abs(fa) ** 2).ravel()),
        np.bincount(shell, (abs(fb) ** 2).ravel()),
    )
    curve = cross / np.sqrt(power[0] * power[1] + 1e-30)
    below = np.flatnonzero(curve[2 : BOX // 2] < 0.5)
    last = (below[0] + 1) if len(below) else BOX // 2 - 1
    return BOX * PIXEL / max(last, 1)


def _weighted_median(values, weight) -> float | None:
    if not len(values):
        return None
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(np.array(values)[order][np.searchsorted(total, total[-1] / 2)])


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), sys.argv[2]), sys.stdout, indent=1)
    sys.stdout.write("\n")
