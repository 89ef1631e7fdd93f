"""Values that keep their meaning when a form moves to another version of RELION.

RELION itself takes the new version's defaults for what an old file lacks: a template
picking of 3.1 opened in 4.0 has no method at all, and a classification becomes VDAM.
Here the old meaning is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


def migrate(
    type_key: str, found: Mapping[str, str], origin: str, version: str
) -> dict[str, str]:
    """Values of a form of version `origin`, with those that `version` needs beside."""
    values = dict(found)
    if origin == version:
        return values
    if origin == "3.1":
        forward = _FORWARD.get(type_key)
        if forward is not None:
            for key, value in forward(values).items():
                values.setdefault(key, value)
    elif version == "3.1" and type_key == "class2d":
        is_vdam = values.get("do_grad") == "Yes"
        iterations = values.get("nr_iter_grad" if is_vdam else "nr_iter_em")
        if iterations is not None:
            values["nr_iter"] = iterations
    return values


def _autopick(values: Mapping[str, str]) -> dict[str, str]:
    is_log = values.get("do_log") == "Yes"
    return {"do_refs": "No" if is_log else "Yes"}


def _class2d(values: Mapping[str, str]) -> dict[str, str]:
    said = {"do_em": "Yes", "do_grad": "No", "do_center": "No"}
    if "nr_iter" in values:
        said["nr_iter_em"] = values["nr_iter"]
    return said


def _extract(values: Mapping[str, str]) -> dict[str, str]:
    return {"do_float16": "No"}


_FORWARD: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
    "autopick": _autopick,
    "class2d": _class2d,
    "extract": _extract,
}
