"""What the login node's administrators allow an agent: a file of theirs, if any.

``/etc/cryodeck/limits`` holds lines KEY = NUMBER. A site can only ask for less than
cryodeck takes by itself: the scheduler asked more rarely, less memory, a shorter
silence, a lower priority, fewer threads.
"""

import os
from typing import Dict

PATH = "/etc/cryodeck/limits"
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


def read(path: str = "") -> Dict[str, float]:
    """The limits that hold; lines that cannot be read limit nothing."""
    held = {key: usual for key, (usual, _) in USUAL.items()}
    try:
        with open(path or PATH, encoding="utf-8", errors="replace") as file:
            lines = file.read(65536).splitlines()
    except OSError:
        return held
    for line in lines:
        key, _, text = line.partition("#")[0].partition("=")
        key = key.strip()
        try:
            value = float(text)
        except ValueError:
            continue
        if key not in held or value != value:
            continue
        value = min(max(value, _LEAST.get(key, 0.0)), _MOST.get(key, float("inf")))
        held[key] = max(held[key], value) if USUAL[key][1] else min(held[key], value)
    return held


def is_set(path: str = "") -> bool:
    """Whether the site has such a file."""
    return os.path.exists(path or PATH)


HELD = read()
