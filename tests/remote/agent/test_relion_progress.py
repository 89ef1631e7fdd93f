"""Progress of RELION's classifications, from the files that it leaves behind."""

import json
import os
import struct
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


def iteration(folder, number, root="run"):
    """Files of a whole iteration."""
    base = Path(folder, f"{root}_it{number:03d}")
    for end in ("optimiser", "data", "model", "sampling"):
        Path(f"{base}_{end}.star").write_text("data_\n\n1 2\n")
    header = struct.pack("<4i", 8, 8, 2, 2) + bytes(1008)
    Path(f"{base}_classes.mrcs").write_bytes(header + bytes(4 * 8 * 8 * 2))
    return base


def cut(path, by):
    whole = path.read_bytes()
    path.write_bytes(whole[:-by])


def test_a_killed_job_goes_on_from_its_newest_whole_iteration(tmp_path):
    folder = classification(tmp_path, [])
    for number in (8, 9, 10):
        base = iteration(folder, number)
    newest = "run_it010_optimiser.star"
    assert job_facts.of_ended(folder)["optimiser"] == newest
    for end, by in (("_classes.mrcs", 1), ("_data.star", 1), ("_optimiser.star", 13)):
        iteration(folder, 10)
        cut(Path(f"{base}{end}"), by)
        assert job_facts.of_ended(folder)["optimiser"] == "run_it009_optimiser.star"
    Path(f"{base}_optimiser.star").unlink()
    assert job_facts.of_ended(folder)["optimiser"] == "run_it009_optimiser.star"


def test_of_two_runs_that_reached_an_iteration_the_later_counts(tmp_path):
    folder = classification(tmp_path, [])
    for root, age in (("run", 100), ("run_ct8", 50)):
        base = iteration(folder, 9, root)
        os.utime(f"{base}_optimiser.star", (START - age, START - age))
    assert job_facts.of_ended(folder)["optimiser"] == "run_ct8_it009_optimiser.star"


def test_other_jobs_have_no_iteration_to_go_on_from(tmp_path):
    folder = tmp_path / "AutoPick" / "job006"
    folder.mkdir(parents=True)
    iteration(folder, 1)
    assert job_facts.of_ended(str(folder))["optimiser"] == ""


def test_particles_of_an_iteration_do_not_hide_how_far_the_job_is(tmp_path):
    lines = [
        '{"t": 1.0, "kind": "started", "done": 0, "total": 25, "unit": "iterations"}',
        '{"t": 2.0, "kind": "step", "done": 9, "total": 30, "unit": "particles", '
        '"iteration": 1}',
    ]
    path = tmp_path / "progress.jsonl"
    path.write_text("\n".join(lines) + "\n")
    step = job_facts.progress(str(tmp_path))["step"]
    assert (step["done"], step["total"], step["unit"]) == (0, 25, "iterations")
    lines.insert(2, '{"t": 3.0, "kind": "iteration", "done": 1, "total": 25, '
        '"unit": "iterations"}')  # fmt: skip
    lines.append(lines[1].replace("2.0", "4.0"))
    path.write_text("\n".join(lines) + "\n")
    step = job_facts.progress(str(tmp_path))["step"]
    assert (step["done"], step["unit"]) == (1, "iterations")


def test_a_summary_tells_of_micrographs_that_could_not_be_done(tmp_path):
    path = tmp_path / "summary.json"
    numbers = {"micrographs_total": 5, "micrographs_done": 3, "picks_total": 536}
    path.write_text(json.dumps(numbers, indent=1))
    assert (
        job_facts.summary(job_facts.numbers_of(str(tmp_path)))
        == "3 of 5 micrographs, 536 particles"
    )
    path.write_text(json.dumps({"micrographs_total": 5, "input_total": 6}, indent=1))
    assert job_facts.summary(job_facts.numbers_of(str(tmp_path))) == "5 micrographs"
    path.write_text(json.dumps(numbers | {"micrographs_done": 5}, indent=1))
    assert (
        job_facts.summary(job_facts.numbers_of(str(tmp_path)))
        == "5 micrographs, 536 particles"
    )
