"""Drafts from words: keys, labels, values, and what is refused."""

import pytest

from engine.errors import InputError
from engine.jobs.job import Job
from tui.cli.drafting import changed
from tui.cli.editor import as_text, from_text
from tui.cli.failure import CommandFailure
from tui.cli.form_pages import job_type_of


@pytest.fixture
def job():
    return Job.new("autopick", "4.0")


def test_values_are_set_by_key_and_by_label(job):
    by_key = changed(job, ["log_diam_min=150"], continuing=False)
    by_label = changed(job, ["Min. diameter for LoG filter (A)=150"], continuing=False)
    assert by_key.number("log_diam_min") == by_label.number("log_diam_min") == 150


def test_yes_and_no_may_be_written_as_people_do(job):
    assert changed(job, ["do_log=true"], continuing=False).flag("do_log")
    assert not changed(job, ["do_log=off"], continuing=False).flag("do_log")


def test_a_choice_may_be_given_by_its_beginning():
    job = Job.new("import", "4.0")
    job = changed(job, ["node_type=Micrographs"], continuing=False)
    assert job.text("node_type") == "Micrographs STAR file (.star)"


def test_a_value_may_hold_equals_signs(job):
    job = changed(job, ["other_args=--a=b --c=d"], continuing=False)
    assert job.text("other_args") == "--a=b --c=d"


def test_an_unknown_key_names_the_nearest_keys_with_their_labels(job):
    with pytest.raises(CommandFailure, match=r"log_diam_min \(Min. diameter"):
        changed(job, ["log_diam_mni=150"], continuing=False)


@pytest.mark.parametrize("setting", ["log_diam_min", "do_log=perhaps"])
def test_what_is_no_value_is_refused(job, setting):
    with pytest.raises((CommandFailure, InputError)):
        changed(job, [setting], continuing=False)


def test_options_that_a_continuation_keeps_cannot_be_set(job):
    with pytest.raises(CommandFailure, match="cannot change when a job is continued"):
        changed(job, ["fn_input_autopick=other.star"], continuing=True)


def test_a_job_type_is_found_by_any_of_its_names():
    names = ("autopick", "AutoPick", "relion.autopick", "4")
    assert {job_type_of(name).key for name in names} == {"autopick"}


def test_an_unknown_job_type_names_the_nearest():
    with pytest.raises(CommandFailure, match="did you mean"):
        job_type_of("autopik")


def test_the_text_to_edit_gives_back_the_job_it_was_made_of(job):
    job = job.replace("other_args", "--x '1 # 2' = 3")
    assert from_text(job, as_text(job, "AutoPick/job001")) == job


def test_an_edited_line_changes_that_option_alone(job):
    text = as_text(job, "AutoPick/job001").replace(
        "log_diam_max = 250", "log_diam_max = 180"
    )
    edited = from_text(job, text)
    assert edited == job.replace("log_diam_max", "180")


def test_a_line_that_is_no_option_is_named_by_its_number(job):
    with pytest.raises(CommandFailure, match="line 2: nonsense"):
        from_text(job, "# comment\nnonsense\n")
