"""The tutorial's auto-picking chapter by RELION's programs and by cryodeck, from truth.

    python benchmarks/bench_tutorial.py DIR [--classes 12] [--iterations 25]
        [--threshold 0.2] [--engines cryodeck relion] [--out FILE]

DIR gets a practice project (five small micrographs, or what `python -m engine simulate
DIR` left there). Both engines do the same jobs with the same forms, one process each:
LoG picking on three micrographs, extraction, 2D classification, four templates, picking
with them on all, again on stored FOM maps with the last threshold, extraction.
RELION selects classes in a window, so cryodeck selects for both, by its score. Prints
CPU and wall seconds per step, and of the last picks recall, precision, best F1, average
precision and error of centers.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from score_picks import read_fields, score

from engine.io.star import read_star
from engine.jobs.commands import commands
from engine.jobs.job import Job

ROOT = Path(__file__).resolve().parents[1]
RADIUS = 40.0  # Å; a quarter of the particle
EXTRACTION = {
    "star_mics": "micrographs_ctf.star",
    "extract_size": "72",
    "bg_diameter": "56",
    "do_rescale": "Yes",
    "rescale": "36",
}
LOG = {
    "fn_input_autopick": "few.star",
    "do_log": "Yes",
    "log_diam_min": "150",
    "log_diam_max": "180",
    "log_upper_thr": "5",
    "shrink": "0",
}
TEMPLATES = {
    "fn_input_autopick": "micrographs_ctf.star",
    "lowpass": "20",
    "angpix_ref": "6.4",
    "psi_sampling_autopick": "5",
    "do_invert_refs": "Yes",
    "do_ctf_autopick": "Yes",
    "threshold_autopick": "0.8",
    "mindist_autopick": "100",
    "maxstddevnoise_autopick": "-1",
    "minavgnoise_autopick": "-999",
    "do_write_fom_maps": "Yes",
    "shrink": "0",
}


class Walk:
    """The chapter by one engine in one project."""

    def __init__(self, project: Path, engine: str) -> None:
        self.project, self.engine = project, engine
        self.steps: dict[str, dict] = {}

    def folder(self, kind: str, alias: str) -> str:
        """A job's directory; its name tells the engine."""
        return f"{kind}/{self.engine}_{alias}"

    def run(self, step, type_key, folder, values, *, engine="", continuing=False):
        """Do a job, or go on with it; keep its seconds."""
        engine = engine or self.engine
        values = values | {"cryodeck_engine": engine}
        job = Job.new(type_key, "3.1", values).continued(continuing)
        place = self.project / folder
        if not continuing:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        (place / "job.star").write_text(job.to_star())
        directory = folder + "/"
        lines = commands(job, directory, continuing=continuing, python=sys.executable)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        started, before = time.monotonic(), os.times()
        with (place / "bench.log").open("a") as log:
            for line in lines:
                subprocess.run(
                    line,
                    shell=True,
                    cwd=self.project,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    check=True,
                )
        after = os.times()
        cpu = after.children_user + after.children_system
        cpu -= before.children_user + before.children_system
        self.steps[step] = {
            "cpu_s": round(cpu, 2),
            "wall_s": round(time.monotonic() - started, 2),
        }

    def whole(self, classes: int, iterations: int, threshold: float) -> dict:
        """All steps; their seconds and the last picks' quality."""
        picked = self.folder("AutoPick", "LoG")
        self.run("LoG picking", "autopick", picked, LOG)
        cut = self.folder("Extract", "LoG")
        suffix = {"coords_suffix": f"{picked}/coords_suffix_autopick.star"}
        self._needs(suffix["coords_suffix"], "few.star")
        self.run("extraction", "extract", cut, EXTRACTION | suffix)
        classified = self.folder("Class2D", "LoG")
        values = {
            "fn_img": f"{cut}/particles.star",
            "nr_classes": str(classes),
            "nr_iter": str(iterations),
            "particle_diameter": "200",
        }
        self.run("2D classification", "class2d", classified, values)
        model = f"{classified}/run_it{iterations:03d}_model.star"
        chosen = self.folder("Select", "templates4autopick")
        values = {"fn_model": model, "cryodeck_best": "4"}
        self.run("selection", "select", chosen, values, engine="cryodeck")
        picked = self.folder("AutoPick", "template")
        references = {"fn_refs_autopick": f"{chosen}/class_averages.star"}
        self.run("template picking", "autopick", picked, TEMPLATES | references)
        other = {
            "do_write_fom_maps": "No",
            "do_read_fom_maps": "Yes",
            "threshold_autopick": str(threshold),
        }
        values = TEMPLATES | references | other
        self.run("other threshold", "autopick", picked, values, continuing=True)
        cut = self.folder("Extract", "template")
        suffix = {"coords_suffix": f"{picked}/coords_suffix_autopick.star"}
        self._needs(suffix["coords_suffix"], "micrographs_ctf.star")
        self.run("extraction of all", "extract", cut, EXTRACTION | suffix)
        particles = read_star(self.project / cut / "particles.star")["particles"]
        total = {
            key: round(sum(step[key] for step in self.steps.values()), 1)
            for key in ("cpu_s", "wall_s")
        }
        return {
            "steps": self.steps,
            "total": total,
            "particles": len(particles),
            "picks": self._quality(picked),
        }

    def _needs(self, suffix: str, micrographs: str) -> None:
        """The file that RELION's interface writes beside a picking job's results."""
        path = self.project / suffix
        if not path.is_file():
            path.write_text(micrographs + "\n")

    def _quality(self, folder: str) -> dict:
        fields = read_fields(
            self.project / "micrographs_ctf.star",
            self.project / folder,
            self.project / "Truth",
        )
        found = score(fields, RADIUS)
        return {
            key: round(float(getattr(found, key)), 4)
            for key in ("recall", "precision", "best_f1", "average_precision")
        } | {"error_angstrom": round(float(found.median_error_angstrom), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", type=int, default=12)
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--threshold", type=float, default=0.2)
    parser.add_argument("--engines", nargs="+", default=["cryodeck", "relion"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    project = options.folder.resolve()
    if not (project / "truth.star").is_file():
        command = [sys.executable, "-m", "engine", "simulate", str(project)]
        subprocess.run([*command, "--size", "quick"], check=True, cwd=ROOT)
    few_micrographs(project)
    result = {}
    for engine in options.engines:
        walk = Walk(project, engine)
        result[engine] = walk.whole(
            options.classes, options.iterations, options.threshold
        )
        sys.stderr.write(f"{engine}: {json.dumps(result[engine])}\n")
    text = json.dumps(result, indent=1) + "\n"
    if options.out:
        options.out.write_text(text)
    sys.stdout.write(text)


def few_micrographs(project: Path) -> None:
    """The list of the first three micrographs, selected as the tutorial does."""
    walk = Walk(project, "cryodeck")
    values = {"fn_mic": "micrographs_ctf.star", "cryodeck_first": "3"}
    walk.run("5mics", "select", "Select/5mics", values)
    shutil.copy(project / "Select/5mics/micrographs.star", project / "few.star")


if __name__ == "__main__":
    main()
