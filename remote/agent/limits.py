"""What the login node's administrators allow an agent: a file of theirs, if any.

``/etc/cryodeck/limits``, and a file that CRYODECK_SITE_LIMITS names where a site sets
variables rather than files (its module, its profile), hold lines KEY = NUMBER. A site
can only ask for less than cryodeck takes by itself: the scheduler asked more rarely,
less memory, a shorter silence, a lower priority, fewer threads.
"""

import os
from typing import Dict, List, Optional, Sequence

PATH = "/etc/cryodeck/limits"
VARIABLE = "CRYODECK_SITE_LIMITS"
#: key -> what holds without a file, and whether a site may only raise it
USUAL = {
    "poll_s": (0.0, True),  # between two questions to the scheduler
    "memory_mb": (400.0, False),  # a request that would take more is stopped
    "silence_s": (900.0, False),  # without a word from the other end, the agent ends
    "nice": (10.0, True),  # of what reads much
    "heavy_threads": (2.0, False),  # of what reads much, at the same time
}
_LEAST = {"memory_mb": 60.0, "silence_s": 60.0, "heavy_threads": 1.0}
_MOST = {"nice": 19.0, "poll_s": 3600.0}


def paths() -> List[str]:
    """Files that may limit the agent here."""
    named = os.environ.get(VARIABLE, "")
    return [PATH, named] if named else [PATH]


def read(
    files: Optional[Sequence[str]] = None, origins: Optional[Dict[str, str]] = None
) -> Dict[str, float]:
    """The limits that hold; lines that cannot be read limit nothing.

    `origins` is told the file of each limit that is not cryodeck's own.
    """
    held = {key: usual for key, (usual, _) in USUAL.items()}
    for path in paths() if files is None else files:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read(65536).splitlines()
        except OSError:
            continue
        before = dict(held)
        for line in lines:
            _tighten(held, line)
        if origins is not None:
            origins.update({key: path for key in held if held[key] != before[key]})
    return held


def _tighten(held: Dict[str, float], line: str) -> None:
    key, _, text = line.partition("#")[0].partition("=")
    key = key.strip()
    try:
        value = float(text)
    except ValueError:
        return
    if key not in held or value != value:
        return
    value = min(max(value, _LEAST.get(key, 0.0)), _MOST.get(key, float("inf")))
    held[key] = max(held[key], value) if USUAL[key][1] else min(held[key], value)


def is_set(files: Optional[Sequence[str]] = None) -> bool:
    """Whether the site has such a file."""
    return any(os.path.exists(path) for path in files or paths())


def too_much(resident_bytes: int) -> str:
    """What to say of an agent that has become too large."""
    text = "the agent takes {:.0f} MB of memory; {:.0f} MB are allowed here ({})"
    path = ORIGINS.get("memory_mb")
    where = "memory_mb in " + path if path else "cryodeck's own"
    return text.format(resident_bytes / 1e6, HELD["memory_mb"], where)


#: limit -> the file that says it, of those that are not cryodeck's own
ORIGINS: Dict[str, str] = {}
HELD = read(origins=ORIGINS)
