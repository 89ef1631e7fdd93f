"""What can be done to a project, each under the lock and whole or not at all.

Paths of nodes are given relative to the job's folder for outputs ("autopick.star") and
relative to the project for inputs. Labels are neutral (`engine.project.layout`).
"""

import os
import re
import shutil
import time
from typing import Callable, List, Optional, Sequence, Tuple

from engine.project import layout, nodes_tree
from engine.project.atomic import digest, own_folder, read_text, touch, write_text
from engine.project.change import PIPELINE, changing, is_project, pipeline_path
from engine.project.errors import ProjectError
from engine.project.lock import Holder, user_name
from engine.project.pipeline import Pipeline, with_slash
from engine.project.small_pipeline import extract

NodeList = Sequence[Tuple[str, str]]  # (path, neutral label)
OnWait = Optional[Callable[[Holder], None]]

SUCCESS = "RELION_JOB_EXIT_SUCCESS"
FAILURE = "RELION_JOB_EXIT_FAILURE"
ABORTED = "RELION_JOB_EXIT_ABORTED"
ABORT_NOW = "RELION_JOB_ABORT_NOW"
EXIT_MARKERS = ((SUCCESS, "Succeeded"), (FAILURE, "Failed"), (ABORTED, "Aborted"))
FLAGS = (SUCCESS, FAILURE, ABORTED, ABORT_NOW)

_ALIAS_FORBIDDEN = "*?()/\"\\|#<>&%{}$'`;"
_TOKEN_AGE_S = 30 * 86400.0


def create_project(project: str, version: str = "4.0") -> None:
    """Make a folder a RELION project; an existing project stays as it is."""
    if version not in layout.VERSIONS:
        message = "no project layout {!r}; choose one of {}"
        raise ProjectError(message.format(version, ", ".join(layout.VERSIONS)))
    os.makedirs(project, exist_ok=True)
    if not is_project(project):
        write_text(os.path.join(own_folder(project), "layout"), version + "\n")
        write_text(pipeline_path(project), Pipeline.new(version).format())
    touch(os.path.join(project, ".gui_projectdir"))


def new_job(
    project: str,
    type_label: str,
    job_star: str,
    inputs: NodeList = (),
    outputs: NodeList = (),
    alias: str = "",
    status: str = "Scheduled",
    token: str = "",
    gui_name: str = "",
    folder: str = "",
    on_wait: OnWait = None,
) -> str:
    """Add a job and return its name, "AutoPick/job006".

    The same token asked again gives the same job, even if the first time was cut off
    half-way. `type_label` is 4.0's label with its variant; 3.1's number is found
    from it. `gui_name` is NAME of the ``.gui_NAMEjob.star`` to renew.
    """
    folder = folder or layout.process_folder(type_label)
    if not folder:
        message = "no folder known for jobs of type {!r}".format(type_label)
        raise ProjectError(message)
    if status not in ("Scheduled", "Running"):
        message = "a new job is Scheduled or Running, not {}".format(status)
        raise ProjectError(message)
    made: List[str] = []
    try:
        with changing(project, on_wait=on_wait) as pipeline:
            name = _known_token(project, "new", token)
            if name and pipeline.has_process(name):
                return name.rstrip("/")
            short = check_alias(pipeline, folder, alias) if alias else ""
            name = name or _next_name(project, pipeline, folder)
            directory = os.path.join(project, name)
            if not os.path.isdir(directory):
                os.makedirs(directory)
                made.append(directory)
            _note_token(project, "new", token, name)
            write_text(os.path.join(directory, "job.star"), job_star)
            pipeline.counter = max(pipeline.counter, layout.job_number(name) + 1)
            label = _spelled(pipeline.version, type_label)
            pipeline.add_process(name, label, status)
            _connect(pipeline, name, inputs, outputs)
            _write_small_pipeline(project, pipeline, name)
            if short:
                _give_alias(project, pipeline, name, short)
            nodes_tree.show_outputs(project, pipeline, name)
            if gui_name:
                gui_file = os.path.join(project, ".gui_{}job.star".format(gui_name))
                write_text(gui_file, job_star)
    except OSError:
        for directory in made:  # a full disk: no folder without its job
            shutil.rmtree(directory, ignore_errors=True)
        raise
    return name.rstrip("/")


def launch(
    project: str,
    name: str,
    commands: Sequence[str],
    job_star: str = "",
    inputs: NodeList = (),
    outputs: NodeList = (),
    type_label: str = "",
    token: str = "",
    gui_name: str = "",
    on_wait: OnWait = None,
) -> bool:
    """Make a job Running, as RELION does before it starts the program.

    Writes job.star, removes the flags of the last run and planned outputs that never
    came to be, adds the new nodes, and writes note.txt and the job's copies of the
    pipeline. Returns False if this token did all that before.
    """
    with changing(project, on_wait=on_wait) as pipeline:
        name = pipeline.resolve(name)
        if token and _known_token(project, "run", token) == name:
            return False
        directory = os.path.join(project, name)
        if job_star:
            write_text(os.path.join(directory, "job.star"), job_star)
            if gui_name:
                gui_file = os.path.join(project, ".gui_{}job.star".format(gui_name))
                write_text(gui_file, job_star)
        for flag in FLAGS:
            _remove(os.path.join(directory, flag))
        _reconnect(project, pipeline, name, inputs, outputs, type_label)
        pipeline.set_status(name, "Running")
        _write_small_pipeline(project, pipeline, name)
        _append_launch(os.path.join(directory, "note.txt"), commands)
        nodes_tree.show_outputs(project, pipeline, name)
        write_text(os.path.join(directory, PIPELINE), pipeline.format())
    _note_token(project, "run", token, name)
    return True


def save_job_star(
    project: str,
    name: str,
    job_star: str,
    gui_name: str = "",
    inputs: NodeList = (),
    outputs: NodeList = (),
    type_label: str = "",
    known: Sequence[str] = (),
) -> None:
    """Rewrite the job.star of a job that is not running.

    A draft's place in the pipeline follows if inputs and outputs are given. If `known`
    holds digests, the file must be one of those: else somebody has changed it.
    """
    with changing(project) as pipeline:
        process = pipeline.process(pipeline.resolve(name))
        if process.status == "Running":
            message = "{} is running: its parameters cannot be changed until it ends"
            raise ProjectError(message.format(process.name.rstrip("/")), "running")
        name = process.name
        path = os.path.join(project, name, "job.star")
        if known and os.path.exists(path) and digest(read_text(path)) not in known:
            message = (
                "{}: its form was changed by {}, {:.0f} s ago, after you opened it; "
                "yours was not saved. Open it again to see it; to save once more "
                "replaces it"
            )
            there = os.stat(path)
            who, age = user_name(there.st_uid), max(0.0, time.time() - there.st_mtime)
            raise ProjectError(message.format(name.rstrip("/"), who, age), "changed")
        write_text(path, job_star)
        if process.status == "Scheduled" and (inputs or outputs):
            _reconnect(project, pipeline, name, inputs, outputs, type_label)
            _write_small_pipeline(project, pipeline, name)
            nodes_tree.show_outputs(project, pipeline, name)
        if gui_name:
            gui_file = os.path.join(project, ".gui_{}job.star".format(gui_name))
            write_text(gui_file, job_star)


def set_alias(project: str, name: str, alias: str) -> str:
    """Give a job an alias, or none; return it as it was taken ("LoG")."""
    with changing(project) as pipeline:
        name = pipeline.resolve(name)
        folder = name.partition("/")[0]
        short = check_alias(pipeline, folder, alias, name) if alias.strip() else ""
        _give_alias(project, pipeline, name, short)
    return short


def check_alias(pipeline: Pipeline, folder: str, alias: str, name: str = "") -> str:
    """Alias as RELION would take it; a `ProjectError` says what is wrong with it."""
    short = re.sub(r"\s", "_", alias.strip().strip("/"))
    if short.startswith(folder + "/"):
        short = short[len(folder) + 1 :]
    bad = sorted({c for c in short if c in _ALIAS_FORBIDDEN or ord(c) < 32})
    if len(short) < 2:
        reason = "needs at least two characters"
    elif short.startswith("job"):
        reason = "must not begin with 'job'"
    elif short.startswith("."):
        reason = "must not begin with a dot"
    elif bad:
        reason = "must not hold {}".format(" ".join(bad))
    else:
        full = "{}/{}/".format(folder, short)
        others = [p for p in pipeline.processes() if p.alias == full and p.name != name]
        if not others:
            return short
        reason = "is {}'s already".format(others[0].name.rstrip("/"))
    message = "alias {!r} {}".format(alias, reason)
    raise ProjectError(message, "alias")


def read_note(project: str, name: str) -> str:
    """Text of a job's note.txt; empty if there is none."""
    path = os.path.join(project, with_slash(name), "note.txt")
    return read_text(path) if os.path.exists(path) else ""


def write_note(project: str, name: str, text: str) -> None:
    """Replace a job's note.txt."""
    directory = os.path.join(project, with_slash(name))
    if not os.path.isdir(directory):
        message = "{} has no folder".format(name)
        raise ProjectError(message, "no-job")
    ended = text if not text or text.endswith("\n") else text + "\n"
    write_text(os.path.join(directory, "note.txt"), ended)


def request_abort(project: str, name: str) -> None:
    """Ask a job to stop at its next look."""
    touch(os.path.join(project, with_slash(name), ABORT_NOW))


def _spelled(version: str, type_label: str) -> str:
    if version != "3.1":
        return type_label
    number = layout.process_number(type_label)
    if number < 0:
        message = "RELION 3.1 has no job type {}".format(type_label)
        raise ProjectError(message)
    return str(number)


def _next_name(project: str, pipeline: Pipeline, folder: str) -> str:
    number = pipeline.counter
    while os.path.lexists(
        os.path.join(project, layout.job_name(folder, number).rstrip("/"))
    ) or any(process.number == number for process in pipeline.processes()):
        number += 1
    return layout.job_name(folder, number)


def _connect(
    pipeline: Pipeline, name: str, inputs: NodeList, outputs: NodeList
) -> None:
    for path, label in inputs:
        pipeline.add_input(path, name, label)
    for path, label in outputs:
        pipeline.add_output(name, name + path, label)


def _reconnect(
    project: str,
    pipeline: Pipeline,
    name: str,
    inputs: NodeList,
    outputs: NodeList,
    type_label: str,
) -> None:
    """Let a job's nodes be what its form says now.

    Planned outputs that are planned no more and never came to be are taken out; a
    draft's old inputs too, while a continued job keeps those it was made from.
    """
    if outputs:
        planned = {name + path for path, _ in outputs}
        missing = [
            path
            for path in pipeline.outputs_of(name)
            if path not in planned and not os.path.exists(os.path.join(project, path))
        ]
        pipeline.remove_nodes(missing)
    if inputs and pipeline.process(name).status == "Scheduled":
        pipeline.drop_inputs(name)
    if type_label:
        pipeline.set_type(name, _spelled(pipeline.version, type_label))
    _connect(pipeline, name, inputs, outputs)


def _write_small_pipeline(project: str, pipeline: Pipeline, name: str) -> None:
    small = extract(pipeline, [name])
    small.set_alias(name, "")
    write_text(os.path.join(project, name, "job_pipeline.star"), small.format())


def _append_launch(path: str, commands: Sequence[str]) -> None:
    lines = [
        "",
        " ++++ Executing new job on " + time.strftime("%a %b %e %H:%M:%S %Y"),
        " ++++ with the following command(s): ",
    ]
    lines += [*commands, " ++++ ", ""]
    with open(path, "a", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write("\n".join(lines))


def _give_alias(project: str, pipeline: Pipeline, name: str, short: str) -> None:
    folder, number = name.rstrip("/").split("/")
    before = pipeline.process(name).alias
    pipeline.set_alias(name, "{}/{}/".format(folder, short) if short else "")
    target = "../{}/".format(name.rstrip("/"))
    if before:
        old = os.path.join(project, before.rstrip("/"))
        if os.path.islink(old) and before != "{}/{}/".format(folder, short):
            os.unlink(old)
        nodes_tree.hide_job(project, folder, {before.rstrip("/").split("/")[1]})
    nodes_tree.hide_job(project, folder, {number})
    if short:
        link = os.path.join(project, folder, short)
        if os.path.lexists(link) and not os.path.islink(link):
            message = "{}/{} exists and is not an alias".format(folder, short)
            raise ProjectError(message, "alias")
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(target, link)
    nodes_tree.show_outputs(project, pipeline, name)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _token_path(project: str, action: str, token: str) -> str:
    if not re.match(r"[A-Za-z0-9_-]{1,100}\Z", token):
        message = "a token holds letters, digits, - and _ only: {!r}".format(token)
        raise ProjectError(message)
    folder = os.path.join(own_folder(project), "tokens")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, action + "-" + token)


def _known_token(project: str, action: str, token: str) -> str:
    """Job that an action with this token was for; empty if it was never done."""
    if not token:
        return ""
    path = _token_path(project, action, token)
    return read_text(path).strip() if os.path.exists(path) else ""


def _note_token(project: str, action: str, token: str, name: str) -> None:
    """Remember an action's token; forget those of last month."""
    if not token:
        return
    path = _token_path(project, action, token)
    write_text(path, name + "\n")
    folder = os.path.dirname(path)
    limit = time.time() - _TOKEN_AGE_S
    for other in os.listdir(folder):
        full = os.path.join(folder, other)
        if os.path.getmtime(full) < limit:
            os.unlink(full)
