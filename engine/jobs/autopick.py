"""Picking by Laplacian of Gaussian, templates or Topaz."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.autopick_references import REFERENCES
from engine.jobs.autopick_topaz import TOPAZ
from engine.jobs.job_type import JobType
from engine.jobs.option import (
    SINCE_4,
    OnContinue,
    choice,
    node,
    number,
    text,
    yes_no,
)

OPTIONS = (
    node(
        "fn_input_autopick",
        "Input micrographs for autopick:",
        "MicrographsData",
        "Input micrographs (*.{star})",
        on_continue=OnContinue.GREYED,
        help="List of micrographs to pick from, normally with CTF.",
    ),
    number(
        "angpix",
        "Pixel size in micrographs (A)",
        "-1",
        (0.3, 5, 0.1),
        unit="Å",
        off="<=0",
        off_means="from the input",
        on_continue=OnContinue.GREYED,
        help="Pixel size of the micrographs. -1 takes it from the input list, "
        "which is right for every list that has an optics table.",
    ),
    yes_no(
        "do_refs",
        "Use reference-based template-matching?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Match templates: class averages from a first round, or projections "
        "of a map.",
    ),
    yes_no(
        "do_log",
        "OR: use Laplacian-of-Gaussian?",
        False,
        on_continue=OnContinue.GREYED,
        help="Look for blobs of a given diameter. Needs no templates, so it is "
        "how a new data set begins.",
    ),
    yes_no(
        "do_topaz",
        "OR: use Topaz?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Pick with Topaz, a trained neural network.",
    ),
    yes_no(
        "continue_manual",
        "OR: continue manually?",
        False,
        on_continue=OnContinue.ONLY,
        versions=SINCE_4,
        help="Open the picks in the manual picker to add and remove some. Only "
        "for an existing job.",
    ),
    number(
        "log_diam_min",
        "Min. diameter for LoG filter (A)",
        "200",
        (50, 500, 10),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Smallest size of the particles' projections.",
    ),
    number(
        "log_diam_max",
        "Max. diameter for LoG filter (A)",
        "250",
        (50, 500, 10),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Largest size of the particles' projections. For a round particle a "
        "little more than the smallest.",
    ),
    yes_no(
        "log_invert",
        "Are the particles white?",
        False,
        on_continue=OnContinue.GREYED,
        help="No for cryo-EM, where particles are darker than the ice; Yes for "
        "particles brighter than their surroundings.",
    ),
    number(
        "log_maxres",
        "Maximum resolution to consider (A)",
        "20",
        (10, 100, 5),
        unit="Å",
        off="<=0",
        off_means="off",
        on_continue=OnContinue.GREYED,
        help="Micrographs are reduced to this resolution first. 20 serves nearly "
        "always.",
    ),
    number(
        "log_adjust_thr",
        "Adjust default threshold (stddev):",
        "0",
        (-1, 1, 0.05),
        unit="σ",
        help="Moves the automatic threshold by this many standard deviations: "
        "positive picks fewer, negative more. Useful values lie between -1 "
        "and 1.",
    ),
    number(
        "log_upper_thr",
        "Upper threshold (stddev):",
        "999",
        (0, 10, 0.5),
        unit="σ",
        off=">=999",
        off_means="off",
        help="Drops picks this many standard deviations above the average: ice "
        "and ethane are stronger than protein. Try 5 for high contrast, 1.5 "
        "for low. 999 is off.",
    ),
    number(
        "threshold_autopick",
        "Picking threshold:",
        "0.05",
        (0, 1, 0.01),
        help="Smallest correlation that counts as a particle. Lower picks more. "
        "Try 0.2, then vary it with FOM maps read back.",
    ),
    number(
        "mindist_autopick",
        "Minimum inter-particle distance (A):",
        "100",
        (0, 1000, 20),
        unit="Å",
        help="Of peaks closer than this only the best is kept. 50 to 60 % of the "
        "particle's diameter is a good start.",
    ),
    number(
        "maxstddevnoise_autopick",
        "Maximum stddev noise:",
        "1.1",
        (0.9, 1.5, 0.02),
        off="<=0",
        off_means="off",
        help="Peaks where the local noise is stronger than this are dropped: "
        "carbon edges and ice. 1.0 to 1.2; -1 is off.",
    ),
    number(
        "minavgnoise_autopick",
        "Minimum avg noise:",
        "-999",
        (-2, 0.5, 0.05),
        off="<=-900",
        off_means="off",
        help="Peaks in areas darker on average than this are dropped: carbon. "
        "-0.5 to 0 if needed; -999 is off.",
    ),
    yes_no(
        "do_write_fom_maps",
        "Write FOM maps?",
        False,
        help="Keep the correlation maps, so that thresholds can be tried again "
        "in seconds with Read FOM maps. Takes two files of the working size for "
        "each template and micrograph: use it on a few micrographs, in one "
        "process.",
    ),
    yes_no(
        "do_read_fom_maps",
        "Read FOM maps?",
        False,
        help="Use the kept maps and only search for peaks again. Thresholds and "
        "distances may change; templates, filters and shrink must not.",
    ),
    number(
        "shrink",
        "Shrink factor:",
        "0",
        (0, 1, 0.1),
        on_continue=OnContinue.GREYED,
        help="Size of the micrographs during the search: 0 the smallest that "
        "holds the low-pass resolution, which is fast and right for single "
        "particles; a fraction of the full size; 1 full size.",
    ),
    yes_no(
        "use_gpu",
        "Use GPU acceleration?",
        False,
        help="Use GPUs. RELION's Laplacian-of-Gaussian picker has no GPU version.",
    ),
    text(
        "gpu_ids",
        "Which GPUs to use:",
        active_if=(("use_gpu", "Yes"),),
        help="GPUs by number: ranks separated by colons, GPUs of one rank by "
        "commas, as in 0:1:2:3. Empty takes all that the scheduler gives, "
        "which is safest.",
    ),
    *TOPAZ,
    *REFERENCES,
)

LAYOUT = {
    "3.1": """
        I/O: fn_input_autopick angpix fn_refs_autopick do_ref3d
            fn_ref3d_autopick ref3d_symmetry ref3d_sampling do_log
        Laplacian: log_diam_min log_diam_max log_invert log_maxres
            log_adjust_thr log_upper_thr
        References: lowpass highpass angpix_ref particle_diameter
            psi_sampling_autopick do_invert_refs do_ctf_autopick
            do_ignore_first_ctfpeak_autopick
        autopicking: threshold_autopick mindist_autopick maxstddevnoise_autopick
            minavgnoise_autopick do_write_fom_maps do_read_fom_maps shrink
            use_gpu gpu_ids
        Helix: do_pick_helical_segments do_amyloid helical_tube_outer_diameter
            helical_nr_asu helical_rise helical_tube_kappa_max
            helical_tube_length_min
    """,
    "4.0": """
        I/O: fn_input_autopick angpix do_refs do_log do_topaz continue_manual
        Laplacian: log_diam_min log_diam_max log_invert log_maxres
            log_adjust_thr log_upper_thr
        Topaz: fn_topaz_exec topaz_particle_diameter do_topaz_pick topaz_model
            do_topaz_train topaz_nr_particles topaz_train_picks
            do_topaz_train_parts topaz_train_parts topaz_other_args
        References: fn_refs_autopick do_ref3d fn_ref3d_autopick ref3d_symmetry
            ref3d_sampling lowpass highpass angpix_ref psi_sampling_autopick
            do_invert_refs do_ctf_autopick do_ignore_first_ctfpeak_autopick
        autopicking: threshold_autopick mindist_autopick maxstddevnoise_autopick
            minavgnoise_autopick do_write_fom_maps do_read_fom_maps shrink
            use_gpu gpu_ids
        Helix: do_pick_helical_segments helical_tube_outer_diameter
            helical_tube_length_min helical_tube_kappa_max helical_nr_asu
            helical_rise do_amyloid
    """,
    "5.0": """
        I/O: fn_input_autopick angpix do_refs do_log do_topaz continue_manual
        Laplacian: log_diam_min log_diam_max log_invert log_maxres
            log_adjust_thr log_upper_thr
        Topaz: fn_topaz_exe topaz_particle_diameter do_topaz_train
            topaz_nr_particles topaz_train_picks do_topaz_train_parts
            topaz_train_parts do_topaz_pick topaz_model do_topaz_filaments
            topaz_filament_threshold topaz_hough_length topaz_other_args
        References: fn_refs_autopick do_ref3d fn_ref3d_autopick ref3d_symmetry
            ref3d_sampling lowpass highpass angpix_ref psi_sampling_autopick
            do_invert_refs do_ctf_autopick do_ignore_first_ctfpeak_autopick
        autopicking: threshold_autopick mindist_autopick maxstddevnoise_autopick
            minavgnoise_autopick do_write_fom_maps do_read_fom_maps shrink
            use_gpu gpu_ids
        Helix: do_pick_helical_segments helical_tube_outer_diameter
            helical_tube_length_min helical_tube_kappa_max helical_nr_asu
            helical_rise do_amyloid
    """,
}


OWN_OPTIONS = (
    choice(
        "cryodeck_avoid_contamination",
        "Leave out picks on carbon and ice?",
        ("Automatic", "Yes", "No"),
        help="Yes looks for carbon, ice crystals and other dark contamination on "
        "each micrograph and leaves out the picks there. Automatic does so with "
        "templates, not with Laplacian of Gaussian, whose picks are RELION's, nor "
        "where everything is to be exactly as RELION does it. For cryodeck's engine; "
        "No keeps every pick.",
    ),
)


def _variant(values: Mapping[str, str], version: str) -> str:
    def on(key: str) -> bool:
        return values.get(key) == "Yes"

    if on("continue_manual"):
        return ".continuemanual"
    if on("do_log"):
        return ".log"
    if on("do_topaz"):
        return ".topaz.train" if on("do_topaz_train") else ".topaz.pick"
    if version != "3.1" and not on("do_refs"):
        return ""
    return ".ref3d" if on("do_ref3d") else ".ref2d"


TYPE = JobType(
    key="autopick",
    folder="AutoPick",
    title="Auto-picking",
    about="Finds particles on micrographs: by their size alone (Laplacian of "
    "Gaussian) to begin with, by templates for the final set.",
    number=4,
    label="relion.autopick",
    has_mpi=True,
    engine_can=True,
    gui_name="autopick",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
    own_options=OWN_OPTIONS,
)
