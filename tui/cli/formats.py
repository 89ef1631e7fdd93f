"""Times, numbers and states of the command line."""

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


def moment(seconds: float | None) -> str:
    """Return a time on this machine's clock face: the hour today, the date before."""
    if seconds is None:
        return ""
    then, now = time.localtime(seconds), time.localtime()
    is_today = then[:3] == now[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M", then)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with as many digits as say something; a dash for none."""
    if value is None:
        return "-"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):d}"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"
