"""A micrograph's coordinate file: read, added to, written back as RELION's picker does.

Columns and rows that are not understood stay as they are. A row is a tuple of texts,
so that a state of a file can be kept and taken up again.
"""

from typing import List, Optional, Sequence, Tuple

from engine.project import layout
from engine.project.errors import StarError
from engine.project.star import Block, StarFile, format_star, parse

Row = Tuple[str, ...]

X, Y = "rlnCoordinateX", "rlnCoordinateY"
FOM = "rlnAutopickFigureOfMerit"
NONE = -999.0  # RELION's word for "no value"
#: what RELION's picker writes for a pick by hand
_BY_HAND = {
    "rlnClassNumber": "-999",
    "rlnParticleSelectionType": "2",
    "rlnAnglePsi": "-999.00000",
    FOM: "-999.00000",
}
#: 4.0 and later say how a particle was chosen where 3.1 had a class
_COLUMNS = {
    "3.1": [X, Y, "rlnClassNumber", "rlnAnglePsi", FOM],
    "4.0": [X, Y, "rlnParticleSelectionType", "rlnAnglePsi", FOM],
    "5.0": [X, Y, "rlnParticleSelectionType", "rlnAnglePsi", FOM],
}


class PicksFile:
    """The tables of a coordinate file; `rows` are those it was read with."""

    def __init__(self, star: StarFile, block: Block, source: str) -> None:
        self._star, self._block = star, block
        self.source = source
        self.columns = list(block.columns)
        for label in (X, Y):
            if label not in self.columns:
                message = "{}: no column _{}; is this a coordinate file?"
                raise StarError(message.format(source, label))
        self._x, self._y = self.columns.index(X), self.columns.index(Y)
        self.rows: List[Row] = [tuple(row) for row in block.rows]
        for row in self.rows:
            self.place(row)

    @classmethod
    def new(cls, version: str) -> "PicksFile":
        """File without picks, with the columns of a version of RELION."""
        block = Block("", True, list(_COLUMNS[version]))
        block.before = ["", layout.COMMENT[version], ""]
        return cls(StarFile([block]), block, "new coordinates")

    @classmethod
    def parse(cls, text: str, version: str, source: str = "coordinates") -> "PicksFile":
        """File from its text; an empty one is as good as none."""
        if not text.strip():
            return cls.new(version)
        star = parse(text, source)
        for block in star.blocks:
            if block.is_loop and X in block.columns:
                if block.problem:
                    raise StarError(block.problem)
                return cls(star, block, source)
        message = "{}: no loop with _{}; is this a coordinate file?"
        raise StarError(message.format(source, X))

    def place(self, row: Row) -> Tuple[float, float]:
        """Place of a row, x and y in pixels of the micrograph."""
        try:
            return float(row[self._x]), float(row[self._y])
        except ValueError:
            message = "{}: {!r}, {!r} are not coordinates"
            raise StarError(
                message.format(self.source, row[self._x], row[self._y])
            ) from None

    def value(self, row: Row, label: str) -> Optional[float]:
        """Number in a column of a row; None where there is none."""
        if label not in self.columns:
            return None
        try:
            value = float(row[self.columns.index(label)])
        except ValueError:
            return None
        return value if value - value == 0 and value > NONE else None

    def numeric_columns(self) -> List[str]:
        """Columns beside the place that hold a number in some row."""
        return [
            label
            for label in self.columns
            if label not in (X, Y)
            and any(self.value(row, label) is not None for row in self.rows)
        ]

    def made(self, x: float, y: float) -> Row:
        """Row of a pick by hand."""
        values = [_BY_HAND.get(label, "0") for label in self.columns]
        return self.moved(tuple(values), x, y)

    def moved(self, row: Row, x: float, y: float) -> Row:
        """The same pick at another place."""
        values = list(row)
        values[self._x], values[self._y] = "{:.6f}".format(x), "{:.6f}".format(y)
        return tuple(values)

    def text(self, rows: Sequence[Row]) -> str:
        """Text of the file with these rows in place of those it was read with."""
        self._block.rows = [list(row) for row in rows]
        self._block.notes = {}
        try:
            return format_star(self._star)
        finally:
            self._block.rows = [list(row) for row in self.rows]
