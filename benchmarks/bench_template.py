"""Cost of template picking beside RELION's, at the tutorial's settings.

    python benchmarks/bench_template.py PROJECT [--count 5] [--shrink 0] [--json FILE]

PROJECT is a full-size simulated set (`cryodeck simulate DIR --size full`). Four
references of 64 x 64 pixels at 3.54 Å are projected from the set's molecule; both
programs then pick with 5 degree steps, one process and one thread each, and are scored
against the truth. Then the engine writes FOM maps and picks them again at another
threshold, as the threshold hunt does: `repick_s` and `repick_cpu_s` are that job
without the start of the program. Wall-clock and CPU seconds; on a busy machine only the
latter mean something. Peak memory is the engine's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_extract import start_seconds, timed
from bench_log import ENVIRONMENT, link_set, machine
from score_picks import format_heading, format_row, read_fields, score

from engine.fourier.filters import lowpass
from engine.io.mrc import write_mrc
from engine.jobs.job import Job
from engine.simulation.molecule import add_projection, molecule

BOX, PIXEL_SIZE = 64, 3.54
AMPLITUDE = 5.0  # particles normalized to their background look so
VIEWS = ((0, 0, 0), (0, 90, 0), (90, 90, 0), (40, 55, 0))
VALUES = {
    "lowpass": "20",
    "psi_sampling_autopick": "5",
    "do_invert_refs": "Yes",
    "do_ctf_autopick": "Yes",
    "maxstddevnoise_autopick": "-1",
    "mindist_autopick": "110",
}


def rotation(rot: float, tilt: float, psi: float) -> np.ndarray:
    """The matrix of ZYZ angles in degrees."""

    def about_z(angle: float) -> np.ndarray:
        c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    c, s = np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))
    about_y = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return about_z(psi) @ about_y @ about_z(rot)


def make_references(path: Path) -> None:
    """White projections inside a disc of 200 Å, as class averages look."""
    mol = molecule("betagalactosidase")
    axis = np.arange(BOX) - BOX // 2
    is_inside = axis[:, None] ** 2 + axis[None, :] ** 2 < (100 / PIXEL_SIZE) ** 2
    images = []
    for view in VIEWS:
        image = np.zeros((BOX, BOX), dtype=np.float32)
        add_projection(image, mol, rotation(*view), (BOX // 2, BOX // 2), PIXEL_SIZE)
        smooth = lowpass(image, PIXEL_SIZE, 12.0)
        images.append(np.where(is_inside, AMPLITUDE * smooth / smooth.max(), 0))
    write_mrc(path, np.stack(images).astype(np.float32), PIXEL_SIZE)


def run_engine(
    folder: Path, name: str, shrink: str, values: dict[str, str]
) -> tuple[tuple[float, float], float]:
    """Wall-clock and CPU seconds and peak memory of the engine's job."""
    settings = {
        "fn_input_autopick": "micrographs_ctf.star",
        "fn_refs_autopick": "refs.mrcs",
        "angpix_ref": str(PIXEL_SIZE),
        "threshold_autopick": "0",
        "shrink": shrink,
        **VALUES,
        **values,
    }
    (folder / name).mkdir(parents=True, exist_ok=True)
    text = Job.new("autopick", "3.1", settings).to_star()
    (folder / name / "job.star").write_text(text)
    return timed([sys.executable, "-m", "engine", "run", name], folder)


def repick(folder: Path, shrink: str) -> dict[str, float]:
    """Seconds of a job that reads FOM maps, and how many it picks."""
    name = "AutoPick/job002"
    run_engine(folder, name, shrink, {"do_write_fom_maps": "Yes"})
    wall, cpu = [], []
    start = min(start_seconds("autopick") for _ in range(3))
    for threshold in ("0.1", "0.2", "0.3"):
        values = {"do_read_fom_maps": "Yes", "threshold_autopick": threshold}
        seconds, _ = run_engine(folder, name, shrink, values)
        summary = json.loads((folder / name / "summary.json").read_text())
        wall.append(summary["elapsed_s"])
        cpu.append(seconds[1] - start)
    return {
        "repick_s": round(min(wall), 3),
        "repick_cpu_s": round(min(cpu), 3),
        "repicked": summary["picks_total"],
    }


def run_relion(folder: Path, shrink: str) -> tuple[float, float]:
    """Wall-clock and CPU seconds of RELION's run into R/."""
    command = ["relion_autopick", "--i", "micrographs_ctf.star", "--odir", "R/"]
    command += ["--pickname", "autopick", "--ref", "refs.mrcs", "--invert", "--ctf"]
    command += ["--ang", "5", "--shrink", shrink, "--lowpass", "20"]
    command += ["--angpix_ref", str(PIXEL_SIZE), "--threshold", "0"]
    command += ["--min_distance", VALUES["mindist_autopick"]]
    return timed(command, folder)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--shrink", default="0")
    parser.add_argument("--no-relion", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    project = arguments.project.resolve()
    folder = Path(tempfile.mkdtemp(prefix="bench-template-"))
    try:
        names = link_set(project, arguments.count, folder)
        truths = sorted((project / "Truth/Micrographs").glob("*_truth.star"))
        (folder / "Truth/Micrographs").mkdir(parents=True)
        for index, name in enumerate(names):
            truth = truths[index % len(truths)]
            for end in ("_truth.star", "_regions.png"):
                source = truth.with_name(truth.name.replace("_truth.star", end))
                if source.exists():
                    target = f"Truth/Micrographs/{Path(name).stem}{end}"
                    shutil.copy(source, folder / target)
        make_references(folder / "refs.mrcs")
        ours, peak = run_engine(folder, "AutoPick/job001", arguments.shrink, {})
        result = machine() | {
            "micrographs": arguments.count,
            "shrink": arguments.shrink,
            "cryodeck_s": round(ours[0], 2),
            "cryodeck_cpu_s": round(ours[1], 2),
            "peak_mb": round(peak),
        }
        result |= repick(folder, arguments.shrink)
        pickers = ["AutoPick/job001"]
        if not arguments.no_relion:
            theirs = run_relion(folder, arguments.shrink)
            result |= {
                "relion_s": round(theirs[0], 2),
                "relion_cpu_s": round(theirs[1], 2),
                "times_faster_than_relion": round(theirs[0] / ours[0], 1),
                "times_faster_in_cpu": round(theirs[1] / ours[1], 1),
            }
            pickers.append("R")
        for key, value in result.items():
            print(f"{key:26} {value}")
        print(format_heading())
        for picker in pickers:
            fields = read_fields(
                folder / "micrographs_ctf.star", folder / picker, folder / "Truth"
            )
            got = score(fields, 50.0, 100.0)
            print(format_row(picker, got))
            result[f"best_f1 {picker}"] = round(got.best_f1, 3)
            result[f"average_precision {picker}"] = round(got.average_precision, 3)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
