"""2D classification of real LoG picks, of which the finally refined ones are known.

    python benchmarks/real_class2d.py STACKS [DATA_STAR...]
        [--beside DIR [--classes 20] [--run-relion]]

STACKS is a folder with particles.star and, per stack, NAME_truth.csv: for each image
whether it became a particle of the final refinement (is_refined_particle), where that
lies and its Euler angles (EMPIAR-10204: 1157 picks, 574 of them refined). "No" means a
false pick, badly centered, overlapping, or just dropped; no classification can tell all
of these apart. Each DATA_STAR is a run_itNNN_data.star of these stacks, whoever wrote
it. Prints a JSON object for each, measured as quality_class2d.py does:

- junk_auc, junk_kept, score_auc, estimate_auc, particle_score_auc and so on, and
  precision and recall of refined particles in classes scored 0.5 and 0.3 or more;
- effective_classes; view_spread_deg, psi_error_deg, offset_error_angstrom of the
  refined ones in classes at least half of which are refined.

`--beside` compares with RELION 3.1.3 at equal settings (the tutorial's, 25 iterations,
T 2, mask 200 Å, seed 1, one process each). The stacks are copied to DIR in 32 bits
(RELION reads no float16), cryodeck's job is DIR/Class2D/kNN, RELION's DIR/relionNN/run,
made with `--run-relion` if it is not there. If RELION has not ended, both are judged at
its last iteration, and cryodeck's at its own last one too.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bench_class2d import RELION, timed
from class2d_set import PIXEL
from quality_class2d import (
    Truth,
    class_errors,
    effective_classes,
    junk_separation,
    particle_separation,
    read_found,
    scores_of_particles,
)
from seeds_class2d import ITERATIONS, classify, last_iteration, relion_seconds

from engine.io.mrc import read_images, write_mrc

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


def judged(folder: Path, data_star: str) -> dict:
    """What a classification tells of the refined particles."""
    found, names = read_found(data_star)
    truth = read_stack_truth(folder, names)
    scores = scores_of_particles(found)
    name = "/".join(Path(data_star).parts[-3:])
    result = {"data": name, "refined": int(truth.good.sum())}
    result |= junk_separation(found.label, truth.good, scores, found.resolution)
    result |= particle_separation(found, truth.good, scores)
    result["effective_classes"] = effective_classes(found.label)
    for least in (0.5, 0.3):
        kept = scores >= least
        result[f"recall_{least}"] = float(kept[truth.good].mean())
        precision = float(truth.good[kept].mean()) if kept.any() else None
        result[f"precision_{least}"] = precision
    result |= class_errors(truth, found)
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in result.items()}


def prepared(stacks: Path, folder: Path) -> None:
    """The list and its stacks in 32 bits, in a folder that jobs run in."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(stacks.glob("*.mrcs")):
        if not (folder / path.name).is_file():
            write_mrc(folder / path.name, read_images(path), PIXEL)
    (folder / "particles.star").write_text((stacks / "particles.star").read_text())


def beside(stacks: Path, folder: Path, classes: int, *, runs_relion: bool) -> dict:
    """cryodeck's and RELION's classifications of the stacks, at one iteration."""
    prepared(stacks, folder)
    ours, root = folder / f"Class2D/k{classes}", folder / f"relion{classes}/run"
    if not (ours / "cpu.json").is_file():
        classify(folder, ours, "", classes)
    if runs_relion and not last_iteration(root):
        root.parent.mkdir(exist_ok=True)
        command = RELION.replace("--K 50", f"--K {classes}")
        timing = timed(command.format(out=root.parent, threads=1).split(), folder)
        (root.parent / "cpu.json").write_text(json.dumps(timing))
    iteration = last_iteration(root) or ITERATIONS
    name = f"_it{iteration:03d}_data.star"
    result = {"iteration": iteration, "cryodeck": judged(stacks, f"{ours}/run{name}")}
    result["cryodeck"]["cpu_s"] = relion_seconds(ours)
    if iteration < ITERATIONS:
        last = f"{ours}/run_it{ITERATIONS:03d}_data.star"
        result["cryodeck_last"] = judged(stacks, last)
    if last_iteration(root):
        result["relion"] = judged(stacks, f"{root}{name}")
        result["relion"]["cpu_s"] = relion_seconds(root.parent)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stacks", type=Path)
    parser.add_argument("data_stars", nargs="*")
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--run-relion", action="store_true")
    options = parser.parse_args()
    results = [judged(options.stacks, path) for path in options.data_stars]
    if options.beside:
        folder, runs_relion = options.beside.resolve(), options.run_relion
        results.append(
            beside(options.stacks, folder, options.classes, runs_relion=runs_relion)
        )
    for result in results:
        json.dump(result, sys.stdout, indent=1)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
