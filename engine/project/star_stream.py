"""Columns of big loops, row by row, without holding the file.

For tables of millions of particles: memory does not grow with the table, and only the
columns asked for are kept.
"""

import os
from typing import IO, Iterator, List, Optional, Sequence, Tuple

from engine.project.errors import StarError
from engine.project.star import EMPTY, split_values

_BATCH_CHARACTERS = 1 << 18
_STARTS = ("data_", "loop_", "_")  # of a line that is not a row, unless it is as wide


class LoopStream:
    """One loop of a file, opened for reading; a context manager.

    `labels` are all its columns, without the underscore.
    """

    def __init__(self, path: str, block: str = "") -> None:
        self.path = path
        self.wanted = block
        self.block = ""
        self.labels: List[str] = []
        self._file: Optional[IO[str]] = None
        self._first = ""
        self._number = 0

    def __enter__(self) -> "LoopStream":
        try:
            self._file = open(self.path, encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            message = "{}: {}".format(self.path, error.strerror)
            raise StarError(message) from error
        if not self._seek():
            is_empty = os.fstat(self._file.fileno()).st_size == 0
            self._file.close()
            if is_empty:
                raise StarError(EMPTY.format(self.path))
            what = "data_" + self.wanted if self.wanted else "any loop"
            message = "{}: no loop in {}".format(self.path, what)
            raise StarError(message)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def _lines(self) -> Iterator[str]:
        assert self._file is not None
        for line in self._file:
            self._number += 1
            yield line

    def _seek(self) -> bool:
        """Go to the first row; whether there is such a loop."""
        is_here = not self.wanted
        in_loop = False
        for line in self._lines():
            text = line.strip()
            if text.startswith("data_"):
                self.block = text[5:]
                is_here = not self.wanted or self.block == self.wanted
                in_loop = False
            elif text == "loop_":
                in_loop = is_here
            elif in_loop and text.startswith("_"):
                self.labels.append(text.split()[0][1:])
            elif in_loop and self.labels and not text.startswith("#"):
                self._first = line
                return True
        return bool(self.labels)

    def reached(self) -> Tuple[int, int]:
        """Bytes that have been read so far, and of the whole file."""
        assert self._file is not None
        number = self._file.fileno()
        return os.lseek(number, 0, os.SEEK_CUR), os.fstat(number).st_size

    def indices(self, columns: Sequence[str]) -> List[int]:
        """Places of columns; a `StarError` names one that is not there."""
        for label in columns:
            if label not in self.labels:
                message = "{}: data_{} has no column _{}"
                raise StarError(message.format(self.path, self.block, label))
        return [self.labels.index(label) for label in columns]

    def rows(self, columns: Sequence[str] = ()) -> Iterator[Tuple[str, ...]]:
        """Values of the columns asked for, or of all, row by row."""
        width = len(self.labels)
        places = self.indices(columns) if columns else list(range(width))
        line = self._first
        lines = self._lines()
        while line.strip():
            if '"' in line or "'" in line or "#" in line:
                if line.lstrip().startswith("#"):
                    line = next(lines, "")
                    continue
                values = split_values(line)
            else:
                values = line.split()
            if len(values) != width:
                if line.startswith(_STARTS):
                    return
                raise self._narrow(len(values))
            yield tuple([values[i] for i in places])
            line = next(lines, "")

    def batches(self, column: str) -> Iterator[List[str]]:
        """Values of one column, some thousands at a time, for the longest tables.

        Faster than `rows`, as lines are cut no further than to the column: that a row
        has its full width is looked at once a batch.
        """
        (place,) = self.indices([column])
        assert self._file is not None
        width, cuts = len(self.labels), place + 1
        rest, is_over = self._first, False
        self._number -= 1  # of the first row, which is counted with the others
        while not is_over:
            more = self._file.read(_BATCH_CHARACTERS)
            text, newline, rest = (rest + more).rpartition("\n")
            if not more:
                text, rest, is_over = text + newline + rest, "", True
            elif not newline:
                continue
            is_plain = not ('"' in text or "'" in text or "#" in text)
            found: List[str] = []
            whole = ""
            for line in text.split("\n"):
                values = line.split(None, cuts) if is_plain else split_values(line)
                if len(values) > place and not (
                    line.startswith(_STARTS) and len(split_values(line)) != width
                ):
                    found.append(values[place])
                    whole = line
                elif is_plain or not line.lstrip().startswith("#"):
                    if values and not line.startswith(_STARTS):
                        self._number += len(found) + 1
                        raise self._narrow(len(values))
                    is_over = True
                    break
            if found:
                self._number += len(found)
                values = whole.split() if is_plain else split_values(whole)
                if len(values) != width:
                    raise self._narrow(len(values))
                yield found

    def _narrow(self, found: int) -> StarError:
        message = "{}, line {}: {} values in a table of {} columns; is it cut off?"
        return StarError(
            message.format(self.path, self._number, found, len(self.labels))
        )


def count_rows(path: str, block: str = "") -> int:
    """Rows of a loop, counted without reading their values."""
    with LoopStream(path, block) as stream:
        if not stream._first.strip():
            return 0
        n = 1
        for line in stream._lines():
            text = line.lstrip()
            if not text:
                break
            if text[0] != "#":
                n += 1
        return n
