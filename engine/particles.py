"""Particles: boxes cut out of a micrograph and treated alike."""

from __future__ import annotations

from dataclasses import dataclass

from engine.arrays import Array, array_namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Particles:
    """The particles of one micrograph.

    Attributes
    ----------
    images : array, shape (n, box, box), float32
        Bright or dark as extraction was told; the center pixel is ``box // 2``.
    pixel_size : float, Å per pixel
    """

    images: Array
    pixel_size: float

    def __len__(self) -> int:
        return len(self.images)

    @property
    def box_px(self) -> int:
        """Edge of the boxes in pixels."""
        return int(self.images.shape[-1])

    def statistics(self) -> tuple[float, float, float, float]:
        """Minimum, maximum, mean, and root of the mean variance of the particles."""
        if len(self) == 0:
            return (0.0, 0.0, 0.0, 0.0)
        xp = array_namespace(self.images)
        low, high, means, variances = [], [], [], []
        for image in self.images:
            mean = float(xp.mean(image))
            away = image - mean
            low.append(float(xp.min(image)))
            high.append(float(xp.max(image)))
            means.append(mean)
            variances.append(float(xp.vdot(away, away)) / away.size)
        count = len(self)
        rms = float((sum(variances) / count) ** 0.5)
        return (min(low), max(high), sum(means) / count, rms)
