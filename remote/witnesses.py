"""The witnesses of a verdict: who says what about a job, and when they said it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remote.verdict_words import array_words, progress_words
from remote.views import Witness

if TYPE_CHECKING:
    from remote.verdict import Seen


def witnesses(seen: Seen) -> list[Witness]:
    """What each has to say about a job, with its age."""
    found = [Witness(name="pipeline", says=seen.status, at=seen.taken_at)]
    if seen.marker:
        found.append(
            Witness(name="marker", says=seen.marker, at=seen.facts.get("marker_at"))
        )
    if seen.entry.get("state") == "submitted":
        found.append(_scheduler_witness(seen))
    if seen.exit_status is not None:
        text = f"{seen.exit_status}{f' after {seen.signal}' if seen.signal else ''}"
        found.append(Witness(name="exit status", says=text, at=seen.ended_at))
    progress = seen.facts.get("progress")
    if progress:
        says = progress_words(seen.facts) or progress["last"]
        found.append(Witness(name="progress", says=says, at=progress["at"]))
    return found


def _scheduler_witness(seen: Seen) -> Witness:
    if seen.entry["scheduler"] == "shell":
        if "alive" not in seen.facts:  # the job has settled: nobody looks any more
            return Witness(name="process", says="not asked, it has ended", at=None)
        host = seen.entry["id"].partition(":")[0]
        alive = seen.facts["alive"]
        if alive is None:
            says = f"on {host}, not asked from here"
            return Witness(name="process", says=says, at=None)
        says = "running" if alive else "gone"
        return Witness(name="process", says=says, at=seen.taken_at)
    if seen.job is not None:
        says = array_words(seen.job, seen.job.raw)
        return Witness(name="scheduler", says=says, at=seen.asked_at)
    says = "not listed" if seen.absent_polls else "not asked"
    return Witness(name="scheduler", says=says, at=seen.asked_at)
