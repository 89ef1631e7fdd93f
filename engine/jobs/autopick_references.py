"""Auto-picking: the fields of template matching and of filaments."""

from __future__ import annotations

from engine.jobs.option import OnContinue, choice, integer, node, number, text, yes_no

REFERENCES = (
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
        "DensityMap",
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
