"""What Run! or Continue! will do to files, in a sentence or two, before the key."""

from __future__ import annotations

from engine.errors import InputError
from engine.jobs.by_hand import PICKS, by_hand
from engine.jobs.command_lines import iteration_of, iterations, output_root
from engine.jobs.facts import NOTHING_KNOWN, Facts
from engine.jobs.job import Job
from engine.jobs.select_lines import task


def explain_run(
    job: Job, continuing: bool, facts: Facts = NOTHING_KNOWN, directory: str = ""
) -> str:
    """What will be kept, done again or overwritten.

    `directory` is the job's, if it has one; a new job gets a folder of its own.
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
    return teller(job, facts)


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
    if facts.done is None or not facts.micrographs:
        return f"those {what} before are kept as they are"
    left = max(0, facts.micrographs - facts.done)
    return f"{facts.done} of {facts.micrographs} are kept as they are, {left} are left"


def _import(job: Job, facts: Facts) -> str:
    if not job.flag("do_raw"):
        return "Imports the file again and overwrites the copy of the first time."
    return (
        "Files already in the list stay as they are; files that match the pattern now "
        "and are not in the list are added. The optics group must not change."
    )


def _unfinished(job: Job, facts: Facts) -> str:
    return (
        f"Only unfinished micrographs are done: {_rest(facts, 'done')}. "
        "The joined list is written anew; other fields take effect on new ones only."
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
        f"Only unfinished micrographs are picked: {_rest(facts, 'picked')}, with the "
        "old thresholds. For new thresholds everywhere, start a new job or use FOM "
        "maps."
    )


def _extract(job: Job, facts: Facts) -> str:
    return (
        f"Only unfinished micrographs are extracted: {_rest(facts, 'extracted')}, even "
        "if their picks have changed. particles.star is joined anew. After a gentle "
        "clean everything is extracted again."
    )


def _class2d(job: Job, facts: Facts) -> str:
    path = job.text("fn_cont") or facts.last_optimiser
    if not path:
        return "Needs the iteration to go on from: choose an _optimiser.star."
    try:
        start, end = iteration_of(path), int(float(iterations(job)))
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


def _select(job: Job, facts: Facts) -> str:
    if task(job) in {"classes", "micrographs", "particles", "coordinates"}:
        return "Opens the selection of last time; saving replaces it."
    return "Selects again from the start and overwrites the lists of this job."
