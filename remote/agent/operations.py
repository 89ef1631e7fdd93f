"""What a person does to a project, each by `engine.project` under the lock."""

import os
from typing import Any, Dict, List, Sequence

from engine.project import actions, clean, completion, trash
from engine.project.change import is_project, read_pipeline
from engine.project.errors import ProjectError
from remote.agent import queries
from remote.agent.verbs import Request, VerbError, verb


@verb(whole=True)
def create_project(request: Request, version: str = "4.0") -> str:
    """Make the folder a RELION project; its path."""
    actions.create_project(request.path(""), version)
    return os.path.abspath(request.path(""))


@verb(whole=True)
def create(
    request: Request,
    type_label: str,
    job_star: str,
    inputs: List[List[str]],
    outputs: List[List[str]],
    token: str,
    alias: str = "",
    gui_name: str = "",
    folder: str = "",
) -> str:
    """Add a draft; the same token gives the same job."""
    return actions.new_job(
        request.path(""),
        type_label,
        job_star,
        [(path, label) for path, label in inputs],
        [(path, label) for path, label in outputs],
        alias=alias,
        token=token,
        gui_name=gui_name,
        folder=folder,
    )


@verb(whole=True)
def save(
    request: Request,
    name: str,
    job_star: str,
    gui_name: str = "",
    inputs: Sequence[List[str]] = (),
    outputs: Sequence[List[str]] = (),
    type_label: str = "",
    known: Sequence[str] = (),
) -> None:
    """Rewrite the job.star of a job that is not running; a draft's nodes follow.

    `known` are digests of what the person has seen of it.
    """
    actions.save_job_star(
        request.path(""),
        name,
        job_star,
        gui_name,
        [(path, label) for path, label in inputs],
        [(path, label) for path, label in outputs],
        type_label,
        known,
    )


@verb(whole=True)
def mark(request: Request, name: str, status: str) -> None:
    """Set a job's status by hand, with the marker beside it."""
    if status not in ("Succeeded", "Failed", "Aborted"):
        message = "a job is marked Succeeded, Failed or Aborted, not {}"
        raise VerbError(message.format(status), "bad request")
    completion.mark(request.path(""), name, status, leave_marker=True)


@verb(whole=True)
def set_alias(request: Request, name: str, alias: str) -> str:
    """Give a job an alias, or none; the alias as it was taken."""
    return actions.set_alias(request.path(""), name, alias)


@verb(whole=True)
def note(request: Request, name: str, text: Any = None) -> str:
    """Text of a job's note, after replacing it if a text is given."""
    project = request.path("")
    name = read_pipeline(project).resolve(name)
    if text is not None:
        actions.write_note(project, name, text)
    return actions.read_note(project, name)


@verb(whole=True)
def clean_job(
    request: Request,
    name: str,
    harsh: bool = False,
    dry_run: bool = True,
    spares_protected: bool = False,
) -> Dict[str, Any]:
    """Move what a job can spare to Trash/; files, bytes and consequence."""
    return clean.clean(request.path(""), name, harsh, dry_run, spares_protected)


@verb(whole=True)
def delete(request: Request, name: str, dry_run: bool = True) -> Dict[str, Any]:
    """Move a job and all that depend on it to Trash/."""
    return trash.delete(request.path(""), [name], True, dry_run)


@verb()
def facts(request: Request, name: str = "", template: str = "") -> Dict[str, Any]:
    """What a submission needs to know of the project, a job, and this host.

    `template` is a file that a job's form or the profile names as the site's template.
    """
    project = request.path("")
    said: Dict[str, Any] = {
        "project": os.path.abspath(project),
        "user": queries.user(),
        "environment": {k: v for k, v in os.environ.items() if k.startswith("RELION_")},
        "is_project": is_project(project),
        "template": None,
    }
    if said["is_project"]:
        pipeline = read_pipeline(project)
        jobs = pipeline.processes()
        said["version"] = pipeline.version
        said["aliases"] = {job.alias: job.name for job in jobs if job.alias}
        if name:
            process = pipeline.process(pipeline.resolve(name))
            said["name"] = process.name.rstrip("/")
            said["status"] = process.status
    elif name:
        message = "{}: no RELION project here".format(project)
        raise ProjectError(message, "no-project")
    if template:
        path = request.path(template)
        if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
            with open(path, encoding="utf-8", errors="replace") as file:
                said["template"] = file.read()
    return said
