"""Whole 2D classifications of large sets: CPU seconds and memory as particles multiply.

    python benchmarks/bench_class2d_large.py SET [--counts 10000 100000] [--out FILE]

SET is a folder of class2d_set.py (5,000 particles in the stored result); its images are
repeated to make each count, in a stack of their own. Each run is `python -m engine run`
at the tutorial's settings: 50 classes, 25 iterations, one process; images are read from
the stack as they are needed. JSON on standard output: CPU seconds, wall seconds and
peak memory of each count, and the exponent with which the CPU seconds grow (1: in
proportion to the particles). Repeated images are enough for time and memory; nothing is
said of quality.
"""

import argparse
import json
import math
import os
import platform
import sys
import tempfile
from multiprocessing import Process
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench_class2d_memory import repeated
from seeds_class2d import classify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--counts", type=int, nargs=2, default=[10_000, 100_000])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = [measured(options.set, count) for count in sorted(options.counts)]
    few, many = rows
    growth = math.log(many["cpu_s"] / few["cpu_s"])
    exponent = growth / math.log(many["particles"] / few["particles"])
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": [round(one, 1) for one in os.getloadavg()],
        "runs": rows,
        "exponent": round(exponent, 3),
    }
    text = json.dumps(result, indent=1) + "\n"
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def measured(source: Path, count: int) -> dict:
    """One whole classification of so many particles."""
    with tempfile.TemporaryDirectory(dir=source.resolve().parent) as name:
        folder = Path(name)
        # in a process of its own: the peak of a child begins with its parent's
        maker = Process(target=repeated, args=(source, folder, count))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise SystemExit(f"{source}: could not be repeated")
        job = folder / "Class2D/job001"
        classify(folder, job, "")
        timing = json.loads((job / "cpu.json").read_text())
    return {"particles": count} | timing


if __name__ == "__main__":
    main()
