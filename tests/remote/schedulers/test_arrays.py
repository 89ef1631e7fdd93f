"""Arrays and heterogeneous jobs, as Slurm 22.05 and Grid Engine 8.1.9 told of them."""

import re

import pytest

from remote.schedulers.arrays import MOST_TASKS, tasks_of
from remote.schedulers.base import Resources
from remote.schedulers.known import scheduler
from remote.schedulers.merging import merged
from remote.verdict_words import array_words
from remote.views import JobState

SLURM, SGE = scheduler("slurm"), scheduler("sge")
WAITS = """\
1_[1-7%2]|PENDING|0:00|10:00|N/A||None|(None)
2+0|PENDING|0:00|10:00|N/A||None|(None)
2+1|PENDING|0:00|10:00|N/A||None|(None)
"""
RUNS = """\
1_3|COMPLETED|0:02|10:00|1795659840|cpu2|None|cpu2
1_4|COMPLETED|0:02|10:00|1795659840|cpu2|None|cpu2
1_1|COMPLETED|0:02|10:00|1795659838|cpu1|None|cpu1
1_2|FAILED|0:02|10:00|1795659838|cpu1|NonZeroExitCode|(NonZeroExitCode)
1_7|PENDING|0:00|10:00|N/A||JobArrayTaskLimit|(JobArrayTaskLimit)
1_5|RUNNING|0:00|10:00|1795659842|cpu2|None|cpu2
1_6|RUNNING|0:00|10:00|1795659842|cpu2|None|cpu2
2+0|RUNNING|0:04|10:00|1795659838|cpu1|None|cpu1
2+1|RUNNING|0:04|10:00|1795659838|cpu2|None|cpu2
"""
#: accounting lags, and has the array's own number (raw id 1) for its last task only
RUNS_IN_ACCOUNTING = """\
2+0|RUNNING|0:0|00:00:04|00:10:00|1795659838|Unknown|cpu1||None
2+0.batch|RUNNING|0:0|00:00:04||1795659838|Unknown|cpu1||
2+1|RUNNING|0:0|00:00:04|00:10:00|1795659838|Unknown|cpu2||None
1_1|COMPLETED|0:0|00:00:02|00:10:00|1795659838|1795659840|cpu1||None
1_1.batch|COMPLETED|0:0|00:00:02||1795659838|1795659840|cpu1|4200K|
1_2|FAILED|3:0|00:00:02|00:10:00|1795659838|1795659840|cpu1||None
1_2.batch|FAILED|3:0|00:00:02||1795659838|1795659840|cpu1|4364K|
1_3|COMPLETED|0:0|00:00:02|00:10:00|1795659840|1795659842|cpu2||JobArrayTaskLimit
1_4|COMPLETED|0:0|00:00:02|00:10:00|1795659840|1795659842|cpu2||JobArrayTaskLimit
1_[5-7%2]|PENDING|0:0|00:00:00|00:10:00|Unknown|Unknown|None assigned||JobArrayTaskLimit
"""
ENDED_IN_ACCOUNTING = """\
2+0|COMPLETED|0:0|00:00:06|00:10:00|1795659838|1795659844|cpu1||None
2+0.batch|COMPLETED|0:0|00:00:06||1795659838|1795659844|cpu1|4132K|
2+1|COMPLETED|0:0|00:00:06|00:10:00|1795659838|1795659844|cpu2||None
1_1|COMPLETED|0:0|00:00:02|00:10:00|1795659838|1795659840|cpu1||None
1_2|FAILED|3:0|00:00:02|00:10:00|1795659838|1795659840|cpu1||None
1_2.batch|FAILED|3:0|00:00:02||1795659838|1795659840|cpu1|4364K|
1_7|COMPLETED|0:0|00:00:02|00:10:00|1795659844|1795659846|cpu2||JobArrayTaskLimit
"""
CANCELLED = """\
1_3|CANCELLED|0:00|10:00|1795659851|cpu2|None|cpu2
1_4|CANCELLED|0:00|10:00|1795659851|cpu2|None|cpu2
1_[5-7%2]|CANCELLED|0:00|10:00|1795659851||JobArrayTaskLimit|
1_1|COMPLETED|0:02|10:00|1795659848|cpu1|None|cpu1
1_2|COMPLETED|0:03|10:00|1795659848|cpu1|None|cpu1
"""
CANCELLED_IN_ACCOUNTING = """\
1_3|CANCELLED by 31001|0:0|00:00:00|00:10:00|1795659851|1795659851|cpu2||None
1_3.batch|CANCELLED|0:15|00:00:00||1795659851|1795659851|cpu2||
1_[5-7%2]|CANCELLED by 31001|0:0|00:00:00|00:10:00|1795659851|1795659851|None assigned||
"""
CONTROLLER = """\
JobId=1 ArrayJobId=1 ArrayTaskId=3-7%2 ArrayTaskThrottle=2 JobName=arr.sh Priority=1 \
Nice=0 Account=(null) JobState=PENDING Reason=JobArrayTaskLimit Dependency=(null) \
Restarts=0 ExitCode=0:0 RunTime=00:00:00 TimeLimit=00:10:00 StartTime=Unknown \
EndTime=Unknown NodeList= NumNodes=1
JobId=5 ArrayJobId=1 ArrayTaskId=2 ArrayTaskThrottle=2 JobName=arr.sh Priority=1 \
Nice=0 Account=(null) JobState=FAILED Reason=NonZeroExitCode Dependency=(null) \
Restarts=0 ExitCode=3:0 RunTime=00:00:02 TimeLimit=00:10:00 StartTime=1795659838 \
EndTime=1795659840 NodeList=cpu1 NumNodes=1
JobId=4 ArrayJobId=1 ArrayTaskId=1 ArrayTaskThrottle=2 JobName=arr.sh Priority=1 \
Nice=0 Account=(null) JobState=RUNNING Reason=None Dependency=(null) \
Restarts=0 ExitCode=0:0 RunTime=00:00:01 TimeLimit=00:10:00 StartTime=1795659838 \
EndTime=1795660438 NodeList=cpu1 NumNodes=1
JobId=2 HetJobId=2 HetJobOffset=0 JobName=het.sh HetJobIdSet=2-3 Priority=1 \
Nice=0 Account=(null) JobState=RUNNING Reason=None Dependency=(null) \
Restarts=0 ExitCode=0:0 RunTime=00:00:01 TimeLimit=00:10:00 StartTime=1795659838 \
EndTime=1795660438 NodeList=cpu1 NumNodes=1
JobId=3 HetJobId=2 HetJobOffset=1 JobName=het.sh HetJobIdSet=2-3 Priority=1 \
Nice=0 Account=(null) JobState=RUNNING Reason=None Dependency=(null) \
Restarts=0 ExitCode=0:0 RunTime=00:00:01 TimeLimit=00:10:00 StartTime=1795659838 \
EndTime=1795660438 NodeList=cpu2 NumNodes=1
"""


def slurm(queue="", accounting="", controller=""):
    """Jobs by all that Slurm said."""
    listings = [SLURM.parse("squeue", 0, queue, "")]
    if accounting:
        listings.append(SLURM.parse("sacct", 0, accounting, ""))
    if controller:
        listings.append(SLURM.parse("scontrol", 0, controller, ""))
    listing = merged(listings)
    assert listing.unread == ()
    return listing.jobs


def counts(job):
    return job.tasks, job.tasks_done, job.tasks_failed, job.tasks_running


@pytest.mark.parametrize(
    ("said", "state", "counted", "words"),
    [
        ((WAITS,), JobState.QUEUED, (7, 0, 0, 0), "array 0/7 done; why"),
        ((RUNS,), JobState.RUNNING, (7, 4, 1, 2),
         "array 4/7 done, 1 of them failed, 2 running; why"),
        ((RUNS, RUNS_IN_ACCOUNTING), JobState.RUNNING, (7, 4, 1, 2),
         "array 4/7 done, 1 of them failed, 2 running; why"),
        (("", RUNS_IN_ACCOUNTING), JobState.QUEUED, (7, 4, 1, 0),
         "array 4/7 done, 1 of them failed; why"),
        (("", ENDED_IN_ACCOUNTING), JobState.FAILED, (3, 3, 1, 0),
         "array: 1 of 3 tasks failed; task 2: why"),
        ((CANCELLED, CANCELLED_IN_ACCOUNTING), JobState.ABORTED, (7, 7, 5, 0),
         "array: 5 of 7 tasks cancelled; task 3: why"),
        (("", "", CONTROLLER), JobState.RUNNING, (7, 1, 1, 1),
         "array 1/7 done, 1 of them failed, 1 running; why"),
    ],
)  # fmt: skip
def test_an_array_is_counted_and_its_most_telling_task_speaks(
    said, state, counted, words
):
    job = slurm(*said)["1"]
    assert (job.id, job.state, counts(job)) == ("1", state, counted)
    assert array_words(job, "why") == words


def test_details_of_an_array_are_the_speaking_tasks_and_the_whole_span():
    job = slurm("", ENDED_IN_ACCOUNTING)["1"]
    assert (job.task, job.exit_status, job.nodes) == ("2", 3, "cpu1")
    assert (job.started_at, job.ended_at) == (1795659838, 1795659846)
    assert job.memory_mb == pytest.approx(4364 / 1024)
    assert slurm(CANCELLED, CANCELLED_IN_ACCOUNTING)["1"].cancelled_by == "31001"
    assert slurm(RUNS)["1"].ended_at is None


@pytest.mark.parametrize("said", [(WAITS,), (RUNS, RUNS_IN_ACCOUNTING)])
def test_a_heterogeneous_job_is_what_its_components_are(said):
    job = slurm(*said)["2"]
    assert job.state in (JobState.QUEUED, JobState.RUNNING)
    assert counts(job) == (0, 0, 0, 0)
    assert array_words(job, "on cpu1") == "on cpu1"


def test_a_component_out_of_memory_is_the_whole_jobs_end():
    text = ENDED_IN_ACCOUNTING.replace("2+1|COMPLETED|0:0", "2+1|OUT_OF_MEMORY|0:125")
    assert slurm("", text)["2"].state is JobState.OUT_OF_MEMORY
    assert slurm("", ENDED_IN_ACCOUNTING)["2"].state is JobState.SUCCEEDED
    assert slurm("", "", CONTROLLER)["2"].nodes == "cpu1"


def test_accounting_that_has_one_row_for_an_array_yet_does_not_end_it():
    row = "1|COMPLETED|0:0|00:00:02|00:10:00|1795659838|1795659840|cpu1||None\n"
    job = slurm(WAITS, row)["1"]
    assert (job.state, job.tasks) == (JobState.QUEUED, 7)
    assert slurm("", row)["1"].state is JobState.SUCCEEDED


def test_an_array_that_never_started_is_one_row_of_accounting():
    queue = "15_[1,8,200-300%3]|CANCELLED|0:00|10:00|1795659852||JobHeldUser|\n"
    row = "15|CANCELLED by 31001|0:0|00:00:00||1795659852|1795659852|None assigned||\n"
    job = slurm(queue, row)["15"]
    assert (job.state, job.tasks, job.cancelled_by) == (JobState.ABORTED, 103, "31001")


def test_arrays_in_the_queue_are_asked_about_in_accounting_and_no_further():
    queue, history, _ = SLURM.queries()
    assert re.findall(queue.pattern, RUNS, re.MULTILINE) == ["2", "2"]
    left = re.findall(history.pattern, RUNS_IN_ACCOUNTING, re.MULTILINE)
    assert set(left) == {"1"}
    pending = "3|PENDING|0:0|00:00:01||1795659838|Unknown|cpu1||None"
    assert not re.findall(history.pattern, pending, re.MULTILINE)
    assert queue.env["SLURM_BITSTR_LEN"] == "0"  # squeue cuts long arrays off


def test_the_token_finds_the_number_of_an_array_or_a_heterogeneous_job():
    command = SLURM.submit(Resources(job="AutoPick/job006", token="k7f3"), "s")
    said = "8_[3-10%4]|cryodeck:k7f3|x\n9+1|cryodeck:other|k7f\n"
    assert re.findall(command.find[0].pattern, said, re.MULTILINE) == ["8"]
    said = "9+0|AutoPick_job006_k7f3\n"
    assert re.findall(command.find[1].pattern, said, re.MULTILINE) == ["9"]


@pytest.mark.parametrize(
    ("group", "tasks"),
    [
        ("1-7:2%3", ["1", "3", "5", "7"]),
        ("0,2-3,9%1", ["0", "2", "3", "9"]),
        ("5,7", ["5", "7"]),
        ("4-10:3", ["4", "7", "10"]),
        ("1,3,...", ["1", "3"]),
        ("", []),
        ("7-1", ["7"]),
    ],
)
def test_a_group_of_tasks_is_read(group, tasks):
    assert tasks_of(group) == tasks


def test_a_group_beyond_reason_costs_little():
    assert len(tasks_of("1-999999999,1-999999999")) == MOST_TASKS
    job = slurm("1_[1-999999999]|PENDING|0:00|1:00|N/A||None|(None)\n")["1"]
    assert (job.state, job.tasks) == (JobState.QUEUED, MOST_TASKS)


QSTAT = """\
<?xml version='1.0'?>
<job_info><queue_info>
 <job_list state="running"><JB_job_number>1</JB_job_number><JB_name>a.sh</JB_name>
  <state>r</state><JAT_start_time>2026-11-26T02:29:05</JAT_start_time>
  <queue_name>all.q@localhost</queue_name><slots>1</slots><tasks>3</tasks></job_list>
</queue_info><job_info>
 <job_list state="pending"><JB_job_number>1</JB_job_number><JB_name>a.sh</JB_name>
  <state>qw</state><JB_submission_time>2026-11-26T02:29:05</JB_submission_time>
  <queue_name></queue_name><slots>1</slots><tasks>5,7</tasks></job_list>
</job_info></job_info>
"""
QACCT = """\
==============================================================
hostname     localhost
jobnumber    1
taskid       {task}
start_time   Thu Nov 26 02:29:05 2026
end_time     Thu Nov 26 02:29:0{end} 2026
failed       0
exit_status  {status}
ru_wallclock 2s
maxvmem      4.766MB
category     NONE
"""


def test_grid_engines_arrays_are_counted_in_the_queue_and_in_accounting():
    job = merged([SGE.parse("qstat", 0, QSTAT, "")]).jobs["1"]
    assert (job.state, counts(job)) == (JobState.RUNNING, (3, 0, 0, 1))
    ended = [QACCT.format(task=t, end=6 + t, status=3 * (t == 3)) for t in (1, 3)]
    job = merged([SGE.parse("qacct", 0, "".join(ended), "")]).jobs["1"]
    assert (job.state, job.exit_status, job.task) == (JobState.FAILED, 3, "3")
    assert (counts(job), job.ended_at - job.started_at) == ((2, 2, 1, 0), 4)
    single = QACCT.format(task="undefined", end=7, status=0)
    assert set(SGE.parse("qacct", 0, single, "").jobs) == {"1"}


def test_lsfs_arrays_are_counted():
    rows = "7|1|DONE|-|9 second(s)|-|n1|-|-\n7|2|RUN|-|9 second(s)|-|n1|-|-\n"
    rows += "7|3|PEND|-|0 second(s)|-|-|-|New job is waiting for scheduling;\n"
    job = merged([scheduler("lsf").parse("bjobs", 0, rows, "")]).jobs["7"]
    assert (job.state, counts(job)) == (JobState.RUNNING, (3, 1, 0, 1))


def test_pbs_counts_an_arrays_tasks_itself():
    said = "Job Id: 12[].head\n    job_state = B\n    array = True\n"
    said += "    array_state_count = Queued:5 Running:2 Exiting:0 Expired:3 \n"
    job = scheduler("pbs").parse("qstat", 0, said, "").jobs["12[]"]
    assert (job.state, counts(job)) == (JobState.RUNNING, (10, 3, 0, 2))
    assert array_words(job, "") == "array 3/10 done, 2 running"
