"""Cost of LoG picking beside RELION's and beside the least it can cost.

    python benchmarks/bench_log.py [--project DIR] [--count 6] [--json FILE]

In one run on the same cores, one process and one thread each, on full-size micrographs:
cryodeck's whole job, `relion_autopick --LoG`, and the floor: every file read and one
float32 forward transform of it (scipy.fft.rfft2). Also the job's peak memory. Without
--project a set of 3710 x 3838 pixels is simulated.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
FLOOR = """
import sys, time
import numpy as np, scipy.fft
from engine.io.mrc import read_image
start = time.perf_counter()
for name in sys.argv[1:]:
    scipy.fft.rfft2(read_image(name), workers=1)
print(time.perf_counter() - start)
"""
# the engine in a process of its own, with its peak memory
ENGINE = """
import resource, sys
from engine.cli import main
code = main(["run", sys.argv[1]])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("PEAK", peak)
sys.exit(code)
"""


def machine() -> dict[str, object]:
    """CPU model and cores, no names."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - start, done.stdout


def link_set(project: Path, count: int, folder: Path) -> list[str]:
    """A list of `count` micrographs of a project, repeated if there are fewer."""
    from engine.io.micrographs import read_micrographs
    from engine.io.star import write_star

    source = read_micrographs(project / "micrographs_ctf.star")
    rows = np.arange(count) % len(source.entries)
    names = []
    (folder / "Micrographs").mkdir()
    for index, row in enumerate(rows):
        name = f"Micrographs/mic{index + 1:03}.mrc"
        (folder / name).symlink_to((project / source.entries[row].name).resolve())
        names.append(name)
    table = source.table.take(rows).with_columns({"rlnMicrographName": names})
    tables = {"optics": source.optics, "micrographs": table}
    write_star(folder / "micrographs_ctf.star", tables)
    return names


def write_job(folder: Path, name: str, options: dict[str, str]) -> None:
    from engine.jobs.job import Job

    values = {
        "fn_input_autopick": "micrographs_ctf.star",
        "do_log": "Yes",
        "log_diam_min": "150",
        "log_diam_max": "180",
        **options,
    }
    (folder / name).mkdir(parents=True)
    text = Job.new("autopick", "3.1", values).to_star()
    (folder / name / "job.star").write_text(text)


def measure(folder: Path, names: list[str], repeats: int) -> dict[str, float]:
    """Seconds of each program: the best of some runs, RELION's of one."""
    for name in names:
        (folder / name).read_bytes()  # all start from the page cache
    floors, jobs, peak = [], [], 0.0
    for repeat in range(repeats):
        _, out = timed([sys.executable, "-c", FLOOR, *names], folder)
        floors.append(float(out))
        write_job(folder, f"AutoPick/job{repeat + 1:03}", {})
        seconds, out = timed(
            [sys.executable, "-c", ENGINE, f"AutoPick/job{repeat + 1:03}"], folder
        )
        jobs.append(seconds)
        peak = float(out.split("PEAK")[1])
    relion = ["relion_autopick", "--i", "micrographs_ctf.star", "--odir", "R/"]
    relion += ["--pickname", "autopick", "--LoG", "--LoG_diam_min", "150"]
    relion += ["--LoG_diam_max", "180", "--shrink", "0", "--lowpass", "20"]
    relion_seconds, _ = timed(relion, folder)
    return {
        "floor_s": min(floors),
        "cryodeck_s": min(jobs),
        "relion_s": relion_seconds,
        "peak_mb": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    folder = Path(tempfile.mkdtemp(prefix="bench-log-"))
    try:
        project = arguments.project
        if project is None:
            project = folder / "simulated"
            command = [sys.executable, "-m", "engine", "simulate", str(project)]
            timed([*command, "--size", "full", "--count", "2"], folder)
        names = link_set(project.resolve(), arguments.count, folder)
        times = measure(folder, names, arguments.repeats)
    finally:
        shutil.rmtree(folder)
    result = {
        **machine(),
        "micrographs": arguments.count,
        "pixels": "3710x3838",
        **{key: round(value, 3) for key, value in times.items()},
        "times_faster_than_relion": round(times["relion_s"] / times["cryodeck_s"], 1),
        "times_the_floor": round(times["cryodeck_s"] / times["floor_s"], 2),
    }
    for key, value in result.items():
        print(f"{key:26} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
