"""What an extract job is to do: its form and its additional arguments, unpacked."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InputError
from engine.extraction.extractor import ExtractionSettings
from engine.jobs.job import Job
from engine.programs.arguments import Arguments, parse_arguments

_SWITCHES = frozenset(
    [
        "--extract",
        "--float16",
        "--keep_ctfs_micrographs",
        "--reset_offsets",
        "--recenter",
        "--premultiply_ctf",
        "--ctf_intact_first_peak",
        "--phase_flip",
        "--only_do_unfinished",
        "--norm",
        "--no_ramp",
        "--invert_contrast",
        "--subpixel",
    ]
)
_VALUED = frozenset(
    [
        "--angpix",
        "--coord_suffix",
        "--coord_dir",
        "--coord_list",
        "--extract_size",
        "--extract_bias_x",
        "--extract_bias_y",
        "--premultiply_extract_size",
        "--recenter_x",
        "--recenter_y",
        "--recenter_z",
        "--ref_angpix",
        "--minimum_pick_fom",
        "--scale",
        "--window",
        "--bg_radius",
        "--white_dust",
        "--black_dust",
        "--random_seed",
        "--max_mpi_nodes",
        "--verb",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinateOptions:
    """Where fresh coordinates come from; `listed` or directory and suffix."""

    listed: str  # a list, or a coords_suffix file, or *SUFFIX beside the micrographs
    directory: str | None
    suffix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinedOptions:
    """Where refined particles come from and what becomes of their offsets."""

    particles: str
    reset: bool
    recenter: tuple[float, float, float] | None  # pixels of the reference
    reference_pixel_size: float | None  # Å; None: that of the particles
    keep_micrograph_ctfs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractOptions:
    """The whole form."""

    micrographs: str  # list
    pixel_size: float | None  # Å; None: from the list
    coordinates: CoordinateOptions | None
    refined: RefinedOptions | None
    settings: ExtractionSettings
    float16: bool
    minimum_fom: float | None
    bias: tuple[int, int]  # (x, y) pixels added to coordinates
    only_unfinished: bool
    random_seed: int


def extract_options(job: Job) -> ExtractOptions:
    """What the job asks for.

    Raises
    ------
    InputError
        If something is missing, contradicts itself, or this engine cannot do it.
    """
    arguments = parse_arguments(
        job.text("other_args", ""), switches=_SWITCHES, valued=_VALUED
    )
    if job.flag("do_extract_helix"):
        message = (
            "Extract helical segments: cryodeck's engine cannot do it; say No, or let "
            "RELION run this job"
        )
        raise InputError(message)
    micrographs = job.text("star_mics").strip()
    if not micrographs:
        message = "micrograph STAR file is empty: choose a list of micrographs"
        raise InputError(message)
    refined = _refined(job, arguments) if job.flag("do_reextract") else None
    return ExtractOptions(
        micrographs=micrographs,
        pixel_size=_pixel_size(job, arguments),
        coordinates=None if refined else _coordinates(job, arguments),
        refined=refined,
        settings=_settings(job, arguments),
        float16=job.flag("do_float16", False) or arguments.has("--float16"),
        minimum_fom=_minimum_fom(job, arguments),
        bias=(
            int(arguments.number("--extract_bias_x", 0)),
            int(arguments.number("--extract_bias_y", 0)),
        ),
        only_unfinished=job.is_continue or arguments.has("--only_do_unfinished"),
        random_seed=int(arguments.number("--random_seed", 1)),
    )


def _coordinates(job: Job, arguments: Arguments) -> CoordinateOptions:
    listed = arguments.text("--coord_list", job.text("coords_suffix").strip())
    suffix = arguments.text("--coord_suffix", "")
    if not listed and not suffix:
        message = "Input coordinates is empty: choose what a picking job has written"
        raise InputError(message)
    return CoordinateOptions(
        listed=listed,
        directory=arguments.text("--coord_dir", "") if suffix else None,
        suffix=suffix or None,
    )


def _refined(job: Job, arguments: Arguments) -> RefinedOptions:
    particles = job.text("fndata_reextract").strip()
    if not particles:
        message = "Refined particles STAR file is empty: choose a list of particles"
        raise InputError(message)
    reset = job.flag("do_reset_offsets") or arguments.has("--reset_offsets")
    recenter = job.flag("do_recenter") or arguments.has("--recenter")
    if reset and recenter:
        message = "offsets are either reset or re-centered: say No to one of the two"
        raise InputError(message)
    get = arguments.number
    point = (
        get("--recenter_x", job.number("recenter_x")),
        get("--recenter_y", job.number("recenter_y")),
        get("--recenter_z", job.number("recenter_z")),
    )
    reference = get("--ref_angpix", -1.0)
    return RefinedOptions(
        particles=particles,
        reset=reset,
        recenter=point if recenter else None,
        reference_pixel_size=reference if reference > 0 else None,
        keep_micrograph_ctfs=arguments.has("--keep_ctfs_micrographs"),
    )


def _pixel_size(job: Job, arguments: Arguments) -> float | None:
    by_hand = job.flag("cryodeck_set_angpix", False)
    said = job.number("cryodeck_angpix") if by_hand else -1.0
    pixel_size = arguments.number("--angpix", said)
    if by_hand and pixel_size <= 0:
        message = f"pixel size is {pixel_size:g}; give a number above 0"
        raise InputError(message)
    return pixel_size if pixel_size > 0 else None


def _minimum_fom(job: Job, arguments: Arguments) -> float | None:
    if arguments.has("--minimum_pick_fom"):
        return arguments.number("--minimum_pick_fom", 0.0)
    if job.flag("do_fom_threshold", False):
        return job.number("minimum_pick_fom")
    return None


def _settings(job: Job, arguments: Arguments) -> ExtractionSettings:
    get = arguments.number
    box = _size(get("--extract_size", job.number("extract_size")), "box size")
    scale = job.number("rescale") if job.flag("do_rescale") else -1.0
    scale = get("--scale", scale)
    window = get("--window", -1.0)
    scale_px = _size(scale, "re-scaled size") if scale > 0 else None
    window_px = _size(window, "--window") if window > 0 else None
    normalizes = job.flag("do_norm") or arguments.has("--norm")
    radius = _background_radius(job, arguments, box, scale_px) if normalizes else None
    final = window_px or scale_px or box
    if radius is not None and 2 * radius > final:
        message = (
            f"background circle: its radius of {radius} px does not fit into the "
            f"{final} px of the particles"
        )
        raise InputError(message)
    if scale_px == box:
        scale_px = None
    uses_ctf = arguments.has("--premultiply_ctf") or arguments.has("--phase_flip")
    ctf_box = max(box, int(get("--premultiply_extract_size", box)))
    return ExtractionSettings(
        box_px=box,
        ctf_box_px=_size(ctf_box, "--premultiply_extract_size") if uses_ctf else None,
        phase_flip=arguments.has("--phase_flip"),
        ctf_intact_until_first_peak=arguments.has("--ctf_intact_first_peak"),
        scale_px=scale_px,
        window_px=window_px,
        background_radius_px=radius,
        ramp=not arguments.has("--no_ramp"),
        white_dust=_dust(job, arguments, "white_dust"),
        black_dust=_dust(job, arguments, "black_dust"),
        invert=job.flag("do_invert") or arguments.has("--invert_contrast"),
        subpixel=arguments.has("--subpixel"),
    )


def _size(value: float, what: str) -> int:
    """An even number of pixels."""
    if value <= 0 or value != int(value):
        message = f"{what}: {value:g} px; give a whole number above 0"
        raise InputError(message)
    if int(value) % 2:
        message = (
            f"{what}: {value:g} px is odd, and the center of a box would not be a "
            f"pixel that every program agrees on; give {value - 1:g} or {value + 1:g}"
        )
        raise InputError(message)
    return int(value)


def _background_radius(
    job: Job, arguments: Arguments, box: int, scale_px: int | None
) -> int:
    """Radius in pixels of the scaled box, cut to a whole number as RELION's form does.

    A diameter of 0 or less is 75 % of the box.
    """
    if arguments.has("--bg_radius"):
        radius = int(arguments.number("--bg_radius", -1))
        if radius >= 0:
            return radius
    diameter = job.number("bg_diameter")
    if diameter <= 0:
        diameter = 0.75 * box
    return int(0.5 * diameter * (scale_px or box) / box)


def _dust(job: Job, arguments: Arguments, key: str) -> float | None:
    limit = arguments.number(f"--{key}", job.number(key))
    return limit if limit > 0 else None
