"""Deleting jobs to Trash/ and getting them back."""

import os
import shutil
from typing import Any, Dict, List, Sequence

from engine.project import nodes_tree
from engine.project.atomic import read_text, write_text
from engine.project.change import changing, read_pipeline
from engine.project.clean import TRASH, size_of, to_trash
from engine.project.errors import ProjectError
from engine.project.pipeline import TABLES, Pipeline
from engine.project.small_pipeline import extract

DELETED = "deleted_pipeline.star"


def to_delete(pipeline: Pipeline, names: Sequence[str]) -> List[str]:
    """Jobs that go when these go: themselves and all that depend on them."""
    wanted = [pipeline.resolve(name) for name in names]
    return wanted + pipeline.users(wanted)


def delete(
    project: str, names: Sequence[str], recursive: bool = True, dry_run: bool = False
) -> Dict[str, Any]:
    """Move jobs, and by default all that depend on them, to Trash/.

    A running job is never deleted. Asking again for a deletion that was cut off
    finishes it.
    """
    gone = _chosen(read_pipeline(project), names, recursive)
    total = sum(size_of(os.path.join(project, name.rstrip("/"))) for name in gone)
    if dry_run:
        return _report(gone, total, False)
    with changing(project) as pipeline:
        gone = _chosen(pipeline, names, recursive)
        running = [n for n in gone if pipeline.process(n).status == "Running"]
        if running:
            message = "{} is running; abort it first"
            raise ProjectError(message.format(running[0].rstrip("/")), "running")
        deleted = extract(pipeline, gone)
        first = os.path.join(project, gone[0])
        if os.path.isdir(first):
            write_text(os.path.join(first, DELETED), deleted.format())
        for name in gone:
            _put_away(project, pipeline, name)
        pipeline.remove_processes(gone)
    return _report(gone, total, True)


def _chosen(pipeline: Pipeline, names: Sequence[str], recursive: bool) -> List[str]:
    if recursive:
        return to_delete(pipeline, names)
    return [pipeline.resolve(name) for name in names]


def _report(gone: List[str], total: int, moved: bool) -> Dict[str, Any]:
    return {
        "jobs": [name.rstrip("/") for name in gone],
        "bytes": total,
        "moved": moved,
    }


def _put_away(project: str, pipeline: Pipeline, name: str) -> None:
    alias = pipeline.process(name).alias.rstrip("/")
    folder, short = name.rstrip("/").split("/")
    link = os.path.join(project, alias) if alias else ""
    if link and os.path.islink(link):
        os.unlink(link)
    nodes_tree.hide_job(project, folder, {short, alias.rpartition("/")[2]})
    if os.path.isdir(os.path.join(project, name)):
        to_trash(project, name)


def undelete(project: str, pipeline_file: str) -> List[str]:
    """Bring back the jobs of a deleted_pipeline.star or job_pipeline.star in Trash/.

    An alias that has been given to another job meanwhile is lost.
    """
    path = os.path.join(project, pipeline_file)
    if not os.path.abspath(path).startswith(
        os.path.abspath(os.path.join(project, TRASH)) + os.sep
    ):
        message = "{}: only pipelines below Trash/ can be brought back"
        raise ProjectError(message.format(pipeline_file))
    with changing(project) as pipeline:
        old = Pipeline.parse(read_text(path), path, pipeline.version)
        if old.version != pipeline.version:
            message = "{} is of layout {}, the project of {}"
            raise ProjectError(
                message.format(pipeline_file, old.version, pipeline.version)
            )
        names = [process.name for process in old.processes()]
        for name in names:
            if pipeline.has_process(name) or os.path.exists(
                os.path.join(project, name.rstrip("/"))
            ):
                message = "{} exists again; it cannot be brought back"
                raise ProjectError(message.format(name.rstrip("/")), "exists")
        _add_rows(pipeline, old)
        for name in names:
            source = os.path.join(project, TRASH, name.rstrip("/"))
            target = os.path.join(project, name.rstrip("/"))
            if os.path.isdir(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.move(source, target)
            nodes_tree.show_outputs(project, pipeline, name)
        _renew_aliases(project, pipeline, names)
    return [name.rstrip("/") for name in names]


def _add_rows(pipeline: Pipeline, old: Pipeline) -> None:
    taken = {process.alias for process in pipeline.processes() if process.alias}
    for process in old.processes():
        alias = "" if process.alias in taken else process.alias
        pipeline.add_process(process.name, process.type_label, process.status, alias)
    nodes = old.tables.get(TABLES[2])
    for row in nodes.rows if nodes is not None else []:
        pipeline.add_node_row(row)
    for table in TABLES[3:]:
        block = old.tables.get(table)
        for row in block.rows if block is not None else []:
            pipeline.add_edge_row(table, row)


def _renew_aliases(project: str, pipeline: Pipeline, names: List[str]) -> None:
    for name in names:
        alias = pipeline.process(name).alias.rstrip("/")
        link = os.path.join(project, alias) if alias else ""
        if link and not os.path.lexists(link):
            os.symlink("../{}/".format(name.rstrip("/")), link)


def deleted_pipelines(project: str) -> List[str]:
    """Files below Trash/ that jobs can be brought back from, newest first."""
    found = []
    for where, _, files in os.walk(os.path.join(project, TRASH)):
        found += [os.path.join(where, f) for f in files if f == DELETED]
    found.sort(key=os.path.getmtime, reverse=True)
    return [os.path.relpath(path, project) for path in found]
