"""What the witnesses amount to, as a table, and rules that hold for all of it."""

from dataclasses import replace

import pytest

from remote.schedulers.base import SchedulerJob
from remote.verdict import Seen, judge
from remote.views import JobState

NOW = 1_800_000_000.0
STEP = {"kind": "step", "done": 2, "total": 5, "unit": "micrographs", "t": NOW - 5}
ITERATION = {"done": 17, "total": 25, "unit": "iterations", "t": NOW - 5}


def progress(step=STEP, failed=""):
    return {
        "started_at": NOW - 60,
        "at": NOW - 5,
        "last": "step",
        "step": step,
        "failed": failed,
    }


def entry(**more):
    return {
        "token": "k7f3",
        "state": "submitted",
        "id": "12",
        "scheduler": "slurm",
        "user": "alice",
        "limit_s": 60,
        "answered_at": NOW - 60,
        **more,
    }


def job(state, raw="", **more):
    return SchedulerJob(id="12", state=state, raw=raw or state.value, **more)


def seen(status="Running", *, of=None, scheduler=None, absent=(0, 0.0), **facts):
    facts = {"status": status, "entry": entry() if of is None else of, **facts}
    return Seen(
        facts=facts,
        job=scheduler,
        taken_at=NOW,
        looked_at=NOW - 0.1,
        asked_at=NOW - 2,
        absent_polls=absent[0],
        absent_s=absent[1],
        users={"31001": "alice", "0": "root"},
    )


STARTED = {"started": {"time": str(int(NOW - 60))}}


def ended(status, signal="", at=NOW - 30):
    times = {"time": str(int(at)), "exit_status": str(status), "signal": signal}
    return {**STARTED, "ended": times}


CASES = {
    "draft": (seen("Scheduled", of={}), JobState.DRAFT, "not started"),
    "refused": (
        seen("Scheduled", of=entry(state="rejected", said="sbatch: error: bad queue")),
        JobState.DRAFT,
        "not started: the scheduler refused it: bad queue",
    ),
    "being submitted": (
        seen(submitting={"alive": True, "user": "bob", "host": "login2"}),
        JobState.SUBMITTING,
        "being submitted by bob on login2",
    ),
    "perhaps being submitted": (
        seen("Scheduled", submitting={"alive": True, "stage": "unreadable"}),
        JobState.SUBMITTING,
        "its .cryodeck/submitting cannot be read, so it may be submitted now",
    ),
    "just submitted": (
        seen(),
        JobState.QUEUED,
        "submitted as 12; the scheduler has not been asked since",
    ),
    "waits": (
        seen(
            scheduler=job(
                JobState.QUEUED, reason="waiting for free nodes", expected_at=NOW + 7800
            )
        ),
        JobState.QUEUED,
        "waiting for free nodes, expected to start in 2 h 10 min",
    ),
    "runs": (
        seen(scheduler=job(JobState.RUNNING, nodes="cpu1"), progress=progress()),
        JobState.RUNNING,
        "on cpu1, 2 of 5 micrographs are done",
    ),
    "done": (
        seen("Succeeded", summary="3 micrographs, 412 particles"),
        JobState.SUCCEEDED,
        "3 micrographs, 412 particles",
    ),
    "done, the pipeline does not know yet": (
        seen(marker="Succeeded"),
        JobState.SUCCEEDED,
        "finished",
    ),
    "time limit": (
        seen(
            scheduler=job(JobState.TIMEOUT, elapsed_s=63, limit_s=60),
            progress=progress(),
            **STARTED,
        ),
        JobState.TIMEOUT,
        "killed by the scheduler after 00:01:03, limit 00:01:00; 2 of 5 micrographs "
        "are done, Continue does the rest",
    ),
    "time limit in a classification": (
        seen(
            scheduler=job(JobState.TIMEOUT, elapsed_s=86398, limit_s=86400),
            progress=progress(ITERATION),
        ),
        JobState.TIMEOUT,
        "killed by the scheduler after 23:59:58, limit 1-00:00:00; iteration 17 of 25 "
        "is complete, Continue does the rest",
    ),
    "stopped before the limit": (
        seen(marker="Aborted", progress=progress(), **ended(3, "USR1")),
        JobState.TIMEOUT,
        "stopped itself shortly before its time limit of 00:01:00; 2 of 5 micrographs "
        "are done, Continue does the rest",
    ),
    "out of memory": (
        seen(scheduler=job(JobState.OUT_OF_MEMORY, elapsed_s=9, memory_mb=4012.0)),
        JobState.OUT_OF_MEMORY,
        "killed for taking too much memory after 00:00:09, it used 4012 MB",
    ),
    "out of memory without cgroups": (
        seen(
            scheduler=job(JobState.FAILED, elapsed_s=9),
            killer="slurmstepd: error: Job 12 exceeded memory limit, being killed",
        ),
        JobState.OUT_OF_MEMORY,
        "killed for taking too much memory after 00:00:09",
    ),
    "cancelled by its owner elsewhere": (
        seen(
            scheduler=job(JobState.ABORTED, cancelled_by="31001", elapsed_s=5),
            **STARTED,
        ),
        JobState.ABORTED,
        "cancelled by alice, not through cryodeck after 00:00:05",
    ),
    "cancelled by an administrator": (
        seen(scheduler=job(JobState.ABORTED, cancelled_by="0", elapsed_s=5), **STARTED),
        JobState.ABORTED,
        "cancelled by an administrator (root) after 00:00:05",
    ),
    "cancelled here before it started": (
        seen(
            of=entry(abort={"by": "alice", "took": "scheduler"}),
            scheduler=job(JobState.ABORTED, cancelled_by="31001", elapsed_s=0),
        ),
        JobState.ABORTED,
        "cancelled by alice through cryodeck before it started",
    ),
    "node failure": (
        seen(scheduler=job(JobState.NODE_FAILURE, nodes="cpu2", elapsed_s=5)),
        JobState.NODE_FAILURE,
        "its node cpu2 failed after 00:00:05",
    ),
    "preempted": (
        seen(scheduler=job(JobState.PREEMPTED, elapsed_s=5)),
        JobState.PREEMPTED,
        "pushed aside by a job of higher priority after 00:00:05",
    ),
    "asked to stop": (
        seen(
            of=entry(abort={"by": "alice", "took": "file"}),
            scheduler=job(JobState.SUCCEEDED),
            marker="Aborted",
            **ended(3),
        ),
        JobState.ABORTED,
        "stopped at alice's request",
    ),
    "stopped by RELION's abort file": (
        seen(marker="Aborted", progress=progress(), **ended(3)),
        JobState.ABORTED,
        "stopped by its abort file; 2 of 5 micrographs are done, "
        "Continue does the rest",
    ),
    "marked as aborted by hand": (seen("Aborted", of={}), JobState.ABORTED, "aborted"),
    "a process out of memory": (
        seen(
            of=entry(scheduler="shell", id="login1:7:99"),
            killer="Out of memory: Killed process 7 (python)",
            marker="Failed",
            **ended(137, "KILL"),
        ),
        JobState.OUT_OF_MEMORY,
        "killed for taking too much memory",
    ),
    "engine error": (
        seen(
            scheduler=job(JobState.FAILED, exit_status=2),
            marker="Failed",
            progress=progress(failed="mics/a b.mrc: truncated"),
            **ended(2),
        ),
        JobState.FAILED,
        "mics/a b.mrc: truncated; 2 of 5 micrographs are done, Continue does the rest",
    ),
    "engine error before accounting knows": (
        seen(marker="Failed", error="ERROR: no such file", **ended(1)),
        JobState.FAILED,
        "ERROR: no such file",
    ),
    "killed by a signal, nobody has said why yet": (
        seen(marker="Failed", **ended(143, "TERM")),
        JobState.FINISHING,
        "it has ended; the scheduler has not said why yet",
    ),
    "killed by a signal, accounting is off": (
        seen(marker="Failed", absent=(3, 90.0), **ended(143, "TERM")),
        JobState.FAILED,
        "ended with exit status 143 by signal TERM",
    ),
    "no engine where it ran": (
        seen(marker="Failed", error="python3: No module named engine", **ended(1)),
        JobState.FAILED,
        "python3: No module named engine",
    ),
    "ended well without a marker": (
        seen(scheduler=job(JobState.SUCCEEDED), **ended(0)),
        JobState.FAILED,
        "ended without an error, but never said that it was done; see its run.err",
    ),
    "ended well a moment ago": (
        seen(scheduler=job(JobState.SUCCEEDED), **ended(0, at=NOW - 1)),
        JobState.FINISHING,
        "ended; its files are still to come",
    ),
    "a marker, but no exit status yet": (
        seen(
            scheduler=job(JobState.FAILED),
            marker="Failed",
            marker_at=NOW - 1,
            **STARTED,
        ),
        JobState.FINISHING,
        "ended; its exit status is still to come",
    ),
    "absent once": (
        seen(absent=(1, 0.0), **STARTED),
        JobState.RUNNING,
        "the scheduler does not list 12 at the moment; asking again",
    ),
    "absent twice, too soon": (
        seen(absent=(2, 20.0)),
        JobState.QUEUED,
        "the scheduler does not list 12 at the moment; asking again",
    ),
    "vanished": (
        seen(absent=(2, 60.0), **STARTED),
        JobState.LOST,
        "the scheduler knows nothing of 12 any more, and it left no exit status",
    ),
    "put back into the queue": (
        seen(
            scheduler=job(
                JobState.QUEUED, reason="waiting for free nodes", expected_at=NOW + 130
            ),
            **STARTED,
        ),
        JobState.QUEUED,
        "put back into the queue by the scheduler: waiting for free nodes, "
        "expected to start in 2 min",
    ),
    "ended, but put back into the queue": (
        seen(
            "Failed",
            scheduler=job(JobState.QUEUED, reason="waiting for free nodes"),
            marker="Failed",
            **ended(143, "TERM"),
        ),
        JobState.QUEUED,
        "put back into the queue by the scheduler: waiting for free nodes",
    ),
    "ended since the scheduler was asked": (
        seen(
            "Failed",
            scheduler=job(JobState.QUEUED, reason="waiting for free nodes"),
            marker="Failed",
            **ended(143, "TERM", at=NOW - 2),
        ),
        JobState.FINISHING,
        "it has ended; the scheduler has not said why yet",
    ),
    "could not be started": (
        seen(
            scheduler=job(
                JobState.FAILED, reason="exit status -1 of the scheduler's own"
            )
        ),
        JobState.FAILED,
        "the scheduler could not start it: exit status -1 of the scheduler's own",
    ),
    "started again": (
        seen(
            scheduler=job(JobState.RUNNING, nodes="cpu2"),
            started={"time": str(int(NOW - 60)), "restarts": "1"},
        ),
        JobState.RUNNING,
        "on cpu2, started again by the scheduler",
    ),
    "an unknown word": (
        seen(scheduler=job(JobState.UNKNOWN, raw="FUTURE_WORD"), **STARTED),
        JobState.RUNNING,
        "the scheduler says 'FUTURE_WORD', which cryodeck does not know",
    ),
    "written down": (
        seen("Failed", of=entry(verdict={"state": "timeout", "reason": "said before"})),
        JobState.TIMEOUT,
        "said before",
    ),
    "RELION's own": (
        seen(of={}),
        JobState.RUNNING,
        "RELION's pipeline says so; it was not submitted by cryodeck",
    ),
    "process": (
        seen(of=entry(scheduler="shell", id="login1:7:99"), alive=True, **STARTED),
        JobState.RUNNING,
        "on login1",
    ),
    "process killed": (
        seen(of=entry(scheduler="shell", id="login1:7:99"), alive=False, **STARTED),
        JobState.FAILED,
        "killed without a word on login1 (out of memory, kill -9 or a restart?)",
    ),
    "process on another host": (
        seen(of=entry(scheduler="shell", id="login2:7:99"), alive=None, **STARTED),
        JobState.RUNNING,
        "on login2, which is not the host we are on; only its files are seen",
    ),
    "process of a job marked by hand": (
        seen("Failed", of=entry(scheduler="shell", id="login1:7:99"), **STARTED),
        JobState.FAILED,
        "failed; see its run.err",
    ),
}

PROCESS = entry(scheduler="shell", id="login1:7:99")
WORDS = {
    "running": seen(of=PROCESS, alive=True),
    "gone": seen(of=PROCESS, alive=False),
    "on login1, not asked from here": seen(of=PROCESS, alive=None),
    "not asked, it has ended": seen("Succeeded", of=PROCESS, marker="Succeeded"),
}


@pytest.mark.parametrize("says", WORDS)
def test_a_process_says_only_what_was_asked(says):
    found = {w.name: w for w in judge(WORDS[says]).verdict.witnesses}["process"]
    assert found.says == says
    assert (found.at is None) == ("not asked" in says)


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_has_a_state_and_a_reason_in_words(case):
    given, state, reason = CASES[case]
    verdict = judge(given).verdict
    assert (verdict.state, verdict.reason) == (state, reason)


@pytest.mark.parametrize("case", CASES)
def test_only_what_is_over_is_certain(case):
    judgement = judge(CASES[case][0])
    assert not judgement.is_certain or judgement.verdict.state.is_over
    assert not judgement.is_certain or judgement.verdict.state is not JobState.LOST


def test_a_job_the_scheduler_ended_is_never_called_running():
    for state in JobState:
        if state.is_over and state is not JobState.SUCCEEDED:
            verdict = judge(seen(scheduler=job(state), **STARTED)).verdict
            assert verdict.state.is_over, state


def test_success_on_disk_beats_everything_the_scheduler_says():
    for state in JobState:
        verdict = judge(seen(scheduler=job(state), marker="Succeeded")).verdict
        assert verdict.state is JobState.SUCCEEDED


@pytest.mark.parametrize("status", ["Succeeded", "Scheduled", "Failed"])
def test_a_folder_that_is_gone_is_said_with_what_to_do(status):
    there = judge(seen(status, modified_at=NOW)).verdict
    gone = judge(seen(status, modified_at=None)).verdict
    assert gone.state is there.state
    assert gone.reason == f"{there.reason}; its folder is not there"
    assert "backup" in gone.advice


def test_every_witness_has_its_age():
    verdict = judge(CASES["engine error"][0]).verdict
    ages = {witness.name: witness.at for witness in verdict.witnesses}
    assert ages["scheduler"] == NOW - 2
    assert ages["exit status"] == NOW - 30
    assert ages["progress"] == NOW - 5


def test_a_job_that_will_not_be_done_in_time_is_warned_of():
    slow = seen(
        scheduler=job(JobState.RUNNING, started_at=NOW - 60, limit_s=120),
        progress=progress(),
    )
    advice = judge(slow).verdict.advice
    # 55 s for 2 of 5: 82.5 s for the rest, 5 of them over; 60 s are left
    assert "needs 00:01:18 more" in advice
    assert "leaves 00:01:00" in advice
    fast = seen(
        scheduler=job(JobState.RUNNING, started_at=NOW - 60, limit_s=600),
        progress=progress(),
    )
    assert judge(fast).verdict.advice == ""


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        (JobState.TIMEOUT, "give it more time and continue it from run_it017_opt.star"),
        (JobState.NODE_FAILURE, "continue it from run_it017_opt.star"),
        (JobState.PREEMPTED, "continue it from run_it017_opt.star"),
        (JobState.ABORTED, "continue it from run_it017_opt.star"),
        (JobState.OUT_OF_MEMORY, "ask for more memory, or for fewer processes on a "
         "node, then continue it from run_it017_opt.star"),
    ],
)  # fmt: skip
def test_a_killed_classification_says_what_it_goes_on_from(state, advice):
    given = seen(
        scheduler=job(state),
        progress=progress(ITERATION),
        optimiser="run_it017_opt.star",
        **STARTED,
    )
    verdict = judge(given).verdict
    assert "iteration 17 of 25 is complete" in verdict.reason
    # 17 iterations took 55 s
    assert verdict.advice == f"{advice}; at this speed the rest needs 00:00:26"


CANCELLED = {"abort": {"took": "scheduler", "by": "alice", "at": NOW - 20}}


def test_a_job_cancelled_while_it_waited_is_not_lost_without_accounting():
    judgement = judge(seen(of=entry(**CANCELLED), absent=(1, 0.0)))
    assert judgement.is_certain
    assert judgement.verdict.state is JobState.ABORTED
    assert judgement.verdict.reason == (
        "cancelled by alice through cryodeck before it started"
    )


def test_a_job_cancelled_while_it_ran_waits_for_accounting_first():
    given = seen(of=entry(**CANCELLED), absent=(1, 0.0), **STARTED)
    assert judge(given).verdict.state is JobState.RUNNING
    given = seen(of=entry(**CANCELLED), absent=(2, 60.0), **STARTED)
    assert judge(given).verdict.state is JobState.ABORTED


def test_what_a_scheduler_does_not_say_is_said():
    ended = job(JobState.ABORTED, doubt="by qdel, or killed on its node")
    reason = judge(seen(scheduler=ended, **STARTED)).verdict.reason
    assert reason == "cancelled (by qdel, or killed on its node)"


def test_one_tasks_marker_does_not_end_an_array():
    array = job(JobState.RUNNING, tasks=3, tasks_done=1, tasks_running=1, nodes="cpu1")
    for marker in ("Succeeded", "Failed"):
        seen_so = seen(scheduler=array, marker=marker, marker_at=NOW - 9, **STARTED)
        verdict = judge(seen_so).verdict
        assert verdict.state is JobState.RUNNING
        assert verdict.reason == "array 1/3 done, 1 running; on cpu1"
    over = job(JobState.SUCCEEDED, tasks=3, tasks_done=3)
    done = seen(scheduler=over, marker="Succeeded", marker_at=NOW - 9, **STARTED)
    assert judge(done).verdict.state is JobState.SUCCEEDED


def test_tasks_that_the_scheduler_has_forgotten_are_done():
    array = job(JobState.RUNNING, tasks=3, tasks_running=1, nodes="cpu1")
    facts = {"started": {"time": str(int(NOW - 60)), "tasks": "10"}}
    assert judge(seen(scheduler=array, **facts)).verdict.reason == (
        "array 7/10 done, 1 running; on cpu1"
    )


def test_the_task_that_was_killed_is_named():
    killed = job(
        JobState.TIMEOUT,
        elapsed_s=61,
        limit_s=60,
        task="4",
        tasks=10,
        tasks_done=10,
        tasks_failed=2,
    )
    judgement = judge(seen(scheduler=killed, **STARTED))
    assert judgement.is_certain
    assert judgement.verdict.reason == (
        "array: 2 of 10 tasks failed; task 4: "
        "killed by the scheduler after 00:01:01, limit 00:01:00"
    )


def test_files_read_before_the_scheduler_was_asked_do_not_say_it_never_started():
    failed = job(JobState.FAILED, raw="FAILED", reason="NonZeroExitCode")
    early = replace(seen(scheduler=failed), looked_at=NOW - 3)  # asked at NOW - 2
    fresh = seen(scheduler=replace(failed, ended_at=NOW - 4))
    for case in (early, fresh):
        judgement = judge(case)
        assert judgement.verdict.state is JobState.FINISHING
        assert not judgement.is_certain
    late = judge(seen(scheduler=replace(failed, ended_at=NOW - 20)))
    assert late.is_certain
    assert late.verdict.reason == "the scheduler could not start it: NonZeroExitCode"


def test_an_array_that_succeeded_says_how_many_of_its_tasks_did_not():
    started = {"started": {"time": str(int(NOW - 60)), "tasks": "10"}}
    facts = {**ended(3), **started}
    facts["ended"]["tasks_failed"] = "1"
    verdict = judge(seen("Succeeded", marker="Succeeded", **facts)).verdict
    assert verdict.state is JobState.SUCCEEDED
    assert verdict.reason == "finished; but 1 of the 10 tasks of its array failed"


@pytest.mark.parametrize(
    ("killer", "by", "abort", "state"),
    [
        ("=>> PBS: job killed: walltime 146 exceeded limit 120", "", False,
         JobState.TIMEOUT),
        ("TERM_RUNLIMIT: job killed after reaching LSF run time limit.", "", False,
         JobState.TIMEOUT),
        ("=>> PBS: job killed: walltime 146 exceeded limit 120", "bob", False,
         JobState.ABORTED),
        ("=>> PBS: job killed: walltime 146 exceeded limit 120", "", True,
         JobState.ABORTED),
        ("slurmstepd: error: *** JOB 2 ON cpu1 CANCELLED AT 2026-11-26 ***", "", False,
         JobState.ABORTED),
    ],
)  # fmt: skip
def test_a_line_of_the_schedulers_tells_a_deleted_job_from_one_over_its_time(
    killer, by, abort, state
):
    deleted = job(JobState.ABORTED, cancelled_by=by, elapsed_s=146)
    more = {"abort": {"by": "alice", "took": "scheduler"}} if abort else {}
    facts = {**ended(143, "TERM"), "killer": killer}
    verdict = judge(seen(scheduler=deleted, of=entry(**more), **facts)).verdict
    assert verdict.state is state


def test_a_missing_engine_is_told_with_the_command_that_puts_it_there():
    verdict = judge(
        seen(marker="Failed", error="python3: No module named engine", **ended(1))
    ).verdict
    assert "`cryodeck install CLUSTER` puts it there" in verdict.advice
