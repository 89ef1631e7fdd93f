"""The extract program: files, warnings, continuing, and what is refused."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.io.coordinate_table import read_coordinate_table
from engine.io.mrc import read_header, read_images, write_mrc
from engine.io.star import Table, read_star, write_star
from engine.jobs.job import Job
from engine.programs.runner import run_job

DATA = Path(__file__).parents[2] / "data" / "extraction"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The test project as working directory, and a log that this test sees."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("engine")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    return tmp_path


def extract(values, *, version="3.1", job="Extract/job002", continuing=False) -> int:
    form = {
        "star_mics": "micrographs_ctf.star",
        "coords_suffix": "Picks/coords_suffix_autopick.star",
        "extract_size": "32",
    }
    path = Path(job)
    path.mkdir(parents=True, exist_ok=True)
    state = Job.new("extract", version, {**form, **values}).continued(continuing)
    (path / "job.star").write_text(state.to_star(), encoding="utf-8")
    return run_job(job)


def summary(job="Extract/job002"):
    return json.loads((Path(job) / "summary.json").read_text(encoding="utf-8"))


def particles(job="Extract/job002"):
    return read_star(f"{job}/particles.star").get("particles", Table({}))


def stack(job="Extract/job002", name="Micrographs/mic1"):
    return read_images(f"{job}/{name}.mrcs")


def micrographs(*names, **columns):
    """Make `micrographs_ctf.star` name other micrographs, copies of the first."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        if not Path(name).exists():
            shutil.copy("Micrographs/mic1.mrc", name)
    tables = read_star("micrographs_ctf.star")
    rows = tables["micrographs"].take([0] * len(names))
    tables["micrographs"] = rows.with_columns({"rlnMicrographName": list(names)})
    tables["micrographs"] = tables["micrographs"].with_columns(columns)
    write_star("micrographs_ctf.star", tables)


def copy_picks(*names):
    for name in names:
        target = Path(f"Picks/Micrographs/{name}_autopick.star")
        shutil.copy("Picks/Micrographs/mic1_autopick.star", target)


def assert_tables_agree(ours: Table, theirs: Table):
    assert ours.labels == theirs.labels
    for label in theirs.labels:
        if label == "rlnImageName":
            numbers = [name.split("@")[0] for name in ours.text(label)]
            assert numbers == [name.split("@")[0] for name in theirs.text(label)]
        elif label in {"rlnMicrographName", "rlnOpticsGroupName", "rlnCtfImage"}:
            assert ours.text(label) == theirs.text(label)
        else:
            np.testing.assert_allclose(
                ours.numbers(label), theirs.numbers(label), atol=1.1e-6
            )


def test_scaled_normalized_inverted_particles_are_relions(project):
    values = {"do_rescale": "Yes", "rescale": "16", "other_args": "--bg_radius 6"}
    assert extract(values) == 0
    np.testing.assert_allclose(stack(), read_images("expected/E_mic1.mrcs"), atol=5e-5)
    theirs = read_star("expected/E_particles.star")
    ours = read_star("Extract/job002/particles.star")
    assert list(ours) == list(theirs)
    for name, table in theirs.items():
        assert_tables_agree(ours[name], table)
    header = read_header("Extract/job002/Micrographs/mic1.mrcs")
    assert (header.mode, header.pixel_size) == (2, 8.0)
    assert summary() == {
        "type": "extract",
        "particles_total": 9,
        "micrographs_total": 1,
        "micrographs_done": 1,
        "box_px": 16,
        "pixel_size": 8.0,
        "micrographs": [{"name": "Micrographs/mic1.mrc", "particles": 9}],
        "skipped_outside": 0,
        "micrographs_without_coordinates": 0,
        "failed": [],
        "elapsed_s": summary()["elapsed_s"],
    }


def test_plain_boxes_over_the_edge_are_relions(project):
    values = {
        "coords_suffix": "Picks/coords_suffix_edge.star",
        "extract_size": "24",
        "do_norm": "No",
        "do_invert": "No",
    }
    assert extract(values) == 0
    np.testing.assert_array_equal(stack(), read_images("expected/F_mic1.mrcs"))
    theirs = read_star("expected/F_particles.star")["particles"]
    assert_tables_agree(particles(), theirs)


def test_recentered_particles_are_relions(project):
    values = {
        "do_reextract": "Yes",
        "fndata_reextract": "run_data.star",
        "do_recenter": "Yes",
        "recenter_x": "3",
        "recenter_y": "-2",
        "recenter_z": "5",
        "other_args": "--ref_angpix 4",
    }
    assert extract(values) == 0
    theirs = read_star("expected/G_recenter_particles.star")
    ours = read_star("Extract/job002/particles.star")
    for name, table in theirs.items():
        assert_tables_agree(ours[name], table)
    text = Path("Extract/job002/coords_suffix_extract.star").read_text("utf-8")
    assert text == "micrographs_ctf.star\n"


def test_lists_of_coordinate_files_are_read_and_names_have_the_versions_digits(project):
    table = Table(
        {
            "rlnMicrographName": ["Micrographs/mic1.mrc"],
            "rlnMicrographCoordinates": ["Picks/Micrographs/mic1_autopick.star"],
        }
    )
    write_star("Picks/autopick.star", {"coordinate_files": table})
    values = {"coords_suffix": "Picks/autopick.star"}
    assert extract(values, version="5.0") == 0
    name = particles().text("rlnImageName")[0]
    assert name == "00000001@Extract/job002/Micrographs/mic1.mrcs"
    assert read_header("Extract/job002/Micrographs/mic1.mrcs").mode == 12
    optics = read_star("Extract/job002/particles.star")["optics"]
    assert optics.integers("rlnCtfDataAreCtfPremultiplied").tolist() == [0]
    assert extract({**values, "do_float16": "No"}, version="4.0", job="E/job003") == 0
    assert read_header("E/job003/Micrographs/mic1.mrcs").mode == 2
    np.testing.assert_allclose(stack(), stack("E/job003"), atol=3e-3)


@pytest.mark.parametrize(
    ("name", "text", "want"),
    [
        ("mic1.box", "80 70 33 21\n20.9 30 10 10\n", [(96, 80), (25, 35)]),
        ("mic1_x.star", "data_\nloop_\n_rlnCoordinateX\n_rlnCoordinateY\n9 8\n", None),
        ("mic1.txt", "x y\n100.7 80.2\n50 60 3\n", [(100, 80), (50, 60)]),
    ],
)
def test_coordinates_beside_the_micrographs_are_read(project, name, text, want):
    Path(f"Micrographs/{name}").write_text(text, encoding="utf-8")
    assert extract({"coords_suffix": "*" + name.removeprefix("mic1")}) == 0
    got = particles()
    x, y = got.numbers("rlnCoordinateX"), got.numbers("rlnCoordinateY")
    assert list(zip(x, y, strict=True)) == (want or [(9, 8)])


def test_missing_coordinates_are_warned_about_and_counted(project, capfd):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc", "Micrographs/mic3.mrc")
    assert extract({}) == 0
    error = capfd.readouterr().err
    assert "Picks/Micrographs/mic2_autopick.star does not exist" in error
    assert "mic3_autopick.star does not exist" in error
    assert summary()["micrographs_without_coordinates"] == 2
    assert len(particles()) == 9


def test_particles_outside_are_counted_and_left_out(project):
    path = "Picks/Micrographs/mic1_autopick.star"
    table = read_coordinate_table(path)
    x = table.numbers("rlnCoordinateX")
    x[[0, 5]] = [-300.0, 216.0]
    write_star(path, {"": table.with_columns({"rlnCoordinateX": x})})
    assert extract({}) == 0
    assert summary()["skipped_outside"] == 2
    assert len(stack()) == len(particles()) == 7
    assert particles().text("rlnImageName")[6].startswith("000007@")
    np.testing.assert_array_equal(
        particles().numbers("rlnCoordinateX"), np.delete(x, [0, 5])
    )


def test_a_micrograph_without_picks_gives_an_empty_table(project):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc")
    Path("Picks/Micrographs/mic2_autopick.star").write_text("", encoding="utf-8")
    assert extract({}) == 0
    counts = [m["particles"] for m in summary()["micrographs"]]
    assert counts == [9, 0]
    assert not Path("Extract/job002/Micrographs/mic2.mrcs").exists()
    assert Path("Extract/job002/Micrographs/mic2_extract.star").read_text() == ""


def test_no_particle_at_all_is_a_valid_result(project):
    Path("Picks/Micrographs/mic1_autopick.star").write_text("", encoding="utf-8")
    assert extract({}) == 0
    assert list(read_star("Extract/job002/particles.star")) == ["optics"]
    assert summary()["particles_total"] == 0


def test_continue_does_only_what_is_missing(project):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc")
    copy_picks("mic2")
    assert extract({}) == 0
    Path("Extract/job002/Micrographs/mic2_extract.star").unlink()
    first = Path("Extract/job002/Micrographs/mic1.mrcs")
    before = first.stat().st_mtime_ns
    assert extract({}, continuing=True) == 0
    assert (summary()["micrographs_done"], summary()["micrographs_total"]) == (2, 2)
    assert first.stat().st_mtime_ns == before
    assert len(particles()) == 18
    assert extract({}, continuing=False) == 0
    assert first.stat().st_mtime_ns != before


def test_a_broken_micrograph_is_named_and_skipped(project):
    names = ["Micrographs/mic1.mrc", "Micrographs/cut.mrc", "Micrographs/gone.mrc"]
    micrographs(*names, "Micrographs/nan.mrc")
    copy_picks("cut", "gone", "nan")
    Path("Micrographs/cut.mrc").write_bytes(Path(names[0]).read_bytes()[:20000])
    Path("Micrographs/gone.mrc").unlink()
    nan = np.ones((160, 200), dtype=np.float32)
    nan[80, 100] = np.nan
    nan[:, 30:60] = np.nan
    write_mrc("Micrographs/nan.mrc", nan, 4.0)
    assert extract({}) == 0
    reasons = {item["name"]: item["reason"] for item in summary()["failed"]}
    assert set(reasons) == {
        "Micrographs/cut.mrc",
        "Micrographs/gone.mrc",
        "Micrographs/nan.mrc",
    }
    assert "truncated" in reasons["Micrographs/cut.mrc"]
    assert "No such file" in reasons["Micrographs/gone.mrc"]
    assert "not numbers" in reasons["Micrographs/nan.mrc"]
    assert len(particles()) == 9
    assert not Path("Extract/job002/Micrographs/nan.mrcs").exists()


def test_a_job_of_which_nothing_worked_fails_with_one_line(project, capfd):
    Path("Micrographs/mic1.mrc").unlink()
    assert extract({}) == 1
    assert Path("Extract/job002/RELION_JOB_EXIT_FAILURE").exists()
    assert "nothing could be extracted from 1 micrographs" in capfd.readouterr().err


def test_a_fom_threshold_drops_the_picks_below(project):
    values = {"do_fom_threshold": "Yes", "minimum_pick_fom": "1.3"}
    assert extract(values, version="4.0") == 0
    foms = particles().numbers("rlnAutopickFigureOfMerit")
    everyone = read_coordinate_table("Picks/Micrographs/mic1_autopick.star")
    known = everyone.numbers("rlnAutopickFigureOfMerit")
    np.testing.assert_array_equal(foms, known[known > 1.3])
    assert 0 < len(foms) < len(known)


def test_names_of_other_jobs_lose_their_job_part(project):
    micrographs("MotionCorr/job001/Movies/m1.mrc")
    Path("Picks/Movies").mkdir()
    shutil.copy("Picks/Micrographs/mic1_autopick.star", "Picks/Movies/m1_autopick.star")
    assert extract({}) == 0
    name = particles().text("rlnImageName")[0]
    assert name == "000001@Extract/job002/Movies/m1.mrcs"
    assert particles().text("rlnMicrographName")[0] == "MotionCorr/job001/Movies/m1.mrc"


def test_optics_groups_of_different_pixel_sizes_keep_theirs(project):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc")
    copy_picks("mic2")
    tables = read_star("micrographs_ctf.star")
    optics = tables["optics"].take([0, 0])
    tables["optics"] = optics.with_columns(
        {
            "rlnOpticsGroup": np.array([1, 2]),
            "rlnOpticsGroupName": ["a", "b"],
            "rlnMicrographPixelSize": np.array([4.0, 2.0]),
        }
    )
    tables["micrographs"] = tables["micrographs"].with_columns(
        {"rlnOpticsGroup": np.array([1, 2])}
    )
    write_star("micrographs_ctf.star", tables)
    assert extract({"do_rescale": "Yes", "rescale": "16"}) == 0
    optics = read_star("Extract/job002/particles.star")["optics"]
    assert optics.numbers("rlnImagePixelSize").tolist() == [8.0, 4.0]
    assert particles().integers("rlnOpticsGroup").tolist() == [1] * 9 + [2] * 9
    assert read_header("Extract/job002/Micrographs/mic2.mrcs").pixel_size == 4.0


def test_dust_removal_does_not_depend_on_the_order_of_work(project):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc")
    copy_picks("mic2")
    values = {"white_dust": "2", "black_dust": "2"}
    assert extract(values) == 0
    before = stack(name="Micrographs/mic2")
    micrographs("Micrographs/mic2.mrc")
    assert extract(values, job="Extract/job003") == 0
    np.testing.assert_array_equal(before, stack("Extract/job003", "Micrographs/mic2"))
    assert extract({}, job="Extract/job004") == 0
    assert (before != stack("Extract/job004", "Micrographs/mic2")).any()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"extract_size": "31"}, "box size: 31 px is odd"),
        ({"do_rescale": "Yes", "rescale": "15"}, "re-scaled size: 15 px is odd"),
        ({"star_mics": ""}, "micrograph STAR file is empty"),
        ({"coords_suffix": ""}, "Input coordinates is empty"),
        ({"do_extract_helix": "Yes"}, "Extract helical segments"),
        ({"do_reextract": "Yes"}, "Refined particles STAR file is empty"),
        ({"bg_diameter": "80"}, "does not fit into the 32 px"),
        ({"other_args": "--project3d"}, "does not know --project3d"),
        ({"coords_suffix": "No/coords_suffix_x.star"}, "has coordinates in No/"),
        ({"coords_suffix": "micrographs_ctf.star"}, "no column rlnMicrographCoord"),
        (
            {
                "do_reextract": "Yes",
                "fndata_reextract": "run_data.star",
                "do_recenter": "Yes",
                "do_reset_offsets": "Yes",
            },
            "either reset or re-centered",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_one_line(project, capfd, values, message):
    assert extract(values) == 2
    error = capfd.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not Path("Extract/job002/particles.star").exists()


def test_phase_flipping_without_a_ctf_is_refused(project, capfd):
    tables = read_star("micrographs_ctf.star")
    tables["micrographs"] = tables["micrographs"].without(["rlnDefocusU"])
    write_star("micrographs_ctf.star", tables)
    assert extract({"other_args": "--phase_flip"}) == 2
    assert "no CTF (rlnDefocusU)" in capfd.readouterr().err


@pytest.mark.parametrize(
    "by_hand",
    [
        {"other_args": "--angpix 3.5"},
        {"cryodeck_set_angpix": "Yes", "cryodeck_angpix": "3.5"},
    ],
)
def test_a_pixel_size_can_be_given_by_hand(project, by_hand):
    tables = read_star("micrographs_ctf.star")
    tables["optics"] = tables["optics"].without(["rlnMicrographPixelSize"])
    write_star("micrographs_ctf.star", tables)
    assert extract({}) == 2
    assert extract({"cryodeck_angpix": "3.5"}) == 2  # not said to be used
    values = by_hand | {"do_rescale": "Yes", "rescale": "16"}
    assert extract(values) == 0
    optics = read_star("Extract/job002/particles.star")["optics"]
    assert optics.numbers("rlnImagePixelSize").tolist() == [7.0]
    assert read_header("Extract/job002/Micrographs/mic1.mrcs").pixel_size == 7.0


def test_a_run_from_the_start_forgets_what_an_earlier_one_has_done(project):
    micrographs("Micrographs/mic1.mrc", "Micrographs/mic2.mrc")
    copy_picks("mic2")
    assert extract({}) == 0
    # as if the second run were killed before its last micrograph
    Path("Micrographs/mic2.mrc").rename("Micrographs/away.mrc")
    assert extract({"extract_size": "24"}) == 0
    assert not Path("Extract/job002/Micrographs/mic2_extract.star").exists()
    Path("Micrographs/away.mrc").rename("Micrographs/mic2.mrc")
    assert extract({"extract_size": "24"}, continuing=True) == 0
    assert stack(name="Micrographs/mic2").shape == (9, 24, 24)
    assert len(particles()) == 18
