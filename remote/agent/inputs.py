"""What a form's input files hold: rows, sizes, whether there is a CTF."""

import os
from typing import Any, Dict, List, Optional, Tuple

from engine.project.errors import StarError
from engine.project.star_stream import LoopStream, count_rows
from remote.agent.mrc import read_header
from remote.agent.verbs import Request, VerbError, verb

MOST_BYTES = 2 << 30  # of a table whose rows are counted
_BLOCKS = ("particles", "micrographs", "movies", "")
_PIXEL = (
    "rlnImagePixelSize",
    "rlnMicrographPixelSize",
    "rlnPixelSize",
    "rlnMicrographOriginalPixelSize",
)

#: path -> state of the file, what was found; so that every letter typed costs a stat
_known: Dict[str, Tuple[Tuple[int, int], Dict[str, Any]]] = {}


@verb(heavy=True)
def look_at(request: Request, paths: List[str]) -> Dict[str, Any]:
    """{"files": {path: what it holds, or None if it is not there}, "free": bytes}.

    "cores" and "memory" (bytes) are this host's, for what runs without a queue.
    """
    found: Dict[str, Any] = {}
    for path in paths:
        request.check()
        found[path] = _held(request, path)
    disk = os.statvfs(request.path(""))
    return {
        "files": found,
        "free": disk.f_bavail * disk.f_frsize,
        "cores": _cores(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }


def _cores() -> int:
    """Cores of this host that a job may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _held(request: Request, name: str) -> Optional[Dict[str, Any]]:
    path = request.path(name)
    try:
        there = os.stat(path)
    except OSError:
        return None
    state = (there.st_mtime_ns, there.st_size)
    if path in _known and _known[path][0] == state:
        return dict(_known[path][1])
    said: Dict[str, Any] = {}
    if path.endswith(".star") and os.path.isfile(path):
        try:
            said = _of_star(request, path, there.st_size)
        except (StarError, OSError, ValueError):
            said = {}  # the job will say what is wrong with it
    if len(_known) > 200:
        _known.clear()
    _known[path] = (state, said)
    return dict(said)


def _of_star(request: Request, path: str, size: int) -> Dict[str, Any]:
    said = _of_optics(path)
    for block in _BLOCKS:
        try:
            with LoopStream(path, block) as stream:
                said["block"] = stream.block
                said["has_ctf"] = "rlnDefocusU" in stream.labels
                first = dict(zip(stream.labels, next(stream.rows(), ())))
        except StarError:
            continue
        if size <= MOST_BYTES:
            said["rows"] = count_rows(path, block)
        said.update(_of_first_row(request, first, said))
        break
    return said


def _of_optics(path: str) -> Dict[str, Any]:
    try:
        with LoopStream(path, "optics") as stream:
            first = dict(zip(stream.labels, next(stream.rows(), ())))
    except StarError:
        return {}
    return _numbers(first)


def _numbers(row: Dict[str, str]) -> Dict[str, Any]:
    said: Dict[str, Any] = {}
    for label in _PIXEL:
        if label in row:
            said["pixel_size"] = float(row[label])
            break
    if "rlnImageSize" in row:
        said["box_px"] = int(float(row["rlnImageSize"]))
    return said


def _of_first_row(
    request: Request, row: Dict[str, str], known: Dict[str, Any]
) -> Dict[str, Any]:
    """What only the images themselves tell: their size, else the pixels' too."""
    said = {k: v for k, v in _numbers(row).items() if k not in known}
    image = row.get("rlnImageName", "").rpartition("@")[2]
    micrograph = row.get("rlnMicrographName", "")
    wanted = image if image and "box_px" not in known else micrograph
    if not wanted or not wanted.endswith((".mrc", ".mrcs")):
        return said
    try:
        path = request.path(wanted)
        with open(path, "rb") as handle:
            head = read_header(handle, path)
    except (OSError, VerbError):
        return said
    if wanted == image:
        said["box_px"] = head.nx
    elif not image:
        said["micrograph_px"] = [head.nx, head.ny]
    if "pixel_size" not in known and "pixel_size" not in said and head.pixel_size > 0:
        said["pixel_size"] = head.pixel_size
    return said
