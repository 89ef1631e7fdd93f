"""PBS Pro, OpenPBS and Torque: qsub, qstat, qselect, qdel."""

from __future__ import annotations

import re

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
    megabytes,
    whole,
)
from remote.views import JobState

STATES = {
    "Q": JobState.QUEUED,
    "W": JobState.QUEUED,
    "T": JobState.QUEUED,
    "M": JobState.QUEUED,
    "H": JobState.HELD,
    "R": JobState.RUNNING,
    "B": JobState.RUNNING,
    "S": JobState.SUSPENDED,
    "U": JobState.SUSPENDED,
    "E": JobState.FINISHING,
}
_ENDED = ("F", "X", "C")
#: OpenPBS's exit statuses of its own
_BY_STATUS = {
    -26: JobState.OUT_OF_MEMORY,
    -27: JobState.OUT_OF_MEMORY,
    -28: JobState.TIMEOUT,
    -29: JobState.TIMEOUT,
}
#: Torque's (state C); the same numbers mean other things in OpenPBS
_BY_TORQUES_STATUS = {
    -10: JobState.OUT_OF_MEMORY,
    -11: JobState.TIMEOUT,
    -12: JobState.TIMEOUT,
}
_ENV = {"TZ": "UTC0"}  # times come without a zone
_UNKNOWN_IDS = (0, 35, 153)  # the known ones are told of all the same


class Pbs:
    """The adapter."""

    name = "pbs"
    submit_program = "qsub"
    id_variable = "PBS_JOBID"
    restart_variable = "PBS_RUNCOUNT"
    array_task = "${PBS_ARRAY_INDEX:-${PBS_ARRAYID:-}}"
    array_size = "0"

    def directives(self, wanted: Resources) -> list[str]:
        """#PBS lines; one chunk per rank, since both dialects know nodes and ppn."""
        lines = [
            f"-N {wanted.short_label}",
            f"-o {wanted.job}/run.out",
            f"-e {wanted.job}/run.err",
            "-r n",
        ]
        nodes = f"-l nodes={wanted.ranks}:ppn={wanted.threads}"
        gpus = wanted.gpu_words(nodes + ":gpus={gpus}") if wanted.gpus else nodes
        # a chunk of PBS Pro's, "-l select=...", stands in place of nodes
        is_whole = "nodes=" in gpus or "select=" in gpus
        lines += [gpus] if is_whole else [nodes, gpus]
        if wanted.time_limit_s:
            hours, rest = divmod(wanted.time_limit_s, 3600)
            lines.append(f"-l walltime={hours}:{rest // 60:02d}:{rest % 60:02d}")
        if wanted.memory_mb:
            lines.append(f"-l mem={wanted.memory_mb}mb")
        if wanted.queue:
            lines.append(f"-q {wanted.queue}")
        if wanted.account:
            lines.append(f"-A {wanted.account}")
        return [f"#PBS {line}" for line in lines]

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Qsub, with the token in the job's name."""
        find = Query(
            name="qselect",
            argv=("qselect", "-u", USER, "-N", wanted.short_label),
            pattern=r"^(\d+)",
        )
        return SubmitCommand(
            argv=("qsub", "-N", wanted.short_label, *wanted.arguments, script),
            id_pattern=r"^(\d+(?:\[\d*\])?)(?:\.\S+)?[ \t\r]*$",
            uncertain=r"(?i)cannot connect|no reply|timed? ?out|connection|"
            r"end of file|batch protocol error|Communication failure",
            find=(find,),
        )

    def queries(self) -> tuple[Query, ...]:
        """The live ones; PBS Pro's history for the rest."""
        live = Query(
            name="qstat",
            argv=("qstat", "-f", IDS),
            pattern=r"^Job(?: Id)?:\s+(\d+(?:\[\d*\])?)",
            joined_by="",
            answers=_UNKNOWN_IDS,
            env=_ENV,
        )
        history = Query(
            name="qstat -x",
            argv=("qstat", "-x", "-f", IDS),
            pattern=r"^Job(?: Id)?:\s+(\d+(?:\[\d*\])?)",
            joined_by="",
            answers=_UNKNOWN_IDS,
            env=_ENV,
        )
        return live, history

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Jobs of `qstat -f`."""
        if exit_status not in _UNKNOWN_IDS:
            return Listing(
                answered=False, complaint=" ".join((err or out).split())[:300]
            )
        jobs, unread = {}, []
        for text in re.split(r"^(?=Job(?: Id)?:\s)", out, flags=re.MULTILINE):
            head = re.match(r"Job(?: Id)?:\s+(\d+(?:\[\d*\])?)", text)
            if head is not None:
                jobs[head.group(1)] = _job(head.group(1), _attributes(text))
            elif text.strip() and not text.lstrip().startswith("<"):
                unread.append(text.strip())
        return Listing(answered=True, jobs=jobs, unread=tuple(unread))

    def cancel_argv(self) -> tuple[str, ...]:
        """Qdel."""
        return ("qdel", IDS)


def _attributes(text: str) -> dict[str, str]:
    """Attributes of one job, by their names in lower case.

    They stand after four blanks, or a tab with the qstat that comes with Slurm. Long
    values go on in the next lines, broken anywhere: after a tab (PBS Pro) or eight
    blanks (Torque). What a variable of the job's environment holds may even begin a
    line, and looks like an attribute at times.
    """
    found: dict[str, str] = {}
    key, margin = "", ""
    for line in text.splitlines()[1:]:
        match = re.match(r"(\t| +)([\w.]+) = (.*)", line)
        if match is not None and margin in ("", match.group(1)):
            margin, key = match.group(1), match.group(2).lower()
            found[key] = match.group(3)
        elif key:
            found[key] += re.sub(r"^(?:\t| {8})", "", line)
    return {key: value.strip() for key, value in found.items()}


def _moment(text: str) -> float | None:
    """Seconds since 1970; some servers write them, with the time in brackets."""
    seconds = re.match(r"(\d{9,11}) ?(?:\(|$)", text)
    return float(seconds.group(1)) if seconds else ctime(text)


def _job(key: str, said: dict[str, str]) -> SchedulerJob:
    word = said.get("job_state", "")
    used = duration(said.get("resources_used.walltime", ""))
    limit = duration(said.get("resource_list.walltime", ""))
    comment = said.get("comment", "")
    text = said.get("exit_status", "")
    status = whole(text)
    state = STATES.get(word, JobState.UNKNOWN)
    if word in _ENDED:
        state = _ended(status, used, limit, comment)
        if word == "C":
            state = _BY_TORQUES_STATUS.get(status or 0, state)
    is_waiting = state in (JobState.QUEUED, JobState.HELD)
    by = re.search(r"(?:terminated|deleted) by (\S+?)@", comment)
    is_told = state is JobState.ABORTED and by is None and "delete" in comment.lower()
    # of an array: "Queued:5 Running:2 Exiting:0 Expired:3"
    tasks = dict(re.findall(r"(\w+):(\d+)", said.get("array_state_count", "")))
    number = {name.lower(): int(count) for name, count in tasks.items()}
    if state is JobState.FAILED and status is not None and status < 0 and not comment:
        comment = f"exit status {status} of the scheduler's own"
    return SchedulerJob(
        id=key,
        state=state,
        raw=word or "no job_state",
        reason=comment if is_waiting or state.is_over else "",
        will_never_start=is_waiting and comment.startswith("Can Never Run"),
        cancelled_by=by.group(1) if by and state is JobState.ABORTED else "",
        doubt=comment if is_told else "",
        exit_status=status if status is not None and 0 <= status < 128 else None,
        signal=status % 128 if status is not None and status > 128 else None,
        started_at=_moment(said.get("stime", said.get("start_time", ""))),
        ended_at=_moment(said.get("mtime", "")) if state.is_over else None,
        elapsed_s=used,
        limit_s=limit,
        nodes=said.get("exec_host", "").partition("/")[0],
        memory_mb=megabytes(
            said.get("resources_used.mem", "").replace("b", "").upper()
        ),
        tasks=sum(number.values()),
        tasks_done=number.get("expired", 0),
        tasks_running=number.get("running", 0),
    )


def _ended(
    status: int | None, used: float | None, limit: float | None, comment: str
) -> JobState:
    """How a job ended; being deleted and reaching the limit both give 271."""
    if status is None:
        is_deleted = re.search(r"(?i)deleted?\b|terminated", comment)
        return JobState.ABORTED if is_deleted else JobState.FAILED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 0:
        return JobState.SUCCEEDED
    if re.search(r"(?i)wall(?:time|clock).*exceed|exceed.*wall(?:time|clock)", comment):
        return JobState.TIMEOUT
    if re.search(r"(?i)\bv?mem\b.*exceed|exceed.*\bv?mem\b", comment):
        return JobState.OUT_OF_MEMORY
    if status in (271, 143, 265, 137):
        if used is not None and limit and used >= limit - 2.0:
            return JobState.TIMEOUT
        return JobState.ABORTED if status in (271, 143) else JobState.FAILED
    return JobState.FAILED
