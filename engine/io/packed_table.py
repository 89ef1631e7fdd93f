"""Tables whose text is kept packed: long particle lists in little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.star import Column, Table, read_star_as

_CELL, _COLUMN = "\x1f", "\x1e"


class PackedTable(Table):
    """A table whose text columns are compressed, some thousand rows together.

    Parameters
    ----------
    table : Table
        Columns of text are packed, columns of numbers kept as they are.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(source=table.source, is_loop=table.is_loop)
        text = [k for k, c in table.columns.items() if isinstance(c, list)]
        self._pack(table.labels, text, table.parts())
        self.columns = {k: c for k, c in table.columns.items() if k not in text}

    @classmethod
    def of_parts(
        cls, labels: list[str], parts: Iterator[Table], source: str
    ) -> PackedTable:
        """The table that parts of nothing but text make, one after another."""
        out = cls(Table(source=source))
        out._pack(labels, labels, parts)
        return out

    def _pack(self, labels: list[str], text: list[str], parts: Iterator[Table]) -> None:
        self._order, self._packed, self._n = list(labels), list(text), 0
        self._blocks: list[tuple[int, bytes]] = []
        for part in parts:
            # of one column together: they are alike
            cells = _COLUMN.join(_CELL.join(part.text(label)) for label in text)
            if cells.count(_CELL) != len(text) * max(len(part) - 1, 0):
                message = f"{part.source}: control characters in a value"
                raise InputError(message)
            block = zlib.compress(cells.encode("utf-8", "surrogateescape"), 1)
            self._blocks.append((len(part), block))
            self._n += len(part)

    def __len__(self) -> int:
        return self._n

    def __contains__(self, label: str) -> bool:
        return label in self._order

    @property
    def labels(self) -> list[str]:
        """Column labels in the file's order."""
        return list(self._order)

    def numbers(self, label: str, default: float | None = None) -> Array:
        """A column as float64, without all of its text at once."""
        if label not in self._packed or label in self.columns:
            return super().numbers(label, default)
        out = np.empty(self._n)
        first = 0
        for values in self.text_parts(label):
            last = first + len(values)
            try:
                out[first:last] = values
            except ValueError as error:
                message = f"{self.source}: {label}: {error}"
                raise InputError(message) from error
            first = last
        return out

    def with_columns(self, columns: Mapping[str, Column]) -> Table:
        """The table with columns set or added at the end, packed as before."""
        out = PackedTable(Table(source=self.source, is_loop=self.is_loop))
        out._n, out._packed, out._blocks = self._n, self._packed, self._blocks
        out.columns = {**self.columns, **columns}
        out._order = [*self._order, *(k for k in columns if k not in self._order)]
        return out

    def without(self, labels: Iterable[str]) -> Table:
        """The table without some columns, unpacked."""
        return self._unpacked().without(labels)

    def take(self, rows: Array | Sequence[int]) -> Table:
        """Rows by index or by a boolean mask, unpacked."""
        return self._unpacked().take(rows)

    def parts(self) -> Iterator[Table]:
        """The rows, some thousands at a time, unpacked."""
        first = 0
        for count, columns in self._text():
            cells = (column.split(_CELL) if count else [] for column in columns)
            found: dict[str, Column] = dict(zip(self._packed, cells, strict=True))
            whole = slice(first, first + count)
            found |= {label: column[whole] for label, column in self.columns.items()}
            ordered = {label: found[label] for label in self._order}
            yield Table(ordered, self.source, is_loop=self.is_loop)
            first += count

    def text_parts(self, label: str) -> Iterator[list[str]]:
        """A column as text, some thousand rows at a time."""
        if label not in self._packed or label in self.columns:
            yield from super().text_parts(label)
            return
        place = self._packed.index(label)
        for count, columns in self._text():
            yield columns[place].split(_CELL) if count else []

    def _text(self) -> Iterator[tuple[int, list[str]]]:
        """Rows of each block, and their cells column by column."""
        for count, block in self._blocks:
            text = zlib.decompress(block).decode("utf-8", "surrogateescape")
            yield count, text.split(_COLUMN) if self._packed else []

    def _column(self, label: str) -> Column:
        if label in self.columns or label not in self._order:
            return super()._column(label)
        return [value for values in self.text_parts(label) for value in values]

    def _unpacked(self) -> Table:
        columns: dict[str, Column] = {}
        for label in self._order:
            column = self._column(label)
            columns[label] = column if isinstance(column, list) else np.asarray(column)
        return Table(columns, self.source, is_loop=self.is_loop)


def read_packed(path: str | Path) -> dict[str, Table]:
    """The tables of a STAR file, read and kept in little memory; see `read_star`."""
    return read_star_as(path, PackedTable.of_parts)
