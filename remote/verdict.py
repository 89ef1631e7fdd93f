"""One verdict per job from its witnesses: pipeline, marker, scheduler, exit status.

A pure function of what was seen. An answer that is missing makes the data older and
changes nothing; only what is certain may be written down (`Judgement.is_certain`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from remote.schedulers.arrays import is_under_way, with_all_tasks
from remote.schedulers.base import SchedulerJob, clock
from remote.verdict_words import (
    array_words,
    error_words,
    progress_words,
    speaks_of_memory,
    time_left_words,
    time_needed,
    told_by_errors,
    when_to_start,
    who_cancelled,
)
from remote.views import JobState, Verdict
from remote.witnesses import witnesses

#: ends after which it is worth going on
_RESCUED = frozenset(
    {JobState.TIMEOUT, JobState.OUT_OF_MEMORY, JobState.NODE_FAILURE}
    | {JobState.PREEMPTED, JobState.FAILED, JobState.ABORTED}
)
LOST_POLLS = 2
LOST_S = 60.0
_NO_ENGINE = (
    "cryodeck's engine is not where the job ran: `cryodeck install CLUSTER` puts it "
    "there; or choose RELION's programs on the form's last tab"
)
MARKER_GRACE_S = 15.0  # a slow file system may show the marker after the exit status


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known about one job at one moment."""

    facts: dict[str, Any]  # as `remote.agent.overview` tells them
    job: SchedulerJob | None = None
    taken_at: float = 0.0
    looked_at: float = 0.0  # the facts are not older than that
    asked_at: float | None = None  # when the scheduler last answered
    absent_polls: int = 0  # how often it answered without knowing the job
    absent_s: float = 0.0
    users: dict[str, str] | None = None  # names of accounts given by number

    @property
    def entry(self) -> dict[str, Any]:
        """The newest submission; empty without one."""
        return self.facts.get("entry") or {}

    @property
    def status(self) -> str:
        """RELION's word."""
        return str(self.facts["status"])

    @property
    def marker(self) -> str:
        """Status word of the exit marker."""
        return str(self.facts.get("marker") or "")

    @property
    def exit_status(self) -> int | None:
        """What the script wrote at its end."""
        text = (self.facts.get("ended") or {}).get("exit_status", "")
        return int(text) if re.fullmatch(r"\d+", text) else None

    @property
    def signal(self) -> str:
        """Signal that the script caught."""
        return str((self.facts.get("ended") or {}).get("signal", ""))

    @property
    def restarts(self) -> int:
        """How often the scheduler has started the job again."""
        text = (self.facts.get("started") or {}).get("restarts", "")
        return int(text) if re.fullmatch(r"\d{1,6}", text) else 0

    @property
    def tasks(self) -> int:
        """How many tasks its job array has, by its script; 0 for other jobs."""
        text = (self.facts.get("started") or {}).get("tasks", "")
        return int(text) if re.fullmatch(r"\d{1,9}", text) else 0

    @property
    def ended_at(self) -> float:
        """When the script ended, by its own words; 0 if it has not."""
        return float((self.facts.get("ended") or {}).get("time") or 0.0)

    @property
    def has_started(self) -> bool:
        """Whether the script has begun."""
        return bool(self.facts.get("started"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, and whether it is the last word."""

    verdict: Verdict
    is_certain: bool = False


def judge(seen: Seen) -> Judgement:
    """What a job's witnesses amount to."""
    if seen.job is not None and seen.job.tasks:
        seen = replace(seen, job=with_all_tasks(seen.job, seen.tasks))
    state, reason, advice, is_certain = _state(seen)
    if seen.facts.get("modified_at", 0.0) is None:
        reason += "; its folder is not there"
        advice = "bring the folder back from a backup, or delete the job"
    verdict = Verdict(
        state=state, reason=reason, advice=advice, witnesses=tuple(witnesses(seen))
    )
    return Judgement(verdict=verdict, is_certain=is_certain)


_Said = tuple[JobState, str, str, bool]
_STILL_TO_COME = (JobState.FINISHING, "ended; its files are still to come", "", False)


def _state(seen: Seen) -> _Said:
    entry = seen.entry
    cut_off = seen.facts.get("submitting")
    if cut_off:
        return _submitting(seen, cut_off)
    is_done = seen.status == "Running" and seen.marker == "Succeeded"
    if seen.status == "Succeeded" or (is_done and not is_under_way(seen.job)):
        return _succeeded(seen)
    if seen.status == "Scheduled":
        return _draft(entry)
    if "verdict" in entry and seen.status in ("Failed", "Aborted"):
        return _written(entry["verdict"])
    if entry.get("state") != "submitted":
        return _not_ours(seen)
    if entry["scheduler"] == "shell":
        return _process(seen)
    return _scheduled(seen)


def _succeeded(seen: Seen) -> _Said:
    reason = str(seen.facts.get("summary") or "finished")
    failed = (seen.facts.get("ended") or {}).get("tasks_failed", "0")
    if failed == "0":
        return JobState.SUCCEEDED, reason, "", False
    reason += f"; but {failed} of the {seen.tasks} tasks of its array failed"
    return JobState.SUCCEEDED, reason, "see its run.err", False


def _submitting(seen: Seen, cut_off: dict[str, Any]) -> _Said:
    state = JobState.SUBMITTING
    if seen.entry.get("state") == "uncertain":
        said = seen.entry.get("said", "")
        reason = (
            "the scheduler did not say whether it took the job"
            f"{f' ({error_words(said)})' if said else ''}; it is being looked for "
            "and will not be submitted twice"
        )
        return state, reason, "", False
    if cut_off.get("stage") == "unreadable":
        reason = "its .cryodeck/submitting cannot be read, so it may be submitted now"
        return state, reason, "ask its owner for `chmod g+r`", False
    if cut_off.get("alive"):
        where = f"{cut_off.get('user')} on {cut_off.get('host')}"
        return state, f"being submitted by {where}", "", False
    reason = "the submission was cut off; what became of it is being found out"
    return state, reason, "", False


def _draft(entry: dict[str, Any]) -> _Said:
    if entry.get("state") == "rejected":
        said = error_words(entry.get("said", ""))
        reason = f"not started: the scheduler refused it: {said}"
        return JobState.DRAFT, reason, "change what it asks for and run it", False
    if entry.get("state") == "not submitted":
        reason = "not started: its submission never reached the scheduler"
        return JobState.DRAFT, reason, "run it again", False
    return JobState.DRAFT, "not started", "", False


def _written(verdict: dict[str, Any]) -> _Said:
    try:
        state = JobState(str(verdict.get("state")))
    except ValueError:
        state = JobState.FAILED
    reason, advice = str(verdict.get("reason", "")), str(verdict.get("advice", ""))
    return state, reason, advice, False


def _not_ours(seen: Seen) -> _Said:
    """A job that RELION or somebody else started, or that was marked by hand."""
    if seen.status == "Running" and not seen.marker:
        reason = "RELION's pipeline says so; it was not submitted by cryodeck"
        return JobState.RUNNING, reason, "", False
    error = _error(seen)
    if "Aborted" in (seen.status, seen.marker):
        return JobState.ABORTED, error or "aborted", "", False
    return JobState.FAILED, error or "failed; see its run.err", "", False


def _process(seen: Seen) -> _Said:
    """A job without scheduler: its process says enough."""
    alive = seen.facts.get("alive")
    host = seen.entry["id"].partition(":")[0]
    is_asked = "alive" in seen.facts or seen.status == "Running"
    if not is_asked and not seen.marker and seen.exit_status is None:
        return _not_ours(seen)  # marked by hand; its process was not looked for
    if seen.marker or seen.exit_status is not None:
        if alive:
            return JobState.FINISHING, "ending", "", False
        return _ended(seen)
    if alive:
        return _running(seen, f"on {host}")
    if alive is None:
        reason = f"on {host}, which is not the host we are on; only its files are seen"
        return _running(seen, reason)
    reason = f"killed without a word on {host} (out of memory, kill -9 or a restart?)"
    return _with_progress(seen, JobState.FAILED, reason, "continue it")


def _scheduled(seen: Seen) -> _Said:
    job = seen.job
    if job is not None and job.state.is_over and job.state is not JobState.SUCCEEDED:
        return _killed(seen, job)
    goes_on = is_put_back(seen) or is_under_way(seen.job)
    if (seen.marker or seen.exit_status is not None) and not goes_on:
        is_plain = seen.signal == "" and (seen.exit_status or 0) < 128
        knows = job is not None and job.state.is_over
        if is_plain or knows or _is_absent(seen) or seen.signal == "USR1":
            return _ended(seen)
        reason = "it has ended; the scheduler has not said why yet"
        return JobState.FINISHING, reason, "", False
    if job is None:
        return _unlisted(seen)
    if job.state is JobState.SUCCEEDED:
        return _ended(seen)
    if job.state is JobState.RUNNING:
        state, reason, _, _ = _running(seen, f"on {job.nodes}" if job.nodes else "")
        advice = "" if job.tasks else time_left_words(seen.facts, job, seen.taken_at)
        return state, array_words(job, reason), advice, False
    if job.state is JobState.UNKNOWN:
        reason = job.reason or (
            f"the scheduler says {job.raw[:100]!r}, which cryodeck does not know"
        )
        state = JobState.RUNNING if seen.has_started else JobState.UNKNOWN
        return state, reason, "", False
    advice = ""
    if job.will_never_start:
        advice = "as it is it will never start: abort it and ask for less"
    reason = job.reason or {
        JobState.QUEUED: "in the queue",
        JobState.HELD: "held",
        JobState.SUSPENDED: "suspended by the scheduler",
        JobState.FINISHING: "ending",
    }.get(job.state, job.raw)
    if job.state in (JobState.QUEUED, JobState.HELD) and seen.has_started:
        reason = f"put back into the queue by the scheduler: {reason}"
    reason += when_to_start(job, seen.taken_at)
    return job.state, array_words(job, reason), advice, False


def is_put_back(seen: Seen) -> bool:
    """Whether a run was ended only to be started again: the job waits once more."""
    job = seen.job
    if job is None or seen.signal != "TERM" or seen.marker == "Succeeded":
        return False
    waits = job.state in (JobState.QUEUED, JobState.HELD)
    return waits and (seen.asked_at or 0.0) > seen.ended_at + 1.0


def _unlisted(seen: Seen) -> _Said:
    """The scheduler has said nothing about the job."""
    key = seen.entry["id"]
    if seen.absent_polls == 0:
        reason = f"submitted as {key}; the scheduler has not been asked since"
        if seen.has_started:
            return _running(seen, "the scheduler has not been asked since")
        return JobState.QUEUED, reason, "", False
    abort = seen.entry.get("abort") or {}
    is_cancelled = abort.get("took") == "scheduler" and (seen.asked_at or 0.0) > float(
        abort.get("at") or 0.0
    )
    if is_cancelled and (_is_absent(seen) or not seen.has_started):
        # schedulers without accounting forget at once what they cancel
        stage = "" if seen.has_started else " before it started"
        reason = f"cancelled by {abort.get('by', '?')} through cryodeck{stage}"
        return _with_progress(seen, JobState.ABORTED, reason, "")
    if not _is_absent(seen):
        reason = f"the scheduler does not list {key} at the moment; asking again"
        state = JobState.RUNNING if seen.has_started else JobState.QUEUED
        return state, reason, "", False
    reason = (
        f"the scheduler knows nothing of {key} any more, and it left no exit status"
    )
    if not seen.has_started:
        reason += "; it never started (deleted while it waited?)"
    advice = "look at run.err; mark it as failed, or continue it"
    return JobState.LOST, reason, advice, False


def _is_absent(seen: Seen) -> bool:
    return seen.absent_polls >= LOST_POLLS and seen.absent_s >= LOST_S


def _running(seen: Seen, where: str) -> _Said:
    again = ""
    if seen.restarts:
        times = "" if seen.restarts == 1 else f" {seen.restarts} times"
        again = f"started again by the scheduler{times}"
    words = [word for word in (where, again, progress_words(seen.facts)) if word]
    return JobState.RUNNING, ", ".join(words) or "running", "", False


def _killed(seen: Seen, job: SchedulerJob) -> _Said:
    """The scheduler says that the job, or a task of it, did not end by itself."""
    state, reason, advice, is_certain = _killed_as_one(seen, job)
    if state is JobState.FINISHING:
        return state, reason, advice, is_certain
    return state, array_words(job, reason), advice, is_certain


def _killed_as_one(seen: Seen, job: SchedulerJob) -> _Said:
    took = f" after {clock(job.elapsed_s)}" if job.elapsed_s is not None else ""
    state = told_by_errors(job, seen.facts.get("killer"), seen.entry)
    if state is JobState.TIMEOUT:
        limit = job.limit_s or seen.entry.get("limit_s")
        until = f", limit {clock(limit)}" if limit else ""
        reason = f"killed by the scheduler{took}{until}"
        return _with_progress(seen, state, reason, "give it more time and continue it")
    if state is JobState.OUT_OF_MEMORY:
        used = f", it used {job.memory_mb:.0f} MB" if job.memory_mb else ""
        reason = f"killed for taking too much memory{took}{used}"
        advice = "ask for more memory, or for fewer processes on a node"
        return _with_progress(seen, state, reason, advice)
    if state is JobState.ABORTED:
        who = who_cancelled(seen.entry, job, seen.users or {})
        stage = took if seen.has_started else " before it started"
        doubt = f" ({job.doubt})" if job.doubt and not who else ""
        return _with_progress(seen, state, f"cancelled{who}{stage}{doubt}", "")
    if state is JobState.NODE_FAILURE:
        node = f" {job.nodes}" if job.nodes else ""
        reason = f"its node{node} failed{took}"
        return _with_progress(seen, state, reason, "continue it")
    if state is JobState.PREEMPTED:
        reason = f"pushed aside by a job of higher priority{took}"
        return _with_progress(seen, state, reason, "continue it")
    if not seen.has_started and not seen.marker and not _error(seen):
        if seen.looked_at <= (seen.asked_at or 0.0) or _is_fresh_end(seen, job):
            return _STILL_TO_COME
        reason = f"the scheduler could not start it: {job.reason or job.raw}"
        return state, reason, "see its run.err, or ask the site", True
    return _ended(seen)


def _ended(seen: Seen) -> _Said:
    """The job ended by itself, whether well or not."""
    if seen.signal == "USR1":
        limit = seen.entry.get("limit_s")
        until = f" of {clock(limit)}" if limit else ""
        reason = f"stopped itself shortly before its time limit{until}"
        advice = "give it more time and continue it"
        return _with_progress(seen, JobState.TIMEOUT, reason, advice)
    if seen.marker == "Aborted" or seen.entry.get("abort"):
        by = (seen.entry.get("abort") or {}).get("by", "")
        reason = f"stopped at {by}'s request" if by else "stopped by its abort file"
        return _with_progress(seen, JobState.ABORTED, reason, "")
    error = _error(seen)
    marked_s = seen.taken_at - float(seen.facts.get("marker_at") or 0.0)
    is_fresh = seen.exit_status is None and marked_s < MARKER_GRACE_S
    if is_fresh and seen.has_started and not error:
        reason = "ended; its exit status is still to come"
        return JobState.FINISHING, reason, "", False
    if seen.marker == "Failed" or seen.exit_status:
        if not error and speaks_of_memory(str(seen.facts.get("killer") or "")):
            reason = "killed for taking too much memory"
            advice = "ask for more memory, or for fewer processes on a node"
            return _with_progress(seen, JobState.OUT_OF_MEMORY, reason, advice)
        if not error:
            code = seen.exit_status
            error = "failed" if code is None else f"ended with exit status {code}"
            error += f" by signal {seen.signal}" if seen.signal else "; see its run.err"
        advice = _NO_ENGINE if error.endswith("No module named engine") else ""
        return _with_progress(seen, JobState.FAILED, error, advice)
    if _is_fresh_end(seen, seen.job):
        return _STILL_TO_COME
    reason = "ended without an error, but never said that it was done; see its run.err"
    return JobState.FAILED, reason, "", True


def _is_fresh_end(seen: Seen, job: SchedulerJob | None) -> bool:
    """Whether a job has ended so lately that its files may not be seen here yet."""
    at = seen.ended_at
    if job is not None and job.ended_at:
        at = max(at, job.ended_at)
    return seen.taken_at - at < MARKER_GRACE_S


def _with_progress(seen: Seen, state: JobState, reason: str, advice: str) -> _Said:
    done = progress_words(seen.facts)
    if done:
        step = (seen.facts.get("progress") or {}).get("step") or {}
        is_part = float(step.get("done") or 0) < float(step.get("total") or 0)
        rest = ", Continue does the rest" if is_part else ""
        reason = f"{reason}; {done}{rest}"
    if state in _RESCUED:
        advice = _rescue(seen, advice)
    return state, reason, advice, True


def _rescue(seen: Seen, advice: str) -> str:
    """The advice with what Continue! would go on from, and how long that may take."""
    name = str(seen.facts.get("optimiser") or "")
    if name and "continue it" in advice:
        advice = advice.replace("continue it", f"continue it from {name}")
    elif name:
        advice += f"{', then ' if advice else ''}continue it from {name}"
    needs = time_needed(seen.facts)
    if advice and needs is not None:
        advice += f"; at this speed the rest needs {clock(needs)}"
    return advice


def _error(seen: Seen) -> str:
    """The one line that says what went wrong."""
    progress = seen.facts.get("progress") or {}
    return str(progress.get("failed") or seen.facts.get("error") or "")
