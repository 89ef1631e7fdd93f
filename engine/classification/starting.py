"""The first references: averages of random particles in random orientations."""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Batch, Optics
from engine.classification.polar import PolarGrid, harmonics_of
from engine.classification.ring_ctf import RingCtf
from engine.classification.state import Settings
from engine.classification.statistics import SufficientStatistics


class RandomClasses:
    """Sums of particles in random classes and orientations, on few rings."""

    def __init__(self, grid: PolarGrid, optics: Optics, settings: Settings) -> None:
        self.settings = settings
        self.optics = optics
        self.grid = grid
        q = np.arange(grid.n_rings)
        self.highest = math.ceil(
            2 * math.pi * q[-1] * (optics.radius_px + 2.5) / grid.box_px + 1.5
        )
        self._ctf = RingCtf(grid, optics)

    def zeros(self, n_scale_groups: int) -> SufficientStatistics:
        """Sums of no particles."""
        return SufficientStatistics.zeros(
            n_classes=self.settings.n_classes,
            n_harmonics=self.highest + 1,
            n_weight_harmonics=1,
            n_rings=self.grid.n_rings,
            n_noise_groups=1,
            n_shells=1,
            n_scale_groups=n_scale_groups,
        )

    def add(self, batch: Batch, rings: Array, sums: SufficientStatistics) -> None:
        """Add a batch; its particles' own seeds decide where they go."""
        ctf = self._ctf(batch).transpose(1, 2, 0)
        data = rings if self.optics.is_premultiplied else rings * ctf
        harmonics = harmonics_of(data.astype(np.complex64), self.highest)
        weight = (ctf * ctf).mean(axis=1)
        m = np.arange(self.highest + 1)
        for i, index in enumerate(batch.index):
            random = np.random.default_rng([self.settings.seed, int(index), 1])
            k = int(random.integers(self.settings.n_classes))
            wave = np.exp(-1j * m * random.uniform(0, 2 * math.pi))
            sums.data[k] += wave[:, None] * harmonics[:, :, i]
            sums.weight[k, 0] += weight[:, i]
            sums.class_weight[k] += 1


def equalized(images: Array, grid: PolarGrid) -> Array:
    """References of equal power on each ring, so that none starts ahead."""
    rings = grid.rings(images)
    amplitude = np.sqrt((rings.real**2 + rings.imag**2).mean(axis=1))
    mean = amplitude.mean(axis=1, keepdims=True)
    factor = mean / np.maximum(amplitude, 1e-12 + 1e-6 * mean)
    return grid.images(rings * factor[:, None, :].astype(np.float32))
