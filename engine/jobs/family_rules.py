"""What each job type refuses, and what it should have warned about.

Refusals are RELION's own; warnings are ours. `RELION_ONLY` lists what cryodeck's
engine leaves to RELION.
"""

from __future__ import annotations

import re

from engine.jobs.active import autopick_branch
from engine.jobs.command_lines import background_radius, iteration_of, iterations
from engine.jobs.facts import Facts
from engine.jobs.job import Job
from engine.jobs.problem import ERROR, WARNING, Problem
from engine.jobs.running import ENGINE_KEY

# job type -> (switch, what it is)
RELION_ONLY = {
    "autopick": (
        ("do_topaz", "Topaz"),
        ("do_pick_helical_segments", "filaments"),
    ),
    "extract": (("do_extract_helix", "helical segments"),),
    "class2d": (("do_helix", "helical segments"),),
    "select": (("do_filaments", "filament selection"),),
}


def relion_only(job: Job) -> list[Problem]:
    """Report what cryodeck's engine leaves to RELION."""
    if job.engine != "cryodeck":
        return []
    if not job.type.engine_can:
        message = f"cryodeck's engine has no {job.type.title}; choose relion"
        return [Problem(ENGINE_KEY, message)]
    return [
        Problem(
            key,
            f"cryodeck's engine does not do {what}; set 'Which program does the "
            "work?' to relion, or say No here",
        )
        for key, what in RELION_ONLY.get(job.type.key, ())
        if job.flag(key, False)
    ]


def needs(job: Job, key: str, what: str) -> list[Problem]:
    """Report a field that must not be empty."""
    return [] if job.text(key, "") else [Problem(key, f"is empty; choose {what}")]


def _positive(job: Job, *keys: str) -> list[Problem]:
    return [
        Problem(key, f"must be more than 0, not {job.text(key)}")
        for key in keys
        if job.number(key, 1.0) <= 0
    ]


def import_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of Import."""
    raw, other = job.flag("do_raw"), job.flag("do_other")
    if raw == other:
        message = (
            "exactly one of raw movies/micrographs and other node types must be Yes; "
            + ("both are" if raw else "neither is")
        )
        return [Problem("do_raw", message)]
    key = "fn_in_raw" if raw else "fn_in_other"
    path = job.text(key)
    problems = needs(job, key, "files to import")
    if path.startswith("/") or "../" in path:
        message = (
            "must lie inside the project and be relative to it; "
            "link the folder into the project first"
        )
        problems.append(Problem(key, message))
    group_key = "optics_group_name" if raw else "optics_group_particles"
    group = job.text(group_key)
    name = group.removeprefix("$$")
    if (raw and not group) or (group and not re.fullmatch(r"[A-Za-z0-9-]+", name)):
        message = "letters, digits and hyphens only, and at least one"
        problems.append(Problem(group_key, message))
    if raw:
        problems += _positive(job, "angpix", "kV")
        if not 0 <= job.number("Q0") <= 1:
            problems.append(Problem("Q0", "is a fraction between 0 and 1"))
        if "*" not in path and "?" not in path and path:
            message = "no * in the name: only this one file will be imported"
            problems.append(Problem(key, message, WARNING))
    else:
        node_type = job.text("node_type")
        if node_type.startswith("Movie-particles"):
            message = "RELION 3.1 lists this type but does not know how to import it"
            problems.append(Problem("node_type", message))
        if node_type.startswith("Particle coordinates") and "*" not in path:
            message = (
                "needs a * right before the suffix that all coordinate files share, "
                "as in Movies/*_pick.star"
            )
            problems.append(Problem(key, message))
    return problems


def ctffind_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of CTF estimation."""
    problems = relion_only(job)
    problems += needs(job, "input_star_mics", "a list of micrographs")
    gctf = job.flag("use_gctf", False)
    if job.version != "5.0" and not gctf and not job.flag("use_ctffind4"):
        message = "choose a program: set this or Use Gctf to Yes"
        problems.append(Problem("use_ctffind4", message))
    if gctf and re.search(r"--phase_shift_[LHS]", job.text("other_gctf_args")):
        message = "phase shifts have fields of their own; take them out here"
        problems.append(Problem("other_gctf_args", message))
    if not gctf:
        problems += needs(job, "fn_ctffind_exe", "CTFFIND's path on the cluster")
    if job.number("resmin") <= job.number("resmax"):
        message = "must be a larger number of Å than the maximum resolution"
        problems.append(Problem("resmin", message))
    if job.number("dfmin") >= job.number("dfmax"):
        problems.append(Problem("dfmin", "must be less than the maximum defocus"))
    return problems


def manualpick_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of Manual picking."""
    problems = relion_only(job) + needs(job, "fn_in", "a list of micrographs")
    return problems + _positive(job, "micscale", "diameter")


def autopick_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of Auto-picking."""
    problems = relion_only(job)
    problems += needs(job, "fn_input_autopick", "a list of micrographs")
    if job.version != "3.1":
        chosen = [k for k in ("do_refs", "do_log", "do_topaz") if job.flag(k)]
        by_hand = continuing and job.flag("continue_manual")
        if len(chosen) != 1 and not by_hand:
            said = f"{len(chosen)} are" if chosen else "none is"
            message = (
                "exactly one of template matching, Laplacian of Gaussian and Topaz "
                f"must be Yes; {said}"
            )
            problems.append(Problem(chosen[-1] if chosen else "do_refs", message))
            return problems
    branch = autopick_branch(job)
    if branch == "log":
        problems += _log_rules(job, facts)
    elif branch == "references":
        problems += _reference_rules(job, continuing, facts)
    elif branch == "topaz":
        problems += _topaz_rules(job)
    if job.flag("do_write_fom_maps") and job.flag("do_read_fom_maps"):
        message = "with both, maps are only read and nothing is written; say No to one"
        problems.append(Problem("do_read_fom_maps", message, WARNING))
    return problems


def _log_rules(job: Job, facts: Facts) -> list[Problem]:
    problems = _positive(job, "log_diam_min", "log_diam_max")
    if job.number("log_diam_min") > job.number("log_diam_max"):
        message = "is larger than the maximum diameter; swap them"
        problems.append(Problem("log_diam_min", message))
    if job.flag("use_gpu"):
        message = "the Laplacian-of-Gaussian picker needs no GPU; say No"
        problems.append(Problem("use_gpu", message))
    lowpass = job.number_or_none("log_maxres")
    if lowpass and lowpass > job.number("log_diam_min") / 2:
        message = (
            f"at {lowpass:g} Å a particle of {job.text('log_diam_min')} Å is hardly "
            "visible; give a smaller number"
        )
        problems.append(Problem("log_maxres", message, WARNING))
    return problems + _nyquist(job, "log_maxres", facts)


def _nyquist(job: Job, key: str, facts: Facts) -> list[Problem]:
    limit = job.number_or_none(key)
    if limit and facts.pixel_size and limit < 2 * facts.pixel_size:
        message = (
            f"{limit:g} Å is beyond what pixels of {facts.pixel_size:g} Å can hold "
            f"({2 * facts.pixel_size:g} Å); it has no effect"
        )
        return [Problem(key, message, WARNING)]
    return []


def _reference_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    is_map = job.flag("do_ref3d")
    key = "fn_ref3d_autopick" if is_map else "fn_refs_autopick"
    problems = needs(job, key, "a map" if is_map else "class averages as templates")
    problems += _positive(job, "psi_sampling_autopick")
    if not job.flag("do_pick_helical_segments"):
        problems += [
            Problem(k, "must not be negative")
            for k in ("mindist_autopick", "shrink")
            if job.number(k) < 0
        ]
    low, high = job.number_or_none("lowpass"), job.number_or_none("highpass")
    if low and high and high <= low:
        message = f"must be a larger number of Å than the low-pass filter ({low:g})"
        problems.append(Problem("highpass", message))
    if low and low < 15:
        message = (
            f"templates as sharp as {low:g} Å make noise look like particles; "
            "20 is safer"
        )
        problems.append(Problem("lowpass", message, WARNING))
    if job.flag("do_ctf_autopick") and facts.has_ctf is False:
        message = "the input list has no CTF values; estimate them or say No"
        problems.append(Problem("do_ctf_autopick", message))
    if not continuing and job.flag("do_read_fom_maps"):
        message = (
            "there are no maps in a new job; write them first, then continue that job"
        )
        problems.append(Problem("do_read_fom_maps", message))
    return problems + _nyquist(job, "lowpass", facts)


def _topaz_rules(job: Job) -> list[Problem]:
    train, pick = job.flag("do_topaz_train"), job.flag("do_topaz_pick")
    if train == pick:
        message = "exactly one of Topaz training and Topaz picking must be Yes"
        return [Problem("do_topaz_pick", message)]
    if train and not job.flag("use_gpu"):
        return [Problem("use_gpu", "Topaz training needs a GPU; say Yes")]
    return []


def extract_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of Particle extraction."""
    problems = relion_only(job) + needs(job, "star_mics", "a list of micrographs")
    if job.flag("do_reextract"):
        problems += needs(job, "fndata_reextract", "a particle list")
        if job.flag("do_reset_offsets") and job.flag("do_recenter"):
            message = "offsets are either reset or re-centered; say No to one"
            problems.append(Problem("do_recenter", message))
    else:
        problems += needs(job, "coords_suffix", "coordinates")
    if job.flag("cryodeck_set_angpix", False):
        problems += _positive(job, "cryodeck_angpix")
        if job.engine != "cryodeck":
            message = "RELION takes it from the list; say No, or let cryodeck do it"
            problems.append(Problem("cryodeck_set_angpix", message))
    problems += _positive(job, "extract_size")
    box = job.number("extract_size")
    if box % 2:
        problems.append(Problem("extract_size", f"{box:g} is odd; give an even box"))
    if job.flag("do_rescale"):
        small = job.number("rescale")
        problems += _positive(job, "rescale")
        if small % 2:
            problems.append(Problem("rescale", f"{small:g} is odd; give an even size"))
        if small > box:
            message = f"larger than the box of {box:g}: adds pixels, not information"
            problems.append(Problem("rescale", message, WARNING))
    if job.flag("do_norm") and not any(p.is_error for p in problems):
        problems += _background(job, box)
    else:
        message = "particles that are not normalized upset every later step; say Yes"
        if not job.flag("do_norm"):
            problems.append(Problem("do_norm", message, WARNING))
    return problems


def _background(job: Job, box: float) -> list[Problem]:
    written = job.number("rescale") if job.flag("do_rescale") else box
    radius = background_radius(job)
    if 2 * radius >= written or radius <= 0:
        message = (
            f"the circle must lie inside the box of {box:g} px and leave corners; "
            "-1 takes 75 % of the box"
        )
        return [Problem("bg_diameter", message)]
    return []


def class2d_rules(job: Job, continuing: bool, facts: Facts) -> list[Problem]:
    """Refusals of 2D classification."""
    problems = relion_only(job)
    if continuing:
        problems += _continue_rules(job)
    else:
        problems += needs(job, "fn_img", "a particle list")
        problems += _positive(job, "nr_classes")
    if job.version != "3.1":
        em, grad = job.flag("do_em"), job.flag("do_grad")
        if em == grad:
            said = "both are" if em else "neither is"
            message = f"exactly one of EM and VDAM must be Yes; {said}"
            problems.append(Problem("do_grad", message))
        elif grad and job.engine != "cryodeck" and job.integer("nr_mpi") > 1:
            message = "VDAM runs in one process only; set 1, or use EM"
            problems.append(Problem("nr_mpi", message))
    problems += _positive(job, "tau_fudge", "particle_diameter", "nr_pool")
    if int(float(iterations(job))) < 1:
        key = "nr_iter" if job.version == "3.1" else "nr_iter_em"
        problems.append(Problem(key, "at least one iteration is needed"))
    if job.flag("dont_skip_align"):
        problems += _positive(job, "psi_sampling", "offset_step")
    is_own = job.engine == "cryodeck"
    if is_own and job.flag("do_fast_subsets", False) and job.number("nr_iter") < 20:
        message = "subsets grow over 20 iterations; do at least those"
        problems.append(Problem("nr_iter", message))
    if is_own and job.flag("use_gpu"):
        message = "cryodeck classifies on processors; say No to leave GPUs to others"
        problems.append(Problem("use_gpu", message, WARNING))
    return problems + _particle_rules(job, facts)


def _continue_rules(job: Job) -> list[Problem]:
    path = job.text("fn_cont")
    if not path:
        message = "is empty; choose the iteration to go on from (_optimiser.star)"
        return [Problem("fn_cont", message)]
    if not re.search(r"_it\d+_optimiser\.star$", path):
        message = f"{path!r} is not a run_itNNN_optimiser.star"
        return [Problem("fn_cont", message)]
    done, wanted = iteration_of(path), int(float(iterations(job)))
    if wanted <= done:
        key = "nr_iter" if job.version == "3.1" else "nr_iter_em"
        key = "nr_iter_grad" if job.flag("do_grad", False) else key
        message = (
            f"ends at iteration {wanted}, but {path.rpartition('/')[2]} has done "
            f"{done}; give a number above {done}"
        )
        return [Problem(key, message)]
    return []


def _particle_rules(job: Job, facts: Facts) -> list[Problem]:
    problems = []
    if facts.box_px and facts.pixel_size:
        edge = facts.box_px * facts.pixel_size
        if job.number("particle_diameter") > edge:
            message = f"larger than the box, which is {edge:.0f} Å wide"
            level = ERROR if job.engine == "cryodeck" else WARNING
            problems.append(Problem("particle_diameter", message, level))
    classes = job.number("nr_classes")
    if facts.particles and classes > facts.particles:
        message = f"{classes:g} classes for {facts.particles} particles; give fewer"
        problems.append(Problem("nr_classes", message))
    elif facts.particles and facts.particles / max(classes, 1) < 15:
        message = (
            f"{facts.particles / classes:.0f} particles a class on average; "
            "about 100 make good averages"
        )
        problems.append(Problem("nr_classes", message, WARNING))
    if facts.has_ctf is False and job.flag("do_ctf_correction"):
        message = "the particles have no CTF values; say No or extract with CTF"
        problems.append(Problem("do_ctf_correction", message))
    return problems
