"""Every type of job, by key, folder, RELION number or label: the only list of jobs.

Types without a form here are known by name, so that whole projects list correctly.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from engine.errors import InputError
from engine.jobs.job_type import JobType

# key -> module of the types with a form, in the order of a project's steps
FORMS = {
    "import": "import_",
    "ctffind": "ctffind",
    "manualpick": "manualpick",
    "autopick": "autopick",
    "extract": "extract",
    "class2d": "class2d",
    "select": "select",
}

# key, folder, title, number, label, has MPI, has threads, NAME of .gui_NAMEjob.star
_BRIEF = (
    ("motioncorr", "MotionCorr", "Motion correction", 1, "relion.motioncorr", 1, 1, ""),
    ("class3d", "Class3D", "3D classification", 9, "relion.class3d", 1, 1, ""),
    ("refine3d", "Refine3D", "3D auto-refine", 10, "relion.refine3d", 1, 1, "auto3d"),
    ("maskcreate", "MaskCreate", "Mask creation", 12, "relion.maskcreate", 0, 1, ""),
    ("joinstar", "JoinStar", "Join star files", 13, "relion.joinstar", 0, 0, ""),
    ("subtract", "Subtract", "Particle subtraction", 14, "relion.subtract", 1, 0, ""),
    (
        "postprocess",
        "PostProcess",
        "Post-processing",
        15,
        "relion.postprocess",
        0,
        0,
        "post",
    ),
    ("localres", "LocalRes", "Local resolution", 16, "relion.localres", 1, 0, ""),
    (
        "initialmodel",
        "InitialModel",
        "3D initial reference",
        18,
        "relion.initialmodel",
        1,
        1,
        "inimodel",
    ),
    ("multibody", "MultiBody", "3D multi-body", 19, "relion.multibody", 1, 1, ""),
    (
        "polish",
        "Polish",
        "Bayesian polishing",
        20,
        "relion.polish",
        1,
        1,
        "bayespolish",
    ),
    ("ctfrefine", "CtfRefine", "CTF refinement", 21, "relion.ctfrefine", 1, 1, ""),
    ("dynamight", "DynaMight", "DynaMight flexibility", 22, "dynamight", 0, 1, ""),
    ("modelangelo", "ModelAngelo", "ModelAngelo building", 23, "modelangelo", 0, 0, ""),
    ("external", "External", "External", 99, "relion.external", 0, 1, ""),
    # in projects from before 3.1 only
    ("sort", "Sort", "Particle sorting", 6, "relion.sort", 0, 0, ""),
    ("oldpolish", "Polish", "Particle polishing", 11, "relion.oldpolish", 1, 1, ""),
    (
        "movierefine",
        "MovieRefine",
        "Movie refinement",
        17,
        "relion.movierefine",
        1,
        1,
        "",
    ),
    # tomography; folders are shared with the single-particle types
    ("importtomo", "Import", "Import (tomo)", 50, "relion.importtomo", 0, 0, ""),
    (
        "pseudosubtomo",
        "Extract",
        "Extract subtomos",
        51,
        "relion.pseudosubtomo",
        1,
        1,
        "",
    ),
    (
        "ctfrefinetomo",
        "CtfRefine",
        "CTF refinement (tomo)",
        52,
        "relion.ctfrefinetomo",
        1,
        1,
        "",
    ),
    (
        "framealigntomo",
        "Polish",
        "Bayesian polishing (tomo)",
        53,
        "relion.framealigntomo",
        1,
        1,
        "",
    ),
    (
        "reconstructparticletomo",
        "Reconstruct",
        "Reconstruct particle",
        54,
        "relion.reconstructparticletomo",
        1,
        1,
        "",
    ),
    (
        "aligntiltseries",
        "AlignTiltSeries",
        "Align tilt-series",
        55,
        "relion.aligntiltseries",
        1,
        0,
        "",
    ),
    (
        "reconstructtomograms",
        "Tomograms",
        "Reconstruct tomograms",
        56,
        "relion.reconstructtomograms",
        1,
        1,
        "",
    ),
    (
        "excludetilts",
        "ExcludeTiltImages",
        "Exclude tilt-images",
        57,
        "relion.excludetilts",
        0,
        0,
        "",
    ),
    ("denoisetomo", "Denoise", "Denoise tomograms", 58, "relion.denoisetomo", 0, 0, ""),
    ("picktomo", "Picks", "Pick tomograms", 59, "relion.picktomo", 0, 0, ""),
)


@cache
def _brief() -> dict[str, JobType]:
    return {
        key: JobType(
            key=key,
            folder=folder,
            title=title,
            number=number,
            label=label,
            has_mpi=bool(mpi),
            has_threads=bool(threads),
            gui_name=gui_name or key,
        )
        for key, folder, title, number, label, mpi, threads, gui_name in _BRIEF
    }


@cache
def by_key(key: str) -> JobType:
    """Job type of a key; InputError lists the keys if there is none."""
    if key in FORMS:
        found = import_module(f"engine.jobs.{FORMS[key]}").TYPE
        assert isinstance(found, JobType)
        return found
    if key in _brief():
        return _brief()[key]
    message = f"no job type {key!r}; choose one of {', '.join(FORMS)}"
    raise InputError(message)


def form_types() -> tuple[JobType, ...]:
    """Job types that can be filled in here, in the order of a project's steps."""
    return tuple(by_key(key) for key in FORMS)


@cache
def all_types() -> tuple[JobType, ...]:
    """All job types."""
    return (*form_types(), *_brief().values())


def find(name: str | int) -> JobType:
    """Job type of any name: key, folder, 4.0 label with suffixes, or 3.1's number.

    A name nobody knows gives a type of that name without a form, as newer RELIONs
    have types of their own.
    """
    text = str(name).strip().rstrip("/")
    if text.isascii() and text.isdigit():
        number = int(text)
        return next((t for t in all_types() if t.number == number), _unknown(text))
    if text in FORMS or text in _brief():
        return by_key(text)
    for job_type in all_types():
        if job_type.folder == text:
            return job_type
    label = text
    while label:
        for job_type in all_types():
            if job_type.label == label:
                return job_type
        label = label.rpartition(".")[0]
    return _unknown(text)


@cache
def _unknown(name: str) -> JobType:
    short = name.rpartition(".")[2] if "." in name else name
    number = int(name) if name.isascii() and name.isdigit() else -1
    return JobType(
        key=short.lower(), folder=short, title=short, number=number, label=name
    )
