"""Times, sizes and states in words."""

from __future__ import annotations

import time

STATE_COLORS = {
    "succeeded": "green",
    "running": "cyan",
    "finishing": "cyan",
    "submitting": "cyan",
    "queued": "blue",
    "held": "yellow",
    "suspended": "yellow",
    "unknown": "yellow",
    "draft": "dim",
    "failed": "red",
    "aborted": "yellow",
    "timeout": "red",
    "out of memory": "red",
    "node failure": "red",
    "preempted": "red",
    "lost": "red",
}


def duration(seconds: float | None) -> str:
    """Return a length of time as a person says it: 42 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def moment(seconds: float | None) -> str:
    """Return a time on this machine's clock face: the hour today, the date before."""
    if seconds is None:
        return ""
    then, now = time.localtime(seconds), time.localtime()
    is_today = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M", then)


def size(count: float) -> str:
    """Return a number of bytes in the unit that fits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with as many digits as say something; a dash for none."""
    if value is None:
        return "-"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):d}"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"
