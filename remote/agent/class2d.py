"""Iterations of a 2D classification, from RELION's model and optimiser files."""

import os
import re
from typing import Any, Dict, List, Optional, Tuple

from engine.project.errors import StarError
from engine.project.star import split_values
from engine.project.star_stream import LoopStream
from remote.agent import lists
from remote.agent.verbs import Request, VerbError

_MODEL = re.compile(
    r"(?P<root>run(?:_ct[0-9]+)?)_it(?P<number>[0-9]{3,})_model\.star\Z"
)
_HEAD_BYTES = 65536
_CLASS_COLUMNS = (
    ("distribution", "rlnClassDistribution"),
    ("resolution", "rlnEstimatedResolution"),
    ("accuracy_rotations", "rlnAccuracyRotations"),
    ("accuracy_translations", "rlnAccuracyTranslationsAngst"),
)
_kept: Dict[str, Tuple[Tuple[int, int], Dict[str, Any]]] = {}


def iterations(folder: str) -> List[Tuple[int, str]]:
    """Number and path of each iteration's model; of a continued run the newest."""
    found: Dict[int, Tuple[float, str]] = {}
    for name in os.listdir(folder):
        match = _MODEL.match(name)
        if match is None:
            continue
        path = os.path.join(folder, name)
        number = int(match.group("number"))
        written = lists.stamp(path)[0]
        if number not in found or found[number][0] < written:
            found[number] = (written, path)
    return [(number, found[number][1]) for number in sorted(found)]


def read_model(path: str) -> Dict[str, Any]:
    """Classes and general numbers of a model.star: only its top is read."""
    mark = lists.stamp(path)
    known = _kept.get(path)
    if known is not None and known[0] == mark:
        return known[1]
    general = head_values(path, "model_general")
    classes: List[Dict[str, Any]] = []
    with LoopStream(path, "model_classes") as stream:
        labels = list(stream.labels)
        for row in stream.rows():
            values = dict(zip(labels, row))
            image = values.get("rlnReferenceImage", "")
            one: Dict[str, Any] = {"image": image}
            one["number"] = _class_number(image, len(classes) + 1)
            for key, label in _CLASS_COLUMNS:
                one[key] = _finite(values.get(label, ""))
            classes.append(one)
    found = {"general": general, "classes": classes}
    if len(_kept) > 500:
        _kept.clear()
    _kept[path] = (mark, found)
    return found


def _class_number(image: str, otherwise: int) -> int:
    number, at, _ = image.partition("@")
    return int(number) if at and number.isdigit() else otherwise


def head_values(path: str, block: str) -> Dict[str, str]:
    """Pairs of a list near the top of a file."""
    found: Dict[str, str] = {}
    is_here = False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file.read(_HEAD_BYTES).splitlines():
            if line.startswith("data_"):
                if is_here:
                    break
                is_here = line.strip() == "data_" + block
            elif is_here and line.startswith("_"):
                values = split_values(line)
                if len(values) == 2:
                    found[values[0][1:]] = values[1]
    return found


def class2d(request: Request, folder: str, warnings: List[str]) -> Dict[str, Any]:
    """Statistics of a 2D classification."""
    models = iterations(folder)
    history = []
    last: List[Dict[str, Any]] = []
    before: Optional[int] = None
    total = 0
    for number, path in models:
        request.check()
        try:
            model = read_model(path)
            optimiser = _optimiser(path)
        except (OSError, StarError, VerbError) as error:
            warnings.append(str(error))
            continue
        last = model["classes"]
        written = lists.stamp(path)[0]
        total = int(_finite(optimiser.get("rlnNumberOfIterations", "")) or total)
        general = model["general"]
        history.append(
            {
                "iteration": number,
                "distribution": [c["distribution"] for c in last],
                "resolution": _finite(general.get("rlnCurrentResolution", "")),
                "changes_classes": _finite(
                    optimiser.get("rlnChangesOptimalClasses", "")
                ),
                "changes_psi": _finite(
                    optimiser.get("rlnChangesOptimalOrientations", "")
                ),
                "changes_offset": _finite(
                    optimiser.get("rlnChangesOptimalOffsets", "")
                ),
                "log_likelihood": _finite(general.get("rlnLogLikelihood", "")),
                "seconds": round((written - before) / 1e6, 3) if before else None,
            }
        )
        before = written
    classes = [{k: v for k, v in c.items() if k != "image"} for c in last]
    if not total:
        total = _wanted_iterations(folder)
    return {
        "iteration": history[-1]["iteration"] if history else 0,
        "iterations_total": total,
        "classes": classes,
        "history": history,
    }


def _optimiser(model: str) -> Dict[str, str]:
    path = model[: -len("_model.star")] + "_optimiser.star"
    if not os.path.exists(path):
        return {}
    return head_values(path, "optimiser_general")


def _wanted_iterations(folder: str) -> int:
    values = lists.job_values(folder)
    keys: Tuple[str, ...] = ("nr_iter", "nr_iter_em", "nr_iter_grad")
    if values.get("do_grad") == "Yes":
        keys = ("nr_iter_grad", "nr_iter", "nr_iter_em")
    for key in keys:
        value = lists.number(values.get(key, ""))
        if value == value and value > 0:
            return int(value)
    return 0


def _finite(text: str) -> Optional[float]:
    value = lists.number(text)
    return value if value - value == 0 else None
