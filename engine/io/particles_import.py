"""A particle list taken into a project, its optics group renamed if wished."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.io.atomic import replacing
from engine.io.star import read_star, write_star


def import_particles(
    source: str | Path, target: Path, new_name: str, *, version: int
) -> tuple[int, list[dict[str, Any]]]:
    """Copy a particle list; (rows, optics groups).

    Parameters
    ----------
    source, target : path
    new_name : str
        Of the only optics group; "" keeps it.
    version : int
        Of the comment above each table, if the list is rewritten.
    """
    tables = read_star(source)
    particles = tables.get("particles")
    if particles is None:
        particles = next(
            (
                t
                for t in tables.values()
                if "rlnImageName" in t or "rlnCoordinateX" in t
            ),
            None,
        )
    if particles is None:
        message = f"{source}: no table of particles; is this a particles STAR file?"
        raise InputError(message)
    optics = tables.get("optics")
    if not new_name:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    else:
        if optics is None or len(optics) != 1:
            groups = 0 if optics is None else len(optics)
            message = (
                f"{source}: {groups} optics groups; renaming needs a list with exactly "
                "one"
            )
            raise InputError(message)
        optics = optics.with_columns({"rlnOpticsGroupName": [new_name]})
        tables["optics"] = optics
        write_star(target, tables, version=version)
    if optics is None:
        return len(particles), []
    names = (
        optics.text("rlnOpticsGroupName")
        if "rlnOpticsGroupName" in optics
        else [""] * len(optics)
    )
    sizes = optics.numbers("rlnImagePixelSize", 0.0).tolist()
    voltages = optics.numbers("rlnVoltage", 0.0).tolist()
    rows = zip(names, sizes, voltages, strict=True)
    return len(particles), [
        {"name": name, "pixel_size": size, "voltage": voltage}
        for name, size, voltage in rows
    ]
