"""Cutting particles out of micrographs."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import SINCE_4, OnContinue, integer, node, number, yes_no

OPTIONS = (
    node(
        "star_mics",
        "micrograph STAR file: ",
        "MicrographsData",
        "Input STAR file (*.{star})",
        on_continue=OnContinue.GREYED,
        help="List of micrographs, with CTF if there is one. It may hold more "
        "micrographs than were picked.",
    ),
    node(
        "coords_suffix",
        "Input coordinates: ",
        "MicrographsCoords",
        "Input coordinates list file (*.star)",
        on_continue=OnContinue.GREYED,
        changes={"3.1": {"pattern": "Input coords_suffix file ({coords_suffix}*)"}},
        help="Coordinates, from Auto-picking or Manual picking. 3.1: a "
        "coords_suffix file; from 4.0: a list of coordinate files.",
    ),
    yes_no(
        "do_reextract",
        "OR re-extract refined particles? ",
        False,
        on_continue=OnContinue.GREYED,
        help="Extract the particles of a classification or refinement again, at "
        "their refined positions: for example at full size after a first "
        "round with small boxes.",
    ),
    node(
        "fndata_reextract",
        "Refined particles STAR file: ",
        "ParticlesData",
        "Input STAR file (*.{star})",
        active_if=(("do_reextract", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="The particle list.",
    ),
    yes_no(
        "do_reset_offsets",
        "Reset the refined offsets to zero? ",
        False,
        active_if=(("do_reextract", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Set the refined offsets to zero after extraction.",
    ),
    yes_no(
        "do_recenter",
        "OR: re-center refined coordinates? ",
        False,
        active_if=(("do_reextract", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Move the box's center to a point of the 3D reference.",
    ),
    number(
        "recenter_x",
        "Re-center on X-coordinate (in pix): ",
        "0",
        unit="px",
        active_if=(("do_reextract", "Yes"), ("do_recenter", "Yes")),
        on_continue=OnContinue.GREYED,
        row="Recenter on - X, Y, Z (pix):",
        help="The point, in pixels of the reference.",
    ),
    number(
        "recenter_y",
        "Re-center on Y-coordinate (in pix): ",
        "0",
        unit="px",
        active_if=(("do_reextract", "Yes"), ("do_recenter", "Yes")),
        on_continue=OnContinue.GREYED,
        row="Recenter on - X, Y, Z (pix):",
        help="The point, in pixels of the reference.",
    ),
    number(
        "recenter_z",
        "Re-center on Z-coordinate (in pix): ",
        "0",
        unit="px",
        active_if=(("do_reextract", "Yes"), ("do_recenter", "Yes")),
        on_continue=OnContinue.GREYED,
        row="Recenter on - X, Y, Z (pix):",
        help="The point, in pixels of the reference.",
    ),
    yes_no(
        "do_float16",
        "Write output in float16?",
        True,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Write stacks in half precision: half the disk space, no loss that "
        "matters. Older programs cannot read it.",
    ),
    integer(
        "extract_size",
        "Particle box size (pix):",
        "128",
        (64, 512, 8),
        unit="px",
        on_continue=OnContinue.GREYED,
        help="Edge of the box in pixels of the micrograph; even. One and a half "
        "to two times the particle's diameter leaves room for the CTF's "
        "spread.",
    ),
    yes_no(
        "do_invert",
        "Invert contrast?",
        True,
        on_continue=OnContinue.GREYED,
        help="Make particles white. RELION expects white particles.",
    ),
    yes_no(
        "do_norm",
        "Normalize particles?",
        True,
        on_continue=OnContinue.GREYED,
        help="Bring the background to mean 0 and standard deviation 1. Always do this.",
    ),
    number(
        "bg_diameter",
        "Diameter background circle (pix): ",
        "-1",
        (-1, 600, 10),
        unit="px",
        off="<=0",
        off_means="75 % of the box",
        active_if=(("do_norm", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Pixels outside a circle of this diameter (in pixels before "
        "rescaling) are background. It must hold the whole particle. -1: 75 "
        "% of the box.",
    ),
    number(
        "white_dust",
        "Stddev for white dust removal: ",
        "-1",
        (-1, 10, 0.1),
        unit="σ",
        off="<=0",
        off_means="off",
        active_if=(("do_norm", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Pixels brighter than this many standard deviations are replaced by "
        "noise. -1 is off; try 5 if you see such pixels.",
    ),
    number(
        "black_dust",
        "Stddev for black dust removal: ",
        "-1",
        (-1, 10, 0.1),
        unit="σ",
        off="<=0",
        off_means="off",
        active_if=(("do_norm", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="The same for dark pixels.",
    ),
    yes_no(
        "do_rescale",
        "Rescale particles?",
        False,
        on_continue=OnContinue.GREYED,
        help="Make particles smaller after extraction. It makes early "
        "classification much faster.",
    ),
    integer(
        "rescale",
        "Re-scaled size (pixels): ",
        "128",
        (64, 512, 8),
        unit="px",
        active_if=(("do_rescale", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Edge of the box after rescaling; even. The pixel size grows by the "
        "same factor, and resolution cannot pass twice the pixel size.",
    ),
    yes_no(
        "do_fom_threshold",
        "Use autopick FOM threshold?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Use only picks with at least a figure of merit.",
    ),
    number(
        "minimum_pick_fom",
        "Minimum autopick FOM: ",
        "0",
        (-5, 10, 0.1),
        active_if=(("do_fom_threshold", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="The figure of merit.",
    ),
    yes_no(
        "do_extract_helix",
        "Extract helical segments?",
        False,
        on_continue=OnContinue.GREYED,
        help="Extract segments of filaments.",
    ),
    number(
        "helical_tube_outer_diameter",
        "Tube diameter (A): ",
        "200",
        (100, 1000, 10),
        unit="Å",
        active_if=(("do_extract_helix", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Outer diameter of the tube; a little larger than it is.",
    ),
    yes_no(
        "helical_bimodal_angular_priors",
        "Use bimodal angular priors?",
        True,
        active_if=(("do_extract_helix", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Yes unless the picks know which way each filament points.",
    ),
    yes_no(
        "do_extract_helical_tubes",
        "Coordinates are start-end only?",
        True,
        active_if=(("do_extract_helix", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Coordinates are start and end points of filaments.",
    ),
    yes_no(
        "do_cut_into_segments",
        "Cut helical tubes into segments?",
        True,
        active_if=(("do_extract_helix", "Yes"), ("do_extract_helical_tubes", "Yes")),
        on_continue=OnContinue.GREYED,
        help="Cut tubes into overlapping segments; No makes one box for each tube.",
    ),
    integer(
        "helical_nr_asu",
        "Number of unique asymmetrical units:",
        "1",
        (1, 100, 1),
        active_if=(("do_extract_helix", "Yes"), ("do_extract_helical_tubes", "Yes")),
        on_continue=OnContinue.GREYED,
        help="Asymmetric units from one segment to the next.",
    ),
    number(
        "helical_rise",
        "Helical rise (A):",
        "1",
        (0, 100, 0.01),
        unit="Å",
        active_if=(("do_extract_helix", "Yes"), ("do_extract_helical_tubes", "Yes")),
        on_continue=OnContinue.GREYED,
        help="Rise of one asymmetric unit.",
    ),
)

OWN_OPTIONS = (
    yes_no(
        "cryodeck_set_angpix",
        "Manually set pixel size?",
        False,
        on_continue=OnContinue.GREYED,
        help="Only necessary if the list of micrographs has no pixel size, as RELION "
        "3.0's lists without CTF information. For cryodeck's engine: RELION 3.1 and "
        "later have no such field.",
    ),
    number(
        "cryodeck_angpix",
        "Pixel size (A):",
        "1",
        (0.3, 5, 0.1),
        unit="Å",
        active_if=(("cryodeck_set_angpix", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Pixel size of the micrographs.",
    ),
)

LAYOUT = {
    "3.1": """
        I/O: star_mics coords_suffix do_reextract fndata_reextract
            do_reset_offsets do_recenter recenter_x recenter_y recenter_z
        extract: extract_size do_invert do_norm bg_diameter white_dust
            black_dust do_rescale rescale
        Helix: do_extract_helix helical_tube_outer_diameter
            helical_bimodal_angular_priors do_extract_helical_tubes
            do_cut_into_segments helical_nr_asu helical_rise
    """,
    "4.0": """
        I/O: star_mics coords_suffix do_reextract fndata_reextract
            do_reset_offsets do_recenter recenter_x recenter_y recenter_z
            do_float16
        extract: extract_size do_invert do_norm bg_diameter white_dust
            black_dust do_rescale rescale do_fom_threshold minimum_pick_fom
        Helix: do_extract_helix helical_tube_outer_diameter
            helical_bimodal_angular_priors do_extract_helical_tubes
            do_cut_into_segments helical_nr_asu helical_rise
    """,
    "5.0": """
        I/O: star_mics coords_suffix do_reextract fndata_reextract
            do_reset_offsets do_recenter recenter_x recenter_y recenter_z
            do_float16
        extract: extract_size do_invert do_norm bg_diameter white_dust
            black_dust do_rescale rescale do_fom_threshold minimum_pick_fom
        Helix: do_extract_helix helical_tube_outer_diameter
            helical_bimodal_angular_priors do_extract_helical_tubes
            do_cut_into_segments helical_nr_asu helical_rise
    """,
}


def _variant(values: Mapping[str, str], version: str) -> str:
    again = ".reextract" if values.get("do_reextract") == "Yes" else ""
    helix = ".helical" if values.get("do_extract_helix") == "Yes" else ""
    return again + helix


TYPE = JobType(
    key="extract",
    folder="Extract",
    title="Particle extraction",
    about="Cuts a box around every picked particle, makes particles white on a "
    "background of mean 0 and standard deviation 1, and shrinks them if "
    "asked.",
    number=5,
    label="relion.extract",
    has_mpi=True,
    engine_can=True,
    gui_name="extract",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
    own_options=OWN_OPTIONS,
)
