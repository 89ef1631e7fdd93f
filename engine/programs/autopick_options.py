"""What an autopick job is to do: its form and its additional arguments, unpacked."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InputError
from engine.jobs.job import Job
from engine.programs.arguments import Arguments, parse_arguments

#: More micrographs than this with FOM maps fill a disk; RELION's limit.
FOM_MAP_LIMIT = 30

#: The form's "3D angular sampling" in degrees -> HEALPix order.
_HEALPIX_ORDERS = {
    text: order
    for order, text in enumerate(
        ("30", "15", "7.5", "3.7", "1.8", "0.9", "0.5", "0.2", "0.1"), 1
    )
}

_SWITCHES = frozenset(
    [
        "--LoG",
        "--Log_invert",
        "--LoG_use_ctf",
        "--skip_optimise_scale",
        "--write_fom_maps",
        "--read_fom_maps",
        "--no_fom_limit",
        "--only_do_unfinished",
        "--invert",
        "--ctf",
        "--ctf_intact_first_peak",
        "--compat",
        "--subpixel",
        "--avoid_contamination",
    ]
)
_VALUED = frozenset(
    [
        "--LoG_diam_min",
        "--LoG_diam_max",
        "--LoG_neighbour",
        "--LoG_adjust_threshold",
        "--LoG_upper_threshold",
        "--Log_max_search",
        "--lowpass",
        "--highpass",
        "--shrink",
        "--outlier_removal_zscore",
        "--skip_side",
        "--random_seed",
        "--verb",
        "--angpix",
        "--angpix_ref",
        "--ref",
        "--ang",
        "--particle_diameter",
        "--shrink_particle_mask",
        "--threshold",
        "--min_distance",
        "--max_stddev_noise",
        "--min_avg_noise",
        "--sym",
        "--healpix_order",
        "--gauss_max",
        "--pad",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What both ways of picking share."""

    micrographs: str  # list
    lowpass_angstrom: float | None
    shrink: float
    optimise_size: bool
    outlier_zscore: float
    skip_side_px: float
    write_fom_maps: bool
    read_fom_maps: bool
    fom_limit: bool
    only_unfinished: bool
    random_seed: int
    is_compatible: bool  # exactly as RELION does it, defects too
    subpixel: bool
    avoid_contamination: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplacianOptions:
    """The Laplacian tab."""

    diameter_min: float  # Å
    diameter_max: float  # Å
    max_search: float
    is_white: bool
    use_ctf: bool
    adjust: float  # standard deviations
    upper: float  # standard deviations
    neighbour_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateOptions:
    """The References tab and what of autopicking only templates use."""

    references: str
    is_volume: bool
    symmetry: str
    healpix_order: int
    reference_pixel_size: float | None  # Å; None: from the references
    mask_diameter: float | None  # Å; None: from the references
    shrink_mask_px: int
    psi_step_deg: float
    is_inverted: bool
    use_ctf: bool
    ctf_intact_first_peak: bool
    highpass_angstrom: float | None
    threshold: float
    min_distance: float | None  # Å; None: half the box
    max_stddev_noise: float | None
    min_avg_noise: float | None
    gauss_max: float
    padding: int
    gpu_ids: str | None  # RELION's list; None: no GPU


def read_arguments(job: Job) -> Arguments:
    """The job's additional arguments."""
    return parse_arguments(
        job.text("other_args", ""),
        switches=_SWITCHES,
        valued=_VALUED,
        optional=frozenset({"--gpu"}),
    )


def uses_laplacian(job: Job, arguments: Arguments) -> bool:
    """Whether the job picks by LoG rather than by references.

    Raises
    ------
    InputError
        If the form asks for what this engine cannot do.
    """
    if job.flag("do_topaz", False):
        message = "Topaz: cryodeck's engine cannot run it; let RELION run this job"
        raise InputError(message)
    is_log = job.flag("do_log") or arguments.has("--LoG")
    if job.flag("do_pick_helical_segments", False) and not is_log:
        message = (
            "Pick 2D helical segments: cryodeck's engine cannot do it; say No, or let "
            "RELION run this job"
        )
        raise InputError(message)
    if job.version != "3.1" and not is_log and not job.flag("do_refs", False):
        message = "choose a way to pick: references or Laplacian-of-Gaussian"
        raise InputError(message)
    if job.version != "3.1" and job.flag("do_log") and job.flag("do_refs", False):
        message = "choose one way to pick: references or Laplacian-of-Gaussian"
        raise InputError(message)
    return is_log


def common_options(job: Job, arguments: Arguments) -> CommonOptions:
    """The options of both ways of picking."""
    micrographs = job.text("fn_input_autopick").strip()
    if not micrographs:
        message = (
            "Input micrographs for autopick is empty: choose a list of micrographs"
        )
        raise InputError(message)
    is_log = uses_laplacian(job, arguments)
    lowpass = job.number("log_maxres" if is_log else "lowpass")
    lowpass = arguments.number("--lowpass", lowpass)
    shrink = 0.0 if is_log else job.number("shrink")
    writes = job.flag("do_write_fom_maps") or arguments.has("--write_fom_maps")
    reads = job.flag("do_read_fom_maps") or arguments.has("--read_fom_maps")
    compatible = job.flag("cryodeck_compat", False) or arguments.has("--compat")
    return CommonOptions(
        micrographs=micrographs,
        lowpass_angstrom=lowpass if lowpass > 0 else None,
        shrink=arguments.number("--shrink", shrink),
        optimise_size=not arguments.has("--skip_optimise_scale"),
        outlier_zscore=arguments.number("--outlier_removal_zscore", 8.0),
        skip_side_px=arguments.number("--skip_side", 0.0),
        write_fom_maps=writes and not reads,
        read_fom_maps=reads,
        fom_limit=not arguments.has("--no_fom_limit"),
        only_unfinished=arguments.has("--only_do_unfinished")
        or (job.is_continue and not writes and not reads),
        random_seed=int(arguments.number("--random_seed", 1)),
        is_compatible=compatible,
        subpixel=arguments.has("--subpixel") or not (is_log or compatible),
        avoid_contamination=arguments.has("--avoid_contamination")
        or _avoids(job, by_default=not (is_log or compatible)),
    )


def _avoids(job: Job, *, by_default: bool) -> bool:
    says = job.text("cryodeck_avoid_contamination", "Automatic")
    return by_default if says == "Automatic" else says == "Yes"


def laplacian_options(job: Job, arguments: Arguments) -> LaplacianOptions:
    """The options of the Laplacian tab."""
    if _wants_gpu(job, arguments):
        message = (
            "Use GPU acceleration?: Laplacian-of-Gaussian does not need a GPU; say No"
        )
        raise InputError(message)
    get = arguments.number
    low = get("--LoG_diam_min", job.number("log_diam_min"))
    high = get("--LoG_diam_max", job.number("log_diam_max"))
    if low <= 0 or high <= 0:
        message = "diameters for the LoG filter must be above 0 Å"
        raise InputError(message)
    if low > high:
        message = f"the min. diameter ({low:g} Å) is above the max. ({high:g} Å)"
        raise InputError(message)
    upper = get("--LoG_upper_threshold", job.number("log_upper_thr"))
    return LaplacianOptions(
        diameter_min=low,
        diameter_max=high,
        max_search=get("--Log_max_search", 5.0),
        is_white=job.flag("log_invert") or arguments.has("--Log_invert"),
        use_ctf=arguments.has("--LoG_use_ctf"),
        adjust=get("--LoG_adjust_threshold", job.number("log_adjust_thr")),
        upper=upper if upper < 999 else 99999.0,
        neighbour_percent=get("--LoG_neighbour", 100.0),
    )


def template_options(job: Job, arguments: Arguments) -> TemplateOptions:
    """The options of the References tab and of autopicking."""
    get = arguments.number
    is_volume = job.flag("do_ref3d")
    key = "fn_ref3d_autopick" if is_volume else "fn_refs_autopick"
    references = arguments.text("--ref", job.text(key)).strip()
    if not references:
        message = f"{job.option(key).label.rstrip(' :')} is empty: choose references"
        raise InputError(message)
    step = get("--ang", job.number("psi_sampling_autopick"))
    if not 0 < step <= 360:
        message = f"In-plane angular sampling (deg): {step:g} is not between 0 and 360"
        raise InputError(message)
    sampling = job.text("ref3d_sampling").split(" ")[0]
    order = get("--healpix_order", _HEALPIX_ORDERS.get(sampling, 1))
    diameter = get("--particle_diameter", job.number("particle_diameter", -1.0))
    return TemplateOptions(
        references=references,
        is_volume=is_volume,
        symmetry=arguments.text("--sym", job.text("ref3d_symmetry")).strip() or "C1",
        healpix_order=int(order),
        reference_pixel_size=_positive(get("--angpix_ref", job.number("angpix_ref"))),
        mask_diameter=_positive(diameter),
        shrink_mask_px=int(get("--shrink_particle_mask", 2)),
        psi_step_deg=360.0 / max(1, int(360.0 / step + 0.5)),
        is_inverted=job.flag("do_invert_refs") or arguments.has("--invert"),
        use_ctf=job.flag("do_ctf_autopick") or arguments.has("--ctf"),
        ctf_intact_first_peak=job.flag("do_ignore_first_ctfpeak_autopick")
        or arguments.has("--ctf_intact_first_peak"),
        highpass_angstrom=_positive(get("--highpass", job.number("highpass"))),
        threshold=get("--threshold", job.number("threshold_autopick")),
        min_distance=_not_negative(
            get("--min_distance", job.number("mindist_autopick"))
        ),
        max_stddev_noise=_positive(
            get("--max_stddev_noise", job.number("maxstddevnoise_autopick"))
        ),
        min_avg_noise=_above(
            get("--min_avg_noise", job.number("minavgnoise_autopick")), -900.0
        ),
        gauss_max=get("--gauss_max", 0.1),
        padding=int(get("--pad", 2)),
        gpu_ids=arguments.text("--gpu", job.text("gpu_ids", ""))
        if _wants_gpu(job, arguments)
        else None,
    )


def _wants_gpu(job: Job, arguments: Arguments) -> bool:
    return job.flag("use_gpu", False) or arguments.has("--gpu")


def _positive(value: float) -> float | None:
    return value if value > 0 else None


def _not_negative(value: float) -> float | None:
    return value if value >= 0 else None


def _above(value: float, limit: float) -> float | None:
    return value if value > limit else None
