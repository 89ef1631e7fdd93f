"""What comes after a job, and what differs between two forms."""

import pytest

from engine.errors import InputError
from engine.jobs.check import Facts, check
from engine.jobs.difference import ABSENT, differences
from engine.jobs.hints import Hint, next_jobs
from engine.jobs.job import Job
from engine.jobs.nodes import input_nodes

VERSIONS = ("3.1", "4.0", "5.0")


def titles(hints: list[Hint]) -> list[str]:
    return [hint.title for hint in hints]


def walk(version: str) -> list[tuple[str, Job]]:
    """Follow the first hints through the tutorial's steps; return the jobs."""
    jobs: list[tuple[str, Job]] = []

    def step(folder: str, job: Job) -> tuple[str, Job]:
        jobs.append((f"{folder}/job{len(jobs) + 1:03d}", job))
        return jobs[-1]

    def then(title: str, facts: Facts | None = None) -> Job:
        name, job = jobs[-1]
        known = facts or Facts(has_ctf=True)
        hints = next_jobs(job, name, facts=known, earlier=jobs)
        return next(hint.job for hint in hints if hint.title == title)

    step("Import", Job.new("import", version, {"is_multiframe": "No"}))
    log = then("Pick by Laplacian of Gaussian")
    step("AutoPick", log.replace("log_diam_min", "150").replace("log_diam_max", "180"))
    extract = then("Extract particles").replace("extract_size", "256")
    step("Extract", extract)
    step("Class2D", then("Classify in 2D", Facts(particles=1200)))
    step("Select", then("Choose classes"))
    step("AutoPick", then("Pick with templates"))
    step("Extract", then("Extract particles"))
    return jobs


@pytest.mark.parametrize("version", VERSIONS)
def test_the_hints_lead_through_the_tutorial_with_sound_forms(version: str) -> None:
    jobs = walk(version)
    names = [name for name, _ in jobs]
    assert [name.partition("/")[0] for name in names] == [
        "Import",
        "AutoPick",
        "Extract",
        "Class2D",
        "Select",
        "AutoPick",
        "Extract",
    ]
    for name, job in jobs:
        assert [p for p in check(job) if p.is_error] == [], name
    picks = "coords_suffix_autopick.star" if version == "3.1" else "autopick.star"
    extract = jobs[2][1]
    assert extract.text("star_mics") == "Import/job001/micrographs.star"
    assert extract.text("coords_suffix") == f"AutoPick/job002/{picks}"
    classes = jobs[3][1]
    assert classes.text("fn_img") == "Extract/job003/particles.star"
    assert classes.integer("nr_classes") == 50
    assert classes.number("particle_diameter") == 200
    kind = "model" if version == "3.1" else "optimiser"
    choose = jobs[4][1]
    assert choose.text("fn_model") == f"Class2D/job004/run_it025_{kind}.star"
    templates = jobs[5][1]
    assert templates.text("fn_refs_autopick") == "Select/job005/class_averages.star"
    assert templates.text("fn_input_autopick") == "Import/job001/micrographs.star"
    assert not templates.flag("do_log")
    again = jobs[6][1]
    assert again.integer("extract_size") == 256  # as the time before
    assert again.text("coords_suffix") == f"AutoPick/job006/{picks}"


def test_fom_maps_lead_to_the_threshold_hunt_and_then_to_all_micrographs() -> None:
    few = {
        "fn_input_autopick": "Select/job005/micrographs.star",
        "fn_refs_autopick": "r.star",
        "do_write_fom_maps": "Yes",
    }
    job = Job.new("autopick", "3.1", few)
    earlier = [("CtfFind/job003", Job.new("ctffind", "3.1"))]
    hunt, everything, _ = next_jobs(job, "AutoPick/job010", earlier=earlier)
    assert hunt.continues == "AutoPick/job010"
    assert hunt.job.is_continue
    assert (hunt.job.flag("do_read_fom_maps"), hunt.job.flag("do_write_fom_maps")) == (
        True,
        False,
    )
    assert everything.continues == ""
    assert everything.job.text("fn_input_autopick") == (
        "CtfFind/job003/micrographs_ctf.star"
    )
    assert not everything.job.flag("do_write_fom_maps")


def test_many_micrographs_are_thinned_out_first_and_ctf_comes_before_all() -> None:
    job = Job.new("import", "5.0", {"is_multiframe": "No"})
    facts = Facts(micrographs=24, has_ctf=False)
    assert titles(next_jobs(job, "Import/job001", facts=facts)) == [
        "Estimate the CTF",
        "Select a few micrographs",
        "Pick by Laplacian of Gaussian",
        "Look and pick by hand",
    ]


def test_a_classification_can_go_on_for_five_iterations() -> None:
    job = Job.new("class2d", "5.0", {"fn_img": "p.star", "nr_iter_em": "25"})
    facts = Facts(last_optimiser="Class2D/job004/run_it025_optimiser.star")
    again = next_jobs(job, "Class2D/job004", facts=facts)[1]
    assert again.continues == "Class2D/job004"
    assert again.job.text("nr_iter_em") == "30"
    assert [p for p in check(again.job) if p.is_error] == []


def test_types_without_a_form_give_no_hints() -> None:
    assert next_jobs(Job.new("class3d", "5.0"), "Class3D/job001") == []


def test_differences_are_fields_whose_values_differ_as_numbers() -> None:
    a = Job.new("autopick", "5.0", {"do_log": "Yes", "log_diam_min": "150"})
    b = a.replace("log_diam_min", "150.0").replace("log_diam_max", "180")
    b = b.replace("threshold_autopick", "0.3")
    found = differences(a, b)
    assert [(d.key, d.before, d.after, d.matters) for d in found] == [
        ("log_diam_max", "250", "180", True),
        ("threshold_autopick", "0.05", "0.3", False),
    ]
    assert differences(a, a) == []


def test_fields_that_one_version_lacks_are_shown_as_absent() -> None:
    a, b = Job.new("class2d", "3.1"), Job.new("class2d", "5.0")
    found = {d.key: (d.before, d.after) for d in differences(a, b)}
    assert found["nr_iter"] == ("25", ABSENT)
    assert found["nr_iter_em"] == (ABSENT, "25")


def test_nodes_of_types_without_a_form_are_not_guessed() -> None:
    with pytest.raises(InputError, match="Class3D jobs take and make is not known"):
        input_nodes(Job.new("class3d", "5.0"))
