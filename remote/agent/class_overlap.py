"""Which classes of two 2D classifications hold the same particles.

Particles are the same if they are the same image of the same stack. Where two
classifications share no image at all, as after another extraction, they are paired by
their places on the micrographs.
"""

import os
from collections import Counter
from typing import Any, Dict, Iterator, List, Sequence, Tuple
from typing import Counter as CounterType

from engine.project.errors import StarError
from remote.agent import lists
from remote.agent.class2d import iterations, read_model
from remote.agent.overlap import Point, pairs_within
from remote.agent.particles import particle_loop, rows_of
from remote.agent.project import job_folder
from remote.agent.verbs import Request, VerbError, verb

_PLACE = ("rlnMicrographName", "rlnCoordinateX", "rlnCoordinateY", "rlnClassNumber")
_PIXEL_SIZES = ("rlnMicrographOriginalPixelSize", "rlnMicrographPixelSize")
Counts = CounterType[Tuple[int, int]]
#: micrograph -> places of particles and the class of each
Places = Dict[str, Tuple[List[Point], List[int]]]


@verb(heavy=True)
def of_jobs(
    request: Request, first: str, second: str, within_angstrom: float = 40.0
) -> Dict[str, Any]:
    """How many particles each class of one job shares with each of the other."""
    results = [_newest(request, name) for name in (first, second)]
    paths = [data for _, _, data in results]
    classes = [_classes(model) for _, model, _ in results]
    try:
        totals, counts = _by_image(request, paths)
        matched_by = "image"
        if not counts and all(map(_has_places, paths)):
            counts = _by_place(request, paths, within_angstrom)
            matched_by = "place"
    except StarError as error:
        raise VerbError(str(error), "failed") from error
    for side, (rows, assigned) in enumerate(zip(classes, totals)):
        shared: CounterType[int] = Counter()
        for pair, count in counts.items():
            shared[pair[side]] += count
        for row in rows:
            row["particles"] = assigned[row["number"]]
            row["shared"] = shared[row["number"]]
    return {
        "matched_by": matched_by,
        "within_angstrom": within_angstrom if matched_by == "place" else None,
        "iterations": [number for number, _, _ in results],
        "particles": [sum(one.values()) for one in totals],
        "shared": sum(counts.values()),
        "classes": classes,
        "counts": [[a, b, count] for (a, b), count in sorted(counts.items())],
    }


def _newest(request: Request, name: str) -> Tuple[int, str, str]:
    """Number, model and particles of the newest iteration that has both."""
    found, folder = job_folder(request, name)
    for number, model in reversed(iterations(folder)):
        data = model[: -len("_model.star")] + "_data.star"
        if number > 0 and os.path.exists(data):
            return number, model, data
    message = "{}: no iteration has put particles into classes yet".format(found)
    raise VerbError(message, "not found")


def _classes(model: str) -> List[Dict[str, Any]]:
    try:
        rows = read_model(model)["classes"]
    except StarError as error:
        raise VerbError(str(error), "failed") from error
    return [{k: v for k, v in row.items() if k != "image"} for row in rows]


def _rows(
    request: Request, path: str, columns: Sequence[str]
) -> Iterator[Tuple[str, ...]]:
    with particle_loop(path) as stream:
        yield from rows_of(request, stream, columns)


def _by_image(
    request: Request, paths: Sequence[str]
) -> Tuple[List[CounterType[int]], Counts]:
    """Particles of each class of both, and those that two classes share."""
    columns = ("rlnImageName", "rlnClassNumber")
    known: Dict[str, int] = {}
    totals: List[CounterType[int]] = [Counter(), Counter()]
    counts: Counts = Counter()
    for image, number in _rows(request, paths[0], columns):
        known[image] = int(lists.number_or_zero(number))
        totals[0][known[image]] += 1
    for image, number in _rows(request, paths[1], columns):
        theirs = int(lists.number_or_zero(number))
        totals[1][theirs] += 1
        if image in known:
            counts[known.pop(image), theirs] += 1
    return totals, counts


def _has_places(path: str) -> bool:
    with particle_loop(path) as stream:
        return all(label in stream.labels for label in _PLACE)


def _by_place(request: Request, paths: Sequence[str], within_angstrom: float) -> Counts:
    counts: Counts = Counter()
    pixel_size = _pixel_size(paths[0])
    first, second = (_places(request, path) for path in paths)
    for name, (points, numbers) in first.items():
        request.check()
        others, theirs = second.get(name, ([], []))
        for i, j in pairs_within(points, others, within_angstrom / pixel_size):
            counts[numbers[i], theirs[j]] += 1
    return counts


def _places(request: Request, path: str) -> Places:
    found: Places = {}
    for name, x, y, number in _rows(request, path, _PLACE):
        points, numbers = found.setdefault(name, ([], []))
        place = lists.number(x), lists.number(y)
        if place[0] - place[0] == 0 and place[1] - place[1] == 0:
            points.append(place)
            numbers.append(int(lists.number_or_zero(number)))
    return found


def _pixel_size(path: str) -> float:
    """Å per pixel of the micrographs that the particles were cut from."""
    for row in lists.optics_rows(path):
        for label in _PIXEL_SIZES:
            size = lists.number_or_zero(row.get(label, ""))
            if size > 0:
                return size
    message = "{}: the pixel size of its micrographs is unknown".format(path)
    raise VerbError(message, "not found")
