"""Imports beside `relion_import` on the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.engine_jobs import DATA, run_engine, run_relion, write_job

from engine.io.coordinates import read_coordinate_list
from engine.io.mrc import write_mrc

PARTICLES = """
# version 50001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnVoltage #3
_rlnImagePixelSize #4
_rlnImageSize #5
_rlnSphericalAberration #6
opticsGroup1 1 200.000000 3.540000 64 1.400000


# version 50001

data_particles

loop_
_rlnCoordinateX #1
_rlnCoordinateY #2
_rlnImageName #3
_rlnMicrographName #4
_rlnOpticsGroup #5
_rlnDefocusU #6
 1049.000000 12.500000 000001@a/b.mrcs MotionCorr/job002/m1.mrc 1 10864.146484
-1.50000 99999.000000 000002@a/b.mrcs MotionCorr/job002/m1.mrc 1 1.000000e-04
"""
RAW = {
    "do_raw": "Yes",
    "do_other": "No",
    "is_multiframe": "No",
    "angpix": "0.885",
    "kV": "200",
    "Cs": "1.4",
    "Q0": "0.1",
    "optics_group_name": "first",
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "Movies").mkdir()
    for name in ("m2", "m1", "m3"):
        shutil.copy(
            DATA / "picking/Micrographs/mic1.mrc", tmp_path / f"Movies/{name}.mrc"
        )
    return tmp_path


def relion_import(project: Path, name: str, *more: str) -> None:
    (project / name).mkdir(parents=True, exist_ok=True)
    control = ["--odir", f"{name}/", "--pipeline_control", f"{name}/"]
    run_relion(project, "relion_import", *control, *more)


RELION_RAW = (
    *("--do_micrographs", "--angpix", "0.885", "--kV", "200", "--Cs", "1.4"),
    *("--Q0", "0.1", "--ofile", "micrographs.star"),
)


@pytest.mark.relion
def test_micrographs_by_pattern_make_relions_list(project):
    write_job(project, "Import/job001", "import", fn_in_raw="Movies/*.mrc", **RAW)
    assert run_engine(project, "Import/job001").returncode == 0
    relion_import(
        project,
        "Import/job002",
        *RELION_RAW,
        *("--i", "Movies/*.mrc", "--optics_group_name", "first"),
    )
    ours = (project / "Import/job001/micrographs.star").read_text()
    assert ours == (project / "Import/job002/micrographs.star").read_text()


@pytest.mark.relion
def test_movies_with_beam_tilt_and_mtf_make_relions_list(project):
    values = RAW | {"is_multiframe": "Yes", "beamtilt_x": "0.5", "fn_mtf": "mtf.star"}
    write_job(project, "Import/job001", "import", fn_in_raw="Movies/*.mrc", **values)
    done = run_engine(project, "Import/job001")
    assert done.returncode == 0
    assert "is it a micrograph rather than a movie?" in done.stderr
    relion_import(
        project,
        "Import/job002",
        *("--do_movies", "--angpix", "0.885", "--kV", "200", "--Cs", "1.4"),
        *("--Q0", "0.1", "--ofile", "movies.star", "--beamtilt_x", "0.5"),
        *("--optics_group_mtf", "mtf.star"),
        *("--i", "Movies/*.mrc", "--optics_group_name", "first"),
    )
    ours = (project / "Import/job001/movies.star").read_text()
    assert ours == (project / "Import/job002/movies.star").read_text()


@pytest.mark.relion
def test_continue_adds_new_files_as_relion_does(project):
    for name in ("Import/job001", "Import/job002"):
        (project / name).mkdir(parents=True)
    for pattern, more, is_continue in (
        ("Movies/m[12].mrc", (), False),
        ("Movies/*.mrc", ("--continue",), True),
    ):
        write_job(
            project,
            "Import/job001",
            "import",
            fn_in_raw=pattern,
            is_continue=is_continue,
            **RAW,
        )
        assert run_engine(project, "Import/job001").returncode == 0
        relion_import(
            project,
            "Import/job002",
            *RELION_RAW,
            *("--i", pattern, "--optics_group_name", "first", *more),
        )
    ours = (project / "Import/job001/micrographs.star").read_text()
    assert ours == (project / "Import/job002/micrographs.star").read_text()
    assert ours.count("Movies/m") == 3


def test_continue_refuses_another_optics_group_for_a_known_file(project):
    write_job(project, "Import/job001", "import", fn_in_raw="Movies/m1.mrc", **RAW)
    run_engine(project, "Import/job001")
    values = RAW | {"optics_group_name": "second"}
    write_job(
        project,
        "Import/job001",
        "import",
        fn_in_raw="Movies/*.mrc",
        is_continue=True,
        **values,
    )
    before = (project / "Import/job001/micrographs.star").read_bytes()
    done = run_engine(project, "Import/job001")
    assert done.returncode == 2
    assert "Movies/m1.mrc is in the list already" in done.stderr
    assert (project / "Import/job001/micrographs.star").read_bytes() == before


@pytest.mark.relion
def test_coordinates_are_copied_with_their_folders(project):
    picks = DATA / "picking/expected/A_mic1_autopick.star"
    for name in ("m1", "m3"):
        shutil.copy(picks, project / f"Movies/{name}_pick.star")
    values = {
        "do_raw": "No",
        "do_other": "Yes",
        "fn_in_other": "Movies/*_pick.star",
        "node_type": "Particle coordinates (*.box, *_pick.star)",
    }
    write_job(project, "Import/job001", "import", **values)
    assert run_engine(project, "Import/job001").returncode == 0
    relion_import(
        project,
        "Import/job002",
        *("--do_coordinates", "--i", "Movies/*_pick.star"),
        *("--ofile", "coords_suffix_pick.star"),
    )
    ours, theirs = (project / f"Import/job00{i}" for i in (1, 2))
    for name in ("coords_suffix_pick.star", "Movies/m1_pick.star"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    assert not (ours / "Movies/m2_pick.star").exists()


def test_imported_coordinates_are_found_by_micrograph(project, monkeypatch):
    monkeypatch.chdir(project)
    folder = Path("Import/job001")
    folder.mkdir(parents=True)
    (folder / "coords_suffix_pick.star").write_text("Movies/*.mrc\n")
    found = read_coordinate_list(folder / "coords_suffix_pick.star")
    assert found["Movies/m2.mrc"] == folder / "Movies/m2_pick.star"
    assert len(found) == 3


@pytest.mark.relion
def test_the_optics_group_of_particles_is_renamed_as_relion_does(project):
    (project / "particles.star").write_text(PARTICLES)
    values = {
        "do_raw": "No",
        "do_other": "Yes",
        "fn_in_other": "particles.star",
        "node_type": "Particles STAR file (.star)",
        "optics_group_particles": "renamed",
    }
    write_job(project, "Import/job001", "import", **values)
    assert run_engine(project, "Import/job001").returncode == 0
    relion_import(
        project,
        "Import/job002",
        *("--do_particles", "--particles_optics_group_name", "renamed"),
        *("--i", "particles.star", "--ofile", "particles.star"),
    )
    ours, theirs = (
        (project / f"Import/job00{i}/particles.star").read_text().split()
        for i in (1, 2)
    )
    assert ours == theirs


def test_a_micrograph_list_is_copied_and_missing_files_are_named(project):
    shutil.copy(DATA / "picking/micrographs_ctf.star", project / "list.star")
    values = {
        "do_raw": "No",
        "do_other": "Yes",
        "fn_in_other": "list.star",
        "node_type": "Micrographs STAR file (.star)",
    }
    write_job(project, "Import/job001", "import", **values)
    done = run_engine(project, "Import/job001")
    assert done.returncode == 0
    assert "Micrographs/mic1.mrc" in done.stderr
    copied = (project / "Import/job001/list.star").read_bytes()
    assert copied == (project / "list.star").read_bytes()
    summary = json.loads((project / "Import/job001/summary.json").read_text())
    assert summary["items"] == 1
    assert summary["optics"][0]["pixel_size"] == 4.0
    assert sum(summary["defocus_histogram"]["counts"]) == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"fn_in_raw": "Nothing/*.mrc"}, "nothing matches Nothing/*.mrc"),
        ({"fn_in_raw": "/data/*.mrc"}, "outside the project"),
        ({"fn_in_raw": "../*.mrc"}, "outside the project"),
        ({"optics_group_name": "bad name"}, "only letters, digits and hyphens"),
        ({"do_other": "Yes"}, "choose one of"),
        ({"angpix": "0"}, "must be above 0"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(project, values, words):
    settings = RAW | {"fn_in_raw": "Movies/*.mrc"} | values
    write_job(project, "Import/job001", "import", **settings)
    done = run_engine(project, "Import/job001")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert (project / "Import/job001/RELION_JOB_EXIT_FAILURE").exists()


def test_a_movie_among_micrographs_is_pointed_out(project):
    import numpy as np

    write_mrc(project / "Movies/a.mrc", np.zeros((3, 8, 8), np.float32), 1.0)
    write_job(project, "Import/job001", "import", fn_in_raw="Movies/*.mrc", **RAW)
    done = run_engine(project, "Import/job001")
    assert "Movies/a.mrc has 3 frames: is it a movie?" in done.stderr
