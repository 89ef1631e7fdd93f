"""2D classification of real LoG picks, of which the finally refined ones are known.

    python benchmarks/real_class2d.py STACKS DATA_STAR...

STACKS is a folder with particles.star and, per stack, NAME_truth.csv: for each image
whether it became a particle of the final refinement (is_refined_particle), where that
lies and its Euler angles (EMPIAR-10204: 1157 picks, 574 of them refined). "No" means a
false pick, badly centered, overlapping, or just dropped; no classification can tell all
of these apart. Each DATA_STAR is a run_itNNN_data.star of these stacks, whoever wrote
it. Prints a JSON object for each, measured as quality_class2d.py does:

- junk_auc, junk_kept, score_auc, estimate_auc, and precision and recall of refined
  particles in classes scored 0.5 and 0.3 or more;
- view_spread_deg, psi_error_deg, offset_error_angstrom of the refined ones in classes
  at least half of which are refined.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from class2d_set import PIXEL
from quality_class2d import (
    Truth,
    class_errors,
    junk_separation,
    read_found,
    scores_of_particles,
)

_MICROGRAPH_PIXEL = 0.885


def read_stack_truth(folder: Path, names: list) -> Truth:
    """The truth of images by name, in their order."""
    rows: dict = {}
    for path in sorted(folder.glob("*_truth.csv")):
        with path.open() as file:
            rows |= {row["image"]: row for row in csv.DictReader(file)}
    mine = [rows[_short(name)] for name in names]

    def column(key):
        return np.array([float(row[key] or 0) for row in mine])

    is_refined = column("is_refined_particle") == 1
    to_box = _MICROGRAPH_PIXEL / PIXEL
    offset = [(column(f"refined_{c}") - column(c)) * to_box for c in "xy"]
    return Truth(
        ["betagalactosidase"],
        np.where(is_refined, 0, -1),
        column("refined_AngleRot"),
        column("refined_AngleTilt"),
        column("refined_AnglePsi"),
        np.stack(offset, 1),
    )


def _short(name: str) -> str:
    number, _, stack = name.partition("@")
    return f"{int(number):06d}@{Path(stack).name}"


def main(folder: Path, data_star: str) -> dict:
    found, names = read_found(data_star)
    truth = read_stack_truth(folder, names)
    scores = scores_of_particles(found)
    result = {"data": data_star, "refined": int(truth.good.sum())}
    result |= junk_separation(found.label, truth.good, scores, found.resolution)
    for least in (0.5, 0.3):
        kept = scores >= least
        result[f"recall_{least}"] = float(kept[truth.good].mean())
        result[f"precision_{least}"] = float(truth.good[kept].mean())
    result |= class_errors(truth, found)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()}


if __name__ == "__main__":
    for path in sys.argv[2:]:
        json.dump(main(Path(sys.argv[1]), path), sys.stdout, indent=1)
        sys.stdout.write("\n")
