"""In-plane angles and offsets that are tried, coarse and fine."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Steps of the fine pass; the coarse pass takes twice as long ones.

    Attributes
    ----------
    psi_step_deg : float, degrees
    offset_step_px, offset_range_px : float, pixels
    perturbation : float
        Part of a coarse step by which all angles and offsets are moved.
    """

    psi_step_deg: float = 6.0
    offset_step_px: float = 1.0
    offset_range_px: float = 5.0
    perturbation: float = 0.0

    @property
    def n_coarse_psi(self) -> int:
        """Angles of the coarse pass."""
        return max(1, math.ceil(360 / (2 * self.psi_step_deg) - 1e-9))

    def coarse_psi_deg(self) -> Array:
        """Angles of the coarse pass, shape (psi,)."""
        step = 360 / self.n_coarse_psi
        return step * (np.arange(self.n_coarse_psi) + self.perturbation)

    def fine_psi_deg(self) -> Array:
        """Angles of the fine pass: two for each coarse one, around it."""
        step = 360 / self.n_coarse_psi
        return (self.coarse_psi_deg()[:, None] + step * np.array([-0.25, 0.25])).ravel()

    def coarse_offsets_px(self) -> Array:
        """Offsets (y, x) within the range, shape (offset, 2)."""
        step = 2 * self.offset_step_px
        n = math.floor(self.offset_range_px / step + 1e-6)
        grid = step * np.arange(-n, n + 1)
        x, y = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
        keep = x**2 + y**2 < self.offset_range_px**2 + 0.001
        offsets = np.stack([y[keep], x[keep]], axis=1)
        return np.asarray(offsets + step * self.perturbation)

    def fine_offsets_px(self) -> Array:
        """Four offsets around each coarse one, shape (offset, 4, 2)."""
        quarter = 0.5 * self.offset_step_px
        around = [[-1, -1], [1, -1], [-1, 1], [1, 1]]
        children = quarter * np.array(around, dtype=np.float64)
        return np.asarray(self.coarse_offsets_px()[:, None] + children)


def next_perturbation(previous: float, random: np.random.Generator) -> float:
    """The next iteration's perturbation: a random walk within half a step.

    Source: RELION's perturbation factor 0.5.
    """
    moved = previous + random.uniform(0.25, 0.5)
    return moved - 1.0 if moved > 0.5 else moved
