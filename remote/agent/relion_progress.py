"""How far RELION's own classification has come: told by the files of its iterations."""

import os
import re
from typing import Any, Dict, Optional

from remote.agent import lists

_ITERATION = re.compile(r"run(?:_ct[0-9]+)?_it([0-9]{3,})_optimiser\.star\Z")
_WANTED = ("nr_iter", "nr_iter_em", "nr_iter_grad")


def iterations(
    directory: str, started: Optional[Dict[str, str]]
) -> Optional[Dict[str, Any]]:
    """As a record of progress.jsonl would say it; None if it is no classification."""
    folder = os.path.dirname(os.path.normpath(directory))
    if not os.path.basename(folder).startswith("Class"):
        return None
    found = {}
    try:
        for name in os.listdir(directory):
            match = _ITERATION.match(name)
            if match:
                found[int(match.group(1))] = name
    except OSError:
        return None
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


def _wanted(directory: str) -> int:
    values = lists.job_values(directory)
    keys = reversed(_WANTED) if values.get("do_grad") == "Yes" else iter(_WANTED)
    for key in keys:
        value = lists.number(values.get(key, ""))
        if value == value and value > 0:
            return int(value)
    return 0
