"""Tables whose text is kept packed: long particle lists in little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from engine.arrays import Array
from engine.io.star import Column, Table

_CELL, _ROW = "\x1f", "\x1e"


class PackedTable(Table):
    """A table whose text columns are compressed, some thousand rows together.

    Parameters
    ----------
    table : Table
        Columns of text are packed, columns of numbers kept as they are.
    """

    def __init__(self, table: Table) -> None:
        super().__init__(source=table.source, is_loop=table.is_loop)
        self._order, self._n = table.labels, len(table)
        self._packed: list[str] = []
        self._blocks: list[tuple[int, bytes]] = []
        for part in table.parts():
            text = {k: c for k, c in part.columns.items() if isinstance(c, list)}
            self._packed = list(text)
            rows = _ROW.join(map(_CELL.join, zip(*text.values(), strict=True)))
            block = zlib.compress(rows.encode("utf-8", "surrogateescape"), 1)
            self._blocks.append((len(part), block))
        self.columns = {
            k: c for k, c in table.columns.items() if not isinstance(c, list)
        }

    def __len__(self) -> int:
        return self._n

    def __contains__(self, label: str) -> bool:
        return label in self._order

    @property
    def labels(self) -> list[str]:
        """Column labels in the file's order."""
        return list(self._order)

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
        for count, block in self._blocks:
            text = zlib.decompress(block).decode("utf-8", "surrogateescape")
            found: dict[str, Column] = {label: [] for label in self._packed}
            if count and self._packed:
                rows = (row.split(_CELL) for row in text.split(_ROW))
                cells = map(list, zip(*rows, strict=True))
                found = dict(zip(self._packed, cells, strict=True))
            whole = slice(first, first + count)
            found |= {label: column[whole] for label, column in self.columns.items()}
            ordered = {label: found[label] for label in self._order}
            yield Table(ordered, self.source, is_loop=self.is_loop)
            first += count

    def _column(self, label: str) -> Column:
        if label in self.columns or label not in self._order:
            return super()._column(label)
        out: list[str] = []
        for part in self.parts():
            out.extend(part.text(label))
        return out

    def _unpacked(self) -> Table:
        columns: dict[str, Column] = {}
        for label in self._order:
            column = self._column(label)
            columns[label] = column if isinstance(column, list) else np.asarray(column)
        return Table(columns, self.source, is_loop=self.is_loop)
