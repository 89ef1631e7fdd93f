"""Classes by commands: look-alikes, averages, and two classifications side by side."""

import io

import numpy as np
import pytest
from PIL import Image
from support.pipelines import set_status

from engine.io.mrc import read_images
from engine.io.star import read_star
from tests.support import gallery_project
from tests.support.engine_jobs import run_engine
from tests.support.worked_example import CLASSIFIED
from tests.tui.cli.conftest import Shell


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    """RELION's classification of the worked example, and the engine's of the same."""
    project = tmp_path_factory.mktemp("classified") / "project"
    theirs = gallery_project.with_classes(project)
    values = {"fn_img": "particles.star", "nr_classes": "3", "nr_iter": "3"}
    values |= {"particle_diameter": "100"}
    ours = gallery_project.new_job(project, "class2d", "3.1", values)
    assert run_engine(project, ours).returncode == 0
    set_status(project, ours, "Succeeded")
    assert (theirs, ours) == ("Class2D/job001", "Class2D/job002")
    return Shell(tmp_path_factory.mktemp("home"), project)


def numbers_of(project, data):
    table = read_star(project / data)["particles"]
    images, numbers = table.text("rlnImageName"), table.integers("rlnClassNumber")
    return dict(zip(images, numbers.tolist(), strict=True))


def test_classes_are_listed_with_those_they_look_like(classified):
    told = classified.json("classes", "1", "--sort", "number")
    assert told["iteration"] == 3
    assert [one["number"] for one in told["classes"]] == [1, 2, 3]
    shares = [one["distribution"] for one in told["classes"]]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    left = classified.json("classes", "1", "--different")
    alike = [one["number"] for one in told["classes"] if one["like"]]
    assert left["left_out"] == len(alike)
    assert not any(one["like"] for one in left["classes"])
    assert "Looks like" in classified("classes", "1").out


def test_classes_that_are_not_there_are_refused_before_a_job_is_made(classified):
    before = classified.states()
    for numbers in ("2,99", "0", "two", "3-1"):
        said = classified("select-classes", "1", "--classes", numbers, code=2).err
        assert "Class2D/job001 has the classes 1 to 3" in said
    assert classified.states() == before


def test_particles_of_a_low_score_are_left_out(classified):
    classified("select-classes", "2", "--min-particle-score", "0.5", "--alias", "kept")
    folder = classified.project / "Select/kept"
    kept = read_star(folder / "particles.star")["particles"]
    data = classified.project / "Class2D/job002/run_it003_data.star"
    every = read_star(data)["particles"]
    scores = kept.numbers("rlnParticleFigureOfMerit")
    assert scores.min() >= 0.5
    assert 0 < len(kept) < len(every)
    told = classified.json("stats", "kept")
    assert told["left_out_by_particle_score"] == len(every) - len(kept)


@pytest.mark.parametrize("score", ["0", "1.5", "high"])
def test_a_score_that_is_none_is_refused(classified, score):
    for option in ("--min-score", "--min-particle-score"):
        said = classified("select-classes", "1", option, score, code=2).err
        assert f"{score}: a score is a number above 0, at most 1, like 0.3" in said


def test_a_selection_without_any_rule_is_refused(classified):
    said = classified("select-classes", "1", code=2).err
    assert "--classes LIST, --best N or --min-score X" in said


def test_an_average_of_classes_is_written_as_a_picture(classified, tmp_path):
    file = tmp_path / "average.png"
    told = classified.json("classes", "1", "--average", "1,3", "-o", str(file))
    assert told["averaged"] == [1, 3]
    assert told["count"] == 2
    images = read_images(classified.project / f"{CLASSIFIED}_classes.mrcs")[[0, 2]]
    average = np.mean(images, axis=0)
    assert told["lowest"] == pytest.approx(float(average.min()), rel=1e-3)
    assert told["highest"] == pytest.approx(float(average.max()), rel=1e-3)
    shown = Image.open(io.BytesIO(file.read_bytes()))
    assert shown.size == (2 * 32 + 1, 32)
    said = classified("classes", "1", "--average", "1-2").out
    assert "average and deviation of 2 classes of iteration 3" in said


def test_two_classifications_are_compared_class_by_class(classified):
    told = classified.json("compare", "1", "2")["classes"]
    first = numbers_of(classified.project, f"{CLASSIFIED}_data.star")
    second = numbers_of(classified.project, "Class2D/job002/run_it003_data.star")
    assert told["matched_by"] == "image"
    assert told["iterations"] == [3, 3]
    assert told["shared"] == len(first) == len(second)
    for one in told["first"]:
        mine = {image for image, n in first.items() if n == one["number"]}
        theirs = {image for image, n in second.items() if n == one["best"]}
        assert one["particles"] == len(mine)
        assert one["best_particles"] == len(theirs)
        assert one["shared"] == len(mine & theirs)
        every = [sum(second[i] == n for i in mine) for n in (1, 2, 3)]
        assert one["shared"] == max(every)
        assert one["share"] == pytest.approx(one["shared"] / len(mine), abs=1e-4)
        either = len(mine | theirs)
        assert one["overlap"] == pytest.approx(one["shared"] / either, abs=1e-4)
    assert sum(one["particles"] for one in told["second"]) == len(second)
    itself = classified.json("compare", "1", "1")["classes"]
    assert itself["agreement"] == pytest.approx(1.0)
    assert all(one["number"] == one["best"] for one in itself["first"])
    out = classified("compare", "1", "2").out
    assert "Class by class" in out
    assert "adjusted Rand" in out


@pytest.mark.parametrize(
    "words",
    [
        ("classes", "1", "--average", "x"),
        ("classes", "1", "-o", "sheet.png"),
        ("classes", "1", "--average", "9"),
        ("classes", "1", "--iteration", "77"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(classified, words):
    assert len(classified(*words, code=2).err.splitlines()) == 1


def test_the_numbers_of_a_classification_are_drawn_as_in_the_interface(classified):
    out = classified("stats", "2").out
    for words in ("Class distribution", "by iteration", "particles changing class"):
        assert words in out
