"""Choosing classes, micrographs or particles."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import SINCE_4, OnContinue, integer, node, number, text, yes_no
from engine.jobs.select_own import OWN_OPTIONS

OPTIONS = (
    node(
        "fn_model",
        "Select classes from job:",
        "ProcessData",
        "STAR files (*_optimiser.star)",
        on_continue=OnContinue.GREYED,
        changes={
            "3.1": {
                "label": "Select classes from model.star:",
                "pattern": "STAR files (*.star)",
                "node": "ClassModel",
            }
        },
        help="2D or 3D classes to choose from: an optimiser file from 4.0 on, a "
        "model file in 3.1. Chosen classes become a particle list and class "
        "averages.",
    ),
    node(
        "fn_mic",
        "OR select from micrographs.star:",
        "MicrographsData",
        "STAR files (*.star)",
        on_continue=OnContinue.GREYED,
        help="Micrographs to choose from.",
    ),
    node(
        "fn_data",
        "OR select from particles.star:",
        "ParticlesData",
        "STAR files (*.star)",
        on_continue=OnContinue.GREYED,
        help="Particles to choose from, split or thin out.",
    ),
    yes_no(
        "do_class_ranker",
        "Automatically select 2D classes?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Let RELION's trained ranker choose 2D classes. Regrouping and "
        "re-centering must be off.",
    ),
    number(
        "rank_threshold",
        "Minimum threshold for auto-selection: ",
        "0.5",
        (0, 1, 0.05),
        active_if=(("do_class_ranker", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Classes whose predicted score is at least this are kept.",
    ),
    integer(
        "select_nr_parts",
        "Select at least this many particles: ",
        "-1",
        (-1, 10000, 500),
        off="<=0",
        off_means="off",
        active_if=(("do_class_ranker", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="If the threshold keeps fewer particles, take further classes in "
        "order of score until there are this many. Negative: no such rule.",
    ),
    integer(
        "select_nr_classes",
        "OR: select at least this many classes: ",
        "-1",
        (-1, 24, 1),
        off="<=0",
        off_means="off",
        active_if=(("do_class_ranker", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="The same counted in classes. Negative: no such rule.",
    ),
    yes_no(
        "do_recenter",
        "Re-center the class averages?",
        False,
        on_continue=OnContinue.GREYED,
        changes={"3.1": {"default": "Yes"}, "4.0": {"default": "Yes"}},
        help="Shift each chosen class average so that its center of mass is in "
        "the middle of the box. Good for templates.",
    ),
    yes_no(
        "do_regroup",
        "Regroup the particles?",
        False,
        on_continue=OnContinue.GREYED,
        help="Join micrographs with few particles into larger groups for "
        "intensity scaling.",
    ),
    integer(
        "nr_groups",
        "Approximate nr of groups: ",
        "1",
        (50, 20, 1),
        active_if=(("do_regroup", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="About how many groups to make.",
    ),
    yes_no(
        "do_select_values",
        "Select based on metadata values?",
        False,
        on_continue=OnContinue.GREYED,
        help="Keep rows whose value in one column lies in a range.",
    ),
    text(
        "select_label",
        "Metadata label for subset selection:",
        "rlnCtfMaxResolution",
        active_if=(("do_select_values", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Column, such as rlnCtfMaxResolution or rlnAutopickFigureOfMerit.",
    ),
    number(
        "select_minval",
        "Minimum metadata value:",
        "-9999.",
        active_if=(("do_select_values", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Smallest value kept.",
    ),
    number(
        "select_maxval",
        "Maximum metadata value:",
        "9999.",
        active_if=(("do_select_values", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Largest value kept.",
    ),
    yes_no(
        "do_discard",
        "OR: select on image statistics?",
        False,
        on_continue=OnContinue.GREYED,
        help="Drop images whose mean or standard deviation is far from the others'.",
    ),
    text(
        "discard_label",
        "Metadata label for images:",
        "rlnImageName",
        active_if=(("do_discard", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Column with the image names.",
    ),
    number(
        "discard_sigma",
        "Sigma-value for discarding images:",
        "4",
        (1, 10, 0.1),
        unit="σ",
        active_if=(("do_discard", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Images further from the average than this many standard deviations "
        "are dropped.",
    ),
    yes_no(
        "do_split",
        "OR: split into subsets?",
        False,
        on_continue=OnContinue.GREYED,
        help="Split the list into parts.",
    ),
    yes_no(
        "do_random",
        "Randomise order before making subsets?:",
        False,
        active_if=(("do_split", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Shuffle before splitting.",
    ),
    integer(
        "split_size",
        "Subset size: ",
        "100",
        (100, 10000, 100),
        off="<=0",
        off_means="by the number of subsets",
        active_if=(("do_split", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Rows in each part; 0 or less if you give the number of parts.",
    ),
    integer(
        "nr_split",
        "OR: number of subsets: ",
        "-1",
        (1, 50, 1),
        off="<=0",
        off_means="by the subset size",
        active_if=(("do_split", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Number of parts; -1 lets the size decide.",
    ),
    yes_no(
        "do_remove_duplicates",
        "OR: remove duplicates?",
        False,
        on_continue=OnContinue.GREYED,
        help="Of particles closer together than a distance keep one.",
    ),
    number(
        "duplicate_threshold",
        "Minimum inter-particle distance (A)",
        "30",
        (0, 1000, 1),
        unit="Å",
        active_if=(("do_remove_duplicates", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="The distance.",
    ),
    number(
        "image_angpix",
        "Pixel size before extraction (A)",
        "-1",
        (-1, 10, 0.01),
        unit="Å",
        off="<=0",
        off_means="from the input",
        active_if=(("do_remove_duplicates", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Pixel size of the micrographs that the coordinates count in. "
        "Negative takes it from the input.",
    ),
    yes_no(
        "do_filaments",
        "OR: select filaments by dendrogram?",
        False,
        on_continue=OnContinue.GREYED,
        versions=("5.0",),
        help="Group filaments by the classes their segments fall into.",
    ),
    number(
        "dendrogram_threshold",
        "Dendrogram threshold: ",
        "0.85",
        (0, 1, 0.05),
        active_if=(("do_filaments", "Yes"),),
        versions=("5.0",),
        help="Height at which the tree is cut.",
    ),
    integer(
        "dendrogram_minclass",
        "Minimum class size: ",
        "-1000",
        (-1000, 50000, 1000),
        active_if=(("do_filaments", "Yes"),),
        versions=("5.0",),
        help="Groups with fewer particles than this are left out.",
    ),
    text(
        "python_exe",
        "Python executable: ",
        "python",
        active_if=(("do_class_ranker", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("4.0",),
        help="Python with the packages that the ranker needs.",
    ),
    node(
        "fn_coords",
        "OR select from picked coords:",
        "MicrographsCoords",
        "STAR files (coords_suffix*.star)",
        on_continue=OnContinue.GREYED,
        versions=("3.1",),
        help="Go through picked micrographs and tick those to keep. The "
        "coordinates themselves are not changed.",
    ),
)

LAYOUT = {
    "3.1": """
        I/O: fn_model fn_mic fn_data fn_coords
        Class options: do_recenter do_regroup nr_groups
        Subsets: do_select_values select_label select_minval select_maxval
            do_discard discard_label discard_sigma do_split do_random split_size
            nr_split
        Duplicates: do_remove_duplicates duplicate_threshold image_angpix
    """,
    "4.0": """
        I/O: fn_model fn_mic fn_data
        Class options: do_class_ranker rank_threshold select_nr_parts
            select_nr_classes python_exe do_recenter do_regroup nr_groups
        Subsets: do_select_values select_label select_minval select_maxval
            do_discard discard_label discard_sigma do_split do_random split_size
            nr_split
        Duplicates: do_remove_duplicates duplicate_threshold image_angpix
    """,
    "5.0": """
        I/O: fn_model fn_mic fn_data
        Class options: do_class_ranker rank_threshold select_nr_parts
            select_nr_classes do_recenter do_regroup nr_groups
        Subsets: do_select_values select_label select_minval select_maxval
            do_discard discard_label discard_sigma do_split do_random split_size
            nr_split
        Duplicates: do_remove_duplicates duplicate_threshold image_angpix
        Filaments: do_filaments dendrogram_threshold dendrogram_minclass
    """,
}


_VARIANTS = (
    ("do_filaments", ".filamentsdendrogram"),
    ("do_remove_duplicates", ".removeduplicates"),
    ("do_select_values", ".onvalue"),
    ("do_discard", ".discard"),
    ("do_split", ".split"),
    ("do_class_ranker", ".class2dauto"),
)


def _variant(values: Mapping[str, str], version: str) -> str:
    for key, suffix in _VARIANTS:
        if values.get(key) == "Yes":
            return suffix
    return ".interactive"


TYPE = JobType(
    key="select",
    folder="Select",
    title="Subset selection",
    about="Keeps a part of what another job made: classes chosen by eye, "
    "micrographs or particles by a value, subsets, particles without "
    "duplicates.",
    number=7,
    label="relion.select",
    is_interactive=True,
    engine_can=True,
    gui_name="select",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
    own_options=OWN_OPTIONS,
)
