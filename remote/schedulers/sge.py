"""Grid Engine (SGE, UGE, SoGE): qsub, qstat, qacct, qdel."""

from __future__ import annotations

import re
import time
from calendar import timegm
from xml.etree import ElementTree

from remote.schedulers.base import (
    IDS,
    USER,
    Listing,
    Query,
    Resources,
    SchedulerJob,
    SubmitCommand,
    ctime,
    duration,
    iso_time,
    megabytes,
    whole,
)
from remote.views import JobState

_ENV = {"TZ": "UTC0"}  # times come without a zone
_RAN_INTO_A_LIMIT = 37
_ENDED_BY_A_SIGNAL = 100
_OF_MEMORY = re.compile(r"memory|h_vmem|s_vmem|m_mem|h_rss|s_rss")
_OF_TIME = re.compile(r"[hs]_(?:rt|cpu)")


class Sge:
    """The adapter."""

    name = "sge"
    submit_program = "qsub"
    id_variable = "JOB_ID"
    restart_variable = "RESTARTED"
    array_task = "${SGE_TASK_ID#undefined}"
    array_size = "$(((SGE_TASK_LAST - SGE_TASK_FIRST) / SGE_TASK_STEPSIZE + 1))"

    def directives(self, wanted: Resources) -> list[str]:
        """#$ lines; the parallel environment is the site's own: submit arguments."""
        lines = [
            f"-N {wanted.label}",
            f"-o {wanted.job}/run.out",
            f"-e {wanted.job}/run.err",
            "-cwd",
            "-S /bin/bash",
            "-r n",
        ]
        if wanted.time_limit_s:
            lines.append(f"-l h_rt={wanted.time_limit_s}")
        if wanted.memory_mb:
            slots = wanted.ranks * wanted.threads  # the limit is per slot
            lines.append(f"-l h_vmem={-(-wanted.memory_mb // slots)}M")
        if wanted.queue:
            lines.append(f"-q {wanted.queue}")
        if wanted.account:
            lines.append(f"-P {wanted.account}")
        if wanted.gpus:
            lines.append(wanted.gpu_words("-l gpu={gpus}"))
        return [f"#$ {line}" for line in lines]

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Qsub, with the token in the job's name."""
        slots = wanted.ranks * wanted.threads
        argv = ["qsub", "-terse", "-N", wanted.label]
        if slots > 1 and "-pe" not in wanted.arguments:
            argv += ["-pe", wanted.parallel_environment or "mpi", str(slots)]
        in_queue = Query(
            name="qstat by name",
            argv=("qstat", "-xml", "-u", USER),
            pattern=r"<JB_job_number>(\d+)</JB_job_number>"
            rf"(?:(?!</job_list>)[\s\S])*?{wanted.token}",
        )
        ended = Query(
            name="qacct by name",
            argv=("qacct", "-j", wanted.label),
            pattern=r"^jobnumber\s+(\d+)",
        )
        return SubmitCommand(
            argv=(*argv, *wanted.arguments, script),
            id_pattern=r"^(?:Your job(?:-array)? )?(\d+)(?:\.\d+-\d+:\d+)?\b",
            uncertain=r"(?i)timed? ?out|unable to (?:contact|send|receive)|commlib|"
            r"can't connect|connection|got no response|answer list",
            find=(in_queue, ended),
        )

    def queries(self) -> tuple[Query, ...]:
        """The queue of the account; why jobs wait; accounting of those that left."""
        queue = Query(
            name="qstat",
            argv=("qstat", "-xml", "-u", USER),
            # what waits, or could not be started, is asked about by `qstat -j`
            pattern=r"<JB_job_number>(\d+)</JB_job_number>"
            r"(?:(?!</job_list>)[\s\S])*?<state>[^<wqE]*</state>",
            env=_ENV,
        )
        why = Query(
            name="qstat -j",
            argv=("qstat", "-j", IDS),
            pattern=r"^job_number:\s+(\d+)",
            answers=(0, 1),
        )
        history = Query(
            name="qacct",
            argv=("qacct", "-j", IDS),
            pattern=r"^jobnumber\s+(\d+)",
            per_id=True,
            answers=(0, 1),
            env=_ENV,
        )
        return queue, why, history

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Jobs of `qstat -xml`, `qstat -j` or `qacct -j`."""
        if query == "qacct":
            return _accounting(exit_status, out, err)
        if query == "qstat -j":
            return _waiting(out)
        if exit_status != 0:
            return Listing(answered=False, complaint=" ".join(err.split())[:300])
        start = out.find("<?xml")
        try:
            tree = ElementTree.fromstring(out[max(start, 0) :].strip())
        except ElementTree.ParseError as error:
            complaint = f"qstat's XML cannot be read: {error}"
            return Listing(answered=False, complaint=complaint, unread=(out[:2000],))
        jobs = {}
        for row in tree.iter("job_list"):
            key = (row.findtext("JB_job_number") or "").strip()
            tasks = (row.findtext("tasks") or "").strip()
            if key and tasks:  # a task that runs, or those that wait: "4-10:2"
                key += f"_{tasks}" if tasks.isdigit() else f"_[{tasks}]"
            if key and key not in jobs:
                jobs[key] = _queued(key, row)
        return Listing(answered=True, jobs=jobs)

    def cancel_argv(self) -> tuple[str, ...]:
        """Qdel."""
        return ("qdel", IDS)


def state_of(letters: str) -> JobState:
    """State of a set of letters: "qw", "hqw", "Rr", "dr", "Eqw".

    A job that could not be started (E) stays in the queue until somebody deletes it or
    clears its error: it is held, not over.
    """
    if "d" in letters:
        return JobState.FINISHING
    if "E" in letters:
        return JobState.HELD
    if "q" in letters or letters.endswith("w"):
        return JobState.HELD if "h" in letters else JobState.QUEUED
    if any(letter in letters for letter in "sST"):
        return JobState.SUSPENDED
    if "r" in letters or "t" in letters:
        return JobState.RUNNING
    return JobState.UNKNOWN


def _queued(key: str, row: ElementTree.Element) -> SchedulerJob:
    letters = (row.findtext("state") or "").strip()
    state = state_of(letters)
    reason = ""
    if "E" in letters and state is JobState.HELD:
        reason = "it could not be started"
    elif state is JobState.HELD:
        reason = "held (qrls lets it go)"
    host = (row.findtext("queue_name") or "").rpartition("@")[2]
    return SchedulerJob(
        id=key,
        state=state,
        raw=letters,
        reason=reason,
        will_never_start="E" in letters,
        started_at=iso_time(row.findtext("JAT_start_time") or ""),
        nodes=host,
    )


def _waiting(out: str) -> Listing:
    """Why jobs wait, of `qstat -j`; it says nothing about their states."""
    jobs = {}
    for text in re.split(r"^=+$", out, flags=re.MULTILINE):
        head = re.search(r"^job_number:\s+(\d+)", text, re.MULTILINE)
        if head is None:
            continue
        key = head.group(1)
        limit = re.search(r"^hard resource_list:.*\bh_rt=(\d+)", text, re.MULTILINE)
        error = re.search(r"^error reason\s+\d+:\s+(.*)$", text, re.MULTILINE)
        info = re.search(r"^scheduling info:\s+(.*)$", text, re.MULTILINE)
        state, reason = JobState.UNKNOWN, ""
        if error is not None:
            state = JobState.HELD
            words = error.group(1).partition("error: ")[2] or error.group(1)
            reason = f"it could not be started: {words.strip()}"
        elif info is not None and "no messages" not in info.group(1):
            reason = f"waiting: {info.group(1).strip()}"
        jobs[key] = SchedulerJob(
            id=key,
            state=state,
            raw="Eqw" if error is not None else "",
            reason=reason,
            will_never_start=error is not None,
            limit_s=float(limit.group(1)) if limit else None,
        )
    return Listing(answered=bool(jobs), jobs=jobs)


def _accounting(exit_status: int | None, out: str, err: str) -> Listing:
    jobs: dict[str, SchedulerJob] = {}
    for text in re.split(r"^=+$", out, flags=re.MULTILINE):
        found = re.findall(r"^(\w+)[ \t]+(.*)$", text, re.MULTILINE)
        said = {key: value.strip() for key, value in found}
        key = said.get("jobnumber", "")
        task = said.get("taskid", "undefined")
        # a job that could not be started is still in the queue
        if key.isdigit() and said.get("end_time") != "-/-":
            key += f"_{task}" if task.isdigit() else ""
            jobs[key] = _ended(key, said)
    is_known = bool(jobs) or "not found" in err + out
    return Listing(answered=is_known, jobs=jobs, complaint=" ".join(err.split())[:300])


def _ended(key: str, said: dict[str, str]) -> SchedulerJob:
    failed = re.match(r"([0-9]{1,9})", said.get("failed", ""))
    code = int(failed.group(1)) if failed else 0
    text = said.get("exit_status", "").split(" ")[0]
    status = whole(text)
    took = re.match(r"([\d.]+)", said.get("ru_wallclock", ""))
    elapsed = float(took.group(1)) if took else None
    memory = megabytes(said.get("maxvmem", ""))
    # UGE has no category; what was asked for stands in the submit command
    request = said.get("category", said.get("submit_cmd", ""))
    asked = dict(re.findall(r"\b(h_rt|s_rt|h_vmem)=([\w.:]+)", request))
    limit = _limit(asked.get("h_rt", ""))
    state = JobState.FAILED
    by = said.get("deleted_by", "NONE").replace("NONE", "").partition("@")[0]
    doubt = ""
    words = said.get("failed", "").partition(":")[2].strip()
    enforced = words if "enforced" in words else ""
    memory_enforced, time_enforced = (
        bool(kind.search(enforced)) for kind in (_OF_MEMORY, _OF_TIME)
    )
    if code == 0 and status == 0:
        state = JobState.SUCCEEDED
    elif memory_enforced != time_enforced:  # UGE says which one it was
        state = JobState.OUT_OF_MEMORY if memory_enforced else JobState.TIMEOUT
    elif code == _RAN_INTO_A_LIMIT or status in (138, 152):
        is_long = limit is None or elapsed is None or elapsed >= limit
        is_memory = "h_vmem" in asked and not is_long
        state = JobState.OUT_OF_MEMORY if is_memory else JobState.TIMEOUT
    elif by or status == 143 or (code == _ENDED_BY_A_SIGNAL and status == 137):
        state = JobState.ABORTED
        if not by and status == 137:  # most versions do not say who it was
            doubt = "by qdel, or killed on its node: Grid Engine does not say which"
    elif code == 25:
        state = JobState.PREEMPTED
    return SchedulerJob(
        id=key,
        state=state,
        raw=f"failed {code}, exit_status {text}",
        reason=words,
        exit_status=status if status is not None and status < 128 else None,
        signal=status - 128 if status is not None and status > 128 else None,
        started_at=_moment(said.get("start_time", "")),
        ended_at=_moment(said.get("end_time", "")),
        elapsed_s=elapsed,
        limit_s=limit,
        nodes=said.get("hostname", ""),
        cancelled_by=by,
        doubt=doubt,
        memory_mb=memory,
    )


def _moment(text: str) -> float | None:
    """Seconds since 1970 of SGE's "Mon Nov 23 ..." or UGE's "11/23/2026 ..."."""
    try:
        return float(timegm(time.strptime(text[:19], "%m/%d/%Y %H:%M:%S")))
    except ValueError:
        return ctime(text)


def _limit(text: str) -> float | None:
    return float(text) if text.isdigit() else duration(text)
