"""How many LoG picks of RELION cryodeck finds within a pixel, and vice versa.

    python benchmarks/agree_log.py NAME:PIXEL_SIZE:DIAM_MIN:DIAM_MAX:FILE...

FILE are micrographs (quoted wildcards work) or one STAR list of micrographs. Both
programs run on equal settings; cryodeck by default and exactly as RELION
(cryodeck_compat).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from engine.io.coordinates import coordinate_path, read_coordinates
from engine.io.micrographs import read_micrographs
from engine.jobs.job import Job

OPTICS = """
# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
opticsGroup1 1 {pixel_size} 300 2.7 0.1

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
"""


def make_project(folder: Path, files: list[Path], pixel_size: float) -> None:
    """A folder with links to micrographs and their list."""
    mics = folder / "Micrographs"
    mics.mkdir(parents=True)
    rows = []
    for file in files:
        (mics / file.name).symlink_to(file.resolve())
        rows.append(f"Micrographs/{file.name} 1\n")
    text = OPTICS.format(pixel_size=pixel_size) + "".join(rows)
    (folder / "micrographs.star").write_text(text + "\n")


def run_both(folder: Path, low: str, high: str, options: dict[str, str]) -> None:
    """RELION into R/, cryodeck into job001 (default) and job002 (as RELION)."""
    flags = ["--LoG", "--LoG_diam_min", low, "--LoG_diam_max", high]
    names = {
        "log_adjust_thr": "--LoG_adjust_threshold",
        "log_upper_thr": "--LoG_upper_threshold",
    }
    for key, flag in names.items():
        if key in options:
            flags += [flag, options[key]]
    if options.get("log_invert") == "Yes":
        flags.append("--Log_invert")
    flags += options.get("other_args", "").split()
    lowpass = options.get("log_maxres", "20")
    relion = ["relion_autopick", "--i", "micrographs.star", "--odir", "R/"]
    relion += ["--pickname", "autopick", "--shrink", "0", "--lowpass", lowpass]
    subprocess.run(relion + flags, cwd=folder, check=True, capture_output=True)
    for number, compat in (("1", "No"), ("2", "Yes")):
        values = {
            "fn_input_autopick": "micrographs.star",
            "do_log": "Yes",
            "log_diam_min": low,
            "log_diam_max": high,
            "cryodeck_compat": compat,
            **options,
        }
        job = folder / f"AutoPick/job00{number}"
        job.mkdir(parents=True)
        (job / "job.star").write_text(Job.new("autopick", "3.1", values).to_star())
        command = [sys.executable, "-m", "engine", "run", f"AutoPick/job00{number}"]
        subprocess.run(
            command,
            cwd=folder,
            check=True,
            capture_output=True,
            env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        )


def found_within(a: np.ndarray, b: np.ndarray, distance: float) -> int:
    """How many points of a have one of b within a distance."""
    if len(a) == 0 or len(b) == 0:
        return 0
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return int((squared.min(1) <= distance**2).sum())


def compare(folder: Path, ours: str, distance: float = 1.0) -> dict[str, float]:
    """Counts over all micrographs of a project."""
    total = {"relion": 0, "cryodeck": 0, "relion_found": 0, "cryodeck_found": 0}
    for entry in read_micrographs(folder / "micrographs.star").entries:
        points = []
        for directory in ("R", ours):
            path = coordinate_path(folder / directory, entry.name, "_autopick.star")
            found = read_coordinates(path)
            points.append(np.stack([found.x, found.y], axis=1))
        total["relion"] += len(points[0])
        total["cryodeck"] += len(points[1])
        total["relion_found"] += found_within(points[0], points[1], distance)
        total["cryodeck_found"] += found_within(points[1], points[0], distance)
    total["percent_of_relion"] = round(
        100 * total["relion_found"] / max(1, total["relion"]), 2
    )
    total["percent_of_cryodeck"] = round(
        100 * total["cryodeck_found"] / max(1, total["cryodeck"]), 2
    )
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--json")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    options = dict(item.split("=", 1) for item in arguments.set)
    results = []
    for text in arguments.sets:
        name, pixel_size, low, high, *patterns = text.split(":")
        files = [f for p in patterns for f in sorted(Path("/").glob(p.lstrip("/")))]
        folder = Path(tempfile.mkdtemp(prefix="agree-"))
        make_project(folder, files, float(pixel_size))
        run_both(folder, low, high, options)
        for label, ours in (
            ("default", "AutoPick/job001"),
            ("as RELION", "AutoPick/job002"),
        ):
            row = {"set": name, "micrographs": len(files), "mode": label}
            row |= compare(folder, ours)
            results.append(row)
            print(
                f"{name:24} {label:10} {len(files):3} micrographs, "
                f"RELION {row['relion']:5}, cryodeck {row['cryodeck']:5}: "
                f"{row['percent_of_relion']:6.2f} % and "
                f"{row['percent_of_cryodeck']:6.2f} % within 1 px"
            )
        if arguments.keep:
            print(folder)
        else:
            shutil.rmtree(folder)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
