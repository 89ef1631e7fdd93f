"""What a 2D classification is to do: its form unpacked, Å made pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Optics
from engine.classification.mini_batches import FULL_PASSES, enough_per_iteration
from engine.classification.sampling import Sampling
from engine.classification.state import Settings
from engine.errors import InputError
from engine.io.mrc import read_images
from engine.io.star import read_star, table_with
from engine.jobs.command_lines import iterations
from engine.jobs.job import Job
from engine.programs.arguments import Arguments, parse_arguments
from engine.programs.context import Context
from engine.programs.particle_set import ParticleSet

_SWITCHES = frozenset(
    [
        "--dont_check_norm",
        "--reseed_classes",
        "--no_reseeding",
        "--full_passes",
        "--class_prior",
        "--micrograph_noise",
        "--mini_batches",
        "--ctf_corrected_ref",
        "--compat",
    ]
)
_VALUED = frozenset(
    ["--random_seed", "--ref", "--offset", "--perturb", "--ini_high", "--verb"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The form beside the numerics' own settings.

    Attributes
    ----------
    settings : Settings
    arguments : Arguments
    preread, parallel_io : bool
    scratch : str
        Empty for none.
    through_disc : bool
        Sums of the ranks travel through files.
    has_micrograph_noise : bool
        Noise power per micrograph group instead of optics group.
    is_compat : bool
        Iterations over pixels, exactly as RELION 3.1 does them.
    """

    settings: Settings
    arguments: Arguments
    preread: bool
    parallel_io: bool
    scratch: str
    through_disc: bool
    has_micrograph_noise: bool
    is_compat: bool


def read_options(context: Context, particles: ParticleSet) -> Options:
    """The form of a job for a particle list.

    Raises
    ------
    InputError
        If the form asks for what makes no sense, or what this engine cannot do.
    """
    job = context.job
    _refuse(job)
    arguments = parse_arguments(
        job.text("other_args", ""), switches=_SWITCHES, valued=_VALUED
    )
    if job.flag("do_ctf_correction") and not particles.ctf_values:
        message = (
            f"{particles.path}: no CTF values (rlnDefocusU); say No to CTF-correction "
            "or run CTF estimation and extract again"
        )
        raise InputError(message)
    is_compat = job.flag("cryodeck_compat", False) or arguments.has("--compat")
    is_asked = job.flag("do_grad", False) or arguments.has("--mini_batches")
    has_mini_batches = is_asked or (not is_compat and _by_default(job, arguments))
    if is_compat and is_asked:
        message = (
            "Exactly as RELION does it: VDAM and mini-batches cannot be; use the EM "
            "algorithm, or let RELION run this job"
        )
        raise InputError(message)
    if is_compat and context.is_leader:
        context.warn(
            "exactly as RELION 3.1 does it, defects too: slow, one thread per process"
        )
    pixel = particles.pixel_size
    sampling = Sampling(
        psi_step_deg=_at_least(job, "psi_sampling", 0.1),
        offset_step_px=_at_least(job, "offset_step", 0.05),
        offset_range_px=max(0.0, job.number("offset_range")),
    )
    settings = Settings(
        n_classes=int(_at_least(job, "nr_classes", 1)),
        n_iterations=int(float(iterations(job))),
        tau_fudge=_at_least(job, "tau_fudge", 1e-6),
        sampling=sampling,
        optics=_optics(job, particles),
        has_fast_subsets=job.flag("do_fast_subsets", False),
        does_align=job.flag("dont_skip_align"),
        allows_coarser=job.flag("allow_coarser", False),
        perturbation_factor=arguments.number("--perturb", 0.5),
        seed=abs(int(arguments.number("--random_seed", 1))),
        batch_size=max(16, job.integer("nr_pool", 3)),
        n_threads=max(1, job.integer("nr_threads", 1)),
        offset_sigma_px=arguments.number("--offset", 10.0) / pixel,
        has_class_prior=is_compat or arguments.has("--class_prior"),
        centers_classes=job.flag("do_center", False),
        reseeds_classes=_reseeds(arguments, has_mini_batches),
        has_mini_batches=has_mini_batches,
        mini_batches_per_iteration=_per_iteration(job),
        reference_resolution_angstrom=_resolution(arguments),
        references_are_ctf_corrected=not is_compat
        or not arguments.has("--ref")
        or arguments.has("--ctf_corrected_ref"),
    )
    _check_sizes(context, settings, particles)
    return Options(
        settings=settings,
        arguments=arguments,
        preread=job.flag("do_preread_images", False),
        parallel_io=job.flag("do_parallel_discio", True),
        scratch=""
        if job.flag("do_preread_images", False)
        else job.text("scratch_dir", "").strip(),
        through_disc=job.flag("do_combine_thru_disc", False),
        has_micrograph_noise=is_compat or arguments.has("--micrograph_noise"),
        is_compat=is_compat,
    )


def _by_default(job: Job, arguments: Arguments) -> bool:
    """Whether iterations that a form counts are made of mini-batches."""
    if arguments.has("--full_passes") or job.flag("do_fast_subsets", False):
        return False
    return job.flag("dont_skip_align") and int(float(iterations(job))) > FULL_PASSES


def _per_iteration(job: Job) -> int:
    """Mini-batches of an iteration: VDAM's number counts them, others iterations."""
    if job.flag("do_grad", False):
        return 1
    return enough_per_iteration(int(float(iterations(job))))


def _reseeds(arguments: Arguments, has_mini_batches: bool) -> bool:
    """Whether empty classes are seeded anew; not against given references."""
    if arguments.has("--no_reseeding") or arguments.has("--ref"):
        return False
    return has_mini_batches or arguments.has("--reseed_classes")


def _resolution(arguments: Arguments) -> float | None:
    """Low-pass of given references (--ini_high) in Å."""
    value = arguments.number("--ini_high", -1.0)
    return value if value > 0 else None


def _refuse(job: Job) -> None:
    if job.flag("do_helix", False):
        message = (
            "Classify 2D helical segments: cryodeck's engine cannot do it; say No, or "
            "let RELION run this job"
        )
        raise InputError(message)


def _at_least(job: Job, key: str, least: float) -> float:
    value = job.number(key)
    if value < least:
        title = job.option(key).title
        message = f"Class2D: {title} ({key}) is {value:g}; it must be {least:g} or more"
        raise InputError(message)
    return value


def _optics(job: Job, particles: ParticleSet) -> Optics:
    box, pixel = particles.box_px, particles.pixel_size
    diameter = job.number("particle_diameter")
    radius = diameter / 2 / pixel if diameter > 0 else (box - 5) / 2
    limit = job.number_or_none("highres_limit")
    ring = None if limit is None else max(2, round(box * pixel / limit))
    return Optics(
        pixel_size=pixel,
        radius_px=radius,
        do_ctf=job.flag("do_ctf_correction"),
        is_intact_until_first_peak=job.flag("ctf_intact_first_peak", False),
        is_premultiplied=particles.is_premultiplied,
        fills_with_zeros=job.flag("do_zero_mask"),
        finest_search_ring=ring,
    )


def _check_sizes(context: Context, settings: Settings, particles: ParticleSet) -> None:
    box, radius = particles.box_px, settings.optics.radius_px
    if radius > box / 2:
        message = (
            f"Class2D: the mask diameter of {2 * radius * particles.pixel_size:g} A is "
            f"larger than the box of {box * particles.pixel_size:g} A"
        )
        raise InputError(message)
    if radius < 3:
        message = "Class2D: the mask diameter is below 6 pixels; give it in A"
        raise InputError(message)
    if settings.has_fast_subsets and settings.n_iterations < 20:
        message = (
            "Class2D: fast subsets need at least 20 iterations; the last ones use all "
            "particles"
        )
        raise InputError(message)
    if settings.n_classes > len(particles):
        message = (
            f"Class2D: {settings.n_classes} classes for {len(particles)} particles; "
            "ask for fewer"
        )
        raise InputError(message)
    if context.is_leader and len(particles) < 5 * settings.n_classes:
        context.warn(
            f"{len(particles)} particles for {settings.n_classes} classes: about 100 "
            "per class are usual"
        )


def read_references(path: str, n_classes: int, particles: ParticleSet) -> Array:
    """References of a stack or a list of them, (class, y, x), on the data's scale.

    Raises
    ------
    InputError
        If their number or size does not fit.
    """
    if path.endswith(".star"):
        tables = read_star(path)
        table = table_with(tables, "rlnReferenceImage")
        if table is None:
            message = f"{path}: no column rlnReferenceImage; are these references?"
            raise InputError(message)
        images = []
        for name in table.text("rlnReferenceImage"):
            number, at, stack = name.partition("@")
            place = int(number) - 1 if at else 0
            images.append(read_images(stack if at else name, [place])[0])
        references = np.stack(images)
    else:
        references = read_images(path)
    if references.shape[1:] != (particles.box_px, particles.box_px):
        message = (
            f"{path}: references of {references.shape[2]} px for particles of "
            f"{particles.box_px} px; resize them"
        )
        raise InputError(message)
    if len(references) != n_classes:
        message = (
            f"{path}: {len(references)} references for {n_classes} classes; "
            "set the number of classes to theirs"
        )
        raise InputError(message)
    return references
