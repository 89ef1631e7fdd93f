"""All picks of a job at once, for trying thresholds without asking again."""

import array
import os
import sys
from typing import Any, Dict, List

from engine.project.errors import StarError
from remote.agent import lists
from remote.agent.project import job_folder
from remote.agent.verbs import Answer, Request, VerbError, verb

_MAX_PICKS = 1000000  # 12 MB on the way
_MAP_ENDS = ("_bestCCF.spi", "_bestLoG.spi")


@verb(heavy=True)
def of_job(request: Request, name: str) -> Answer:
    """Picks of every micrograph: float32 x, y and FOM of each, one after the other.

    {"micrographs": [{"name", "picks", "has_fom", "has_map"}], "pixel_size": Å}
    """
    found, folder = job_folder(request, name)
    if found.partition("/")[0] not in ("AutoPick", "ManualPick"):
        message = "{}: not a picking job".format(found)
        raise VerbError(message, "bad request")
    source = lists.input_list(request, folder)
    if not source:
        message = "{}: its form names no list of micrographs".format(found)
        raise VerbError(message, "not found")
    path = request.path(source)
    files = lists.CoordinateFiles(request, folder)
    maps: Dict[str, List[str]] = {}
    rows: List[Dict[str, Any]] = []
    numbers = array.array("f")
    for micrograph in lists.micrograph_rows(path):
        request.check()
        file_path = files.path(micrograph.name)
        try:
            picks = lists.read_coordinates(file_path)
        except (OSError, StarError):
            continue  # not picked yet
        has_fom = len(picks.fom) == len(picks.x)
        rows.append(
            {
                "name": micrograph.name,
                "picks": len(picks.x),
                "has_fom": has_fom,
                "has_map": _has_map(maps, file_path),
            }
        )
        numbers.extend(picks.x)
        numbers.extend(picks.y)
        numbers.extend(picks.fom if has_fom else [0.0] * len(picks.x))
        if len(numbers) > 3 * _MAX_PICKS:
            message = "{}: more than {} picks: choose fewer micrographs to try on"
            raise VerbError(message.format(found, _MAX_PICKS), "memory")
    if sys.byteorder == "big":
        numbers.byteswap()
    size = lists.pixel_size_of(path, rows[0]["name"]) if rows else 0.0
    said: Dict[str, Any] = {"micrographs": rows, "pixel_size": size}
    return Answer(said, numbers.tobytes())


def _has_map(known: Dict[str, List[str]], path: str) -> bool:
    """Whether a FOM map stands beside a coordinate file."""
    folder, name = os.path.split(path)
    if folder not in known:
        try:
            known[folder] = [n for n in os.listdir(folder) if n.endswith(_MAP_ENDS)]
        except OSError:
            known[folder] = []
    root = os.path.splitext(name)[0] + "_"
    return any(n.startswith(root) for n in known[folder])
