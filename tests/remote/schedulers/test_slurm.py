"""Slurm's answers, recorded from 22.05 and as its documents and users show others."""

from dataclasses import replace

import pytest

from remote.schedulers.base import Resources
from remote.schedulers.known import scheduler
from remote.schedulers.merging import merged
from remote.schedulers.slurm import STATES, UNCERTAIN, Slurm, state_of
from remote.views import JobState

SLURM = Slurm()


def queue(out, status=0, err=""):
    return SLURM.parse("squeue", status, out, err)


def history(out, status=0, err=""):
    return SLURM.parse("sacct", status, out, err)


@pytest.mark.parametrize(
    ("line", "state", "reason"),
    [
        ("1|FAILED|0:02|10:00|1795467266|cpu1|NonZeroExitCode|(NonZeroExitCode)",
         JobState.FAILED, "NonZeroExitCode"),
        ("1|RUNNING|0:01|10:00|1795467266|cpu1|None|cpu1", JobState.RUNNING, ""),
        ("1|PENDING|0:00|10:00|N/A||Resources|(Resources)",
         JobState.QUEUED, "waiting for free nodes"),
        ("1|PENDING|0:00|10:00|N/A||Priority|(Priority)",
         JobState.QUEUED, "jobs with a higher priority go first"),
        ("1|PENDING|0:00|10:00|N/A||JobHeldUser|(JobHeldUser)",
         JobState.HELD, "held by its owner (scontrol release lets it go)"),
        ("1|PENDING|0:00|10:00|N/A||ReqNodeNotAvail|"
         "(ReqNodeNotAvail, UnavailableNodes:cpu[1-2])", JobState.QUEUED,
         "nodes it needs are down or reserved (maintenance?): "
         "UnavailableNodes:cpu[1-2]"),
        ("1|PENDING|0:00|10:00|N/A||QOSMaxGRESPerUser|(QOSMaxGRESPerUser)",
         JobState.QUEUED,
         "a limit of your quality of service is reached: GPUs (QOSMaxGRESPerUser)"),
        ("1|PENDING|0:00|10:00|N/A||Some New Reason|(Some New Reason | odd)",
         JobState.QUEUED, "waiting: Some New Reason | odd"),
        ("1|RUNNING|0:01|10:00|1795467266|cpu1|Prolog|cpu1", JobState.RUNNING, ""),
        ("1|COMPLETING|0:05|10:00|1795467266|cpu1|None|cpu1", JobState.FINISHING, ""),
        ("1|SUSPENDED|0:05|10:00|1795467266|cpu1|None|cpu1", JobState.SUSPENDED, ""),
        ("1|FUTURE_WORD|0:05|10:00|1795467266|cpu1|None|cpu1", JobState.UNKNOWN, ""),
        ("1|RUNNING|1-02:03:04|UNLIMITED|1795467266|cpu1|None|cpu1",
         JobState.RUNNING, ""),
    ],
)  # fmt: skip
def test_a_row_of_the_queue_is_read(line, state, reason):
    job = queue(line + "\n").jobs["1"]
    assert (job.state, job.reason) == (state, reason)


def test_times_and_limits_are_in_seconds():
    job = queue("7|RUNNING|1-02:03:04|2-00:00:00|1795467266|gpu1|None|gpu1").jobs["7"]
    assert job.elapsed_s == ((24 + 2) * 60 + 3) * 60 + 4
    assert job.limit_s == 2 * 86400
    assert job.started_at == 1795467266
    over = queue("7|FAILED|1:02|10:00|1795467266|cpu1|NonZeroExitCode|()").jobs["7"]
    assert (job.ended_at, over.ended_at) == (None, 1795467266 + 62)
    waits = queue("3|PENDING|0:00|10:00|1795470866||BeginTime|(BeginTime)").jobs["3"]
    assert (waits.started_at, waits.expected_at) == (None, 1795470866)


@pytest.mark.parametrize(
    "reason", ["PartitionConfig", "PartitionTimeLimit", "InvalidQOS"]
)
def test_what_will_never_start_is_marked(reason):
    job = queue(f"2|PENDING|0:00|10:00|N/A||{reason}|({reason})").jobs["2"]
    assert job.will_never_start


def test_a_bad_row_is_kept_as_unknown_and_the_others_are_read():
    out = (
        "### welcome | to | the cluster ###\n"
        "5|RUNNING|0:01\n"
        "6|RUNNING|0:01|10:00|1795467266|cpu1|None|cpu1\n"
    )
    listing = queue(out)
    assert listing.answered
    assert listing.jobs["5"].state is JobState.UNKNOWN
    assert listing.jobs["5"].raw == "5|RUNNING|0:01"
    assert listing.jobs["6"].state is JobState.RUNNING
    assert len(listing.unread) == 2


def test_arrays_and_heterogeneous_jobs_have_rows_of_their_own():
    out = (
        "8_[3-10%4]|PENDING|0:00|1:00|N/A||JobArrayTaskLimit|(JobArrayTaskLimit)\n"
        "8_1|RUNNING|0:01|1:00|1795467266|cpu1|None|cpu1\n"
        "9+0|RUNNING|0:01|1:00|1795467266|cpu1|None|cpu1\n"
    )
    assert set(queue(out).jobs) == {"8_[3-10%4]", "8_1", "9+0"}


@pytest.mark.parametrize(
    "err",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "slurm_load_jobs error: Socket timed out on send/recv operation",
        "slurm_load_jobs error: Invalid job id specified",
        "squeue: error: Munge encode failed",
    ],
)
def test_a_failed_query_says_nothing_about_jobs(err):
    listing = queue("", 1, err)
    assert not listing.answered
    assert listing.jobs == {}
    assert err.split(":")[-1].strip() in listing.complaint


def test_no_answer_at_all_says_nothing_about_jobs():
    assert not queue("", None, "squeue: no such program here").answered


HEAD = "4|{state}|{code}|00:01:03|00:01:00|1795467266|1795467329|cpu1||{reason}"


@pytest.mark.parametrize(
    ("state", "code", "expected", "exit_status", "signal", "by"),
    [
        ("COMPLETED", "0:0", JobState.SUCCEEDED, 0, None, ""),
        ("FAILED", "3:0", JobState.FAILED, 3, None, ""),
        ("FAILED", "0:9", JobState.FAILED, 0, 9, ""),
        ("TIMEOUT", "0:15", JobState.TIMEOUT, 0, 15, ""),
        ("DEADLINE", "0:0", JobState.TIMEOUT, 0, None, ""),
        ("CANCELLED by 31001", "0:15", JobState.ABORTED, 0, 15, "31001"),
        ("CANCELLED+", "0:0", JobState.ABORTED, 0, None, ""),
        ("OUT_OF_MEMORY", "0:125", JobState.OUT_OF_MEMORY, 0, 125, ""),
        ("OUT_OF_ME+", "0:125", JobState.UNKNOWN, 0, 125, ""),
        ("NODE_FAIL", "0:15", JobState.NODE_FAILURE, 0, 15, ""),
        ("PREEMPTED", "0:0", JobState.PREEMPTED, 0, None, ""),
        ("REQUEUED", "0:0", JobState.QUEUED, 0, None, ""),
    ],
)
def test_a_row_of_accounting_is_read(state, code, expected, exit_status, signal, by):
    job = history(HEAD.format(state=state, code=code, reason="None")).jobs["4"]
    assert (job.state, job.exit_status, job.signal) == (expected, exit_status, signal)
    assert (job.cancelled_by, job.elapsed_s, job.limit_s) == (by, 63, 60)


def test_memory_and_its_lack_are_told_by_the_steps():
    out = (
        "4|FAILED|1:0|00:00:09|00:10:00|1795467266|1795467275|cpu1||None\n"
        "4.batch|OUT_OF_MEMORY|0:125|00:00:09||1795467266|1795467275|cpu1|2872K|\n"
        "4.0|FAILED|1:0|00:00:09||1795467266|1795467275|cpu1|1.5G|\n"
    )
    job = history(out).jobs["4"]
    assert job.state is JobState.OUT_OF_MEMORY
    assert job.memory_mb == 1536


@pytest.mark.parametrize(
    ("job", "step"),
    [("TIMEOUT", "OUT_OF_MEMORY"), ("RUNNING", "OUT_OF_MEMORY"), ("FAILED", "FAILED")],
)
def test_only_a_step_out_of_memory_explains_a_failure_by_it(job, step):
    out = (
        f"4|{job}|1:0|00:00:09|00:10:00|1795467266|1795467275|cpu1||None\n"
        f"4.0|{step}|0:9|00:00:09||1795467266|1795467275|cpu1|1.5G|\n"
    )
    assert history(out).jobs["4"].state is state_of(job)


def test_disabled_accounting_is_no_answer():
    said = "Slurm accounting storage is disabled\n"
    assert not history("", 0, said).answered
    assert not history("", 1, said).answered


def test_accounting_that_lags_does_not_bring_a_job_back_to_life():
    listings = [
        queue("1|FAILED|0:02|10:00|1795467266|cpu1|NonZeroExitCode|(NonZeroExitCode)"),
        history(
            HEAD.format(state="RUNNING", code="0:0", reason="None").replace("4|", "1|")
        ),
    ]
    assert merged(listings).jobs["1"].state is JobState.FAILED


def test_accounting_completes_what_the_queue_knows():
    listings = [
        queue("4|FAILED|1:03|01:00|1795467266|cpu1|NonZeroExitCode|(NonZeroExitCode)"),
        history(HEAD.format(state="FAILED", code="3:0", reason="None")),
    ]
    job = merged(listings).jobs["4"]
    assert (job.exit_status, job.reason) == (3, "NonZeroExitCode")


def test_an_answer_about_nothing_leaves_jobs_absent_not_ended():
    listing = merged([queue(""), history("")])
    assert listing.answered
    assert listing.jobs == {}


SCONTROL = (
    "JobId=1 JobName=a|b\nc é JobState=COMPLETED Reason=x Dependency= "
    "UserId=alice(31001) Priority=4294901759 Nice=0 Account=(null) QOS=normal "
    "JobState=TIMEOUT Reason=TimeLimit Dependency=(null) Requeue=0 Restarts=1 "
    "ExitCode=0:15 RunTime=00:01:03 TimeLimit=00:01:00 StartTime=1795467266 "
    "EndTime=1795467329 NodeList=cpu1 NumNodes=1 Comment=cryodeck:abc\n"
)


def test_the_controllers_memory_is_read_whatever_the_jobs_name():
    job = SLURM.parse("scontrol", 0, SCONTROL, "").jobs["1"]
    assert job.state is JobState.TIMEOUT
    assert (job.elapsed_s, job.limit_s, job.restarts) == (63, 60, 1)
    assert (job.nodes, job.ended_at) == ("cpu1", 1795467329)


def test_a_job_purged_from_memory_is_an_answer_without_it():
    said = "slurm_load_jobs error: Invalid job id specified"
    listing = SLURM.parse("scontrol", 1, "", said)
    assert listing.answered
    assert listing.jobs == {}
    assert not SLURM.parse("scontrol", 1, "", "Unable to contact").answered


def test_every_word_for_an_ended_state_is_over_and_no_other():
    ended = {"COMPLETED", "FAILED", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL"}
    ended |= {"CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "NODE_FAIL"}
    ended |= {"PREEMPTED", "REVOKED"}
    assert {word for word in STATES if state_of(word).is_over} == ended


WANTED = Resources(
    job="AutoPick/job006", token="k7f3q2", ranks=2, threads=3, time_limit_s=61
)


def test_directives_that_are_empty_have_no_line():
    lines = SLURM.directives(WANTED)
    assert "#SBATCH --ntasks=2" in lines
    assert "#SBATCH --time=2" in lines  # whole minutes, rounded up
    assert "#SBATCH --comment=cryodeck:k7f3q2" in lines
    assert "#SBATCH --open-mode=append" in lines
    assert not [line for line in lines if line.endswith(("=", "=0"))]
    for word in ("partition", "gres", "mem", "account", "signal"):
        assert not [line for line in lines if f"--{word}" in line]


def test_what_is_asked_for_has_its_line():
    wanted = replace(
        WANTED,
        queue="gpu",
        account="lab7",
        memory_mb=6000,
        gpus=2,
        time_limit_s=3600,
    )
    lines = SLURM.directives(wanted)
    for line in ("partition=gpu", "account=lab7", "mem=6000M", "time=60"):
        assert f"#SBATCH --{line}" in lines
    assert "#SBATCH --signal=B:USR1@180" in lines
    assert "#SBATCH --gres=gpu:2" in lines


def test_the_token_is_on_the_command_line_before_the_script():
    command = SLURM.submit(WANTED, "AutoPick/job006/run_submit.script")
    assert "--comment=cryodeck:k7f3q2" in command.argv
    assert command.argv[-1] == "AutoPick/job006/run_submit.script"


@pytest.mark.parametrize(
    "err",
    [
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv "
        "operation",
        "sbatch: error: Batch job submission failed: Unable to contact slurm "
        "controller (connect failure)",
        "sbatch: error: Batch job submission failed: Zero Bytes were transmitted or "
        "received",
        "sbatch: error: Munge encode failed: Unable to access",
    ],
)
def test_after_these_complaints_the_job_may_exist(err):
    import re

    assert re.search(UNCERTAIN, err)


@pytest.mark.parametrize(
    "err",
    [
        "sbatch: error: invalid partition specified: nowhere",
        "sbatch: error: Batch job submission failed: Requested node configuration is "
        "not available",
        "sbatch: error: Batch job submission failed: Invalid account or "
        "account/partition combination specified",
        "sbatch: error: Invalid --time specification",
    ],
)
def test_these_complaints_are_refusals(err):
    import re

    assert not re.search(UNCERTAIN, err)


def test_an_unknown_scheduler_is_named_with_those_there_are():
    with pytest.raises(Exception, match=r"'maui'.*slurm"):
        scheduler("maui")
