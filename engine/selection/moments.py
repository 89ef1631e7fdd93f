"""Average and standard deviation of images, pixel by pixel."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array


class Moments:
    """Sums over images that come in parts.

    Deviations add up around each part's own average, so that a large background costs
    no digits (Chan, Golub & LeVeque 1983, Am. Stat. 37, 242).
    """

    def __init__(self) -> None:
        self.count = 0
        self._average: Array | float = 0.0
        self._square: Array | float = 0.0

    def add(self, images: Array) -> None:
        """Take in images, shape (n, y, x)."""
        n = len(images)
        if not n:
            return
        average = images.mean(axis=0, dtype=np.float64)
        square = ((images - average) ** 2).sum(axis=0, dtype=np.float64)
        total = self.count + n
        away = average - self._average
        self._square = self._square + square + away**2 * (self.count * n / total)
        self._average = self._average + away * (n / total)
        self.count = total

    @property
    def average(self) -> Array:
        """float32, shape (y, x)."""
        return np.asarray(self._average, dtype=np.float32)

    @property
    def deviation(self) -> Array:
        """float32, shape (y, x): of the images themselves (divided by their number)."""
        variance = np.asarray(self._square) / max(self.count, 1)
        return np.sqrt(variance).astype(np.float32)
