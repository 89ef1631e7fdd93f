"""From what a job left behind to its status in the pipeline."""

import os
import re
from typing import Collection, Dict, List, Tuple

from engine.project import layout, nodes_tree
from engine.project.actions import EXIT_MARKERS
from engine.project.atomic import touch
from engine.project.change import changing, read_pipeline
from engine.project.errors import ProjectError
from engine.project.pipeline import Pipeline
from engine.project.star import read

OUTPUT_NODES = "RELION_OUTPUT_NODES.star"
_REFINEMENTS = ("Class2D", "Class3D", "Refine3D", "InitialModel", "MultiBody")


def marker_status(project: str, name: str) -> str:
    """Status word of the exit marker in a job's folder; empty without one."""
    for marker, status in EXIT_MARKERS:
        if os.path.exists(os.path.join(project, name, marker)):
            return status
    return ""


def check_completion(project: str, but: Collection[str] = ()) -> Dict[str, str]:
    """Give running jobs the status of their exit markers; return what changed.

    Jobs in `but` ("AutoPick/job006") are left as they are, whatever their marker says.
    """
    ended = _ended(project, read_pipeline(project), but)
    if not ended:
        return {}
    with changing(project) as pipeline:
        ended = _ended(project, pipeline, but)
        for name, status in ended.items():
            pipeline.set_status(name, status)
            if status == "Succeeded":
                add_declared_outputs(project, pipeline, name)
            nodes_tree.show_outputs(project, pipeline, name)
    return {name.rstrip("/"): status for name, status in ended.items()}


def _ended(project: str, pipeline: Pipeline, but: Collection[str]) -> Dict[str, str]:
    found = {}
    for process in pipeline.processes():
        if process.status == "Running" and process.name.rstrip("/") not in but:
            status = marker_status(project, process.name)
            if status:
                found[process.name] = status
    return found


def add_declared_outputs(project: str, pipeline: Pipeline, name: str) -> List[str]:
    """Add the nodes that a program names in RELION_OUTPUT_NODES.star."""
    path = os.path.join(project, name, OUTPUT_NODES)
    if not os.path.exists(path):
        return []
    block = read(path).require("output_nodes", path)
    names = block.values("rlnPipeLineNodeName")
    label = "rlnPipeLineNodeTypeLabel"
    if block.column(label) < 0:
        label = "rlnPipeLineNodeType"
    labels = block.values(label)
    for node, kind in zip(names, labels):  # noqa: B905
        pipeline.add_output(name, node, layout.neutral_label(kind, node))
    return names


def mark(project: str, name: str, status: str, leave_marker: bool = False) -> None:
    """Set a job's status by hand, with what RELION does beside.

    A refinement marked Succeeded gets the last iteration that exists as its output.
    `leave_marker` writes the exit marker too, so that other programs agree.
    """
    with changing(project) as pipeline:
        name = pipeline.resolve(name)
        if status == "Succeeded":
            if name.partition("/")[0] in _REFINEMENTS:
                for path, label in last_iteration(project, pipeline.version, name):
                    pipeline.add_output(name, path, label)
            add_declared_outputs(project, pipeline, name)
            missing = [
                path
                for path in pipeline.outputs_of(name)
                if not os.path.exists(os.path.join(project, path))
            ]
            pipeline.remove_nodes(missing)
        pipeline.set_status(name, status)
        nodes_tree.show_outputs(project, pipeline, name)
        if leave_marker:
            _leave_marker(project, name, status)


def _leave_marker(project: str, name: str, status: str) -> None:
    for marker, word in EXIT_MARKERS:
        path = os.path.join(project, name, marker)
        if word == status:
            touch(path)
        elif os.path.exists(path):
            os.unlink(path)


def last_iteration(project: str, version: str, name: str) -> List[Tuple[str, str]]:
    """Return (path, neutral label) of what the last whole iteration left.

    An optimiser file is written last, so its presence means the iteration is whole.
    """
    directory = os.path.join(project, name)
    found = []
    for file in os.listdir(directory) if os.path.isdir(directory) else []:
        match = re.match(r"run(?:_ct[0-9]+)?_it([0-9]+)_optimiser\.star\Z", file)
        if match:
            found.append((int(match.group(1)), file))
    if not found:
        message = "{} has no _optimiser.star of any iteration; it cannot be finished"
        raise ProjectError(message.format(name.rstrip("/")), "no-iteration")
    file = max(found)[1]
    root = file[: -len("_optimiser.star")]
    suffix = "." + name.partition("/")[0].lower()
    nodes = [(name + root + "_data.star", "ParticlesData.star.relion" + suffix)]
    if version == "3.1":
        nodes.append((name + root + "_model.star", "ClassModel.star.relion"))
    else:
        label = "ProcessData.star.relion.optimiser" + suffix
        nodes.append((name + file, label))
    return nodes
