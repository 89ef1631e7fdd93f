"""The state of a 2D classification at full precision, in a file."""

from __future__ import annotations

import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from engine.classification.batch import Assignments
from engine.classification.model import ClassModel
from engine.classification.sampling import Sampling
from engine.classification.state import State
from engine.classification.statistics import SufficientStatistics
from engine.errors import InputError
from engine.io.atomic import replacing

_FORMAT = 1


def write_state(path: str, state: State, history: list[dict[str, Any]]) -> None:
    """All numbers of a state at full precision."""
    arrays: dict[str, Any] = {}
    for name in (field.name for field in fields(ClassModel)):
        arrays[f"model_{name}"] = np.asarray(getattr(state.model, name))
    for name in (field.name for field in fields(Assignments)):
        arrays[f"particles_{name}"] = getattr(state.particles, name)
    if state.running is not None:
        for name in (field.name for field in fields(SufficientStatistics)):
            arrays[f"running_{name}"] = getattr(state.running, name)
    sampling = {f.name: getattr(state.sampling, f.name) for f in fields(Sampling)}
    note = {
        "format": _FORMAT,
        "iteration": state.iteration,
        "perturbation": state.perturbation,
        "sampling": sampling,
        "changes": state.changes,
        "n_used": state.n_used,
        "history": history,
    }
    arrays["note"] = np.array(json.dumps(note))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_state(path: str | Path) -> tuple[State, list[dict[str, Any]]]:
    """A state that `write_state` wrote, and the history up to it.

    Raises
    ------
    InputError
        If the file is not such a state, or of another format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        note = json.loads(str(arrays.pop("note")))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        message = f"{path}: not a state of a 2D classification ({error})"
        raise InputError(message) from error
    if note["format"] != _FORMAT:
        message = (
            f"{path}: written by another version of cryodeck; move it away to go on "
            "from the rounded numbers in the STAR files"
        )
        raise InputError(message)
    values = {
        field.name: arrays[f"model_{field.name}"][()]
        if arrays[f"model_{field.name}"].ndim == 0
        else arrays[f"model_{field.name}"]
        for field in fields(ClassModel)
    }
    for name in ("current_shell", "finest_ring"):
        values[name] = int(values[name])
    particles = Assignments(
        **{f.name: arrays[f"particles_{f.name}"] for f in fields(Assignments)}
    )
    state = State(
        iteration=note["iteration"],
        model=ClassModel(**values),
        particles=particles,
        perturbation=note["perturbation"],
        sampling=Sampling(**note["sampling"]),
        changes=tuple(note["changes"]),
        n_used=note["n_used"],
        running=_running(arrays),
    )
    return state, note["history"]


def _running(arrays: dict[str, Any]) -> SufficientStatistics | None:
    if "running_data" not in arrays:
        return None
    names = [field.name for field in fields(SufficientStatistics)]
    return SufficientStatistics(**{name: arrays[f"running_{name}"] for name in names})
