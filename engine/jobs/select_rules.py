"""What Subset selection refuses, and what it should have warned about."""

from __future__ import annotations

from engine.jobs.facts import Facts
from engine.jobs.family_rules import needs, relion_only
from engine.jobs.job import Job
from engine.jobs.problem import WARNING, Problem
from engine.jobs.select_lines import task


def select_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of Subset selection."""
    problems = relion_only(job)
    if task(job) == "nothing" or not any(
        job.text(k, "") for k in ("fn_model", "fn_mic", "fn_data", "fn_coords")
    ):
        message = "nothing to select from; fill one of the fields on the I/O tab"
        return [*problems, Problem("fn_model", message)]
    switches = [
        key
        for key in (
            "do_select_values",
            "do_discard",
            "do_split",
            "do_remove_duplicates",
            "do_filaments",
        )
        if job.flag(key, False)
    ]
    if len(switches) > 1:
        message = "only one way of selecting at a time; say No to the others"
        problems.append(Problem(switches[1], message))
    problems += _select_inputs(job, switches)
    if job.flag("do_regroup") and not job.text("fn_model"):
        message = "only particles of chosen classes can be regrouped"
        problems.append(Problem("do_regroup", message))
    if job.flag("do_split") and all(
        job.number_or_none(k) is None for k in ("split_size", "nr_split")
    ):
        message = "give the size of the subsets or their number"
        problems.append(Problem("split_size", message))
    problems += _class_choice(job)
    if job.flag("do_filaments", False):
        problems += needs(job, "fn_model", "the optimiser of a 2D classification")
    filled = [k for k in ("fn_model", "fn_mic", "fn_data") if job.text(k, "")]
    if len(filled) > 1 and not switches:
        message = f"several inputs are filled; only {filled[0]} will be used"
        problems.append(Problem(filled[1], message, WARNING))
    return problems


_ROW_RULES: tuple[str, ...] = ("cryodeck_first",)
_CLASS_RULES: tuple[str, ...] = (
    "cryodeck_best",
    "cryodeck_min_score",
    "cryodeck_min_particle_score",
    "cryodeck_min_share",
    "cryodeck_max_resolution",
)


def _class_choice(job: Job) -> list[Problem]:
    """How classes are chosen: by RELION's ranker, or in cryodeck by number or rule."""
    if job.flag("do_class_ranker", False):
        problems = needs(job, "fn_model", "the optimiser of a 2D classification")
        if job.engine == "relion":
            problems += [
                Problem(key, "does not go with automatic selection; say No")
                for key in ("do_regroup", "do_recenter")
                if job.flag(key)
            ]
        return problems
    if job.engine != "cryodeck":
        return []
    problems = _open_choice(job)
    is_limited = job.number_or_none("cryodeck_most_alike") is not None
    if is_limited and job.number_or_none("cryodeck_best") is None:
        message = "goes with a number of best classes by score; give one"
        problems.append(Problem("cryodeck_most_alike", message, WARNING))
    return problems


def _open_choice(job: Job) -> list[Problem]:
    """Warn where RELION would open a window and nothing is stated in the form."""
    name = task(job)
    if name == "classes":
        key, rules, what = "cryodeck_classes", _CLASS_RULES, "class"
    elif name == "particles":  # micrographs are ticked: Run! opens their list
        key, rules, what = "cryodeck_rows", _ROW_RULES, "row"
    else:
        return []
    has_rule = any(job.number_or_none(rule) is not None for rule in rules)
    is_stated = job.text(key, "").strip() or job.flag("cryodeck_invert", False)
    if has_rule or is_stated:
        return []
    message = (
        f"no {what} chosen yet: mark them on the screen, or give numbers or a rule"
    )
    return [Problem(key, message, WARNING)]


def _select_inputs(job: Job, switches: list[str]) -> list[Problem]:
    if "do_remove_duplicates" in switches:
        others = [k for k in ("fn_model", "fn_mic", "fn_coords") if job.text(k, "")]
        if others:
            message = "duplicates are removed from a particle list only; empty this"
            return [Problem(others[0], message)]
        return needs(job, "fn_data", "a particle list")
    lists = {"do_select_values", "do_discard", "do_split"} & set(switches)
    others = [k for k in ("fn_model", "fn_coords") if job.text(k, "")]
    if lists and others:
        message = "this selection works on micrograph and particle lists; empty this"
        return [Problem(others[0], message)]
    return []
