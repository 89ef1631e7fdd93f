"""What a cluster tells the person: plain frozen records, the same for every front end.

Times are seconds since 1970 on the cluster's clock unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class LinkState(StrEnum):
    """How a cluster can be reached at this moment."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"  # reconnecting by itself with back-off
    REFUSED = "refused"  # needs the person: host key, login


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The state of the link to one cluster."""

    state: LinkState
    reason: str = ""
    since: float = 0.0  # this machine's clock
    retry_at: float | None = None  # this machine's clock
    round_trip_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the link has carried, and what the agent has cost its login node."""

    link: Link
    host: str
    user: str
    session: str  # ssh, openssh, local
    connected_s: float
    clock_skew_s: float
    round_trips: int
    bytes_sent: int
    bytes_received: int
    pid: int
    cpu_s: float
    children_cpu_s: float  # sbatch, squeue and whatever else it has started
    memory: int
    memory_peak: int
    load: tuple[float, ...]
    cores: int
    limits: dict[str, float]
    is_limited: bool  # by the site's own file


@dataclass(frozen=True, slots=True, kw_only=True)
class HowFar:
    """How far a long question is: bytes or entries of a total, 0 if that is unknown."""

    done: int
    total: int
    found: int
    what: str  # was found so far: particles, picks, micrographs, entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The first entries of a folder, folders before files, and how many there are."""

    entries: tuple[
        dict[str, Any], ...
    ]  # name, is_dir, is_project, is_link, size, mtime
    total: int
    is_project: bool = False  # itself; known where only folders were asked for


class JobState(StrEnum):
    """The verdict on a job; see `remote.verdict`."""

    DRAFT = "draft"  # created, never started
    SUBMITTING = "submitting"
    QUEUED = "queued"
    HELD = "held"
    RUNNING = "running"
    SUSPENDED = "suspended"
    FINISHING = "finishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    NODE_FAILURE = "node failure"
    PREEMPTED = "preempted"
    LOST = "lost"  # nobody knows it any more and it left no verdict
    UNKNOWN = "unknown"

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more unless somebody acts."""
        return self in _OVER


_OVER = frozenset(
    {
        JobState.SUCCEEDED,
        JobState.FAILED,
        JobState.ABORTED,
        JobState.TIMEOUT,
        JobState.OUT_OF_MEMORY,
        JobState.NODE_FAILURE,
        JobState.PREEMPTED,
        JobState.LOST,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One source of what is known about a job."""

    name: str  # "pipeline", "marker", "scheduler", "exit status"
    says: str
    at: float | None  # when it was asked or written; None: never answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a job's witnesses amount to, with the reason in words."""

    state: JobState
    reason: str
    advice: str = ""
    witnesses: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job has come, from the last record of progress.jsonl."""

    kind: str
    done: float
    total: float
    unit: str
    started_at: float
    at: float

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the average speed so far; None before the first step."""
        if self.done <= 0 or self.total <= 0:
            return None
        return max(
            0.0, (self.at - self.started_at) / self.done * (self.total - self.done)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Micrographs that are done, and how many there are, of all runs of a job."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A file that one job makes and others may use."""

    name: str  # path relative to the project
    kind: str  # 4.0 label without suffixes, e.g. "MicrographsData", "ParticlesData"
    label: str  # as it stands in the pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job as the list shows it."""

    name: str  # "AutoPick/job006"
    number: int
    type: str  # registry key: "autopick"; the folder's name in lower case if unknown
    type_label: str  # as it stands in the pipeline: "relion.autopick.log" or "4"
    alias: str  # "" if none
    status: str  # RELION's word: Running, Scheduled, Succeeded, Failed, Aborted
    verdict: Verdict
    progress: Progress | None = None
    started_at: float | None = None
    ended_at: float | None = None
    modified_at: float | None = None
    inputs: tuple[str, ...] = ()  # names of jobs that feed this one
    outputs: tuple[Node, ...] = ()
    scheduler_id: str = ""
    summary: str = ""  # one line: "3 micrographs, 412 particles"
    reached: Reached | None = None  # of a job over micrographs
    continue_from: str = ""  # newest whole iteration: ".../run_it017_optimiser.star"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A project in one round trip."""

    project: str
    version: str  # "3.1", "4.0" or "5.0": the layout of default_pipeline.star
    jobs: tuple[JobRow, ...]
    taken_at: float
    scheduler_asked_at: float | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """A folder that is a project now, or was one before."""

    path: str
    version: str  # of its layout
    why: str  # this version
    is_new: bool = True

    @property
    def words(self) -> str:
        """What became of the folder, in a sentence."""
        if not self.is_new:
            return (
                f"{self.path}: a RELION {self.version} project already, left as it is"
            )
        return f"{self.path}: a RELION {self.version} project now; {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """Bytes of a growing file from an offset, decoded, control characters kept out.

    `text` holds whole lines as they look after carriage returns have done their work;
    `partial` is the unfinished last line (a progress bar, say): shown, not kept.
    """

    path: str
    offset: int  # where the next read begins
    size: int
    text: str
    partial: str = ""
    was_truncated: bool = False  # the file is shorter than before: start anew
    start: int = 0  # where `text` begins


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Whole lines of a log between two offsets, as they look once printed."""

    start: int
    end: int
    text: str
    size: int
    line: int = -1  # the one that was looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFound:
    """What a search in a log came to.

    Without a page and not over, its time was spent: it goes on from `reached`.
    """

    path: str
    size: int
    reached: int
    is_over: bool
    page: LogPage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a log that was looked for."""

    offset: int
    number: int  # lines before it
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Lines of a log that were looked for; those beyond a number are only counted."""

    path: str
    size: int
    hits: tuple[LogLine, ...]
    count: int
    lines: int  # of the log, looked through
    reached: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class Scores:
    """The engine's scores of an iteration, 0 to 1, by the class's number from 1."""

    classes: dict[int, float]
    particles: dict[int, list[int]]  # of each class, by equal steps of their score

    def below(self, least: float, numbers: Iterable[int]) -> tuple[int, int]:
        """About how many particles of some classes score less, and how many they are.

        Exact at the borders of the steps.
        """
        rows = [self.particles[n] for n in numbers if n in self.particles]
        left = sum(sum(row[: round(least * len(row))]) for row in rows)
        return left, sum(map(sum, rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A grey picture reduced where the data are.

    `pixels` are rows of `width` bytes, 0 black to 255 white, after contrast stretching.
    """

    width: int
    height: int
    pixels: bytes
    source_width: int  # pixels of the file
    source_height: int
    pixel_size: float  # Å per pixel of the file; 0 if unknown
    binning: float  # file pixels per picture pixel
    label: str = ""
    on_its_way_s: float = 0.0  # what was not spent on making it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ctf:
    """Contrast transfer function of a micrograph, as its list has it."""

    defocus_u: float  # Å
    defocus_v: float
    voltage: float  # kV
    cs: float  # mm
    amplitude: float
    angle: float = 0.0  # degrees, of the first defocus
    phase_shift: float = 0.0  # degrees
    resolution: float = 0.0  # Å, to which the fit is good; 0 if not said


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """Coordinates on one micrograph, in pixels of the micrograph file."""

    micrograph: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    fom: tuple[float, ...]  # empty if the file has none
    class_number: tuple[int, ...] = ()
    psi: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPicks:
    """All picks of a picking job; `map_count` micrographs have kept FOM maps."""

    job: str
    picks: tuple[Picks, ...]  # in the order of the input, those that are done
    pixel_size: float  # Å; 0 if unknown
    map_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PickSheet:
    """One coordinate file as text; `version` tells it from another, "" if none."""

    micrograph: str
    text: str
    version: str
    layout: str  # of the project: "3.1", "4.0" or "5.0"
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandTable:
    """Micrographs of a job that is done by hand, as `Workspace.hand_table` gives it."""

    job: str
    layout: str
    picks_job: str  # whose coordinates are shown; "" if the job has none
    source: str  # the list of micrographs
    selection: str  # tells the saved selection from another; "" if none
    micrographs: tuple[dict[str, Any], ...]  # name, picks, defocus, ctf_..., selected


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a finished or running job came to; see docs/statistics.md for `values`."""

    job: str
    type: str
    values: dict[str, Any]
    taken_at: float
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `doctor`'s report."""

    check: str
    level: str  # "ok", "warning", "problem"
    says: str
    advice: str = ""
