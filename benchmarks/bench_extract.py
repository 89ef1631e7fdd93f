"""Particle extraction: cryodeck, RELION, and the floor of copying the bytes.

    python benchmarks/bench_extract.py WORK_DIR [--count 6] [--real DIR] [--json FILE]

Makes a full-size practice set in WORK_DIR/simulated (unless it is there), extracts the
true centers with `relion_preprocess` and with the engine, one process each, and prints
wall-clock times of whole commands, the engine's own time without its start, the time to
read the micrographs and write as many bytes as the stacks have, peak memory, and the
lowest correlation of a particle with RELION's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import bench_picks
import numpy as np

from engine.io.mrc import read_images
from engine.jobs.job import Job


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to extract, for both programs."""

    name: str
    flags: tuple[str, ...]
    values: dict[str, str]


SETTINGS = (
    Setting(
        name="box 256 to 64 (tutorial)",
        flags=("--extract_size", "256", "--scale", "64", "--bg_radius", "25"),
        values={
            "extract_size": "256",
            "do_rescale": "Yes",
            "rescale": "64",
            "bg_diameter": "200",
        },
    ),
    Setting(
        name="box 256",
        flags=("--extract_size", "256", "--bg_radius", "96"),
        values={"extract_size": "256"},
    ),
)


REAL = Setting(
    name="real micrographs",
    flags=("--extract_size", "64", "--scale", "48", "--bg_radius", "18"),
    values={"extract_size": "64", "do_rescale": "Yes", "rescale": "48"},
)


def main() -> int:
    """Run both programs, print the table, write the numbers."""
    parser = argparse.ArgumentParser(description="Time particle extraction.")
    parser.add_argument("work", type=Path)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3, help="best of [3]")
    parser.add_argument("--real", type=Path, help="real micrographs with truth")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    project = args.work / "simulated"
    if not (project / "micrographs_ctf.star").exists():
        options = ["--size", "full", "--count", str(args.count)]
        command = [sys.executable, "-m", "engine", "simulate", str(project), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    results = {}
    print(
        f"{'setting':<28}{'particles':>10}{'relion s':>10}{'ours s':>9}{'inside':>9}"
        f"{'copy s':>9}{'x faster':>10}{'x copy':>8}{'MB':>6}{'lowest cc':>11}"
    )
    for setting in SETTINGS:
        got = measure(project, setting, args.repeats)
        results[setting.name] = got
        print(
            f"{setting.name:<28}{got['particles']:>10}{got['relion_s']:>10.2f}"
            f"{got['cryodeck_s']:>9.2f}{got['inside_s']:>9.2f}{got['copy_s']:>9.2f}"
            f"{got['times_faster']:>10.1f}{got['times_copy']:>8.2f}"
            f"{got['peak_mb']:>6.0f}{got['lowest_correlation']:>11.6f}",
            flush=True,
        )
    if args.real:
        print("real micrographs: particles, lowest correlation with RELION's")
        for one in bench_picks.real_sets(args.work / "real", args.real):
            try:
                run_relion(one.project, REAL, one.truth_suffix)
            except subprocess.CalledProcessError as error:
                reason = error.stderr.decode().strip().splitlines()
                found = [
                    line for line in reason if "ERROR" in line or "outside" in line
                ]
                print(f"{one.name:<32}RELION stops: {found[-1] if found else reason}")
                continue
            run_engine(one.project, REAL, one.truth_suffix)
            count, lowest = agreement(one.project)
            results[one.name] = {"particles": count, "lowest_correlation": lowest}
            print(f"{one.name:<32}{count:6d}{lowest:11.6f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(project: Path, setting: Setting, repeats: int) -> dict[str, float]:
    """All numbers of one setting, the best of some repeats."""
    relion, ours, inside, copy = [], [], [], []
    peak = 0.0
    for _ in range(repeats):
        relion.append(run_relion(project, setting))
        wall, own, memory = run_engine(project, setting)
        ours.append(wall)
        inside.append(own)
        peak = max(peak, memory)
        copy.append(copy_bytes(project))
    particles, correlation = agreement(project)
    return {
        "particles": particles,
        "relion_s": round(min(relion), 3),
        "cryodeck_s": round(min(ours), 3),
        "inside_s": round(min(inside), 3),
        "copy_s": round(min(copy), 3),
        "times_faster": round(min(relion) / min(ours), 2),
        "times_copy": round(min(inside) / min(copy), 2),
        "peak_mb": round(peak),
        "lowest_correlation": correlation,
    }


def run_relion(project: Path, setting: Setting, suffix: str = "_truth.star") -> float:
    """Seconds that RELION takes."""
    shutil.rmtree(project / "Relion", ignore_errors=True)
    command = [
        *("relion_preprocess", "--i", "micrographs_ctf.star", "--extract"),
        *("--coord_dir", "Truth/", "--coord_suffix", suffix),
        *("--part_dir", "Relion/", "--part_star", "Relion/particles.star"),
        *("--norm", "--white_dust", "-1", "--black_dust", "-1", "--invert_contrast"),
        *setting.flags,
    ]
    started = time.perf_counter()
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return time.perf_counter() - started


def run_engine(
    project: Path, setting: Setting, suffix: str = "_truth.star"
) -> tuple[float, float, float]:
    """Seconds of the engine's command, of the job alone, and its peak memory in MB."""
    folder = project / "Extract/job002"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    form = {
        "star_mics": "micrographs_ctf.star",
        "coords_suffix": f"Truth/coords_suffix{suffix}",
        **setting.values,
    }
    (folder / "job.star").write_text(Job.new("extract", "3.1", form).to_star())
    command = [sys.executable, "-m", "engine", "run", "Extract/job002"]
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        message = f"the engine failed: see {folder}"
        raise SystemExit(message)
    summary = json.loads((folder / "summary.json").read_text())
    return wall, summary["elapsed_s"], _megabytes(usage)


def _megabytes(usage: resource.struct_rusage) -> float:
    return usage.ru_maxrss / 1024


def copy_bytes(project: Path) -> float:
    """Seconds to read the micrographs and write files as large as the stacks."""
    sizes = [p.stat().st_size for p in (project / "Extract/job002").rglob("*.mrcs")]
    folder = project / "Copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = sorted((project / "Micrographs").iterdir())
    started = time.perf_counter()
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        content = path.read_bytes()
        filler = (
            (content * (size // len(content) + 1))[:size]
            if size > len(content)
            else memoryview(content)[:size]
        )
        (folder / f"{number}.mrcs").write_bytes(filler)
    seconds = time.perf_counter() - started
    shutil.rmtree(folder)
    return seconds


def agreement(project: Path) -> tuple[int, float]:
    """Number of particles, and the lowest correlation of one with RELION's."""
    count, lowest = 0, 1.0
    for path in sorted((project / "Relion").rglob("*.mrcs")):
        theirs = read_images(path)
        ours = read_images(
            project / "Extract/job002" / path.relative_to(project / "Relion")
        )
        for a, b in zip(theirs, ours, strict=True):
            lowest = min(lowest, float(np.corrcoef(a.ravel(), b.ravel())[0, 1]))
        count += len(theirs)
    return count, lowest


if __name__ == "__main__":
    sys.exit(main())
