"""``.Nodes``: the tree of empty files that RELION's Browse buttons list.

Nothing else depends on it, so a failure here does not make the job fail.
"""

import os
import shutil

from engine.project import layout
from engine.project.pipeline import Pipeline

ROOT = ".Nodes"


def entry(pipeline: Pipeline, path: str) -> str:
    """Path of a node's entry below ``.Nodes``; empty if it gets none."""
    label = pipeline.node_label(path)
    folder = label if pipeline.version == "3.1" else label.partition(".")[0]
    parts = path.split("/")
    if not folder or len(parts) < 3:
        return ""
    name = parts[0] + "/" + parts[1] + "/"
    if pipeline.has_process(name):
        alias = pipeline.process(name).alias
        if alias:
            parts[:2] = alias.rstrip("/").split("/")
    return os.path.join(ROOT, folder, *parts)


def show_outputs(project: str, pipeline: Pipeline, name: str) -> None:
    """Make the entries of what a job makes: files that exist, all if Scheduled."""
    is_scheduled = pipeline.process(name).status == "Scheduled"
    for path in pipeline.outputs_of(name):
        if is_scheduled or os.path.exists(os.path.join(project, path)):
            where = entry(pipeline, path)
            if where:
                full = os.path.join(project, where)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "a"):
                    pass


def hide_job(project: str, folder: str, short_names: "set[str]") -> None:
    """Remove all entries of a job, under its number and its alias."""
    root = os.path.join(project, ROOT)
    if not os.path.isdir(root):
        return
    for kind in os.listdir(root):
        for short in short_names:
            where = os.path.join(root, kind, folder, short)
            if short and os.path.isdir(where):
                shutil.rmtree(where, ignore_errors=True)


def remake(project: str, pipeline: Pipeline) -> None:
    """Build the whole tree anew."""
    shutil.rmtree(os.path.join(project, ROOT), ignore_errors=True)
    for process in pipeline.processes():
        show_outputs(project, pipeline, process.name)
    for path, _ in pipeline.nodes():
        if not pipeline.producer(path) and layout.job_name_in(path):
            where = entry(pipeline, path)
            if where and os.path.exists(os.path.join(project, path)):
                full = os.path.join(project, where)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                open(full, "a").close()
