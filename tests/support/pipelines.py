"""A project's pipeline, changed as a test wants it."""

from __future__ import annotations

from pathlib import Path

from engine.project import nodes_tree
from engine.project.change import changing


def set_status(project: Path | str, name: str, status: str) -> None:
    """Give a job a status, and nothing besides."""
    with changing(str(project)) as pipeline:
        name = pipeline.resolve(name)
        pipeline.set_status(name, status)
        nodes_tree.show_outputs(str(project), pipeline, name)
