"""Transforms of rotated references on the micrograph's Fourier grid.

A reference of B pixels in the middle of N x N has a smooth transform. It is computed on
a grid twice as fine, only where it is used, by two small matrix products, and rotated
by bilinear interpolation: F_psi(k) = F(A^-1 k) with A the rotation by psi.
"""

from __future__ import annotations

import functools

import numpy as np

from engine.arrays import Array
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.picking.working_size import round_half_away

#: Rotated transforms that fit are kept; the rest is made anew for each micrograph.
CACHE_BYTES = 96 * 2**20


def phase_factors(frequencies: Array, positions: Array, length: float) -> Array:
    """e^(-2 pi i k r / length), shape (frequencies, positions)."""
    return np.exp(-2j * np.pi * np.multiply.outer(frequencies, positions) / length)


def box_transform(image: Array, rows: Array, columns: Array, length: float) -> Array:
    """Transform of a box centered on the origin at some frequencies, not scaled.

    Parameters
    ----------
    image : array, shape (B, B)
        Its pixel B // 2 is the origin.
    rows, columns : array
        Frequencies in periods per `length` pixels.
    """
    axis = np.arange(image.shape[-1]) - image.shape[-1] // 2
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
        self._angles = np.arange(round_half_away(360 / step_deg)) * step_deg
        fine = round_half_away(padding * full_px)
        fine += fine % 2
        self._fineness = fine / full_px
        reach = min(limit_px / 2, full_px / 2)
        self._reach = int(reach * self._fineness)
        radius = round_half_away(reach * self._fineness)
        rows = np.arange(-radius - 1, radius + 2)
        columns = np.arange(-1, radius + 2)
        is_near = rows[:, None] ** 2 + columns[None, :] ** 2 <= radius**2
        self._tables = np.stack(
            [
                np.where(is_near, box_transform(image, rows, columns, fine), 0)
                for image in images
            ]
        ) / (full_px**2)
        self._tables = self._tables.astype(np.complex64)
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
        return len(self._tables)

    @property
    def has_opposites(self) -> bool:
        """Whether with each angle its opposite is there too."""
        return len(self._angles) % 2 == 0

    def transform(self, reference: int, angle: int) -> Array:
        """The transform of a reference at an angle, shape (grid, grid // 2 + 1)."""
        key = (reference, angle)
        if key in self._kept:
            return self._kept[key]
        positions, corner, fx, fy, is_mirrored = self._gather(angle)
        flat = self._tables[reference].ravel()
        width = self._tables.shape[-1]
        upper = flat[corner] * (1 - fx) + flat[corner + 1] * fx
        lower = flat[corner + width] * (1 - fx) + flat[corner + width + 1] * fx
        values = upper * (1 - fy) + lower * fy
        values = np.where(is_mirrored, values.conj(), values)
        out = np.zeros((self._grid, self._grid // 2 + 1), dtype=np.complex64)
        out.ravel()[positions] = values
        if self._kept_bytes + out.nbytes <= CACHE_BYTES:
            self._kept[key] = out
            self._kept_bytes += out.nbytes
        return out

    @functools.lru_cache(maxsize=256)  # noqa: B019  lives as long as the job
    def _gather(self, angle: int) -> tuple[Array, Array, Array, Array, Array]:
        """Where each coefficient of an angle comes from in a reference's table.

        Positions in the transform, upper left corners in the table, fractions of the
        way to the next column and row, and which are to be conjugated.
        """
        ky = row_frequencies(self._grid)[:, None].astype(np.float64)
        kx = column_frequencies(self._grid)[None, :].astype(np.float64)
        psi = np.deg2rad(self._angles[angle])
        x = self._fineness * (np.cos(psi) * kx - np.sin(psi) * ky)
        y = self._fineness * (np.sin(psi) * kx + np.cos(psi) * ky)
        is_used = kx**2 + ky**2 <= (self._limit / 2) ** 2
        # what lies on the limit belongs to it, however the rotation was rounded
        is_used &= x**2 + y**2 <= self._reach**2 + 1e-6
        positions = np.flatnonzero(is_used)
        x, y = x.ravel()[positions], y.ravel()[positions]
        is_mirrored = x < 0
        x, y = np.abs(x), np.where(is_mirrored, -y, y)
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
        width = self._tables.shape[-1]
        corner = (y0 + self._origin[0]) * width + x0 + self._origin[1]
        return positions.astype(np.int32), corner.astype(np.int32), fx, fy, is_mirrored
