"""Particle sets with known truth for the 2D classification's benchmarks.

Cut from the practice micrographs at their true places, moved by an error like a
picker's, with empty or broken places mixed in. `project` gives the noise-free truth.

    python benchmarks/class2d_set.py DIR [--count 1000] [--seed 1]
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

from engine.extraction.normalize import normalize
from engine.image.euler import euler_matrix
from engine.io.micrographs import read_micrographs
from engine.io.mrc import read_image, write_mrc
from engine.io.star import Table, read_star, write_star
from engine.simulation.molecule import add_projection, molecule

BOX = 64
PIXEL = 3.54  # the tutorial's: 256 px at 0.885 A made 64
DIAMETER = 200.0
JITTER = 2.0  # px along each axis; a LoG picker's at this size
JUNK = 0.12


def make_set(folder: Path, count: int, seed: int, species: str) -> None:
    """Write particles.mrcs, particles.star and truth.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    n_micrographs = -(-count // 110) + 1
    command = [sys.executable, "-m", "engine", "simulate", str(folder / "sim")]
    command += ["--size", "927x960", "--pixel-size", str(PIXEL), "--force"]
    command += ["--count", str(n_micrographs), "--seed", str(seed)]
    subprocess.run(
        [*command, "--species", species], check=True, stdout=subprocess.DEVNULL
    )
    listed = read_micrographs(folder / "sim/micrographs_ctf.star")
    truth = read_star(folder / "sim/truth.star")
    rows = truth["particles"]
    rng = np.random.default_rng(seed)
    boxes, meta = [], []
    for entry in listed.entries:
        image = read_image(folder / "sim" / entry.name)
        here = np.flatnonzero(np.array(rows.text("rlnMicrographName")) == entry.name)
        x, y = (rows.numbers(f"rlnCoordinate{c}")[here] for c in "XY")
        places = [(x[i], y[i], int(here[i])) for i in range(len(here))]
        for _ in range(int(len(here) * JUNK / (1 - JUNK))):
            for _ in range(200):
                px, py = rng.uniform(BOX / 2, np.array(image.shape[::-1]) - BOX / 2)
                if np.hypot(x - px, y - py).min() > 20:
                    places.append((px, py, -1))
                    break
        for px, py, row in places:
            shift = rng.normal(0, JITTER, 2) if row >= 0 else np.zeros(2)
            cx, cy = round(px + shift[0]), round(py + shift[1])
            left, top = cx - BOX // 2, cy - BOX // 2
            if left < 0 or top < 0:
                continue
            box = -image[top : top + BOX, left : left + BOX]
            if box.shape == (BOX, BOX):
                boxes.append(box)
                meta.append((entry, cx, cy, row, px - cx, py - cy))
    order = np.sort(rng.permutation(len(boxes))[:count])
    boxes = normalize(np.array(boxes)[order], DIAMETER / PIXEL / 2)
    meta = [meta[i] for i in order]
    _write(folder, boxes, meta, rows, listed)


def _write(folder, boxes, meta, rows, listed) -> None:
    write_mrc(folder / "particles.mrcs", boxes, PIXEL)
    optics = {
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnOpticsGroup": np.array([1]),
        "rlnMicrographOriginalPixelSize": np.array([PIXEL]),
        "rlnVoltage": np.array([300.0]),
        "rlnSphericalAberration": np.array([2.7]),
        "rlnAmplitudeContrast": np.array([0.1]),
        "rlnImagePixelSize": np.array([PIXEL]),
        "rlnImageSize": np.array([BOX]),
        "rlnImageDimensionality": np.array([2]),
    }
    ctfs = [m[0].ctf for m in meta]
    particles = {
        "rlnCoordinateX": np.array([float(m[1]) for m in meta]),
        "rlnCoordinateY": np.array([float(m[2]) for m in meta]),
        "rlnImageName": [f"{i:06d}@particles.mrcs" for i in range(1, len(meta) + 1)],
        "rlnMicrographName": [m[0].name for m in meta],
        "rlnOpticsGroup": np.ones(len(meta), dtype=int),
        "rlnDefocusU": np.array([float(c.defocus_u_angstrom) for c in ctfs]),
        "rlnDefocusV": np.array([float(c.defocus_v_angstrom) for c in ctfs]),
        "rlnDefocusAngle": np.array([float(c.defocus_angle_deg) for c in ctfs]),
    }
    tables = {"optics": Table(optics), "particles": Table(particles)}
    write_star(folder / "particles.star", tables)
    columns = {
        name: rows.numbers(label)
        for name, label in (
            ("rot", "rlnAngleRot"),
            ("tilt", "rlnAngleTilt"),
            ("psi", "rlnAnglePsi"),
            ("species", "rlnClassNumber"),
        )
    }
    with (folder / "truth.csv").open("w") as file:
        out = csv.writer(file)
        out.writerow(["is_particle", *columns, "x", "y"])
        for _, _, _, row, dx, dy in meta:
            values = [columns[c][row] if row >= 0 else 0 for c in columns]
            out.writerow([int(row >= 0), *values, dx, dy])


def project(name: str, rot: float, tilt: float, psi: float) -> np.ndarray:
    """The noise-free projection of a molecule in a box, white, mean 0 outside."""
    image = np.zeros((BOX, BOX), dtype=np.float32)
    center = (BOX // 2, BOX // 2)
    add_projection(image, molecule(name), euler_matrix(rot, tilt, psi), center, PIXEL)
    return image


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--species", default="betagalactosidase")
    options = parser.parse_args()
    make_set(options.folder, options.count, options.seed, options.species)
