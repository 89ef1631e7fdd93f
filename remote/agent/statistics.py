"""What a job came to, from its own files: RELION's jobs and ours alike.

The keys are those of docs/statistics.md. `summary.json`, which our engine writes at the
end, is taken where it is not older than what it is about.
"""

import array
import json
import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from engine.project.errors import StarError
from engine.project.star_stream import LoopStream
from remote.agent import lists, records
from remote.agent.class2d import class2d
from remote.agent.particles import (
    extracted,
    grey_values,
    kept_particles,
    particles,
    selection,
)
from remote.agent.project import job_folder
from remote.agent.verbs import Request, verb

_MAX_KEPT = 20000
Values = Dict[str, Any]

#: coordinate file -> its state, number of picks, FOMs; so that a poll reads only news
_picks: Dict[str, Tuple[Tuple[int, int], int, Sequence[float]]] = {}


@verb(heavy=True)
def of_job(request: Request, name: str) -> Dict[str, Any]:
    """Numbers of a job: {"job", "type", "values", "warnings"}."""
    found, folder = job_folder(request, name)
    kind = found.partition("/")[0]
    warnings: List[str] = []
    values: Values = {"type": _TYPES.get(kind, kind.lower())}
    summary = _summary(folder)
    if summary is not None:
        values.update(summary)
    elif kind in _MAKERS:
        try:
            values.update(_MAKERS[kind](request, folder, warnings))
        except (StarError, OSError) as error:
            warnings.append(str(error))
    if kind == "Extract":
        values.update(grey_values(request, os.path.join(folder, "particles.star")))
    if kind == "Select":
        try:
            path = os.path.join(folder, "particles.star")
            values.update(kept_particles(request, path))
        except (StarError, OSError) as error:
            warnings.append(str(error))
    if "elapsed_s" not in values:
        elapsed = _elapsed(folder)
        if elapsed is not None:
            values["elapsed_s"] = elapsed
    values.setdefault("failed", [])
    return {
        "job": found,
        "type": values["type"],
        "values": values,
        "warnings": warnings,
    }


def _summary(folder: str) -> Optional[Values]:
    """Our engine's own numbers, unless the job's files are newer."""
    path = os.path.join(folder, "summary.json")
    try:
        written = os.stat(path).st_mtime
        with open(path, encoding="utf-8") as file:
            found = json.loads(file.read(64 << 20))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    others = ("autopick.star", "particles.star", "progress.jsonl", "job.star")
    for name in others:
        if lists.stamp(os.path.join(folder, name))[0] / 1e6 > written + 5.0:
            return None
    return found


def _elapsed(folder: str) -> Optional[float]:
    """Seconds from the start of the last run to its end."""
    try:
        with open(os.path.join(folder, "progress.jsonl"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
    except (OSError, ValueError):
        return _elapsed_of_script(folder)
    started = [r for r in lines if r.get("kind") == "started"]
    if not started:
        return None
    return float(lines[-1].get("t", 0)) - float(started[-1].get("t", 0))


def _elapsed_of_script(folder: str) -> Optional[float]:
    """Seconds that the job script took: RELION's programs keep no time."""
    entry = records.latest(folder)
    if entry is None:
        return None
    base = records.base(folder, entry["token"])
    told, written = [], []
    for end in (".started", ".ended"):
        times = records.key_values(base + end) or {}
        told.append(lists.number(times.get("time", "")))
        written.append(lists.stamp(base + end)[0] / 1e6)
    took, exact = told[1] - told[0], written[1] - written[0]
    if took != took:
        return None
    # the files' own times are finer, unless somebody has copied the files
    return round(exact, 3) if abs(exact - took) <= 1.5 else max(0.0, took)


# picking


def _picking(request: Request, folder: str, warnings: List[str]) -> Values:
    source = lists.input_list(request, folder)
    if not source:
        warnings.append("the list of micrographs could not be found")
        return {}
    files = lists.CoordinateFiles(request, folder)
    rows: List[Dict[str, Any]] = []
    foms = array.array("d")
    done = 0
    listed = list(lists.micrograph_rows(request.path(source)))
    for micrograph in listed:
        request.report(len(rows), len(listed), len(foms), "picks")
        picks = None
        try:
            picks, found = _picks_in(files.path(micrograph.name))
            foms.extend(found)
            done += 1
        except FileNotFoundError:
            pass
        except (OSError, StarError) as error:
            warnings.append(str(error))
        rows.append(
            {"name": micrograph.name, "picks": picks, "defocus": micrograph.defocus}
        )
    counts = [int(row["picks"]) for row in rows if row["picks"] is not None]
    values: Values = {
        "micrographs": rows,
        "micrographs_total": len(rows),
        "micrographs_done": done,
        "picks_total": sum(counts),
    }
    picked = lists.count_histogram(counts)
    if picked is not None:
        values["picks_histogram"] = picked
    values.update(_of_foms(foms))
    return values


def _of_foms(foms: Sequence[float]) -> Values:
    fom_histogram = lists.histogram(foms)
    if fom_histogram is None:
        return {}
    low, high, _ = lists.extent(foms)
    return {
        "fom_histogram": fom_histogram,
        "fom_min": low,
        "fom_median": lists.median(foms),
        "fom_max": high,
    }


def _picks_in(path: str) -> Tuple[int, Sequence[float]]:
    mark = lists.stamp(path)
    if mark == (0, 0):
        raise FileNotFoundError(path)
    known = _picks.get(path)
    if known is not None and known[0] == mark:
        return known[1], known[2]
    found = lists.read_coordinates(path)
    if len(_picks) >= _MAX_KEPT:
        _picks.clear()
    foms = array.array("d", found.fom)  # a quarter of a list's memory
    _picks[path] = (mark, len(found.x), foms)
    return len(found.x), foms


# lists of micrographs


def _micrograph_list(request: Request, folder: str, warnings: List[str]) -> Values:
    path = lists.own_list(folder)
    if not path:
        return _imported_other(folder)
    defoci = []
    items = 0
    for micrograph in lists.micrograph_rows(path):
        items += 1
        if items % 1000 == 0:
            request.check()
        if micrograph.defocus is not None:
            defoci.append(micrograph.defocus)
    values: Values = {"items": items, "optics": _optics(path)}
    found = lists.histogram(defoci, 30)
    if found is not None:
        values["defocus_histogram"] = found
    return values


def _imported_other(folder: str) -> Values:
    """Import of something else: particles, references, coordinates."""
    names = [n for n in sorted(os.listdir(folder)) if n.endswith(".star")]
    for name in names:
        if name.startswith(("job", "coords_suffix", "default_pipeline")):
            continue
        path = os.path.join(folder, name)
        for block in ("particles", ""):
            try:
                return {"items": _count(path, block), "optics": _optics(path)}
            except StarError:
                continue
    return {"items": 0, "optics": []}


def _count(path: str, block: str = "") -> int:
    with LoopStream(path, block) as stream:
        return sum(map(len, stream.batches(stream.labels[0])))


def _optics(path: str) -> List[Values]:
    found = []
    for row in lists.optics_rows(path):
        size = 0.0
        for label in (
            "rlnImagePixelSize",
            "rlnMicrographPixelSize",
            "rlnMicrographOriginalPixelSize",
        ):
            size = size or lists.number_or_zero(row.get(label, ""))
        found.append(
            {
                "name": row.get("rlnOpticsGroupName", ""),
                "pixel_size": size,
                "voltage": lists.number_or_zero(row.get("rlnVoltage", "")),
            }
        )
    return found


_TYPES = {
    "Import": "import",
    "MotionCorr": "motioncorr",
    "CtfFind": "ctffind",
    "ManualPick": "manualpick",
    "AutoPick": "autopick",
    "Extract": "extract",
    "Class2D": "class2d",
    "Select": "select",
}
_MAKERS: Dict[str, Callable[[Request, str, List[str]], Values]] = {
    "Import": _micrograph_list,
    "MotionCorr": _micrograph_list,
    "CtfFind": _micrograph_list,
    "ManualPick": _picking,
    "AutoPick": _picking,
    "Extract": particles,
    "Class2D": class2d,
    "Select": selection,
}


@verb(heavy=True)
def micrographs(request: Request, name: str) -> List[Dict[str, Any]]:
    """Micrographs of a job in the order of its list; see `micrograph_facts`."""
    found, folder = job_folder(request, name)
    is_picking = found.partition("/")[0] in ("AutoPick", "ManualPick")
    path = "" if is_picking else lists.own_list(folder)
    if not path:
        source = lists.input_list(request, folder)
        if not source:
            return []
        path = request.path(source)
    files = lists.CoordinateFiles(request, folder) if is_picking else None
    rows: List[Dict[str, Any]] = []
    listed = list(lists.micrograph_rows(path))
    for micrograph in listed:
        request.report(len(rows), len(listed), len(rows), "micrographs")
        rows.append(micrograph_facts(request, micrograph, files))
    return rows


def micrograph_facts(
    request: Request,
    micrograph: lists.Micrograph,
    files: Optional[lists.CoordinateFiles] = None,
) -> Dict[str, Any]:
    """What is known of a micrograph, with its number of picks if it has any."""
    request.check()
    picks = None
    if files is not None:
        try:
            picks = _picks_in(files.path(micrograph.name))[0]
        except (OSError, StarError):
            pass
    return {
        "name": micrograph.name,
        "picks": picks,
        "defocus": micrograph.defocus,
        "ctf_fom": micrograph.ctf_fom,
        "ctf_resolution": micrograph.ctf_resolution,
        "ctf_image": micrograph.ctf,
        "exists": os.path.exists(request.path(micrograph.name)),
    }


@verb()
def picks(request: Request, name: str, micrograph: str) -> Dict[str, Any]:
    """Coordinates of a job on one micrograph, in pixels of the micrograph."""
    found, folder = job_folder(request, name)
    if found.partition("/")[0] == "Extract":
        return extracted(request, folder, micrograph)
    path = lists.CoordinateFiles(request, folder).path(micrograph)
    if not os.path.exists(path):
        return {"x": [], "y": [], "fom": [], "class_number": [], "psi": []}
    return dict(lists.read_coordinates(path)._asdict())
