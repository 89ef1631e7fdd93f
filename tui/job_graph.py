"""Who feeds whom: the jobs of a project as a tree to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remote.views import JobRow


@dataclass(frozen=True, slots=True)
class Branch:
    """One job's line: what is drawn before it, and its inputs besides the one above."""

    row: JobRow
    stem: str
    others: tuple[str, ...]


def branches(rows: Sequence[JobRow]) -> list[Branch]:
    """Every job once, below the youngest of the jobs that feed it."""
    known = {row.name: row for row in rows}
    parent = {row.name: _parent(row, known) for row in rows}
    children: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        children.setdefault(parent[row.name], []).append(row.name)
    found: list[Branch] = []
    # (name, stem before it, stem before what is below it); the next one last
    waiting = [(name, "", "") for name in reversed(children.get("", []))]
    while waiting:
        name, stem, below = waiting.pop()
        row = known[name]
        others = tuple(i for i in row.inputs if i != parent[name])
        found.append(Branch(row, stem, others))
        mine = children.get(name, [])
        for at, child in reversed(list(enumerate(mine))):
            is_last = at == len(mine) - 1
            # an only child goes straight on, without another step to the right
            if len(mine) == 1:
                waiting.append((child, below + "│ ", below))
            else:
                waiting.append(
                    (
                        child,
                        below + ("└─ " if is_last else "├─ "),
                        below + ("   " if is_last else "│  "),
                    )
                )
    return found


def _parent(row: JobRow, known: dict[str, JobRow]) -> str:
    """The youngest older job that feeds this one; "" if none does.

    Only an older job: a pipeline in which two jobs feed each other has no circle then.
    """
    older = [
        known[name]
        for name in row.inputs
        if name in known and known[name].number < row.number
    ]
    return max(older, key=lambda one: one.number).name if older else ""


def upstream(name: str, rows: Sequence[JobRow]) -> set[str]:
    """All jobs whose results went into one."""
    inputs = {row.name: row.inputs for row in rows}
    return _reached(name, inputs)


def downstream(name: str, rows: Sequence[JobRow]) -> set[str]:
    """All jobs that were made from one."""
    users: dict[str, tuple[str, ...]] = {}
    for row in rows:
        for source in row.inputs:
            users[source] = (*users.get(source, ()), row.name)
    return _reached(name, users)


def _reached(name: str, steps: dict[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = list(steps.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one not in found and one != name:
            found.add(one)
            waiting += steps.get(one, ())
    return found
