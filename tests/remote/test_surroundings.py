"""What is known of a job's own results, for the words about Continue!."""

from dataclasses import replace

import pytest

from remote.surroundings import _done
from remote.views import JobRow, JobState, Progress, Verdict

ROW = JobRow(
    name="AutoPick/job002",
    number=2,
    type="autopick",
    type_label="relion.autopick.log",
    alias="",
    status="Succeeded",
    verdict=Verdict(state=JobState.SUCCEEDED, reason="finished"),
    progress=Progress(
        kind="step", done=1, total=1, unit="micrographs", started_at=0.0, at=1.0
    ),
)


@pytest.mark.parametrize(
    ("summary", "state", "done"),
    [
        ("5 micrographs, 834 particles", JobState.SUCCEEDED, 5),
        ("3 of 5 micrographs, 536 particles", JobState.SUCCEEDED, 3),
        ("839 particles", JobState.SUCCEEDED, 1),
        ("5 micrographs, 834 particles", JobState.RUNNING, 1),
    ],
)
def test_a_continued_job_counts_what_it_had_before(summary, state, done):
    verdict = replace(ROW.verdict, state=state)
    assert _done(replace(ROW, summary=summary, verdict=verdict)) == done


def test_nothing_is_known_of_a_job_that_is_not_there():
    assert _done(None) is None
