"""Jobs of the engine in a project folder of a test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from engine.jobs.job import Job

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"

OPTICS = """
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


def write_job(
    project: Path,
    name: str,
    type_key: str,
    *,
    version: str = "3.1",
    is_continue: bool = False,
    **values: str,
) -> None:
    """Put a job.star into a job's folder."""
    job = Job.new(type_key, version, values).continued(is_continue)
    folder = project / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.star").write_text(job.to_star())


def run_engine(
    project: Path, name: str, *, ranks: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a job as a submission script does; `ranks` > 0 under mpirun."""
    command = [sys.executable, "-m", "engine", "run", name]
    if ranks:
        launcher = ["mpirun", "--oversubscribe", "--allow-run-as-root", "-n"]
        command = [*launcher, str(ranks), *command]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_relion(project: Path, *command: str) -> None:
    """Run one of RELION's programs; it must succeed."""
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def make_project(project: Path, files: list[Path], pixel_size: float) -> None:
    """Links to micrographs and a list of them, `micrographs.star`."""
    folder = project / "Micrographs"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for file in files:
        (folder / file.name).symlink_to(file)
        rows.append(f"Micrographs/{file.name} 1\n")
    text = OPTICS.format(pixel_size=pixel_size) + "".join(rows)
    (project / "micrographs.star").write_text(text)


def small_project(project: Path) -> None:
    """The synthetic 200 x 160 micrograph with its references, as copies."""
    shutil.copytree(DATA / "picking", project, dirs_exist_ok=True)
