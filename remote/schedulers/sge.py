"""Grid Engine (SGE, UGE, SoGE): qsub, qstat, qacct, qdel."""

from __future__ import annotations

import re
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
    megabytes,
)
from remote.views import JobState

_ENV = {"TZ": "UTC0"}  # times come without a zone


class Sge:
    """The adapter."""

    name = "sge"
    id_variable = "JOB_ID"
    restart_variable = "RESTARTED"

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
            lines.append(f"-l gpu={wanted.gpus}")
        return [f"#$ {line}" for line in lines]

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Qsub, with the token in the job's name."""
        slots = wanted.ranks * wanted.threads
        argv = ["qsub", "-terse", "-N", wanted.label]
        if slots > 1 and "-pe" not in wanted.arguments:
            argv += ["-pe", "mpi", str(slots)]
        find = Query(
            name="qstat by name",
            argv=("qstat", "-xml", "-u", USER),
            pattern=r"<JB_job_number>(\d+)</JB_job_number>"
            rf"(?:(?!</job_list>)[\s\S])*?{wanted.token}",
        )
        return SubmitCommand(
            argv=(*argv, *wanted.arguments, script),
            id_pattern=r"^(?:Your job(?:-array)? )?(\d+)(?:\.\d+-\d+:\d+)?\b",
            uncertain=r"(?i)timed? ?out|unable to (?:contact|send|receive)|commlib|"
            r"can't connect|connection|got no response",
            find=(find,),
        )

    def queries(self) -> tuple[Query, ...]:
        """The queue of the account; accounting for each id that has left it."""
        queue = Query(
            name="qstat",
            argv=("qstat", "-xml", "-u", USER),
            pattern=r"<JB_job_number>(\d+)</JB_job_number>",
        )
        history = Query(
            name="qacct",
            argv=("qacct", "-j", IDS),
            pattern=r"^jobnumber\s+(\d+)",
            per_id=True,
            env=_ENV,
        )
        return queue, history

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Jobs of `qstat -xml` or `qacct -j`."""
        if query == "qacct":
            return _accounting(exit_status, out, err)
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
            if key:
                jobs[key] = _queued(key, row)
        return Listing(answered=True, jobs=jobs)

    def cancel_argv(self) -> tuple[str, ...]:
        """Qdel."""
        return ("qdel", IDS)


def state_of(letters: str) -> JobState:
    """State of a set of letters: "qw", "hqw", "Rr", "dr", "Eqw"."""
    if "E" in letters:
        return JobState.FAILED
    if "d" in letters:
        return JobState.FINISHING
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
    if state is JobState.FAILED:
        reason = f"it could not be started; `qstat -j {key}` says why"
    elif state is JobState.HELD:
        reason = "held (qrls lets it go)"
    elif state is JobState.QUEUED:
        reason = "waiting for free slots"
    host = (row.findtext("queue_name") or "").rpartition("@")[2]
    return SchedulerJob(id=key, state=state, raw=letters, reason=reason, nodes=host)


def _accounting(exit_status: int | None, out: str, err: str) -> Listing:
    jobs = {}
    for text in re.split(r"^=+$", out, flags=re.MULTILINE):
        found = re.findall(r"^(\w+)[ \t]+(.*)$", text, re.MULTILINE)
        said = {key: value.strip() for key, value in found}
        key = said.get("jobnumber", "")
        if key.isdigit():
            jobs[key] = _ended(key, said)
    is_known = bool(jobs) or "not found" in err + out
    return Listing(answered=is_known, jobs=jobs, complaint=" ".join(err.split())[:300])


def _ended(key: str, said: dict[str, str]) -> SchedulerJob:
    failed = re.match(r"(\d+)", said.get("failed", ""))
    code = int(failed.group(1)) if failed else 0
    text = said.get("exit_status", "").split(" ")[0]
    status = int(text) if text.isdigit() else None
    took = re.match(r"([\d.]+)", said.get("ru_wallclock", ""))
    memory = megabytes(said.get("maxvmem", ""))
    state = JobState.FAILED
    if code == 0 and status == 0:
        state = JobState.SUCCEEDED
    elif code == 37 or status in (138, 152):
        state = JobState.TIMEOUT
    elif said.get("deleted_by", "NONE") != "NONE" or status == 143:
        state = JobState.ABORTED
    elif code == 25:
        state = JobState.PREEMPTED
    words = said.get("failed", "").partition(":")[2].strip()
    return SchedulerJob(
        id=key,
        state=state,
        raw=f"failed {code}, exit_status {text}",
        reason=words,
        exit_status=status if status is not None and status < 128 else None,
        signal=status - 128 if status is not None and status > 128 else None,
        started_at=ctime(said.get("start_time", "")),
        ended_at=ctime(said.get("end_time", "")),
        elapsed_s=float(took.group(1)) if took else None,
        nodes=said.get("hostname", ""),
        cancelled_by=said.get("deleted_by", "").replace("NONE", ""),
        memory_mb=memory,
    )
