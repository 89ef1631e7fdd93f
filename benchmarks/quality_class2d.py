"""Quality of a 2D classification, from the truth of a simulated set.

    python benchmarks/quality_class2d.py SET DATA_STAR

SET is a folder of class2d_set.py; DATA_STAR any run_itNNN_data.star of it, whoever
wrote it. Prints one JSON object:

- frc_angstrom: median over good classes, weighted by particles, of the resolution (FRC
  0.5) of the class average against the mean of its particles' true projections in the
  frame that the assignments put them in;
- view_spread_deg: median angle between a particle's true view and its class's middle;
- psi_error_deg, offset_error_angstrom: scatter of assigned against true angle and
  offset within classes, after the class's own turn and shift are taken off;
- junk_purity: mean over junk of how much junk its class holds; junk_auc: of the share
  of junk in the class as a classifier of junk;
- effective_classes: exp of the entropy of the occupancies.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from class2d_set import BOX, PIXEL, project

from engine.classification.masking import circular_mask
from engine.image.euler import euler_matrix
from engine.io.mrc import read_images
from engine.io.star import read_star

SYMMETRY_D2 = [np.diag(d) for d in ([1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1])]


def main(folder: Path, data_star: str) -> dict:
    with (folder / "truth.csv").open() as file:
        truth = list(csv.DictReader(file))
    columns = {k: np.array([float(r[k]) for r in truth]) for k in truth[0]}
    table = read_star(data_star)["particles"]
    place = np.array([int(n.split("@")[0]) - 1 for n in table.text("rlnImageName")])
    columns = {k: v[place] for k, v in columns.items()}
    label = table.integers("rlnClassNumber")
    psi = table.numbers("rlnAnglePsi")
    offset = np.stack([table.numbers(f"rlnOrigin{c}Angst") / PIXEL for c in "XY"], 1)
    model = data_star.replace("_data.star", "_model.star")
    stack = read_star(model)["model_classes"].text("rlnReferenceImage")[0]
    averages = _averages(Path(data_star), stack.partition("@")[2])
    good = columns["is_particle"] == 1
    result = _junk(label, good)
    result |= _classes(label, good, columns, psi, offset, averages)
    return result


def _averages(data_star: Path, stack: str) -> np.ndarray:
    path = Path(stack) if Path(stack).is_file() else data_star.parent / Path(stack).name
    return read_images(path)


def _junk(label, good) -> dict:
    share = {k: 1 - good[label == k].mean() for k in np.unique(label)}
    score = np.array([share[k] for k in label])
    junk, rest = score[~good], score[good]
    if not len(junk):
        return {"junk_purity": None, "junk_auc": None}
    pairs = (junk[:, None] > rest).mean() + 0.5 * (junk[:, None] == rest).mean()
    return {"junk_purity": float(junk.mean()), "junk_auc": float(pairs)}


def _view_angles(rot, tilt) -> np.ndarray:
    """Angles between views, degrees, under D2 and mirrored views told apart."""
    views = euler_matrix(rot, tilt, np.zeros_like(rot))[:, 2]
    best = np.full((len(views), len(views)), -1.0)
    for operator in SYMMETRY_D2:
        best = np.maximum(best, views @ operator @ views.T)
    return np.degrees(np.arccos(np.clip(best, -1, 1)))


def _classes(label, good, truth, psi, offset, averages) -> dict:
    mask = circular_mask(BOX, 28)
    frc, spread, weight = [], [], []
    psi_errors, offset_errors = [], []
    numbers, counts = np.unique(label, return_counts=True)
    p = counts / counts.sum()
    for k in numbers:
        rows = np.flatnonzero((label == k) & good)
        if len(rows) < 5 or len(rows) < 0.5 * (label == k).sum():
            continue
        average = averages[k - 1]
        angles = _view_angles(truth["rot"][rows], truth["tilt"][rows])
        middle = int(np.argmin(np.median(angles, axis=0)))
        spread.append(float(np.median(angles[middle])))
        mean = np.zeros((BOX, BOX))
        for row in rows[:60]:
            # the truth as the assignment turns and moves it into the class's frame
            turn = truth["psi"][row] - psi[row]
            image = project(
                "betagalactosidase", truth["rot"][row], truth["tilt"][row], turn
            )
            away = np.array([truth["x"][row], truth["y"][row]]) + offset[row]
            a = np.deg2rad(psi[row])
            turned = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] @ away
            mean += _shifted(image, turned)
        frc.append(_resolution(average * mask, mean * mask))
        weight.append(len(rows))
        view = rows[middle]
        close = rows[angles[middle] < 15]
        residual = [
            _wrapped(truth["psi"][r] - psi[r], truth["psi"][view] - psi[view])
            for r in close
            if _same_branch(truth, r, view)
        ]
        if len(residual) > 3:
            residual = np.array(residual)
            psi_errors.extend(np.abs(residual - np.median(residual)))
        away = np.stack([truth["x"][rows], truth["y"][rows]], 1) + offset[rows]
        a = np.deg2rad(psi[rows])
        turned = np.stack(
            [
                np.cos(a) * away[:, 0] - np.sin(a) * away[:, 1],
                np.sin(a) * away[:, 0] + np.cos(a) * away[:, 1],
            ],
            1,
        )
        turned -= np.median(turned, axis=0)
        offset_errors.extend(np.hypot(*turned.T) * PIXEL)
    weight = np.array(weight, float)
    return {
        "good_classes": len(frc),
        "effective_classes": float(np.exp(-(p * np.log(p)).sum())),
        "frc_angstrom": _weighted_median(frc, weight),
        "view_spread_deg": _weighted_median(spread, weight),
        "psi_error_deg": float(np.median(psi_errors)) if psi_errors else None,
        "offset_error_angstrom": float(np.median(offset_errors)),
    }


def _same_branch(truth, a, b) -> bool:
    """Views of one branch of the symmetry, where in-plane angles compare directly."""
    views = euler_matrix(truth["rot"][[a, b]], truth["tilt"][[a, b]], np.zeros(2))[:, 2]
    return (
        float(views[0] @ views[1]) > np.cos(np.deg2rad(15))
        and abs(_wrapped(truth["rot"][a], truth["rot"][b])) < 15
    )


def _wrapped(a, b) -> float:
    return (a - b + 180) % 360 - 180


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
