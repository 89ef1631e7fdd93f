"""A project's jobs by name, their forms, and the files that forms may name."""

import os
import threading
from typing import Any, Dict, List, Tuple

from engine.project import layout
from engine.project.change import read_pipeline
from engine.project.errors import ProjectError
from engine.project.pipeline import Pipeline
from remote.agent.files import PIPELINE, tail
from remote.agent.verbs import Request, VerbError, verb

_kept: Dict[str, Tuple[Tuple[int, int, int], Pipeline]] = {}
_lock = threading.Lock()


def pipeline_of(request: Request) -> Pipeline:
    """The project's pipeline, read again only if it has changed; not to be changed."""
    path = os.path.realpath(request.path(PIPELINE))
    try:
        there = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        folder = request.path("")
        message = "{}: no RELION project here ({} is missing)".format(folder, PIPELINE)
        raise VerbError(message, "no project") from error
    mark = (int(there.st_mtime * 1e6), there.st_size, there.st_ino)
    with _lock:
        known = _kept.get(path)
        if known is not None and known[0] == mark:
            return known[1]
    pipeline = read_pipeline(os.path.dirname(path))
    with _lock:
        if len(_kept) > 3:
            _kept.clear()
        _kept[path] = (mark, pipeline)
    return pipeline


def job_folder(request: Request, name: str) -> Tuple[str, str]:
    """Name ("AutoPick/job006") and folder of a job, by name, alias or number."""
    text = name.strip().rstrip("/")
    if layout.job_name_in(text + "/") == text + "/":
        found = text  # as most requests are: no need of the pipeline
    else:
        found = pipeline_of(request).resolve(text).rstrip("/")
    folder = request.path(found)
    if not os.path.isdir(folder):
        message = "{}: its folder is not there; bring it back or delete the job"
        raise VerbError(message.format(found), "not found")
    return found, folder


@verb()
def job_star(request: Request, name: str) -> Dict[str, str]:
    """Form of a job as its file states it, and the layout of the project."""
    found, folder = job_folder(request, name)
    for file_name in ("job.star", "run.job"):
        path = os.path.join(folder, file_name)
        if os.path.exists(path):
            return {
                "name": found,
                "file": file_name,
                "text": _read(path),
                "version": _version(request),
            }
    message = "{}: neither job.star nor run.job".format(found)
    raise VerbError(message, "not found")


@verb()
def log(
    request: Request, name: str, stream: str, offset: int = 0, max_bytes: int = 65536
) -> Dict[str, Any]:
    """New text of a job's run.out or run.err from an offset."""
    found, folder = job_folder(request, name)
    file_name = "run." + os.path.basename(stream)
    said = tail(os.path.join(folder, file_name), offset, max_bytes)
    said["path"] = found + "/" + file_name
    return said


@verb()
def gui_defaults(request: Request, name: str) -> Dict[str, str]:
    """What the project's last job of a type was set to; "" if there was none."""
    text = ""
    path = request.path(".gui_{}job.star".format(os.path.basename(name)))
    if os.path.exists(path):
        text = _read(path)
    return {"text": text, "version": _version(request)}


@verb()
def nodes(request: Request, kind: str = "") -> List[Dict[str, str]]:
    """Files that jobs have made or will make, the newest first; of a kind or all.

    A job's alias stands beside each; deleted jobs' files are left out.
    """
    pipeline = pipeline_of(request)
    wanted = kind.partition(".")[0]
    aliases = {p.name: p.alias for p in pipeline.processes()}
    found = []
    for path, label in pipeline.nodes():
        neutral = layout.neutral_label(label, path)
        if wanted and neutral.partition(".")[0] != wanted:
            continue
        found.append(
            {
                "name": path,
                "kind": neutral.partition(".")[0],
                "label": label,
                "alias": aliases.get(layout.job_name_in(path), ""),
            }
        )
    found.reverse()
    return found


def _version(request: Request) -> str:
    try:
        return pipeline_of(request).version
    except (VerbError, ProjectError):
        return ""


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read(1 << 22)
