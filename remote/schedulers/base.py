"""What every scheduler adapter is: arguments out, text in, states out.

Adapters do no input or output. What the agent must do on the cluster without asking
back is given to it as data: argument lists, and the patterns that find an id in what is
said. A row that cannot be read is kept as unknown with its raw text, and a query that
failed says nothing about any job.
"""

from __future__ import annotations

import re
import time
from calendar import timegm
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

from remote.views import JobState

#: words in an argument that the agent replaces
USER = "{user}"
IDS = "{ids}"
TOKEN_PREFIX = "cryodeck:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job asks its scheduler for."""

    job: str  # "AutoPick/job006"
    token: str
    ranks: int = 1
    threads: int = 1
    time_limit_s: int = 0  # 0: the site's own
    memory_mb: int = 0  # per node; 0: the site's own
    queue: str = ""
    account: str = ""
    gpus: int = 0  # per node
    gpu_type: str = ""
    gpu_request: str = ""  # the site's own words for GPUs, with {gpus} and {kind}
    parallel_environment: str = ""  # Grid Engine's name for what holds many slots
    arguments: tuple[str, ...] = ()  # further words for the submit command

    def gpu_words(self, otherwise: str) -> str:
        """How GPUs are asked for: the site's own words, else the scheduler's."""
        words = self.gpu_request or otherwise
        for name, value in (
            ("{gpus}", str(self.gpus)),
            ("{kind}", self.gpu_type),
            ("{ranks}", str(self.ranks)),
            ("{threads}", str(self.threads)),
        ):
            words = words.replace(name, value)
        return words.replace("::", ":")  # no kind

    @property
    def label(self) -> str:
        """Name of the job in the queue, safe with every scheduler."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.job) + "_" + self.token

    @property
    def warned_before_s(self) -> int:
        """How long before its time limit a job is warned; 0 if that is too short."""
        limit = self.time_limit_s
        return min(300, max(60, limit // 20)) if limit >= 600 else 0

    @property
    def short_label(self) -> str:
        """The same in fifteen characters, for old PBS."""
        number = self.job.rpartition("/")[2]
        return re.sub(r"[^A-Za-z0-9]", "", f"{number}{self.token}")[:15]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A command that asks about jobs, and how to see which ones it told of.

    `pattern` finds with its first group the id of every job that needs no further
    query. `{user}` and `{ids}` in the arguments are filled in by the agent; with
    `per_id` the command is run once for each id.
    """

    name: str
    argv: tuple[str, ...]
    pattern: str = ""
    per_id: bool = False
    joined_by: str = ","  # "" gives every id a word of its own
    answers: tuple[int, ...] = (0,)  # exit statuses of a query that was answered
    env: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The query as the agent takes it."""
        return {
            "name": self.name,
            "argv": list(self.argv),
            "pattern": self.pattern,
            "per_id": self.per_id,
            "joined_by": self.joined_by,
            "answers": list(self.answers),
            "env": dict(self.env),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerJob:
    """What a scheduler says of one job."""

    id: str
    state: JobState
    raw: str  # the scheduler's own word for the state
    reason: str = ""  # in plain words: why it waits, or how it ended
    will_never_start: bool = False
    exit_status: int | None = None
    signal: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    expected_at: float | None = None  # when it may start
    elapsed_s: float | None = None
    limit_s: float | None = None
    nodes: str = ""
    cancelled_by: str = ""  # a user's name or number
    doubt: str = ""  # what it does not say about how the job ended
    memory_mb: float | None = None  # the most it used
    restarts: int = 0
    task: str = ""  # of an array: the one that the state and the reason are of
    tasks: int = 0  # of an array; 0 for other jobs
    tasks_done: int = 0  # whether well or not
    tasks_failed: int = 0
    tasks_running: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer to one query."""

    answered: bool
    jobs: dict[str, SchedulerJob] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    complaint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitCommand:
    """How to submit, and how to read what comes of it; all of it is data for the agent.

    `uncertain` matches complaints after which the job may exist nevertheless.
    """

    argv: tuple[str, ...]
    id_pattern: str
    uncertain: str
    reads_stdin: bool = False  # the script goes to standard input
    env: dict[str, str] = field(default_factory=dict)
    find: tuple[Query, ...] = ()  # queries whose pattern finds the token's id


class Scheduler(Protocol):
    """One kind of scheduler."""

    name: str
    #: program that submits a script; "" where none does
    submit_program: str
    #: variable that holds the job's id inside the job
    id_variable: str
    #: variable that counts how often the job was started again
    restart_variable: str
    #: shell words for a job array's task and for how many it has; "" outside of one
    array_task: str
    array_size: str

    def directives(self, wanted: Resources) -> list[str]:
        """First lines of the script that say what is asked for."""
        ...

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """How a script is submitted."""
        ...

    def queries(self) -> tuple[Query, ...]:
        """Queries for the state of jobs, in order; each for what the last left open."""
        ...

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Read what a query said."""
        ...

    def cancel_argv(self) -> tuple[str, ...]:
        """Command that cancels the job `{ids}`."""
        ...


def completed(job: SchedulerJob, other: SchedulerJob) -> SchedulerJob:
    """A job with what only the other answer knew."""
    missing = {
        spec.name: getattr(other, spec.name)
        for spec in fields(SchedulerJob)
        if getattr(job, spec.name) in (None, "", 0)
        and spec.name not in ("state", "will_never_start")
    }
    return replace(job, **missing)


_DURATION = re.compile(
    "(?:([0-9]{1,9})-)?(?:([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9})(?:[.][0-9]+)?"
)


def duration(text: str) -> float | None:
    """Seconds of D-HH:MM:SS, HH:MM:SS or MM:SS; None for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        match = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})()()", text.strip())
        if match is None:
            return None
    days, hours, minutes, seconds = (int(g) if g else 0 for g in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def whole(text: str) -> int | None:
    """The whole number that a text is; None if it is not one, or absurdly large."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def moment(text: str) -> float | None:
    """Seconds since 1970 of a whole number; None for 0 or anything else."""
    found = re.fullmatch(r"\s*([0-9]{1,18})\s*", text)
    return float(found.group(1)) or None if found else None


def clock(seconds: float) -> str:
    """A duration as HH:MM:SS, with days in front where there are any."""
    whole = round(seconds)
    days, rest = divmod(whole, 86400)
    text = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text


def megabytes(text: str) -> float | None:
    """Megabytes of 2872K, 1.5G, 300M; None for anything else."""
    match = re.fullmatch(r"([\d.]+)\s*([KMGTP]?)i?[Bb]?[nc]?", text.strip())
    if match is None:
        return None
    try:
        number = float(match.group(1))
    except ValueError:
        return None
    return number * 1024.0 ** ("KMGTP".index(match.group(2) or "M") - 1)


def ctime(text: str) -> float | None:
    """Seconds since 1970 of "Mon Nov 23 21:00:00 2026" in UTC; None otherwise."""
    words = " ".join(text.split())
    try:
        return float(timegm(time.strptime(words, "%a %b %d %H:%M:%S %Y")))
    except ValueError:
        return None


def iso_time(text: str) -> float | None:
    """Seconds since 1970 of "2026-11-23T21:00:00" in UTC; None for anything else."""
    try:
        return float(timegm(time.strptime(text.strip()[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return None
