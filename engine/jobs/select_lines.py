"""RELION's command lines of Subset selection, a switchboard over several programs."""

from __future__ import annotations

from engine.errors import InputError
from engine.jobs.command_lines import CommandLine, Site
from engine.jobs.job import Job
from engine.jobs.picking_lines import display_settings


def task(job: Job) -> str:
    """Which of its tasks a Select job does, by RELION's order of tests.

    filaments, duplicates, values, statistics, split, ranker, classes, micrographs,
    particles, coordinates, or nothing if no input is filled.
    """
    for key, name in (
        ("do_filaments", "filaments"),
        ("do_remove_duplicates", "duplicates"),
        ("do_select_values", "values"),
        ("do_discard", "statistics"),
        ("do_split", "split"),
        ("do_class_ranker", "ranker"),
    ):
        if job.flag(key, False):
            return name
    for key, name in (
        ("fn_model", "classes"),
        ("fn_mic", "micrographs"),
        ("fn_data", "particles"),
        ("fn_coords", "coordinates"),
    ):
        if job.text(key, ""):
            return name
    return "nothing"


def list_name(job: Job) -> str:
    """File that a list is selected into: micrographs.star or particles.star."""
    return "micrographs.star" if job.text("fn_mic") else "particles.star"


def select_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """Subset selection by whichever program does the task."""
    name = task(job)
    if name == "nothing":
        message = "Select: no input; fill one of the fields on the I/O tab"
        raise InputError(message)
    if name in {"classes", "micrographs", "particles"}:
        line = _display(job, directory, name)
    elif name == "coordinates":
        line = _coordinates(job, directory, continuing, site)
    elif name == "ranker":
        line = _ranker(job, directory)
    elif name == "filaments":
        line = CommandLine(job, "relion_filament_selection", can_mpi=False)
        line.value("-i", "fn_model").add("-o", directory)
        line.value("-t", "dendrogram_threshold").value("-c", "dendrogram_minclass")
    else:
        line = _star_handler(job, directory, name)
    return [line.end(directory)]


def _display(job: Job, directory: str, name: str) -> CommandLine:
    line = CommandLine(job, "relion_display", can_mpi=False).add("--gui")
    if name == "classes":
        line.value("--i", "fn_model").add("--allow_save")
        line.add("--fn_parts", directory + "particles.star")
        if "Class2D/" in job.text("fn_model"):
            line.add("--fn_imgs", directory + "class_averages.star")
            line.flag("--recenter", "do_recenter")
        if job.flag("do_regroup"):
            line.value("--regroup", "nr_groups")
    else:
        key = "fn_mic" if name == "micrographs" else "fn_data"
        line.value("--i", key).add("--allow_save")
        line.add("--fn_imgs", directory + name + ".star")
    return line


def _coordinates(job: Job, directory: str, continuing: bool, site: Site) -> CommandLine:
    if site.picker is None:
        message = (
            "Select: OR select from picked coords (fn_coords) takes its display "
            "settings from a saved Manual picking form; save one first"
        )
        raise InputError(message)
    folder, _, name = job.text("fn_coords").rpartition("/")
    pick = name.partition("coords_suffix_")[2].rpartition(".")[0]
    selection = directory + "micrographs_selected.star"
    line = CommandLine(job, "relion_manualpick", can_mpi=False)
    line.add("--i", selection if continuing else site.coords_list)
    line.add("--odir", folder + "/", "--pickname", pick, "--allow_save")
    line.add("--selection", selection)
    display_settings(line, site.picker)
    return line


def _ranker(job: Job, directory: str) -> CommandLine:
    line = CommandLine(job, "relion_class_ranker", can_mpi=False)
    line.value("--opt", "fn_model").add("--o", directory)
    line.add("--fn_sel_parts", "particles.star")
    line.add("--fn_sel_classavgs", "class_averages.star")
    if job.number_or_none("select_nr_parts") is not None:
        line.value("--select_min_nr_particles", "select_nr_parts")
    else:
        line.on("--select_min_nr_classes", "select_nr_classes")
    if job.version == "4.0":
        line.value("--python", "python_exe")
    line.add("--fn_root", "rank", "--do_granularity_features", "--auto_select")
    return line.value("--min_score", "rank_threshold")


def _star_handler(job: Job, directory: str, name: str) -> CommandLine:
    line = CommandLine(job, "relion_star_handler", can_mpi=False)
    if name == "duplicates":
        line.value("--i", "fn_data").add("--o", directory + "particles.star")
        line.value("--remove_duplicates", "duplicate_threshold")
        return line.on("--image_angpix", "image_angpix")
    line.value("--i", "fn_mic" if job.text("fn_mic") else "fn_data")
    line.add("--o", directory + list_name(job))
    if name == "values":
        line.value("--select", "select_label")
        return line.value("--minval", "select_minval").value(
            "--maxval", "select_maxval"
        )
    if name == "statistics":
        line.add("--discard_on_stats").value("--discard_label", "discard_label")
        return line.value("--discard_sigma", "discard_sigma")
    line.add("--split").flag("--random_order", "do_random")
    return line.on("--nr_split", "nr_split").on("--size_split", "split_size")
