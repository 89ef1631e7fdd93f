"""job.star and run.job, of every version, in and out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.jobs.job import Job
from engine.jobs.registry import FORMS
from engine.project.star import parse

DATA = Path(__file__).parents[2] / "data" / "project"
JOB_STARS = sorted(p for p in DATA.rglob("*.star") if p.name.endswith("job.star"))
JOB_STARS += sorted((DATA / "relion5_types" / "jobs_spa").rglob("*.star"))
RUN_JOBS = sorted(DATA.rglob("run.job"))
VERSIONS = ("3.1", "4.0", "5.0")
one_line = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30
)


def head_and_options(text: str) -> tuple[dict[str, str], dict[str, str]]:
    file = parse(text)
    table = file.require("joboptions_values")
    head = {row[0]: row[1] for row in file.require("job").rows}
    return head, {row[0]: row[1] for row in table.rows}


@pytest.mark.parametrize("path", JOB_STARS, ids=lambda p: str(p.relative_to(DATA)))
def test_every_key_of_a_real_job_star_is_written_back(path: Path) -> None:
    text = path.read_text()
    job = Job.from_star(text, str(path))
    head, options = head_and_options(text)
    new_head, new_options = head_and_options(job.to_star())
    if job.version != "3.1":
        head.setdefault("rlnJobIsTomo", "0")
    assert new_head == head
    missing = {k: v for k, v in options.items() if new_options.get(k) != v}
    # the early 3.1 wrote blanks in choices as two underscores
    assert {k: v for k, v in missing.items() if "__" not in v} == {}
    assert not any(key.startswith("cryodeck_") for key in new_options)


@pytest.mark.parametrize("path", RUN_JOBS, ids=lambda p: str(p.relative_to(DATA)))
def test_a_run_job_of_3_0_is_read_by_its_labels(path: Path) -> None:
    job = Job.from_run_job(path.read_text(), str(path))
    assert job.type.folder == path.parts[-3]
    assert Job.from_star(job.to_star()).values == job.values


def test_run_job_values_land_under_their_keys() -> None:
    path = DATA / "relion30" / "Class2D" / "job006" / "run.job"
    job = Job.from_run_job(path.read_text())
    assert job.text("fn_img") == "Extract/job005/particles.star"
    assert job.integer("nr_classes") == 10
    assert job.text("gpu_ids") == "4"
    assert job.unknown["Initial subset size:"] == "10000"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", FORMS)
def test_a_new_job_comes_back_from_its_job_star(key: str, version: str) -> None:
    job = Job.new(key, version)
    assert Job.from_star(job.to_star(), version=version) == job


@given(data=st.data(), value=one_line)
@settings(deadline=None)
def test_any_text_in_any_field_comes_back(data: st.DataObject, value: str) -> None:
    job = Job.new("class2d", data.draw(st.sampled_from(VERSIONS)))
    job = job.replace(data.draw(st.sampled_from(["fn_img", "other_args"])), value)
    assert Job.from_star(job.to_star(), version=job.version) == job


def test_unknown_keys_and_head_labels_are_kept() -> None:
    text = Job.new("extract", "5.0").to_star()
    text = text.replace(
        "data_joboptions_values",
        "data_joboptions_values",
    ).replace("_rlnJobIsTomo", "_rlnJobFuture                 7\n_rlnJobIsTomo")
    text = text.rstrip() + '\nqsub_extra1   12\nnewer_key   "a b"\n'
    job = Job.from_star(text)
    again = Job.from_star(job.to_star())
    assert again.unknown == {"qsub_extra1": "12", "newer_key": "a b"}
    assert again.head["rlnJobFuture"] == "7"


def test_a_broken_further_table_is_kept_and_does_no_harm() -> None:
    text = (DATA / "rel31" / "Import_job001_job.star").read_text()
    text += "\ndata_extra\n\nloop_\n_a #1\n_b #2\n_c #3\n1 2 3 4\n \n"
    job = Job.from_star(text)
    assert "1            2            3            4" in job.to_star()
    assert Job.from_star(job.to_star()) == job


def test_a_job_star_of_relion_belongs_to_relion_and_a_new_one_to_us() -> None:
    path = DATA / "rel31" / "AutoPick_job002_job.star"
    assert Job.from_star(path.read_text()).engine == "relion"
    assert Job.new("autopick", "3.1").engine == "cryodeck"
    assert Job.new("ctffind", "3.1").engine == "relion"
    job = Job.new("autopick", "3.1").replace("cryodeck_memory", "16G")
    again = Job.from_star(job.to_star())
    assert (again.engine, again.text("cryodeck_memory")) == ("cryodeck", "16G")


def test_a_4_0_job_read_as_5_0_keeps_what_5_0_lacks() -> None:
    job = Job.new("select", "4.0", {"python_exe": "/opt/python"})
    converted = job.convert("5.0")
    assert converted.unknown["python_exe"] == "/opt/python"
    assert converted.text("dendrogram_threshold") == "0.85"
    assert converted.convert("4.0").values == job.values


def test_a_3_1_file_in_a_newer_project_means_what_it_meant() -> None:
    """RELION 4 takes its own defaults here: no method, VDAM, half precision."""
    folder = DATA / "relion31"
    text = (folder / "AutoPick" / "job011" / "job.star").read_text()
    picking = Job.from_star(text, version="4.0")
    assert (picking.flag("do_refs"), picking.flag("do_log")) == (True, False)
    text = (folder / "Class2D" / "job008" / "job.star").read_text()
    classes = Job.from_star(text, version="5.0")
    assert classes.flag("do_em")
    assert not classes.flag("do_grad")
    assert classes.text("nr_iter_em") == "25"
    back = classes.replace("nr_iter_em", "30").convert("3.1")
    assert back.text("nr_iter") == "30"
    text = (folder / "Extract" / "job007" / "job.star").read_text()
    assert not Job.from_star(text, version="4.0").flag("do_float16")


def test_numbers_are_read_whole_or_refused_with_key_and_label() -> None:
    job = Job.new("autopick", "3.1", {"log_diam_min": "12abc"})
    with pytest.raises(InputError, match=r"Min\. diameter .*\(log_diam_min\).*12abc"):
        job.number("log_diam_min")
    with pytest.raises(InputError, match="empty"):
        job.replace("log_diam_min", " ").number("log_diam_min")
    with pytest.raises(InputError, match="scheme variable"):
        job.replace("log_diam_min", "$$size").number("log_diam_min")
    for text in ("nan", "inf", "1_0", "0x10", "1,5"):
        with pytest.raises(InputError, match="not a number"):
            job.replace("log_diam_min", text).number("log_diam_min")


def test_whole_numbers_may_be_written_with_a_point_but_not_a_fraction() -> None:
    job = Job.new("class2d", "3.1", {"nr_classes": "50.0"})
    assert job.integer("nr_classes") == 50
    with pytest.raises(InputError, match="not a whole number"):
        job.replace("nr_classes", "2.5").integer("nr_classes")


def test_minus_one_minus_999_and_empty_mean_off_at_the_door() -> None:
    job = Job.new("autopick", "3.1")
    assert job.number_or_none("highpass") is None
    assert job.number_or_none("minavgnoise_autopick") is None
    assert job.number_or_none("log_upper_thr") is None
    assert job.replace("log_upper_thr", "5").number_or_none("log_upper_thr") == 5.0
    assert (
        job.replace("minavgnoise_autopick", "-1").number_or_none("minavgnoise_autopick")
        == -1.0
    )
    assert job.number_or_none("shrink") == 0.0
    assert job.number_or_none("shrink", off_when=0) is None
    assert job.replace("lowpass", "").number_or_none("lowpass") is None


def test_only_yes_is_yes_and_other_spellings_are_put_right() -> None:
    job = Job.new("autopick", "3.1")
    assert job.replace("do_log", "true").text("do_log") == "Yes"
    assert job.replace("do_log", True).flag("do_log")
    assert not job.replace("do_log", "off").flag("do_log")
    with pytest.raises(InputError, match="neither Yes nor No"):
        job.replace("do_log", "perhaps")


def test_a_misspelt_key_is_answered_with_the_right_one() -> None:
    with pytest.raises(InputError, match="did you mean log_diam_min"):
        Job.new("autopick", "3.1").replace("log_diam_mim", "1")


def test_a_choice_must_be_one_of_the_choices() -> None:
    with pytest.raises(InputError, match="is not one of 30 degrees, 15 degrees"):
        Job.new("autopick", "3.1").replace("ref3d_sampling", "31 degrees")


def test_a_file_without_the_tables_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no table data_job"):
        Job.from_star("data_x\n\n_a 1\n", "Import/job001/job.star")
    with pytest.raises(InputError, match=r"run\.job"):
        Job.from_run_job("nothing here")


def test_cryodecks_engine_gets_the_method_it_has() -> None:
    assert Job.new("class2d", "5.0").flag("do_em")
    assert Job.new("class2d", "5.0", {"cryodeck_engine": "relion"}).flag("do_grad")


def refusal(text: str, read: Callable[[str], Job]) -> str:
    try:
        read(text).to_star()
    except InputError as error:
        return str(error)
    return ""


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_job_star_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(JOB_STARS))
    text = path.read_text()
    at = data.draw(st.integers(0, len(text)))
    noise = data.draw(st.text(max_size=15))
    cut = data.draw(st.integers(0, 60))
    damaged = text[:at] + noise + text[at + cut :]
    assert "\n" not in refusal(damaged, Job.from_star)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_as_run_job_is_read_or_refused(text: str) -> None:
    assert "\n" not in refusal(text, Job.from_run_job)
    assert "\n" not in refusal("job_type == 8\n" + text, Job.from_run_job)


def test_numbers_are_written_without_losing_digits() -> None:
    job = Job.new("autopick", "3.1")
    assert job.replace("log_diam_max", 1234567).text("log_diam_max") == "1234567"
    assert job.replace("angpix", 0.1 + 0.2).text("angpix") == "0.3"
    assert job.replace("lowpass", 20.0).text("lowpass") == "20"
