"""A job's lists: its micrographs, its coordinate files, the numbers in them."""

import os
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from engine.project.errors import ProjectError, StarError
from engine.project.star import read as read_star
from engine.project.star_stream import LoopStream
from remote.agent.project import pipeline_of
from remote.agent.verbs import Request, VerbError

_JOB_PART = re.compile(r"^[^/]+/job[0-9]{3,}/")
_INPUT_KEYS = ("fn_input_autopick", "fn_in", "star_mics", "input_star_mics", "fn_mic")
_OWN_LISTS = (
    "micrographs_ctf.star",
    "corrected_micrographs.star",
    "micrographs.star",
    "micrographs_selected.star",
    "movies.star",
)
_LIST_COLUMNS = (
    "rlnDefocusU",
    "rlnDefocusV",
    "rlnOpticsGroup",
    "rlnCtfImage",
    "rlnCtfFigureOfMerit",
    "rlnCtfMaxResolution",
)
_SUFFIXES = {"AutoPick": "_autopick.star", "ManualPick": "_manualpick.star"}

Micrograph = NamedTuple(
    "Micrograph",
    [
        ("name", str),
        ("defocus", Optional[float]),
        ("optics", str),
        ("ctf", str),
        ("ctf_fom", Optional[float]),
        ("ctf_resolution", Optional[float]),  # Å
    ],
)
Coordinates = NamedTuple(
    "Coordinates",
    [
        ("x", List[float]),
        ("y", List[float]),
        ("fom", List[float]),
        ("class_number", List[int]),
        ("psi", List[float]),
    ],
)


def job_values(folder: str) -> Dict[str, str]:
    """Values of a job's form, by key; nothing if it has none that can be read."""
    try:
        table = read_star(os.path.join(folder, "job.star"))
        block = table.require("joboptions_values")
        keys = block.values("rlnJobOptionVariable")
        return dict(zip(keys, block.values("rlnJobOptionValue")))
    except StarError:
        return {}


def input_list(request: Request, folder: str) -> str:
    """STAR file of the micrographs that a picking or extraction job works on.

    Relative to the project; "" if it cannot be told.
    """
    for suffix_file in _suffix_files(folder):
        try:
            with open(suffix_file, encoding="utf-8", errors="surrogateescape") as file:
                line = file.readline(4096).strip()
        except OSError:
            continue
        if line.endswith(".star") and os.path.exists(request.path(line)):
            return line
    values = job_values(folder)
    for key in _INPUT_KEYS:
        if values.get(key, "").endswith(".star"):
            return _existing(request, values[key])
    for own in _OWN_LISTS:
        if os.path.exists(os.path.join(folder, own)):
            return os.path.relpath(os.path.join(folder, own), request.path(""))
    return ""


def _existing(request: Request, path: str) -> str:
    """Path with a job's name in place of an alias whose link is missing."""
    if not os.path.exists(request.path(path)):
        try:
            return pipeline_of(request).real_path(path)
        except (VerbError, ProjectError):
            pass
    return path


def own_list(folder: str) -> str:
    """Micrograph list that a job has made; "" if there is none."""
    for own in _OWN_LISTS:
        path = os.path.join(folder, own)
        if os.path.exists(path):
            return path
    return ""


def _suffix_files(folder: str) -> List[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = [n for n in names if n.startswith("coords_suffix_")]
    return [os.path.join(folder, n) for n in sorted(found)]


def micrograph_rows(path: str) -> Iterator[Micrograph]:
    """Rows of a micrograph list of any version."""
    stream = _micrograph_loop(path)
    with stream:
        name = "rlnMicrographName"
        if name not in stream.labels:
            name = "rlnMicrographMovieName"
        wanted = [name]
        places = {name: 0}
        for label in _LIST_COLUMNS:
            if label in stream.labels:
                places[label] = len(wanted)
                wanted.append(label)
        u, v = places.get("rlnDefocusU"), places.get("rlnDefocusV")
        optics, ctf = places.get("rlnOpticsGroup"), places.get("rlnCtfImage")
        fom = places.get("rlnCtfFigureOfMerit")
        resolution = places.get("rlnCtfMaxResolution")
        for row in stream.rows(wanted):
            defocus = None
            if u is not None and v is not None:
                defocus = (number(row[u]) + number(row[v])) / 2
                if defocus != defocus:
                    defocus = None
            yield Micrograph(
                row[0],
                defocus,
                row[optics] if optics is not None else "",
                row[ctf] if ctf is not None else "",
                _known(row, fom),
                _known(row, resolution),
            )


def _known(row: Tuple[str, ...], place: Optional[int]) -> Optional[float]:
    """Number at a place of a row; None where there is no such number."""
    value = number(row[place]) if place is not None else float("nan")
    return value if value - value == 0 else None


def _micrograph_loop(path: str) -> LoopStream:
    last: Optional[StarError] = None
    for block in ("micrographs", "movies", ""):
        stream = LoopStream(path, block)
        try:
            with stream:
                if "rlnMicrographName" in stream.labels:
                    return LoopStream(path, block)
                if "rlnMicrographMovieName" in stream.labels:
                    return LoopStream(path, block)
        except StarError as error:
            last = error
            if not os.path.exists(path):
                break
    if last is not None and not os.path.exists(path):
        raise last
    message = "{}: no list of micrographs in it".format(path)
    raise StarError(message)


def row_of(path: str, micrograph: str) -> Dict[str, str]:
    """The whole row of one micrograph by label; {} if it is not there."""
    with _micrograph_loop(path) as stream:
        labels = list(stream.labels)
        name = "rlnMicrographName"
        at = labels.index(name if name in labels else "rlnMicrographMovieName")
        for row in stream.rows():
            if row[at] == micrograph:
                return dict(zip(labels, row))
    return {}


def optics_rows(path: str) -> List[Dict[str, str]]:
    """Rows of the optics table; none before RELION 3.1."""
    try:
        with LoopStream(path, "optics") as stream:
            labels = list(stream.labels)
            return [dict(zip(labels, row)) for row in stream.rows()]
    except StarError:
        return []


def pixel_size_of(path: str, micrograph: str) -> float:
    """Pixel size in Å that a list gives a micrograph; 0 if it does not say."""
    rows = optics_rows(path)
    group = ""
    if len(rows) > 1:
        for row in micrograph_rows(path):
            if row.name == micrograph:
                group = row.optics
                break
    for optics in rows:
        if group in ("", optics.get("rlnOpticsGroup")):
            for label in ("rlnMicrographPixelSize", "rlnMicrographOriginalPixelSize"):
                value = number(optics.get(label, ""))
                if value > 0:
                    return value
    return 0.0


class CoordinateFiles:
    """Where a picking job keeps the coordinates of each micrograph."""

    def __init__(self, request: Request, folder: str) -> None:
        self._request = request
        self.folder = folder
        self.listed: Dict[str, str] = {}
        for name in ("autopick.star", "manualpick.star", "extractpick.star"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                self.listed = _coordinate_list(path)
                break
        self.suffix = self._suffix()

    def _suffix(self) -> str:
        for path in _suffix_files(self.folder):
            return os.path.basename(path)[len("coords_suffix") :]
        values = job_values(self.folder)
        pickname = values.get("fn_pickname") or values.get("pickname")
        if pickname:
            return "_" + pickname + ".star"
        real = os.path.realpath(self.folder)
        return _SUFFIXES.get(os.path.basename(os.path.dirname(real)), "_autopick.star")

    def path(self, micrograph: str) -> str:
        """Coordinate file of a micrograph, whether it is there or not."""
        if micrograph in self.listed:
            return self._request.path(self.listed[micrograph])
        rest = _JOB_PART.sub("", micrograph)
        root = os.path.splitext(rest)[0]
        if root.startswith(("/", "..")) or "/../" in root:
            message = "{}: a micrograph outside the project".format(micrograph)
            raise VerbError(message, "bad request")
        return os.path.join(self.folder, root + self.suffix)


def _coordinate_list(path: str) -> Dict[str, str]:
    try:
        with LoopStream(path) as stream:
            wanted = ["rlnMicrographName", "rlnMicrographCoordinates"]
            return {name: file for name, file in stream.rows(wanted)}
    except StarError:
        return {}


def read_coordinates(path: str) -> Coordinates:
    """Coordinates of a STAR, box or text file; an empty file has none."""
    found = Coordinates([], [], [], [], [])
    if os.path.getsize(path) == 0:
        return found
    if path.endswith(".star"):
        return _read_star_coordinates(path, found)
    is_box = path.endswith(".box")
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            numbers = [number(word) for word in line.split()[:4]]
            if len(numbers) < 2 or numbers[0] != numbers[0] or numbers[1] != numbers[1]:
                continue
            x, y = numbers[0], numbers[1]
            if is_box and len(numbers) == 4:  # EMAN: a corner and a size
                x, y = x + numbers[2] / 2, y + numbers[3] / 2
            found.x.append(x)
            found.y.append(y)
    return found


def _read_star_coordinates(path: str, found: Coordinates) -> Coordinates:
    columns: Dict[str, List[Any]] = {
        "rlnAutopickFigureOfMerit": found.fom,
        "rlnClassNumber": found.class_number,
        "rlnAnglePsi": found.psi,
    }
    with LoopStream(path) as stream:
        there = [label for label in columns if label in stream.labels]
        for row in stream.rows(["rlnCoordinateX", "rlnCoordinateY", *there]):
            found.x.append(number(row[0]))
            found.y.append(number(row[1]))
            for label, text in zip(there, row[2:]):
                value = number(text)
                is_class = label == "rlnClassNumber"
                if is_class:
                    columns[label].append(int(value) if abs(value) < 1e9 else 0)
                else:
                    columns[label].append(value)
    if found.fom and all(f <= -999 or f != f for f in found.fom):
        found.fom.clear()  # RELION's word for "none"
    return found


def number(text: str) -> float:
    """The number that a text is; NaN if it is not one."""
    try:
        return float(text)
    except (ValueError, TypeError):
        return float("nan")


def number_or_zero(text: str) -> float:
    """The number that a text is; 0 if it is not one."""
    value = number(text)
    return value if value == value else 0.0


def histogram(values: Any, bins: int = 40) -> Optional[Dict[str, Any]]:
    """Counts between equally spaced edges; None without any.

    `values` may hold millions: they are gone through, never copied.
    """
    low, high, count = extent(values)
    if not count:
        return None
    if high <= low:
        return {"edges": [low - 0.5, low + 0.5], "counts": [count]}
    width = (high - low) / bins
    counts = [0] * bins
    last = bins - 1
    for value in values:
        if value - value == 0:
            place = int((value - low) / width)
            counts[place if place < last else last] += 1
    edges = [low + i * width for i in range(bins)] + [high]
    return {"edges": edges, "counts": counts}


def median(values: Any) -> float:
    """The middle of finite numbers, by sorting only those near it; NaN without any."""
    low, high, count = extent(values)
    if not count:
        return float("nan")
    if high <= low:
        return float(low)
    bins = 4096
    width = (high - low) / bins
    places = [0] * (bins + 1)
    for value in values:
        if value - value == 0:
            places[int((value - low) / width)] += 1
    below = first = 0
    middle = (count - 1) // 2
    while below + places[first] <= middle:
        below += places[first]
        first += 1
    last = first
    while below + sum(places[first : last + 1]) <= count // 2:
        last += 1
    near = sorted(
        v for v in values if v - v == 0 and first <= int((v - low) / width) <= last
    )
    return float(near[middle - below] + near[count // 2 - below]) / 2


def extent(values: Any) -> Tuple[float, float, int]:
    """Least, greatest and number of the finite ones."""
    low, high, count = float("inf"), float("-inf"), 0
    for value in values:
        if value - value == 0:
            count += 1
            if value < low:
                low = value
            if value > high:
                high = value
    return low, high, count


def count_histogram(counts: List[int]) -> Optional[Dict[str, Any]]:
    """Histogram of whole numbers: edges are whole, bins equally wide."""
    if not counts:
        return None
    low, high = min(counts), max(counts)
    width = max(1, -(-(high - low + 1) // 30))
    bins = max(1, -(-(high - low + 1) // width))
    found = [0] * bins
    for count in counts:
        found[(count - low) // width] += 1
    edges = [float(low + i * width) for i in range(bins + 1)]
    return {"edges": edges, "counts": found}


def stamp(path: str) -> Tuple[int, int]:
    """What tells whether a file has changed; zeros if it is not there."""
    try:
        there = os.stat(path)
    except OSError:
        return (0, 0)
    return (int(there.st_mtime * 1e6), there.st_size)
