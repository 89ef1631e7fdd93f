"""Statistics as a file on this machine."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from remote.views import Statistics


def as_json(statistics: Statistics) -> str:
    """All values, as docs/statistics.md names them."""
    record = {"job": statistics.job, "taken_at": statistics.taken_at}
    return json.dumps({**record, **statistics.values}, indent=1) + "\n"


def as_csv(statistics: Statistics) -> str:
    """One number a line: table, row, column, value; single numbers have no table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    writer.writerow(["", "", "job", statistics.job])
    for key, value in statistics.values.items():
        writer.writerows(_rows(key, value))
    return text.getvalue()


def _rows(key: str, value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, dict):
                for column, one in item.items():
                    yield from _cells(key, number, column, one)
            else:
                yield from _cells(key, number, "", item)
    elif isinstance(value, dict):
        for column, one in value.items():
            if isinstance(one, list):
                for number, item in enumerate(one):
                    yield from _cells(key, number, column, item)
            else:
                yield from _cells(key, "", column, one)
    else:
        yield ["", "", key, value]


def _cells(table: str, row: Any, column: str, value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield [table, row, f"{column}[{number}]", item]
    else:
        yield [table, row, column, value]


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its place, then put it there: never half of it."""
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(beside).chmod(0o666 & ~umask)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
