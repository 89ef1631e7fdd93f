"""A project with six small micrographs and their CTF, to be picked on by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.pipelines import set_status

from engine.io.mrc import write_mrc
from engine.io.star import Table, write_star
from engine.jobs.job import Job
from engine.project import actions

LIST = "CtfFind/job001/micrographs_ctf.star"
PIXEL_SIZE = 3.54
SIZE = 256
PARTICLES = ((60.0, 80.0), (150.0, 90.0), (200.0, 200.0))


def names(count: int = 6) -> list[str]:
    """Names of the micrographs, as a list has them."""
    return [f"Movies/mic{n}.mrc" for n in range(1, count + 1)]


def make(folder: Path, version: str, count: int = 6) -> Path:
    """Write the project; dark discs lie at PARTICLES of every micrograph."""
    actions.create_project(str(folder), version)
    job = Job.new("ctffind", version, {"input_star_mics": "movies.star"})
    name = actions.new_job(
        str(folder),
        job.type_label,
        job.to_star(),
        outputs=[("micrographs_ctf.star", "MicrographsData.star.relion.ctf")],
    )
    assert f"{name}/micrographs_ctf.star" == LIST
    set_status(folder, name, "Succeeded")
    (folder / "Movies").mkdir()
    (folder / "CtfFind/job001/Movies").mkdir()
    noise = np.random.default_rng(4)
    y, x = np.mgrid[:SIZE, :SIZE]
    for micrograph in names(count):
        image = noise.normal(10.0, 1.0, (SIZE, SIZE)).astype(np.float32)
        for px, py in PARTICLES:
            image -= 3 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 200)
        write_mrc(folder / micrograph, image, PIXEL_SIZE)
        spectrum = np.cos((x - SIZE // 2) / 9).astype(np.float32)
        root = "CtfFind/job001/" + micrograph.removesuffix(".mrc")
        write_mrc(folder / f"{root}_PS.ctf", spectrum, 1.0)
    write_star(
        folder / LIST,
        {
            "optics": Table(
                {
                    "rlnOpticsGroupName": ["opticsGroup1"],
                    "rlnOpticsGroup": np.array([1]),
                    "rlnMicrographOriginalPixelSize": np.array([PIXEL_SIZE]),
                    "rlnVoltage": np.array([200.0]),
                    "rlnSphericalAberration": np.array([1.4]),
                    "rlnAmplitudeContrast": np.array([0.1]),
                    "rlnMicrographPixelSize": np.array([PIXEL_SIZE]),
                }
            ),
            "micrographs": Table(
                {
                    "rlnMicrographName": names(count),
                    "rlnOpticsGroup": np.ones(count, dtype=np.int64),
                    "rlnCtfImage": [
                        f"CtfFind/job001/{n.removesuffix('.mrc')}_PS.ctf:mrc"
                        for n in names(count)
                    ],
                    "rlnDefocusU": 9000.0 + 500 * np.arange(count),
                    "rlnDefocusV": 8800.0 + 500 * np.arange(count),
                    "rlnDefocusAngle": np.zeros(count),
                    "rlnCtfFigureOfMerit": np.linspace(0.2, 0.1, count),
                    "rlnCtfMaxResolution": np.linspace(3.2, 8.0, count),
                }
            ),
        },
        version=50001 if version == "5.0" else 30001,
    )
    return folder
