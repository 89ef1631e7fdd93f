"""Numbers from another table by which the picks of a micrograph are colored."""

import contextlib
from typing import Any, Dict, List

from engine.project.errors import StarError
from remote.agent import lists
from remote.agent.particles import particle_loop
from remote.agent.verbs import Request, VerbError, verb

_MOST = 100000  # picks of one micrograph
_PLACE = ["rlnCoordinateX", "rlnCoordinateY"]


@verb(heavy=True)
def of_micrograph(
    request: Request, path: str, micrograph: str, label: str
) -> Dict[str, Any]:
    """Places on a micrograph and a column's number at each: {"picks": [[x, y, n]]}.

    A table without names of micrographs is one of this micrograph's coordinates.
    """
    found: List[List[float]] = []
    columns = [*_PLACE, label]
    with contextlib.ExitStack() as opened:
        try:
            stream = opened.enter_context(particle_loop(request.path(path)))
        except StarError:
            message = "{}: no table of particles to color picks by".format(path)
            raise VerbError(message, "not found") from None
        missing = [one for one in columns if one not in stream.labels]
        if missing:
            message = "{}: no column _{} to color picks by"
            raise VerbError(message.format(path, missing[0]), "bad request")
        has_names = "rlnMicrographName" in stream.labels
        if has_names:
            columns.append("rlnMicrographName")
        for number, row in enumerate(stream.rows(columns)):
            if number % 4096 == 0:
                request.check()
            if has_names and row[3] != micrograph:
                continue
            x, y, value = (lists.number(word) for word in row[:3])
            if x == x and y == y and value == value and len(found) < _MOST:
                found.append([x, y, value])
    return {"picks": found}
