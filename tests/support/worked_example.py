"""The worked example of 2D classification, as arrays and as a project."""

from __future__ import annotations

import csv
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
from support.engine_jobs import DATA, run_relion

from engine.ctf import Ctf
from engine.io.mrc import read_images, write_mrc
from engine.io.star import Table, read_star, write_star

EXAMPLE = DATA / "class2d"
EXPECTED = EXAMPLE / "expected"
#: Root of the files of `classified_project`.
CLASSIFIED = "Class2D/job001/run_it003"
PIXEL = 4.0


class ArraySource:
    """Images in memory as a source of particles."""

    def __init__(self, images: np.ndarray, ctf: Ctf | None) -> None:
        self._images, self._ctf = images, ctf

    @property
    def box_px(self) -> int:
        return int(self._images.shape[-1])

    def images(self, indices: np.ndarray) -> np.ndarray:
        return self._images[indices]

    def ctf(self, indices: np.ndarray) -> Ctf | None:
        if self._ctf is None:
            return None
        values = {
            f.name: getattr(self._ctf, f.name)
            for f in fields(self._ctf)
            if f.name != "magnification"
        }
        return Ctf(**{k: v[indices] if np.ndim(v) else v for k, v in values.items()})


def example_images() -> np.ndarray:
    return read_images(EXAMPLE / "particles_int8.mrcs") / 32


def example_ctf() -> Ctf:
    table = read_star(EXAMPLE / "particles.star")["particles"]
    return Ctf(
        voltage_kv=300.0,
        spherical_aberration_mm=2.7,
        amplitude_contrast=0.1,
        defocus_u_angstrom=table.numbers("rlnDefocusU"),
        defocus_v_angstrom=table.numbers("rlnDefocusV"),
        defocus_angle_deg=table.numbers("rlnDefocusAngle"),
    )


def example_truth() -> dict[str, np.ndarray]:
    with (EXAMPLE / "truth.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}


def example_groups() -> np.ndarray:
    names = read_star(EXAMPLE / "particles.star")["particles"].text("rlnMicrographName")
    return np.unique(names, return_inverse=True)[1]


def example_project(folder: Path) -> None:
    """particles.star with its stack, and references."""
    write_mrc(folder / "particles.mrcs", example_images(), PIXEL)
    for name in ("particles.star", "refs5.star", "refs5.mrcs"):
        shutil.copy(EXAMPLE / name, folder / name)


def classified_project(folder: Path) -> None:
    """Iteration 3 of RELION on the worked example, and a list of 12 micrographs."""
    example_project(folder)
    (folder / CLASSIFIED).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(
        EXPECTED / "B_it003_classes.mrcs", f"{folder}/{CLASSIFIED}_classes.mrcs"
    )
    text = (EXPECTED / "B_it003_model.star").read_text()
    text = text.replace("B/run_it003", CLASSIFIED)
    (folder / f"{CLASSIFIED}_model.star").write_text(text)
    tables = read_star(folder / "particles.star")
    with (EXPECTED / "B_it003_data.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["index"]))
    found = {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}
    tables["particles"] = tables["particles"].with_columns(
        {
            "rlnGroupNumber": example_groups() + 1,
            "rlnAnglePsi": found["psi"],
            "rlnOriginXAngst": found["origin_x_angst"],
            "rlnOriginYAngst": found["origin_y_angst"],
            "rlnClassNumber": found["class"].astype(int),
            "rlnMaxValueProbDistribution": found["pmax"],
        }
    )
    write_star(folder / f"{CLASSIFIED}_data.star", tables)
    micrographs = {
        "rlnMicrographName": [f"Micrographs/mic{i}.mrc" for i in range(1, 13)],
        "rlnCtfMaxResolution": np.arange(12.0),
    }
    write_star(folder / "micrographs.star", {"micrographs": Table(micrographs)})


def confusion(truth: np.ndarray, found: np.ndarray, n: int = 3) -> np.ndarray:
    """Particles of true class (row, from 1) in found class (column, from 0)."""
    return np.array(
        [[((truth == a + 1) & (found == b)).sum() for b in range(n)] for a in range(n)]
    )


def relion_first_iteration(project: Path, *more: str) -> None:
    """RELION's first iteration of the example's project, as Class2D/their_it001_*."""
    files = ("--i", "particles.star", "--o", "Class2D/their", "--ref", "refs5.star")
    model = ("--K", "3", "--tau2_fudge", "2", "--particle_diameter", "100")
    masks = ("--flatten_solvent", "--zero_mask", "--norm", "--scale")
    ctf = ("--ctf", "--ctf_corrected_ref", "--ini_high", "25")
    steps = ("--oversampling", "1", "--psi_step", "12", "--iter", "1")
    offsets = ("--offset_range", "5", "--offset_step", "2")
    words = files + model + masks + ctf + steps + offsets + more
    run_relion(project, "relion_refine", *words)
