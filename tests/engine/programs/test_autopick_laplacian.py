"""LoG picking as a job, beside RELION 3.1.3 on the same micrographs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from support.engine_jobs import (
    DATA,
    make_project,
    run_engine,
    run_relion,
    small_project,
    write_job,
)

from engine.io.coordinates import read_coordinate_list, read_coordinates
from engine.io.mrc import read_image, write_mrc
from engine.jobs.facts import Facts
from engine.jobs.job import Job
from engine.jobs.resources import fom_map_bytes
from engine.progress import read_progress

REAL = DATA / "picking/real"
EXPECTED = DATA / "picking/expected"
CASE_A = {
    "fn_input_autopick": "micrographs_ctf.star",
    "do_log": "Yes",
    "log_diam_min": "80",
    "log_diam_max": "120",
    "log_maxres": "20",
    "log_adjust_thr": "0.5",
    "log_upper_thr": "5",
}


RELION_A = (
    *("relion_autopick", "--i", "micrographs_ctf.star"),
    *("--odir", "AutoPick/job001/", "--pickname", "autopick", "--LoG"),
    *("--LoG_diam_min", "80", "--LoG_diam_max", "120", "--shrink", "0"),
    *("--lowpass", "20", "--LoG_adjust_threshold", "0.5"),
    *("--LoG_upper_threshold", "5"),
)


def points(path: Path) -> np.ndarray:
    found = read_coordinates(path)
    return np.stack([found.x, found.y], axis=1)


def found_within(a: np.ndarray, b: np.ndarray, distance: float = 1.0) -> float:
    """The fraction of points of a that have one of b within a distance."""
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return float((squared.min(1) <= distance**2).mean())


def agreement(project: Path, job: str, relion: str, name: str) -> float:
    ours = points(project / job / f"Micrographs/{name}_autopick.star")
    theirs = points(project / relion / f"Micrographs/{name}_autopick.star")
    assert len(theirs) > 0
    return min(found_within(ours, theirs), found_within(theirs, ours))


def test_the_fact_sheets_picks_come_out_in_order(tmp_path):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **CASE_A)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    ours = read_coordinates(tmp_path / "AutoPick/job001/Micrographs/mic1_autopick.star")
    theirs = read_coordinates(EXPECTED / "A_mic1_autopick.star")
    assert len(ours) == 21
    np.testing.assert_allclose(ours.x, theirs.x, atol=2e-6)
    np.testing.assert_allclose(ours.y, theirs.y, atol=2e-6)
    np.testing.assert_allclose(ours.fom, theirs.fom, atol=3e-6)


@pytest.mark.relion
@pytest.mark.parametrize(
    ("file", "pixel_size", "low", "high", "flags", "values"),
    [
        ("apoferritin_May08_05.53.51", 3.0, 120, 140, "", {}),
        (
            "apoferritin_May08_05.53.51",
            3.0,
            120,
            140,
            "--LoG_adjust_threshold 0.3 --LoG_upper_threshold 2 --skip_side 60",
            {
                "log_adjust_thr": "0.3",
                "log_upper_thr": "2",
                "other_args": "--skip_side 60",
            },
        ),
        (
            "betagal_Falcon_2012_06_12-15_14_01_0",
            7.08,
            150,
            180,
            "--lowpass 40 --LoG_adjust_threshold -0.2",
            {"log_maxres": "40", "log_adjust_thr": "-0.2"},
        ),
        ("20170629_00021_bin5p2", 4.599, 150, 180, "", {}),
        (
            "20170629_00021_bin5p2",
            4.599,
            140,
            200,
            "--Log_invert --LoG_neighbour 80 --Log_max_search 3 "
            "--outlier_removal_zscore 3",
            {
                "log_invert": "Yes",
                "other_args": "--LoG_neighbour 80 --Log_max_search 3 "
                "--outlier_removal_zscore 3",
            },
        ),
        # no low-pass: searched at the file's own sampling
        (
            "20170629_00021_bin5p2",
            4.599,
            150,
            180,
            "--lowpass -1",
            {"log_maxres": "-1"},
        ),
        (
            "20170629_00021_bin5p2",
            4.599,
            150,
            180,
            "--lowpass -1 --shrink 0.4",
            {"other_args": "--shrink 0.4", "log_maxres": "-1"},
        ),
    ],
)
def test_picks_on_real_micrographs_are_relions(
    tmp_path, file, pixel_size, low, high, flags, values
):
    make_project(tmp_path, [REAL / f"{file}.mrc"], pixel_size)
    settings = {
        "fn_input_autopick": "micrographs.star",
        "do_log": "Yes",
        "log_diam_min": str(low),
        "log_diam_max": str(high),
    }
    write_job(tmp_path, "AutoPick/job001", "autopick", **settings | values)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    run_relion(
        tmp_path,
        *("relion_autopick", "--i", "micrographs.star", "--odir", "R/"),
        *("--pickname", "autopick", "--LoG", "--LoG_diam_min", str(low)),
        *("--LoG_diam_max", str(high)),
        *([] if "--shrink" in flags else ["--shrink", "0"]),
        *([] if "--lowpass" in flags else ["--lowpass", "20"]),
        *flags.split(),
    )
    assert agreement(tmp_path, "AutoPick/job001", "R", file) >= 0.99


@pytest.mark.relion
def test_picks_with_the_ctf_divided_out_are_relions(tmp_path):
    small_project(tmp_path)
    values = CASE_A | {"other_args": "--LoG_use_ctf"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    run_relion(
        tmp_path,
        *("relion_autopick", "--i", "micrographs_ctf.star", "--odir", "R/"),
        *("--pickname", "autopick", "--LoG", "--LoG_diam_min", "80"),
        *("--LoG_diam_max", "120", "--shrink", "0", "--lowpass", "20"),
        *("--LoG_adjust_threshold", "0.5", "--LoG_upper_threshold", "5"),
        "--LoG_use_ctf",
    )
    assert agreement(tmp_path, "AutoPick/job001", "R", "mic1") == 1.0


@pytest.mark.relion
def test_relion_extracts_particles_from_our_picks(tmp_path):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **CASE_A)
    run_engine(tmp_path, "AutoPick/job001")
    (tmp_path / "Extract/job002").mkdir(parents=True)
    run_relion(
        tmp_path,
        *("relion_preprocess", "--i", "micrographs_ctf.star"),
        *("--coord_dir", "AutoPick/job001/", "--coord_suffix", "_autopick.star"),
        *("--part_star", "Extract/job002/particles.star"),
        *("--part_dir", "Extract/job002/", "--extract", "--extract_size", "24"),
    )
    with mrcfile.open(tmp_path / "Extract/job002/Micrographs/mic1.mrcs") as stack:
        assert stack.data.shape == (21, 24, 24)


@pytest.mark.parametrize("version", ["3.1", "4.0", "5.0"])
def test_each_version_gets_its_list_of_coordinates(tmp_path, monkeypatch, version):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", version=version, **CASE_A)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    monkeypatch.chdir(tmp_path)
    is_31 = version == "3.1"
    name = "coords_suffix_autopick.star" if is_31 else "autopick.star"
    found = read_coordinate_list(Path("AutoPick/job001", name))
    file = Path("AutoPick/job001/Micrographs/mic1_autopick.star")
    assert found == {"Micrographs/mic1.mrc": file}
    assert file.exists()
    assert not Path("AutoPick/job001", "autopick.star").exists() or not is_31


def test_the_coordinates_list_names_the_job_behind_an_alias(tmp_path):
    small_project(tmp_path)
    (tmp_path / "Import/job001").mkdir(parents=True)
    shutil.copy(
        tmp_path / "micrographs_ctf.star", tmp_path / "Import/job001/micrographs.star"
    )
    (tmp_path / "Import/tiny").symlink_to("../Import/job001/")
    values = CASE_A | {"fn_input_autopick": "Import/tiny/micrographs.star"}
    write_job(tmp_path, "AutoPick/job002", "autopick", **values)
    run_engine(tmp_path, "AutoPick/job002")
    text = (tmp_path / "AutoPick/job002/coords_suffix_autopick.star").read_text()
    assert text == "Import/job001/micrographs.star\n"


def test_statistics_count_what_was_written(tmp_path):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **CASE_A)
    run_engine(tmp_path, "AutoPick/job001")
    summary = json.loads((tmp_path / "AutoPick/job001/summary.json").read_text())
    assert summary["micrographs"] == [
        {"name": "Micrographs/mic1.mrc", "picks": 21, "defocus": 11500.0}
    ]
    assert summary["picks_total"] == 21
    assert sum(summary["fom_histogram"]["counts"]) == 21
    assert summary["fom_max"] == pytest.approx(0.300250, abs=1e-5)
    assert sum(summary["picks_histogram"]["counts"]) == 1
    assert summary["failed"] == []


def several(project: Path, count: int = 4) -> list[str]:
    """A project of copies of the small micrograph, each with its own noise."""
    image = read_image(DATA / "picking/Micrographs/mic1.mrc")
    names = [f"mic{i + 1}" for i in range(count)]
    rng = np.random.default_rng(3)
    (project / "raw").mkdir(parents=True)
    for name in names:
        noisy = image + 20 * rng.standard_normal(image.shape, dtype=np.float32)
        write_mrc(project / f"raw/{name}.mrc", noisy, 4.0)
    files = [project / f"raw/{name}.mrc" for name in names]
    make_project(project, files, 4.0)
    return names


MANY = CASE_A | {"fn_input_autopick": "micrographs.star"}


def test_broken_micrographs_are_named_counted_and_skipped(tmp_path):
    several(tmp_path, 6)
    raw = tmp_path / "raw"
    whole = (raw / "mic2.mrc").read_bytes()
    (raw / "mic2.mrc").write_bytes(whole[: len(whole) // 2])
    bad = read_image(raw / "mic3.mrc")
    bad[5, 5] = np.nan
    write_mrc(raw / "mic3.mrc", bad, 4.0)
    (raw / "mic4.mrc").unlink()
    write_mrc(raw / "mic5.mrc", np.full((160, 200), 7, np.float32), 4.0)
    (raw / "mic6.mrc").write_bytes(b"not an image at all" * 100)
    write_job(tmp_path, "AutoPick/job001", "autopick", **MANY)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 0
    summary = json.loads((tmp_path / "AutoPick/job001/summary.json").read_text())
    reasons = {item["name"]: item["reason"] for item in summary["failed"]}
    assert set(reasons) == {f"Micrographs/mic{i}.mrc" for i in (2, 3, 4, 5, 6)}
    assert "truncated" in reasons["Micrographs/mic2.mrc"]
    assert "finite" in reasons["Micrographs/mic3.mrc"]
    assert "No such file" in reasons["Micrographs/mic4.mrc"]
    assert "one value" in reasons["Micrographs/mic5.mrc"]
    assert "not an MRC file" in reasons["Micrographs/mic6.mrc"]
    assert summary["micrographs_done"] == 1
    assert "5 micrographs were skipped" in done.stderr
    assert (tmp_path / "AutoPick/job001/RELION_JOB_EXIT_SUCCESS").exists()


def test_a_job_in_which_nothing_worked_fails_with_one_line(tmp_path):
    several(tmp_path, 1)
    (tmp_path / "raw/mic1.mrc").unlink()
    write_job(tmp_path, "AutoPick/job001", "autopick", **MANY)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 1
    assert "none of 1 micrographs could be picked" in errors[0]
    assert "No such file" in errors[0]
    assert (tmp_path / "AutoPick/job001/RELION_JOB_EXIT_FAILURE").exists()


def test_no_picks_at_all_is_a_result(tmp_path):
    several(tmp_path, 2)
    values = MANY | {"log_adjust_thr": "50"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    file = tmp_path / "AutoPick/job001/Micrographs/mic1_autopick.star"
    assert file.read_bytes() == b""
    assert len(read_coordinates(file)) == 0
    summary = json.loads((tmp_path / "AutoPick/job001/summary.json").read_text())
    assert summary["picks_total"] == 0
    assert summary["micrographs_done"] == 2
    assert "fom_histogram" not in summary


def test_micrographs_of_several_sizes_are_picked_in_one_run(tmp_path):
    several(tmp_path, 2)
    image = read_image(tmp_path / "raw/mic2.mrc")
    write_mrc(tmp_path / "raw/mic2.mrc", image[:, :161], 4.0)
    write_job(tmp_path, "AutoPick/job001", "autopick", **MANY)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    found = points(tmp_path / "AutoPick/job001/Micrographs/mic2_autopick.star")
    planted = np.array([(36, 40), (86, 36), (44, 100), (96, 88), (70, 132), (118, 128)])
    assert found_within(planted, found, 8.0) >= 0.8


def test_continue_picks_only_what_is_unfinished(tmp_path):
    several(tmp_path, 3)
    write_job(tmp_path, "AutoPick/job001", "autopick", **MANY)
    run_engine(tmp_path, "AutoPick/job001")
    folder = tmp_path / "AutoPick/job001/Micrographs"
    files = [folder / f"mic{i}_autopick.star" for i in (1, 2, 3)]
    before = [file.read_bytes() for file in files]
    files[1].unlink()
    stamps = [files[i].stat().st_mtime_ns for i in (0, 2)]
    write_job(tmp_path, "AutoPick/job001", "autopick", is_continue=True, **MANY)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert "2 of 3 micrographs have their coordinate file already" in done.stdout
    assert [file.read_bytes() for file in files] == before
    assert [files[i].stat().st_mtime_ns for i in (0, 2)] == stamps
    summary = json.loads((tmp_path / "AutoPick/job001/summary.json").read_text())
    assert summary["micrographs_done"] == 3
    records = (tmp_path / "AutoPick/job001/progress.jsonl").read_text()
    step = [r for r in read_progress(records) if r["kind"] == "step"][-1]
    assert [step[key] for key in ("done", "total", "kept", "of")] == [1, 1, 2, 3]


def test_maps_written_and_read_again_give_the_same_picks(tmp_path):
    small_project(tmp_path)
    values = CASE_A | {"do_write_fom_maps": "Yes"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    run_engine(tmp_path, "AutoPick/job001")
    file = tmp_path / "AutoPick/job001/Micrographs/mic1_autopick.star"
    before = file.read_bytes()
    file.unlink()
    values = CASE_A | {"do_read_fom_maps": "Yes"}
    write_job(tmp_path, "AutoPick/job001", "autopick", is_continue=True, **values)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    assert file.read_bytes() == before


@pytest.mark.relion
@pytest.mark.parametrize("writer", ["relion", "cryodeck"])
def test_maps_take_the_space_that_the_form_says(tmp_path, writer):
    small_project(tmp_path)
    values = CASE_A | {"do_write_fom_maps": "Yes"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    if writer == "cryodeck":
        run_engine(tmp_path, "AutoPick/job001")
    else:
        run_relion(tmp_path, *RELION_A, "--write_fom_maps")
    maps = list((tmp_path / "AutoPick/job001").rglob("*.spi"))
    taken = sum(file.stat().st_size for file in maps)
    job = Job.new("autopick", "3.1", values)
    facts = Facts(micrographs=1, micrograph_px=(200, 160), pixel_size=4.0)
    assert fom_map_bytes(job, facts) == pytest.approx(taken, rel=0.05)


@pytest.mark.relion
@pytest.mark.parametrize("writer", ["relion", "cryodeck"])
def test_each_program_picks_from_the_others_maps(tmp_path, writer):
    small_project(tmp_path)
    file = tmp_path / "AutoPick/job001/Micrographs/mic1_autopick.star"
    (tmp_path / "AutoPick/job001").mkdir(parents=True)
    if writer == "relion":
        run_relion(tmp_path, *RELION_A, "--write_fom_maps")
        file.unlink()
        values = CASE_A | {"do_read_fom_maps": "Yes"}
        write_job(tmp_path, "AutoPick/job001", "autopick", **values)
        assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    else:
        values = CASE_A | {"do_write_fom_maps": "Yes"}
        write_job(tmp_path, "AutoPick/job001", "autopick", **values)
        run_engine(tmp_path, "AutoPick/job001")
        file.unlink()
        run_relion(tmp_path, *RELION_A, "--read_fom_maps")
    expected = points(EXPECTED / "A_mic1_autopick.star")
    np.testing.assert_allclose(points(file), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"log_maxres": "24"}, "shrink or low-pass"),
        ({"log_invert": "Yes"}, "made with other settings"),
        ({"log_diam_min": "90"}, "write FOM maps in this job first"),
    ],
)
def test_maps_of_other_settings_are_refused(tmp_path, change, words):
    small_project(tmp_path)
    values = CASE_A | {"do_write_fom_maps": "Yes"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    run_engine(tmp_path, "AutoPick/job001")
    values = CASE_A | {"do_read_fom_maps": "Yes"} | change
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 1
    assert words in done.stderr


def test_more_maps_than_a_disk_should_hold_need_a_word(tmp_path):
    several(tmp_path, 31)
    values = MANY | {"do_write_fom_maps": "Yes"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **values)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 2
    assert "--no_fom_limit" in done.stderr
    allowed = values | {"other_args": "--no_fom_limit"}
    write_job(tmp_path, "AutoPick/job001", "autopick", **allowed)
    assert run_engine(tmp_path, "AutoPick/job001").returncode == 0
    maps = list((tmp_path / "AutoPick/job001").rglob("*_bestLoG.spi"))
    assert len(maps) == 31


def test_the_subpixel_flag_moves_picks_towards_the_truth(tmp_path):
    small_project(tmp_path)
    planted = np.array([(36, 40), (150, 44), (44, 100), (96, 88), (146, 96), (70, 132)])
    errors = []
    for number, flags in enumerate(("", "--subpixel"), 1):
        values = CASE_A | {"other_args": flags, "log_upper_thr": "999"}
        job = f"AutoPick/job00{number}"
        write_job(tmp_path, job, "autopick", **values)
        assert run_engine(tmp_path, job).returncode == 0
        found = points(tmp_path / job / "Micrographs/mic1_autopick.star")
        squared = ((planted[:, None] - found[None]) ** 2).sum(-1)
        errors.append(np.sqrt(squared.min(1)).mean())
    assert errors[1] < errors[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"other_args": "--helix"}, "does not know --helix"),
        ({"other_args": "--skip_side"}, "--skip_side needs a value"),
        ({"other_args": "--skip_side x"}, "is not a number"),
        ({"log_diam_min": "200"}, "is above the max"),
        ({"use_gpu": "Yes"}, "does not need a GPU"),
        ({"fn_input_autopick": ""}, "choose a list of micrographs"),
        ({"fn_input_autopick": "nowhere.star"}, "nowhere.star: No such file"),
        ({"log_diam_max": "many"}, "is not a number"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, change, words):
    small_project(tmp_path)
    write_job(tmp_path, "AutoPick/job001", "autopick", **CASE_A | change)
    done = run_engine(tmp_path, "AutoPick/job001")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
