"""The form of a Select job that keeps some classes, for both interfaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.jobs.job import Job


def cleared_form(job: Job) -> Job:
    """A selection form without what the project selected last."""
    from engine.jobs.job import Job as Form  # not for `cryodeck --help`

    cleared = Form.new("select", job.version)
    for key in ("qsub", "queuename", "qsubscript"):
        cleared = cleared.replace(key, job.text(key))
    return cleared


def score_of(text: str) -> float | None:
    """The number of a text that is a score, from 0 to 1."""
    try:
        score = float(text)
    except ValueError:
        return None
    return score if 0 <= score <= 1 else None


def class_selection(
    defaults: Job,
    model: str,
    numbers: Iterable[int],
    *,
    recenter: bool,
    least_particle_score: str = "",
) -> Job:
    """The form that keeps these classes of a model file of Class2D."""
    if defaults.version != "3.1":
        model = model.replace("_model.star", "_optimiser.star")
    job = cleared_form(defaults).replace("fn_model", model)
    job = job.replace("do_recenter", recenter)
    if least_particle_score:
        job = job.replace("cryodeck_min_particle_score", least_particle_score)
    return job.replace("cryodeck_classes", ",".join(str(n) for n in numbers))
