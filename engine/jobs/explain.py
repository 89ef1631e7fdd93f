"""What Run! or Continue! will do to files, in a sentence or two, before the key."""

from __future__ import annotations

from engine.errors import InputError
from engine.jobs.by_hand import PICKS, by_hand, has_rule
from engine.jobs.command_lines import iteration_of, iterations, output_root
from engine.jobs.difference import Difference, differences
from engine.jobs.facts import NOTHING_KNOWN, Facts
from engine.jobs.job import Job
from engine.jobs.running import OWN_TAB, RUNNING_TAB
from engine.jobs.select_lines import task


def explain_run(
    job: Job,
    continuing: bool,
    facts: Facts = NOTHING_KNOWN,
    directory: str = "",
    before: Job | None = None,
) -> str:
    """What will be kept, done again or overwritten.

    `directory` is the job's, if it has one; a new job gets a folder of its own.
    `before` is the form that a job to go on with was run with: what was changed since
    is told where it takes no effect, or on some of the micrographs only.
    """
    if not continuing and by_hand(job):
        what = "pick on" if by_hand(job) == PICKS else "choose from by ticking"
        return f"Opens the micrographs here, to {what}; nothing is submitted."
    if not continuing:
        where = directory.rstrip("/") or f"{job.type.folder}/jobNNN"
        return f"Runs from the start in {where}. {_new(job, facts)}".rstrip()
    teller = {
        "import": _import,
        "ctffind": _unfinished,
        "manualpick": _manualpick,
        "autopick": _autopick,
        "extract": _extract,
        "class2d": _class2d,
        "select": _select,
    }.get(job.type.key)
    if teller is None:
        return "Goes on with this job as RELION sees fit; see its note for the command."
    return f"{teller(job, facts)} {_changes(job, facts, before)}".rstrip()


#: fields that Continue! with Read FOM maps tries anew
_TRIED = (
    "threshold_autopick",
    "mindist_autopick",
    "maxstddevnoise_autopick",
    "minavgnoise_autopick",
)
#: fields that make particles of another kind, which no list may mix
_SIZES = (
    "extract_size",
    "do_rescale",
    "rescale",
    "do_invert",
    "do_norm",
    "bg_diameter",
)


def _changes(job: Job, facts: Facts, before: Job | None) -> str:
    """What was changed since, where that is not for all of the job."""
    if before is None or job.type.key not in {"ctffind", "autopick", "extract"}:
        return ""
    whole = job.flag("do_write_fom_maps", False) or job.flag("do_read_fom_maps", False)
    if job.type.key == "autopick" and whole:
        if not job.flag("do_read_fom_maps", False):
            return ""
        changed = _changed(before, job, beyond=_TRIED)
        return f"{_listed(changed)} without effect on the kept maps." if changed else ""
    changed = _changed(before, job)
    if not changed:
        return ""
    if _left(facts) == 0:
        return f"{_listed(changed)} without any effect."
    words = f"{_listed(changed)} for those left only"
    if any(one.key in _SIZES for one in changed):
        return f"{words}: the particles would not be alike, better start a new job."
    return f"{words}."


def _changed(before: Job, job: Job, beyond: tuple[str, ...] = ()) -> list[Difference]:
    """Fields with an influence on results that differ, but for some."""
    left_out = {*_HOW_IT_RUNS, *beyond} | {
        option.key
        for tab in job.type.tabs(job.version)
        if tab.label in {RUNNING_TAB, OWN_TAB}
        for option in tab.options
    }
    return [
        one
        for one in differences(before, job)
        if one.matters and one.key not in left_out
    ]


_HOW_IT_RUNS = (
    "use_gpu",
    "gpu_ids",
    "continue_manual",
    "do_read_fom_maps",
    "do_write_fom_maps",
)


def _listed(changed: list[Difference]) -> str:
    """The changed fields as the beginning of a sentence."""
    titles = [one.title.rstrip(":?") for one in changed[:3]]
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"What was changed ({'; '.join(titles)}{more}) is"


def _left(facts: Facts) -> int | None:
    """Micrographs that are still to be done, if that is known."""
    if facts.done is None or not facts.micrographs:
        return None
    return max(0, facts.micrographs - facts.done)


def _new(job: Job, facts: Facts) -> str:
    if job.type.key == "autopick" and job.flag("do_write_fom_maps"):
        return (
            "Keeps the FOM maps, so that Continue! with Read FOM maps tries other "
            "thresholds in seconds."
        )
    if job.type.key == "class2d":
        return (
            f"Every iteration up to {iterations(job)} is kept until you clean the job."
        )
    return "Other jobs are not touched."


def _rest(facts: Facts, what: str) -> str:
    """What is kept and what is left, as the beginning of a sentence."""
    left = _left(facts)
    if left == 0:
        return f"Nothing is left to do: all {facts.micrographs} micrographs are {what}"
    words = f"Only unfinished micrographs are {what}: "
    if left is None:
        return f"{words}those {what} before are kept as they are"
    kept = f"{facts.done} of {facts.micrographs} are kept as they are"
    return f"{words}{kept}, {left} are left"


def _import(job: Job, facts: Facts) -> str:
    if not job.flag("do_raw"):
        return "Imports the file again and overwrites the copy of the first time."
    return (
        "Files already in the list stay as they are; files that match the pattern now "
        "and are not in the list are added. The optics group must not change."
    )


def _unfinished(job: Job, facts: Facts) -> str:
    return (
        f"{_rest(facts, 'done')}. The joined list is written anew; other fields take "
        "effect on new ones only."
    )


def _manualpick(job: Job, facts: Facts) -> str:
    return (
        "Opens the micrographs with the picks and the selection of last time; "
        "saved changes replace them."
    )


def _autopick(job: Job, facts: Facts) -> str:
    if job.flag("continue_manual", False):
        return "Opens the picks in the manual picker; saved changes replace them."
    if job.flag("do_read_fom_maps"):
        return (
            "Picks on all micrographs again from the kept FOM maps, which is quick, "
            "and overwrites every coordinate file of this job. Thresholds and "
            "distances may change; templates and filters are those of the maps."
        )
    if job.flag("do_write_fom_maps"):
        return (
            "Because FOM maps are written, all micrographs are searched again from "
            "the start, and every coordinate file of this job is overwritten."
        )
    return (
        f"{_rest(facts, 'picked')}, with the old thresholds. For new "
        "thresholds everywhere, start a new job or use FOM maps."
    )


def _extract(job: Job, facts: Facts) -> str:
    return (
        f"{_rest(facts, 'extracted')}, even if their picks have changed. "
        "particles.star is joined anew. After a gentle clean everything is extracted "
        "again."
    )


def _class2d(job: Job, facts: Facts) -> str:
    path = job.text("fn_cont") or facts.last_optimiser
    if not path:
        return "Needs the iteration to go on from: choose an _optimiser.star."
    try:
        start, end = iteration_of(path), int(float(iterations(job)))
        if start >= end:
            return (
                f"Nothing is left to do: {path.rpartition('/')[2]} is the end of "
                f"iteration {start} of {end}. For more iterations ask for more than "
                f"{start}."
            )
        root = output_root(job.replace("fn_cont", path), True)
    except (InputError, ValueError) as error:
        return f"Cannot say: {error}"
    says = (
        f"Goes on after iteration {start} up to {end} ({end - start} more). "
        f"Particles, classes and CTF stay those of {path.rpartition('/')[2]}"
    )
    if root == "run":
        return f"{says}; later iterations of the old run are overwritten."
    return f"{says}; new files begin with {root}, the old ones are kept."


# rules of the engine's own that a selection is made by
_LISTS = ("cryodeck_classes", "cryodeck_rows")
_NUMBERS = ("cryodeck_best", "cryodeck_first")


def _select(job: Job, facts: Facts) -> str:
    is_chosen = task(job) in {"classes", "micrographs", "particles", "coordinates"}
    if is_chosen and not (job.engine == "cryodeck" and has_rule(job, _NUMBERS, _LISTS)):
        return "Opens the selection of last time; saving replaces it."
    return "Selects again from the start and overwrites the lists of this job."
