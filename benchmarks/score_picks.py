"""How good picks are: against where the particles are known to be.

    python benchmarks/score_picks.py PROJECT/micrographs_ctf.star \
        --picks PROJECT/AutoPick/job002 --truth PROJECT/Truth --radius 50

Picks and truths are matched one to one within a radius. Printed: precision, recall, F1,
the best F1 over the threshold of the figure of merit, average precision, the error of
the centers, and how many false picks lie on carbon and on ice crystals.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from engine.io.coordinates import coordinate_path, read_coordinates
from engine.io.micrographs import read_micrographs
from engine.io.mrc import read_header

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
REGION_ICE, REGION_CARBON = 2, 3


@dataclass(frozen=True, kw_only=True)
class Field:
    """One micrograph's picks and truth, in pixels: (n, 2) arrays of x, y.

    `fom` has one value per pick. `regions` is a picture of the whole micrograph with
    2 for ice crystals and 3 for carbon, at any size. What lies in the border is judged
    neither way.
    """

    picks: Floats
    fom: Floats
    truth: Floats
    shape: tuple[int, int]
    pixel_size: float
    regions: NDArray[np.uint8] | None = None


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a set of picks is worth."""

    micrographs: int
    truth: int
    picks: int
    hits: int
    precision: float
    recall: float
    f1: float
    best_f1: float
    best_threshold: float
    precision_at_best: float
    recall_at_best: float
    average_precision: float
    median_error_angstrom: float
    rms_error_angstrom: float
    false_on_carbon: int
    false_on_ice: int


def match(picks: Floats, truth: Floats, radius: float) -> tuple[Ints, Ints]:
    """Pairs of picks and truths: as many as can be, then as near as can be.

    Returns the indices of the paired picks and of their truths.
    """
    none = np.empty(0, dtype=np.int64)
    if len(picks) == 0 or len(truth) == 0:
        return none, none
    distance = np.hypot(*(picks[:, None] - truth[None]).transpose(2, 0, 1))
    # a pair beyond the radius costs more than all others together
    forbidden = radius * (1 + min(distance.shape))
    cost = np.where(distance <= radius, distance, forbidden)
    rows, columns = linear_sum_assignment(cost)
    kept = distance[rows, columns] <= radius
    return rows[kept], columns[kept]


def hits_by_fom(picks: Floats, fom: Floats, truth: Floats, radius: float) -> Ints:
    """For each pick the truth it finds, -1 for none, the best picks first.

    Each truth is found once, by the pick of the highest figure of merit within reach;
    so a threshold never changes what the picks above it find.
    """
    found = np.full(len(picks), -1, dtype=np.int64)
    if len(truth) == 0:
        return found
    near = cKDTree(truth).query_ball_point(picks, radius) if len(picks) else []
    taken: set[int] = set()
    for i in np.argsort(-fom, kind="stable").tolist():
        free = [t for t in near[i] if t not in taken]
        if free:
            distances = np.hypot(*(truth[free] - picks[i]).T)
            found[i] = free[int(np.argmin(distances))]
            taken.add(int(found[i]))
    return found


def curve(fom: Floats, is_hit: NDArray[np.bool_], truths: int) -> dict[str, float]:
    """Best F1 over the threshold, and average precision (area under the steps)."""
    empty = dict.fromkeys(
        ("best_f1", "precision_at_best", "recall_at_best", "average_precision"), 0.0
    )
    if len(fom) == 0 or truths == 0:
        return {**empty, "best_threshold": float("nan")}
    order = np.argsort(-fom, kind="stable")
    fom, hit = fom[order], np.cumsum(is_hit[order])
    # a threshold lets all picks of equal merit in
    last = np.append(np.flatnonzero(np.diff(fom)), len(fom) - 1)
    hits, count = hit[last], last + 1
    precision, recall = hits / count, hits / truths
    f1 = 2 * hits / (count + truths)
    best = int(np.argmax(f1))
    steps = np.diff(recall, prepend=0.0)
    return {
        "best_f1": float(f1[best]),
        "best_threshold": float(fom[last][best]),
        "precision_at_best": float(precision[best]),
        "recall_at_best": float(recall[best]),
        "average_precision": float((steps * precision).sum()),
    }


def score(
    fields: list[Field], radius_angstrom: float, border_angstrom: float = 0.0
) -> Score:
    """The score of picks on all micrographs together."""
    truths = picks = hits = 0
    on = {REGION_CARBON: 0, REGION_ICE: 0}
    errors: list[Floats] = []
    foms: list[Floats] = []
    flags: list[NDArray[np.bool_]] = []
    for field in fields:
        radius = radius_angstrom / field.pixel_size
        border = border_angstrom / field.pixel_size
        inner_truth = _is_inner(field.truth, field.shape, border)
        inner_pick = _is_inner(field.picks, field.shape, border)
        which, paired = match(field.picks, field.truth, radius)
        # a pick counts where its truth does; one without a truth, where it lies
        counted = inner_pick.copy()
        counted[which] = inner_truth[paired]
        good = inner_truth[paired]
        truths += int(inner_truth.sum())
        picks += int(counted.sum())
        hits += int(good.sum())
        away = field.picks[which[good]] - field.truth[paired[good]]
        errors.append(np.hypot(*away.T) * field.pixel_size)
        wrong = inner_pick.copy()
        wrong[which] = False
        for region in on:
            on[region] += _count_on(field, field.picks[wrong], region)
        found = hits_by_fom(field.picks, field.fom, field.truth, radius)
        judged = inner_pick.copy()
        judged[found >= 0] = inner_truth[found[found >= 0]]
        foms.append(field.fom[judged])
        flags.append((found >= 0)[judged])
    error = np.concatenate(errors) if errors else np.empty(0)
    return Score(
        micrographs=len(fields),
        truth=truths,
        picks=picks,
        hits=hits,
        precision=hits / picks if picks else 0.0,
        recall=hits / truths if truths else 0.0,
        f1=2 * hits / (picks + truths) if picks + truths else 0.0,
        median_error_angstrom=float(np.median(error)) if len(error) else float("nan"),
        rms_error_angstrom=(
            float(np.sqrt((error**2).mean())) if len(error) else float("nan")
        ),
        false_on_carbon=on[REGION_CARBON],
        false_on_ice=on[REGION_ICE],
        **curve(np.concatenate(foms), np.concatenate(flags), truths),
    )


def common_errors(
    ours: list[Field],
    theirs: list[Field],
    radius_angstrom: float,
    border_angstrom: float = 0.0,
) -> tuple[int, float, float]:
    """Particles that two pickers both find, and the median error of either there, Å.

    Parameters
    ----------
    ours, theirs : list of Field
        The same micrographs in the same order.
    """
    errors: list[list[Floats]] = [[], []]
    count = 0
    for pair in zip(ours, theirs, strict=True):
        radius = radius_angstrom / pair[0].pixel_size
        border = border_angstrom / pair[0].pixel_size
        inner = _is_inner(pair[0].truth, pair[0].shape, border)
        away = np.full((2, len(inner)), np.inf)
        for row, field in zip(away, pair, strict=True):
            which, paired = match(field.picks, field.truth, radius)
            apart = field.picks[which] - field.truth[paired]
            row[paired] = np.hypot(*apart.T) * field.pixel_size
        is_common = np.isfinite(away).all(axis=0) & inner
        count += int(is_common.sum())
        for found, row in zip(errors, away, strict=True):
            found.append(row[is_common])
    if not count:
        return 0, float("nan"), float("nan")
    first, second = (float(np.median(np.concatenate(found))) for found in errors)
    return count, first, second


def _is_inner(
    points: Floats, shape: tuple[int, int], border: float
) -> NDArray[np.bool_]:
    limits = np.array([shape[1] - 1, shape[0] - 1]) - border
    return np.asarray(((points >= border) & (points <= limits)).all(axis=1))


def _count_on(field: Field, points: Floats, region: int) -> int:
    if field.regions is None or len(points) == 0:
        return 0
    rows, columns = field.regions.shape
    scale = np.array([columns / field.shape[1], rows / field.shape[0]])
    x, y = np.floor((points + 0.5) * scale).astype(int).T
    inside = field.regions[y.clip(0, rows - 1), x.clip(0, columns - 1)]
    return int((inside == region).sum())


def read_fields(
    micrographs: Path,
    picks: Path,
    truth: Path,
    *,
    pick_suffix: str = "_autopick.star",
    truth_suffix: str = "_truth.star",
) -> list[Field]:
    """The micrographs of a list that have a truth."""
    fields = []
    for entry in read_micrographs(micrographs).entries:
        true_path = coordinate_path(truth, entry.name, truth_suffix)
        if not true_path.exists():
            continue
        header = read_header(micrographs.parent / entry.name)
        known = read_coordinates(true_path)
        path = coordinate_path(picks, entry.name, pick_suffix)
        found = read_coordinates(path) if path.exists() else type(known).empty()
        fom = found.fom if len(found.fom) else np.zeros(len(found))
        fields.append(
            Field(
                picks=np.stack([found.x, found.y], axis=1),
                fom=np.asarray(fom, dtype=np.float64),
                truth=np.stack([known.x, known.y], axis=1),
                shape=(header.ny, header.nx),
                pixel_size=entry.pixel_size,
                regions=_read_regions(
                    coordinate_path(truth, entry.name, "_regions.png")
                ),
            )
        )
    return fields


def _read_regions(path: Path) -> NDArray[np.uint8] | None:
    if not path.exists():
        return None
    from PIL import Image

    return np.asarray(Image.open(path), dtype=np.uint8)


HEADINGS = (
    ("set, picker", 34),
    ("picks", 6),
    ("truth", 6),
    ("prec", 6),
    ("recall", 7),
    ("F1", 6),
    ("bestF1", 7),
    ("at", 7),
    ("AP", 6),
    ("error Å", 8),
    ("carbon", 7),
    ("ice", 5),
)


def format_heading() -> str:
    """The first line of a table of scores."""
    name, *rest = HEADINGS
    return f"{name[0]:<{name[1]}}" + "".join(f"{text:>{n}}" for text, n in rest)


def format_row(name: str, got: Score) -> str:
    """One line of a table of scores."""
    return (
        f"{name:<34}{got.picks:6d}{got.truth:6d}{got.precision:6.3f}{got.recall:7.3f}"
        f"{got.f1:6.3f}{got.best_f1:7.3f}{got.best_threshold:7.3f}"
        f"{got.average_precision:6.3f}{got.median_error_angstrom:8.1f}"
        f"{got.false_on_carbon:7d}{got.false_on_ice:5d}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the scores of picks; `--json` writes them too."""
    parser = argparse.ArgumentParser(description="Score picks against the truth.")
    parser.add_argument("micrographs", type=Path, help="micrographs STAR file")
    parser.add_argument(
        "--picks", type=Path, nargs="+", required=True, help="job folders"
    )
    parser.add_argument("--truth", type=Path, required=True, help="folder")
    parser.add_argument("--pick-suffix", default="_autopick.star")
    parser.add_argument("--truth-suffix", default="_truth.star")
    parser.add_argument("--radius", type=float, default=50.0, help="Å [50]")
    parser.add_argument("--border", type=float, default=0.0, help="Å not judged [0]")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(arguments)
    scores = {}
    print(format_heading())
    for folder in args.picks:
        fields = read_fields(
            args.micrographs,
            folder,
            args.truth,
            pick_suffix=args.pick_suffix,
            truth_suffix=args.truth_suffix,
        )
        if not fields:
            print(f"{args.truth}: no truth for {args.micrographs}", file=sys.stderr)
            return 2
        scores[str(folder)] = score(fields, args.radius, args.border)
        print(format_row(str(folder), scores[str(folder)]))
    if args.json:
        content = {name: asdict(value) for name, value in scores.items()}
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
