"""Job arrays and heterogeneous jobs: many rows of a scheduler that are one submission.

Rows have ids like 123_4, 123_[5-9%2] (tasks) and 123+1 (a component). What the
submission 123 amounts to is the most telling of its parts, with the tasks counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from remote.schedulers.base import SchedulerJob, completed
from remote.views import JobState

_PART = re.compile(r"(\d+)(?:_(\d+)|_\[([^\]]*)\]?|\+(\d+))")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?")
MOST_TASKS = 100_000  # beyond, the tasks of a range are not counted one by one
#: while anything lives this is what the whole does; the first that there is
_LIVE = (
    JobState.RUNNING,
    JobState.FINISHING,
    JobState.SUSPENDED,
    JobState.QUEUED,
    JobState.HELD,
    JobState.UNKNOWN,
)
#: once all is over the worst end is the whole's
_OVER = (
    JobState.OUT_OF_MEMORY,
    JobState.TIMEOUT,
    JobState.NODE_FAILURE,
    JobState.PREEMPTED,
    JobState.FAILED,
    JobState.LOST,
    JobState.ABORTED,
    JobState.SUCCEEDED,
)
_BY_WORTH = {state: n for n, state in enumerate(_LIVE + _OVER)}


def with_wholes(jobs: dict[str, SchedulerJob]) -> dict[str, SchedulerJob]:
    """The same jobs, and for each that has parts what the whole amounts to."""
    parts: dict[str, dict[str, SchedulerJob]] = {}
    for key, job in jobs.items():
        match = _PART.fullmatch(key)
        if match is None:
            continue
        whole, task, group, component = match.groups()
        mine = parts.setdefault(whole, {})
        if group is None:  # what is told of a task alone counts more than of many
            mine[task if task is not None else f"+{component}"] = job
            continue
        for one in tasks_of(group):
            mine.setdefault(one, job)
    found = dict(jobs)
    for whole, mine in parts.items():
        if mine:
            found[whole] = _whole(whole, mine, jobs.get(whole))
    return found


def is_under_way(job: SchedulerJob | None) -> bool:
    """Whether tasks of an array are still to end: one task's end is not the job's."""
    return job is not None and job.tasks > 0 and not job.state.is_over


def with_all_tasks(job: SchedulerJob, count: int) -> SchedulerJob:
    """An array of which the scheduler has forgotten tasks: those have ended."""
    forgotten = count - job.tasks
    if not job.tasks or forgotten <= 0:
        return job
    return replace(job, tasks=count, tasks_done=job.tasks_done + forgotten)


def tasks_of(group: str) -> list[str]:
    """Tasks that "1-7:2,12%3" stands for, in order; what is cut off is left out."""
    found: list[str] = []
    for text in group.partition("%")[0].split(","):
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            continue
        first, last, step = (int(g) if g else 0 for g in match.groups())
        numbers = range(first, max(first, last) + 1, max(1, step))
        found += map(str, numbers[: max(0, MOST_TASKS - len(found))])
    return found


def _whole(
    key: str, parts: dict[str, SchedulerJob], known: SchedulerJob | None
) -> SchedulerJob:
    task, worst = min(
        parts.items(), key=lambda item: (_BY_WORTH[item[1].state], _in_order(item[0]))
    )
    is_array = not task.startswith("+")
    count = Counter(job.state for job in parts.values())
    done = sum(number for state, number in count.items() if state.is_over)
    begun = [job.started_at for job in parts.values() if job.started_at]
    ended = [job.ended_at for job in parts.values() if job.ended_at]
    memory = [job.memory_mb for job in parts.values() if job.memory_mb]
    all_over = done == len(parts)
    whole = replace(
        worst,
        id=key,
        started_at=min(begun, default=None),
        ended_at=max(ended, default=None) if all_over else None,
        memory_mb=max(memory, default=None),
        restarts=max(job.restarts for job in parts.values()),
        task=task if is_array else "",
        tasks=len(parts) if is_array else 0,
        tasks_done=done if is_array else 0,
        tasks_failed=done - count[JobState.SUCCEEDED] if is_array else 0,
        tasks_running=count[JobState.RUNNING] if is_array else 0,
    )
    # accounting may still have one row for all; it says who cancelled them, perhaps
    if known is not None and known.state in (whole.state, JobState.UNKNOWN):
        whole = completed(whole, known)
    return whole


def _in_order(task: str) -> tuple[int, str]:
    return len(task), task
