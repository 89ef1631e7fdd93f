"""Time of 2D classification: a whole one, and an iteration as N, K and box grow.

    python benchmarks/bench_class2d.py SET [--ranks 1 2] [--scaling] [--full-passes]
        [--relion | --relion-time FILE]

SET is a folder of class2d_set.py; nothing is written into it. Tutorial settings: 50
classes, 25 iterations, 6 degrees, offset range 5, mask 200 Å. `--relion` runs
relion_refine on as many threads as the largest number of ranks (a quarter of an hour
for 900 particles); `--relion-time` reads what `/usr/bin/time -v` printed of a run of
the same command before. The result goes to standard output as JSON: wall and CPU
seconds, peak memory of the largest process, RELION's CPU seconds over ours, the strong
scaling of several ranks: wall time, which wants a quiet machine, and CPU seconds over
those of one rank.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# before numpy: one thread per process, as the engine runs
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from engine.classification.batch import Optics
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import irfft2, rfft2
from engine.jobs.job import Job
from engine.parallel import Communicator
from engine.programs.particle_set import read_particles

ROOT = Path(__file__).resolve().parents[1]
RELION = (
    "relion_refine --o {out}/run --iter 25 --i particles.star --pool 3 --ctf "
    "--dont_combine_weights_via_disc --tau2_fudge 2 --particle_diameter 200 --K 50 "
    "--flatten_solvent --zero_mask --oversampling 1 --psi_step 12 --offset_range 5 "
    "--offset_step 2 --norm --scale --pad 2 --random_seed 1 --j {threads}"
)


def timed(command: list[str], cwd: Path) -> dict:
    """Wall and CPU seconds and peak memory of a command."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    started = time.time()
    child = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, env=environment
    )
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{command[0]}: {os.waitstatus_to_exitcode(status)}")
    return {
        "wall_s": round(time.time() - started, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss * 1024 / 1e6, 1),
    }


def earlier(path: Path) -> dict:
    """CPU seconds and peak memory that `/usr/bin/time -v` printed."""
    found = dict(
        line.strip().rpartition(": ")[::2] for line in path.read_text().splitlines()
    )
    cpu = sum(float(found[f"{kind} time (seconds)"]) for kind in ("User", "System"))
    peak = int(found["Maximum resident set size (kbytes)"]) * 1024 / 1e6
    return {
        "cpu_s": round(cpu, 1),
        "peak_mb": round(peak, 1),
        "is_of_another_run": True,
    }


def whole(folder: Path, ranks: int, arguments: str = "") -> dict:
    """A whole classification by the engine."""
    values = {
        "cryodeck_engine": "cryodeck",
        "fn_img": "particles.star",
        "nr_classes": "50",
        "nr_iter": "25",
        "particle_diameter": "200",
        "nr_mpi": str(ranks),
        "other_args": arguments,
    }
    with tempfile.TemporaryDirectory() as project:
        for name in ("particles.star", "particles.mrcs"):
            (Path(project) / name).symlink_to(folder / name)
        return _run_job(Path(project), values, ranks)


def _run_job(project: Path, values: dict[str, str], ranks: int) -> dict:
    name = "Class2D/job001"
    job = project / name
    job.mkdir(parents=True)
    (job / "job.star").write_text(Job.new("class2d", "3.1", values).to_star())
    command = [sys.executable, "-m", "engine", "run", name]
    if ranks > 1:
        launcher = ["mpirun", "--oversubscribe", "--allow-run-as-root"]
        command = [*launcher, "-n", str(ranks), *command]
    result = timed(command, project)
    summary = json.loads((job / "summary.json").read_text())
    result["seconds_per_iteration"] = [h["seconds"] for h in summary["history"]]
    return result


class _Source:
    def __init__(self, particles, repeat: int, box: int) -> None:
        self._particles, self._n = particles, len(particles)
        images = particles.read(np.arange(self._n))
        shape, wanted = images.shape[-2:], (box, box)
        if shape != wanted:
            images = irfft2(resize_transform(rfft2(images), shape, wanted), wanted)
        self._images = images
        self.repeat = repeat

    @property
    def box_px(self) -> int:
        return self._images.shape[-1]

    def images(self, indices):
        return self._images[indices % self._n]

    def ctf(self, indices):
        return self._particles.ctf(indices % self._n)


def iteration_seconds(particles, *, repeat=1, classes=50, box=64, iterations=7):
    """CPU seconds of the first iterations: flat posteriors make the first slower."""
    source = _Source(particles, repeat, box)
    n = repeat * len(particles)
    pixel = particles.pixel_size * particles.box_px / box
    settings = Settings(
        n_classes=classes,
        n_iterations=iterations,
        tau_fudge=2,
        sampling=Sampling(
            offset_step_px=box / 64,
            offset_range_px=5 * box / 64,
        ),
        optics=Optics(pixel_size=pixel, radius_px=100 / pixel),
        offset_sigma_px=10 / pixel,
        batch_size=16,
    )
    group = Groups(
        noise=np.zeros(n, int),
        scale=np.zeros(n, int),
        astigmatism_angstrom=particles.astigmatism_angstrom,
    )
    optimizer = Optimizer(source, n, group, settings, Communicator())
    state = optimizer.start()
    seconds = []
    for _ in range(iterations):
        started = time.process_time()
        state = optimizer.next(state)
        seconds.append(round(time.process_time() - started, 3))
    return {"first": seconds[0], "last": seconds[-1], "sum": round(sum(seconds), 2)}


def scaling(folder: Path) -> dict:
    """An iteration as the number of particles, classes and pixels grow."""
    here = Path.cwd()
    os.chdir(folder)
    particles = read_particles("particles.star")
    n = len(particles)
    out = {
        "particles": {n * r: iteration_seconds(particles, repeat=r) for r in (1, 2, 4)},
        "classes": {k: iteration_seconds(particles, classes=k) for k in (25, 50, 100)},
        "box": {b: iteration_seconds(particles, box=b) for b in (48, 64, 96, 128)},
    }
    os.chdir(here)
    for curve in out.values():
        sizes = np.log(np.array(list(curve), dtype=float))
        times = np.log([point["last"] for point in curve.values()])
        curve["exponent"] = round(float(np.polyfit(sizes, times, 1)[0]), 2)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--relion", action="store_true")
    parser.add_argument("--relion-time", type=Path)
    parser.add_argument("--full-passes", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    options = parser.parse_args()
    folder = options.folder.resolve()
    arguments = "--full_passes" if options.full_passes else ""
    result: dict = {"load_average_before": os.getloadavg()[0]}
    for ranks in options.ranks:
        result[f"cryodeck_{ranks}"] = whole(folder, ranks, arguments)
    if options.relion:
        with tempfile.TemporaryDirectory() as out:
            command = RELION.format(out=out, threads=max(options.ranks))
            result["relion"] = timed(command.split(), folder)
    if options.relion_time:
        result["relion"] = earlier(options.relion_time)
    first = result[f"cryodeck_{options.ranks[0]}"]
    if "relion" in result:
        ratio = result["relion"]["cpu_s"] / first["cpu_s"]
        result["relion_cpu_over_cryodeck"] = round(ratio, 1)
    for ranks in options.ranks[1:]:
        gain = first["wall_s"] / result[f"cryodeck_{ranks}"]["wall_s"]
        result[f"speedup_of_{ranks}_ranks"] = round(gain, 2)
        more = result[f"cryodeck_{ranks}"]["cpu_s"] / first["cpu_s"]
        result[f"cpu_of_{ranks}_ranks_over_{options.ranks[0]}"] = round(more, 2)
    if options.scaling:
        result["scaling"] = scaling(folder)
    json.dump(result, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
