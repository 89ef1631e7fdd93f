"""Progress of RELION's classifications, from the files that it leaves behind."""

import os
from pathlib import Path

from engine.jobs.job import Job
from remote.agent import job_facts

START = 1_800_000_000


def classification(tmp_path, names, **values):
    folder = tmp_path / "Class2D" / "job007"
    folder.mkdir(parents=True)
    job = Job.new("class2d", "3.1", {"cryodeck_engine": "relion", **values})
    (folder / "job.star").write_text(job.to_star())
    for number, name in enumerate(names):
        path = folder / name
        path.write_text("\n")
        os.utime(path, (START + 10 * number, START + 10 * number))
    return str(folder)


def test_the_newest_iteration_is_what_is_done(tmp_path):
    names = [f"run_it{i:03d}_optimiser.star" for i in range(4)]
    facts = job_facts.of_running(classification(tmp_path, names, nr_iter="25"))
    step = facts["progress"]["step"]
    assert (step["done"], step["total"], step["unit"]) == (3, 25, "iterations")
    assert facts["progress"]["at"] == START + 30
    assert facts["progress"]["started_at"] == START


def test_a_continued_run_goes_on_counting(tmp_path):
    names = ["run_it010_optimiser.star", "run_ct10_it011_optimiser.star"]
    facts = job_facts.of_ended(classification(tmp_path, names, nr_iter="20"))
    assert facts["progress"]["step"]["done"] == 11
    assert facts["summary"] == "iteration 11"


def test_a_job_that_has_written_no_iteration_has_no_progress(tmp_path):
    facts = job_facts.of_running(classification(tmp_path, ["run_it_optimiser.star"]))
    assert facts["progress"] is None


def test_the_engines_own_word_comes_first(tmp_path):
    folder = classification(tmp_path, ["run_it003_optimiser.star"])
    line = '{"t": 1, "kind": "started", "done": 0, "total": 9, "unit": "x"}\n'
    Path(folder, "progress.jsonl").write_text(line)
    assert job_facts.of_running(folder)["progress"]["step"]["total"] == 9
