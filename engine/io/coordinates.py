"""Coordinate files: STAR and EMAN's .box, and the lists that name them.

Written as RELION's picker writes them. A file without picks has 0 bytes: RELION writes
and reads it so.
"""

from __future__ import annotations

import glob
import re
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.coordinates import Coordinates
from engine.errors import InputError
from engine.io.atomic import write_text
from engine.io.star import Column, Table, format_tables, read_star

_X, _Y = "rlnCoordinateX", "rlnCoordinateY"
_FOM = "rlnAutopickFigureOfMerit"
_CLASS, _PSI = "rlnClassNumber", "rlnAnglePsi"
_JOB = re.compile(r"/job[0-9]{3,}/")


def read_coordinates(path: str | Path) -> Coordinates:
    """The particles of a coordinate file, STAR or .box; an empty file has none."""
    if Path(path).suffix.lower() == ".box":
        return _read_box(path)
    tables = read_star(path)
    if not tables:
        return Coordinates.empty()
    table = next((t for t in tables.values() if _X in t), next(iter(tables.values())))
    if len(table) == 0 and _X not in table:
        return Coordinates.empty()
    known = (_X, _Y, _FOM, _CLASS, _PSI)
    none = np.empty(0)
    return Coordinates(
        x=table.numbers(_X),
        y=table.numbers(_Y),
        fom=table.numbers(_FOM) if _FOM in table else none,
        class_number=table.integers(_CLASS)
        if _CLASS in table
        else np.empty(0, dtype=np.int64),
        psi=table.numbers(_PSI) if _PSI in table else none,
        more={k: v for k, v in table.columns.items() if k not in known},
    )


def _read_box(path: str | Path) -> Coordinates:
    """EMAN's boxes: lower-left corner x, y and width, height."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        rows = [[float(v) for v in line.split()[:4]] for line in lines if line.strip()]
        boxes = np.array(rows, dtype=np.float64).reshape(len(rows), 4)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error
    except ValueError as error:
        message = f"{path}: not a .box file of x, y, width, height per line"
        raise InputError(message) from error
    return Coordinates(x=boxes[:, 0] + boxes[:, 2] / 2, y=boxes[:, 1] + boxes[:, 3] / 2)


def write_coordinates(
    path: str | Path,
    coordinates: Coordinates,
    *,
    class_before_fom: bool = False,
    version: int = 30001,
) -> None:
    """Write a coordinate file as RELION's picker does; 0 bytes without particles.

    Parameters
    ----------
    path : path
    coordinates : Coordinates
    class_before_fom : bool
        Column order of template picking; of LoG otherwise.
    version : int
        Of the comment above the table.
    """
    if len(coordinates) == 0:
        write_text(path, "")
        return
    n = len(coordinates)
    columns: dict[str, Column] = {_X: coordinates.x, _Y: coordinates.y}
    fom: dict[str, Column] = {_FOM: coordinates.fom} if len(coordinates.fom) else {}
    kind: dict[str, Column] = (
        {_CLASS: coordinates.class_number} if len(coordinates.class_number) == n else {}
    )
    columns |= {**kind, **fom} if class_before_fom else {**fom, **kind}
    if len(coordinates.psi) == n:
        columns[_PSI] = coordinates.psi
    for label, column in coordinates.more.items():
        columns[label] = column if isinstance(column, list) else np.asarray(column)
    write_text(path, format_tables({"": Table(columns)}, version=version))


def output_root(micrograph_name: str) -> str:
    """A micrograph's name below an output folder, as RELION derives it.

    What ends in the first ``/jobNNN/`` goes, and so does the extension:
    "MotionCorr/job002/Movies/m1.mrc" becomes "Movies/m1".
    """
    match = _JOB.search(micrograph_name)
    name = micrograph_name[match.end() :] if match else micrograph_name
    root, dot, extension = name.rpartition(".")
    return root if dot and "/" not in extension else name


def coordinate_path(directory: str | Path, micrograph_name: str, suffix: str) -> Path:
    """The coordinate file of a micrograph in a job: "<job>/<root><suffix>".

    Parameters
    ----------
    directory : path
        Of the picking job.
    micrograph_name : str
    suffix : str
        "_autopick.star", say.
    """
    return Path(directory, output_root(micrograph_name).lstrip("/") + suffix)


def read_coordinate_list(path: str | Path) -> dict[str, Path]:
    """Micrograph name -> coordinate file, of a list that a picking job left.

    Parameters
    ----------
    path : path
        A 4.0 list (``autopick.star``: table coordinate_files), or a 3.1
        ``coords_suffix_X.star``, one line naming the micrographs' list. Files that are
        not there are named too.
    """
    source = Path(path)
    if source.name.startswith("coords_suffix"):
        return _read_suffix_file(source)
    table = read_star(source).get("coordinate_files")
    if table is None:
        message = f"{path}: no table coordinate_files; is this a list of coordinates?"
        raise InputError(message)
    files = [Path(name) for name in table.text("rlnMicrographCoordinates")]
    return dict(zip(table.text("rlnMicrographName"), files, strict=True))


def _read_suffix_file(source: Path) -> dict[str, Path]:
    from engine.io.micrographs import read_micrograph_names

    suffix = source.name.removeprefix("coords_suffix")
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        message = f"{source}: {error.strerror or error}"
        raise InputError(message) from error
    words = text.split()
    if not words:
        message = f"{source}: empty; it should name the list of micrographs"
        raise InputError(message)
    names = (
        read_micrograph_names(words[0])
        if words[0].endswith(".star")
        else sorted(glob.glob(words[0]))  # noqa: PTH207  imported coordinates
    )
    return {name: coordinate_path(source.parent, name, suffix) for name in names}


def format_coordinate_list(
    names: list[str], files: list[str], *, version: int = 30001
) -> str:
    """The text of a 4.0 list of coordinate files."""
    columns: dict[str, Column] = {
        "rlnMicrographName": names,
        "rlnMicrographCoordinates": files,
    }
    return format_tables({"coordinate_files": Table(columns)}, version=version)


def summary_table(names: list[str], mean_fom: Array, counts: Array) -> Table:
    """The table of ``summary.star``: mean FOM and number of picks per micrograph."""
    columns: dict[str, Column] = {
        "rlnMicrographName": names,
        _FOM: mean_fom,
        "rlnGroupNrParticles": counts,
    }
    return Table(columns)
