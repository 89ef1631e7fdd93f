"""Damage that RELION does to a pipeline of another version, found and undone.

Opening a 3.1 project in 4.0 shifts node types by its own table; opening it in 5.0
empties them; 5.0 leaves 4.0's optimiser label as it is. Nothing says so, and Browse
lists stay empty. Labels are judged by what a file is called.
"""

import os
from typing import List, Tuple

from engine.project import layout, nodes_tree
from engine.project.change import back_up, changing
from engine.project.pipeline import Pipeline


class Damage:
    """A node whose label cannot be right, and what it should be."""

    def __init__(self, path: str, label: str, better: str, version: str) -> None:
        self.path = path
        self.label = label  # as it stands
        self.better = better  # neutral label that fits
        self.spelled = layout.node_label(version, better)

    @property
    def is_model(self) -> bool:
        """Whether it is 3.1's model.star, for which later versions take optimisers."""
        return self.path.endswith("_model.star")

    @property
    def new_path(self) -> str:
        """Path that the node should have."""
        if self.is_model:
            return self.path[: -len("_model.star")] + "_optimiser.star"
        return self.path

    def describe(self) -> str:
        """What is wrong with it, in one line."""
        now = self.label or "nothing"
        text = "{}: labelled {}, should be {}".format(self.path, now, self.spelled)
        return text + " of " + self.new_path if self.is_model else text


def find_damage(pipeline: Pipeline) -> List[Damage]:
    """Nodes whose labels do not fit their files' names; none in 3.1's layout."""
    if pipeline.version == "3.1":
        return []
    found = []
    for path, label in pipeline.nodes():
        better = _better(pipeline, path, label)
        if better:
            found.append(Damage(path, label, better, pipeline.version))
    return found


def _better(pipeline: Pipeline, path: str, label: str) -> str:
    """Neutral label that a node should have; empty if its own may stay."""
    guess = layout.guess_label(path)
    if not guess:
        return ""
    if guess.startswith("ClassModel"):
        suffix = "." + path.partition("/")[0].lower()
        return "ProcessData.star.relion.optimiser" + suffix
    if label in ("", "None"):
        return with_suffix(pipeline, path, guess)
    neutral = layout.neutral_label(label)
    kind = neutral.partition(".")[0]
    if kind == guess.partition(".")[0]:
        # right, unless another version's spelling of it was left over
        return neutral if layout.node_label(pipeline.version, neutral) != label else ""
    if kind in ("DensityMap", "Mask3D", "Image3D", "ProcessData", "ParamsData"):
        return ""
    return with_suffix(pipeline, path, guess)


def with_suffix(pipeline: Pipeline, path: str, guess: str) -> str:
    """Label with the suffix that its producer gives it."""
    suffixes = {
        ("MotionCorr", "MicrographsData.star.relion"): ".motioncorr",
        ("CtfFind", "MicrographsData.star.relion"): ".ctf",
        ("ManualPick", "MicrographsCoords.star.relion"): ".manualpick",
        ("AutoPick", "MicrographsCoords.star.relion"): ".autopick",
        ("Class2D", "ParticlesData.star.relion"): ".class2d",
        ("Class2D", "ProcessData.star.relion.optimiser"): ".class2d",
        ("MotionCorr", "LogFile.pdf.relion"): ".motioncorr",
        ("CtfFind", "LogFile.pdf.relion"): ".ctffind",
        ("AutoPick", "LogFile.pdf.relion"): ".autopick",
    }
    producer = pipeline.producer(path) or layout.job_name_in(path)
    return guess + suffixes.get((producer.partition("/")[0], guess), "")


def repair(project: str) -> Tuple[str, List[Damage]]:
    """Give damaged nodes labels that fit; return the backup's path and what changed.

    3.1's model nodes become the optimisers beside them, or go if there is none; the
    files stay. A backup is made first, and named, although every change makes one.
    """
    with changing(project) as pipeline:
        damage = find_damage(pipeline)
        if not damage:
            return "", []
        backup = back_up(project)
        for one in damage:
            if not one.is_model:
                pipeline.set_node_label(one.path, one.better)
            elif os.path.exists(os.path.join(project, one.new_path)):
                pipeline.set_node_label(one.path, one.better)
                pipeline.rename_node(one.path, one.new_path)
            else:
                pipeline.remove_nodes([one.path])
        nodes_tree.remake(project, pipeline)
    return backup, damage
