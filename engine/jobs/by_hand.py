"""Which jobs a person does: Run! opens their micrographs and submits nothing."""

from __future__ import annotations

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
        first = job.number_or_none("cryodeck_first")
        has_rule = first is not None or bool(job.text("cryodeck_rows", "").strip())
        return "" if has_rule else MICROGRAPHS
    return ""
