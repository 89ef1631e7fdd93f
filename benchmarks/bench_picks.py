"""What LoG picking finds: cryodeck and RELION on the same micrographs, against truth.

    python benchmarks/bench_picks.py WORK_DIR [--count 8] [--real DIR] [--json FILE]

Makes a full-size practice set in WORK_DIR/simulated, picks it with the tutorial's
settings by `relion_autopick` and by the engine, and prints the scores. `--real` names a
folder of real micrographs with truth, laid out as described in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import score_picks

from engine.io.star import Table, write_star
from engine.jobs.job import Job


@dataclass(frozen=True, kw_only=True)
class Set:
    """Micrographs to pick: the particle's diameters in Å, and how to judge."""

    name: str
    project: Path
    diameters: tuple[float, float]
    radius_angstrom: float
    truth_suffix: str = "_truth.star"


def main() -> int:
    """Pick, score, print, and write the numbers."""
    parser = argparse.ArgumentParser(description="Score LoG picking against truth.")
    parser.add_argument("work", type=Path)
    parser.add_argument(
        "--count", type=int, default=8, help="simulated micrographs [8]"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=Path, help="real micrographs with truth")
    parser.add_argument("--threshold", default="0", help="adjust default threshold [0]")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    sets = [simulated_set(args.work / "simulated", args.count, args.seed)]
    if args.real:
        sets += real_sets(args.work / "real", args.real)
    results: dict[str, dict[str, object]] = {}
    print(score_picks.format_heading() + f"{'s':>8}")
    for one in sets:
        for picker, run in (("relion", pick_by_relion), ("cryodeck", pick_by_engine)):
            started = time.perf_counter()
            folder = run(one, args.threshold)
            seconds = time.perf_counter() - started
            fields = score_picks.read_fields(
                one.project / "micrographs_ctf.star",
                folder,
                one.project / "Truth",
                truth_suffix=one.truth_suffix,
            )
            border = 0.5 * one.diameters[1]
            got = score_picks.score(fields, one.radius_angstrom, border)
            row = score_picks.format_row(f"{one.name}, {picker}", got)
            print(f"{row}{seconds:8.1f}", flush=True)
            results.setdefault(one.name, {})[picker] = {
                **asdict(got),
                "seconds": round(seconds, 2),
            }
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def simulated_set(project: Path, count: int, seed: int) -> Set:
    """The practice set at the tutorial's size."""
    if not (project / "micrographs_ctf.star").exists():
        command = ["simulate", project, "--size", "full", "--count", count]
        engine([*command, "--seed", seed])
    return Set(
        name=f"simulated, {count} full",
        project=project,
        diameters=(150, 180),
        radius_angstrom=50,
    )


def real_sets(work: Path, source: Path) -> list[Set]:
    """The real micrographs with truth, each set in a project of its own."""
    sets = [
        link_set(work, source, "apoferritin", 3.0, (110, 140), 40, "truth"),
        link_set(work, source, "betagal_10204", 4.599, (150, 180), 50, "truth_refined"),
    ]
    for truth in ("truth_cryosegnet", "truth_relion3d"):
        sets.append(
            link_set(work, source, "betagal_denoised", 7.08, (150, 180), 57, truth)
        )
    return sets


def link_set(
    work: Path,
    source: Path,
    name: str,
    pixel_size: float,
    diameters: tuple[float, float],
    radius_angstrom: float,
    truth: str,
) -> Set:
    """A project of real micrographs that have a truth of one kind."""
    suffix = f"_{truth}.star"
    project = work / f"{name}_{truth}"
    names = []
    for path in sorted((source / name).glob(f"*{suffix}")):
        root = path.name.removesuffix(suffix)
        target = project / f"Micrographs/{root}.mrc"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name / f"{root}.mrc", target)
        (project / "Truth/Micrographs").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, project / "Truth/Micrographs")
        regions = source / name / f"{root}_regions.png"
        if regions.exists():
            shutil.copy(regions, project / "Truth/Micrographs")
        names.append(f"Micrographs/{root}.mrc")
    optics = Table(
        {
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnOpticsGroup": np.array([1]),
            "rlnVoltage": np.array([300.0]),
            "rlnSphericalAberration": np.array([2.7]),
            "rlnAmplitudeContrast": np.array([0.1]),
            "rlnMicrographPixelSize": np.array([pixel_size]),
        }
    )
    ones = np.ones(len(names), dtype=int)
    micrographs = Table({"rlnMicrographName": names, "rlnOpticsGroup": ones})
    write_star(
        project / "micrographs_ctf.star", {"optics": optics, "micrographs": micrographs}
    )
    return Set(
        name=f"{name} ({truth.removeprefix('truth_')})",
        project=project,
        diameters=diameters,
        radius_angstrom=radius_angstrom,
        truth_suffix=suffix,
    )


def pick_by_relion(one: Set, threshold: str) -> Path:
    """The folder of RELION's picks."""
    folder = one.project / "AutoPick/relion"
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        *("relion_autopick", "--i", "micrographs_ctf.star", "--pickname", "autopick"),
        *("--odir", "AutoPick/relion/", "--LoG", "--shrink", "0", "--lowpass", "20"),
        *("--LoG_diam_min", f"{one.diameters[0]:g}"),
        *("--LoG_diam_max", f"{one.diameters[1]:g}"),
        *("--LoG_adjust_threshold", threshold, "--LoG_upper_threshold", "5"),
    ]
    # its plots crash without picks; the coordinates are there by then
    subprocess.run(command, cwd=one.project, check=False, capture_output=True)
    return folder


def pick_by_engine(one: Set, threshold: str) -> Path:
    """The folder of cryodeck's picks."""
    folder = one.project / "AutoPick/job002"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    job = Job.new(
        "autopick",
        "3.1",
        {
            "fn_input_autopick": "micrographs_ctf.star",
            "do_log": "Yes",
            "log_diam_min": f"{one.diameters[0]:g}",
            "log_diam_max": f"{one.diameters[1]:g}",
            "log_maxres": "20",
            "log_adjust_thr": threshold,
            "log_upper_thr": "5",
        },
    )
    (folder / "job.star").write_text(job.to_star(), encoding="utf-8")
    engine(["run", "AutoPick/job002"], cwd=one.project)
    return folder


def engine(words: list[object], cwd: Path | None = None) -> None:
    """Run the engine; its log is shown if it fails."""
    command = [sys.executable, "-m", "engine", *map(str, words)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(main())
