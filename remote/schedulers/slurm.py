"""Slurm: sbatch, squeue, sacct, scontrol, scancel."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from remote.schedulers.base import (
    IDS,
    TOKEN_PREFIX,
    USER,
    Listing,
    Query,
    Resources,
    SchedulerJob,
    SubmitCommand,
    duration,
    megabytes,
    moment,
    whole,
)
from remote.schedulers.reasons import explain_wait
from remote.views import JobState

STATES = {
    "PENDING": JobState.QUEUED,
    "CONFIGURING": JobState.QUEUED,
    "REQUEUED": JobState.QUEUED,
    "REQUEUE_FED": JobState.QUEUED,
    "REQUEUE_HOLD": JobState.HELD,
    "SPECIAL_EXIT": JobState.HELD,
    "RESV_DEL_HOLD": JobState.HELD,
    "RUNNING": JobState.RUNNING,
    "SIGNALING": JobState.RUNNING,
    "RESIZING": JobState.RUNNING,
    "STAGE_OUT": JobState.FINISHING,
    "COMPLETING": JobState.FINISHING,
    "SUSPENDED": JobState.SUSPENDED,
    "STOPPED": JobState.SUSPENDED,
    "COMPLETED": JobState.SUCCEEDED,
    "FAILED": JobState.FAILED,
    "BOOT_FAIL": JobState.NODE_FAILURE,
    "LAUNCH_FAILED": JobState.FAILED,
    "RECONFIG_FAIL": JobState.NODE_FAILURE,
    "CANCELLED": JobState.ABORTED,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "OUT_OF_MEMORY": JobState.OUT_OF_MEMORY,
    "NODE_FAIL": JobState.NODE_FAILURE,
    "PREEMPTED": JobState.PREEMPTED,
    "REVOKED": JobState.PREEMPTED,
}
_LIVE = "|".join(word for word, state in STATES.items() if not state.is_over)
#: times as seconds since 1970, whatever the site's time zone
_ENV = {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}  # and arrays in full
# the fields that may hold anything come last
_QUEUE_FIELDS = "%i|%T|%M|%l|%S|%N|%r|%R"
_HISTORY_FIELDS = (
    "JobID,State,ExitCode,Elapsed,Timelimit,Start,End,NodeList,MaxRSS,Reason"
)
_ID = r"\d+(?:_\d+|_\[[^|\n]*\])?(?:\+\d+)?"
_ID_ALONE = re.compile(_ID + r"(?:\.[A-Za-z0-9_+]+)?(?=\||$)")
UNCERTAIN = (
    r"(?i)timed out|timeout|Unable to contact|Zero Bytes|Connection (?:refused|reset)|"
    r"Transport endpoint|Unexpected message|Communication|Munge|authentication|"
    r"temporarily|I/O error|slurm_receive_msg"
)


class Slurm:
    """The adapter."""

    name = "slurm"
    submit_program = "sbatch"
    id_variable = "SLURM_JOB_ID"
    restart_variable = "SLURM_RESTART_COUNT"
    array_task = "${SLURM_ARRAY_TASK_ID:-}"
    array_size = "${SLURM_ARRAY_TASK_COUNT:-0}"

    def directives(self, wanted: Resources) -> list[str]:
        """#SBATCH lines; what is empty has no line."""
        lines = [
            f"--job-name={wanted.label}",
            f"--comment={TOKEN_PREFIX}{wanted.token}",
            f"--output={wanted.job}/run.out",
            f"--error={wanted.job}/run.err",
            "--open-mode=append",
            "--no-requeue",
            f"--ntasks={wanted.ranks}",
            f"--cpus-per-task={wanted.threads}",
        ]
        if wanted.time_limit_s:
            lines.append(f"--time={-(-wanted.time_limit_s // 60)}")
            if wanted.warned_before_s:
                lines.append(f"--signal=B:USR1@{wanted.warned_before_s}")
        if wanted.memory_mb:
            lines.append(f"--mem={wanted.memory_mb}M")
        if wanted.queue:
            lines.append(f"--partition={wanted.queue}")
        if wanted.account:
            lines.append(f"--account={wanted.account}")
        if wanted.gpus:
            lines.append(wanted.gpu_words("--gres=gpu:{kind}:{gpus}"))
        return [f"#SBATCH {line}" for line in lines]

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Sbatch, with the token in name and comment whatever the script says."""
        argv = ["sbatch", "--parsable", f"--job-name={wanted.label}"]
        argv += [f"--comment={TOKEN_PREFIX}{wanted.token}", "--no-requeue"]
        argv += [*wanted.arguments, script]
        by_comment = Query(
            name="squeue by token",
            argv=("squeue", "-h", "-t", "all", "-u", USER, "-o", "%i|%k|%j"),
            pattern=rf"^(\d+)(?:[_+][^|\n]*)?\|[^\n]*{wanted.token}",
        )
        by_name = Query(
            name="sacct by token",
            argv=(
                *("sacct", "-X", "-n", "-P", "-u", USER),
                *("-S", "now-3days", "-o", "JobID,JobName"),
            ),
            pattern=rf"^(\d+)(?:[_+][^|\n]*)?\|[^\n]*{wanted.token}",
        )
        return SubmitCommand(
            argv=tuple(argv),
            id_pattern=r"^(?:Submitted batch job )?(\d+)(?:;\S+)?[ \t\r]*$",
            uncertain=UNCERTAIN,
            find=(by_comment, by_name),
        )

    def queries(self) -> tuple[Query, ...]:
        """The queue; accounting for ended jobs; the controller's memory at last."""
        queue = Query(
            name="squeue",
            argv=("squeue", "-h", "-t", "all", "-u", USER, "-o", _QUEUE_FIELDS),
            # of an array the tasks that have left the queue are asked about as well
            pattern=rf"^(\d+)(?:\+\d+)?\|(?:{_LIVE})\|",
            env=_ENV,
        )
        history = Query(
            name="sacct",
            argv=("sacct", "-n", "-P", "-j", IDS, "-o", _HISTORY_FIELDS),
            pattern=r"^(\d+)(?:_[^|\n]*\||(?:\+\d+)?\|"
            r"(?!PENDING|RUNNING|COMPLETING|REQUEUED|SUSPENDED))[A-Z]",
            env=_ENV,
        )
        memory = Query(
            name="scontrol",
            argv=("scontrol", "-o", "show", "job", IDS),
            pattern=r"^JobId=(\d+) ",
            per_id=True,
            env=_ENV,
        )
        return queue, history, memory

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Read what squeue, sacct or scontrol said."""
        if query == "squeue":
            return _rows(exit_status, out, err, 8, _queue_row)
        if query == "sacct":
            if "accounting storage is disabled" in out + err:
                return Listing(answered=False, complaint="accounting is disabled")
            return _with_steps(_rows(exit_status, out, err, 10, _history_row))
        return _parse_scontrol(exit_status, out, err)

    def cancel_argv(self) -> tuple[str, ...]:
        """Scancel; it says nothing about jobs that are gone already."""
        return ("scancel", IDS)


def state_of(word: str) -> JobState:
    """State of Slurm's word; an unknown word is unknown, not failed."""
    plain = word.split(" ")[0].rstrip("+").upper()
    return STATES.get(plain, JobState.UNKNOWN)


def _rows(
    exit_status: int | None,
    out: str,
    err: str,
    fields: int,
    read: Callable[[list[str]], SchedulerJob],
) -> Listing:
    """Jobs of lines with fields apart by bars; the last field may hold bars."""
    if exit_status != 0:
        return Listing(answered=False, complaint=_complaint(err or out))
    jobs: dict[str, SchedulerJob] = {}
    unread = []
    for line in out.splitlines():
        parts = line.split("|", fields - 1)
        if len(parts) == fields and _ID_ALONE.fullmatch(parts[0].strip()):
            jobs[parts[0].strip()] = read([part.strip() for part in parts])
        elif line.strip():
            unread.append(line)
            broken = _ID_ALONE.match(line.strip())
            if broken is not None:
                key = broken.group()
                jobs.setdefault(
                    key, SchedulerJob(id=key, state=JobState.UNKNOWN, raw=line)
                )
    return Listing(
        answered=True, jobs=jobs, unread=tuple(unread), complaint=_complaint(err)
    )


def _queue_row(fields: list[str]) -> SchedulerJob:
    key, word, elapsed, limit, start, nodes, reason, detail = fields
    state = state_of(word)
    words, will_never_start = "", False
    if state in (JobState.QUEUED, JobState.HELD):
        words, is_held, will_never_start = explain_wait(reason, detail)
        state = JobState.HELD if is_held else state
    elif state.is_over and reason not in ("None", "(null)", ""):
        words = reason
    is_waiting = state in (JobState.QUEUED, JobState.HELD)
    began, took = moment(start), duration(elapsed)
    ended = None
    if state.is_over and began is not None and took is not None:
        ended = began + took
    return SchedulerJob(
        id=key,
        state=state,
        raw=word,
        reason=words,
        will_never_start=will_never_start,
        started_at=None if is_waiting else began,
        ended_at=ended,
        expected_at=moment(start) if is_waiting else None,
        elapsed_s=None if is_waiting else took,
        limit_s=duration(limit),
        nodes=nodes,
    )


def _history_row(fields: list[str]) -> SchedulerJob:
    key, word, code, elapsed, limit, start, end, nodes, memory, reason = fields
    status, _, signal = code.partition(":")
    by = re.match(r"CANCELLED by (\S+)", word)
    state = state_of(word)
    is_plain = reason in ("None", "") or not state.is_over
    return SchedulerJob(
        id=key,
        state=state,
        raw=word,
        reason="" if is_plain else reason,
        exit_status=whole(status),
        signal=whole(signal) or None,
        started_at=moment(start),
        ended_at=moment(end) if state.is_over else None,
        elapsed_s=duration(elapsed),
        limit_s=duration(limit),
        nodes="" if nodes == "None assigned" else nodes,
        cancelled_by=by.group(1) if by else "",
        memory_mb=megabytes(memory),
    )


def _with_steps(listing: Listing) -> Listing:
    """The jobs alone, each with its steps' memory; a step out of memory tells."""
    jobs: dict[str, SchedulerJob] = {}
    for key, job in listing.jobs.items():
        step = re.fullmatch(r"(.*)\.[A-Za-z0-9_+]+", key)
        if step is None:
            jobs[key] = replace(job, memory_mb=job.memory_mb)
            continue
        whole = step.group(1)
        known = jobs.get(whole)
        if known is None:
            continue
        memory = max(known.memory_mb or 0.0, job.memory_mb or 0.0) or None
        known = replace(known, memory_mb=memory)
        is_memory = job.state is JobState.OUT_OF_MEMORY
        if is_memory and known.state in (JobState.FAILED, JobState.SUCCEEDED):
            known = replace(known, state=JobState.OUT_OF_MEMORY, raw=job.raw)
        jobs[whole] = known
    return replace(listing, jobs=jobs)


def _parse_scontrol(exit_status: int | None, out: str, err: str) -> Listing:
    """Jobs of `scontrol -o show job`; names before the fields may hold anything."""
    jobs = {}
    for text in re.split(r"^(?=JobId=\d+ )", out, flags=re.MULTILINE):
        head = _HEAD.match(text)
        if head is None:
            continue
        key = _key(*head.groups())
        state = re.search(r" Nice=.*? JobState=(\S+) Reason=(.*?) Dependency=", text)
        if state is None:
            jobs[key] = SchedulerJob(id=key, state=JobState.UNKNOWN, raw=text)
            continue
        tail = text[state.start() :]
        start, end = _field(tail, "StartTime"), _field(tail, "EndTime")
        code = _field(tail, "ExitCode")
        fields = [key, state.group(1), code, _field(tail, "RunTime")]
        fields += [_field(tail, "TimeLimit"), start, end, _field(tail, "NodeList")]
        row = _history_row([*fields, "", state.group(2)])
        restarts = _field(tail, "Restarts")
        jobs[key] = replace(row, restarts=whole(restarts) or 0)
    is_known = bool(jobs) or "Invalid job id" in err
    return Listing(answered=is_known, jobs=jobs, complaint=_complaint(err))


_HEAD = re.compile(
    r"JobId=(\d+) (?:ArrayJobId=(\d+) ArrayTaskId=(\S+) )?(?:ArrayTaskThrottle=\d+ )?"
    r"(?:HetJobId=(\d+) HetJobOffset=(\d+) )?"
)


def _key(
    number: str, array: str | None, task: str | None, het: str | None, part: str | None
) -> str:
    """Id as squeue would write it."""
    if array and task:
        return f"{array}_{task}" if task.isdigit() else f"{array}_[{task}]"
    return f"{het}+{part}" if het and part else number


def _field(text: str, name: str) -> str:
    match = re.search(rf" {name}=(\S*)", text)
    value = match.group(1) if match else ""
    return "" if value in ("(null)", "Unknown", "None", "N/A") else value


def _complaint(err: str) -> str:
    return " ".join(err.split())[:300]
