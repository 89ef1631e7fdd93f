"""Practice data: ``python -m engine simulate DIR``.

Writes micrographs, `micrographs_ctf.star` and the truth, as if motion correction and
CTF estimation had been done. What is where: docs/simulation.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf
from engine.errors import EngineError, InputError
from engine.io.atomic import replacing, write_text
from engine.io.mrc import write_mrc
from engine.io.star import Table, write_star
from engine.simulation.exposure import blob_cover, carbon_cover, expose
from engine.simulation.molecule import SPECIES, molecule
from engine.simulation.scene import Scene, plan_scene

#: (x, y) pixels, Å per pixel, number of micrographs.
SIZES = {"quick": ((1024, 1024), 3.2, 5), "full": ((3710, 3838), 0.885, 24)}
_FORMATS = ("float32", "float16", "int8")
#: Values of the region pictures.
REGION_ICE, REGION_CARBON = 2, 3
_REGION_BIN = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``simulate``."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to write")
    parser.add_argument(
        "--size",
        default="quick",
        help="quick (1024x1024 at 3.2 Å), full (3710x3838 at 0.885 Å) or NXxNY",
    )
    parser.add_argument("--count", type=int, help="number of micrographs [5; full: 24]")
    parser.add_argument("--seed", type=int, default=1, help="[1]")
    parser.add_argument("--pixel-size", type=float, help="Å per pixel [of the size]")
    parser.add_argument(
        "--particles",
        type=float,
        help="mean number on a micrograph [145 on a full one]",
    )
    parser.add_argument(
        "--species",
        default="betagalactosidase",
        help=f"mixture such as apoferritin:1,proteasome:0.5; of {', '.join(SPECIES)}",
    )
    parser.add_argument(
        "--contrast", type=float, default=1.0, help="of the particles; 0.5 is hard [1]"
    )
    parser.add_argument(
        "--dirty",
        action="store_true",
        help="ice crystals on every micrograph, carbon on every other one",
    )
    parser.add_argument(
        "--format", choices=_FORMATS, default="float32", help="of the MRC files"
    )
    parser.add_argument(
        "--force", action="store_true", help="write over an earlier set in DIR"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command line."""
    parser = argparse.ArgumentParser(
        prog="simulate", description="Write practice micrographs and their truth."
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except EngineError as error:
        sys.stderr.write(f"simulate: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"simulate: {error.filename}: {error.strerror}\n")
        return 1


def run(args: argparse.Namespace) -> int:
    """Write the practice data that the options ask for."""
    shape, pixel_size, usual_count = parse_size(args.size, args.pixel_size)
    count = usual_count if args.count is None else args.count
    if count < 1:
        raise InputError(_message("--count", count, "at least 1 micrograph"))
    if args.seed < 0:
        raise InputError(_message("--seed", args.seed, "0 or more"))
    if args.particles is not None and not 1 <= args.particles < 1e5:
        raise InputError(_message("--particles", args.particles, "1 to 100000"))
    if not 0.05 <= args.contrast <= 20:
        raise InputError(_message("--contrast", args.contrast, "0.05 to 20"))
    species = parse_species(args.species)
    if (args.directory / "micrographs_ctf.star").exists() and not args.force:
        message = f"{args.directory}: has a practice set; another DIR, or --force"
        raise InputError(message)
    scenes = []
    for index in range(count):
        scene = plan_scene(
            index,
            args.seed,
            shape,
            pixel_size,
            species=species,
            particle_count=args.particles,
            contrast=args.contrast,
            is_dirty=args.dirty,
        )
        image = expose(scene, np.random.default_rng([args.seed, index, 1]))
        write_micrograph(args.directory, index, scene, image, args.format)
        scenes.append(scene)
        shown = f"{micrograph_name(index)}  {scene.inside().sum()} particles"
        sys.stdout.write(f"{index + 1:4d}/{count}  {shown}\n")
        sys.stdout.flush()
    write_tables(args.directory, scenes)
    return 0


def _message(option: str, value: object, want: str) -> str:
    return f"{option} {value}: must be {want}"


def parse_size(
    text: str, pixel_size: float | None
) -> tuple[tuple[int, int], float, int]:
    """Shape (y, x), Å per pixel and the usual number of micrographs of a size."""
    if text in SIZES:
        (columns, rows), default, count = SIZES[text]
    else:
        words = text.lower().split("x")
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            raise InputError(_message("--size", text, "quick, full or NXxNY"))
        columns, rows = (int(word) for word in words)
        # the same field of view as the tutorial's
        default, count = round(3710 * 0.885 / columns, 3) if columns else 1.0, 5
    size = default if pixel_size is None else pixel_size
    if not 64 <= min(rows, columns) <= max(rows, columns) <= 12000:
        raise InputError(_message("--size", text, "64 to 12000 pixels along each axis"))
    if not 0.3 <= size <= 20:
        raise InputError(_message("--pixel-size", size, "0.3 to 20 Å"))
    return (rows, columns), size, count


def parse_species(text: str) -> dict[str, float]:
    """Shares of a mixture: "apoferritin:1,proteasome:0.5"; 1 where none is given."""
    shares: dict[str, float] = {}
    for word in text.split(","):
        name, _, share = word.strip().partition(":")
        molecule(name)
        try:
            shares[name] = float(share) if share else 1.0
        except ValueError:
            raise InputError(_message("--species", word, "NAME:SHARE")) from None
        if not 0 < shares[name] < np.inf:
            raise InputError(_message("--species", word, "a share above 0"))
    return shares


def micrograph_name(index: int) -> str:
    """Name of a micrograph in the project, by its index from 0."""
    return f"Micrographs/mic{index + 1:04d}.mrc"


def write_micrograph(
    directory: Path, index: int, scene: Scene, image: Array, kind: str
) -> None:
    """One micrograph, its truth as a coordinate file, and its regions."""
    name = micrograph_name(index)
    write_mrc(directory / name, _as_kind(image, kind), scene.pixel_size)
    root = str(Path(name).with_suffix(""))
    truth = Table(_truth_columns(scene))
    write_star(directory / f"Truth/{root}_truth.star", {"": truth})
    picture = directory / f"Truth/{root}_regions.png"
    if scene.carbon is not None or scene.blobs:
        _write_regions(picture, scene)
    else:
        picture.unlink(missing_ok=True)


def _as_kind(image: Array, kind: str) -> Array:
    if kind != "int8":
        return image.astype(kind)
    middle, spread = np.median(image), np.std(image)
    return np.clip(np.rint((image - middle) * (20 / spread)), -128, 127).astype(np.int8)


def _truth_columns(scene: Scene) -> dict[str, Array]:
    inside = scene.inside()
    particles = scene.particles
    rot, tilt, psi = particles.angles_deg[inside].T
    return {
        "rlnCoordinateX": particles.x[inside],
        "rlnCoordinateY": particles.y[inside],
        "rlnClassNumber": particles.species[inside] + 1,
        "rlnAngleRot": rot,
        "rlnAngleTilt": tilt,
        "rlnAnglePsi": psi,
    }


def _write_regions(path: Path, scene: Scene) -> None:
    """Picture of what is not clean ice: 2 ice crystal, 3 carbon; a quarter of the size.

    Pixel (i, j) stands for the 4 x 4 pixels of the micrograph from (4 i, 4 j) on.
    """
    from PIL import Image

    step = _REGION_BIN
    y = np.arange(0, scene.shape[0], step, dtype=np.float32)[:, None] + 0.5 * (step - 1)
    x = np.arange(0, scene.shape[1], step, dtype=np.float32)[None, :] + 0.5 * (step - 1)
    regions = np.zeros((y.size, x.size), dtype=np.uint8)
    for blob in scene.blobs:
        regions[blob_cover(blob, y, x)] = REGION_ICE
    if scene.carbon is not None:
        cover = carbon_cover(scene.carbon, y, x, scene.pixel_size)
        regions[cover > 0.5] = REGION_CARBON
    with replacing(path) as temporary:
        Image.fromarray(regions).save(temporary, format="PNG")


def write_tables(directory: Path, scenes: Sequence[Scene]) -> None:
    """The project's tables: `truth.star`, and `micrographs_ctf.star` last."""
    names = [micrograph_name(index) for index in range(len(scenes))]
    first = scenes[0]
    write_text(directory / "Truth/coords_suffix_truth.star", "micrographs_ctf.star\n")
    write_star(
        directory / "truth.star",
        {"species": _species_table(first), "particles": _truth_table(names, scenes)},
    )
    ctfs = [scene.ctf for scene in scenes]
    write_star(
        directory / "micrographs_ctf.star",
        {"optics": _optics_table(first), "micrographs": _ctf_table(names, ctfs)},
    )


def _species_table(scene: Scene) -> Table:
    molecules = [molecule(name) for name in scene.species]
    return Table(
        {
            "rlnClassNumber": np.arange(1, len(molecules) + 1),
            "cryodeckSpecies": [mol.name for mol in molecules],
            "rlnSymmetryGroup": [mol.symmetry for mol in molecules],
            "rlnParticleDiameter": np.array([m.diameter_angstrom for m in molecules]),
        }
    )


def _truth_table(names: Sequence[str], scenes: Sequence[Scene]) -> Table:
    columns = [_truth_columns(scene) for scene in scenes]
    counts = [len(column["rlnCoordinateX"]) for column in columns]
    repeated = [name for name, n in zip(names, counts, strict=True) for _ in range(n)]
    joined = {key: np.concatenate([c[key] for c in columns]) for key in columns[0]}
    return Table({"rlnMicrographName": repeated, **joined})


def _optics_table(scene: Scene) -> Table:
    ctf = scene.ctf
    return Table(
        {
            "rlnOpticsGroupName": ["opticsGroup1"],
            "rlnOpticsGroup": np.array([1]),
            "rlnMicrographOriginalPixelSize": np.array([scene.pixel_size]),
            "rlnVoltage": np.array([ctf.voltage_kv]),
            "rlnSphericalAberration": np.array([ctf.spherical_aberration_mm]),
            "rlnAmplitudeContrast": np.array([ctf.amplitude_contrast]),
            "rlnMicrographPixelSize": np.array([scene.pixel_size]),
        }
    )


def _ctf_table(names: Sequence[str], ctfs: Sequence[Ctf]) -> Table:
    u = np.array([ctf.defocus_u_angstrom for ctf in ctfs])
    v = np.array([ctf.defocus_v_angstrom for ctf in ctfs])
    return Table(
        {
            "rlnMicrographName": list(names),
            "rlnOpticsGroup": np.ones(len(names), dtype=int),
            "rlnDefocusU": u,
            "rlnDefocusV": v,
            "rlnCtfAstigmatism": u - v,
            "rlnDefocusAngle": np.array([ctf.defocus_angle_deg for ctf in ctfs]),
        }
    )
