"""A project brought to a newer layout, so that a newer RELION can open it unharmed.

RELION converts by itself and silently loses the node types; see
`engine.project.repair`. Here the pipeline and every job.star get the new layout's
words, and all files that change are copied first.
"""

import os
import shutil
import time
from typing import Any, Dict, List, Tuple

from engine.project import layout, nodes_tree
from engine.project.atomic import own_folder, read_text, touch, write_text
from engine.project.change import CHANGED, PIPELINE, pipeline_path, read_pipeline
from engine.project.errors import ProjectError, StarError
from engine.project.lock import ProjectLock
from engine.project.pipeline import Pipeline
from engine.project.repair import with_suffix
from engine.project.star import format_star, parse


def convert(project: str, version: str, dry_run: bool = False) -> Dict[str, Any]:
    """Bring a project to the layout of 4.0 or 5.0; return what changes.

    Nothing may be running. With `dry_run` nothing is written.
    """
    if dry_run:
        return _report(project, read_pipeline(project), version)[1]
    with ProjectLock(project, PIPELINE):
        old = read_pipeline(project, is_locked=True)
        new, report = _report(project, old, version)
        if not report["changes"]:
            return report
        running = [p.name for p in old.processes() if p.status == "Running"]
        if running:
            message = "{} is running; convert the project when it is done"
            raise ProjectError(message.format(running[0].rstrip("/")), "running")
        report["backup"] = _copy_aside(project, report["job_stars"])
        for path in report["job_stars"]:
            full = os.path.join(project, path)
            write_text(full, _converted_job(read_text(full), path, version))
        write_text(pipeline_path(project), new.format())
        nodes_tree.remake(project, new)
        touch(os.path.join(project, CHANGED))
    return report


def _report(
    project: str, old: Pipeline, version: str
) -> Tuple[Pipeline, Dict[str, Any]]:
    if version not in ("4.0", "5.0") or version < old.version:
        message = (
            "a project of {} cannot be brought to {!r}; only to 4.0 or 5.0, upwards"
        )
        raise ProjectError(message.format(old.version, version))
    new, dropped = convert_pipeline(old, version, project)
    is_new = version != old.version
    report: Dict[str, Any] = {
        "from": old.version,
        "to": version,
        "changes": is_new,
        "jobs": len(old.processes()),
        "dropped_nodes": dropped,
        "job_stars": _old_job_stars(project, old) if is_new else [],
        "backup": "",
    }
    return new, report


def convert_pipeline(
    old: Pipeline, version: str, project: str = ""
) -> Tuple[Pipeline, List[str]]:
    """Return the pipeline in another layout, and nodes that it has no word for."""
    new = Pipeline.new(version)
    new.counter = old.counter
    for process in old.processes():
        label = process.type_label
        if old.version == "3.1":
            label = (
                layout.process_label(int(label)) or "relion." + process.folder.lower()
            )
        new.add_process(process.name, label, process.status, process.alias)
    renamed: Dict[str, str] = {}
    dropped = []
    for path, label in old.nodes():
        neutral = layout.neutral_label(label, path)
        renamed[path] = path
        if neutral.startswith("ClassModel"):
            better = path[: -len("_model.star")] + "_optimiser.star"
            is_there = os.path.exists(os.path.join(project, better))
            if not path.endswith("_model.star") or not is_there:
                dropped.append(path)
                del renamed[path]
                continue
            renamed[path] = better
            neutral = "ProcessData.star.relion.optimiser"
        if old.version == "3.1":
            neutral = with_suffix(old, path, neutral)
        new.add_node(renamed[path], neutral)
    inputs = new.table("pipeline_input_edges")
    outputs = new.table("pipeline_output_edges")
    inputs.rows = [[renamed[p], job] for p, job in old.inputs() if p in renamed]
    outputs.rows = [[job, renamed[p]] for job, p in old.outputs() if p in renamed]
    known = {block.name for block in new.star.blocks}
    new.star.blocks += [b for b in old.star.blocks if b.name not in known]
    return new, dropped


def _old_job_stars(project: str, pipeline: Pipeline) -> List[str]:
    """job.star files, and saved forms, that have to change."""
    found = [process.name + "job.star" for process in pipeline.processes()]
    for name in sorted(os.listdir(project)):
        if name.startswith(".gui_") and name.endswith("job.star"):
            found.append(name)
    return [path for path in found if os.path.isfile(os.path.join(project, path))]


def _converted_job(text: str, path: str, version: str) -> str:
    """job.star with the head of a newer version; the options stay as they are."""
    try:
        file = parse(text, path)
        head = file.require("job", path)
    except StarError:
        return text
    number = head.get("rlnJobType")
    for block in file.blocks:
        block.before = [_renamed_comment(line, version) for line in block.before]
    if number:
        head.rows = [row for row in head.rows if row[0] != "rlnJobType"]
        label = layout.process_label(int(number)) if number.isdigit() else number
        head.rows.insert(0, ["rlnJobTypeLabel", label])
        head.set("rlnJobIsTomo", "0")
    return format_star(file)


def _renamed_comment(line: str, version: str) -> str:
    is_version = line.strip().startswith("# version ")
    return layout.COMMENT[version] if is_version else line


def _copy_aside(project: str, paths: List[str]) -> str:
    """Copy what will change to a dated folder; return its path."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    folder = os.path.join(own_folder(project), "backups", "convert." + stamp)
    for path in [PIPELINE, *paths]:
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(project, path), target)
    return os.path.relpath(folder, project)
