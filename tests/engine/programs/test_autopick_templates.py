"""Template picking as a job, beside RELION 3.1.3 on the same data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.engine_jobs import (
    DATA,
    run_engine,
    run_relion,
    small_project,
    write_job,
)
from support.pipelines import set_status

from engine.io.coordinates import read_coordinates
from engine.io.mrc import read_image, read_images, write_mrc
from engine.picking.directions import symmetry_operators
from engine.project import actions, clean

EXPECTED = DATA / "picking/expected"
JOB = "AutoPick/job001"
PICKS = f"{JOB}/Micrographs/mic1_autopick.star"
PLANTED = np.array(
    [(36, 40), (86, 36), (150, 44), (44, 100), (96, 88), (146, 96), (70, 132)]
)
CASE_B = {
    "fn_input_autopick": "micrographs_ctf.star",
    "fn_refs_autopick": "refs.mrcs",
    "angpix_ref": "4",
    "psi_sampling_autopick": "15",
    "lowpass": "20",
    "threshold_autopick": "0.3",
    "mindist_autopick": "60",
    "maxstddevnoise_autopick": "-1",
    "cryodeck_avoid_contamination": "No",  # the sheet's picks, all of them
}
CASE_C = CASE_B | {
    "fn_refs_autopick": "refs8.star",
    "angpix_ref": "-1",
    "psi_sampling_autopick": "20",
    "shrink": "0.5",
    "highpass": "400",
    "threshold_autopick": "0.2",
    "mindist_autopick": "40",
    "maxstddevnoise_autopick": "1.05",
    "minavgnoise_autopick": "-0.3",
    "do_ignore_first_ctfpeak_autopick": "Yes",
    "other_args": "--skip_side 4",
}
#: E of case B's references without the random term: the fact sheet's
EXPECTED_RATIOS = np.array([1.071266381, 1.076642336])
RELION_B = (
    *("relion_autopick", "--i", "micrographs_ctf.star", "--pickname", "autopick"),
    *("--odir", f"{JOB}/", "--ref", "refs.mrcs", "--angpix_ref", "4", "--invert"),
    *("--ctf", "--ang", "15", "--shrink", "0", "--lowpass", "20"),
    *("--threshold", "0.3", "--min_distance", "60"),
)


def run(project: Path, name: str = JOB, **values: str):
    write_job(project, name, "autopick", **values)
    done = run_engine(project, name)
    assert done.returncode == 0, done.stderr
    return done


def check_picks(path: Path, expected: Path, tolerance: float = 0.0) -> None:
    ours, theirs = read_coordinates(path), read_coordinates(expected)
    assert len(ours) == len(theirs)
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-6)
    np.testing.assert_allclose(ours.y, theirs.y, atol=2e-6)
    np.testing.assert_allclose(ours.fom, theirs.fom, atol=5e-6, rtol=tolerance)
    np.testing.assert_array_equal(ours.class_number, theirs.class_number)
    np.testing.assert_allclose(ours.psi, theirs.psi, atol=1e-6)


@pytest.mark.parametrize(("case", "values"), [("B", CASE_B), ("C", CASE_C)])
def test_the_fact_sheets_picks_come_out_when_compatible(tmp_path, case, values):
    small_project(tmp_path)
    run(tmp_path, **values, cryodeck_compat="Yes")
    check_picks(tmp_path / PICKS, EXPECTED / f"{case}_mic1_autopick.star")


def test_relions_isolation_filter_comes_with_compatibility_only(tmp_path):
    small_project(tmp_path)
    values = CASE_B | {"mindist_autopick": "210"}
    run(tmp_path, **values, cryodeck_compat="Yes")
    check_picks(tmp_path / PICKS, EXPECTED / "D_mic1_autopick.star")
    run(tmp_path, **values)
    ours = read_coordinates(tmp_path / PICKS)
    assert len(ours) >= 3
    expected = read_coordinates(EXPECTED / "B_noisefree_mic1_autopick.star")
    assert ours.fom[0] == pytest.approx(on_one_scale(expected).max(), abs=1e-5)


def take(found, which):
    """Some of the picks."""
    columns = ("x", "y", "fom", "class_number", "psi")
    return replace(found, **{name: getattr(found, name)[which] for name in columns})


def on_one_scale(found):
    """RELION's figures of merit, had both references the harmonic mean's power."""
    powers = 2 * np.log(EXPECTED_RATIOS)
    power = len(powers) / (1 / powers).sum()
    own = powers[found.class_number - 1]
    exponent = np.log1p(found.fom * np.expm1(own / 2))
    exponent = (exponent + own / 2) * np.sqrt(power / own) - power / 2
    return np.expm1(exponent) / np.expm1(power / 2)


def test_by_default_picks_are_the_fact_sheets_between_pixels(tmp_path):
    small_project(tmp_path)
    run(tmp_path, **CASE_B)
    ours = read_coordinates(tmp_path / PICKS)
    ours = take(ours, ours.fom >= 0.35)  # one more is just above the threshold of 0.3
    expected = read_coordinates(EXPECTED / "B_noisefree_mic1_autopick.star")
    assert len(ours) == len(expected)
    apart = np.hypot(ours.x[:, None] - expected.x, ours.y[:, None] - expected.y)
    near = apart.argmin(axis=1)
    is_same = ours.class_number == expected.class_number[near]
    assert apart.min(axis=1)[is_same].max() < 2.5  # a map pixel
    merits = on_one_scale(expected)[near]
    np.testing.assert_allclose(ours.fom[is_same], merits[is_same], atol=1e-5)
    # the weaker reference's fit is not taken where the other is more similar
    (other,) = np.flatnonzero(~is_same)
    assert (ours.class_number[other], ours.psi[other]) == (2, 270)
    assert np.hypot(ours.x[other] - 86, ours.y[other] - 36) < 2.5
    assert ours.fom[other] > merits[other]
    found = np.stack([ours.x, ours.y], axis=1)
    errors = np.hypot(*(PLANTED[:, None] - found[None]).T).min(axis=0)
    assert np.median(errors) < 4  # the references' own centers are no better


@pytest.mark.relion
@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"shrink": "1"}, ("--shrink", "1")),
        ({"shrink": "150"}, ("--shrink", "150")),
        ({"lowpass": "-1"}, ("--lowpass", "-1")),
        ({"psi_sampling_autopick": "24"}, ("--ang", "24")),
        (
            {"particle_diameter": "80", "highpass": "300"},
            ("--particle_diameter", "80", "--highpass", "300"),
        ),
    ],
)
def test_compatible_picks_are_relions_with_other_settings(tmp_path, values, flags):
    small_project(tmp_path)
    run(tmp_path, **CASE_B | values, cryodeck_compat="Yes")
    command = [w.replace(f"{JOB}/", "R/") for w in RELION_B]
    run_relion(tmp_path, *command, *flags)
    # without a low-pass the last row of frequencies is treated differently
    check_picks(tmp_path / PICKS, tmp_path / "R/Micrographs/mic1_autopick.star", 1e-3)


@pytest.mark.relion
@pytest.mark.parametrize("writer", ["relion", "cryodeck"])
def test_each_program_picks_from_the_others_maps(tmp_path, writer):
    small_project(tmp_path)
    compatible = CASE_B | {"cryodeck_compat": "Yes"}
    (tmp_path / JOB).mkdir(parents=True)
    if writer == "relion":
        run_relion(tmp_path, *RELION_B, "--write_fom_maps")
        (tmp_path / PICKS).unlink()
        run(tmp_path, **compatible, do_read_fom_maps="Yes")
    else:
        run(tmp_path, **compatible, do_write_fom_maps="Yes")
        (tmp_path / PICKS).unlink()
        run_relion(tmp_path, *RELION_B, "--read_fom_maps")
    check_picks(tmp_path / PICKS, EXPECTED / "B_mic1_autopick.star")


def test_a_new_threshold_on_maps_that_were_kept_needs_no_matching(tmp_path):
    small_project(tmp_path)
    run(tmp_path, **CASE_B, do_write_fom_maps="Yes")
    everything = read_coordinates(tmp_path / PICKS)
    values = CASE_B | {"do_read_fom_maps": "Yes", "threshold_autopick": "1.2"}
    write_job(tmp_path, JOB, "autopick", is_continue=True, **values)
    micrograph = tmp_path / "Micrographs/mic1.mrc"
    write_mrc(micrograph, np.zeros_like(read_image(micrograph)), 4.0)
    assert run_engine(tmp_path, JOB).returncode == 0
    few = read_coordinates(tmp_path / PICKS)
    np.testing.assert_array_equal(few.fom, everything.fom[everything.fom >= 1.2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"psi_sampling_autopick": "10"}, "made with other settings"),
        ({"do_ctf_autopick": "No"}, "made with other settings"),
        ({"fn_refs_autopick": "refs8.star", "angpix_ref": "8"}, "other settings"),
        ({"shrink": "0.5"}, "shrink or low-pass"),
    ],
)
def test_maps_of_other_settings_are_refused(tmp_path, change, words):
    small_project(tmp_path)
    run(tmp_path, **CASE_B, do_write_fom_maps="Yes")
    values = CASE_B | {"do_read_fom_maps": "Yes"} | change
    write_job(tmp_path, JOB, "autopick", **values)
    done = run_engine(tmp_path, JOB)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize("way", ["log", "templates"])
def test_gentle_clean_takes_the_maps_away_and_leaves_the_picks(
    tmp_path, monkeypatch, way
):
    small_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    actions.create_project(".", "3.1")
    job = actions.new_job(".", "AutoPick", "s")
    log = {"do_log": "Yes", "log_diam_min": "80", "log_diam_max": "120"}
    values = CASE_B | (log if way == "log" else {})
    run(tmp_path, job, **values, do_write_fom_maps="Yes")
    before = {path.name for path in (tmp_path / job).rglob("*.spi")}
    assert len(before) == (15 if way == "log" else 6)
    set_status(".", job, "Succeeded")
    clean.clean(".", job)
    assert not list((tmp_path / job).rglob("*.spi"))
    assert len(read_coordinates(tmp_path / job / "Micrographs/mic1_autopick.star")) > 3
    again = values | {"do_read_fom_maps": "Yes"}
    write_job(tmp_path, job, "autopick", is_continue=True, **again)
    done = run_engine(tmp_path, job)
    assert done.returncode == 1
    assert "write FOM maps in this job first" in done.stderr


def test_maps_are_named_as_the_projects_version_names_them(tmp_path):
    small_project(tmp_path)
    for number, version in enumerate(("3.1", "5.0"), 1):
        job = f"AutoPick/job00{number}"
        values = dict(CASE_B)
        if version == "5.0":
            values["do_refs"] = "Yes"
        write_job(
            tmp_path,
            job,
            "autopick",
            version=version,
            do_write_fom_maps="Yes",
            **values,
        )
        assert run_engine(tmp_path, job).returncode == 0
    first = tmp_path / "AutoPick/job001/Micrographs"
    assert (first / "mic1_autopick_ref000001._bestPSI.spi").exists()
    second = tmp_path / "AutoPick/job002/Micrographs"
    assert (second / "mic1_autopick_ref00000001._bestPSI.spi").exists()


def test_an_odd_longest_side_is_no_trouble(tmp_path):
    small_project(tmp_path)
    file = tmp_path / "Micrographs/mic1.mrc"
    write_mrc(file, read_image(file)[:, :199], 4.0)
    run(tmp_path, **CASE_B)
    found = read_coordinates(tmp_path / PICKS)
    points = np.stack([found.x, found.y], axis=1)
    errors = np.hypot(*(PLANTED[:, None] - points[None]).T).min(axis=0)
    assert (errors < 6).all()


def test_a_gaussian_is_a_reference_too(tmp_path):
    small_project(tmp_path)
    values = CASE_B | {
        "fn_refs_autopick": "gauss",
        "particle_diameter": "100",
        "other_args": "--gauss_max 0.5",
        "threshold_autopick": "0.05",
    }
    run(tmp_path, **values)
    found = read_coordinates(tmp_path / PICKS)
    assert len(found) >= 5
    assert set(found.psi) == {0.0}


def symmetric_map(symmetry: str) -> np.ndarray:
    """Two blobs and all their mates."""
    axes = np.stack(np.indices((32, 32, 32))[::-1], axis=-1) - 16.0  # x, y, z
    operators = symmetry_operators(symmetry)
    volume = np.zeros((32, 32, 32))
    for point, height, width in (((6, 2, 3), 1.0, 2.6), ((1, 7, -3), 0.6, 2.2)):
        for mate in operators @ np.array(point, dtype=float):
            squared = ((axes - mate) ** 2).sum(axis=-1)
            volume += height * np.exp(-squared / (2 * width**2))
    return volume * (4.0 / volume.sum(axis=0).max())


@pytest.mark.relion
@pytest.mark.parametrize(
    ("symmetry", "order", "count"),
    [("C1", 0, 12), ("C2", 1, 24), ("D2", 1, 12), ("O", 2, None), ("I1", 2, None)],
)
def test_a_map_is_projected_and_picked_with_as_relion_does(
    tmp_path, symmetry, order, count
):
    small_project(tmp_path)
    volume = symmetric_map(symmetry)
    write_mrc(tmp_path / "map.mrc", volume, 4.0, is_volume=True)
    sampling = "15 degrees" if order == 2 else "30 degrees"
    values = CASE_B | {
        "do_ref3d": "Yes",
        "fn_ref3d_autopick": "map.mrc",
        "ref3d_symmetry": symmetry,
        "ref3d_sampling": sampling,
        "particle_diameter": "100",
        "threshold_autopick": "0.05",
        "other_args": f"--healpix_order {order}" if order == 0 else "",
    }
    run(tmp_path, **values, cryodeck_compat="Yes")
    (tmp_path / "R").mkdir()
    command = [w.replace(f"{JOB}/", "R/") for w in RELION_B]
    command[command.index("refs.mrcs")] = "map.mrc"
    command += ["--sym", symmetry, "--healpix_order", f"{order}"]
    command += ["--particle_diameter", "100", "--threshold", "0.05"]
    run_relion(tmp_path, *command)
    ours = read_images(tmp_path / JOB / "reference_projections.mrcs")
    theirs = read_images(tmp_path / "R/reference_projections.mrcs")
    if count is not None:  # T, O and I keep another asymmetric unit
        assert ours.shape == theirs.shape == (count, 32, 32)
        # coefficients exactly on the limit fall in or out by rounding
        atol = 1e-3 * np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, atol=atol)
    ours = read_coordinates(tmp_path / PICKS)
    theirs = read_coordinates(tmp_path / "R/Micrographs/mic1_autopick.star")
    assert len(theirs) >= 3
    points = [np.stack([found.x, found.y], axis=1) for found in (ours, theirs)]
    apart = np.hypot(*(points[0][:, None] - points[1][None]).T)
    least = 0.9 if count is not None else 0.6
    assert (apart.min(axis=0) < 6).mean() >= least
    assert (apart.min(axis=1) < 6).mean() >= least


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"fn_refs_autopick": ""}, 2, "choose references"),
        ({"fn_refs_autopick": "none.mrcs"}, 1, "none.mrcs: No such file"),
        ({"shrink": "-1"}, 1, "shrink -1 cannot be used"),
        ({"particle_diameter": "900"}, 1, "larger than the references' box"),
        ({"psi_sampling_autopick": "0"}, 2, "is not between 0 and 360"),
        ({"do_pick_helical_segments": "Yes"}, 2, "cannot do it"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(tmp_path, change, code, words):
    small_project(tmp_path)
    write_job(tmp_path, JOB, "autopick", **CASE_B | change)
    done = run_engine(tmp_path, JOB)
    assert done.returncode == code
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert words in errors[0]


def test_micrographs_of_any_number_type_give_the_same_picks_and_a_tiff_is_named(
    tmp_path,
):
    small_project(tmp_path)
    image = read_image(tmp_path / "Micrographs/mic1.mrc")
    kinds = ("uint16", "float16", "float32")
    for kind in kinds:
        write_mrc(tmp_path / f"Micrographs/{kind}.mrc", image.astype(kind), 4.0)
    (tmp_path / "Micrographs/film.tif").write_bytes(b"II*\0" + bytes(2000))
    text = (tmp_path / "micrographs_ctf.star").read_text()
    row = next(line for line in text.splitlines() if "mic1.mrc" in line)
    names = [f"{kind}.mrc" for kind in kinds] + ["film.tif"]
    rows = "\n".join([row] + [row.replace("mic1.mrc", name) for name in names])
    (tmp_path / "micrographs_ctf.star").write_text(text.replace(row, rows))
    done = run(tmp_path, **CASE_B)
    plain = read_coordinates(tmp_path / PICKS)
    for kind in kinds:
        found = read_coordinates(tmp_path / PICKS.replace("mic1", kind))
        # what surrounds a micrograph that is not square is noise of its own
        np.testing.assert_allclose(np.sort(found.x), np.sort(plain.x), atol=0.1)
        np.testing.assert_allclose(found.fom, plain.fom, atol=0.03)
    assert "film.tif: skipped: a TIFF file" in done.stderr


def test_ctf_correction_without_a_ctf_is_refused(tmp_path):
    small_project(tmp_path)
    text = (tmp_path / "micrographs_ctf.star").read_text()
    (tmp_path / "plain.star").write_text(text.replace("rlnDefocusU", "rlnOther"))
    write_job(tmp_path, JOB, "autopick", **CASE_B | {"fn_input_autopick": "plain.star"})
    done = run_engine(tmp_path, JOB)
    assert done.returncode == 1
    assert "no defocus in the list of micrographs" in done.stderr


def test_statistics_know_the_picks(tmp_path):
    small_project(tmp_path)
    run(tmp_path, **CASE_B)
    summary = json.loads((tmp_path / JOB / "summary.json").read_text())
    assert summary["picks_total"] == 10
    assert summary["fom_max"] == pytest.approx(2.1977, abs=1e-3)
