"""STAR tables as columns, in RELION's dialect and number format.

Text columns stay text, so that what we do not know is written back as it was. Big loops
are taken column by column without a row object each. Reading by hand rather than
through pandas keeps a rank's start under a tenth of a second and its memory small.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.atomic import replacing
from engine.project.star import quote, split_values

Column = list[str] | Array

_NUMERIC = tuple("0123456789-+.")
#: Rows that are taken apart or put together at a time.
_CHUNK = 1024


class Table:
    """One table of a STAR file: columns by label, without the underscore.

    A column is a list of text (as read) or an array of numbers (as computed).

    Parameters
    ----------
    columns : mapping of label to list of str or 1-D array
        All of one length.
    source : str
        Where it came from, for messages: "Extract/job007/particles.star: particles".
    is_loop : bool
        False for a list of pairs (written so again).
    """

    def __init__(
        self,
        columns: Mapping[str, Column] | None = None,
        source: str = "",
        *,
        is_loop: bool = True,
    ) -> None:
        self.columns: dict[str, Column] = dict(columns or {})
        self.source = source
        self.is_loop = is_loop

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, label: str) -> bool:
        return label in self.columns

    @property
    def labels(self) -> list[str]:
        """Column labels in the file's order."""
        return list(self.columns)

    def text(self, label: str) -> list[str]:
        """A column as text."""
        column = self._column(label)
        return column if isinstance(column, list) else _format_column(column)

    def numbers(self, label: str, default: float | None = None) -> Array:
        """A column as float64; `default` in every row if there is no such column."""
        if label not in self and default is not None:
            return np.full(len(self), default, dtype=np.float64)
        column = self._column(label)
        try:
            return np.array(column, dtype=np.float64)
        except ValueError as error:
            message = f"{self.source}: {label}: {error}"
            raise InputError(message) from error

    def integers(self, label: str, default: int | None = None) -> Array:
        """A column as int64."""
        values = self.numbers(label, default)
        if not np.all(np.abs(values) < 2.0**63):  # nor NaN
            message = f"{self.source}: {label}: not every value is a whole number"
            raise InputError(message)
        return values.astype(np.int64)

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """The table with columns set or added at the end."""
        return Table(
            {**self.columns, **columns}, source=self.source, is_loop=self.is_loop
        )

    def without(self, labels: Iterable[str]) -> Table:
        """The table without some columns."""
        dropped = set(labels)
        kept = {k: v for k, v in self.columns.items() if k not in dropped}
        return Table(kept, source=self.source, is_loop=self.is_loop)

    def take(self, rows: Array | Sequence[int]) -> Table:
        """Rows by index or by a boolean mask, in that order."""
        index = np.asarray(rows)
        if index.dtype == bool:
            index = np.flatnonzero(index)
        chosen = index.tolist()
        columns: dict[str, Column] = {
            label: [column[i] for i in chosen]
            if isinstance(column, list)
            else np.asarray(column)[index]
            for label, column in self.columns.items()
        }
        return Table(columns, source=self.source, is_loop=self.is_loop)

    def text_parts(self, label: str) -> Iterator[list[str]]:
        """A column as text, some thousand rows at a time."""
        for part in self.parts():
            yield part.text(label)

    def parts(self) -> Iterator[Table]:
        """The rows, some thousands at a time; all columns in each part."""
        for first in range(0, max(len(self), 1), _CHUNK):
            rows = slice(first, first + _CHUNK)
            columns = {label: column[rows] for label, column in self.columns.items()}
            yield Table(columns, self.source, is_loop=self.is_loop)

    def _column(self, label: str) -> Column:
        try:
            return self.columns[label]
        except KeyError:
            message = f"{self.source or 'STAR table'}: no column {label}"
            raise InputError(message) from None


def read_star(path: str | Path) -> dict[str, Table]:
    """The tables of a STAR file by name, without ``data_``; an empty file has none.

    A list of pairs becomes a table of one row with `is_loop` False.

    Raises
    ------
    InputError
        If there is no such file, or a row does not fit its table; with the line.
    """
    return read_star_as(path, _whole)


def table_with(
    tables: Mapping[str, Table], label: str, name: str | None = None
) -> Table | None:
    """The table of a name, else the first with a column; None if it lacks that."""
    if name is not None and name in tables:
        return tables[name] if label in tables[name] else None
    return next((table for table in tables.values() if label in table), None)


#: What makes a table of labels and of its rows, some thousands at a time.
Collect = Callable[[list[str], Iterator[Table], str], Table]


def read_star_as(path: str | Path, collect: Collect) -> dict[str, Table]:
    """As `read_star`, with loops put together by `collect`; never the whole text."""
    try:
        with Path(path).open(encoding="utf-8", errors="surrogateescape") as file:
            return _parsed(file, str(path), collect)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error


def parse_star(text: str, source: str = "STAR") -> dict[str, Table]:
    """The tables of a STAR file's text; see `read_star`."""
    return _parsed(io.StringIO(text, newline=None), source, _whole)


class _Lines:
    """Lines one after another, of which the last one read can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: str | None = None
        self.number = 0

    def next(self) -> str | None:
        """The next line without spaces around it, or None."""
        line, self._back = self._back, None
        if line is None:
            line = next(self._lines, None)
            if line is None:
                return None
            if not self.number:
                line = line.removeprefix("\ufeff")
            line = line.strip()
        self.number += 1
        return line

    def put_back(self, line: str) -> None:
        """Give a line again."""
        self._back = line
        self.number -= 1


def _parsed(text: Iterable[str], source: str, collect: Collect) -> dict[str, Table]:
    lines = _Lines(text)
    tables: dict[str, Table] = {}
    name: str | None = None
    while (line := lines.next()) is not None:
        if line.startswith("data_") and " " not in line:
            name = line[5:]
        elif not line or line.startswith("#"):
            continue
        elif name is None:
            message = f"{source}, line {lines.number}: text before any data_ line"
            raise InputError(message)
        elif line == "loop_":
            labels = _loop_labels(lines)
            where = f"{source}: {name}"
            table = collect(labels, _loop_parts(lines, labels, where), where)
            tables.setdefault(name, table)
        elif line.startswith("_"):
            lines.put_back(line)
            tables.setdefault(name, _read_pairs(lines, f"{source}: {name}"))
        else:
            message = f"{source}, line {lines.number}: expected a label, found {line!r}"
            raise InputError(message)
    return tables


def _read_pairs(lines: _Lines, source: str) -> Table:
    columns: dict[str, Column] = {}
    while (line := lines.next()) is not None:
        if line.startswith("_"):
            values = split_values(line)
            columns[values[0][1:]] = [values[1] if len(values) > 1 else ""]
        elif line and not line.startswith("#"):
            lines.put_back(line)
            break
    return Table(columns, source, is_loop=False)


def _loop_labels(lines: _Lines) -> list[str]:
    labels: list[str] = []
    while (line := lines.next()) is not None:
        if line.startswith("_"):
            labels.append(line.split()[0][1:])
        elif (line and not line.startswith("#")) or (not line and labels):
            lines.put_back(line)
            break
    return labels


def _loop_parts(lines: _Lines, labels: list[str], source: str) -> Iterator[Table]:
    """The rows of a loop up to the first empty line, some thousands at a time."""
    kept, is_last = 0, False
    while not is_last:
        first = lines.number + 1
        body: list[str] = []
        while len(body) < _CHUNK:
            line = lines.next()
            if not line:
                is_last = True
                break
            body.append(line)
        joined = "\n".join(body)
        if any(mark in joined for mark in "\"'#"):
            rows = [split_values(line) for line in body if line[:1] != "#"]
        else:
            rows = [line.split() for line in body]
        for number, row in enumerate(rows, kept):
            if len(row) != len(labels):
                message = (
                    f"{source}: row {number + 1} (line {first + number - kept}) has "
                    f"{len(row)} values for {len(labels)} columns"
                )
                raise InputError(message)
        kept += len(rows)
        if rows:
            columns = map(list, zip(*rows, strict=True))
            yield Table(dict(zip(labels, columns, strict=True)), source)


def _whole(labels: list[str], parts: Iterator[Table], source: str) -> Table:
    columns: dict[str, list[str]] = {label: [] for label in labels}
    for part in parts:
        for label, column in columns.items():
            column.extend(_shared(part.text(label)))
    return Table(dict(columns), source)


def _shared(values: Sequence[str]) -> Sequence[str]:
    """The same text, equal values as one object where there are few different ones."""
    different = {value: value for value in values}
    if 4 * len(different) > len(values):
        return values
    return [different[value] for value in values]


def write_star(
    path: str | Path, tables: Mapping[str, Table], *, version: int = 30001
) -> None:
    """Write tables as RELION lays them out, whole or not at all.

    Parameters
    ----------
    path : path
    tables : mapping of name to Table
    version : int
        Of the comment above each table: 30001 for RELION 3.1 and 4.0, 50001 for 5.0.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape") as file,
    ):
        file.writelines(_lines(tables, version))


def format_tables(tables: Mapping[str, Table], *, version: int = 30001) -> str:
    """The text of tables as RELION lays them out."""
    return "".join(_lines(tables, version))


def _lines(tables: Mapping[str, Table], version: int) -> Iterator[str]:
    """The text of tables piece by piece; of a loop a few thousand rows at a time."""
    for name, table in tables.items():
        yield f"\n# version {version}\n\ndata_{name}\n\n"
        if table.is_loop:
            yield "loop_ \n"
            yield from (f"_{k} #{i} \n" for i, k in enumerate(table.labels, 1))
        for part in table.parts():
            columns = {
                label: [quote(value) for value in column]
                if isinstance(column, list)
                else _format_column(column)
                for label, column in part.columns.items()
            }
            if table.is_loop:
                yield from (
                    " ".join(_padded(value) for value in row) + " \n"
                    for row in zip(*columns.values(), strict=True)
                )
            else:
                yield from (f"{'_' + k:<36} {v[0]:>9}\n" for k, v in columns.items())
        yield " \n"


def _padded(text: str) -> str:
    """A value at RELION's width: 12 for numbers, 10 for text."""
    return text.rjust(12 if text[:1] in _NUMERIC else 10)


def _format_column(column: Array) -> list[str]:
    values = np.asarray(column)
    if np.issubdtype(values.dtype, np.integer):
        return [str(value) for value in values.tolist()]
    if np.issubdtype(values.dtype, np.floating):
        return [format_number(value) for value in values.tolist()]
    return [quote(str(value)) for value in values.tolist()]


def format_number(value: float) -> str:
    """A real number as RELION prints it: six decimals, or an exponent at extremes."""
    digits = 5 if value < 0 else 6
    magnitude = abs(value)
    if magnitude > 100000 or 0 < magnitude < 0.001:
        return f"{value:.{digits}e}"
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else str(value)
    return f"{value:.{digits}f}"
