"""What usually comes after a job, with the form filled in as far as can be known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.jobs.active import autopick_branch
from engine.jobs.command_lines import iterations
from engine.jobs.facts import NOTHING_KNOWN, Facts
from engine.jobs.job import Job
from engine.jobs.nodes import output_nodes
from engine.jobs.select_lines import task

Earlier = Sequence[tuple[str, Job]]


@dataclass(frozen=True)
class Hint:
    """One job that might come next.

    Attributes
    ----------
    title : str
        What to do, in a few words.
    reason : str
        Why, in a sentence.
    job : Job
        The form to begin with.
    continues : str
        Name of the job that this would continue; empty for a new one.
    """

    title: str
    reason: str
    job: Job
    continues: str = ""


def next_jobs(
    job: Job, directory: str, *, facts: Facts = NOTHING_KNOWN, earlier: Earlier = ()
) -> list[Hint]:
    """Jobs that usually follow a finished one, the likeliest first.

    Parameters
    ----------
    directory : str
        "AutoPick/job006".
    facts : Facts
        Of the finished job's outputs: particles tell how many classes, has_ctf
        whether the CTF is known.
    earlier : sequence of (name, Job)
        Jobs that came before, latest last; their settings are carried over.
    """
    teller = _TELLERS.get(job.type.key)
    if teller is None:
        return []
    return teller(job, directory.rstrip("/") + "/", facts, earlier)


def _new(like: Job, key: str, values: dict[str, str | bool], earlier: Earlier) -> Job:
    """Form with the settings of the latest such job before, but other inputs."""
    before = [job for _, job in earlier if job.type.key == key]
    job = before[-1].convert(like.version) if before else Job.new(key, like.version)
    job = job.continued(False)
    if before and "fn_cont" in job.values:
        job = job.replace("fn_cont", "")
    for name, value in values.items():
        if name in job.values:
            job = job.replace(name, value)
    return job


def _fresh(like: Job, key: str, values: dict[str, str | bool]) -> Job:
    return _new(like, key, values, ())


def _made(job: Job, directory: str, *labels: str) -> str:
    """Path of the output whose label begins like one of these."""
    for name, label in output_nodes(job):
        if label.startswith(labels):
            return directory + name
    return ""


def _micrographs(earlier: Earlier) -> str:
    """Largest list of micrographs upstream: the latest CTF job's, else an import's."""
    for key in ("ctffind", "import"):
        for name, job in reversed(list(earlier)):
            if job.type.key == key:
                path = _made(job, name.rstrip("/") + "/", "MicrographsData")
                if path:
                    return path
    return ""


def _log_switches(like: Job, on: str) -> dict[str, str | bool]:
    switches: dict[str, str | bool] = {"do_log": on == "log"}
    if like.version != "3.1":
        switches |= {"do_refs": on == "references", "do_topaz": False}
    return switches


def _after_import(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    micrographs = _made(job, where, "MicrographsData")
    if micrographs:
        return _after_micrographs(job, micrographs, facts)
    particles = _made(job, where, "ParticlesData")
    if particles:
        return [_classify(job, particles, facts, earlier)]
    return []


def _after_micrographs(job: Job, micrographs: str, facts: Facts) -> list[Hint]:
    hints = []
    if facts.has_ctf is False or (facts.has_ctf is None and job.type.key == "import"):
        ctf = _fresh(job, "ctffind", {"input_star_mics": micrographs})
        reason = "Extraction and classification need each micrograph's defocus."
        hints.append(Hint("Estimate the CTF", reason, ctf))
    if facts.micrographs is not None and facts.micrographs > 10:
        subset = _fresh(
            job,
            "select",
            {"fn_mic": micrographs, "do_split": True, "split_size": "5"},
        )
        reason = "A first round of picking needs only a few micrographs."
        hints.append(Hint("Select a few micrographs", reason, subset))
    log = {"fn_input_autopick": micrographs, **_log_switches(job, "log")}
    reason = "Needs no templates; the usual start with a new data set."
    hints.append(
        Hint("Pick by Laplacian of Gaussian", reason, _fresh(job, "autopick", log))
    )
    by_hand = _fresh(job, "manualpick", {"fn_in": micrographs})
    reason = "See how large the particles are and how good the micrographs are."
    hints.append(Hint("Look and pick by hand", reason, by_hand))
    return hints


def _after_ctffind(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    return _after_micrographs(job, where + "micrographs_ctf.star", facts)


def _after_manualpick(
    job: Job, where: str, facts: Facts, earlier: Earlier
) -> list[Hint]:
    coordinates = _made(job, where, "MicrographsCoords")
    hints = [_extract(job, job.text("fn_in"), coordinates, earlier)]
    log = {
        "fn_input_autopick": where + "micrographs_selected.star",
        **_log_switches(job, "log"),
    }
    reason = "On the micrographs you ticked."
    hints.append(
        Hint("Pick by Laplacian of Gaussian", reason, _fresh(job, "autopick", log))
    )
    return hints


def _extract(like: Job, micrographs: str, picks: str, earlier: Earlier) -> Hint:
    values: dict[str, str | bool] = {"star_mics": micrographs, "coords_suffix": picks}
    reason = "Cuts the picked particles out of the micrographs."
    return Hint("Extract particles", reason, _new(like, "extract", values, earlier))


def _after_autopick(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    hints = []
    if job.flag("do_write_fom_maps"):
        again = job.continued().replace("do_write_fom_maps", False)
        again = again.replace("do_read_fom_maps", True)
        reason = "The FOM maps are stored, so each try takes seconds."
        hints.append(Hint("Try other thresholds", reason, again, where.rstrip("/")))
    if job.flag("do_read_fom_maps") or job.flag("do_write_fom_maps"):
        everything = _micrographs(earlier) or job.text("fn_input_autopick")
        all_of_them = job.continued(False).replace("do_read_fom_maps", False)
        all_of_them = all_of_them.replace("do_write_fom_maps", False)
        all_of_them = all_of_them.replace("fn_input_autopick", everything)
        reason = "With the thresholds you have found; no FOM maps."
        hints.append(Hint("Pick on all micrographs", reason, all_of_them))
    picks = _made(job, where, "MicrographsCoords")
    if picks:
        hints.append(_extract(job, job.text("fn_input_autopick"), picks, earlier))
    return hints


def _classify(like: Job, particles: str, facts: Facts, earlier: Earlier) -> Hint:
    values: dict[str, str | bool] = {"fn_img": particles}
    if facts.particles:
        # about 100 particles a class, but 50 classes serve well (RELION's tutorial)
        classes = max(50, min(200, round(facts.particles / 100)))
        values["nr_classes"] = str(min(classes, max(1, facts.particles // 20)))
    size = _diameter(earlier)
    if size:
        values["particle_diameter"] = f"{size:g}"
    job = _new(like, "class2d", values, earlier)
    reason = "Shows what the particles look like and which picks are junk."
    return Hint("Classify in 2D", reason, job)


def _diameter(earlier: Earlier) -> float | None:
    """Mask for a particle of the size picked for: 10 % more, in whole tens of Å."""
    for _, job in reversed(list(earlier)):
        if job.type.key == "autopick" and autopick_branch(job) == "log":
            largest = job.number_or_none("log_diam_max")
            if largest:
                return 10.0 * math.ceil(0.11 * largest)
    return None


def _after_extract(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    return [_classify(job, where + "particles.star", facts, earlier)]


def _after_class2d(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    kind = "ClassModel" if job.version == "3.1" else "ProcessData"
    values: dict[str, str | bool] = {
        "fn_model": _made(job, where, kind),
        "do_recenter": True,
    }
    choose = _fresh(job, "select", values)
    reason = "Good classes become templates, or a clean set of particles."
    hints = [Hint("Choose classes", reason, choose)]
    optimiser = facts.last_optimiser
    if not optimiser:
        optimiser = f"{where}run_it{int(float(iterations(job))):03d}_optimiser.star"
    more = int(float(iterations(job))) + 5
    again = job.continued().replace("fn_cont", optimiser)
    key = "nr_iter" if job.version == "3.1" else "nr_iter_em"
    key = "nr_iter_grad" if job.flag("do_grad", False) else key
    again = again.replace(key, str(more))
    reason = "If the averages still change; a finer angular sampling may help."
    hints.append(Hint("Five more iterations", reason, again, where.rstrip("/")))
    return hints


def _after_select(job: Job, where: str, facts: Facts, earlier: Earlier) -> list[Hint]:
    name = task(job)
    if name in {"micrographs", "coordinates"} or (
        name in {"values", "statistics", "split"} and job.text("fn_mic")
    ):
        suffix = "_split1" if name == "split" else ""
        listed = _made(job, where, "MicrographsData")
        listed = listed or f"{where}micrographs{suffix}.star"
        return _after_micrographs(job, listed, facts)
    particles = "particles_split1.star" if name == "split" else "particles.star"
    hints = [_classify(job, where + particles, facts, earlier)]
    averages = _made(job, where, "ImagesData")
    if averages:
        values: dict[str, str | bool] = {
            "fn_refs_autopick": averages,
            "fn_input_autopick": _micrographs(earlier),
            "do_write_fom_maps": False,
            "do_read_fom_maps": False,
            **_log_switches(job, "references"),
        }
        templates = _fresh(job, "autopick", values)
        reason = "Uses the chosen class averages as references."
        hints.insert(0, Hint("Pick with templates", reason, templates))
    return hints


_TELLERS: dict[str, Callable[[Job, str, Facts, Earlier], list[Hint]]] = {
    "import": _after_import,
    "ctffind": _after_ctffind,
    "manualpick": _after_manualpick,
    "autopick": _after_autopick,
    "extract": _after_extract,
    "class2d": _after_class2d,
    "select": _after_select,
}
