"""A project with a finished Class2D job of RELION's and a finished AutoPick job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.pipelines import set_status

from engine.jobs.job import Job
from engine.project import actions
from tests.support.engine_jobs import DATA, ROOT, make_project, run_engine, write_job
from tests.support.worked_example import CLASSIFIED, classified_project, example_project

MICROGRAPH = DATA / "picking/real/apoferritin_May08_05.53.51.mrc"
PIXEL_SIZE = 3.0


def with_classes(project: Path, version: str = "3.1", status: str = "Succeeded") -> str:
    """Class2D/job001: RELION's third iteration on the worked example."""
    actions.create_project(str(project), version)
    values = {"fn_img": "particles.star", "nr_classes": "3", "nr_iter": "3"}
    name = new_job(project, "class2d", version, values | {"particle_diameter": "100"})
    classified_project(project)
    optimiser = "data_optimiser_general\n\n" + "".join(
        f"_rln{label} {CLASSIFIED}_{kind}.star\n"
        for label, kind in (
            ("ModelStarFile", "model"),
            ("ExperimentalDataStarFile", "data"),
        )
    )
    (project / f"{CLASSIFIED}_optimiser.star").write_text(optimiser)
    set_status(project, name, status)
    return name


def with_running_classes(project: Path, version: str = "3.1") -> subprocess.Popen[str]:
    """Class2D/job001 of the engine's, hundreds of iterations from its end."""
    actions.create_project(str(project), version)
    example_project(project)
    values = {"fn_img": "particles.star", "nr_classes": "3", "nr_iter": "999"}
    name = new_job(project, "class2d", version, values | {"particle_diameter": "100"})
    set_status(project, name, "Running")
    return subprocess.Popen(
        ["nice", sys.executable, "-m", "engine", "run", name],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        text=True,
    )


def with_picks(project: Path, version: str = "3.1") -> str:
    """An AutoPick job of the engine's on one real micrograph of apoferritin."""
    make_project(project, [MICROGRAPH], PIXEL_SIZE)
    values = {"fn_input_autopick": "micrographs.star", "do_log": "Yes"}
    values |= {"log_diam_min": "110", "log_diam_max": "140"}
    name = new_job(project, "autopick", version, values)
    done = run_engine(project, name)
    assert done.returncode == 0, done.stderr
    set_status(project, name, "Succeeded")
    return name


def new_job(project: Path, key: str, version: str, values: dict[str, str]) -> str:
    """Put a job of the engine's into the pipeline, and its job.star into its folder."""
    values = {"cryodeck_engine": "cryodeck", **values}
    job = Job.new(key, version, values)
    name = actions.new_job(str(project), job.type_label, job.to_star())
    write_job(project, name, key, version=version, **values)
    return name
