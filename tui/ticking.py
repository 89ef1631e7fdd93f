"""Which rows are meant: by a rule on what is known of micrographs, by numbers."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any

_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
#: word -> key of `Workspace.micrographs`, what one of its unit is in the file
_NAMES = {
    "picks": ("picks", 1.0),
    "defocus": ("defocus", 1e4),
    "resolution": ("ctf_resolution", 1.0),
    "fom": ("ctf_fom", 1.0),
}
_RULE = re.compile(r"\s*([a-z]+)\s*(<=|>=|<|>|=)\s*([-+.\de]+)\s*\Z")


def rows_where(items: Sequence[dict[str, Any]], rule: str) -> list[bool] | None:
    """Which micrographs a rule such as "resolution < 5" holds for; None: no rule."""
    match = _RULE.match(rule.lower())
    if match is None or match[1] not in _NAMES:
        return None
    key, unit = _NAMES[match[1]]
    try:
        limit = float(match[3]) * unit
    except ValueError:
        return None
    compare = _SIGNS[match[2]]
    values = [item.get(key) for item in items]
    if key == "picks":
        values = [value or 0 for value in values]
    return [value is not None and bool(compare(value, limit)) for value in values]


def numbers_of(text: str, most: int) -> set[int] | None:
    """Numbers of a list such as "1,4,9" or "1-5 8"; None if one is not in 1 to most."""
    found: set[int] = set()
    for word in text.replace(",", " ").replace(";", " ").split():
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            return None
        low, high = int(first), int(last) if dash else int(first)
        if not 1 <= low <= high <= most:
            return None
        found.update(range(low, high + 1))
    return found or None


def ranges_of(numbers: set[int]) -> str:
    """Numbers as a list that `numbers_of` reads: "1-5,8"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in parts)
