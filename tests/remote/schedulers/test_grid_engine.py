"""Grid Engine's answers, recorded from 8.1.9."""

import re

import pytest

from remote.schedulers.base import Resources
from remote.schedulers.known import scheduler
from remote.schedulers.merging import merged
from remote.views import JobState

SGE = scheduler("sge")
WANTED = Resources(job="AutoPick/job006", token="k7f3q2ab12", ranks=2, threads=3)

QSTAT = """\
<?xml version='1.0'?>
<job_info  xmlns:xsd="http://arc.liv.ac.uk/repos/darcs/sge/source/dist/util/resources/schemas/qstat/qstat.xsd">
  <queue_info>
    <job_list state="running">
      <JB_job_number>3</JB_job_number>
      <JAT_prio>0.25000</JAT_prio>
      <JB_name>limit</JB_name>
      <JB_owner>alice</JB_owner>
      <state>r</state>
      <JAT_start_time>2026-11-25T20:44:21</JAT_start_time>
      <queue_name>all.q@localhost</queue_name>
      <slots>1</slots>
    </job_list>
  </queue_info>
  <job_info>
    <job_list state="pending">
      <JB_job_number>10</JB_job_number>
      <JAT_prio>0.75000</JAT_prio>
      <JB_name>never</JB_name>
      <JB_owner>alice</JB_owner>
      <state>qw</state>
      <JB_submission_time>2026-11-25T20:44:22</JB_submission_time>
      <queue_name></queue_name>
      <slots>500</slots>
    </job_list>
    <job_list state="pending">
      <JB_job_number>8</JB_job_number>
      <JAT_prio>0.25000</JAT_prio>
      <JB_name>noout</JB_name>
      <JB_owner>alice</JB_owner>
      <state>Eqw</state>
      <JB_submission_time>2026-11-25T20:44:22</JB_submission_time>
      <queue_name></queue_name>
      <slots>1</slots>
    </job_list>
    <job_list state="pending">
      <JB_job_number>7</JB_job_number>
      <JAT_prio>0.00000</JAT_prio>
      <JB_name>held</JB_name>
      <JB_owner>alice</JB_owner>
      <state>hqw</state>
      <JB_submission_time>2026-11-25T20:44:22</JB_submission_time>
      <queue_name></queue_name>
      <slots>1</slots>
    </job_list>
  </job_info>
</job_info>
"""
WHY = """\
==============================================================
job_number:                 8
exec_file:                  job_scripts/8
submission_time:            Wed Nov 25 20:44:22 2026
owner:                      alice
job_name:                   noout
stdout_path_list:           NONE:NONE:/nonexistent/x
script_file:                fail.sh
error reason          1:      11/25/2026 20:44:22 [31001:1112]: error: can't open \
output file "/nonexistent/x": No such file or directory
scheduling info:            Job is in error state
==============================================================
job_number:                 10
exec_file:                  job_scripts/10
owner:                      alice
job_name:                   never
parallel environment:  mpi range: 500
scheduling info:            cannot run in PE "mpi" because it only offers 16 slots
==============================================================
job_number:                 7
job_name:                   held
scheduling info:            There are no messages available
"""
# shortened by the lines that nobody reads
QACCT = """\
==============================================================
qname        all.q
hostname     localhost
owner        alice
jobname      limit
jobnumber    {number}
taskid       undefined
qsub_time    Wed Nov 25 20:44:21 2026
start_time   {start}
end_time     {end}
slots        1
failed       {failed}
exit_status  {status}
ru_wallclock {took}s
ru_maxrss    4.938KB
maxvmem      4.867MB
arid         undefined
category     {category}
"""


def qacct(**given):
    values = {
        "number": 3,
        "start": "Wed Nov 25 20:44:21 2026",
        "end": "Wed Nov 25 20:44:25 2026",
        "took": 4,
        "category": "NONE",
        **given,
    }
    return QACCT.format(**values)


def test_the_queue_is_read_and_only_waiting_jobs_are_asked_about_further():
    queue, why, history = SGE.queries()
    jobs = SGE.parse("qstat", 0, QSTAT, "").jobs
    assert {key: job.state for key, job in jobs.items()} == {
        "3": JobState.RUNNING,
        "10": JobState.QUEUED,
        "8": JobState.HELD,
        "7": JobState.HELD,
    }
    assert (jobs["3"].nodes, jobs["3"].started_at) == ("localhost", 1795639461)
    assert re.findall(queue.pattern, QSTAT, re.MULTILINE) == ["3"]
    assert re.findall(why.pattern, WHY, re.MULTILINE) == ["8", "10", "7"]
    assert history.per_id
    assert not why.per_id


def test_why_a_job_waits_completes_what_the_queue_says_of_it():
    listings = [SGE.parse("qstat", 0, QSTAT, ""), SGE.parse("qstat -j", 0, WHY, "")]
    jobs = merged(listings).jobs
    assert jobs["10"].state is JobState.QUEUED
    assert jobs["10"].reason == (
        'waiting: cannot run in PE "mpi" because it only offers 16 slots'
    )
    assert jobs["8"].state is JobState.HELD
    assert jobs["8"].will_never_start
    assert jobs["8"].reason == (
        'it could not be started: can\'t open output file "/nonexistent/x": '
        "No such file or directory"
    )
    assert (jobs["7"].state, jobs["7"].reason) == (
        JobState.HELD,
        "held (qrls lets it go)",
    )
    assert jobs["3"].state is JobState.RUNNING


def test_jobs_that_are_gone_are_no_answer_to_why_they_wait():
    said = "Following jobs do not exist: \n10, 8\n"
    assert SGE.parse("qstat -j", 1, "", said).jobs == {}


@pytest.mark.parametrize(
    ("row", "state", "limit"),
    [
        ({"failed": "0", "status": "0"}, JobState.SUCCEEDED, None),
        ({"failed": "0", "status": "3"}, JobState.FAILED, None),
        ({"failed": "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit",
          "status": "137                  (Killed)", "category": "-l h_rt=3"},
         JobState.TIMEOUT, 3),
        ({"failed": "37  : qmaster enforced h_rt, h_cpu, or h_vmem limit",
          "status": "137                  (Killed)",
          "category": "-l h_rt=600,h_vmem=1G"}, JobState.OUT_OF_MEMORY, 600),
        ({"failed": "100 : assumedly after job", "status": "137           (Killed)"},
         JobState.ABORTED, None),
        ({"failed": "100 : assumedly after job",
          "status": "138                  (User defined signal 1)",
          "category": "-l h_rt=9,s_rt=2"}, JobState.TIMEOUT, 9),
        ({"failed": "100 : assumedly after job",
          "status": "139                  (Segmentation fault)"},
         JobState.FAILED, None),
    ],
)  # fmt: skip
def test_the_ways_a_job_ends_are_told_apart(row, state, limit):
    job = SGE.parse("qacct", 0, qacct(**row), "").jobs["3"]
    assert (job.state, job.limit_s, job.elapsed_s) == (state, limit, 4)
    assert (job.started_at, job.ended_at) == (1795639461, 1795639465)
    assert bool(job.doubt) == (state is JobState.ABORTED)


UGE = """\
==============================================================
qname        all.q
hostname     node089.example.org
group        lab
owner        alice
project      cryoem
department   defaultdepartment
jobname      AutoPick_job006_k7f3q2ab12
jobnumber    11399639
taskid       undefined
pe_taskid    NONE
account      sge
priority     0
cwd          /home/alice/project
submit_host  login1.example.org
submit_cmd   qsub -terse -N AutoPick_job006_k7f3q2ab12 -l {asked} a.script
qsub_time    08/07/2019 16:55:33.829
start_time   08/07/2019 16:55:36.043
end_time     08/07/2019 17:25:36.855
granted_pe   NONE
slots        1
failed       {failed}
deleted_by   {by}
exit_status  {status}
ru_wallclock 1800.812
ru_maxrss    18680
wallclock    1800.967
cpu          0.472
maxvmem      {memory}
maxrss       0.000
bound_cores  NONE
"""


@pytest.mark.parametrize(
    ("failed", "status", "more", "state"),
    [
        ("0", "0", {}, JobState.SUCCEEDED),
        ("44  : execd enforced h_rt limit    ", "137", {}, JobState.TIMEOUT),
        ("52  : cgroups enforced memory limit", "137", {}, JobState.OUT_OF_MEMORY),
        ("37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", "137",
         {"asked": "h_rt=00:30:00"}, JobState.TIMEOUT),
        ("37  : qmaster enforced h_rt, h_cpu, or h_vmem limit", "137",
         {"asked": "h_rt=02:00:00,h_vmem=4G"}, JobState.OUT_OF_MEMORY),
        ("100 : assumedly after job", "137",
         {"by": "alice@login1.example.org"}, JobState.ABORTED),
        ("100 : assumedly after job", "139", {}, JobState.FAILED),
    ],
)  # fmt: skip
def test_univas_accounting_is_read(failed, status, more, state):
    """UGE 8.6: the record of a test of jobmon's, ABCI's guide, limits as users report.

    Times have another form and milliseconds, and the limit is named.
    """
    said = {"asked": "h_rt=00:30:00", "by": "NONE", "memory": "1.500G", **more}
    text = UGE.format(failed=failed, status=status, **said)
    job = SGE.parse("qacct", 0, text, "").jobs["11399639"]
    assert job.state is state
    assert (job.nodes, job.memory_mb) == ("node089.example.org", 1536)
    assert (job.started_at, job.ended_at) == (1565196936, 1565198736)
    assert job.elapsed_s == pytest.approx(1800.812)
    assert job.limit_s == (7200 if "02:" in said["asked"] else 1800)
    assert job.cancelled_by == ("alice" if "by" in more else "")


def test_accounting_of_a_start_that_failed_does_not_end_a_job_in_the_queue():
    text = qacct(
        number=8,
        start="-/-",
        end="-/-",
        failed="26  : opening input/output file",
        status="0",
    )
    assert SGE.parse("qacct", 0, text, "").jobs == {}


@pytest.mark.parametrize(
    "err",
    [
        "Unable to run job: Error reading answer list from qmaster\nExiting.",
        'Unable to run job: unable to send message to qmaster using port 6444 on host '
        '"localhost": got send error\nExiting.',
        "error: commlib error: got select error (Connection refused)",
    ],
)  # fmt: skip
def test_after_these_complaints_the_job_may_exist(err):
    assert re.search(SGE.submit(WANTED, "s").uncertain, err)


@pytest.mark.parametrize(
    "err",
    [
        'Unable to run job: job rejected: the requested parallel environment "nope" '
        "does not exist\nExiting.",
        'Unable to run job: Job was rejected because job requests unknown queue '
        '"nowhere"\nExiting.',
        'Unable to run job: denied: "9bad" is not a valid object name (cannot start '
        "with a digit)\nExiting.",
    ],
)  # fmt: skip
def test_these_complaints_are_refusals(err):
    assert not re.search(SGE.submit(WANTED, "s").uncertain, err)


def test_a_job_is_found_by_its_token_also_when_it_has_ended():
    in_queue, ended = SGE.submit(WANTED, "s").find
    row = QSTAT.replace("limit", WANTED.label)
    assert re.findall(in_queue.pattern, row, re.MULTILINE) == ["3"]
    assert ended.argv == ("qacct", "-j", WANTED.label)
    text = qacct(failed="0", status="0")
    assert re.findall(ended.pattern, text, re.MULTILINE) == ["3"]


def test_many_slots_ask_for_the_sites_parallel_environment():
    words = SGE.submit(WANTED, "s").argv
    assert words[words.index("-pe") :][:3] == ("-pe", "mpi", "6")
    from dataclasses import replace

    words = SGE.submit(replace(WANTED, parallel_environment="orte"), "s").argv
    assert "orte" in words
