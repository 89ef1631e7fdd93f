"""Cleaning a job: files that can be spared go to Trash/, at the same relative path."""

import fnmatch
import os
import re
import shutil
from typing import Any, Dict, List, Set, Tuple

from engine.project import layout
from engine.project.change import read_pipeline
from engine.project.errors import ProjectError
from engine.project.pipeline import Pipeline

TRASH = "Trash"
NO_HARSH = "NO_HARSH_CLEAN"

# folder -> patterns; S/ is every sub-folder, S alone the whole sub-folder
GENTLE = {
    "MotionCorr": ("S/*.com", "S/*.err", "S/*.out", "S/*.log"),
    "CtfFind": ("gctf*.out", "gctf*.err", "S"),
    "AutoPick": ("S/*.spi",),
    "Extract": ("S/*_extract.star",),
    "CtfRefine": (
        "S/*_wAcc_optics-group*.mrc",
        "S/*_xyAcc_optics-group*.mrc",
        "S/*_aberr-Axx_optics-group_*.mrc",
        "S/*_aberr-Axy_optics-group_*.mrc",
        "S/*_aberr-Ayy_optics-group_*.mrc",
        "S/*_aberr-bx_optics-group_*.mrc",
        "S/*_aberr-by_optics-group_*.mrc",
        "S/*_mag_optics-group_*.mrc",
        "S/*_fit.star",
        "S/*_fit.eps",
    ),
    "Polish": ("S/*_FCC_cc.mrc", "S/*_FCC_w0.mrc", "S/*_FCC_w1.mrc"),
    "PostProcess": ("*masked.mrc",),
}
HARSH = {
    "MotionCorr": ("S",),
    "Extract": ("S",),
    "MultiBody": ("analyse_component???_bin???.mrc",),
    "Polish": (*GENTLE["Polish"], "S/*_shiny.mrcs", "S/*_shiny.star"),
    "Subtract": ("subtracted.*",),
}
ITERATIVE = ("Class2D", "Class3D", "Refine3D", "InitialModel", "MultiBody")

_CONSEQUENCES = {
    ("Extract", False): "Continue! would extract all particles again",
    ("Extract", True): "particle stacks go: jobs that use these particles will break",
    ("MotionCorr", True): "corrected micrographs go: jobs that use them will break",
    ("AutoPick", False): "Read FOM maps needs maps to be written again",
    ("AutoPick", True): "Read FOM maps needs maps to be written again",
    ("Polish", True): "polished particles go: jobs that use them will break",
    ("Subtract", True): "subtracted particles go: jobs that use them will break",
}


def files_to_clean(
    project: str, pipeline: Pipeline, name: str, harsh: bool = False
) -> List[str]:
    """Files and sub-folders of a job that cleaning moves, relative to the project."""
    name = pipeline.resolve(name)
    folder = name.partition("/")[0]
    directory = os.path.join(project, name)
    if not os.path.isdir(directory):
        return []
    patterns = GENTLE.get(folder, ())
    if harsh:
        patterns = HARSH.get(folder, patterns)
    found: Set[str] = set()
    entries = sorted(os.listdir(directory))
    subs = [e for e in entries if not e.startswith(".")]
    subs = [e for e in subs if os.path.isdir(os.path.join(directory, e))]
    for pattern in patterns:
        if pattern == "S":
            found.update(subs)
        elif pattern.startswith("S/"):
            for sub in subs:
                found.update(_deep(directory, sub, pattern[2:]))
        else:
            found.update(e for e in fnmatch.filter(entries, pattern))
    if folder in ITERATIVE:
        found.update(_old_iterations(entries, pipeline.outputs_of(name)))
    return sorted(name + path for path in found)


def _deep(directory: str, sub: str, pattern: str) -> List[str]:
    """Files below a sub-folder, at any depth, that match."""
    found = []
    for where, _, files in os.walk(os.path.join(directory, sub)):
        relative = os.path.relpath(where, directory)
        found += [os.path.join(relative, f) for f in fnmatch.filter(files, pattern)]
    return found


def _old_iterations(entries: List[str], outputs: List[str]) -> List[str]:
    """Files of all iterations but the last one and those that are nodes."""
    pattern = re.compile(r"(run(?:_ct\d+)*_it\d{3})_data\.star\Z")
    roots = [m.group(1) for m in (pattern.match(e) for e in entries) if m]
    if not roots:
        return []
    names = [os.path.basename(path) for path in outputs]
    kept = {max(roots, key=_age)}
    kept |= {root for root in roots if any(n.startswith(root + "_") for n in names)}
    gone = [root for root in roots if root not in kept]
    return [e for e in entries if any(e.startswith(root + "_") for root in gone)]


def _age(root: str) -> Tuple[int, int]:
    """Order of iterations in time: continued runs come after the first one."""
    continued = re.findall(r"_ct(\d+)", root)
    return (int(continued[-1]) if continued else -1, int(root[-3:]))


def clean(
    project: str,
    name: str,
    harsh: bool = False,
    dry_run: bool = False,
    spares_protected: bool = False,
) -> Dict[str, Any]:
    """Move what can be spared to Trash/; return files, bytes and consequence.

    Only jobs that succeeded are cleaned. With `dry_run` nothing is moved. As in RELION,
    a file NO_HARSH_CLEAN protects a job when many are cleaned (`spares_protected`), not
    when it is cleaned alone.
    """
    pipeline = read_pipeline(project)
    name = pipeline.resolve(name)
    process = pipeline.process(name)
    if process.status != "Succeeded":
        message = "{} is {}; only jobs that succeeded can be cleaned"
        raise ProjectError(message.format(name.rstrip("/"), process.status), "status")
    is_protected = os.path.exists(os.path.join(project, name, NO_HARSH))
    if harsh and spares_protected and is_protected:
        message = "{} is protected by {}; clean it alone, or remove that file"
        raise ProjectError(message.format(name.rstrip("/"), NO_HARSH), "protected")
    folder = layout.process_folder(process.type_label) or process.folder
    paths = files_to_clean(project, pipeline, name, harsh)
    total = sum(size_of(os.path.join(project, path)) for path in paths)
    if not dry_run:
        for path in paths:
            to_trash(project, path)
    return {
        "job": name.rstrip("/"),
        "files": paths,
        "bytes": total,
        "consequence": _CONSEQUENCES.get((folder, harsh), ""),
        "moved": not dry_run,
    }


def size_of(path: str) -> int:
    """Bytes of a file or of all files below a folder; links count nothing."""
    if os.path.islink(path):
        return 0
    if not os.path.isdir(path):
        return os.path.getsize(path) if os.path.exists(path) else 0
    total = 0
    for where, _, files in os.walk(path):
        for file in files:
            full = os.path.join(where, file)
            if not os.path.islink(full):
                total += os.path.getsize(full)
    return total


def to_trash(project: str, path: str) -> str:
    """Move a file or folder to the same path below Trash/; return where it went.

    What lies there already is kept: folders are merged, files get a number.
    """
    source = os.path.join(project, path.rstrip("/"))
    target = os.path.join(project, TRASH, path.rstrip("/"))
    if os.path.isdir(source) and not os.path.islink(source) and os.path.isdir(target):
        for entry in sorted(os.listdir(source)):
            to_trash(project, os.path.join(path, entry))
        os.rmdir(source)
        return os.path.relpath(target, project)
    n = 0
    free = target
    while os.path.lexists(free):
        n += 1
        free = "{}.{}".format(target, n)
    os.makedirs(os.path.dirname(free), exist_ok=True)
    shutil.move(source, free)
    return os.path.relpath(free, project)
