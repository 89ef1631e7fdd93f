"""2D classification beside RELION's on several sets: who is better on which measure.

    python benchmarks/seeds_class2d.py SET... [--relion DIR] [--arguments TEXT]
        [--again] [--run-relion] [--out FILE]

Each SET is a folder of class2d_set.py; RELION's run of it lies in SET/DIR (default
relion/run), or is made with `--run-relion` (20 to 30 CPU minutes for 900 particles).
cryodeck's is made in SET/Class2D/seeds (`--job` names another), anew with `--again`, at
the same settings: the tutorial's, 50 classes, 25 iterations, T 2, 6 degrees, offset
range 5, seed 1, one process. If RELION has not ended, its last iteration is compared
with the same one of cryodeck's, and cryodeck's last one stands beside
(cryodeck_last). What is measured: quality_class2d.py. Prints the mean and spread over
the sets, who is better how often, and the CPU seconds of both.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from bench_class2d import RELION, timed
from quality_class2d import MEASURES
from quality_class2d import main as judged

from engine.jobs.job import Job

ITERATIONS = 25
_EXTRA = (
    "good_classes",
    "junk_purity",
    "score_recall",
    "score_precision",
    "particle_score_recall",
    "particle_score_precision",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--relion", default="relion/run")
    parser.add_argument("--arguments", default="", help="additional arguments of ours")
    parser.add_argument("--job", default="Class2D/seeds")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--run-relion", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    for folder in options.sets:
        row = compared(folder.resolve(), options)
        rows.append(row)
        sys.stderr.write(json.dumps(row) + "\n")
    result = {"sets": rows, "measures": summary(rows)}
    text = json.dumps(result, indent=1) + "\n"
    sys.stdout.write(table(result))
    if options.out:
        options.out.write_text(text)


def compared(folder: Path, options) -> dict:
    """Both classifications of one set, judged at one iteration."""
    root = folder / options.relion
    if options.run_relion and not last_iteration(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        command = RELION.format(out=root.parent, threads=1)
        timing = timed(command.split(), folder)
        (root.parent / "cpu.json").write_text(json.dumps(timing))
    ours = folder / options.job
    if options.again or not (ours / "cpu.json").is_file():
        classify(folder, ours, options.arguments)
    iteration = last_iteration(root)
    row: dict = {"set": folder.name, "iteration": iteration or ITERATIONS}
    name = f"_it{row['iteration']:03d}_data.star"
    row["cryodeck"] = _rounded(judged(folder, str(ours / f"run{name}")))
    row["cryodeck"]["cpu_s"] = json.loads((ours / "cpu.json").read_text())["cpu_s"]
    if row["iteration"] < ITERATIONS:
        last = ours / f"run_it{ITERATIONS:03d}_data.star"
        row["cryodeck_last"] = _rounded(judged(folder, str(last)))
    if iteration:
        row["relion"] = _rounded(judged(folder, f"{root}{name}"))
        row["relion"]["cpu_s"] = relion_seconds(root.parent)
    return row


def classify(folder: Path, job: Path, arguments: str, classes: int = 50) -> None:
    """cryodeck's classification at the tutorial's settings."""
    values = {
        "cryodeck_engine": "cryodeck",
        "fn_img": "particles.star",
        "nr_classes": str(classes),
        "nr_iter": str(ITERATIONS),
        "particle_diameter": "200",
        "nr_mpi": "1",
        "other_args": arguments,
    }
    job.mkdir(parents=True, exist_ok=True)
    for old in job.iterdir():
        old.unlink()
    (job / "job.star").write_text(Job.new("class2d", "3.1", values).to_star())
    name = str(job.relative_to(folder))
    timing = timed([sys.executable, "-m", "engine", "run", name], folder)
    (job / "cpu.json").write_text(json.dumps(timing))


def last_iteration(root: Path) -> int:
    """Number of the last whole iteration of a run; 0 for none."""
    whole = sorted(root.parent.glob(f"{root.name}_it*_optimiser.star"))
    return int(whole[-1].name.split("_it")[1][:3]) if whole else 0


def relion_seconds(folder: Path) -> float | None:
    """CPU seconds of a run, from /usr/bin/time -v or from this script."""
    if (folder / "cpu.json").is_file():
        return json.loads((folder / "cpu.json").read_text())["cpu_s"]
    report = folder / "time.txt"
    lines = report.read_text().splitlines() if report.is_file() else []
    parts = [float(line.split()[-1]) for line in lines if "time (seconds)" in line]
    return round(sum(parts), 1) if parts else None


def summary(rows: list) -> dict:
    """Mean and spread of both over the sets, and how often each is better."""
    out = {}
    for name in (*MEASURES, *_EXTRA, "cpu_s"):
        entry: dict = {}
        for who in ("cryodeck", "relion"):
            values = [
                r[who][name] for r in rows if r.get(who, {}).get(name) is not None
            ]
            if values:
                entry[who] = {
                    "mean": round(float(np.mean(values)), 4),
                    "spread": round(float(np.std(values, ddof=len(values) > 1)), 4),
                }
        if name in MEASURES:
            sign = 1 if MEASURES[name] else -1
            pairs = [
                sign * (r["cryodeck"][name] - r["relion"][name])
                for r in rows
                if r.get("relion", {}).get(name) is not None
            ]
            entry["cryodeck_better"] = sum(p > 0 for p in pairs)
            entry["relion_better"] = sum(p < 0 for p in pairs)
        out[name] = entry
    return out


def table(result: dict) -> str:
    lines = [f"{'':24}{'cryodeck':>20}{'RELION':>20}   better: cryodeck, RELION"]
    for name, entry in result["measures"].items():
        cells = []
        for who in ("cryodeck", "relion"):
            value = entry.get(who)
            text = f"{value['mean']:.3f} +- {value['spread']:.3f}" if value else "-"
            cells.append(f"{text:>20}")
        better = ""
        if "cryodeck_better" in entry:
            better = f"   {entry['cryodeck_better']}, {entry['relion_better']}"
        lines.append(f"{name:24}{''.join(cells)}{better}")
    iterations = sorted({r["iteration"] for r in result["sets"]})
    lines.append(f"{len(result['sets'])} sets, compared at iteration {iterations}")
    return "\n".join(lines) + "\n"


def _rounded(values: dict) -> dict:
    return {k: None if v is None else round(float(v), 4) for k, v in values.items()}


if __name__ == "__main__":
    main()
