"""PBS and LSF as reports, sites' pages and manuals show them; never met for real.

PBS Pro: pages of Clemson, Griffith, Aqua, MetaCentrum, NAS; OpenPBS issues 585, 1033,
1255, 2541, 2672, 2675 are why its JSON is not asked for. Torque: a test of MAVIS, pages
of Adaptive Computing. LSF: IBM's pages of bhist and of termination reasons, issues of
ert, gc3pie, Galaxy and ketrew. Names and numbers are ours.
"""

import re

import pytest

from remote.schedulers.known import scheduler
from remote.schedulers.merging import merged
from remote.views import JobState

PBS, LSF = scheduler("pbs"), scheduler("lsf")

OVER_TIME = """\
Job Id: 49223.gc-adm
    Job_Name = job006k7f3q2ab
    resources_used.cpupercent = 0
    resources_used.cput = 00:00:00
    resources_used.mem = 4312kb
    resources_used.walltime = 00:00:29
    job_state = F
    exec_host = gc-n001/0*16
    mtime = Wed Jun 24 15:34:09 2020
    Resource_List.walltime = 00:00:30
    stime = Wed Jun 24 15:33:18 2020
    substate = 93
    Variable_List = PBS_O_SYSTEM=Linux,PBS_O_SHELL=/bin/bash,
\tPBS_O_HOME=/home/alice,PBS_O_PATH=/opt/clmgr/sbin:/opt/clmgr/bin:/opt/pbs/b
\tin:/sbin:/bin,PBS_O_QUEUE=workq
    comment = Job run at Wed Jun 24 at 15:33 on (gc-n001:ncpus=1) and fa
\tiled
    run_count = 1
    Stageout_status = 1
    Exit_status = 271
    history_timestamp = 1592976849
    project = _pbs_project_default
"""


def pbs(text, status=0, err=""):
    listing = PBS.parse("qstat -x", status, text, err)
    assert listing.answered
    return listing


def test_a_job_over_its_time_is_told_from_a_deleted_one():
    job = pbs(OVER_TIME).jobs["49223"]
    assert (job.state, job.signal) == (JobState.TIMEOUT, 15)
    assert (job.elapsed_s, job.limit_s, job.nodes) == (29, 30, "gc-n001")
    assert job.ended_at - job.started_at == 51
    early = OVER_TIME.replace("walltime = 00:00:29", "walltime = 00:00:09")
    assert pbs(early).jobs["49223"].state is JobState.ABORTED


def test_a_comment_is_whole_wherever_its_line_was_broken():
    held = OVER_TIME.replace("job_state = F", "job_state = H")
    assert pbs(held).jobs["49223"].reason == (
        "Job run at Wed Jun 24 at 15:33 on (gc-n001:ncpus=1) and failed"
    )


TORQUE = """\
Job Id: 48[1].torque01.site
    Job_Name = job006k7f3q2ab-1
    job_state = C
    Variable_List = PBS_O_QUEUE=all,PBS_O_HOME=/home/alice,
        SQUEUE_FORMAT=%.12i %9P %.2t,HISTCONTROL=ignoredups,job_state = R,
        LESSOPEN=||/usr/bin/lesspipe.sh %s,
        BASH_FUNC_module()=() {  eval `/usr/bin/modulecmd bash $*`\\\\
}
    euser = alice
    comment = Job 48[].torque01.site deleted because its dependency of arr
        ay 43[].torque01.site can never be satisfied
    etime = Tue May 29 18:27:33 2018
    exit_status = 271
    job_array_id = 1
"""


def test_torques_broken_lines_and_an_environment_like_attributes_are_read():
    job = pbs(TORQUE).jobs["48[1]"]
    assert (job.state, job.raw) == (JobState.ABORTED, "C")
    assert job.doubt == (
        "Job 48[].torque01.site deleted because its dependency of array "
        "43[].torque01.site can never be satisfied"
    )


#: of slurm-wlm-torque 22.05, which sites have that left Torque; met for real
OVER_SLURM = """\
Job Id:\t1
\tJob_Name = abc
\tJob_Owner = alice@localhost
\tjob_state = {state}
\tqueue = cpu
\tmtime = Thu Nov 26 03:23:24 2026
\texec_host = cpu1/2
\tResource_List.walltime = 00:10:00

"""


def test_the_qstat_that_comes_with_slurm_is_read():
    job = pbs(OVER_SLURM.format(state="R")).jobs["1"]
    assert (job.state, job.nodes, job.limit_s) == (JobState.RUNNING, "cpu1", 600)
    assert pbs(OVER_SLURM.format(state="C")).jobs["1"].state is JobState.FAILED
    live = PBS.queries()[0]
    found = re.findall(live.pattern, OVER_SLURM.format(state="Q"), re.MULTILINE)
    assert found == ["1"]


def test_a_job_deleted_while_it_waited_has_no_exit_status():
    text = "Job Id: 1.head\n    job_state = F\n"
    text += "    comment = Not Running: Queue not started. and terminated\n"
    assert pbs(text).jobs["1"].state is JobState.ABORTED


def test_times_in_seconds_and_a_head_without_id_are_read():
    text = (
        "Job: 13198744.pbspl1.nas\n    job_state = F\n"
        "    stime = 1649348639 (Thu Apr 07 12:23:59 EDT 2022)\n"
        "    mtime = 1649348653 (Thu Apr 07 12:24:13 EDT 2022)\n    Exit_status = 0\n"
    )
    job = pbs(text).jobs["13198744"]
    assert (job.started_at, job.ended_at) == (1649348639, 1649348653)


@pytest.mark.parametrize(
    ("comment", "never"),
    [
        ("Not Running: Insufficient amount of resource: ncpus", False),
        ("Not Running: Node is in an ineligible state: down", False),
        ("Not Running: User has reached queue debug running job limit.", False),
        ("Can Never Run: Insufficient amount of resource: ngpus (R: 8 A: 4 T: 4)",
         True),
    ],
)  # fmt: skip
def test_why_pbs_lets_a_job_wait_and_whether_for_ever(comment, never):
    text = f"Job Id: 1.head\n    job_state = Q\n    comment = {comment}\n"
    job = pbs(text).jobs["1"]
    assert (job.state, job.reason) == (JobState.QUEUED, comment)
    assert job.will_never_start is never


@pytest.mark.parametrize(
    ("comment", "state", "by"),
    [
        ("Job run at Thu at 10:00 on (n1:ncpus=8) and terminated by bob@login-02",
         JobState.ABORTED, "bob"),
        ("Not Running: Queue not started. and terminated", JobState.ABORTED, ""),
        ("job killed: vmem 192GB exceeded limit 190GB", JobState.OUT_OF_MEMORY, ""),
        ("job killed: walltime 146 exceeded limit 120", JobState.TIMEOUT, ""),
        ("MOAB_INFO:  job exceeded wallclock limit", JobState.TIMEOUT, ""),
    ],
)  # fmt: skip
def test_the_comment_says_what_271_does_not(comment, state, by):
    text = "Job Id: 1.head\n    job_state = F\n    Exit_status = 271\n"
    job = pbs(f"{text}    comment = {comment}\n").jobs["1"]
    assert (job.state, job.cancelled_by) == (state, by)


@pytest.mark.parametrize(
    ("status", "err"),
    [
        (35, "qstat: 9.head Job has finished, use -x or -H to obtain historical job "
             "information"),
        (153, "qstat: Unknown Job Id 9.head"),
    ],
)  # fmt: skip
def test_one_unknown_id_does_not_lose_the_others(status, err):
    assert set(pbs(OVER_TIME, status, err).jobs) == {"49223"}
    assert pbs("", status, err).jobs == {}


@pytest.mark.parametrize(
    ("status", "err"),
    [
        (111, "Connection refused\nqstat: cannot connect to server head (errno=111)"),
        (15010, "pbs_iff: cannot connect to host\nNo Permission.\nqstat: cannot "
                "connect to server head (errno=15007)"),
        (None, "qstat: no answer within 20 s"),
    ],
)  # fmt: skip
def test_a_server_that_is_away_ends_nothing(status, err):
    listing = PBS.parse("qstat", status, "", err)
    assert (listing.answered, listing.jobs) == (False, {})


def test_a_banner_and_torques_xml_are_no_jobs():
    banner = "*** maintenance on Monday, see https://hpc.example ***\n"
    listing = pbs(banner + OVER_TIME)
    assert set(listing.jobs) == {"49223"}
    assert listing.unread == (banner.strip(),)
    assert pbs("<Data><Job><Job_Id>7.head</Job_Id></Job></Data>").jobs == {}


BHIST = """\
Job <289263>, Job Name <AutoPick_job006_k7f3q2>, User <alice>, Project <default>,
                     Command <#!/bin/bash;#BSUB -n 4;echo 'Done successfully'>
Thu Apr 18 10:00:40: Submitted from host <grid03>, to Queue <normal>, CWD <$
                     HOME>;
Thu Apr 18 10:01:28: Dispatched 4 Task(s) on Host(s) <4*rst14-03-05>, Effect
                     ive RES_REQ <select[type == any] span[hosts=1]>;
Thu Apr 18 10:01:28: Starting (Pid 658);
Thu Apr 18 10:01:28: Running with execution home </private/alice>, Execution
                      CWD </private/alice>, Execution Pid <658>;
{end}
Thu Apr 18 10:02:01: Post job process done successfully;

MEMORY USAGE:
MAX MEM: 3.9 Gbytes;  AVG MEM: 3.9 Gbytes

Summary of time in seconds spent in various states by  Thu Apr 18 10:02:01
  PEND     PSUSP    RUN      USUSP    SSUSP    UNKWN    TOTAL
  48       0        10       0        0        0        58
"""


@pytest.mark.parametrize(
    ("end", "state", "exit_status", "signal"),
    [
        ("Thu Apr 18 10:01:38: Done successfully. The CPU time used is 0.1 seconds;",
         JobState.SUCCEEDED, None, None),
        ("Thu Apr 18 10:01:38: Exited with exit code 2. The CPU time used is 0.1 seco\n"
         "                     nds;", JobState.FAILED, 2, None),
        ("Thu Apr 18 10:01:38: Exited by signal 9. The CPU time used is 0.1 seconds;",
         JobState.FAILED, None, 9),
        ("Thu Apr 18 10:01:38: Exited with exit code 143. The CPU time used is 0.0 se\n"
         "                     conds;\nThu Apr 18 10:01:38: Completed <exit>; TERM_OW\n"
         "                     NER: job killed by owner;", JobState.ABORTED, None, 15),
        ("Thu Apr 18 10:01:38: Completed <exit>; TERM_RUNLIMIT: job killed after reac\n"
         "                     hing LSF run time limit;", JobState.TIMEOUT, None, None),
    ],
)  # fmt: skip
def test_lsfs_history_tells_how_a_forgotten_job_ended(end, state, exit_status, signal):
    said = BHIST.format(end=end)
    job = LSF.parse("bhist", 0, said, "").jobs["289263"]
    assert (job.state, job.exit_status, job.signal) == (state, exit_status, signal)
    assert (job.nodes, job.memory_mb) == ("rst14-03-05", pytest.approx(3.9 * 1024))
    listing, history = LSF.queries()
    assert history.per_id
    assert re.findall(history.pattern, said, re.MULTILINE) == ["289263"]
    assert re.findall(listing.pattern, "289263|0|RUN|", re.MULTILINE) == ["289263"]


def test_a_job_that_goes_on_has_no_end_in_lsfs_history():
    said = BHIST.format(end="Thu Apr 18 10:01:30: Suspended by the user or admin;")
    said = said.replace(
        "Thu Apr 18 10:02:01: Post job process done successfully;\n", ""
    )
    listing = LSF.parse("bhist", 0, said, "")
    assert (listing.answered, listing.jobs) == (True, {})
    array = said.replace("<289263>", "<289263[4]>")
    array = array.replace("Suspended by", "Exited with exit code 1;")
    whole = merged([LSF.parse("bhist", 0, array, "")]).jobs["289263"]
    assert (whole.state, whole.task) == (JobState.FAILED, "4")


@pytest.mark.parametrize(
    ("query", "status", "err", "answered"),
    [
        ("bhist", 255, "No matching job found", True),
        ("bhist", 255, "LSF is down. Please wait ...", False),
        ("bjobs", 255, "Job <9> is not found", True),
        ("bjobs", 255, "bjobs: illegal option -- o", False),  # before LSF 9.1; openlava
        ("bjobs", 255, "batch system daemon not responding ... still trying", False),
        ("bjobs", None, "bjobs: no answer within 20 s", False),
    ],
)
def test_what_lsf_says_instead_of_jobs(query, status, err, answered):
    listing = LSF.parse(query, status, "", err)
    assert (listing.answered, listing.jobs) == (answered, {})


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("TERM_CHKPNT", JobState.FAILED),
        ("TERM_CSM_ALLOC", JobState.FAILED),
        ("TERM_DATA", JobState.FAILED),
        ("TERM_KUBE", JobState.FAILED),
        ("TERM_MC_RECALL", JobState.PREEMPTED),
        ("TERM_ORPHAN_SYSTEM", JobState.ABORTED),
        ("TERM_PROCESSLIMIT", JobState.FAILED),
        ("TERM_RC_RECLAIM", JobState.PREEMPTED),
        ("TERM_REQUEUE_ADMIN", JobState.PREEMPTED),
        ("TERM_THREADLIMIT", JobState.FAILED),
        ("TERM_UNKNOWN", JobState.FAILED),
    ],
)
def test_lsfs_rarer_reasons_of_termination(word, state):
    row = f"7|0|EXIT|137|63 second(s)|12 Mbytes|node3|{word}: job killed|-\n"
    assert LSF.parse("bjobs", 0, row, "").jobs["7"].state is state


ENDED_BY_OTHERS = """\
Job Id: 48[].torque01.example.org
    job_state = C
    queue_type = E
    comment = Job 48[].torque01.example.org deleted because its dependency of arr
        ay 43[].torque01.example.org can never be satisfied
    exit_status = 271
    submit_args = -j oe -l mem=12000mb -l walltime=16:00:00 -V -W depend=after
        okarray:43[].torque01.example.org
Job Id: 49.pbs
    job_state = F
    Exit_status = 271
    comment = job killed: vmem 192GB exceeded limit 190GB
    resources_used.mem = 186465316kb
    resources_used.walltime = 00:34:18
Job Id: 50.pbs
    job_state = H
    Exit_status = -3
    Hold_Types = s
    comment = job held, too many failed attempts to run
Job Id: 51.pbs
    job_state = F
    Exit_status = -29
    resources_used.walltime = 24:00:01
    comment = Job run at Tue Aug 11 at 15:03 on (node:ncpus=4) and failed
"""


def test_what_servers_say_of_jobs_that_they_ended():
    """Torque (a test of MAVIS), Gadi, MetaCentrum, notes on jobs held by PBS Pro."""
    jobs = pbs(ENDED_BY_OTHERS).jobs
    assert {key: job.state for key, job in jobs.items()} == {
        "48[]": JobState.ABORTED,
        "49": JobState.OUT_OF_MEMORY,
        "50": JobState.HELD,
        "51": JobState.TIMEOUT,
    }
    assert "its dependency of array 43[]" in jobs["48[]"].reason
    assert round(jobs["49"].memory_mb / 1024) == 178
    assert jobs["50"].reason == "job held, too many failed attempts to run"


BHIST_OVER_MEMORY = """\

Job <4242>, Job Name <x>, User <alice>, Project <default>, Status <EXIT>, Queue
                     <normal>, Command <sleep 300>
Tue Dec 23 14:46:43: Submitted from host <login1>, CWD <$HOME>;
Tue Dec 23 14:46:44: Dispatched to <a3191>;
Tue Dec 23 16:34:13: Exited with exit code 1. The CPU time used is 31911.0 seco
                     nds;

Tue Dec 23 16:34:13: Completed <exit>; TERM_MEMLIMIT: job killed after reaching
                      LSF memory usage limit;


 MEMLIMIT
     48 G

MEMORY USAGE:
MAX MEM: 48 Gbytes;  AVG MEM: 1.3 Gbytes
"""


def test_a_blank_at_the_end_of_a_line_of_bhist_is_kept():
    """As a guide for the users of a site shows a job over its memory."""
    job = LSF.parse("bhist", 0, BHIST_OVER_MEMORY, "").jobs["4242"]
    assert job.state is JobState.OUT_OF_MEMORY
    assert job.reason == (
        "TERM_MEMLIMIT: job killed after reaching LSF memory usage limit"
    )
    assert (job.exit_status, job.memory_mb, job.nodes) == (1, 49152, "a3191")
