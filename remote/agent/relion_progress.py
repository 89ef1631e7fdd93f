"""How far a classification has come: told by the files of its iterations."""

import os
import re
import struct
from typing import Any, Dict, Optional

from remote.agent import lists

_ITERATION = re.compile(r"run(?:_ct[0-9]+)?_it([0-9]{3,})_optimiser\.star\Z")
_LOOKED_AT = 5  # older ones are not needed
_WANTED = ("nr_iter", "nr_iter_em", "nr_iter_grad")


def iterations(
    directory: str, started: Optional[Dict[str, str]]
) -> Optional[Dict[str, Any]]:
    """As a record of progress.jsonl would say it; None for jobs of other types."""
    found = _found(directory)
    if not found:
        return None
    done = max(found)
    at = lists.stamp(os.path.join(directory, found[done]))[0] / 1e6
    first = lists.stamp(os.path.join(directory, found[min(found)]))[0] / 1e6
    began = lists.number((started or {}).get("time", ""))
    return {
        "started_at": min(began, at) if began == began else first,
        "at": at,
        "last": "iteration",
        "step": {
            "t": at,
            "kind": "iteration",
            "done": done,
            "total": _wanted(directory),
            "unit": "iterations",
        },
        "failed": "",
    }


def newest_whole(directory: str) -> str:
    """Name of the optimiser file of the newest iteration that is whole; or empty.

    A job that was killed may have left the files of its last iteration half written.
    """
    found = _found(directory)
    for number in sorted(found, reverse=True)[:_LOOKED_AT]:
        root = os.path.join(directory, found[number])[: -len("_optimiser.star")]
        if _is_whole(root):
            return found[number]
    return ""


def _found(directory: str) -> Dict[int, str]:
    """Optimiser files by iteration; empty for jobs of other types."""
    folder = os.path.dirname(os.path.normpath(directory))
    if not os.path.basename(folder).startswith("Class"):
        return {}
    found: Dict[int, str] = {}
    try:
        for name in sorted(os.listdir(directory)):
            match = _ITERATION.match(name)
            if match is None:
                continue
            number = int(match.group(1))
            if number not in found or _newer(directory, name, found[number]):
                found[number] = name
    except OSError:
        return {}
    return found


def _newer(directory: str, name: str, other: str) -> bool:
    times = [lists.stamp(os.path.join(directory, one))[0] for one in (name, other)]
    return times[0] > times[1]


def _is_whole(root: str) -> bool:
    """Whether an iteration's tables end with a line's end and its images are there."""
    try:
        for end in ("optimiser", "data", "model", "sampling"):
            with open("{}_{}.star".format(root, end), "rb") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    return False
        stack = root + "_classes.mrcs"
        if not os.path.exists(stack):  # three-dimensional classes have volumes
            return True
        with open(stack, "rb") as file:
            header = file.read(1024)
            size = file.seek(0, os.SEEK_END)
        columns, rows, sections, _ = struct.unpack("<4i", header[:16])
        extended = struct.unpack("<i", header[92:96])[0]
        return bool(size >= 1024 + int(extended) + 4 * columns * rows * sections)
    except (OSError, struct.error):
        return False


def _wanted(directory: str) -> int:
    values = lists.job_values(directory)
    keys = reversed(_WANTED) if values.get("do_grad") == "Yes" else iter(_WANTED)
    for key in keys:
        value = lists.number(values.get(key, ""))
        if value == value and value > 0:
            return int(value)
    return 0
