"""LSF: bsub, bjobs, bkill."""

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
    megabytes,
    whole,
)
from remote.views import JobState

STATES = {
    "PEND": JobState.QUEUED,
    "WAIT": JobState.QUEUED,
    "PROV": JobState.QUEUED,
    "PSUSP": JobState.HELD,
    "RUN": JobState.RUNNING,
    "USUSP": JobState.SUSPENDED,
    "SSUSP": JobState.SUSPENDED,
    "DONE": JobState.SUCCEEDED,
    "EXIT": JobState.FAILED,
}
_REASONS = (
    (r"TERM_RUNLIMIT|TERM_CPULIMIT|TERM_DEADLINE|TERM_WINDOW", JobState.TIMEOUT),
    (r"TERM_MEMLIMIT|TERM_SWAP", JobState.OUT_OF_MEMORY),
    (r"TERM_OWNER|TERM_FORCE_OWNER|TERM_BUCKET_KILL", JobState.ABORTED),
    (r"TERM_ADMIN|TERM_FORCE_ADMIN|TERM_ORPHAN", JobState.ABORTED),
    (r"TERM_PREEMPT|TERM_REQUEUE|TERM_LOAD", JobState.PREEMPTED),
    (r"TERM_MC_RECALL|TERM_RC_RECLAIM", JobState.PREEMPTED),
    (r"TERM_ZOMBIE|TERM_REMOVE_HUNG_JOB", JobState.NODE_FAILURE),
)
#: the batch daemon of its node does not answer: it may run on, or not
_OUT_OF_CONTACT = ("UNKWN", "ZOMBI")
_END = re.compile(r"Done success|Exited|Completed <exit>|Termination request")
#: fields without free text first
_FIELDS = (
    "jobid jobindex stat exit_code run_time max_mem exec_host exit_reason pend_reason"
)


class Lsf:
    """The adapter."""

    name = "lsf"
    submit_program = "bsub"
    id_variable = "LSB_JOBID"
    restart_variable = "LSB_RESTART_COUNT"
    array_task = "${LSB_JOBINDEX#0}"
    array_size = "0"

    def directives(self, wanted: Resources) -> list[str]:
        """#BSUB lines; they are read from standard input."""
        lines = [
            f"-J {wanted.label}",
            f"-o {wanted.job}/run.out",
            f"-e {wanted.job}/run.err",
            "-rn",
            f"-n {wanted.ranks}",
        ]
        if wanted.threads > 1:
            lines.append(f'-R "affinity[core({wanted.threads})]"')
        if wanted.time_limit_s:
            minutes = -(-wanted.time_limit_s // 60)
            lines.append(f"-W {minutes // 60}:{minutes % 60:02d}")
        if wanted.memory_mb:
            lines.append(f'-R "rusage[mem={wanted.memory_mb}MB]"')
        if wanted.queue:
            lines.append(f"-q {wanted.queue}")
        if wanted.account:
            lines.append(f"-P {wanted.account}")
        if wanted.gpus:
            lines.append(wanted.gpu_words('-gpu "num={gpus}"'))
        return [f"#BSUB {line}" for line in lines]

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Bsub with the script on standard input, or it would ignore the directives."""
        find = Query(
            name="bjobs by name",
            argv=(
                *("bjobs", "-a", "-noheader", "-u", USER),
                *("-J", wanted.label, "-o", "jobid"),
            ),
            pattern=r"^(\d+)\s*$",
            answers=(0, 255),
        )
        return SubmitCommand(
            argv=("bsub", "-J", wanted.label, *wanted.arguments),
            id_pattern=r"^Job <(\d+)> is submitted",
            uncertain=r"(?i)timed? ?out|cannot (?:connect|contact)|LSF is down|"
            r"connection|batch daemon not responding|retry",
            reads_stdin=True,
            find=(find,),
        )

    def queries(self) -> tuple[Query, ...]:
        """One listing, with those that ended within an hour; then the history."""
        fields = f"{_FIELDS} delimiter='|'"
        argv = ("bjobs", "-a", "-noheader", "-o", fields, IDS)
        listing = Query(
            name="bjobs",
            argv=argv,
            pattern=r"^(\d+)\|",
            joined_by="",
            answers=(0, 255),
        )
        history = Query(
            name="bhist",
            argv=("bhist", "-l", IDS),
            pattern=r"^Job <(\d+)",
            per_id=True,
            answers=(0, 255),
        )
        return listing, history

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Rows of bjobs, or what bhist tells; unknown ids are among the errors."""
        if query == "bhist":
            return _history(exit_status, out, err)
        is_known = exit_status == 0 or "is not found" in err + out
        if exit_status not in (0, 255) or not (is_known or out.strip()):
            return Listing(answered=False, complaint=" ".join(err.split())[:300])
        jobs: dict[str, SchedulerJob] = {}
        unread = []
        for line in out.splitlines():
            parts = [part.strip() for part in line.split("|", 8)]
            if len(parts) == 9 and parts[0].isdigit():
                task = parts.pop(1)
                parts[0] += f"_{task}" if task.strip("0-") else ""
                jobs[parts[0]] = _job(parts)
            elif re.match(r"\d+\|", line):
                key = line.partition("|")[0]
                jobs[key] = SchedulerJob(id=key, state=JobState.UNKNOWN, raw=line)
            elif line.strip() and "is not found" not in line:
                unread.append(line)
        return Listing(answered=True, jobs=jobs, unread=tuple(unread))

    def cancel_argv(self) -> tuple[str, ...]:
        """Bkill."""
        return ("bkill", IDS)


def _job(parts: list[str]) -> SchedulerJob:
    key, word, code, took, memory, host, ended, waits = parts
    state = STATES.get(word, JobState.UNKNOWN)
    if word == "EXIT":
        for pattern, meant in _REASONS:
            if re.search(pattern, ended):
                state = meant
                break
    status = whole(code)
    seconds = re.match(r"(\d+) second", took)
    reason = waits if state in (JobState.QUEUED, JobState.HELD) else ended
    if word in _OUT_OF_CONTACT:
        reason = f"its node does not answer LSF ({word}); it may still run"
    return SchedulerJob(
        id=key,
        state=state,
        raw=word,
        reason="" if reason == "-" else reason,
        exit_status=status if status is not None and status < 128 else None,
        signal=status - 128 if status is not None and status > 128 else None,
        elapsed_s=float(seconds.group(1)) if seconds else None,
        nodes="" if host == "-" else host.partition(":")[0],
        memory_mb=_memory(memory),
        cancelled_by="root" if re.search("TERM_(?:FORCE_)?ADMIN", ended) else "",
    )


#: lines go on after 21 blanks; one more is a blank of the text itself
_WRAPPED = re.compile(r"\n(?: {21}| {15,20}(?=\S))")


def _history(exit_status: int | None, out: str, err: str) -> Listing:
    """The ends of jobs in `bhist -l`, whose lines are broken anywhere."""
    jobs: dict[str, SchedulerJob] = {}
    for text in re.split(r"^(?=Job <)", out, flags=re.MULTILINE):
        head = re.match(r"Job <(\d+)(?:\[(\d+)\])?>", text)
        if head is None:
            continue
        key = head.group(1) + (f"_{head.group(2)}" if head.group(2) else "")
        said = _WRAPPED.sub("", text)
        events = re.findall(r"^\w{3} \w{3} [ \d]\d [\d:]{8}: (.*)$", said, re.MULTILINE)
        ends = [event for event in events if _END.match(event)]
        if not ends:
            continue  # it is still in the queue; bjobs tells of that
        code = re.search(r"exit code (\d+)|by signal (\d+)", " ".join(ends))
        status = int(code.group(1) or 128 + int(code.group(2))) if code else None
        word = "DONE" if "Done success" in " ".join(ends) else "EXIT"
        reason = re.search(r"TERM_[^;]*", " ".join(ends))
        host = re.search(r"(?:Dispatched|dispatched).*?<(?:\d+\*)?([^>]+)>", said)
        memory = re.search(r"MAX MEM: ([\d.]+ [KMGT]bytes)", said)
        jobs[key] = _job(
            [
                *(key, word, str(status) if status is not None else "-", "-"),
                *(memory.group(1) if memory else "-", host.group(1) if host else "-"),
                *(reason.group().strip(" .") if reason else "-", "-"),
            ]
        )
    is_known = bool(jobs) or exit_status == 0 or "No matching job" in out + err
    return Listing(answered=is_known, jobs=jobs, complaint=" ".join(err.split())[:300])


def _memory(text: str) -> float | None:
    match = re.match(r"([\d.]+) ([KMGT])(?:bytes)?", text)
    return megabytes(match.group(1) + match.group(2)) if match else None
