"""Particle extraction: cryodeck, RELION, and the floor of copying the bytes.

    python benchmarks/bench_extract.py WORK_DIR [--count 24] [--real DIR] [--json FILE]

Makes a full-size practice set of six micrographs in WORK_DIR/simulated (unless it is
there) and takes them in turn until there are as many as asked for (24, the tutorial's).
Extracts the true centers with `relion_preprocess` and with the engine, one process
each. Prints wall-clock and CPU seconds (of all threads, the kernel's share with them)
of whole commands, of the engine without its start, and of reading the micrographs and
writing as many bytes as the stacks have; peak memory; and the lowest correlation of a
particle with RELION's. On a busy machine only the CPU seconds mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import bench_picks
import numpy as np
from bench_log import link_set

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


#: Heading, key and width of the table's columns.
COLUMNS = (
    ("particles", "particles", 10),
    ("relion s", "relion_s", 10),
    ("ours", "cryodeck_s", 7),
    ("inside", "inside_s", 8),
    ("copy", "copy_s", 7),
    ("x faster", "times_faster", 10),
    ("x copy", "times_copy", 8),
    ("relion CPU", "relion_cpu_s", 12),
    ("ours", "cryodeck_cpu_s", 7),
    ("inside", "inside_cpu_s", 8),
    ("copy", "copy_cpu_s", 7),
    ("x faster", "cpu_times_faster", 10),
    ("x copy", "cpu_times_copy", 8),
    ("MB", "peak_mb", 6),
    ("lowest cc", "lowest_correlation", 11),
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
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3, help="best of [3]")
    parser.add_argument("--real", type=Path, help="real micrographs with truth")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    project = practice(args.work, args.count)
    results = {}
    print(f"{'setting':<26}" + "".join(f"{name:>{n}}" for name, _, n in COLUMNS))
    for setting in SETTINGS:
        got = measure(project, setting, args.repeats)
        results[setting.name] = got
        cells = "".join(f"{got[key]:>{n}}" for _, key, n in COLUMNS)
        print(f"{setting.name:<26}{cells}", flush=True)
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


def practice(work: Path, count: int) -> Path:
    """A project of full-size micrographs with true centers; six files, repeated."""
    source = work / "simulated"
    if not (source / "micrographs_ctf.star").exists():
        bench_picks.engine(["simulate", source, "--size", "full", "--count", 6])
    project = work / f"simulated_{count}"
    if not (project / "Truth").exists():
        shutil.rmtree(project, ignore_errors=True)
        project.mkdir()
        names = link_set(source, count, project)
        truths = sorted((source / "Truth/Micrographs").glob("*_truth.star"))
        (project / "Truth/Micrographs").mkdir(parents=True)
        for index, name in enumerate(names):
            target = project / f"Truth/Micrographs/{Path(name).stem}_truth.star"
            shutil.copy(truths[index % len(truths)], target)
    return project


def measure(project: Path, setting: Setting, repeats: int) -> dict[str, float]:
    """All numbers of one setting, the best of some repeats."""
    relion, ours, inside, copy = [], [], [], []
    start = min(start_seconds() for _ in range(repeats))
    peak = 0.0
    for _ in range(repeats):
        relion.append(run_relion(project, setting))
        whole, own, memory = run_engine(project, setting)
        ours.append(whole)
        inside.append((own, whole[1] - start))
        peak = max(peak, memory)
        copy.append(copy_bytes(project))
    particles, correlation = agreement(project)
    best = {
        "relion": np.min(relion, axis=0),
        "cryodeck": np.min(ours, axis=0),
        "inside": np.min(inside, axis=0),
        "copy": np.min(copy, axis=0),
    }
    numbers: dict[str, float] = {"particles": particles}
    for which, unit in enumerate(("", "cpu_")):
        for name, values in best.items():
            numbers[f"{name}_{unit}s"] = round(float(values[which]), 2)
        faster = best["relion"][which] / best["cryodeck"][which]
        numbers[f"{unit}times_faster"] = round(float(faster), 2)
        copying = best["inside"][which] / best["copy"][which]
        numbers[f"{unit}times_copy"] = round(float(copying), 2)
    numbers |= {"peak_mb": round(peak), "lowest_correlation": round(correlation, 7)}
    return numbers


def timed(command: list[str], cwd: Path) -> tuple[tuple[float, float], float]:
    """Wall-clock and CPU seconds of a command, and its peak memory in MB."""
    started = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, None, errors)
    return (wall, usage.ru_utime + usage.ru_stime), usage.ru_maxrss / 1024


def start_seconds(program: str = "extract") -> float:
    """CPU seconds that the engine takes to start."""
    command = [sys.executable, "-c", f"import engine.cli, engine.programs.{program}"]
    return timed(command, Path.cwd())[0][1]


def run_relion(
    project: Path, setting: Setting, suffix: str = "_truth.star"
) -> tuple[float, float]:
    """Wall-clock and CPU seconds that RELION takes."""
    shutil.rmtree(project / "Relion", ignore_errors=True)
    command = [
        *("relion_preprocess", "--i", "micrographs_ctf.star", "--extract"),
        *("--coord_dir", "Truth/", "--coord_suffix", suffix),
        *("--part_dir", "Relion/", "--part_star", "Relion/particles.star"),
        *("--norm", "--white_dust", "-1", "--black_dust", "-1", "--invert_contrast"),
        *setting.flags,
    ]
    return timed(command, project)[0]


def run_engine(
    project: Path, setting: Setting, suffix: str = "_truth.star"
) -> tuple[tuple[float, float], float, float]:
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
    seconds, memory = timed(command, project)
    summary = json.loads((folder / "summary.json").read_text())
    return seconds, summary["elapsed_s"], memory


def copy_bytes(project: Path) -> tuple[float, float]:
    """Seconds to read the micrographs and write files as large as the stacks.

    Wall-clock and CPU seconds.
    """
    sizes = [p.stat().st_size for p in (project / "Extract/job002").rglob("*.mrcs")]
    folder = project / "Copy"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    paths = sorted((project / "Micrographs").iterdir())
    started, cpu = time.perf_counter(), time.process_time()
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        content = path.read_bytes()
        filler = (
            (content * (size // len(content) + 1))[:size]
            if size > len(content)
            else memoryview(content)[:size]
        )
        (folder / f"{number}.mrcs").write_bytes(filler)
    seconds = time.perf_counter() - started, time.process_time() - cpu
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
