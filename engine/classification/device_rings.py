"""Rings and harmonics in any array library, images by batches.

The same numbers as `polar`, as products and gathers that suit a device.
Complex values are pairs of real arrays: real parts make even harmonics, imaginary parts
odd ones, so products stay real.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.arrays import (
    Array,
    array_namespace,
    astype,
    cumulative_sum,
    joined,
    sorting_order,
    take_along,
    with_axes,
)
from engine.classification.polar import PolarGrid
from engine.fourier.transforms import rfft2

#: What brings a host array to the library that computes.
Put = Callable[[Array], Array]


class DeviceRings:
    """Transforms of images on a grid's rings; gathers, not sparse matrices.

    Parameters
    ----------
    grid : PolarGrid
    put : callable
        Host arrays to the library that computes.
    """

    def __init__(self, grid: PolarGrid, put: Put) -> None:
        self.grid = grid
        column, weight, sign = grid.taps
        self._columns = [put(np.ascontiguousarray(c)) for c in column.T]
        self._real = [put(np.ascontiguousarray(4 * w)) for w in weight.T]
        self._imaginary = [put(np.ascontiguousarray(4 * w)) for w in (weight * sign).T]
        self._apodization = put(grid.apodization)
        self._shells = put(np.ascontiguousarray(grid.shell_means.toarray().T))

    def __call__(self, images: Array) -> tuple[Array, Array, Array]:
        """Real and imaginary parts (n, ring, angle), and mean power (n, shell)."""
        xp = array_namespace(images)
        n, box = images.shape[0], self.grid.box_px
        flat = images * self._apodization
        wide = joined([flat, xp.zeros_like(flat)], 2)
        padded = joined([wide, xp.zeros_like(wide)], 1)
        half = box // 2
        padded = xp.roll(padded, (-half, -half), axis=(1, 2))
        transform = xp.reshape(rfft2(padded), (n, -1))
        real, imaginary = xp.real(transform), xp.imag(transform)
        x = y = None
        for column, a, b in zip(
            self._columns, self._real, self._imaginary, strict=True
        ):
            one = xp.take(real, column, axis=1) * a
            two = xp.take(imaginary, column, axis=1) * b
            x, y = (one, two) if x is None else (x + one, y + two)
        shape = (n, self.grid.n_rings, self.grid.n_angles)
        plain = rfft2(images)
        square = xp.real(plain) ** 2 + xp.imag(plain) ** 2
        power = xp.matmul(xp.reshape(square, (n, -1)), self._shells)
        return xp.reshape(x, shape), xp.reshape(y, shape), power


def analyzed(real: Array, imaginary: Array, even: Array, odd: Array) -> Array:
    """Harmonics of rings, even ones first: (m, row, real rings then imaginary ones).

    Parameters
    ----------
    real, imaginary : arrays, shape (row, ring, angle)
    even, odd : arrays, shape (angle, 2 * number of m)
        Of `polar.analysis_matrices`, transposed.
    """
    xp = array_namespace(real)
    rows, rings = real.shape[0], real.shape[1]
    parts = []
    for values, matrix in ((real, even), (imaginary, odd)):
        if matrix.shape[1]:
            found = xp.matmul(values, matrix)
            found = xp.reshape(found, (rows, rings, -1, 2))
            parts.append(with_axes(found, (2, 0, 3, 1)))
    whole = joined(parts, 0) if len(parts) > 1 else parts[0]
    return xp.reshape(whole, (whole.shape[0], rows, 2 * rings))


def leading(mass: Array, fraction: float) -> Array:
    """Which entries of each row are the fewest that hold a fraction of it, bool.

    Parameters
    ----------
    mass : array, shape (n, entry)
        0 or more.
    fraction : float
        Of the sum of each row, 0 to 1.

    Returns
    -------
    array of bool, shape (n, entry)
    """
    xp = array_namespace(mass)
    order = sorting_order(-mass)
    ordered = astype(take_along(mass, order), xp.float64)
    total = cumulative_sum(ordered)
    is_needed = (total - ordered) < fraction * total[:, -1:]
    return take_along(is_needed, sorting_order(order))
