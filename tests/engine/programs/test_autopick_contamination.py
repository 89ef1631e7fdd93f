"""The option that leaves out picks on carbon, in jobs of both kinds of picking."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.engine_jobs import make_project, run_engine, write_job

from engine.io.coordinates import read_coordinates
from engine.io.mrc import write_mrc

EDGE, PIXEL_SIZE, RADIUS_PX, CARBON_PX = 600, 5.0, 16, 180
LOG = {"do_log": "Yes", "log_diam_min": "150", "log_diam_max": "170"}
TEMPLATES = {
    "fn_refs_autopick": "refs.mrcs",
    "angpix_ref": str(PIXEL_SIZE),
    "particle_diameter": "200",
    "do_invert_refs": "Yes",
    "do_ctf_autopick": "No",
    "psi_sampling_autopick": "90",
    "threshold_autopick": "-1",
    "mindist_autopick": "120",
    "maxstddevnoise_autopick": "-1",
}


def disc(edge: int, y: float, x: float) -> np.ndarray:
    rows, columns = np.ogrid[:edge, :edge]
    return np.hypot(rows - y, columns - x) < RADIUS_PX


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One micrograph: carbon with grains on its left, particles on the rest."""
    rng = np.random.default_rng(3)
    image = 2 * rng.standard_normal((EDGE, EDGE))
    for y in range(60, EDGE - 40, 70):
        for x in range(60, EDGE - 40, 70):
            image -= 2.0 * disc(EDGE, y + rng.uniform(-5, 5), x + rng.uniform(-5, 5))
    image[:, :CARBON_PX] -= 15.0
    path = tmp_path / "made.mrc"
    write_mrc(path, image.astype(np.float32), PIXEL_SIZE)
    make_project(tmp_path, [path], PIXEL_SIZE)
    reference = disc(64, 32, 32)[None].astype(np.float32)
    write_mrc(tmp_path / "refs.mrcs", reference, PIXEL_SIZE)
    return tmp_path


def pick(project: Path, name: str, **values: str) -> tuple[np.ndarray, dict, str]:
    """The picks' x, the summary, and what the job said."""
    write_job(
        project,
        name,
        "autopick",
        fn_input_autopick="micrographs.star",
        **values,
    )
    done = run_engine(project, name)
    assert done.returncode == 0, done.stdout + done.stderr
    found = read_coordinates(project / name / "Micrographs/made_autopick.star")
    summary = json.loads((project / name / "summary.json").read_text())
    said = done.stdout + "".join(p.read_text() for p in (project / name).glob("*.out"))
    return found.x, summary, said


@pytest.mark.parametrize("way", [LOG, TEMPLATES], ids=["log", "templates"])
def test_picks_on_carbon_are_left_out_and_counted_and_those_far_away_stay(project, way):
    everywhere, summary, _ = pick(
        project, "AutoPick/job001", **way, cryodeck_avoid_contamination="No"
    )
    assert "picks_left_out" not in summary
    on_carbon = everywhere < CARBON_PX
    assert on_carbon.sum() > 5
    clean, summary, said = pick(
        project, "AutoPick/job002", **way, cryodeck_avoid_contamination="Yes"
    )
    assert not (clean < CARBON_PX).any()
    assert summary["picks_left_out"] == len(everywhere) - len(clean)
    assert f"{summary['picks_left_out']} picks on carbon or ice left out" in said
    assert summary["picks_total"] == len(clean)
    # strong carbon may take what is within a diameter of its edge
    safe = everywhere > CARBON_PX + 2.5 * RADIUS_PX
    assert safe.sum() > 30
    assert set(everywhere[safe]) <= set(clean)


@pytest.mark.parametrize(
    ("way", "leaves_out"),
    [(LOG, False), (TEMPLATES, True), (TEMPLATES | {"cryodeck_compat": "Yes"}, False)],
    ids=["log", "templates", "as RELION"],
)
def test_by_default_templates_leave_out_carbon_where_relion_is_not_copied(
    project, way, leaves_out
):
    found, summary, _ = pick(project, "AutoPick/job001", **way)
    assert ("picks_left_out" in summary) == leaves_out
    assert bool((found < CARBON_PX).any()) != leaves_out


def test_maps_that_were_kept_are_searched_with_the_same_mask(project):
    written, _, _ = pick(
        project,
        "AutoPick/job001",
        **TEMPLATES,
        do_write_fom_maps="Yes",
        cryodeck_avoid_contamination="Yes",
    )
    read, summary, _ = pick(
        project,
        "AutoPick/job001",
        **TEMPLATES,
        do_read_fom_maps="Yes",
        cryodeck_avoid_contamination="Yes",
    )
    np.testing.assert_array_equal(read, written)
    assert summary["picks_left_out"] > 0
