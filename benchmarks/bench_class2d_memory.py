"""Peak memory of 2D classification as particles multiply, streamed from disk and held.

    python benchmarks/bench_class2d_memory.py SET [--counts 2000 8000 32000] [--held]

SET is a folder of class2d_set.py; its images are repeated to make each count, in a
stack of their own, so that a run streams as many bytes as the real set would. Each run
is `python -m engine run` with one iteration of few classes; its peak is the kernel's
(VmHWM). The result goes to standard output as JSON: megabytes for each count, and bytes
that each further particle costs. `--held` does the same with particles read into RAM,
where each further one should cost its image.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.io.mrc import read_images, write_mrc
from engine.io.star import Table, read_star, write_star
from engine.jobs.job import Job

ROOT = Path(__file__).resolve().parents[1]
CLASSES = 10


def repeated(source: Path, target: Path, count: int) -> None:
    """A set of `count` particles made of another's, with a stack of its own."""
    tables = read_star(source / "particles.star")
    rows = tables["particles"]
    n = len(rows)
    table = rows.take([i % n for i in range(count)])
    images = read_images(source / "particles.mrcs")
    write_mrc(target / "particles.mrcs", images[[i % n for i in range(count)]], 3.54)
    names = [f"{i:06d}@particles.mrcs" for i in range(1, count + 1)]
    table = Table({**table.columns, "rlnImageName": names})
    write_star(target / "particles.star", {"optics": tables["optics"], "p": table})
    text = (target / "particles.star").read_text()
    text = text.replace("data_p\n", "data_particles\n")
    (target / "particles.star").write_text(text)


def peak_megabytes(folder: Path, *, is_held: bool) -> float:
    """The largest resident memory of a run, in megabytes of 10^6 bytes."""
    values = {
        "cryodeck_engine": "cryodeck",
        "fn_img": "particles.star",
        "nr_classes": str(CLASSES),
        "nr_iter": "1",
        "particle_diameter": "200",
        "do_preread_images": "Yes" if is_held else "No",
    }
    job = folder / "Class2D/job001"
    job.mkdir(parents=True)
    (job / "job.star").write_text(Job.new("class2d", "3.1", values).to_star())
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout)
    return int(done.stdout.split()[-1]) * 1024 / 1e6


# the kernel's peak of a child begins with its parent's, so it is asked from within
_RUN = (
    "import re, sys; from engine.programs.runner import run_job; "
    "code = run_job('Class2D/job001'); status = open('/proc/self/status').read(); "
    "print(re.search(r'VmHWM:\\s*(\\d+)', status)[1]); sys.exit(code)"
)


def measured(source: Path, counts: list[int], *, is_held: bool) -> dict:
    """Peaks of all counts, and what a further particle costs."""
    peaks = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            repeated(source, Path(folder), count)
            peaks[count] = round(peak_megabytes(Path(folder), is_held=is_held), 1)
    first, last = counts[0], counts[-1]
    slope = 1e6 * (peaks[last] - peaks[first]) / (last - first)
    return {"peak_mb": peaks, "bytes_per_particle": round(slope)}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[2000, 8000, 32000])
    parser.add_argument("--held", action="store_true")
    options = parser.parse_args()
    source = options.folder.resolve()
    result = {"streamed": measured(source, options.counts, is_held=False)}
    if options.held:
        result["held"] = measured(source, options.counts, is_held=True)
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
