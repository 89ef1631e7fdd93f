"""Selection by numbers, rules and scores: what RELION does in a window."""

from __future__ import annotations

from engine.jobs.option import integer, number, text, yes_no

#: How cryodeck states a selection that RELION makes in a window.
OWN_OPTIONS = (
    text(
        "cryodeck_classes",
        "Classes to select:",
        help="Numbers of classes: 1,4,9 or 1-5 8. Empty: by the rules below.",
    ),
    integer(
        "cryodeck_best",
        "Best classes by score:",
        "-1",
        off="<=0",
        off_means="off",
        help="This many classes with the highest automatic score.",
    ),
    number(
        "cryodeck_most_alike",
        "Best classes: most alike:",
        "-1",
        (-1, 1, 0.05),
        off="<=0",
        off_means="off",
        help="Of the best classes, leave out those whose average is more like a "
        "better one than this (correlation at the best rotation; 0.9 keeps views "
        "that are some 30 degrees apart).",
    ),
    number(
        "cryodeck_min_score",
        "Minimum class score:",
        "-1",
        (-1, 1, 0.05),
        off="<=0",
        off_means="off",
        help="Classes whose automatic score (0 to 1) is at least this.",
    ),
    number(
        "cryodeck_min_particle_score",
        "Minimum particle score:",
        "-1",
        (-1, 1, 0.05),
        off="<=0",
        off_means="off",
        help="Of the chosen classes (of all, if no other rule is stated) keep only "
        "particles whose score (0 to 1) is at least this: leaves out junk that "
        "strayed into good classes. 0.3 to 0.5 is a good beginning. The score is "
        "written as rlnParticleFigureOfMerit.",
    ),
    number(
        "cryodeck_min_share",
        "Minimum class share (%):",
        "-1",
        (-1, 100, 0.5),
        off="<=0",
        off_means="off",
        help="Classes with at least this part of the particles.",
    ),
    number(
        "cryodeck_max_resolution",
        "Worst class resolution (A):",
        "-1",
        (-1, 100, 1),
        unit="Å",
        off="<=0",
        off_means="off",
        help="Classes whose estimated resolution is this or finer.",
    ),
    integer(
        "cryodeck_first",
        "First rows to select:",
        "-1",
        off="<=0",
        off_means="off",
        help="The first so many micrographs or particles.",
    ),
    text(
        "cryodeck_rows",
        "Rows to select:",
        help="Numbers of micrographs or particles: 1,4,9 or 1-5 8.",
    ),
    yes_no(
        "cryodeck_invert",
        "Invert the selection?",
        False,
        help="Keep what the rules would leave out, and leave out what they keep. "
        "Without any rule: keep all.",
    ),
    yes_no(
        "cryodeck_move_origins",
        "Move particles with re-centered classes?",
        True,
        active_if=(("do_recenter", "Yes"),),
        help="Yes carries the shift of each re-centered class average into the "
        "origins of its particles; RELION leaves those as they were.",
    ),
    yes_no(
        "cryodeck_write_average",
        "Write average and deviation of the particles?",
        False,
        help="Writes average.mrc and deviation.mrc of the selected particles' images "
        "as they are, not aligned. Reads all of them.",
    ),
)
