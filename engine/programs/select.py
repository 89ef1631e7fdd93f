"""Subset selection: classes, micrographs or particles to keep."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.atomic import write_text
from engine.io.coordinates import read_coordinate_list
from engine.io.mrc import read_header, read_images, write_mrc
from engine.io.star import Column, Table, read_star, write_star
from engine.jobs.select_lines import list_name, task
from engine.programs.context import Context
from engine.programs.select_backup import BACKUP, read_backup, write_backup
from engine.programs.select_classes import select_classes
from engine.selection.classes import parse_numbers
from engine.selection.moments import Moments
from engine.selection.subsets import (
    in_range,
    ordinary_images,
    parts,
    without_duplicates,
)

_OWN_OUTPUTS = (
    "particles.star",
    "micrographs.star",
    "micrographs_selected.star",
    "class_averages.star",
    "class_averages.mrcs",
    "selection.json",
    "average.mrc",
    "deviation.mrc",
)

_log = logging.getLogger(__name__)


def run(context: Context) -> dict[str, Any]:
    """The statistics of a job that keeps some of what it is given."""
    if not context.is_leader:
        return {}
    name = task(context.job)
    for output in _OWN_OUTPUTS:
        context.path(output).unlink(missing_ok=True)
    if name == "nothing":
        message = "Select: no input; fill one of the fields on the I/O tab"
        raise InputError(message)
    if name == "filaments":
        message = (
            "Select filaments by dendrogram: cryodeck's engine cannot do it; let "
            "RELION run this job"
        )
        raise InputError(message)
    if name in {"classes", "ranker"}:
        result = select_classes(context)
    elif name == "split":
        result = _split(context)
    elif name == "duplicates":
        result = _remove_duplicates(context)
    else:
        result = _select_rows(context, name)
    if context.job.flag("cryodeck_write_average", False):
        result |= _write_moments(context)
    note = {"task": name, **result}
    write_text(context.path("selection.json"), json.dumps(note, indent=1) + "\n")
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list to choose rows of.

    Attributes
    ----------
    name : str
        Of its table: particles, micrographs or movies.
    """

    path: str
    name: str
    table: Table
    optics: Table | None

    def write(self, path: Path, rows: Array, version: int) -> None:
        tables = {} if self.optics is None else {"optics": self.optics}
        tables[self.name] = self.table.take(rows)
        write_star(path, tables, version=version)


def _read_list(path: str) -> _List:
    tables = read_star(path)
    for name in ("particles", "micrographs", "movies"):
        if name in tables:
            return _List(
                path=path, name=name, table=tables[name], optics=tables.get("optics")
            )
    rest = [name for name in tables if name != "optics"]
    if not rest:
        message = f"{path}: no table of micrographs or particles to select from"
        raise InputError(message)
    return _List(
        path=path, name=rest[0], table=tables[rest[0]], optics=tables.get("optics")
    )


def _input_list(context: Context) -> _List:
    job = context.job
    path = job.text("fn_mic") or job.text("fn_data")
    if not path:
        message = "Select: micrographs.star or particles.star is needed (I/O tab)"
        raise InputError(message)
    return _read_list(path)


def _select_rows(context: Context, name: str) -> dict[str, Any]:
    """Rows of one list by rule, written as RELION names them."""
    job = context.job
    if name == "coordinates":
        listed = _micrographs_of_coordinates(job.text("fn_coords"))
        output = "micrographs_selected.star"
    else:
        listed = _input_list(context)
        output = list_name(job)
    if name == "values":
        keep = _by_value(context, listed)
    elif name == "statistics":
        keep = _by_statistics(context, listed)
    else:
        keep = _by_place(context, listed)
    if job.flag("cryodeck_invert", False):
        keep = ~keep
    rows = np.flatnonzero(keep)
    if not len(rows):
        message = f"{listed.path}: none of {len(keep)} rows fits the rule; change it"
        raise InputError(message)
    listed.write(context.path(output), rows, context.star_version)
    if listed.name == "micrographs" and output == "micrographs.star":
        # the tutorial names this file; RELION writes it for picked coordinates
        extra = context.path("micrographs_selected.star")
        listed.write(extra, rows, context.star_version)
    if name in {"micrographs", "particles", "coordinates"}:
        write_backup(context.path(BACKUP), keep, context.star_version)
    _log.info("%d of %d rows of %s selected", len(rows), len(keep), listed.path)
    return _counts(listed, rows)


def _counts(listed: _List, rows: Array) -> dict[str, Any]:
    kind = "particles" if listed.name == "particles" else "micrographs"
    result: dict[str, Any] = {
        f"{kind}_total": len(rows),
        "input_total": len(listed.table),
    }
    if kind == "particles" and "rlnMicrographName" in listed.table:
        names = listed.table.take(rows).text("rlnMicrographName")
        result["micrographs_total"] = len(set(names))
    return result


def _micrographs_of_coordinates(path: str) -> _List:
    """The list of micrographs that coordinates belong to."""
    source = Path(path)
    if source.name.startswith("coords_suffix"):
        words = source.read_text(encoding="utf-8").split() if source.is_file() else []
        if not words:
            message = f"{path}: should name the list of micrographs on its first line"
            raise InputError(message)
        return _read_list(words[0])
    names = list(read_coordinate_list(path))
    table = Table({"rlnMicrographName": names}, path)
    return _List(path=path, name="micrographs", table=table, optics=None)


def _by_place(context: Context, listed: _List) -> Array:
    """The first rows, rows by number, or those of an earlier selection."""
    job, count = context.job, len(listed.table)
    keep = np.zeros(count, dtype=bool)
    first = job.integer("cryodeck_first", -1)
    words = job.text("cryodeck_rows", "").strip()
    if words:
        keep[parse_numbers(words, count, "row")] = True
    if first > 0:
        if first > count:
            context.warn(f"{listed.path}: has {count} rows, {first} were asked for")
        keep[:first] = True
    if words or first > 0:
        return keep
    earlier = read_backup(context.path(BACKUP), count)
    if earlier is not None:
        _log.info("selection of %s", context.path(BACKUP))
        return earlier
    if job.flag("cryodeck_invert", False):
        return keep  # of none it is all: the viewer's way to mark every image
    message = (
        f"{listed.path}: say which of its {count} rows: the first ones "
        "(cryodeck_first) or their numbers (cryodeck_rows)"
    )
    raise InputError(message)


def _by_value(context: Context, listed: _List) -> Array:
    job = context.job
    label = job.text("select_label").strip()
    if label not in listed.table:
        near = [k for k in listed.table.labels if k.lower() == label.lower()]
        hint = near[0] if near else ", ".join(listed.table.labels[:12])
        message = f"{listed.path}: no column {label}; it has {hint}"
        raise InputError(message)
    values = listed.table.numbers(label)
    low, high = job.number("select_minval"), job.number("select_maxval")
    if low > high:
        message = f"Select: the minimum {low:g} is above the maximum {high:g}"
        raise InputError(message)
    return in_range(values, low, high)


def _by_statistics(context: Context, listed: _List) -> Array:
    job = context.job
    label = job.text("discard_label").strip()
    if label not in listed.table and label == "rlnImageName":
        label = "rlnMicrographName"
    names = listed.table.text(label)
    means, spreads = np.empty(len(names)), np.empty(len(names))
    by_file: dict[str, list[tuple[int, int]]] = {}
    for row, name in enumerate(names):
        number, at, path = name.partition("@")
        place = int(number) - 1 if at else 0
        by_file.setdefault(path if at else name, []).append((row, place))
    context.progress.started(len(names), "images")
    done = 0
    for path, members in by_file.items():
        context.raise_if_aborted()
        for first in range(0, len(members), 256):
            some = members[first : first + 256]
            images = read_images(path, [place for _, place in some])
            rows = [row for row, _ in some]
            means[rows] = images.mean(axis=(1, 2), dtype=np.float64)
            spreads[rows] = images.std(axis=(1, 2), dtype=np.float64)
            done += len(some)
            context.progress.step(done, len(names), "images")
    _log.info(
        "means %.6g +- %.6g, standard deviations %.6g +- %.6g",
        means.mean(),
        means.std(),
        spreads.mean(),
        spreads.std(),
    )
    return ordinary_images(means, spreads, job.number("discard_sigma"))


def _write_moments(context: Context) -> dict[str, Any]:
    """Average and deviation of the chosen particles' images."""
    path = context.path("particles.star")
    if not path.is_file():
        context.warn("no average: this selection leaves no particles.star")
        return {}
    by_stack: dict[str, list[int]] = {}
    for image in read_star(path)["particles"].text("rlnImageName"):
        number, _, stack = image.partition("@")
        by_stack.setdefault(stack, []).append(int(number) - 1)
    moments, shape = Moments(), None
    for stack, places in by_stack.items():
        context.raise_if_aborted()
        header = read_header(stack)
        shape = shape or (header.ny, header.nx)
        if (header.ny, header.nx) != shape:
            context.warn(f"no average: images of {stack} differ in size from others")
            return {}
        for first in range(0, len(places), 256):
            moments.add(read_images(stack, places[first : first + 256]))
    pixel = read_header(next(iter(by_stack))).pixel_size
    write_mrc(context.path("average.mrc"), moments.average, pixel)
    write_mrc(context.path("deviation.mrc"), moments.deviation, pixel)
    _log.info("average.mrc and deviation.mrc of %d particles", moments.count)
    return {"averaged": moments.count}


def _split(context: Context) -> dict[str, Any]:
    """The list in parts: ``particles_split1.star`` and so on."""
    job = context.job
    listed = _input_list(context)
    count = len(listed.table)
    order = np.arange(count)
    if job.flag("do_random"):
        order = np.random.default_rng(1).permutation(count)
    size = int(job.number_or_none("split_size") or 0)
    number = int(job.number_or_none("nr_split") or 0)
    bounds = parts(count, size, number)
    root = list_name(job).removesuffix(".star")
    names = []
    for i, (first, last) in enumerate(bounds, 1):
        path = context.path(f"{root}_split{i}.star")
        listed.write(path, order[first:last], context.star_version)
        names.append(str(path))
    dropped = count - bounds[-1][1]
    if dropped:
        context.warn(f"{dropped} rows are in no part: size times number is too small")
    kind = "particles" if root == "particles" else "micrographs"
    _write_output_nodes(context, names, kind)
    _log.info("%d rows in %d parts", count - dropped, len(names))
    return {f"{kind}_total": count - dropped, "parts": len(names), "input_total": count}


def _write_output_nodes(context: Context, names: list[str], kind: str) -> None:
    """Tell the pipeline about files that the form could not name."""
    if context.job.version == "3.1":
        types: Column = np.full(len(names), 3 if kind == "particles" else 1)
        label = "rlnPipeLineNodeType"
    else:
        first = "ParticlesData" if kind == "particles" else "MicrographsData"
        types = [f"{first}.star.relion"] * len(names)
        label = "rlnPipeLineNodeTypeLabel"
    table = Table({"rlnPipeLineNodeName": names, label: types})
    path = context.path("RELION_OUTPUT_NODES.star")
    write_star(path, {"output_nodes": table}, version=context.star_version)


def _remove_duplicates(context: Context) -> dict[str, Any]:
    """Particles without those too close to a better one."""
    job = context.job
    listed = _input_list(context)
    table = listed.table
    pixel = job.number_or_none("image_angpix")
    size = _micrograph_pixel_size(listed) if pixel is None else pixel
    place = np.stack([table.numbers(f"rlnCoordinate{c}") for c in "XY"], axis=1)
    origin = [table.numbers(f"rlnOrigin{c}Angst", 0.0) for c in "XY"]
    place = place * size - np.stack(origin, axis=1)
    names = table.text("rlnMicrographName")
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    groups = np.array([numbers[name] for name in names])
    worth, label = np.zeros(len(table)), "the first"
    for label in ("rlnMaxValueProbDistribution", "rlnAutopickFigureOfMerit"):
        if label in table:
            worth = table.numbers(label)
            break
    distance = job.number("duplicate_threshold")
    keep = without_duplicates(place, groups, distance, worth)
    rows = np.flatnonzero(keep)
    listed.write(context.path("particles.star"), rows, context.star_version)
    removed = context.path("particles_removed.star")
    listed.write(removed, np.flatnonzero(~keep), context.star_version)
    _log.info(
        "%d of %d particles kept, none closer than %g A", len(rows), len(keep), distance
    )
    return _counts(listed, rows)


def _micrograph_pixel_size(listed: _List) -> float:
    """Å per pixel that coordinates count in."""
    for label in ("rlnMicrographOriginalPixelSize", "rlnMicrographPixelSize"):
        for table in (listed.optics, listed.table):
            if table is not None and label in table and len(table):
                return float(table.numbers(label)[0])
    for table in (listed.optics, listed.table):
        if table is not None and "rlnImagePixelSize" in table:
            return float(table.numbers("rlnImagePixelSize")[0])
    message = f"{listed.path}: no pixel size; give 'Pixel size before extraction'"
    raise InputError(message)
