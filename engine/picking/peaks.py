"""Peaks of a map of figures of merit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.arrays import Array, to_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Places on a map, in map pixels.

    Attributes
    ----------
    row, column : array, shape (n,), float64, map pixels
    fom : array, shape (n,), float32
    template_index : array of int, shape (n,)
        From 0; empty for blobs.
    psi : array, shape (n,), degrees
        Empty for blobs.
    """

    row: Array
    column: Array
    fom: Array
    template_index: Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    psi: Array = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def empty(cls) -> Peaks:
        """No peaks."""
        none = np.empty(0)
        return cls(row=none, column=none, fom=none.astype(np.float32))


def find_blobs(
    fom: Array, exclusion_px: Array, *, upper: float | np.float32 = np.inf
) -> Peaks:
    """Positive values of a map, highest first, each clearing its neighborhood.

    A value at or above `upper` is not a peak, but clears its neighborhood too, so that
    nothing is picked on the rim of an ice crystal. Equal values come in raster order.

    Parameters
    ----------
    fom : array, shape (y, x)
        Not changed.
    exclusion_px : array of int, shape (y, x), map pixels
        At each pixel the radius R that a peak there clears: distance < R.
    upper : float

    Returns
    -------
    Peaks
        By falling FOM, at whole map pixels.
    """
    values = to_host(fom)
    radii = to_host(exclusion_px)
    width = values.shape[1]
    candidates = np.flatnonzero(values > 0)
    order = candidates[np.argsort(-values.ravel()[candidates], kind="stable")]
    is_free = bytearray(b"\1") * values.size
    free = np.frombuffer(is_free, dtype=np.uint8).reshape(values.shape)
    discs: dict[int, Array] = {}
    found = []
    for index in order.tolist():
        if not is_free[index]:
            continue
        row, column = divmod(index, width)
        if values[row, column] < upper:
            found.append(index)
        radius = max(1, int(radii[row, column]))
        if radius not in discs:
            axis = np.arange(-radius, radius + 1)
            discs[radius] = axis[:, None] ** 2 + axis[None, :] ** 2 < radius * radius
        top, left = max(0, row - radius), max(0, column - radius)
        window = free[top : row + radius + 1, left : column + radius + 1]
        disc = discs[radius][top - row + radius :, left - column + radius :][
            : window.shape[0], : window.shape[1]
        ]
        window[disc] = 0
    index_array = np.array(found, dtype=np.int64)
    return Peaks(
        row=(index_array // width).astype(np.float64),
        column=(index_array % width).astype(np.float64),
        fom=values.ravel()[index_array],
    )


def refine_peaks(fom: Array, peaks: Peaks) -> Peaks:
    """The same peaks at the top of a parabola through each and its neighbors.

    Along each axis: offset = (left - right) / (2 (left - 2 middle + right)), at most
    half a pixel; peaks on the map's rim, or where a neighbor is higher, stay.
    """
    values = to_host(fom)
    row = peaks.row.astype(np.int64)
    column = peaks.column.astype(np.int64)
    inside = (row > 0) & (row < values.shape[0] - 1)
    inside &= (column > 0) & (column < values.shape[1] - 1)
    r, c = row[inside], column[inside]
    middle = values[r, c].astype(np.float64)
    new_row, new_column = peaks.row.copy(), peaks.column.copy()
    new_row[inside] += _parabola_top(values[r - 1, c], middle, values[r + 1, c])
    new_column[inside] += _parabola_top(values[r, c - 1], middle, values[r, c + 1])
    return Peaks(
        row=new_row,
        column=new_column,
        fom=peaks.fom,
        template_index=peaks.template_index,
        psi=peaks.psi,
    )


def _parabola_top(before: Array, middle: Array, after: Array) -> Array:
    before, after = before.astype(np.float64), after.astype(np.float64)
    curvature = before - 2 * middle + after
    is_top = (curvature < 0) & (before <= middle) & (after <= middle)
    safe = np.where(is_top, curvature, -1.0)
    return np.where(is_top, np.clip(0.5 * (before - after) / safe, -0.5, 0.5), 0.0)
