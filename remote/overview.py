"""A project's jobs as rows, put together from what the agent tells bit by bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.errors import InputError
from engine.jobs.registry import find
from engine.project.layout import job_number, neutral_label, node_kind
from remote.schedulers.base import Listing, Scheduler, SchedulerJob
from remote.schedulers.merging import merged
from remote.verdict import Judgement, Seen, is_put_back, judge
from remote.views import JobRow, Node, Overview, Progress, Reached

SETTLED_S = 30.0  # so long a finished job's row may stand before it is made anew


@dataclass(slots=True)
class _Settled:
    """A finished job's judgement and row, good while its facts are the same."""

    facts: dict[str, Any]
    at: float
    judgement: Judgement
    row: JobRow | None = None


@dataclass(slots=True)
class _Absence:
    """How often the scheduler answered without knowing a job."""

    first: float
    last: float
    polls: int = 1


@dataclass(slots=True)
class Picture:
    """What is known of a project so far; `take` adds an answer of the agent's."""

    scheduler: Scheduler
    epoch: str = ""
    generation: int = -1
    version: str = ""
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    listing: Listing = field(default_factory=lambda: Listing(answered=False))
    users: dict[str, str] = field(default_factory=dict)
    asked_at: float | None = None
    taken_at: float = 0.0
    looked_at: float = 0.0
    warnings: tuple[str, ...] = ()
    _absent: dict[str, _Absence] = field(default_factory=dict)
    _settled: dict[str, _Settled] = field(default_factory=dict)

    @property
    def since(self) -> list[Any] | None:
        """What the agent need not tell again."""
        return [self.epoch, self.generation] if self.epoch else None

    def take(self, said: dict[str, Any]) -> None:
        """Add an answer of `overview.look`."""
        if said["full"]:
            self.facts = {}
        for name in said["gone"]:
            self.facts.pop(name, None)
        for one in said["jobs"]:
            self.facts[one["name"]] = one
        self.epoch, self.generation = said["epoch"], said["generation"]
        self.version, self.taken_at = said["version"], said["taken_at"]
        self.looked_at = said.get("looked_at", self.taken_at)
        warnings = list(said["warnings"])
        if said["answers"]:
            self._take_answers(said)
        if said["complaint"]:
            warnings.append(f"the scheduler does not answer: {said['complaint']}")
        if self.listing.unread:
            warnings.append(f"the scheduler says what is not understood: "
                            f"{self.listing.unread[0][:200]!r}")  # fmt: skip
        self.warnings = tuple(warnings)

    def _take_answers(self, said: dict[str, Any]) -> None:
        listings = [
            self.scheduler.parse(a["query"], a["exit_status"], a["out"], a["err"])
            for a in said["answers"]
        ]
        self.users.update(said["users"])
        if said["asked_at"] is None:
            return
        self.listing = merged(listings)
        self.asked_at = said["asked_at"]
        for one in self.facts.values():
            entry = one.get("entry") or {}
            key = entry.get("id", "")
            if not key or entry.get("scheduler") != self.scheduler.name:
                continue
            if key in self.listing.jobs or self.asked_at <= entry.get("answered_at", 0):
                self._absent.pop(key, None)
            elif key not in self._absent:
                self._absent[key] = _Absence(self.asked_at, self.asked_at)
            elif self.asked_at > self._absent[key].last:
                self._absent[key].polls += 1
                self._absent[key].last = self.asked_at

    def seen(self, one: dict[str, Any]) -> Seen:
        """All that is known about one job."""
        key = (one.get("entry") or {}).get("id", "")
        absence = self._absent.get(key)
        return Seen(
            facts=one,
            job=self.listing.jobs.get(key) if key else None,
            taken_at=self.taken_at,
            looked_at=self.looked_at,
            asked_at=self.asked_at,
            absent_polls=absence.polls if absence else 0,
            absent_s=absence.last - absence.first if absence else 0.0,
            users=self.users,
        )

    def judgements(self, names: Iterable[str]) -> dict[str, Judgement]:
        """Verdict on each of these jobs; on finished ones not always a new one."""
        found = {}
        for name in names:
            one = self.facts[name]
            kept = self._settled.get(name)
            if (
                kept is not None
                and kept.facts is one
                and self.taken_at - kept.at < SETTLED_S
            ):
                found[name] = kept.judgement
                continue
            found[name] = judge(self.seen(one))
            if _is_settled(one):
                self._settled[name] = _Settled(one, self.taken_at, found[name])
            else:
                self._settled.pop(name, None)
        return found

    def rows(self, judgements: dict[str, Judgement]) -> list[JobRow]:
        """One row for each judgement."""
        found = []
        for name, judgement in judgements.items():
            kept = self._settled.get(name)
            if kept is None or kept.judgement is not judgement:
                found.append(self._row(self.facts[name], judgement))
                continue
            if kept.row is None:
                kept.row = self._row(kept.facts, judgement)
            found.append(kept.row)
        return found

    def put_back(self) -> list[str]:
        """Jobs that count as ended, though their scheduler will start them again."""
        return [
            name
            for name, one in self.facts.items()
            if one["status"] in ("Failed", "Aborted")
            and "verdict" not in (one.get("entry") or {"verdict": ""})
            and is_put_back(self.seen(one))
        ]

    def overview(self, project: str, rows: Iterable[JobRow]) -> Overview:
        """The rows, in the order of the jobs' numbers."""
        self._settled = {n: one for n, one in self._settled.items() if n in self.facts}
        return Overview(
            project=project,
            version=self.version,
            jobs=tuple(sorted(rows, key=lambda row: row.number)),
            taken_at=self.taken_at,
            scheduler_asked_at=self.asked_at,
            warnings=self.warnings,
        )

    def _row(self, one: dict[str, Any], judgement: Judgement) -> JobRow:
        entry = one.get("entry") or {}
        key = entry.get("id", "")
        job = self.listing.jobs.get(key) if key else None
        of = one.get("reached")
        return JobRow(
            name=one["name"],
            number=job_number(one["name"]),
            type=type_key(one["type"], one["name"]),
            type_label=one["type"],
            alias=one["alias"],
            status=one["status"],
            verdict=judgement.verdict,
            progress=_progress(one.get("progress")),
            started_at=_time(one.get("started")) or (job.started_at if job else None),
            ended_at=_ended_at(one, job),
            modified_at=one.get("modified_at"),
            inputs=tuple(one["inputs"]),
            outputs=tuple(_node(path, label) for path, label in one["outputs"]),
            scheduler_id=shown_id(entry),
            summary=one.get("summary") or "",
            reached=Reached(done=of[0], total=of[1]) if of else None,
            continue_from=_path(one["name"], one.get("optimiser")),
        )


def _is_settled(one: dict[str, Any]) -> bool:
    """Whether nothing but new facts can change what is said of a job."""
    if one.get("submitting") or one["status"] in ("Running", "Scheduled"):
        return False
    entry = one.get("entry") or {}
    return one["status"] == "Succeeded" or not entry or "verdict" in entry


def shown_id(entry: dict[str, Any]) -> str:
    """Id of a submission as people know it; for processes HOST:NUMBER."""
    key = str(entry.get("id", ""))
    return key.rpartition(":")[0] if entry.get("scheduler") == "shell" else key


def type_key(label: str, name: str) -> str:
    """Registry key of a type; the folder's name in lower case if it is unknown."""
    try:
        return find(label).key
    except InputError:
        return name.partition("/")[0].lower()


def _node(path: str, label: str) -> Node:
    neutral = neutral_label(label, path)
    return Node(name=path, kind=node_kind(neutral, path), label=label)


def _path(job: str, name: str | None) -> str:
    return f"{job}/{name}" if name else ""


def _time(values: dict[str, str] | None) -> float | None:
    text = (values or {}).get("time", "")
    return float(text) if text.isdigit() else None


def _ended_at(one: dict[str, Any], job: SchedulerJob | None) -> float | None:
    if one["status"] in ("Running", "Scheduled") and not one.get("marker"):
        return None
    known = _time(one.get("ended")) or (job.ended_at if job else None)
    return known or one.get("marker_at")


def _progress(said: dict[str, Any] | None) -> Progress | None:
    step = (said or {}).get("step")
    if not said or not step:
        return None
    numbers = [step.get("done"), step.get("total")]
    if not all(isinstance(n, int | float) for n in numbers):
        return None
    return Progress(
        kind=str(said["last"]),
        done=float(numbers[0]),
        total=float(numbers[1]),
        unit=str(step.get("unit", "")),
        started_at=float(said["started_at"]),
        at=float(step["t"]),
    )


def certain(judgements: dict[str, Judgement]) -> Sequence[str]:
    """Jobs on which the last word has been said."""
    return [name for name, judgement in judgements.items() if judgement.is_certain]
