"""Files that a job takes and makes, as the pipeline records them.

Labels are neutral (4.0's; see `engine.project.layout`), outputs are named relative to
the job's folder. Outputs are what RELION declares before the files exist; planned
files that no program ever writes are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.errors import InputError
from engine.jobs.command_lines import imported_name, iterations, output_root
from engine.jobs.job import Job
from engine.jobs.option import Kind
from engine.jobs.select_lines import list_name, task

Nodes = list[tuple[str, str]]

MOVIES = "MicrographMoviesData.star.relion"
MICROGRAPHS = "MicrographsData.star.relion"
COORDINATES = "MicrographsCoords.star.relion"
PARTICLES = "ParticlesData.star.relion"
AVERAGES = "ImagesData.star.relion.classaverages"
OPTIMISER = "ProcessData.star.relion.optimiser"
MODEL = "ClassModel.star.relion"
LOG = "LogFile.pdf.relion"
HALF_MAP = "DensityMap.mrc.halfmap"

_IMPORTED = {
    "Particle coordinates": COORDINATES,
    "Particles STAR file": PARTICLES,
    "2D references": "ImagesData.star.relion",
    "Multiple (2D or 3D) references": "ImagesData.star.relion",
    "Micrographs STAR file": MICROGRAPHS,
    "3D reference": "DensityMap.mrc",
    "3D mask": "Mask3D.mrc",
    "Unfiltered half-map": HALF_MAP,
}


def input_nodes(job: Job, *, continuing: bool | None = None) -> Nodes:
    """(path, label) of the files that the job takes from others.

    Only fields that RELION's command uses count; a form may hold stale ones.
    """
    is_continued = job.is_continue if continuing is None else continuing
    nodes = []
    for key in _known(_INPUT_KEYS, job)(job, is_continued):
        path = job.text(key, "")
        option = job.type.option(key, job.version)
        if path and option is not None and option.kind is Kind.NODE:
            nodes.append((path, _full_label(option.node)))
    return nodes


def output_nodes(job: Job, *, continuing: bool | None = None) -> Nodes:
    """(file name, label) of the files that the job will make for others."""
    is_continued = job.is_continue if continuing is None else continuing
    return _known(_OUTPUTS, job)(job, is_continued)


_Teller = TypeVar("_Teller")


def _known(table: dict[str, _Teller], job: Job) -> _Teller:
    if job.type.key not in table:
        message = f"what {job.type.folder} jobs take and make is not known here"
        raise InputError(message)
    return table[job.type.key]


def _full_label(node: str) -> str:
    return {
        "MicrographsData": MICROGRAPHS,
        "MicrographsCoords": COORDINATES,
        "ParticlesData": PARTICLES,
        "ImagesData": "ImagesData.star.relion",
        "ClassModel": MODEL,
        "ProcessData": OPTIMISER,
        "DensityMap": "DensityMap.mrc",
    }.get(node, node)


def _autopick_inputs(job: Job, continuing: bool) -> list[str]:
    keys = ["fn_input_autopick"]
    if not job.flag("do_log") and not job.flag("do_topaz", False):
        is_map = job.flag("do_ref3d")
        keys.append("fn_ref3d_autopick" if is_map else "fn_refs_autopick")
    return keys


def _extract_inputs(job: Job, continuing: bool) -> list[str]:
    again = job.flag("do_reextract")
    return ["star_mics", "fndata_reextract" if again else "coords_suffix"]


_SELECT_KEY = {
    "filaments": "fn_model",
    "ranker": "fn_model",
    "classes": "fn_model",
    "micrographs": "fn_mic",
    "particles": "fn_data",
    "duplicates": "fn_data",
    "coordinates": "fn_coords",
}


def _select_inputs(job: Job, continuing: bool) -> list[str]:
    name = task(job)
    if name in {"values", "statistics", "split"}:
        return ["fn_mic" if job.text("fn_mic") else "fn_data"]
    return [_SELECT_KEY[name]] if name in _SELECT_KEY else []


_INPUT_KEYS: dict[str, Callable[[Job, bool], list[str]]] = {
    "import": lambda job, continuing: [],
    "ctffind": lambda job, continuing: ["input_star_mics"],
    "manualpick": lambda job, continuing: ["fn_in"],
    "autopick": _autopick_inputs,
    "extract": _extract_inputs,
    "class2d": lambda job, continuing: [] if continuing else ["fn_img"],
    "select": _select_inputs,
}


def _import_outputs(job: Job, continuing: bool) -> Nodes:
    name = imported_name(job)
    if job.flag("do_raw"):
        return [(name, MOVIES if job.flag("is_multiframe") else MICROGRAPHS)]
    node_type = job.text("node_type")
    label = next((v for k, v in _IMPORTED.items() if node_type.startswith(k)), "")
    if not label or not name:
        return []
    nodes = [(name, label)]
    if label == HALF_MAP:
        other = (
            name.replace("half1", "half2")
            if "half1" in name
            else name.replace("half2", "half1")
        )
        if other != name:
            nodes.append((other, label))
    return nodes


def _ctffind_outputs(job: Job, continuing: bool) -> Nodes:
    return [
        ("micrographs_ctf.star", MICROGRAPHS + ".ctf"),
        ("logfile.pdf", LOG + ".ctffind"),
    ]


def _manualpick_outputs(job: Job, continuing: bool) -> Nodes:
    selected = ("micrographs_selected.star", MICROGRAPHS)
    if job.version == "3.1":
        return [("coords_suffix_manualpick.star", COORDINATES), selected]
    suffix = ".helixstartend" if job.flag("do_startend") else ".manualpick"
    return [selected, ("manualpick.star", COORDINATES + suffix)]


def _autopick_outputs(job: Job, continuing: bool) -> Nodes:
    log = ("logfile.pdf", LOG + ".autopick")
    if job.version == "3.1":
        return [("coords_suffix_autopick.star", COORDINATES + ".autopick"), log]
    picks = ("autopick.star", COORDINATES + ".autopick")
    if continuing and job.flag("continue_manual"):
        return [picks, ("micrographs_selected.star", MICROGRAPHS)]
    if job.flag("do_topaz") and job.flag("do_topaz_train"):
        if job.flag("do_topaz_train_parts"):
            return [("input_training_coords.star", COORDINATES)]
        return []
    return [picks, log]


def _extract_outputs(job: Job, continuing: bool) -> Nodes:
    is_helix = job.flag("do_extract_helix")
    particles = PARTICLES + (".helicalsegments" if is_helix else "")
    nodes = [("particles.star", particles)]
    is_tubes = is_helix and job.flag("do_extract_helical_tubes")
    if job.flag("do_reextract"):
        name = (
            "coords_suffix_extract.star" if job.version == "3.1" else "extractpick.star"
        )
        nodes.append((name, COORDINATES + ".reextract"))
    elif is_tubes:
        name = (
            "coords_suffix_extract.star" if job.version == "3.1" else "extractpick.star"
        )
        nodes.append((name, COORDINATES + ".helixstartend"))
    return nodes


def _class2d_outputs(job: Job, continuing: bool) -> Nodes:
    root = output_root(job, continuing)
    last = int(float(iterations(job)))
    name = f"{root}_it{last:03d}"
    data = (f"{name}_data.star", PARTICLES + ".class2d")
    if job.version == "3.1":
        return [data, (f"{name}_model.star", MODEL)]
    return [data, (f"{name}_optimiser.star", OPTIMISER + ".class2d")]


def _select_outputs(job: Job, continuing: bool) -> Nodes:
    particles = ("particles.star", PARTICLES)
    averages = ("class_averages.star", AVERAGES)
    name = task(job)
    if name == "classes":
        is_2d = "Class2D/" in job.text("fn_model")
        return [particles, averages] if is_2d else [particles]
    if name == "ranker":
        return [
            particles,
            averages,
            ("rank_optimiser.star", OPTIMISER + ".autoselect"),
        ]
    if name == "filaments":
        return [
            ("run_optimiser.star", OPTIMISER + ".autoselect"),
            ("logfile.pdf", LOG + ".select"),
        ]
    if name == "coordinates":
        return [("micrographs_selected.star", MICROGRAPHS)]
    if name in {"particles", "duplicates"}:
        return [particles]
    if name == "micrographs":
        return [("micrographs.star", MICROGRAPHS)]
    if name in {"values", "statistics"}:
        label = MICROGRAPHS if job.text("fn_mic") else PARTICLES
        return [(list_name(job), label)]
    return []  # split: RELION_OUTPUT_NODES.star says at the end


_OUTPUTS: dict[str, Callable[[Job, bool], Nodes]] = {
    "import": _import_outputs,
    "ctffind": _ctffind_outputs,
    "manualpick": _manualpick_outputs,
    "autopick": _autopick_outputs,
    "extract": _extract_outputs,
    "class2d": _class2d_outputs,
    "select": _select_outputs,
}
