"""How the picks of two jobs agree: counted where the coordinate files are."""

from typing import Any, Dict, List, Set, Tuple

from engine.project.errors import StarError
from remote.agent import lists
from remote.agent.project import job_folder
from remote.agent.statistics import micrographs
from remote.agent.verbs import Request, VerbError, verb

Point = Tuple[float, float]


@verb(heavy=True)
def of_jobs(
    request: Request, first: str, second: str, within_angstrom: float = 40.0
) -> Dict[str, Any]:
    """Picks of two jobs on the micrographs that both have done, and pairs of them.

    A pair is a pick of each that lie within a distance; the nearest are paired first
    and none twice.
    """
    rows = {row["name"]: row for row in micrographs(request, first)}
    others = {row["name"]: row for row in micrographs(request, second)}
    folders = [job_folder(request, name)[1] for name in (first, second)]
    files = [lists.CoordinateFiles(request, folder) for folder in folders]
    source = lists.input_list(request, folders[0])
    found: List[Dict[str, Any]] = []
    size = 0.0
    for name, row in rows.items():
        request.check()
        if name not in others or None in (row["picks"], others[name]["picks"]):
            continue
        size = size or lists.pixel_size_of(request.path(source), name)
        if size <= 0:
            text = "{}: the pixel size of its micrographs is unknown"
            raise VerbError(text.format(first), "not found")
        try:
            both = [lists.read_coordinates(one.path(name)) for one in files]
        except (OSError, StarError) as error:
            raise VerbError(str(error), "failed") from error
        points = [
            [(x, y) for x, y in zip(one.x, one.y) if x - x == 0 and y - y == 0]
            for one in both
        ]
        shared = count_pairs(points[0], points[1], within_angstrom / size)
        found.append(
            {
                "name": name,
                "first": len(points[0]),
                "second": len(points[1]),
                "shared": shared,
            }
        )
    return {"within_angstrom": within_angstrom, "micrographs": found}


def count_pairs(first: List[Point], second: List[Point], radius: float) -> int:
    """Number of pairs within a radius, the nearest first, no point used twice."""
    return len(pairs_within(first, second, radius))


def pairs_within(
    first: List[Point], second: List[Point], radius: float
) -> List[Tuple[int, int]]:
    """Places in both lists of pairs within a radius, the nearest first, none twice."""
    cells: Dict[Tuple[int, int], List[int]] = {}
    side = max(radius, 1e-6)
    for j, (x, y) in enumerate(second):
        cells.setdefault((int(x // side), int(y // side)), []).append(j)
    pairs = []
    for i, (x, y) in enumerate(first):
        column, row = int(x // side), int(y // side)
        for near in range(column - 1, column + 2):
            for beside in range(row - 1, row + 2):
                for j in cells.get((near, beside), ()):
                    square = (second[j][0] - x) ** 2 + (second[j][1] - y) ** 2
                    if square <= radius * radius:
                        pairs.append((square, i, j))
    used_first: Set[int] = set()
    used_second: Set[int] = set()
    found = []
    for _, i, j in sorted(pairs):
        if i not in used_first and j not in used_second:
            used_first.add(i)
            used_second.add(j)
            found.append((i, j))
    return found
