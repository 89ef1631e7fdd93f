"""Times, counts and states in words."""

from __future__ import annotations

import time

from remote.views import HowFar, JobRow, JobState, Link, LinkState, Progress

# state -> sign, RELION's word where it has one, role in the palette
_STATES: dict[JobState, tuple[str, str, str]] = {
    JobState.DRAFT: ("○", "Scheduled", "dim"),
    JobState.SUBMITTING: ("◔", "Submitting", "queued"),
    JobState.QUEUED: ("◔", "Queued", "queued"),
    JobState.HELD: ("◔", "Held", "warn"),
    JobState.RUNNING: ("●", "Running", "run"),
    JobState.SUSPENDED: ("◐", "Suspended", "warn"),
    JobState.FINISHING: ("●", "Finishing", "run"),
    JobState.SUCCEEDED: ("✓", "Finished", "good"),
    JobState.FAILED: ("✗", "Failed", "bad"),
    JobState.ABORTED: ("■", "Aborted", "warn"),
    JobState.TIMEOUT: ("✗", "Out of time", "bad"),
    JobState.OUT_OF_MEMORY: ("✗", "Out of memory", "bad"),
    JobState.NODE_FAILURE: ("✗", "Node failed", "bad"),
    JobState.PREEMPTED: ("■", "Preempted", "warn"),
    JobState.LOST: ("?", "Lost", "bad"),
    JobState.UNKNOWN: ("?", "Unknown", "warn"),
}
_LINKS: dict[LinkState, tuple[str, str, str]] = {
    LinkState.OFFLINE: ("○", "offline", "dim"),
    LinkState.CONNECTING: ("◔", "connecting", "queued"),
    LinkState.CONNECTED: ("●", "connected", "good"),
    LinkState.LOST: ("◌", "link lost", "warn"),
    LinkState.REFUSED: ("✗", "refused", "bad"),
}


def reason_of(row: JobRow) -> str:
    """Why a job is in its state; empty where that is only the state's own word."""
    _, word, _ = state_words(row.verdict.state)
    reason = row.verdict.reason
    return "" if reason.lower() == word.lower() else reason


def state_words(state: JobState) -> tuple[str, str, str]:
    """Sign, word and role of a job's state."""
    return _STATES.get(state, ("?", str(state), "warn"))


def link_words(link: Link, now: float | None = None) -> tuple[str, str, str]:
    """Sign, words and role of a link's state, with the wait until the next try."""
    sign, word, role = _LINKS.get(link.state, ("?", str(link.state), "warn"))
    if link.state is LinkState.CONNECTED and link.round_trip_s is not None:
        word = f"{1000 * link.round_trip_s:.0f} ms"
    if link.state is LinkState.LOST and link.retry_at is not None:
        left = max(0.0, link.retry_at - (time.time() if now is None else now))
        word = f"link lost, next try in {left:.0f} s"
    return sign, word, role


def how_far_words(far: HowFar) -> str:
    """How far a long question is."""
    found = f"{far.found:,} {far.what} so far"
    return f"{100 * far.done // far.total} %, {found}" if far.total else found


def is_active(row: JobRow) -> bool:
    """Whether a job may change by itself."""
    state = row.verdict.state
    return not state.is_over and state not in {JobState.DRAFT, JobState.UNKNOWN}


def duration(seconds: float | None) -> str:
    """Length of time, two figures at most: 12 s, 3 min, 4 h 05, 2 d 3 h."""
    if seconds is None:
        return ""
    s = max(0, round(seconds))
    if s < 100:
        return f"{s} s"
    if s < 5400:
        return f"{s // 60} min"
    if s < 172_800:
        return f"{s // 3600} h {s % 3600 // 60:02d}"
    return f"{s // 86_400} d {s % 86_400 // 3600} h"


def age(at: float | None, now: float) -> str:
    """How long ago: "now", "12 s ago"; empty if never."""
    if at is None:
        return ""
    seconds = now - at
    return "now" if seconds < 1.5 else f"{duration(seconds)} ago"


def clock(at: float | None) -> str:
    """Date and time of this machine's zone."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def seen_words(at: float, now: float | None = None) -> str:
    """That something is from memory, and of when."""
    ago = age(at, time.time() if now is None else now)
    return f"As it was on {clock(at)} ({ago})."


def count(number: float) -> str:
    """Number with thousands apart: 12 345."""
    if number != int(number):
        return f"{number:.4g}"
    return f"{int(number):,}".replace(",", " ")


def bytes_words(number: float) -> str:
    """Number of bytes in the unit that fits it: 320 B, 1.5 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def plural(number: int, noun: str) -> str:
    """Count and noun: "1 error", "2 errors"."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def eta(progress: Progress | None, now: float) -> str:
    """Time left, as far as the average speed tells; empty if it does not."""
    if progress is None or progress.eta_s is None:
        return ""
    left = progress.eta_s - (now - progress.at)
    return f"{duration(max(0.0, left))} left" if left > 1 else "almost done"


def displayed_name(row: JobRow) -> str:
    """Alias without its folder, or the job's own name."""
    return row.alias.rstrip("/").rpartition("/")[2] or row.name.rpartition("/")[2]


def particles_of(row: JobRow) -> str:
    """The list of particles that a job has made; "" if there is none."""
    names = [
        node.name
        for node in row.outputs
        if node.name.endswith(("particles.star", "_data.star"))
    ]
    return sorted(names)[-1] if names else ""
