"""Settings of how jobs run: the site's file, the person's profile, the project's file.

A later one counts more.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from typing import Any

from remote.cluster import SCHEDULERS, Cluster, checked_value
from remote.errors import BadRequestError

#: what may be set for a cluster by its site and for a project by its file
KEYS = (
    "scheduler", "engine", "relion", "setup", "mpirun", "template", "queue", "account",
    "time_limit", "memory", "gpus", "gpu_request", "parallel_environment",
    "submit_args", "poll_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A cluster's settings as they count, and where each comes from."""

    cluster: Cluster
    origins: dict[str, str] = field(default_factory=dict)  # key -> file or "profile"
    warnings: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)  # RELION_... there


def layered(profile: Cluster, said: dict[str, Any]) -> Layers:
    """The profile with the site's settings below it and the project's above."""
    warnings: list[str] = []
    site = _read(said["site"], warnings)
    project = _read(said["project"], warnings)
    own = {
        spec.name
        for spec in fields(Cluster)
        if spec.name in profile.given or getattr(profile, spec.name) != spec.default
    }
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        if key in project:
            values[key], origins[key] = project[key], said["project"]["path"]
        elif key in own:
            origins[key] = "profile"
        elif key in site:
            values[key], origins[key] = site[key], said["site"]["path"]
    return Layers(
        cluster=replace(profile, **values),
        origins=origins,
        warnings=tuple(warnings),
        environment=dict(said["environment"]),
    )


def _read(file: dict[str, str], warnings: list[str]) -> dict[str, Any]:
    """Settings of a file; what is wrong with it goes to the warnings."""
    path = file["path"]
    try:
        table = tomllib.loads(file["text"])
    except (ValueError, RecursionError) as error:
        warnings.append(f"{path} is not read: {error}")
        return {}
    specs = {spec.name: spec.default for spec in fields(Cluster)}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            warnings.append(f"{path}: {key} cannot be set here; there are {_LISTED}")
            continue
        try:
            found[key] = checked_value(path, key, value, specs[key])
            if key == "scheduler" and value not in SCHEDULERS:
                message = f"{path}: scheduler is {value!r}, not one of {SCHEDULERS}"
                raise BadRequestError(message)
        except BadRequestError as error:
            warnings.append(str(error))
            found.pop(key, None)
    return found


_LISTED = ", ".join(KEYS)
