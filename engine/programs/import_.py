"""Import: raw images listed, other files taken into the project, as RELION does."""

from __future__ import annotations

import glob
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import EngineError, InputError
from engine.io.atomic import replacing, write_text
from engine.io.import_lists import OpticsValues, RawList
from engine.io.micrographs import read_micrographs
from engine.io.mrc import read_header
from engine.io.particles_import import import_particles
from engine.jobs.job import Job
from engine.programs.context import Context

_OPTICS_NAME = re.compile(r"[A-Za-z0-9-]+\Z")

_log = logging.getLogger(__name__)


def run(context: Context) -> dict[str, Any]:
    """The statistics of an import."""
    if not context.is_leader:
        return {}
    job = context.job
    raw, other = job.flag("do_raw"), job.flag("do_other")
    if raw == other:
        message = (
            "choose one of 'Import raw movies/micrographs?' and 'Import other node "
            "types?'"
        )
        raise InputError(message)
    return _import_raw(context) if raw else _import_other(context)


def _relative(job: Job, key: str) -> str:
    """A path of the form that stays inside the project."""
    text = job.text(key).strip()
    label = job.option(key).label.rstrip(" :")
    if not text:
        message = f"{label} is empty"
        raise InputError(message)
    if text.startswith("/") or "../" in text:
        message = (
            f"{label}: {text} is outside the project; make a symbolic link inside it "
            "and import that"
        )
        raise InputError(message)
    return text


def _optics_name(name: str) -> str:
    if not _OPTICS_NAME.match(name):
        message = (
            f"optics group name {name!r}: only letters, digits and hyphens are allowed"
        )
        raise InputError(message)
    return name


def _import_raw(context: Context) -> dict[str, Any]:
    job = context.job
    pattern = _relative(job, "fn_in_raw")
    movies = job.flag("is_multiframe")
    optics = OpticsValues(
        name=_optics_name(job.text("optics_group_name").strip()),
        mtf=job.text("fn_mtf").strip(),
        pixel_size=job.number("angpix"),
        voltage_kv=job.number("kV"),
        spherical_aberration_mm=job.number("Cs"),
        amplitude_contrast=job.number("Q0"),
        beam_tilt_x_mrad=job.number("beamtilt_x"),
        beam_tilt_y_mrad=job.number("beamtilt_y"),
    )
    if optics.pixel_size <= 0:
        message = "Pixel size (Angstrom) must be above 0"
        raise InputError(message)
    names = sorted(glob.glob(pattern))  # noqa: PTH207  relative names are what is kept
    if not names:
        message = f"Raw input files: nothing matches {pattern}"
        raise InputError(message)
    _check_frames(context, names[0], movies)
    target = context.path("movies.star" if movies else "micrographs.star")
    images = RawList.empty(movies=movies)
    if context.is_continue and target.exists():
        images = RawList.read(target, movies=movies)
    before = len(images)
    images = images.with_files(names, optics)
    images.write(target, version=context.star_version)
    _log.info(
        "Written %s with %d items (%d new items)",
        target,
        len(images),
        len(images) - before,
    )
    return {"items": len(images), "optics": images.optics_summary()}


def _check_frames(context: Context, name: str, movies: bool) -> None:
    """Warn when the first file's frames are not what the form says."""
    if Path(name).suffix not in {".mrc", ".mrcs"}:
        return
    try:
        frames = read_header(name).nz
    except EngineError as error:
        context.warn(str(error))
        return
    if movies and frames == 1:
        context.warn(f"{name} has one frame: is it a micrograph rather than a movie?")
    elif not movies and frames > 1:
        context.warn(f"{name} has {frames} frames: is it a movie?")


def _import_other(context: Context) -> dict[str, Any]:
    job = context.job
    source = _relative(job, "fn_in_other")
    kind = job.text("node_type")
    if kind.startswith("Particle coordinates"):
        return _import_coordinates(context, source)
    if not Path(source).is_file():
        message = f"Input file: there is no file {source}"
        raise InputError(message)
    target = context.path(Path(source).name)
    if kind.startswith("Particles STAR"):
        new_name = job.text("optics_group_particles").strip()
        if new_name:
            _optics_name(new_name)
        count, optics = import_particles(
            source, target, new_name, version=context.star_version
        )
        _log.info("Written %s with %d particles", target, count)
        return {"items": count, "optics": optics}
    if kind.startswith("Micrographs STAR"):
        return _import_micrographs(context, source, target)
    if kind.startswith("Movie-particles"):
        message = "Node type: RELION no longer knows movie-particles STAR files"
        raise InputError(message)
    _copy(source, target)
    if kind.startswith("Unfiltered half-map"):
        _copy_other_half(source, context)
    return {"items": 1, "optics": []}


def _copy(source: str | Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
    _log.info("copied %s", source)


def _copy_other_half(source: str, context: Context) -> None:
    name = Path(source).name
    other = (
        name.replace("half1", "half2")
        if "half1" in name
        else name.replace("half2", "half1")
    )
    path = Path(source).with_name(other)
    if other == name or not path.is_file():
        message = (
            f"Input file: {source} needs its other half beside it, the same name with "
            "half1 and half2 exchanged"
        )
        raise InputError(message)
    _copy(path, context.path(other))


def _import_coordinates(context: Context, pattern: str) -> dict[str, Any]:
    """Copy coordinate files with their folders, and name their pattern."""
    prefix, star, suffix = pattern.rpartition("*")
    names = sorted(glob.glob(pattern))  # noqa: PTH207
    if not star:
        message = (
            f"Input file: {pattern} needs a * before the suffix that all coordinate "
            "files share, such as Movies/*_pick.star"
        )
        raise InputError(message)
    if not names:
        message = f"Input file: nothing matches {pattern}"
        raise InputError(message)
    for name in names:
        with replacing(context.path(name)) as temporary:
            shutil.copyfile(name, temporary)
    write_text(context.path(f"coords_suffix{suffix}"), f"{prefix}*.mrc\n")
    _log.info("copied %d coordinate files", len(names))
    return {"items": len(names), "optics": []}


def _import_micrographs(context: Context, source: str, target: Path) -> dict[str, Any]:
    """Copy a list of micrographs after a look at what it says."""
    images = read_micrographs(source)
    missing = [e.name for e in images.entries if not Path(e.name).exists()]
    if missing:
        context.warn(
            f"{source}: {len(missing)} of {len(images.entries)} micrographs are not "
            f"there, {missing[0]} for one"
        )
    _copy(source, target)
    values: dict[str, Any] = {"items": len(images.entries), "optics": images.summary()}
    defocus = [
        e.defocus_angstrom for e in images.entries if e.defocus_angstrom is not None
    ]
    if defocus:
        counts, edges = np.histogram(defocus, bins=20)
        values["defocus_histogram"] = {
            "edges": np.round(edges, 1).tolist(),
            "counts": counts.tolist(),
        }
    _log.info("Written %s with %d micrographs", target, len(images.entries))
    return values
