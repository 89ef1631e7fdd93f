"""Picks of one micrograph while a person changes them: undo, colors, what to save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.project.picks_file import FOM, PicksFile, Row
from tui.halfblocks import NO_FOM

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.views import Picks, PickSheet

Rows = tuple[Row, ...]
_MOST_UNDONE = 500
_DIAMETER = 100.0  # RELION's own where no Manual picking form was saved
_SIGMA_CONTRAST = 3.0
_LOWPASS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How micrographs are shown: what a Manual picking form says."""

    diameter: float = _DIAMETER  # Å
    sigma_contrast: float = _SIGMA_CONTRAST
    black: float = 0.0
    white: float = 0.0
    lowpass: float = _LOWPASS  # Å; 0 for none
    highpass: float = 0.0
    pixel_size: float = 0.0  # Å; 0 for the list's
    has_pairs: bool = False  # starts and ends of filaments
    color_label: str = FOM
    color_file: str = ""  # where that column stands; "" for the picks' own file
    scale: float = 0.0  # of the screen to the file; 0 for all of a micrograph
    blue: float | None = None  # None: from the picks themselves
    red: float | None = None
    least_fom: float | None = None

    @classmethod
    def of(cls, job: Job) -> Display:
        """What a form says; RELION's own values where it cannot be read."""

        def number(key: str, otherwise: float) -> float:
            try:
                return job.number(key, otherwise)
            except EngineError:
                return otherwise

        has_color = job.flag("do_color", False)
        has_least = job.flag("do_fom_threshold", False)
        return cls(
            diameter=number("diameter", _DIAMETER),
            sigma_contrast=number("sigma_contrast", _SIGMA_CONTRAST),
            black=number("black_val", 0.0),
            white=number("white_val", 0.0),
            lowpass=max(0.0, number("lowpass", _LOWPASS)),
            highpass=max(0.0, number("highpass", 0.0)),
            pixel_size=max(0.0, number("angpix", 0.0)),
            has_pairs=job.flag("do_startend", False),
            color_label=(job.text("color_label", FOM).strip() if has_color else FOM),
            color_file=job.text("fn_color", "").strip() if has_color else "",
            scale=max(0.0, number("micscale", 0.0)),
            blue=number("blue_value", 0.0) if has_color else None,
            red=number("red_value", 2.0) if has_color else None,
            least_fom=number("minimum_pick_fom", 0.0) if has_least else None,
        )


class Colors:
    """Numbers from another table, by place: what picks are colored by."""

    WITHIN_PX = 1.0  # coordinates are written with digits enough to be found again

    def __init__(
        self, label: str, places: Sequence[tuple[float, float, float]]
    ) -> None:
        self.label = label
        self._cells: dict[tuple[int, int], list[tuple[float, float, float]]] = {}
        for x, y, value in places:
            self._cells.setdefault((int(x), int(y)), []).append((x, y, value))

    def at(self, x: float, y: float) -> float | None:
        """Number of the nearest place, if one is there."""
        best, found = self.WITHIN_PX**2, None
        for column in (int(x) - 1, int(x), int(x) + 1):
            for row in (int(y) - 1, int(y), int(y) + 1):
                for px, py, value in self._cells.get((column, row), ()):
                    distance = (px - x) ** 2 + (py - y) ** 2
                    if distance <= best:
                        best, found = distance, value
        return found

    def on(self, picks: Picks) -> Picks:
        """The same picks with these numbers for their figures of merit."""
        found = [self.at(x, y) for x, y in zip(picks.x, picks.y, strict=True)]
        return replace(picks, fom=tuple(NO_FOM if v is None else v for v in found))


class Picking:
    """The picks of one micrograph; every change can be undone."""

    def __init__(self, sheet: PickSheet, *, has_pairs: bool = False) -> None:
        self.micrograph = sheet.micrograph
        self.file = PicksFile.parse(sheet.text, sheet.layout, sheet.path)
        self.base = sheet.version  # of the file on the cluster, as far as is known
        self.rows: Rows = tuple(self.file.rows)
        self.saved: Rows = self.rows
        self.edits = 0
        self.has_pairs = has_pairs
        self.colors: Colors | None = None
        self._colored: tuple[Rows, list[float | None]] | None = None
        self._done: list[tuple[str, Rows]] = []
        self._undone: list[tuple[str, Rows]] = []

    @property
    def is_changed(self) -> bool:
        """Whether the cluster has something else."""
        return self.rows != self.saved

    @property
    def text(self) -> str:
        """Text of the file as it should become."""
        return self.file.text(self.rows)

    def places(self) -> list[tuple[float, float]]:
        """Places of all picks, x and y in pixels of the file."""
        return [self.file.place(row) for row in self.rows]

    def values(self, label: str) -> list[float | None]:
        """A column's number for every pick; None for those without."""
        if self.colors is not None and self.colors.label == label:
            if self._colored is None or self._colored[0] is not self.rows:
                found = [self.colors.at(x, y) for x, y in self.places()]
                self._colored = self.rows, found
            return self._colored[1]
        return [self.file.value(row, label) for row in self.rows]

    def color_by(self, colors: Colors) -> None:
        """Take a column from another table."""
        self.colors, self._colored = colors, None

    def nearest(self, x: float, y: float, within: float) -> int | None:
        """Pick next to a place, no further than so many pixels."""
        best, found = within * within, None
        for i, (px, py) in enumerate(self.places()):
            distance = (px - x) ** 2 + (py - y) ** 2
            if distance <= best:
                best, found = distance, i
        return found

    # changes

    def _change(self, what: str, rows: Sequence[Row]) -> None:
        self._done.append((what, self.rows))
        del self._done[:-_MOST_UNDONE]
        self._undone.clear()
        self.rows = tuple(rows)
        self.edits += 1

    def add(self, x: float, y: float) -> None:
        """Pick here."""
        self._change("added", [*self.rows, self.file.made(x, y)])

    def remove(self, index: int) -> None:
        """Take a pick away; of a filament both its ends."""
        gone = {index, index ^ 1} if self.has_pairs else {index}
        self._change(
            "removed", [row for i, row in enumerate(self.rows) if i not in gone]
        )

    def move(self, index: int, x: float, y: float) -> None:
        """Put a pick elsewhere."""
        rows = list(self.rows)
        rows[index] = self.file.moved(rows[index], x, y)
        self._change("moved", rows)

    def clear(self) -> None:
        """Take all picks away."""
        if self.rows:
            self._change("cleared", [])

    def replace(self, what: str, text: str, layout: str) -> None:
        """Take the picks of another text of the same file."""
        other = PicksFile.parse(text, layout, self.file.source)
        if other.columns == self.file.columns:
            rows = other.rows
        else:  # a file that was begun here has the columns of its first writer
            rows = [self.file.made(*other.place(row)) for row in other.rows]
        self._change(what, rows)

    def join(self, rows: Rows) -> None:
        """Add the picks of another state that are not here yet."""
        there = {self.file.place(row) for row in self.rows}
        new = [row for row in rows if self.file.place(row) not in there]
        self._change("joined", [*self.rows, *new])

    def undo(self) -> str:
        """Take the last change back; what it was, "" if there was none."""
        if not self._done:
            return ""
        what, rows = self._done.pop()
        self._undone.append((what, self.rows))
        self.rows = rows
        self.edits += 1
        return what

    def redo(self) -> str:
        """Do the change that was taken back last once more."""
        if not self._undone:
            return ""
        what, rows = self._undone.pop()
        self._done.append((what, self.rows))
        self.rows = rows
        self.edits += 1
        return what
