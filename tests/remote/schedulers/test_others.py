"""PBS, Grid Engine and LSF: answers as their manuals and users' reports show them."""

import re

import pytest

from remote.schedulers.base import IDS, USER, Resources
from remote.schedulers.known import scheduler
from remote.schedulers.sge import state_of
from remote.views import JobState

WANTED = Resources(
    job="AutoPick/job006",
    token="k7f3q2ab12",
    ranks=2,
    threads=3,
    time_limit_s=5400,
    memory_mb=6000,
    queue="cpu",
    account="lab",
)
KINDS = ("slurm", "pbs", "sge", "lsf")


@pytest.mark.parametrize(
    ("kind", "out", "expected"),
    [
        ("slurm", "4711\n", "4711"),
        ("slurm", "Welcome!\n4711;tc\n-- have a nice day --\n", "4711"),
        ("slurm", "Submitted batch job 4711\n", "4711"),
        ("pbs", "4711.pbs-server.site.edu\n", "4711"),
        ("pbs", "qsub: waiting 2 s\n4711[].server\n", "4711[]"),
        ("sge", "4711\n", "4711"),
        ("sge", 'Your job 4711 ("x") has been submitted\n', "4711"),
        ("sge", "4711.1-10:1\n", "4711"),
        ("lsf", "Job <4711> is submitted to queue <normal>.\n", "4711"),
        ("lsf", "<<< 3 jobs pending >>>\nJob <4711> is submitted to default queue "
         "<normal>.\n", "4711"),
    ],
)  # fmt: skip
def test_the_id_is_found_among_chatter(kind, out, expected):
    command = scheduler(kind).submit(WANTED, "AutoPick/job006/run_submit.script")
    assert re.findall(command.id_pattern, out, re.MULTILINE)[-1] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_is_in_what_is_submitted(kind):
    adapter = scheduler(kind)
    command = adapter.submit(WANTED, "s")
    tail = WANTED.token if kind != "pbs" else WANTED.token[:6]
    assert any(tail in word for word in command.argv)
    assert command.find
    assert all(" =" not in line for line in adapter.directives(WANTED))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "out", "err"),
    [
        (None, "", "no such program here"),
        (1, "", "cannot connect to server"),
        (127, "", "command not found"),
    ],
)
def test_a_failed_query_says_nothing(kind, status, out, err):
    adapter = scheduler(kind)
    name = adapter.queries()[0].name
    listing = adapter.parse(name, status, out, err)
    assert not listing.answered
    assert listing.jobs == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_listing_is_one_call_about_ones_own_jobs_in_text(kind):
    adapter = scheduler(kind)
    first, *later = adapter.queries()
    assert not first.per_id
    assert USER in first.argv or IDS in first.argv
    assert not ({"-u", "*"} <= set(first.argv))
    for query in (first, *later, *adapter.submit(WANTED, "s").find):
        assert not [word for word in query.argv if "json" in word.lower()]


def test_accounting_is_asked_for_named_fields_that_any_version_has():
    (history,) = (q for q in scheduler("slurm").queries() if q.name == "sacct")
    assert {"-P", "-n", "-o"} <= set(history.argv)
    assert "--array" not in history.argv
    said = "sacct: unrecognized option '--some'\nTry \"sacct --help\"\n"
    listing = scheduler("slurm").parse("sacct", 1, "", said)
    assert not listing.answered
    assert "unrecognized option" in listing.complaint


def test_old_pbs_takes_the_name_of_a_job():
    line = next(x for x in scheduler("pbs").directives(WANTED) if " -N " in x)
    name = line.split()[-1]
    assert len(name) <= 15
    assert re.fullmatch(r"[a-z][a-z0-9]*", name)


def test_memory_is_per_slot_for_grid_engine_and_per_node_elsewhere():
    assert "#$ -l h_vmem=1000M" in scheduler("sge").directives(WANTED)
    assert "#PBS -l mem=6000mb" in scheduler("pbs").directives(WANTED)


QSTAT = """\
Job Id: 123.server
    Job_Name = job006k7f3q2ab
    job_state = {state}
    resources_used.mem = 2048kb
    resources_used.walltime = {used}
    Resource_List.walltime = 01:30:00
    exec_host = node7/0*3+node8/0*3
    stime = Mon Nov 23 21:00:00 2026
    Variable_List = PBS_O_HOME=/home/alice,PBS_O_WORKDIR=/data/a very long
\tpath that goes on,X=job_state = F
    comment = {comment}
{status}
Job Id: 124[].server
    job_state = B
"""


@pytest.mark.parametrize(
    ("state", "status", "used", "comment", "expected"),
    [
        ("Q", "", "00:00:00", "Not Running: Insufficient amount of resource: ncpus",
         JobState.QUEUED),
        ("H", "", "00:00:00", "", JobState.HELD),
        ("R", "", "00:10:00", "Job run at Mon", JobState.RUNNING),
        ("S", "", "00:10:00", "", JobState.SUSPENDED),
        ("E", "", "00:10:00", "", JobState.FINISHING),
        ("F", "Exit_status = 0", "00:10:00", "", JobState.SUCCEEDED),
        ("C", "exit_status = 0", "00:10:00", "", JobState.SUCCEEDED),
        ("F", "Exit_status = 2", "00:10:00", "", JobState.FAILED),
        ("F", "Exit_status = 271", "00:10:00", "", JobState.ABORTED),
        ("F", "Exit_status = 271", "01:30:07", "", JobState.TIMEOUT),
        ("F", "Exit_status = -29", "01:30:07", "", JobState.TIMEOUT),
        ("F", "Exit_status = -11", "00:00:00", "", JobState.FAILED),
        ("C", "exit_status = -11", "01:30:07", "", JobState.TIMEOUT),
        ("C", "exit_status = -10", "00:10:00", "", JobState.OUT_OF_MEMORY),
        ("C", "exit_status = -1", "00:00:00", "", JobState.FAILED),
        ("F", "Exit_status = -27", "00:10:00", "", JobState.OUT_OF_MEMORY),
        ("F", "Exit_status = 265", "00:10:00", "mem 7gb exceeded limit 6gb",
         JobState.OUT_OF_MEMORY),
        ("?", "", "00:10:00", "", JobState.UNKNOWN),
    ],
)  # fmt: skip
def test_pbs_and_torque_jobs_are_read(state, status, used, comment, expected):
    text = QSTAT.format(
        state=state,
        used=used,
        comment=comment,
        status=f"    {status}" if status else "",
    )
    listing = scheduler("pbs").parse("qstat", 153, text, "qstat: Unknown Job Id 9")
    job = listing.jobs["123"]
    assert job.state is expected
    assert (job.limit_s, job.nodes, job.memory_mb) == (5400, "node7", 2)
    assert job.started_at == 1795467600
    assert listing.jobs["124[]"].state is JobState.RUNNING


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("qw", JobState.QUEUED), ("Rq", JobState.QUEUED), ("hqw", JobState.HELD),
        ("hRwq", JobState.HELD), ("t", JobState.RUNNING), ("r", JobState.RUNNING),
        ("Rr", JobState.RUNNING), ("hr", JobState.RUNNING), ("Rt", JobState.RUNNING),
        ("s", JobState.SUSPENDED), ("S", JobState.SUSPENDED), ("T", JobState.SUSPENDED),
        ("tS", JobState.SUSPENDED), ("Rs", JobState.SUSPENDED),
        ("Eqw", JobState.HELD), ("EhRqw", JobState.HELD),
        ("dr", JobState.FINISHING), ("dRt", JobState.FINISHING),
        ("xyz!", JobState.UNKNOWN), ("", JobState.UNKNOWN),
    ],
)  # fmt: skip
def test_grid_engines_letters_are_a_set(letters, expected):
    assert state_of(letters) is expected


XML = """\
motd: all quiet
<?xml version='1.0'?>
<job_info><queue_info>
<job_list state="running"><JB_job_number>7</JB_job_number>
<JB_name>a &lt;b&gt; é</JB_name>
<state>r</state><queue_name>all.q@node3</queue_name></job_list></queue_info>
<job_info><job_list state="pending"><JB_job_number>8</JB_job_number>
<JB_name>AutoPick_job006_k7f3q2ab12</JB_name><state>Eqw</state></job_list></job_info>
</job_info>
"""


def test_grid_engines_queue_is_read():
    sge = scheduler("sge")
    jobs = sge.parse("qstat", 0, XML, "").jobs
    assert (jobs["7"].state, jobs["7"].nodes) == (JobState.RUNNING, "node3")
    assert (jobs["8"].state, jobs["8"].will_never_start) == (JobState.HELD, True)
    find = sge.submit(WANTED, "s").find[0]
    assert re.findall(find.pattern, XML, re.MULTILINE) == ["8"]


def test_malformed_xml_is_no_answer_and_is_kept():
    listing = scheduler("sge").parse("qstat", 0, "<?xml version='1.0'?><job_info>", "")
    assert not listing.answered
    assert listing.unread


QACCT = """\
==============================================================
qname        all.q
hostname     node3
jobname      AutoPick_job006_k7f3q2ab12
jobnumber    7
start_time   Mon Nov 23 21:00:00 2026
end_time     Mon Nov 23 21:01:03 2026
failed       {failed}
exit_status  {status}
ru_wallclock 63.000s
maxvmem      1.500G
deleted_by   {by}
"""


@pytest.mark.parametrize(
    ("failed", "status", "by", "expected"),
    [
        ("0", "0", "NONE", JobState.SUCCEEDED),
        ("0", "2", "NONE", JobState.FAILED),
        ("37  : qmaster enforced h_rt limit", "137 (Killed)", "NONE", JobState.TIMEOUT),
        ("100 : assumedly after job", "143", "NONE", JobState.ABORTED),
        ("100 : assumedly after job", "137", "alice", JobState.ABORTED),
        ("100 : assumedly after job", "137", "NONE", JobState.ABORTED),
        ("100 : assumedly after job", "139", "NONE", JobState.FAILED),
        (
            "100 : assumedly after job",
            "138 (User defined signal 1)",
            "NONE",
            JobState.TIMEOUT,
        ),
    ],
)
def test_grid_engines_accounting_is_read(failed, status, by, expected):
    text = QACCT.format(failed=failed, status=status, by=by)
    job = scheduler("sge").parse("qacct", 0, text, "").jobs["7"]
    assert job.state is expected
    assert (job.elapsed_s, job.memory_mb, job.nodes) == (63, 1536, "node3")
    assert job.ended_at - job.started_at == 63


def test_grid_engines_accounting_may_not_know_a_job():
    listing = scheduler("sge").parse("qacct", 1, "", "error: job id 9 not found")
    assert listing.answered
    assert listing.jobs == {}


@pytest.mark.parametrize(
    ("row", "expected", "reason"),
    [
        ("7|0|PEND|-|0 second(s)|-|-|-|New job is waiting for scheduling;",
         JobState.QUEUED, "New job is waiting for scheduling;"),
        ("7|0|PSUSP|-|0 second(s)|-|-|-|The job was suspended by the user | pending",
         JobState.HELD, "The job was suspended by the user | pending"),
        ("7|0|RUN|-|63 second(s)|12 Mbytes|node3:node3|-|-", JobState.RUNNING, ""),
        ("7|0|DONE|-|63 second(s)|12 Mbytes|node3|-|-", JobState.SUCCEEDED, ""),
        ("7|0|EXIT|2|63 second(s)|12 Mbytes|node3|-|-", JobState.FAILED, ""),
        ("7|0|EXIT|140|63 second(s)|12 Mbytes|node3|TERM_RUNLIMIT: job killed after "
         "reaching LSF run time limit|-", JobState.TIMEOUT,
         "TERM_RUNLIMIT: job killed after reaching LSF run time limit"),
        ("7|0|EXIT|137|9 second(s)|6 Gbytes|node3|TERM_MEMLIMIT: job killed after "
         "reaching LSF memory usage limit|-", JobState.OUT_OF_MEMORY,
         "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit"),
        ("7|0|EXIT|143|9 second(s)|1 Mbytes|node3|TERM_OWNER: job killed by owner|-",
         JobState.ABORTED, "TERM_OWNER: job killed by owner"),
        ("7|0|ZOMBI|-|9 second(s)|1 Mbytes|node3|-|-", JobState.UNKNOWN,
         "its node does not answer LSF (ZOMBI); it may still run"),
        ("7|0|FUTURE|-|9 second(s)|1 Mbytes|node3|-|-", JobState.UNKNOWN, ""),
    ],
)  # fmt: skip
def test_lsfs_rows_are_read(row, expected, reason):
    out = f"{row}\n8|RUN\n"
    listing = scheduler("lsf").parse("bjobs", 255, out, "Job <9> is not found")
    assert (listing.jobs["7"].state, listing.jobs["7"].reason) == (expected, reason)
    assert listing.jobs["8"].state is JobState.UNKNOWN


def test_lsf_reads_the_script_on_standard_input():
    assert scheduler("lsf").submit(WANTED, "s").reads_stdin


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("TERM_ADMIN", JobState.ABORTED),
        ("TERM_BUCKET_KILL", JobState.ABORTED),
        ("TERM_CPULIMIT", JobState.TIMEOUT),
        ("TERM_CWD_NOTEXIST", JobState.FAILED),
        ("TERM_DEADLINE", JobState.TIMEOUT),
        ("TERM_EXTERNAL_SIGNAL", JobState.FAILED),
        ("TERM_FORCE_ADMIN", JobState.ABORTED),
        ("TERM_FORCE_OWNER", JobState.ABORTED),
        ("TERM_LOAD", JobState.PREEMPTED),
        ("TERM_MEMLIMIT", JobState.OUT_OF_MEMORY),
        ("TERM_OWNER", JobState.ABORTED),
        ("TERM_PREEMPT", JobState.PREEMPTED),
        ("TERM_PRE_EXEC_FAIL", JobState.FAILED),
        ("TERM_REMOVE_HUNG_JOB", JobState.NODE_FAILURE),
        ("TERM_REQUEUE_OWNER", JobState.PREEMPTED),
        ("TERM_RUNLIMIT", JobState.TIMEOUT),
        ("TERM_SWAP", JobState.OUT_OF_MEMORY),
        ("TERM_WINDOW", JobState.TIMEOUT),
        ("TERM_ZOMBIE", JobState.NODE_FAILURE),
    ],
)
def test_lsfs_reasons_of_termination(word, expected):
    """The table of IBM's page on reasons displayed by bacct, bhist and bjobs."""
    row = f"7|0|EXIT|137|63 second(s)|12 Mbytes|node3|{word}: job killed|-"
    job = scheduler("lsf").parse("bjobs", 0, row + "\n", "").jobs["7"]
    assert job.state is expected
    assert (job.cancelled_by == "root") == ("ADMIN" in word)


# Adaptive Computing's page "Job Exit Status"; its continuation lines begin with blanks
TORQUE = """Job Id: 179.host
    Job_Name = STDIN
    Job_Owner = user@host
    job_state = C
    queue = batchq
    ctime = Fri Aug 29 14:55:55 2008
    exec_host = node1/0
    mtime = Fri Aug 29 14:55:55 2008
    Resource_List.nodes = node1
    Variable_List = PBS_O_HOME=/home/user,PBS_O_LOGNAME=user,
	PBS_O_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:,PBS_O_SHELL=/bin/bash,
	PBS_O_WORKDIR=/opt/moab,PBS_O_QUEUE=batchq
    sched_hint = Post job file processing error; job 179.host on host node1/0Ba
	d UID for job execution REJHOST=pala.cridomain MSG=cannot find user 'user'
    etime = Fri Aug 29 14:55:55 2008
    exit_status = -1
"""


def test_torques_own_example_is_read():
    job = scheduler("pbs").parse("qstat", 0, TORQUE, "").jobs["179"]
    assert (job.state, job.nodes) == (JobState.FAILED, "node1")
    assert job.reason == "exit status -1 of the scheduler's own"
    assert (job.exit_status, job.signal) == (None, None)
