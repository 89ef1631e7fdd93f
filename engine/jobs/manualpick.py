"""Picking by hand."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import SINCE_4, OnContinue, file, node, number, text, yes_no

OPTIONS = (
    node(
        "fn_in",
        "Input micrographs:",
        "MicrographsData",
        "Input micrographs (*.{star,mrc})",
        on_continue=OnContinue.GREYED,
        help="List of micrographs to pick from, or one image.",
    ),
    yes_no(
        "do_startend",
        "Pick start-end coordinates helices?",
        False,
        help="Clicks are alternately the start and the end of a filament.",
    ),
    yes_no(
        "do_fom_threshold",
        "Use autopick FOM threshold?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Hide automatic picks below a figure of merit.",
    ),
    number(
        "minimum_pick_fom",
        "Minimum autopick FOM: ",
        "0",
        (-5, 10, 0.1),
        active_if=(("do_fom_threshold", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="The figure of merit below which picks are hidden.",
    ),
    number(
        "diameter",
        "Particle diameter (A):",
        "100",
        (0, 500, 50),
        unit="Å",
        help="Diameter of the circles on the screen. The coordinates do not "
        "depend on it.",
    ),
    number(
        "micscale",
        "Scale for micrographs:",
        "0.2",
        (0.1, 1, 0.05),
        help="Size on the screen relative to the file. A terminal with real pixels "
        "shows the middle of a micrograph at it if the whole would be smaller; others "
        "show the whole first.",
    ),
    number(
        "sigma_contrast",
        "Sigma contrast:",
        "3",
        (0, 10, 0.5),
        unit="σ",
        help="Black and white lie this many standard deviations from the mean. 0 "
        "uses the white and black values below.",
    ),
    number(
        "white_val",
        "White value:",
        "0",
        (0, 512, 16),
        help="Grey value shown white; used when sigma contrast is 0.",
    ),
    number(
        "black_val",
        "Black value:",
        "0",
        (0, 512, 16),
        help="Grey value shown black; used when sigma contrast is 0.",
    ),
    number(
        "lowpass",
        "Lowpass filter (A)",
        "20",
        (10, 100, 5),
        unit="Å",
        off="<=0",
        off_means="off",
        help="Low-pass filter for the screen only.",
    ),
    number(
        "highpass",
        "Highpass filter (A)",
        "-1",
        (100, 1000, 100),
        unit="Å",
        off="<=0",
        off_means="off",
        help="High-pass filter for the screen only; evens out gradients.",
    ),
    number(
        "angpix",
        "Pixel size (A)",
        "-1",
        (0.3, 5, 0.1),
        unit="Å",
        off="<=0",
        off_means="from the input",
        help="Pixel size for the filters and circles. Negative takes it from the "
        "input.",
    ),
    yes_no(
        "do_topaz_denoise",
        "OR: use Topaz denoising?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Show images denoised by Topaz instead of filtered ones.",
    ),
    yes_no(
        "do_color",
        "Blue<>red color particles?",
        False,
        help="Color the circles by a column of the particle table, from blue to red.",
    ),
    text(
        "color_label",
        "MetaDataLabel for color:",
        "rlnAutopickFigureOfMerit",
        active_if=(("do_color", "Yes"),),
        changes={"3.1": {"default": "rlnParticleSelectZScore"}},
        help="Column that gives the color.",
    ),
    file(
        "fn_color",
        "STAR file with color label: ",
        "STAR file (*.star)",
        active_if=(("do_color", "Yes"),),
        help="STAR file that holds the column; empty takes the coordinate files "
        "themselves.",
    ),
    number(
        "blue_value",
        "Blue value: ",
        "0",
        (0, 4, 0.1),
        active_if=(("do_color", "Yes"),),
        help="Value shown blue.",
    ),
    number(
        "red_value",
        "Red value: ",
        "2",
        (0, 4, 0.1),
        active_if=(("do_color", "Yes"),),
        help="Value shown red.",
    ),
    text(
        "fn_topaz_exec",
        "Topaz executable",
        active_if=(("do_topaz_denoise", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("4.0",),
        help="Path of Topaz on the cluster.",
    ),
    number(
        "ctfscale",
        "Scale for CTF image:",
        "1",
        (0.1, 2, 0.1),
        versions=("3.1",),
        help="Size of the power spectrum on the screen.",
    ),
)

LAYOUT = {
    "3.1": """
        I/O: fn_in
        Display: diameter micscale sigma_contrast white_val black_val lowpass
            highpass angpix do_startend ctfscale
        Colors: do_color color_label fn_color blue_value red_value
    """,
    "4.0": """
        I/O: fn_in do_startend do_fom_threshold minimum_pick_fom
        Display: diameter micscale sigma_contrast white_val black_val lowpass
            highpass angpix do_topaz_denoise fn_topaz_exec
        Colors: do_color color_label fn_color blue_value red_value
    """,
    "5.0": """
        I/O: fn_in do_startend do_fom_threshold minimum_pick_fom
        Display: diameter micscale sigma_contrast white_val black_val lowpass
            highpass angpix do_topaz_denoise
        Colors: do_color color_label fn_color blue_value red_value
    """,
}


def _variant(values: Mapping[str, str], version: str) -> str:
    return ".helical" if values.get("do_startend") == "Yes" else ""


TYPE = JobType(
    key="manualpick",
    folder="ManualPick",
    title="Manual picking",
    about="Picks particles by hand, or ticks which micrographs to keep.",
    number=3,
    label="relion.manualpick",
    is_interactive=True,
    gui_name="manualpick",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
)
