"""Classes of two classifications against planted particles, by image and by place."""

import pytest

from remote.agent import class_overlap
from remote.agent.verbs import Request, VerbError

PIXEL = 2.0


def write_job(project, name, particles, *, iteration=25, box=""):
    """A classification as RELION leaves it: model and data of an iteration."""
    folder = project / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "job.star").write_text("data_job\n\n_rlnJobType 8\n")
    root = folder / f"run_it{iteration:03d}"
    numbers = sorted({row[-1] for row in particles})
    lines = ["data_model_general", "", "_rlnCurrentResolution 9.5", ""]
    lines += ["data_model_classes", "", "loop_", "_rlnReferenceImage #1"]
    lines += ["_rlnClassDistribution #2", "_rlnEstimatedResolution #3"]
    lines += [
        f"{n:06d}@{name}/run_it{iteration:03d}_classes.mrcs 0.25 {8 + n}.0"
        for n in numbers
    ]
    root.with_name(root.name + "_model.star").write_text("\n".join(lines) + "\n\n")
    lines = ["data_optics", "", "loop_", "_rlnOpticsGroup #1"]
    lines += ["_rlnMicrographOriginalPixelSize #2", f"1 {PIXEL}", ""]
    lines += ["data_particles", "", "loop_", "_rlnImageName #1"]
    lines += ["_rlnMicrographName #2", "_rlnCoordinateX #3", "_rlnCoordinateY #4"]
    lines += ["_rlnClassNumber #5"]
    lines += [
        f"{i:06d}@Extract/{box}{mic}.mrcs {mic}.mrc {x} {y} {number}"
        for i, (mic, x, y, number) in enumerate(particles, 1)
    ]
    root.with_name(root.name + "_data.star").write_text("\n".join(lines) + "\n\n")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "default_pipeline.star").write_text(
        "data_pipeline_general\n\n_rlnPipeLineJobCounter 10\n\n"
        "data_pipeline_processes\n\nloop_\n_rlnPipeLineProcessName #1\n"
        "_rlnPipeLineProcessAlias #2\n_rlnPipeLineProcessTypeLabel #3\n"
        "_rlnPipeLineProcessStatusLabel #4\n"
        "Class2D/job001/ None relion.class2d.em Succeeded\n"
        "Class2D/job002/ None relion.class2d.em Succeeded\n\n"
    )
    return Request(1, str(tmp_path), 30.0)


ROWS = [("m1", 10 * i, 5.0, 1 if i < 6 else 2) for i in range(10)]


def test_particles_are_the_same_by_their_image(here, tmp_path):
    others = [(*row[:3], 7 if i < 5 else 8) for i, row in enumerate(ROWS)]
    write_job(tmp_path, "Class2D/job001", ROWS)
    write_job(tmp_path, "Class2D/job002", [*others, ("m1", 999, 9, 8)])
    said = class_overlap.of_jobs(here, "Class2D/job001", "Class2D/job002")
    assert said["matched_by"] == "image"
    assert said["within_angstrom"] is None
    assert said["particles"] == [10, 11]
    assert said["shared"] == 10
    assert said["counts"] == [[1, 7, 5], [1, 8, 1], [2, 8, 4]]
    ours, theirs = said["classes"]
    assert [(c["number"], c["particles"], c["shared"]) for c in ours] == [
        (1, 6, 6),
        (2, 4, 4),
    ]
    assert [(c["number"], c["particles"], c["shared"]) for c in theirs] == [
        (7, 5, 5),
        (8, 6, 5),
    ]
    assert ours[0]["resolution"] == 9.0
    assert theirs[0]["resolution"] == 15.0


def test_after_another_extraction_they_are_paired_by_place(here, tmp_path):
    # 3 pixels of 2 Å aside: the same within 8 Å, others within 4
    moved = [(mic, x + 3, y, number + 3) for mic, x, y, number in ROWS]
    write_job(tmp_path, "Class2D/job001", ROWS)
    write_job(tmp_path, "Class2D/job002", [*moved, ("m2", 10, 5, 4)], box="again/")
    jobs = "Class2D/job001", "Class2D/job002"
    said = class_overlap.of_jobs(here, *jobs, within_angstrom=8.0)
    assert said["matched_by"] == "place"
    assert said["within_angstrom"] == 8.0
    assert said["counts"] == [[1, 4, 6], [2, 5, 4]]
    assert class_overlap.of_jobs(here, *jobs, within_angstrom=4.0)["shared"] == 0


def test_the_newest_iteration_that_has_particles_counts(here, tmp_path):
    write_job(tmp_path, "Class2D/job001", ROWS, iteration=3)
    write_job(tmp_path, "Class2D/job001", ROWS[:4], iteration=4)
    (tmp_path / "Class2D/job001/run_it004_data.star").unlink()
    write_job(tmp_path, "Class2D/job002", ROWS)
    said = class_overlap.of_jobs(here, "Class2D/job001", "Class2D/job002")
    assert said["iterations"] == [3, 25]
    assert said["shared"] == 10


def test_a_job_that_has_classified_nothing_is_named(here, tmp_path):
    write_job(tmp_path, "Class2D/job001", ROWS)
    write_job(tmp_path, "Class2D/job002", ROWS, iteration=0)
    with pytest.raises(VerbError, match="Class2D/job002: no iteration has put"):
        class_overlap.of_jobs(here, "Class2D/job001", "Class2D/job002")
