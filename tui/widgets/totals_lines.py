"""Single numbers of a job as lines, beside those of another."""

from __future__ import annotations

from typing import Any

from tui.charts import Line
from tui.plain import plain
from tui.words import count

Values = dict[str, Any]


def totals(pairs: list[tuple[str, Any, Any]]) -> list[Line]:
    """A line for each (words, number, the other job's) whose number is known."""
    lines: list[Line] = []
    for label, value, second in pairs:
        if value is None:
            continue
        line: Line = [(label.ljust(28), "dim"), (shown(value).rjust(12), "title")]
        if second is not None:
            line.append((shown(second).rjust(12), "bar2"))
            if isinstance(value, int | float) and isinstance(second, int | float):
                line.append((_change(value, second), "faint"))
        lines.append(line)
    return lines


def _change(value: float, second: float) -> str:
    if not second:
        return ""
    return f"   {100 * (value - second) / second:+.1f} %"


def shown(value: Any) -> str:
    """A number with the digits that say something, or words as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    return count(value) if value == int(value) else f"{value:.3g}"


def get(values: Values | None, key: str) -> Any:
    """A number of a job; None if there is no such job."""
    return None if values is None else values.get(key)
