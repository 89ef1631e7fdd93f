"""Micrographs a person has ticked: read from a job's folder and written to it.

`micrographs_selected.star` is RELION's file of its picker's window; a selection from a
list goes into `micrographs.star`, with `backup_selection.star` to take it up again.
"""

import os
from typing import Any, Dict, List, Optional, Sequence, Set

from engine.project import layout
from engine.project.atomic import write_text
from engine.project.errors import StarError
from engine.project.star import Block, StarFile, format_star, read
from engine.project.star_stream import LoopStream
from remote.agent import lists
from remote.agent.verbs import VerbError

SELECTED = "micrographs_selected.star"
LIST = "micrographs.star"
BACKUP = "backup_selection.star"
LOCAL = "local_selection.star"  # RELION 4's and 5's memory of the boxes
_NAMES = ("rlnMicrographName", "rlnMicrographMovieName")


def read_ticks(folder: str, kind: str, names: Sequence[str]) -> List[bool]:
    """Which micrographs of a list are ticked; all of them before anything was saved."""
    if kind == "Select":
        marks = _column(os.path.join(folder, BACKUP), "rlnSelected")
        if marks is not None and len(marks) == len(names):
            return [lists.number_or_zero(mark) > 0 for mark in marks]
    for name in (SELECTED, LIST):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            try:
                chosen = {row.name for row in lists.micrograph_rows(path)}
            except StarError:
                chosen = set()  # RELION's list of none has no rows
            return [one in chosen for one in names]
    return [True] * len(names)


def _column(path: str, label: str) -> Optional[List[str]]:
    if not os.path.exists(path):
        return None
    try:
        with LoopStream(path) as stream:
            return [row[0] for row in stream.rows([label])]
    except StarError:
        return None


def write_ticks(
    folder: str, kind: str, version: str, source: str, names: Set[str]
) -> List[str]:
    """Write the ticked rows of a list where RELION looks for them; the files."""
    star = read(source)
    block = _list_block(star, source)
    label = next(name for name in _NAMES if block.column(name) >= 0)
    place = block.column(label)
    ticks = [row[place] in names for row in block.rows]
    everything = block.rows
    block.rows = [row for row, tick in zip(everything, ticks) if tick]
    block.notes = {}
    text = format_star(star)
    files = [SELECTED]
    if kind == "Select":
        files = [LIST, SELECTED]
        marks = [["1" if tick else "0"] for tick in ticks]
        _write_loop(folder, BACKUP, version, "", ["rlnSelected"], marks)
        files.append(BACKUP)
    elif version != "3.1":
        marks = [
            [row[place], "1" if tick else "0"] for row, tick in zip(everything, ticks)
        ]
        columns = ["rlnMicrographName", "rlnSelected"]
        _write_loop(folder, LOCAL, version, "", columns, marks)
    for name in files:
        if name != BACKUP:
            write_text(os.path.join(folder, name), text)
    return files


def _list_block(star: StarFile, source: str) -> Block:
    for block in star.blocks:
        if block.is_loop and any(block.column(name) >= 0 for name in _NAMES):
            if block.problem:
                raise StarError(block.problem)
            return block
    message = "{}: no list of micrographs in it".format(source)
    raise VerbError(message, "bad request")


def write_coordinate_list(
    folder: str, name: str, version: str, files: Dict[str, str], order: Sequence[str]
) -> None:
    """Write the list of coordinate files that RELION 4 and 5 hand from job to job."""
    rows = [[one, files[one]] for one in order if one in files]
    columns = ["rlnMicrographName", "rlnMicrographCoordinates"]
    _write_loop(folder, name, version, "coordinate_files", columns, rows)


def _write_loop(
    folder: str,
    name: str,
    version: str,
    table: str,
    columns: List[str],
    rows: List[Any],
) -> None:
    block = Block(table, True, columns, rows)
    block.before = ["", layout.COMMENT[version], ""]
    write_text(os.path.join(folder, name), format_star(StarFile([block])))
