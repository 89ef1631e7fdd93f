"""RELION's record of a selection, `backup_selection.star`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.io.star import Column, Table, read_star, table_with, write_star

BACKUP = "backup_selection.star"


def write_backup(path: Path, keep: Array, version: int) -> None:
    """RELION's record of a selection: 1 for chosen rows, 0 for others."""
    column: Column = np.asarray(keep).astype(np.int64)
    write_star(path, {"": Table({"rlnSelected": column})}, version=version)


def read_backup(path: Path, count: int) -> Array | None:
    """Chosen rows of an earlier selection; None if there is none that fits."""
    if not path.is_file():
        return None
    tables = read_star(path)
    table = table_with(tables, "rlnSelected")
    if table is None or len(table) != count:
        return None
    return np.asarray(table.integers("rlnSelected") > 0)
