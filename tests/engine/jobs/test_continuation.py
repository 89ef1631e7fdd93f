"""The iteration that Continue! is prepared with."""

import pytest

from engine.jobs.continuation import prepared
from engine.jobs.job import Job

FOLDER = "Class2D/job008"


@pytest.mark.parametrize(
    ("chosen", "newest", "expected"),
    [
        ("", "run_it017", "run_it017"),
        ("run_it005", "run_it017", "run_it017"),  # it has come further since
        ("run_it017", "run_ct17_it020", "run_ct17_it020"),
        ("run_it020", "run_it017", "run_it020"),
        ("run_it005", "", "run_it005"),
    ],
)
def test_the_newest_iteration_is_chosen_unless_one_is(chosen, newest, expected):
    def path(name):
        return f"{FOLDER}/{name}_optimiser.star" if name else ""

    job = Job.new("class2d", "4.0", {"fn_cont": path(chosen)})
    assert prepared(job, path(newest), FOLDER).text("fn_cont") == path(expected)


def test_another_jobs_iteration_stays_chosen():
    other = "Class2D/job004/run_it003_optimiser.star"
    job = Job.new("class2d", "4.0", {"fn_cont": other})
    newest = f"{FOLDER}/run_it017_optimiser.star"
    assert prepared(job, newest, FOLDER).text("fn_cont") == other


def test_jobs_without_iterations_are_left_as_they_are():
    job = Job.new("autopick", "4.0")
    assert prepared(job, "x_it001_optimiser.star") is job
