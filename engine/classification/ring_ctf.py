"""Contrast transfer functions on rings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.arrays import Array, array_namespace, astype
from engine.classification.batch import Batch, Optics
from engine.classification.polar import PolarGrid, half_circle
from engine.ctf import aberration_phase


class RingCtf:
    """Contrast transfer functions of particles on rings, times their groups' scale.

    Parameters
    ----------
    grid : PolarGrid
    optics : Optics
    put : callable, optional
        Brings host arrays to the library that computes; without it numpy does.
    """

    def __init__(
        self,
        grid: PolarGrid,
        optics: Optics,
        put: Callable[[Array], Array] = np.asarray,
    ) -> None:
        self.grid, self.optics, self._put = grid, optics, put
        theta = half_circle(grid.n_angles)
        q = np.arange(grid.n_rings)[:, None] / (grid.box_px * optics.pixel_size)
        self.frequency_y = put(q * np.sin(theta))
        self.frequency_x = put(q * np.cos(theta))

    def __call__(self, batch: Batch) -> Array:
        """The functions of a batch, float32, shape (n, ring, angle)."""
        y, x = self.frequency_y, self.frequency_x
        xp = array_namespace(y)
        scale = self._put(batch.scale.astype(np.float32)[:, None, None])
        if not self.optics.do_ctf or batch.ctf is None:
            shape = (len(batch.index), self.grid.n_rings, self.grid.n_angles)
            return scale + self._put(np.zeros(shape, np.float32))
        gamma = astype(aberration_phase(batch.ctf, y, x), xp.float32)
        value = -xp.sin(gamma)
        if self.optics.is_intact_until_first_peak:
            flat = xp.abs(gamma) < 0.5 * math.pi
            value = xp.where(flat, xp.ones_like(value), value)
        if np.any(batch.ctf.b_factor):
            b_factor = np.asarray(batch.ctf.b_factor, dtype=np.float64)
            column = self._put(np.atleast_1d(-0.25 * b_factor)[:, None, None])
            value = value * astype(xp.exp(column * (x * x + y * y)), xp.float32)
        factor = np.asarray(batch.ctf.scale, dtype=np.float32)
        return value * (scale * self._put(np.atleast_1d(factor)[:, None, None]))
