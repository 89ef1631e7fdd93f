"""Coordinate files with all their columns, as extraction carries them along.

Formats as RELION reads them: STAR, EMAN's .box, and text of "x y" per line. Decimals
of the last two are cut off, as RELION cuts them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.io.star import Table, read_star

X, Y = "rlnCoordinateX", "rlnCoordinateY"


def read_coordinate_table(path: str | Path) -> Table:
    """Every column of a coordinate file; an empty file gives a table without any.

    Raises
    ------
    InputError
        If there is no such file, or no coordinates are in it.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".star":
        return _read_star(path)
    lines = [line.split() for line in _read_text(path).splitlines() if line.strip()]
    numbers = _box_centers(lines, path) if suffix == ".box" else _text(lines, path)
    x, y = np.array(numbers, dtype=np.float64).reshape(-1, 2).T
    return Table({X: x, Y: y}, str(path)) if numbers else Table({}, str(path))


def _read_star(path: str | Path) -> Table:
    tables = read_star(path)
    if not tables:
        return Table({}, str(path))
    table = next(iter(tables.values()))
    if X not in table or Y not in table:
        if len(table) == 0:
            return Table({}, str(path))
        message = f"{path}: no columns {X} and {Y}; is this a coordinate file?"
        raise InputError(message)
    return table


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not a text file"
        raise InputError(message) from error


def _box_centers(lines: list[list[str]], path: str | Path) -> list[tuple[int, int]]:
    """Centers of boxes given by a corner, a width and a height."""
    centers = []
    for number, words in enumerate(lines, 1):
        try:
            x, y, width, height = (int(float(word)) for word in words[:4])
        except ValueError as error:
            message = f"{path}, line {number}: expected x, y, width, height"
            raise InputError(message) from error
        centers.append((x + width // 2, y + height // 2))
    return centers


def _text(lines: list[list[str]], path: str | Path) -> list[tuple[int, int]]:
    """Centers "x y", after a header line if there is one."""
    centers = []
    for number, words in enumerate(lines, 1):
        try:
            x, y = (int(float(word)) for word in words[:2])
        except ValueError as error:
            if number == 1:
                continue
            message = f"{path}, line {number}: expected x and y"
            raise InputError(message) from error
        centers.append((x, y))
    return centers
