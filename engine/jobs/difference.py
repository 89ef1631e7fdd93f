"""In which fields two forms differ."""

from __future__ import annotations

from dataclasses import dataclass

from engine.jobs.active import is_used
from engine.jobs.job import Job
from engine.jobs.option import Kind


@dataclass(frozen=True)
class Difference:
    """One field that differs; "—" stands for a field that a form does not have.

    `matters` is False where the field has no influence in either form.
    """

    key: str
    title: str
    before: str
    after: str
    matters: bool


ABSENT = "—"


def differences(before: Job, after: Job) -> list[Difference]:
    """Fields with other values, in the order of the second form's tabs.

    Numbers are compared as numbers: 1.40 is 1.4.
    """
    keys = list(after.type.all_options(after.version))
    keys += [k for k in before.type.all_options(before.version) if k not in keys]
    keys += sorted((set(before.unknown) | set(after.unknown)) - set(keys))
    found = []
    for key in keys:
        old, new = before.text(key, ABSENT), after.text(key, ABSENT)
        if not _same(before, after, key, old, new):
            matters = _matters(before, key) or _matters(after, key)
            found.append(Difference(key, _title(before, after, key), old, new, matters))
    return found


def _same(before: Job, after: Job, key: str, old: str, new: str) -> bool:
    if old == new:
        return True
    option = after.type.option(key, after.version)
    if option is None or option.kind not in {Kind.NUMBER, Kind.INTEGER}:
        return False
    try:
        return float(old) == float(new)
    except ValueError:
        return False


def _matters(job: Job, key: str) -> bool:
    option = job.type.option(key, job.version)
    return option is not None and is_used(job, option)


def _title(before: Job, after: Job, key: str) -> str:
    for job in (after, before):
        option = job.type.option(key, job.version)
        if option is not None:
            return option.title
    return key
