"""How many micrographs of a job are done, over all of its runs."""

import json

import pytest

from engine.progress import ProgressWriter
from remote.agent import job_facts


def run(folder, done, left, *, kept=0, of=0, ends=True, **summary):
    """A run of the engine over what is left, as far as it came."""
    writer = ProgressWriter(folder / "progress.jsonl")
    writer.started(left, "micrographs", kept=kept, of=of)
    writer.step(done, left, "micrographs")
    if ends:
        (folder / "summary.json").write_text(json.dumps(summary, indent=1))
        writer.finished()


def reached(folder):
    return job_facts.of_ended(str(folder))["reached"]


def test_a_run_under_way_tells_it_by_its_steps(tmp_path):
    run(tmp_path, 5, 5, micrographs_total=5, micrographs_done=3)
    assert reached(tmp_path) == [3, 5]  # two could not be picked
    (tmp_path / "progress.jsonl").unlink()
    run(tmp_path, 2, 5, of=5, ends=False)
    assert reached(tmp_path) == [2, 5]


def test_a_job_that_goes_on_counts_what_its_first_run_did(tmp_path):
    run(tmp_path, 3, 5, of=5, ends=False)
    run(tmp_path, 0, 2, kept=3, of=5, ends=False)
    assert reached(tmp_path) == [3, 5]
    run(tmp_path, 2, 2, kept=3, of=5, ends=False)
    assert reached(tmp_path) == [5, 5]
    run(tmp_path, 2, 2, kept=3, of=5, micrographs_total=5, micrographs_done=5)
    assert reached(tmp_path) == [5, 5]
    # more were imported; the summary of the run before does not count for this one
    run(tmp_path, 4, 5, kept=5, of=10, ends=False)
    assert reached(tmp_path) == [9, 10]


def test_extraction_has_micrographs_without_picks(tmp_path):
    run(tmp_path, 1, 1, kept=3, of=5, ends=False)
    assert reached(tmp_path) == [4, 5]


@pytest.mark.parametrize(
    "line",
    [
        "",
        '{"t": 1.0, "kind": "step", "done": 1, "total": 3, "unit": "images"}',
        '{"t": 1.0, "kind": "step", "done": "x", "total": 3, "unit": "micrographs"}',
        '{"t": 1.0, "kind": "warning", "message": "no step yet"}',
    ],
)
def test_of_other_jobs_nothing_is_said(tmp_path, line):
    (tmp_path / "progress.jsonl").write_text(line + "\n")
    assert reached(tmp_path) is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["mic1.mrc", "mic2.mrc"], "2 micrographs selected"),
        (["mic1.mrc"], "1 micrograph selected"),
        ([], "0 micrographs selected"),
    ],
)
def test_a_job_by_hand_says_how_many_micrographs_are_ticked(tmp_path, rows, words):
    text = "data_\n\nloop_\n_rlnMicrographName #1\n" + "\n".join(rows) + "\n"
    (tmp_path / "micrographs_selected.star").write_text(text)
    assert job_facts.of_ended(str(tmp_path))["summary"] == words
    (tmp_path / "micrographs_selected.star").write_text("data_\n\nloop_\n_rlnMic")
    assert job_facts.of_ended(str(tmp_path))["summary"] == ""
