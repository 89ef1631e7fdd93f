"""Picking by hand: micrographs to tick, coordinate files to read and to replace.

What is written is whole at every moment: lists and nodes follow each change, so that a
job can be used, and has succeeded, whenever its person stops. A file is replaced only
if it is still the one that was read.
"""

import contextlib
import fcntl
import hashlib
import os
import zlib
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence

from engine.project import actions, completion
from engine.project.atomic import own_folder, write_bytes, write_text
from engine.project.picks_file import PicksFile
from remote.agent import lists, ticked
from remote.agent.project import job_folder, pipeline_of
from remote.agent.statistics import micrograph_facts
from remote.agent.verbs import Answer, Request, VerbError, verb

_MAX_BYTES = 16 << 20
_LISTS = {"ManualPick": "manualpick.star", "AutoPick": "autopick.star"}

Place = NamedTuple(
    "Place",
    [
        ("name", str),  # of the job
        ("folder", str),
        ("kind", str),  # ManualPick, AutoPick or Select
        ("version", str),
        ("source", str),  # path of the list of micrographs
        ("picks_job", str),  # whose coordinates are shown; "" for none
    ],
)


def _place(request: Request, name: str) -> Place:
    found, folder = job_folder(request, name)
    kind = found.partition("/")[0]
    version = pipeline_of(request).version
    picks_job = found if kind in _LISTS else ""
    source = ""
    if kind == "Select":
        coordinates = lists.job_values(folder).get("fn_coords", "")
        if coordinates:
            real = pipeline_of(request).real_path(coordinates)
            picks_job = "/".join(real.split("/")[:2])
            _, picks_folder = job_folder(request, picks_job)
            source = lists.input_list(request, picks_folder)
    elif kind not in _LISTS:
        message = "{}: nothing is picked or ticked by hand in it".format(found)
        raise VerbError(message, "bad request")
    source = source or lists.input_list(request, folder)
    if not source:
        message = "{}: its form names no list of micrographs".format(found)
        raise VerbError(message, "not found")
    return Place(found, folder, kind, version, request.path(source), picks_job)


@verb(heavy=True)
def table(request: Request, name: str) -> Dict[str, Any]:
    """Micrographs of a job with their picks, CTF and ticks."""
    place = _place(request, name)
    files = None
    if place.picks_job:
        files = lists.CoordinateFiles(request, job_folder(request, place.picks_job)[1])
    rows: List[Dict[str, Any]] = []
    listed = list(lists.micrograph_rows(place.source))
    for micrograph in listed:
        request.report(len(rows), len(listed), len(rows), "micrographs")
        rows.append(micrograph_facts(request, micrograph, files))
    ticks = ticked.read_ticks(place.folder, place.kind, [r["name"] for r in rows])
    for row, tick in zip(rows, ticks):
        row["selected"] = tick
    return {
        "job": place.name,
        "version": place.version,
        "picks_job": place.picks_job,
        "source": os.path.relpath(place.source, request.path("")),
        "selection": _selection_version(place),
        "micrographs": rows,
    }


@verb()
def read(request: Request, name: str, micrograph: str) -> Answer:
    """A coordinate file, packed, with what tells whether it is still the same."""
    path = _coordinates(request, name, micrograph)
    data = _bytes(path)
    said = {
        "version": _digest(data) if os.path.exists(path) else "",
        "layout": pipeline_of(request).version,
        "path": os.path.relpath(path, request.path("")),
    }
    return Answer(said, zlib.compress(data))


@verb(whole=True)
def write(request: Request, name: str, micrograph: str, if_version: str) -> Any:
    """Replace a coordinate file by the packed text beside the request.

    Only if it is still the version that was read; the same text once more is done
    already.
    """
    found, folder = job_folder(request, name)
    data = _unpacked(request.blob)
    path = _coordinates(request, found, micrograph)
    version = pipeline_of(request).version
    picks = PicksFile.parse(data.decode("utf-8", "surrogateescape"), version, path)
    with _only_one(folder):
        now = _digest(_bytes(path)) if os.path.exists(path) else ""
        if now != _digest(data):
            if now != if_version:
                message = "{}: was changed by somebody else since it was read".format(
                    os.path.relpath(path, request.path(""))
                )
                raise VerbError(message, "conflict")
            _keep_original(found, folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_bytes(path, data)
        _list_file(request, found, folder, micrograph, path)
    return {"version": _digest(data), "picks": len(picks.rows)}


@verb(whole=True)
def tick(request: Request, name: str, rows: Sequence[int], if_version: str) -> Any:
    """Keep the micrographs of these rows (from 0) as the job's selection."""
    place = _place(request, name)
    with _only_one(place.folder):
        now = _selection_version(place)
        if if_version not in (now, "any"):
            message = "{}: its selection was changed by somebody else".format(
                place.name
            )
            raise VerbError(message, "conflict")
        names = [row.name for row in lists.micrograph_rows(place.source)]
        wrong = [row for row in rows if not 0 <= row < len(names)]
        if wrong:
            message = "{}: no row {} in a list of {}".format(
                place.name, wrong[0] + 1, len(names)
            )
            raise VerbError(message, "bad request")
        files = _write_ticks(request, place, [names[row] for row in rows])
        version = _selection_version(place)
    return {"version": version, "files": files, "selected": len(rows)}


@verb(whole=True)
def begin(
    request: Request,
    name: str,
    job_star: str,
    inputs: List[List[str]],
    outputs: List[List[str]],
    type_label: str,
    gui_name: str,
    commands: List[str],
) -> None:
    """Launch a job that a person does; its lists are written, it counts as done.

    It takes what was picked and ticked before; nothing of that is lost.
    """
    project = request.path("")
    place = _place(request, name)
    names = [row.name for row in lists.micrograph_rows(place.source)]
    ticks = ticked.read_ticks(place.folder, place.kind, names)
    actions.launch(
        project,
        place.name,
        commands,
        job_star,
        [(path, label) for path, label in inputs],
        [(path, label) for path, label in outputs],
        type_label,
        gui_name=gui_name,
    )
    with _only_one(place.folder):
        if place.version == "3.1" and place.kind == "ManualPick":
            source = os.path.relpath(place.source, project)
            suffix = os.path.join(place.folder, "coords_suffix_manualpick.star")
            write_text(suffix, source + "\n")
        chosen = [one for one, tick in zip(names, ticks) if tick]
        files = _write_ticks(request, place, chosen)
    with open(os.path.join(place.folder, "run.out"), "a", encoding="utf-8") as file:
        text = " By hand in cryodeck: {} micrographs of {}\n Saved: {}\n"
        source = os.path.relpath(place.source, project)
        file.write(text.format(len(names), source, ", ".join(files)))
    completion.mark(project, place.name, "Succeeded", leave_marker=True)


def _write_ticks(request: Request, place: Place, names: List[str]) -> List[str]:
    files = ticked.write_ticks(
        place.folder, place.kind, place.version, place.source, set(names)
    )
    if place.kind == "ManualPick" and place.version != "3.1":
        # the list holds picks of ticked micrographs only
        where = lists.CoordinateFiles(request, place.folder)
        there = {name: where.path(name) for name in names}
        picked = {
            name: os.path.relpath(path, request.path(""))
            for name, path in there.items()
            if os.path.exists(path)
        }
        ticked.write_coordinate_list(
            place.folder, _LISTS[place.kind], place.version, picked, names
        )
        files.append(_LISTS[place.kind])
    return files


def _list_file(
    request: Request, name: str, folder: str, micrograph: str, path: str
) -> None:
    """Enter a new coordinate file into the list that RELION 4 and 5 read."""
    kind, version = name.partition("/")[0], pipeline_of(request).version
    known = lists.CoordinateFiles(request, folder).listed
    if version == "3.1" or micrograph in known:
        return
    source = request.path(lists.input_list(request, folder))
    order = [row.name for row in lists.micrograph_rows(source)]
    if kind == "ManualPick":
        ticks = ticked.read_ticks(folder, kind, order)
        if not dict(zip(order, ticks)).get(micrograph, False):
            return
    files = dict(known)
    files[micrograph] = os.path.relpath(path, request.path(""))
    ticked.write_coordinate_list(folder, _LISTS[kind], version, files, order)


def _coordinates(request: Request, name: str, micrograph: str) -> str:
    """Coordinate file of a micrograph; always one below the job's own folder."""
    found, folder = job_folder(request, name)
    if found.partition("/")[0] not in _LISTS:
        message = "{}: not a picking job".format(found)
        raise VerbError(message, "bad request")
    path = lists.CoordinateFiles(request, folder).path(micrograph)
    inside = os.path.realpath(folder) + os.sep
    if not os.path.realpath(path).startswith(inside) or not path.endswith(".star"):
        message = "{}: coordinates outside {} are not changed here".format(path, found)
        raise VerbError(message, "bad request")
    return path


def _keep_original(name: str, folder: str, path: str) -> None:
    """Keep what a program has picked before a person changes it for the first time."""
    if name.startswith("AutoPick/") and os.path.exists(path):
        kept = os.path.join(own_folder(folder), "picked", os.path.relpath(path, folder))
        if not os.path.exists(kept):
            os.makedirs(os.path.dirname(kept), exist_ok=True)
            write_bytes(kept, _bytes(path))


@verb()
def original(request: Request, name: str, micrograph: str) -> Answer:
    """What the program had picked before a person changed it, packed."""
    _, folder = job_folder(request, name)
    path = _coordinates(request, name, micrograph)
    kept = os.path.join(own_folder(folder), "picked", os.path.relpath(path, folder))
    if not os.path.exists(kept):
        message = "{}: is as the program has picked it".format(micrograph)
        raise VerbError(message, "not found")
    return Answer({}, zlib.compress(_bytes(kept)))


def _selection_version(place: Place) -> str:
    name = ticked.LIST if place.kind == "Select" else ticked.SELECTED
    path = os.path.join(place.folder, name)
    return _digest(_bytes(path)) if os.path.exists(path) else ""


def _bytes(path: str) -> bytes:
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        message = "{}: too large for a coordinate file".format(path)
        raise VerbError(message, "too large")
    return data


def _unpacked(blob: bytes) -> bytes:
    worker = zlib.decompressobj()
    data = worker.decompress(blob, _MAX_BYTES)
    if worker.unconsumed_tail:
        message = "more than {} bytes of coordinates".format(_MAX_BYTES)
        raise VerbError(message, "too large")
    return data


def _digest(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@contextlib.contextmanager
def _only_one(folder: str) -> Iterator[None]:
    """Between two windows of cryodeck; RELION's window knows no lock."""
    path = os.path.join(own_folder(folder), "by_hand.lock")
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks
        yield
