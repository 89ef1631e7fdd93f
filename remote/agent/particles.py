"""Particles: how many, from where, of which size; what a selection kept."""

import os
import re
from collections import Counter
from typing import Any, Dict, Iterator, List, Sequence, Tuple
from typing import Counter as CounterType

from engine.project.errors import StarError
from engine.project.star_stream import LoopStream
from remote.agent import lists
from remote.agent.files import open_plain
from remote.agent.mrc import density
from remote.agent.verbs import Request, VerbError

_REPORT_ROWS = 5000
_STACKS = 200  # whose heads are read: the others are like them

Values = Dict[str, Any]


def particles(request: Request, folder: str, warnings: List[str]) -> Values:
    """Statistics of an extraction."""
    path = os.path.join(folder, "particles.star")
    if not os.path.exists(path):
        return {"particles_total": 0}
    counts: CounterType[str] = Counter()
    total = 0
    with particle_loop(path) as stream:
        label = "rlnMicrographName"
        if label not in stream.labels:
            label = stream.labels[0]
        for names in stream.batches(label):
            total += len(names)
            counts.update(names)
            request.report(*stream.reached(), total, "particles")
    box, size = _box(path)
    values: Values = {
        "particles_total": total,
        "box_px": box,
        "pixel_size": size,
        "micrographs": [{"name": n, "particles": c} for n, c in counts.items()],
    }
    values.update(_without_coordinates(request, folder, counts))
    return values


def grey_values(request: Request, path: str) -> Values:
    """Grey values of the boxes, by the heads of the first stacks."""
    stacks: Dict[str, None] = {}
    try:
        with particle_loop(path) as stream:
            for (image,) in stream.rows(["rlnImageName"]):
                stacks[image.rpartition("@")[2]] = None
                if len(stacks) >= _STACKS:
                    break
    except StarError:
        return {}
    rows = []
    for name in stacks:
        request.check()
        try:
            with open_plain(request.path(name)) as handle:
                found = density(handle)
        except (OSError, VerbError):
            continue
        if found is not None:
            rows.append(found)
    if not rows:
        return {}
    count = float(sum(row.images for row in rows))
    mean = sum(row.images * row.mean for row in rows) / count
    square = sum(row.images * (row.rms**2 + row.mean**2) for row in rows) / count
    greys = {
        "min": min(row.low for row in rows),
        "max": max(row.high for row in rows),
        "mean": mean,
        "deviation": max(0.0, square - mean**2) ** 0.5,
    }
    return {"greys": {key: round(value, 4) for key, value in greys.items()}}


def particle_loop(path: str) -> LoopStream:
    """The particles of a file of any version."""
    for block in ("particles", "images", ""):
        try:
            with LoopStream(path, block):
                return LoopStream(path, block)
        except StarError:
            continue
    return LoopStream(path, "particles")


def _box(path: str) -> Tuple[int, float]:
    for row in lists.optics_rows(path):
        box = lists.number_or_zero(row.get("rlnImageSize", ""))
        return int(box), lists.number_or_zero(row.get("rlnImagePixelSize", ""))
    return 0, 0.0


def _without_coordinates(
    request: Request, folder: str, counts: Dict[str, int]
) -> Values:
    source = lists.input_list(request, folder)
    if not source or not os.path.exists(request.path(source)):
        return {}
    names = [m.name for m in lists.micrograph_rows(request.path(source))]
    missing = [n for n in names if n not in counts]
    return {"micrographs_without_coordinates": len(missing)}


def selection(request: Request, folder: str, warnings: List[str]) -> Values:
    """Statistics of a selection of classes, micrographs or particles."""
    values: Values = {}
    chosen = os.path.join(folder, "backup_selection.star")
    if os.path.exists(chosen):
        with LoopStream(chosen) as stream:
            marks = [row[0] for row in stream.rows(["rlnSelected"])]
        values["selected_classes"] = [
            i for i, mark in enumerate(marks, 1) if lists.number_or_zero(mark) != 0
        ]
    path = lists.own_list(folder)
    if path:
        values["micrographs_total"] = sum(1 for _ in lists.micrograph_rows(path))
    split = [n for n in os.listdir(folder) if re.match(r".*_split[0-9]+\.star$", n)]
    if split:
        values["splits"] = len(split)
    return values


def rows_of(
    request: Request, stream: LoopStream, columns: Sequence[str]
) -> Iterator[Tuple[str, ...]]:
    """Some columns of each particle; says how far the reading is."""
    for i, row in enumerate(stream.rows(columns)):
        if i % _REPORT_ROWS == 0:
            request.report(*stream.reached(), i, "particles")
        yield tuple(row)


def kept_particles(request: Request, path: str) -> Values:
    """How many particles a selection has, of each class and of each micrograph."""
    if not os.path.exists(path):
        return {}
    with particle_loop(path) as stream:
        wanted = [
            c for c in ("rlnClassNumber", "rlnMicrographName") if c in stream.labels
        ]
        counts: List[CounterType[str]] = [Counter() for _ in wanted]
        total = 0
        for row in rows_of(request, stream, wanted or stream.labels[:1]):
            total += 1
            for column, value in zip(counts, row):
                column[value] += 1
    found: Values = {"particles_total": total}
    for label, column in zip(wanted, counts):
        if label == "rlnClassNumber":
            numbers = {int(lists.number_or_zero(n)): c for n, c in column.items()}
            found["classes"] = [
                {"number": n, "particles": c} for n, c in sorted(numbers.items())
            ]
        else:
            found["micrographs"] = [
                {"name": n, "particles": c} for n, c in column.items()
            ]
    return found


def extracted(request: Request, folder: str, micrograph: str) -> Dict[str, Any]:
    """Places of the particles that were cut from one micrograph."""
    columns = ("rlnCoordinateX", "rlnCoordinateY", "rlnAutopickFigureOfMerit")
    found: Values = {"x": [], "y": [], "fom": [], "class_number": [], "psi": []}
    with particle_loop(os.path.join(folder, "particles.star")) as stream:
        there = [c for c in columns if c in stream.labels]
        for row in stream.rows(["rlnMicrographName", *there]):
            if row[0] != micrograph:
                continue
            for key, text in zip(("x", "y", "fom"), row[1:]):
                found[key].append(lists.number(text))
    return found
