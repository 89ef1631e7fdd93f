"""Numbers by which picks are colored, from particles or from coordinates."""

from __future__ import annotations

from pathlib import Path

import pytest

from remote.agent.pick_colors import of_micrograph
from remote.agent.verbs import Request, VerbError

PARTICLES = """
data_optics

loop_
_rlnOpticsGroup #1
_rlnVoltage #2
1 300

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnMicrographName #3
_rlnAutopickFigureOfMerit #4
  10.5  20.0 Movies/a.mrc  0.5
  30.0  40.0 Movies/b.mrc  0.7
  50.0  60.0 Movies/a.mrc  nan
  70.0  80.0 Movies/a.mrc  -1.5
"""
COORDINATES = """
data_

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnParticleSelectZScore #3
1 2 3
4 5 6
"""


def test_particles_of_one_micrograph_or_all_of_a_coordinate_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "particles.star").write_text(PARTICLES)
    (tmp_path / "a_pick.star").write_text(COORDINATES)
    request = Request(1, str(tmp_path))
    fom = "rlnAutopickFigureOfMerit"
    said = of_micrograph(request, "particles.star", "Movies/a.mrc", fom)
    assert said["picks"] == [[10.5, 20.0, 0.5], [70.0, 80.0, -1.5]]
    label = "rlnParticleSelectZScore"
    said = of_micrograph(request, "a_pick.star", "Movies/a.mrc", label)
    assert said["picks"] == [[1, 2, 3], [4, 5, 6]]


def test_what_cannot_color_is_named(tmp_path: Path) -> None:
    (tmp_path / "particles.star").write_text(PARTICLES)
    request = Request(1, str(tmp_path))
    with pytest.raises(VerbError, match="no column _rlnParticleSelectZScore"):
        of_micrograph(request, "particles.star", "a", "rlnParticleSelectZScore")
    with pytest.raises(VerbError, match=r"gone\.star: no table of particles"):
        of_micrograph(request, "gone.star", "a", "rlnParticleSelectZScore")
