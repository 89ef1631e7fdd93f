"""What a list of micrographs says of the contrast transfer function of one of them."""

import math
from typing import Dict

from remote.agent import lists
from remote.agent.project import job_folder
from remote.agent.verbs import Request, verb

#: from the micrograph's row, and since RELION 3.1 from the row of its optics group
_LABELS = (
    ("defocus_u", "rlnDefocusU"),
    ("defocus_v", "rlnDefocusV"),
    ("angle", "rlnDefocusAngle"),
    ("phase_shift", "rlnPhaseShift"),
    ("resolution", "rlnCtfMaxResolution"),
    ("voltage", "rlnVoltage"),
    ("cs", "rlnSphericalAberration"),
    ("amplitude", "rlnAmplitudeContrast"),
)


@verb()
def of_micrograph(request: Request, name: str, micrograph: str) -> Dict[str, float]:
    """Defocus (Å), angles (degrees), kV, mm: what the list says; {} if not enough."""
    _, folder = job_folder(request, name)
    source = lists.own_list(folder) or request.path(lists.input_list(request, folder))
    row = lists.row_of(source, micrograph)
    group = row.get("rlnOpticsGroup", "")
    for optics in lists.optics_rows(source):
        if group in ("", optics.get("rlnOpticsGroup")):
            row = dict(optics, **row)
            break
    found = {}
    for key, label in _LABELS:
        value = lists.number(row.get(label, ""))
        if math.isfinite(value):
            found[key] = value
    needed = {"defocus_u", "defocus_v", "voltage", "cs", "amplitude"}
    return found if needed <= set(found) else {}
