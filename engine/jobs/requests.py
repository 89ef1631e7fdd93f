"""What a job asks the scheduler for, as it is written in forms and profiles."""

from __future__ import annotations

import re

from engine.errors import InputError

_UNITS = "KMGTP"


def parse_time_limit(text: str) -> float | None:
    """Seconds of a time limit; None if it is empty.

    Minutes alone, or MM:SS, H:MM:SS, D-HH, D-HH:MM:SS as Slurm writes them.
    """
    stripped = text.strip()
    if not stripped:
        return None
    if re.fullmatch(r"\d+", stripped):
        return 60.0 * int(stripped)
    days, dash, clock = stripped.rpartition("-")
    parts = clock.split(":")
    is_sound = all(re.fullmatch(r"\d{1,4}", part) for part in parts)
    if is_sound and (not dash or re.fullmatch(r"\d+", days)):
        numbers = [int(part) for part in parts]
        if dash and len(numbers) in {1, 3}:
            hours, minutes, seconds = ([*numbers, 0, 0])[:3]
            return 86400.0 * int(days) + 3600 * hours + 60 * minutes + seconds
        if not dash and len(numbers) in {2, 3}:
            hours, minutes, seconds = ([0, *numbers])[-3:]
            return 3600.0 * hours + 60 * minutes + seconds
    message = f"{text!r} is not a time limit; write minutes, H:MM:SS or D-HH:MM:SS"
    raise InputError(message)


def parse_memory(text: str) -> float | None:
    """Bytes of "16G" or "4000" (which is in M); None if it is empty."""
    stripped = text.strip()
    if not stripped:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)i?B?", stripped, re.IGNORECASE)
    if match is None or float(match.group(1)) == 0:
        message = (
            f"{text!r} is not an amount of memory; write it with M, G or T, as in 16G"
        )
        raise InputError(message)
    unit = match.group(2).upper() or "M"
    return float(match.group(1)) * 1024.0 ** (_UNITS.index(unit) + 1)


def clock(seconds: float) -> str:
    """Duration as H:MM:SS, with days in front if there are any."""
    days, rest = divmod(round(seconds), 86400)
    text = f"{rest // 3600}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}-{text}" if days else text
