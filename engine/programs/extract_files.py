"""What an extract job writes: stacks, tables of particles, lists, numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError
from engine.io.atomic import write_text
from engine.io.coordinates import coordinate_path, format_coordinate_list
from engine.io.micrographs import MicrographEntry, MicrographList
from engine.io.mrc import write_mrc
from engine.io.star import Column, Table, read_star, write_star
from engine.particles import Particles
from engine.programs.autopick_files import resolve_alias
from engine.programs.context import Context
from engine.programs.extract_options import ExtractOptions
from engine.programs.extract_sources import RefinedSource, Source

TABLE_SUFFIX = "_extract.star"
_GROUP, _GROUP_NAME = "rlnOpticsGroup", "rlnOpticsGroupName"
_MICROGRAPH_PIXEL = "rlnMicrographPixelSize"
_PREMULTIPLIED = "rlnCtfDataAreCtfPremultiplied"
#: Columns that come from the micrographs, with the value where they lack it.
_QUALITY = ("rlnCtfMaxResolution", "rlnCtfFigureOfMerit")
_CTF = {
    "rlnDefocusU": 0.0,
    "rlnDefocusV": None,  # that of rlnDefocusU
    "rlnDefocusAngle": 0.0,
    "rlnCtfBfactor": 0.0,
    "rlnCtfScalefactor": 1.0,
    "rlnPhaseShift": 0.0,
}
_BEAM_TILT = ("rlnBeamTiltX", "rlnBeamTiltY", "rlnBeamTiltClass")


def table_path(context: Context, name: str) -> Path:
    """A micrograph's own table; written last, so that it means "done"."""
    return coordinate_path(context.directory, name, TABLE_SUFFIX)


def particle_table(
    context: Context,
    particles: Table,
    entry: MicrographEntry,
    micrograph: Table,
    *,
    keep_micrograph_ctf: bool,
) -> Table:
    """The rows of extracted particles, in RELION's order of columns.

    Parameters
    ----------
    particles : Table
        The rows of the coordinate file or of the refinement.
    micrograph : Table
        The micrograph's row.
    keep_micrograph_ctf : bool
        Replace CTFs that the particles have.
    """
    count = len(particles)
    stack = coordinate_path(context.directory, entry.name, ".mrcs")
    digits = 8 if context.job.version == "5.0" else 6
    columns: dict[str, Column] = dict(particles.columns)
    columns["rlnImageName"] = [f"{i:0{digits}d}@{stack}" for i in range(1, count + 1)]
    columns["rlnMicrographName"] = [entry.name] * count
    if _GROUP not in particles or keep_micrograph_ctf:
        columns[_GROUP] = np.full(count, entry.optics_group)
    if "rlnDefocusU" not in particles or keep_micrograph_ctf:
        for label in _QUALITY:
            if label in micrograph:
                columns[label] = np.repeat(micrograph.numbers(label), count)
        if "rlnDefocusU" in micrograph:
            for label, default in _CTF.items():
                source = label if label in micrograph else "rlnDefocusU"
                missing = label not in micrograph and default is not None
                values = [default] if missing else micrograph.numbers(source)
                columns[label] = np.repeat(np.array(values, dtype=np.float64), count)
    for label in _BEAM_TILT:
        if label in micrograph and label not in particles:
            columns[label] = micrograph.text(label) * count
    return Table(columns, str(table_path(context, entry.name)))


def write_micrograph(
    context: Context, name: str, particles: Particles, table: Table, *, float16: bool
) -> None:
    """Write the stack and the table of one micrograph's particles.

    Raises
    ------
    InputError
        If pixels are not finite; nothing is written then.
    """
    statistics = particles.statistics()
    if not np.isfinite(statistics).all():
        message = f"{name}: some pixels are not numbers (NaN or infinite)"
        raise InputError(message)
    if len(particles):
        images = particles.images.astype(np.float16) if float16 else particles.images
        stack = coordinate_path(context.directory, name, ".mrcs")
        write_mrc(stack, images, particles.pixel_size, statistics=statistics)
    tables = {"images": table} if len(table) else {}
    write_star(table_path(context, name), tables, version=context.star_version)


def read_done(context: Context, name: str) -> Table:
    """The table that an earlier run left of a micrograph."""
    tables = read_star(table_path(context, name))
    return next(iter(tables.values()), Table({}))


def joined(tables: Sequence[Table]) -> tuple[Table, list[str]]:
    """All particles, and the files in which columns were missing (filled with 0)."""
    full = [table for table in tables if len(table)]
    if not full:
        return Table({}), []
    labels = list(dict.fromkeys(label for table in full for label in table.labels))
    lacking = [t.source for t in full if len(t.labels) < len(labels)]
    columns: dict[str, Column] = {}
    for label in labels:
        parts = [t.columns.get(label, ["0"] * len(t)) for t in full]
        if all(isinstance(part, np.ndarray) for part in parts):
            columns[label] = np.concatenate(parts)
        else:
            texts = [t.text(label) if label in t else ["0"] * len(t) for t in full]
            columns[label] = [text for part in texts for text in part]
    return Table(columns), lacking


def write_lists(
    context: Context,
    options: ExtractOptions,
    micrographs: MicrographList,
    source: Source,
    tables: Mapping[str, Table],
) -> list[str]:
    """Write `particles.star` and the list of tables; files that lacked columns."""
    particles, lacking = joined(list(tables.values()))
    optics = _optics(context, options, micrographs, source)
    content = {"optics": optics}
    if len(particles):
        content["particles"] = particles
    path = context.path("particles.star")
    write_star(path, content, version=context.star_version)
    if options.refined is None:
        return lacking
    if context.job.version == "3.1":
        text = f"{resolve_alias(options.micrographs)}\n"
        write_text(context.path("coords_suffix_extract.star"), text)
    else:
        names = [name for name, table in tables.items() if len(table)]
        files = [str(table_path(context, name)) for name in names]
        text = format_coordinate_list(names, files, version=context.star_version)
        write_text(context.path("extractpick.star"), text)
    return lacking


def _optics(
    context: Context,
    options: ExtractOptions,
    micrographs: MicrographList,
    source: Source,
) -> Table:
    """The optics table of the extracted particles."""
    settings = options.settings
    table = _micrograph_optics(micrographs)
    sizes = _pixel_sizes(options, micrographs, table)
    if isinstance(source, RefinedSource) and not _keeps(options):
        by_name = _sizes_by_name(table, sizes)
        table = source.optics
        numbers = table.integers(_GROUP).tolist()
        names = table.text(_GROUP_NAME) if _GROUP_NAME in table else [""] * len(numbers)
        usual = next(iter(sizes.values()))
        sizes = {
            number: by_name.get(name, sizes.get(number, usual))
            for number, name in zip(numbers, names, strict=True)
        }
    elif options.refined is None:
        table = table.without([_MICROGRAPH_PIXEL])
    factor = settings.box_px / (settings.scale_px or settings.box_px)
    numbers = table.integers(_GROUP).tolist()
    count = len(numbers)
    added: dict[str, Column] = {
        "rlnImagePixelSize": np.array([sizes[number] * factor for number in numbers]),
        "rlnImageSize": np.full(count, settings.final_px),
        "rlnImageDimensionality": np.full(count, 2),
    }
    premultiplied = settings.ctf_box_px is not None and not settings.phase_flip
    is_said = context.job.version != "3.1" or _PREMULTIPLIED in table
    if premultiplied or is_said:
        added[_PREMULTIPLIED] = np.full(count, int(premultiplied))
    return table.with_columns(added)


def _keeps(options: ExtractOptions) -> bool:
    return options.refined is not None and options.refined.keep_micrograph_ctfs


def _micrograph_optics(micrographs: MicrographList) -> Table:
    """The optics table of the micrographs; made from their CTF before RELION 3.1."""
    if micrographs.optics is not None:
        table = micrographs.optics
        if _GROUP not in table:
            numbers = np.arange(1, len(table) + 1)
            table = table.with_columns({_GROUP: numbers})
        return table
    ctf = micrographs.entries[0].ctf
    columns: dict[str, Column] = {_GROUP_NAME: ["opticsGroup1"], _GROUP: np.array([1])}
    if ctf is not None:
        columns["rlnVoltage"] = np.array([float(ctf.voltage_kv)])
        aberration = float(ctf.spherical_aberration_mm)
        columns["rlnSphericalAberration"] = np.array([aberration])
        columns["rlnAmplitudeContrast"] = np.array([float(ctf.amplitude_contrast)])
    return Table(columns)


def _pixel_sizes(
    options: ExtractOptions, micrographs: MicrographList, optics: Table
) -> dict[int, float]:
    """Å per pixel of the micrographs of each optics group."""
    numbers = optics.integers(_GROUP).tolist()
    if options.pixel_size is not None:
        return dict.fromkeys(numbers, options.pixel_size)
    sizes = {entry.optics_group: entry.pixel_size for entry in micrographs.entries}
    if _MICROGRAPH_PIXEL in optics:
        listed = optics.numbers(_MICROGRAPH_PIXEL).tolist()
        sizes |= dict(zip(numbers, listed, strict=True))
    usual = micrographs.entries[0].pixel_size
    return {number: sizes.get(number, usual) for number in numbers}


def _sizes_by_name(optics: Table, sizes: Mapping[int, float]) -> dict[str, float]:
    if _GROUP_NAME not in optics:
        return {}
    numbers = optics.integers(_GROUP).tolist()
    names = optics.text(_GROUP_NAME)
    return {name: sizes[n] for name, n in zip(names, numbers, strict=True)}


def statistics(
    options: ExtractOptions,
    micrographs: MicrographList,
    tables: Mapping[str, Table],
    pixel_size: float,
    *,
    skipped_outside: int,
    without_coordinates: int,
) -> dict[str, Any]:
    """The numbers of docs/statistics.md."""
    factor = options.settings.box_px / (
        options.settings.scale_px or options.settings.box_px
    )
    counts = {name: len(table) for name, table in tables.items()}
    return {
        "particles_total": sum(counts.values()),
        "micrographs_total": len(micrographs.entries),
        "micrographs_done": len(counts),
        "box_px": options.settings.final_px,
        "pixel_size": round(pixel_size * factor, 6),
        "micrographs": [{"name": n, "particles": c} for n, c in counts.items()],
        "skipped_outside": skipped_outside,
        "micrographs_without_coordinates": without_coordinates,
    }
