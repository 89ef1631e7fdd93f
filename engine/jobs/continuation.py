"""Continue!, prepared: a job's form with the iteration it would go on from."""

from __future__ import annotations

import re

from engine.jobs.job import Job

_NAME = re.compile(r"run(?:_ct\d+)?_it(\d+)_optimiser\.star\Z")


def prepared(job: Job, newest: str, directory: str = "") -> Job:
    """The form for going on from the newest whole iteration, if that is known.

    An iteration chosen before stays chosen, unless the job has come further since.

    Parameters
    ----------
    newest : str
        "Class2D/job008/run_it017_optimiser.star"; "" changes nothing.
    directory : str
        The job's own; what is chosen from another job's stays.
    """
    if not newest or "fn_cont" not in job.values:
        return job
    chosen = job.text("fn_cont").strip()
    folder, _, name = chosen.rpartition("/")
    if chosen and (folder != directory.rstrip("/") or _iteration(name) < 0):
        return job
    if chosen and _iteration(name) >= _iteration(newest.rpartition("/")[2]):
        return job
    return job.replace("fn_cont", newest)


def _iteration(name: str) -> int:
    match = _NAME.match(name)
    return int(match.group(1)) if match else -1
