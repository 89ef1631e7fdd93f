"""2D classification as a job, and RELION 3.1.3 taking over from its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.engine_jobs import run_engine, run_relion, write_job
from support.worked_example import (
    confusion,
    example_project,
    example_truth,
    relion_first_iteration,
)

from engine.classification.batch import Optics
from engine.classification.state import Settings
from engine.io.mrc import read_header, read_images, write_mrc
from engine.io.star import read_star
from engine.programs import class2d_files
from engine.programs.class2d_files import IterationFiles
from engine.programs.class2d_state import read_state
from engine.programs.particle_set import read_particles
from engine.progress import read_progress

VALUES = {
    "cryodeck_engine": "cryodeck",
    "fn_img": "particles.star",
    "nr_classes": "3",
    "nr_iter": "3",
    "particle_diameter": "100",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The worked example, classified in three iterations as job001."""
    folder = tmp_path_factory.mktemp("class2d")
    example_project(folder)
    write_job(folder, "Class2D/job001", "class2d", **VALUES)
    done = run_engine(folder, "Class2D/job001")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


def state(project, job, name="run_it003"):
    return np.load(project / f"Class2D/{job}/{name}_state.npz")


def fails(project, job, message, **values):
    write_job(project, f"Class2D/{job}", "class2d", **(VALUES | values))
    done = run_engine(project, f"Class2D/{job}")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_every_iteration_has_relions_files(project):
    folder = project / "Class2D/job001"
    for n in range(4):
        for suffix in ("optimiser.star", "model.star", "data.star", "classes.mrcs"):
            assert (folder / f"run_it{n:03d}_{suffix}").is_file()
    header = read_header(folder / "run_it003_classes.mrcs")
    assert (header.nx, header.nz, header.pixel_size) == (32, 3, 4.0)
    model = read_star(folder / "run_it003_model.star")
    assert model["model_general"].integers("rlnNrClasses")[0] == 3
    shares = model["model_classes"].numbers("rlnClassDistribution")
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert len(model["model_groups"]) == 4
    assert "rlnSigma2Noise" in model["model_group_4"]
    data = read_star(folder / "run_it003_data.star")
    given = read_star(project / "particles.star")
    assert data["particles"].labels[:8] == given["particles"].labels
    assert data["particles"].text("rlnImageName") == given["particles"].text(
        "rlnImageName"
    )
    assert data["optics"].labels == given["optics"].labels


def test_the_summary_and_the_progress_tell_the_iterations(project):
    folder = project / "Class2D/job001"
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["iteration"], summary["iterations_total"]) == (3, 3)
    assert [entry["iteration"] for entry in summary["history"]] == [1, 2, 3]
    assert sum(c["particles"] for c in summary["classes"]) == 300
    records = read_progress((folder / "progress.jsonl").read_text())
    assert [r["done"] for r in records if r["kind"] == "iteration"] == [1, 2, 3]


def test_continuing_is_the_same_as_never_having_stopped(project):
    write_job(
        project,
        "Class2D/job002",
        "class2d",
        is_continue=True,
        **(VALUES | {"fn_cont": "Class2D/job001/run_it001_optimiser.star"}),
    )
    done = run_engine(project, "Class2D/job002")
    assert done.returncode == 0, done.stderr
    one, two = state(project, "job001"), state(project, "job002", "run_ct1_it003")
    for name in one.files:
        if name != "note":
            assert np.array_equal(one[name], two[name]), name


def test_an_iteration_written_anew_is_not_whole_until_it_is_all_there(
    project, monkeypatch
):
    monkeypatch.chdir(project)
    particles = read_particles("particles.star")
    found, history = read_state("Class2D/job001/run_it003_state.npz")
    settings = Settings(
        n_classes=3,
        n_iterations=3,
        tau_fudge=2,
        sampling=found.sampling,
        optics=Optics(pixel_size=4.0, radius_px=12.5),
    )
    root = Path("Class2D/job013/run")
    files = IterationFiles(
        root, particles, settings, version=30001, has_optics_noise_table=False
    )
    files.write(found, history, 3)
    optimiser = Path(files.name(3, "optimiser.star"))
    assert optimiser.is_file()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(class2d_files, "write_state", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(found, history, 3)
    assert Path(files.name(3, "model.star")).is_file()
    assert not optimiser.exists()


def test_a_continued_job_takes_more_iterations_finer_steps_and_another_mask(project):
    start = "Class2D/job001/run_it002_optimiser.star"
    more = {"psi_sampling": "3", "offset_step": "0.5", "particle_diameter": "90"}
    values = VALUES | more | {"fn_cont": start, "nr_iter": "4"}
    write_job(project, "Class2D/job011", "class2d", is_continue=True, **values)
    done = run_engine(project, "Class2D/job011")
    assert done.returncode == 0, done.stderr
    assert "120 angles of 3 degrees" in done.stdout
    root = project / "Class2D/job011/run_ct2_it004"
    sampling = read_star(f"{root}_sampling.star")["sampling_general"]
    assert float(sampling.numbers("rlnPsiStep")[0]) == 6.0
    assert float(sampling.numbers("rlnOffsetStep")[0]) == 4.0
    optimiser = read_star(f"{root}_optimiser.star")["optimiser_general"]
    assert float(optimiser.numbers("rlnParticleDiameter")[0]) == 90.0
    assert int(optimiser.integers("rlnNumberOfIterations")[0]) == 4


def test_scratch_that_is_too_small_or_missing_is_one_line(project):
    write_job(
        project, "Class2D/job012", "class2d", **VALUES, scratch_dir="/proc/nowhere"
    )
    done = run_engine(project, "Class2D/job012")
    assert done.returncode == 1
    assert "scratch directory /proc/nowhere: " in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_killed_job_goes_on_from_its_last_whole_iteration(project):
    write_job(project, "Class2D/job003", "class2d", **(VALUES | {"nr_iter": "2"}))
    assert run_engine(project, "Class2D/job003").returncode == 0
    folder = project / "Class2D/job003"
    (folder / "run_it002_optimiser.star").unlink()  # written last: not whole
    write_job(
        project, "Class2D/job003", "class2d", is_continue=True, version="4.0",
        **{k: v for k, v in VALUES.items() if k != "nr_iter"},
        do_em="Yes", do_grad="No", nr_iter_em="3", do_center="No",
    )  # fmt: skip
    done = run_engine(project, "Class2D/job003")
    assert done.returncode == 0, done.stderr
    assert "going on after iteration 1" in done.stdout
    one, two = state(project, "job001"), state(project, "job003")
    assert np.array_equal(one["model_images"], two["model_images"])


def test_an_abort_request_ends_the_job_with_its_marker(project):
    write_job(project, "Class2D/job004", "class2d", **VALUES)
    (project / "Class2D/job004/RELION_JOB_ABORT_NOW").touch()
    assert run_engine(project, "Class2D/job004").returncode == 3
    assert (project / "Class2D/job004/RELION_JOB_EXIT_ABORTED").is_file()


def test_where_the_images_are_kept_changes_nothing(project, tmp_path):
    ways = (
        ({"do_preread_images": "Yes"}, "all particles into memory: 0.00 GB"),
        ({"scratch_dir": str(tmp_path / "scratch")}, "300 particles (0.00 GB) copied"),
        ({"do_parallel_discio": "No"}, "Expectation iteration 1 of 1"),
        ({"nr_threads": "2"}, "Expectation iteration 1 of 1"),
    )
    for i, (values, said) in enumerate(ways, 5):
        more = values | {"nr_iter": "1"}
        write_job(project, f"Class2D/job00{i}", "class2d", **(VALUES | more))
        done = run_engine(project, f"Class2D/job00{i}")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        one = state(project, "job001", "run_it001")["model_images"]
        two = state(project, f"job00{i}", "run_it001")["model_images"]
        assert np.array_equal(one, two), values
    assert list((tmp_path / "scratch").iterdir()) == []


def test_given_references_keep_their_order(project):
    write_job(
        project,
        "Class2D/job010",
        "class2d",
        **(VALUES | {"other_args": "--ref refs5.star", "nr_iter": "2"}),
    )
    done = run_engine(project, "Class2D/job010")
    assert done.returncode == 0, done.stderr
    found = state(project, "job010", "run_it002")["particles_class_index"]
    table = confusion(example_truth()["class"], found)
    assert np.trace(table) >= 297


def test_bad_forms_get_one_clear_line(project):
    fails(project, "job020", "helical", do_helix="Yes")
    fails(project, "job020", "No such file", fn_img="nowhere.star")
    fails(project, "job020", "larger than the box", particle_diameter="300")
    fails(project, "job020", "at least 20 iterations", do_fast_subsets="Yes")
    fails(project, "job020", "400 classes for 300 particles", nr_classes="400")
    fails(project, "job020", "does not know --nonsense", other_args="--nonsense")
    fails(project, "job020", "tau_fudge", tau_fudge="0")


def test_particles_without_ctf_values_are_refused_or_taken_without(project):
    tables = read_star(project / "particles.star")
    labels = [k for k in tables["particles"].labels if "Defocus" in k]
    tables["particles"] = tables["particles"].without(labels)
    from engine.io.star import write_star

    write_star(project / "noctf.star", tables)
    fails(project, "job021", "no CTF values", fn_img="noctf.star")
    more = {"fn_img": "noctf.star", "do_ctf_correction": "No", "nr_iter": "1"}
    write_job(project, "Class2D/job022", "class2d", **(VALUES | more))
    assert run_engine(project, "Class2D/job022").returncode == 0


def test_a_truncated_stack_is_named(project):
    stack = project / "particles.mrcs"
    (project / "short.mrcs").write_bytes(stack.read_bytes()[:200000])
    text = (project / "particles.star").read_text()
    (project / "short.star").write_text(text.replace("particles.mrcs", "short.mrcs"))
    fails(project, "job023", "truncated", fn_img="short.star")


@pytest.mark.relion
def test_relion_continues_from_our_optimiser(project):
    run_relion(
        project,
        "relion_refine",
        "--continue",
        "Class2D/job001/run_it002_optimiser.star",
        "--o",
        "Class2D/relion",
        "--iter",
        "3",
    )
    theirs = read_star(project / "Class2D/relion_it003_data.star")["particles"]
    ours = read_star(project / "Class2D/job001/run_it003_data.star")["particles"]
    names = ours.text("rlnImageName")
    order = [theirs.text("rlnImageName").index(name) for name in names]
    same = theirs.integers("rlnClassNumber")[order] == ours.integers("rlnClassNumber")
    assert same.mean() > 0.6  # early iterations differ; the files fit


@pytest.mark.relion
def test_relions_handlers_read_our_lists_and_stacks(project):
    run_relion(
        project,
        "relion_star_handler",
        *["--i", "Class2D/job001/run_it003_data.star", "--o", "Class2D/first.star"],
        *["--select", "rlnClassNumber", "--minval", "1", "--maxval", "1"],
    )
    classes = read_star(project / "Class2D/job001/run_it003_data.star")["particles"]
    chosen = read_star(project / "Class2D/first.star")["particles"]
    assert len(chosen) == (classes.integers("rlnClassNumber") == 1).sum() > 0
    run_relion(
        project,
        "relion_image_handler",
        *["--i", "Class2D/job001/run_it003_classes.mrcs", "--o", "Class2D/twice.mrcs"],
        *["--multiply_constant", "2"],
    )
    ours = read_images(project / "Class2D/job001/run_it003_classes.mrcs")
    theirs = read_images(project / "Class2D/twice.mrcs")
    np.testing.assert_allclose(theirs, 2 * ours, rtol=1e-6)


@pytest.mark.relion
def test_we_continue_from_relions_optimiser(project):
    relion_first_iteration(project)
    write_job(
        project,
        "Class2D/job030",
        "class2d",
        is_continue=True,
        **(VALUES | {"fn_cont": "Class2D/their_it001_optimiser.star"}),
    )
    done = run_engine(project, "Class2D/job030")
    assert done.returncode == 0, done.stderr
    found = state(project, "job030", "run_ct1_it003")["particles_class_index"]
    table = confusion(example_truth()["class"], found)
    # the pipeline keeps micrographs sorted already: rows are in the same order
    assert np.trace(table) >= 297


def spoilt(project, name, rows):
    """The worked example with some images replaced."""
    images = read_images(project / "particles.mrcs").copy()
    for row, change in rows.items():
        images[row] = change(images[row])
    write_mrc(project / f"{name}.mrcs", images, 4.0)
    text = (project / "particles.star").read_text()
    (project / f"{name}.star").write_text(
        text.replace("particles.mrcs", name + ".mrcs")
    )


def test_wild_empty_and_broken_particles_are_named_and_spoil_nothing(project):
    rows = {
        10: lambda image: image * 1e4,
        20: lambda image: image * 0,
        30: lambda image: image * np.nan,
    }
    spoilt(project, "wild", rows)
    write_job(
        project, "Class2D/job040", "class2d", **(VALUES | {"fn_img": "wild.star"})
    )
    done = run_engine(project, "Class2D/job040")
    assert done.returncode == 0, done.stderr
    assert "3 of 300 particles take no part" in done.stderr
    folder = project / "Class2D/job040"
    summary = json.loads((folder / "summary.json").read_text())
    names = [entry["name"] for entry in summary["failed"]]
    places = [int(name.partition("@")[0]) - 1 for name in names]
    order = read_star(project / "wild.star")["particles"].text("rlnImageName")
    assert sorted(places) == sorted(rows)
    assert summary["particles_used"] == 297
    clean = state(project, "job001")["model_noise_power"]
    noise = state(project, "job040")["model_noise_power"]
    np.testing.assert_allclose(noise, clean, rtol=0.1)
    data = read_star(folder / "run_it003_data.star")["particles"]
    assert data.text("rlnImageName") == order
    lowest = 1 + int(np.argmin(state(project, "job040")["model_class_distribution"]))
    at = [order.index(name) for name in names]
    assert set(data.integers("rlnClassNumber")[at]) == {lowest}


def test_a_stack_of_zeros_fails_with_one_clear_line(project):
    spoilt(project, "zeros", dict.fromkeys(range(300), lambda image: image * 0))
    fails(project, "job041", "0 of 300 particles can be used", fn_img="zeros.star")


GRADIENT = {
    **{k: v for k, v in VALUES.items() if k != "nr_iter"},
    **{"do_em": "No", "do_grad": "Yes", "nr_iter_grad": "15", "do_center": "Yes"},
}


def test_mini_batches_write_every_tenth_and_the_full_passes_and_continue(project):
    job = {"version": "4.0", **GRADIENT}
    write_job(project, "Class2D/job050", "class2d", **job)
    done = run_engine(project, "Class2D/job050")
    assert done.returncode == 0, done.stderr
    folder = project / "Class2D/job050"
    written = sorted(path.name for path in folder.glob("run_it*_optimiser.star"))
    numbers = [int(name[6:9]) for name in written]
    assert numbers == [0, 10, 13, 14, 15]
    assert "with 100 particles" in done.stdout
    whole = state(project, "job050", "run_it015")
    for path in folder.glob("run_it01[345]*"):
        path.unlink()
    write_job(project, "Class2D/job050", "class2d", is_continue=True, **job)
    done = run_engine(project, "Class2D/job050")
    assert done.returncode == 0, done.stderr
    assert "going on after iteration 10" in done.stdout
    again = state(project, "job050", "run_it015")
    for name in whole.files:
        if name != "note":
            assert np.array_equal(whole[name], again[name]), name
