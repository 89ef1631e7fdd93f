"""Which jobs a person does: Run! opens their micrographs and submits nothing."""

from __future__ import annotations

from collections.abc import Sequence

from engine.jobs.job import Job
from engine.jobs.select_lines import task

PICKS = "picks"
MICROGRAPHS = "micrographs"


def by_hand(job: Job, continuing: bool = False) -> str:
    """PICKS, MICROGRAPHS, or "" if a program does the work.

    A Subset selection is done by a rule if its form states one, else by ticking.
    """
    key = job.type.key
    if key == "manualpick":
        return PICKS
    if key == "autopick":
        is_manual = continuing and job.flag("continue_manual", False)
        return PICKS if is_manual else ""
    if key == "select" and task(job) in {"micrographs", "coordinates"}:
        is_stated = has_rule(job, ("cryodeck_first",), ("cryodeck_rows",))
        return "" if is_stated else MICROGRAPHS
    return ""


def has_rule(job: Job, numbers: Sequence[str], lists: Sequence[str]) -> bool:
    """Whether a selection's form states one of these numbers or lists to select by."""
    return any(job.number_or_none(key) is not None for key in numbers) or any(
        job.text(key, "").strip() for key in lists
    )
