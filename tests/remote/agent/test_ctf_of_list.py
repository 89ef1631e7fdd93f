"""The contrast transfer function of one micrograph, from lists old and new."""

from __future__ import annotations

import pytest

from engine.project.errors import ProjectError
from remote.agent import ctf
from remote.agent.verbs import Request, VerbError

OPTICS = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnMicrographPixelSize #5
1 300 2.7 0.1 0.9
2 200 1.4 0.07 0.885
"""
NEW = """
data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
_rlnDefocusU #3
_rlnDefocusV #4
_rlnDefocusAngle #5
_rlnCtfMaxResolution #6
a.mrc 1 9000 8900 10 3.5
b.mrc 2 10863.86 10575.8 77.99 4.0
c.mrc 2 nan 10575.8 77.99 inf
"""
OLD = """
data_

loop_
_rlnMicrographName #1
_rlnDefocusU #2
_rlnDefocusV #3
_rlnDefocusAngle #4
_rlnVoltage #5
_rlnSphericalAberration #6
_rlnAmplitudeContrast #7
a.mrc 9000 8900 10 300 2.7 0.1
"""


def asked(tmp_path, text: str, micrograph: str) -> dict[str, float]:
    folder = tmp_path / "CtfFind/job003"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "micrographs_ctf.star").write_text(text)
    request = Request(1, str(tmp_path), 30.0)

    return ctf.of_micrograph(request, "CtfFind/job003", micrograph)


def test_the_optics_group_gives_what_the_row_has_not(tmp_path):
    found = asked(tmp_path, OPTICS + NEW, "b.mrc")
    assert found == {
        "defocus_u": 10863.86,
        "defocus_v": 10575.8,
        "angle": 77.99,
        "resolution": 4.0,
        "voltage": 200.0,
        "cs": 1.4,
        "amplitude": 0.07,
    }
    assert asked(tmp_path, OPTICS + NEW, "a.mrc")["voltage"] == 300.0


def test_old_lists_have_it_all_in_the_row(tmp_path):
    found = asked(tmp_path, OLD, "a.mrc")
    assert (found["defocus_u"], found["voltage"], found["cs"]) == (9000.0, 300.0, 2.7)


@pytest.mark.parametrize("micrograph", ["c.mrc", "gone.mrc"])
def test_where_something_is_missing_there_is_none(tmp_path, micrograph):
    assert asked(tmp_path, OPTICS + NEW, micrograph) == {}


def test_errors_are_the_agents(tmp_path):
    with pytest.raises((VerbError, ProjectError)):
        asked(tmp_path, "nothing", "a.mrc")
