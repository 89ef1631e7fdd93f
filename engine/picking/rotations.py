"""Transforms of rotated references on the micrograph's Fourier grid.

A reference of B pixels in the middle of N x N has a smooth transform. It is computed on
a grid twice as fine, only where it is used, by two small matrix products, and rotated
by bilinear interpolation: F_psi(k) = F(A^-1 k) with A the rotation by psi.
"""

from __future__ import annotations

import functools
import math

from engine.arrays import Array, array_namespace, astype
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.picking.working_size import round_half_away

#: Rotated transforms that fit are kept; the rest is made anew for each micrograph.
CACHE_BYTES = 96 * 2**20


def phase_factors(frequencies: Array, positions: Array, length: float) -> Array:
    """e^(-2 pi i k r / length), shape (frequencies, positions), complex128.

    Parameters
    ----------
    frequencies, positions : array of int, shapes (n,) and (m,)
    length : float
    """
    xp = array_namespace(frequencies, positions)
    products = frequencies[:, None] * positions[None, :]
    return xp.exp(-2j * math.pi * astype(products, xp.complex128) / length)


def box_transform(image: Array, rows: Array, columns: Array, length: float) -> Array:
    """Transform of a box centered on the origin at some frequencies, not scaled.

    Parameters
    ----------
    image : array, shape (B, B), float64
        Its pixel B // 2 is the origin.
    rows, columns : array of int
        Frequencies in periods per `length` pixels.
    """
    xp = array_namespace(image)
    axis = xp.arange(image.shape[-1]) - image.shape[-1] // 2
    return (
        phase_factors(rows, axis, length)
        @ image
        @ phase_factors(columns, axis, length).T
    )


class RotatedReferences:
    """Transforms of references at all angles, divided by N * N.

    Parameters
    ----------
    images : array, shape (n, B, B)
        Masked references.
    full_px : int
        N.
    limit_px : int
        D: nothing beyond the circle of D / 2.
    grid_px : int
        Edge of the transforms' image, at most N.
    step_deg : float, degrees
        Angles are 0, step, 2 step, ... below 360.
    padding : int
        How much finer the grid for interpolation is.
    """

    def __init__(
        self,
        images: Array,
        full_px: int,
        limit_px: int,
        grid_px: int,
        step_deg: float,
        padding: int = 2,
    ) -> None:
        self._full, self._limit = full_px, limit_px
        self._grid = grid_px
        xp = array_namespace(images)
        count = round_half_away(360 / step_deg)
        self._step = step_deg
        self._angles = xp.arange(count, dtype=xp.float64) * step_deg
        fine = round_half_away(padding * full_px)
        fine += fine % 2
        self._fineness = fine / full_px
        reach = min(limit_px / 2, full_px / 2)
        self._reach = int(reach * self._fineness)
        radius = round_half_away(reach * self._fineness)
        rows = xp.arange(-radius - 1, radius + 2)
        columns = xp.arange(-1, radius + 2)
        is_near = rows[:, None] ** 2 + columns[None, :] ** 2 <= radius**2
        tables = []
        for index in range(images.shape[0]):
            image = astype(images[index, :, :], xp.float64)
            table = box_transform(image, rows, columns, fine)
            tables.append(xp.where(is_near, table, xp.zeros_like(table)))
        self._tables = astype(xp.stack(tables) / full_px**2, xp.complex64)
        self._origin = (radius + 1, 1)
        self._kept: dict[tuple[int, int], Array] = {}
        self._kept_bytes = 0

    @property
    def angles_deg(self) -> Array:
        """All angles."""
        return self._angles

    @property
    def grid_px(self) -> int:
        """Edge of the transforms' image."""
        return self._grid

    @property
    def count(self) -> int:
        """How many references."""
        return int(self._tables.shape[0])

    @property
    def has_opposites(self) -> bool:
        """Whether with each angle its opposite is there too."""
        return int(self._angles.shape[0]) % 2 == 0

    def transform(self, reference: int, angle: int) -> Array:
        """The transform of a reference at an angle, shape (grid, grid // 2 + 1)."""
        key = (reference, angle)
        if key in self._kept:
            return self._kept[key]
        is_used, corner, fx, fy, is_mirrored = self._gather(angle)
        xp = array_namespace(self._tables)
        width = self._tables.shape[-1]
        flat = xp.reshape(self._tables[reference, :, :], (-1,))
        upper = xp.take(flat, corner, axis=0) * (1 - fx)
        upper += xp.take(flat, corner + 1, axis=0) * fx
        lower = xp.take(flat, corner + width, axis=0) * (1 - fx)
        lower += xp.take(flat, corner + width + 1, axis=0) * fx
        values = upper * (1 - fy) + lower * fy
        values = xp.where(is_mirrored, xp.conj(values), values)
        out = xp.zeros((self._grid, self._grid // 2 + 1), dtype=xp.complex64)
        out[is_used] = values
        bytes_of_it = 8 * out.size
        if self._kept_bytes + bytes_of_it <= CACHE_BYTES:
            self._kept[key] = out
            self._kept_bytes += bytes_of_it
        return out

    @functools.lru_cache(maxsize=256)  # noqa: B019  lives as long as the job
    def _gather(self, angle: int) -> tuple[Array, Array, Array, Array, Array]:
        """Where each coefficient of an angle comes from in a reference's table.

        Which coefficients are not 0 and, for those, upper left corners in the table,
        fractions of the way to the next column and row, which are to be conjugated.
        """
        xp = array_namespace(self._tables)
        ky = astype(row_frequencies(self._grid, xp)[:, None], xp.float64)
        kx = astype(column_frequencies(self._grid, xp)[None, :], xp.float64)
        psi = math.radians(angle * self._step)
        x = self._fineness * (math.cos(psi) * kx - math.sin(psi) * ky)
        y = self._fineness * (math.sin(psi) * kx + math.cos(psi) * ky)
        is_used = kx**2 + ky**2 <= (self._limit / 2) ** 2
        # what lies on the limit belongs to it, however the rotation was rounded
        is_used &= x**2 + y**2 <= self._reach**2 + 1e-6
        x, y = x[is_used], y[is_used]
        is_mirrored = x < 0
        x, y = xp.abs(x), xp.where(is_mirrored, -y, y)
        x0, y0 = xp.floor(x), xp.floor(y)
        fx, fy = astype(x - x0, xp.float32), astype(y - y0, xp.float32)
        width = self._tables.shape[-1]
        corner = (y0 + self._origin[0]) * width + x0 + self._origin[1]
        return is_used, astype(corner, xp.int32), fx, fy, is_mirrored
