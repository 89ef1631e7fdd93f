"""Phrases of verdicts."""

from __future__ import annotations

import re
import time
from typing import Any

from remote.schedulers.base import SchedulerJob, clock
from remote.views import JobState


def progress_words(facts: dict[str, Any]) -> str:
    """How far a job has come: "2 of 5 micrographs are done"; empty if unknown."""
    step = (facts.get("progress") or {}).get("step") or {}
    done, total, unit = step.get("done"), step.get("total"), str(step.get("unit", ""))
    if not isinstance(done, int | float) or not isinstance(total, int | float):
        return ""
    if total <= 0:
        return ""
    if unit == "iterations":
        return f"iteration {done:g} of {total:g} is complete" if done else ""
    verb = "is" if done == 1 else "are"
    return f"{done:g} of {total:g} {unit or 'steps'} {verb} done"


def who_cancelled(
    entry: dict[str, Any], job: SchedulerJob, users: dict[str, str]
) -> str:
    """By whom: " by alice through cryodeck"; empty if nobody knows."""
    asked = entry.get("abort") or {}
    if asked.get("took") in ("scheduler", "process"):
        return f" by {asked.get('by', '?')} through cryodeck"
    if not job.cancelled_by:
        return ""
    name = users.get(job.cancelled_by, job.cancelled_by)
    if name in ("root", "0", "slurm"):
        return f" by an administrator ({name})"
    if name == entry.get("user"):
        return f" by {name}, not through cryodeck"
    return f" by {name}"


def array_words(job: SchedulerJob, reason: str) -> str:
    """A reason with how far an array is: "array 3/10 done, 2 running; on cpu1"."""
    if not job.tasks:
        return reason
    if job.state.is_over and job.tasks_failed:
        how = "cancelled" if job.state is JobState.ABORTED else "failed"
        words = f"array: {job.tasks_failed} of {job.tasks} tasks {how}"
        reason = f"task {job.task}: {reason}" if job.task and reason else reason
        return f"{words}; {reason}" if reason else words
    words = f"array {job.tasks_done}/{job.tasks} done"
    if job.tasks_failed:
        words += f", {job.tasks_failed} of them failed"
    if job.tasks_running:
        words += f", {job.tasks_running} running"
    return f"{words}; {reason}" if reason else words


def when_to_start(job: SchedulerJob, now: float) -> str:
    """Expected start of a waiting job: ", expected to start in 2 h 10 min"."""
    if job.expected_at is None or job.expected_at <= now or now <= 0:
        return ""
    minutes = round((job.expected_at - now) / 60)
    if minutes < 1:
        return ", expected to start within a minute"
    if minutes < 60:
        return f", expected to start in {minutes} min"
    if minutes < 24 * 60:
        return f", expected to start in {minutes // 60} h {minutes % 60:02d} min"
    day = time.strftime("%d %b", time.localtime(job.expected_at))
    return f", expected to start on {day}"


def error_words(said: str) -> str:
    """What a submit command said, as one line without its own name."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = " ".join(lines[-2:])
    for head in ("sbatch: error: ", "Batch job submission failed: ", "sbatch: "):
        text = text.replace(head, "")
    return text[:300] or "without a word"


def speaks_of_memory(line: str) -> bool:
    """Whether what a scheduler wrote into a job's errors is about its memory."""
    return bool(re.search(r"(?i)oom|memory", line))


def told_by_errors(
    job: SchedulerJob, line: str | None, entry: dict[str, Any]
) -> JobState:
    """How a job ended, by what its scheduler has written into the job's errors too.

    Memory is not always said by the scheduler itself; for PBS a job that was deleted
    and one whose time is over end alike.
    """
    state, said = job.state, str(line or "")
    if state in (JobState.FAILED, JobState.NODE_FAILURE) and speaks_of_memory(said):
        return JobState.OUT_OF_MEMORY
    is_time = re.search(r"(?i)wall ?(?:time|clock)|time limit|RUNLIMIT", said)
    is_by_somebody = job.cancelled_by or "abort" in entry
    if state is JobState.ABORTED and is_time and not is_by_somebody:
        return JobState.TIMEOUT
    return state


def time_needed(facts: dict[str, Any]) -> float | None:
    """Seconds that what is left needs at the job's speed; None if that is unknown."""
    said = facts.get("progress") or {}
    step = said.get("step") or {}
    done, total = step.get("done"), step.get("total")
    if not isinstance(done, int | float) or not isinstance(total, int | float):
        return None
    took = float(step["t"]) - float(said["started_at"])
    if done <= 0 or total <= done or took < 30.0:  # too early to tell
        return None
    return took / done * (total - done)


def time_left_words(facts: dict[str, Any], job: SchedulerJob, now: float) -> str:
    """A warning if a job will not be done by its time limit at its present speed."""
    needs = time_needed(facts)
    started = job.started_at or _number((facts.get("started") or {}).get("time"))
    if needs is None or not job.limit_s or not started:
        return ""
    needs -= now - float(facts["progress"]["step"]["t"])
    leaves = job.limit_s - (now - started)
    if needs <= leaves:
        return ""
    return (
        f"at this speed it needs {clock(needs)} more, but its time limit leaves "
        f"{clock(max(0.0, leaves))}: let it run and Continue, or give it more time"
    )


def _number(text: str | None) -> float:
    return float(text) if text and text.isdigit() else 0.0
