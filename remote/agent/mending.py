"""A project put right: its lock, its labels, its layout, what was deleted from it."""

import os
from typing import Any, Dict, List, Optional

from engine.project import convert as converting
from engine.project import repair as repairing
from engine.project import trash
from engine.project.atomic import read_text
from engine.project.change import read_pipeline
from engine.project.errors import ProjectError
from engine.project.lock import STALE_S, Holder, break_lock, holder
from engine.project.pipeline import Pipeline
from remote.agent.verbs import Request, VerbError, verb


@verb()
def damage(request: Request) -> List[str]:
    """Nodes whose labels another version of RELION has spoilt, a line each."""
    found = repairing.find_damage(read_pipeline(request.path("")))
    return [one.describe() for one in found]


@verb(whole=True)
def repair(request: Request) -> Dict[str, Any]:
    """Mend the labels; what was mended, and where the copy from before lies."""
    backup, found = repairing.repair(request.path(""))
    return {"backup": backup, "mended": [one.describe() for one in found]}


@verb(whole=True)
def convert(request: Request, version: str, dry_run: bool = True) -> Dict[str, Any]:
    """Bring the project to a newer layout; what changes."""
    return converting.convert(request.path(""), version, dry_run)


@verb()
def deleted(request: Request) -> List[Dict[str, Any]]:
    """Deletions that can be undone, the newest first: file, at, jobs, aliases."""
    project = request.path("")
    version = read_pipeline(project).version
    found = []
    for file in trash.deleted_pipelines(project):
        path = os.path.join(project, file)
        try:
            old = Pipeline.parse(read_text(path), path, version).processes()
        except (OSError, ProjectError):
            continue  # cut off while it was written, or made by something else
        found.append(
            {
                "file": file,
                "at": os.path.getmtime(path),
                "jobs": [job.name.rstrip("/") for job in old],
                "aliases": [job.alias.rstrip("/") for job in old],
            }
        )
    return found


@verb(whole=True)
def undelete(request: Request, file: str) -> List[str]:
    """Bring back the jobs of one deletion; their names."""
    return trash.undelete(request.path(""), file)


@verb()
def lock(request: Request) -> Optional[Dict[str, Any]]:
    """Who holds the project's lock, in words; None if nobody does."""
    seen = holder(request.path(""))
    return _told(seen) if seen is not None else None


def _told(seen: Holder) -> Dict[str, Any]:
    is_old = seen.age_s > STALE_S
    if seen.is_dead:
        why = "that process is gone: the lock is left over and can be removed"
    elif is_old:
        why = "probably left over: RELION itself gives up after two minutes"
    else:
        why = "somebody may be at work; it goes when they are done"
    return {
        "held_by": seen.describe(),
        "why": why,
        "age_s": seen.age_s,
        "removable": seen.is_dead or is_old,
        "text": seen.text,
        "since": seen.since,
    }


@verb(whole=True)
def unlock(request: Request, text: str, since: float) -> bool:
    """Remove the lock that the person has looked at; False if it is gone already."""
    project = request.path("")
    if holder(project) is None:
        return False
    try:
        break_lock(project, Holder(text, since))
    except ProjectError as error:
        raise VerbError(str(error), "conflict") from error
    return True
