"""Changing a pipeline: locked, read afresh, backed up, written whole."""

import os
import re
import tempfile
import time
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Set, Tuple

from engine.project import layout
from engine.project.atomic import own_folder, read_text, touch, write_text
from engine.project.errors import ProjectError
from engine.project.lock import WAIT_S, Holder, ProjectLock, holder
from engine.project.pipeline import Pipeline

PIPELINE = "default_pipeline.star"
CHANGED = ".pipeline_has_changed"
ROOM_BYTES = 1 << 16  # a change writes a dozen files of a few kB, and the pipeline
_BACKUPS_KEPT = 10  # the newest
_BACKUP_DAYS_KEPT = 14  # and the last of so many days


def pipeline_path(project: str) -> str:
    """Path of a project's pipeline."""
    return os.path.join(project, PIPELINE)


def is_project(project: str) -> bool:
    """Whether a folder holds a pipeline."""
    return os.path.isfile(pipeline_path(project))


def read_pipeline(project: str, is_locked: bool = False) -> Pipeline:
    """Read the pipeline as it is now, without the lock.

    RELION truncates the file and writes it in place while it holds the lock, so a
    reader may come in between: what is read under somebody's lock, or changes while
    it is read, is read again for a moment. `is_locked`: the lock is ours.
    """
    path = pipeline_path(project)
    text = ""
    for attempt in range(_READS):
        before = _stamp(path)
        text = _text_of(path)
        is_still = _stamp(path) == before
        if text.strip() and is_still and (is_locked or not _is_being_written(project)):
            break
        if attempt == _READS - 1:
            break
        time.sleep(_READ_AGAIN_S)
    if not text.strip():
        message = (
            "{} is empty, as RELION leaves it after some crashes; put back one of: {}"
        )
        found = rescue_files(project)[:3]
        raise ProjectError(message.format(path, ", ".join(found) or "no copy found"))
    return Pipeline.parse(text, path, default_version(project))


_READS = 12
_READ_AGAIN_S = 0.02


def _stamp(path: str) -> Tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _is_being_written(project: str) -> bool:
    """Whether somebody who writes in place may be at it: a young lock not ours."""
    seen = holder(project, PIPELINE)
    return seen is not None and seen.age_s < 5.0 and "tool" not in seen.fields


def _text_of(path: str) -> str:
    try:
        return read_text(path)
    except FileNotFoundError:
        message = "{}: no RELION project here; is this the right folder?"
        raise ProjectError(
            message.format(os.path.dirname(path) or "."), "no-project"
        ) from None
    except OSError as error:
        message = "{}: {}".format(path, error.strerror)
        raise ProjectError(message) from error


def default_version(project: str) -> str:
    """Layout of a project without jobs, as `create_project` noted it; else 3.1."""
    try:
        noted = read_text(os.path.join(project, ".cryodeck", "layout")).strip()
    except OSError:
        return "3.1"
    return noted if noted in layout.VERSIONS else "3.1"


def rescue_files(project: str) -> List[str]:
    """Copies of the pipeline, newest first: our backups, RELION's in job folders."""
    found = []
    folder = os.path.join(project, ".cryodeck", "backups")
    if os.path.isdir(folder):
        found += [os.path.join(folder, name) for name in os.listdir(folder)]
    for kind in sorted(os.listdir(project)):
        where = os.path.join(project, kind)
        if kind.startswith(".") or kind == "Trash" or not os.path.isdir(where):
            continue
        for job in sorted(os.listdir(where)):
            path = os.path.join(where, job, PIPELINE)
            is_job = layout.job_number(job and kind + "/" + job) >= 0
            if is_job and os.path.isfile(path):
                found.append(path)
    found = [path for path in found if os.path.getsize(path) > 0]
    found.sort(key=os.path.getmtime, reverse=True)
    return [os.path.relpath(path, project) for path in found]


@contextmanager
def changing(
    project: str,
    wait_s: float = WAIT_S,
    on_wait: Optional[Callable[[Holder], None]] = None,
) -> Iterator[Pipeline]:
    """Give the pipeline, read under the lock, and write what the block changed.

    Nothing is written if the block raises or changes nothing.
    """
    if not is_project(project):
        read_pipeline(project)  # says what is wrong
    with ProjectLock(project, PIPELINE, wait_s, on_wait):
        pipeline = read_pipeline(project, is_locked=True)
        before = pipeline.format()
        make_sure_of_room(project, ROOM_BYTES + 3 * len(before))
        yield pipeline
        after = pipeline.format()
        if after != before:
            back_up(project)
            write_text(pipeline_path(project), after)
            touch(os.path.join(project, CHANGED))


def make_sure_of_room(project: str, count: int = ROOM_BYTES) -> None:
    """Raise the system's error if so many bytes cannot be written now.

    A change is many small files. Whether the disk and the quota have room for them is
    found out before the first one, so that nothing is left half done.
    """
    try:
        with tempfile.TemporaryFile(
            prefix="room.", dir=own_folder(project), buffering=0
        ) as file:
            while count > 0:
                count -= file.write(bytes(min(count, 1 << 16)))
            os.fsync(file.fileno())
    except OSError as error:
        raise OSError(error.errno, error.strerror, project) from error


def back_up(project: str) -> str:
    """Copy the pipeline into the ring of dated backups; return the copy's path."""
    folder = os.path.join(own_folder(project), "backups")
    os.makedirs(folder, exist_ok=True)
    text = read_text(pipeline_path(project))
    stamp = time.strftime("%Y%m%dT%H%M%S")
    n = 0
    path = os.path.join(folder, "default_pipeline.{}.star".format(stamp))
    while os.path.exists(path):
        n += 1
        path = os.path.join(folder, "default_pipeline.{}_{}.star".format(stamp, n))
    write_text(path, text)
    _prune(folder)
    return path


def _prune(folder: str) -> None:
    names = [n for n in os.listdir(folder) if re.match(r"default_pipeline\.\d{8}T", n)]
    names.sort(key=lambda n: (os.path.getmtime(os.path.join(folder, n)), n))
    names.reverse()
    kept = set(names[:_BACKUPS_KEPT])
    days: Set[str] = set()
    for name in names:
        day = name.split(".")[1][:8]
        if day not in days and len(days) < _BACKUP_DAYS_KEPT:
            days.add(day)
            kept.add(name)
    for name in names:
        if name not in kept:
            os.unlink(os.path.join(folder, name))
