"""Contrast transfer functions on rings."""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Batch, Optics
from engine.classification.polar import PolarGrid, half_circle
from engine.ctf import aberration_phase


class RingCtf:
    """Contrast transfer functions of particles on rings, times their groups' scale.

    Parameters
    ----------
    grid : PolarGrid
    optics : Optics
    """

    def __init__(self, grid: PolarGrid, optics: Optics) -> None:
        self.grid, self.optics = grid, optics
        theta = half_circle(grid.n_angles)
        q = np.arange(grid.n_rings)[:, None] / (grid.box_px * optics.pixel_size)
        self.frequency_y, self.frequency_x = q * np.sin(theta), q * np.cos(theta)

    def __call__(self, batch: Batch) -> Array:
        """float32, shape (n, ring, angle)."""
        n = len(batch.index)
        scale = batch.scale.astype(np.float32)[:, None, None]
        if not self.optics.do_ctf or batch.ctf is None:
            shape = (n, self.grid.n_rings, self.grid.n_angles)
            return np.broadcast_to(scale, shape).astype(np.float32)
        gamma = aberration_phase(batch.ctf, self.frequency_y, self.frequency_x)
        gamma = gamma.astype(np.float32)
        value = -np.sin(gamma)
        if self.optics.is_intact_until_first_peak:
            value = np.where(np.abs(gamma) < 0.5 * math.pi, np.float32(1), value)
        if np.any(batch.ctf.b_factor):
            square = self.frequency_x**2 + self.frequency_y**2
            b_factor = np.asarray(batch.ctf.b_factor)[..., None, None]
            value = value * np.exp(-0.25 * b_factor * square).astype(np.float32)
        factor = np.asarray(batch.ctf.scale, dtype=np.float32)[..., None, None]
        return np.asarray(value * (scale * factor))
