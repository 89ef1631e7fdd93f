"""Picking by Laplacian of Gaussian, templates or Topaz."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import (
    SINCE_4,
    OnContinue,
    choice,
    file,
    integer,
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
    text(
        "fn_topaz_exe",
        "Topaz executable:",
        "relion_python_topaz",
        on_continue=OnContinue.GREYED,
        versions=("5.0",),
        help="Wrapper that starts Topaz.",
    ),
    number(
        "topaz_particle_diameter",
        "Particle diameter (A) ",
        "-1",
        (0, 2000, 20),
        unit="Å",
        off="<=0",
        off_means="automatic",
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Size of the particle for Topaz; negative leaves it to Topaz.",
    ),
    yes_no(
        "do_topaz_train",
        "Perform topaz training?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Train a network on your picks. Needs a GPU.",
    ),
    integer(
        "topaz_nr_particles",
        "Nr of particles per micrograph: ",
        "-1",
        (0, 2000, 20),
        off="<=0",
        off_means="automatic",
        active_if=(("do_topaz_train", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Particles expected on each micrograph; negative leaves it to Topaz.",
    ),
    node(
        "topaz_train_picks",
        "Input picked coordinates for training:",
        "MicrographsCoords",
        "Input micrographs (*.{star})",
        active_if=(("do_topaz_train", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Coordinates to train on.",
    ),
    yes_no(
        "do_topaz_train_parts",
        "OR train on a set of particles? ",
        False,
        active_if=(("do_topaz_train", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Train on a particle list, for example one that survived 2D "
        "classification.",
    ),
    node(
        "topaz_train_parts",
        "Particles STAR file for training: ",
        "ParticlesData",
        "Input STAR file (*.{star})",
        active_if=(("do_topaz_train", "Yes"), ("do_topaz_train_parts", "Yes")),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="The particle list.",
    ),
    yes_no(
        "do_topaz_pick",
        "Perform topaz picking?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Pick with a trained network.",
    ),
    file(
        "topaz_model",
        "Trained topaz model: ",
        "SAV Files (*.sav)",
        active_if=(("do_topaz_pick", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="The trained network; empty takes the general one.",
    ),
    yes_no(
        "do_topaz_filaments",
        "Pick filaments?",
        False,
        active_if=(("do_topaz_pick", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("5.0",),
        help="Pick filaments; needs the modified Topaz.",
    ),
    number(
        "topaz_filament_threshold",
        "Threshold:",
        "-5",
        active_if=(("do_topaz_pick", "Yes"), ("do_topaz_filaments", "Yes")),
        on_continue=OnContinue.GREYED,
        versions=("5.0",),
        row="Threshold, Hough length (A)",
        help="Score above which pixels belong to a filament.",
    ),
    number(
        "topaz_hough_length",
        "Hough length (A):",
        "-1",
        unit="Å",
        off="<=0",
        off_means="automatic",
        active_if=(("do_topaz_pick", "Yes"), ("do_topaz_filaments", "Yes")),
        on_continue=OnContinue.GREYED,
        versions=("5.0",),
        row="Threshold, Hough length (A)",
        help="Shortest straight piece counted as a filament; negative is automatic.",
    ),
    text(
        "topaz_other_args",
        "Additional topaz arguments:",
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Passed to Topaz as they are.",
    ),
    node(
        "fn_refs_autopick",
        "2D references:",
        "ImagesData",
        "Input references (*.{star,mrcs})",
        on_continue=OnContinue.GREYED,
        help="Class averages to use as templates, usually from Subset selection. "
        "Five to ten different views are enough. Leave it empty when "
        "picking by Laplacian of Gaussian.",
    ),
    yes_no(
        "do_ref3d",
        "OR: provide a 3D reference?",
        False,
        on_continue=OnContinue.GREYED,
        help="Project a map in all directions instead of giving 2D templates.",
    ),
    node(
        "fn_ref3d_autopick",
        "3D reference:",
        "DensityMap.mrc",
        "Input reference (*.{mrc})",
        active_if=(("do_ref3d", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="The map.",
    ),
    text(
        "ref3d_symmetry",
        "Symmetry:",
        "C1",
        active_if=(("do_ref3d", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Point group of the map; projections that symmetry makes equal are "
        "left out.",
    ),
    choice(
        "ref3d_sampling",
        "3D angular sampling:",
        (
            "30 degrees",
            "15 degrees",
            "7.5 degrees",
            "3.7 degrees",
            "1.8 degrees",
            "0.9 degrees",
            "0.5 degrees",
            "0.2 degrees",
            "0.1 degrees",
        ),
        active_if=(("do_ref3d", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Angle between projections. 30 degrees is fine for most; finer for "
        "high symmetry.",
    ),
    number(
        "lowpass",
        "Lowpass filter references (A)",
        "20",
        (10, 100, 5),
        unit="Å",
        off="<=0",
        off_means="off",
        on_continue=OnContinue.GREYED,
        help="Templates and micrographs are low-pass filtered to this. Do not go "
        "finer than 20: small details of the templates make noise look like "
        "them.",
    ),
    number(
        "highpass",
        "Highpass filter (A)",
        "-1",
        (100, 1000, 100),
        unit="Å",
        off="<=0",
        off_means="off",
        on_continue=OnContinue.GREYED,
        help="Evens out the ice's gradients. 200 to 400 if needed; -1 is off.",
    ),
    number(
        "angpix_ref",
        "Pixel size in references (A)",
        "-1",
        (0.3, 5, 0.1),
        unit="Å",
        off="<=0",
        off_means="from the input",
        on_continue=OnContinue.GREYED,
        help="Pixel size of the templates. -1: the same as the micrographs', or "
        "what the templates' list says.",
    ),
    number(
        "psi_sampling_autopick",
        "In-plane angular sampling (deg)",
        "5",
        (1, 30, 1),
        unit="°",
        on_continue=OnContinue.GREYED,
        help="Step of the in-plane rotation. 5 is usual.",
    ),
    yes_no(
        "do_invert_refs",
        "References have inverted contrast?",
        True,
        on_continue=OnContinue.GREYED,
        help="Yes if templates are bright and particles on micrographs dark, as "
        "RELION's class averages are.",
    ),
    yes_no(
        "do_ctf_autopick",
        "Are References CTF corrected?",
        True,
        on_continue=OnContinue.GREYED,
        help="Yes if the templates come from a classification with CTF "
        "correction; they are then multiplied by each micrograph's CTF. "
        "Needs CTF values in the input.",
    ),
    yes_no(
        "do_ignore_first_ctfpeak_autopick",
        "Ignore CTFs until first peak?",
        False,
        active_if=(("do_ctf_autopick", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Yes only if the templates were made that way.",
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
        "in seconds with Read FOM maps. Takes two micrograph-size files for "
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
    yes_no(
        "do_pick_helical_segments",
        "Pick 2D helical segments?",
        False,
        on_continue=OnContinue.GREYED,
        help="Pick filaments as series of segments.",
    ),
    number(
        "helical_tube_outer_diameter",
        "Tube diameter (A): ",
        "200",
        (100, 1000, 10),
        unit="Å",
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Outer diameter of the tube; a little larger than it is.",
    ),
    number(
        "helical_tube_length_min",
        "Minimum length (A): ",
        "-1",
        (100, 1000, 10),
        unit="Å",
        off="<=0",
        off_means="off",
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Shorter filaments are dropped; negative keeps all.",
    ),
    number(
        "helical_tube_kappa_max",
        "Maximum curvature (kappa): ",
        "0.1",
        (0.05, 0.5, 0.01),
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Largest curvature, as a fraction of a circle of the tube's "
        "diameter: 0.05 for straight ones, 0.2 to 0.4 for bent ones.",
    ),
    integer(
        "helical_nr_asu",
        "Number of unique asymmetrical units:",
        "1",
        (1, 100, 1),
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Asymmetric units from one segment to the next.",
    ),
    number(
        "helical_rise",
        "Helical rise (A):",
        "-1",
        (0, 100, 0.01),
        unit="Å",
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Rise of one asymmetric unit. Spacing of the segments is units "
        "times rise.",
    ),
    yes_no(
        "do_amyloid",
        "Pick amyloid segments?",
        False,
        active_if=(("do_pick_helical_segments", "Yes"),),
        help="Use the method made for amyloids.",
    ),
    text(
        "fn_topaz_exec",
        "Topaz executable",
        versions=("4.0",),
        help="Path of Topaz on the cluster.",
    ),
    number(
        "particle_diameter",
        "Mask diameter (A)",
        "-1",
        (0, 2000, 20),
        unit="Å",
        off="<=0",
        off_means="automatic",
        on_continue=OnContinue.GREYED,
        versions=("3.1",),
        help="Diameter of the mask around the templates. -1 measures it on the "
        "templates.",
    ),
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
    number=4,
    label="relion.autopick",
    has_mpi=True,
    engine_can=True,
    gui_name="autopick",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
)
