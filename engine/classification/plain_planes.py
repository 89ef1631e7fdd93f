"""Pixels of Fourier planes, counted as RELION counts them.

The plain forms compare and sum over the pixels of an image's half-transform. They are
slow, and kept number for number as RELION 3.1 has them: the oracle of the tests and the
engine of "Exactly as RELION does it". Formulas from the published method (Scheres 2012,
J. Struct. Biol. 180, 519) and from what relion_refine prints.
"""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.fourier.transforms import rfft2


def half_up(value: float) -> int:
    """The nearest integer, halves away from zero."""
    return int(math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1))


def half_plane(size: int) -> tuple[Array, Array, Array]:
    """ky, kx and shell of the stored coefficients; the Nyquist row is positive."""
    index = np.arange(size)
    ky = np.where(index <= size // 2, index, index - size)[:, None]
    kx = np.arange(size // 2 + 1)[None, :]
    shell = np.floor(np.sqrt(kx**2 + ky**2) + 0.5).astype(int)
    return ky + 0 * kx, kx + 0 * ky, shell


def transform_of(images: Array) -> Array:
    """Half-transforms with the center of the image as origin, over the pixels."""
    return rfft2(np.fft.ifftshift(np.asarray(images, np.float64), axes=(-2, -1)))


def radial_mean(power: Array) -> Array:
    """Means over shells 0 .. size // 2 of the stored half-plane, all of kx = 0."""
    size = power.shape[-2]
    shell = half_plane(size)[2]
    inside = shell <= size // 2
    index = shell[inside]
    return np.asarray(np.bincount(index, weights=power[inside]) / np.bincount(index))


def masked_double(images: Array, mask: Array) -> Array:
    """Outside the mask the mean of what lies there, double precision.

    Parameters
    ----------
    images : array, shape (n, y, x)
    mask : array, shape (y, x)
        1 where an image is kept.
    """
    outside = 1.0 - np.asarray(mask, np.float64)
    values = np.asarray(images, np.float64)
    mean = np.einsum("nyx,yx->n", values, outside) / outside.sum()
    return np.asarray(values * mask + mean[:, None, None] * outside)


class Plane:
    """The pixels that an iteration compares and sums.

    Parameters
    ----------
    size : int
        Edge of the images.
    r_max : int
        Finest shell in use: half of RELION's current image size.

    Attributes
    ----------
    ky, kx, shell : int, shape (y, x // 2 + 1)
    use : bool, shape (y, x // 2 + 1)
        Each independent coefficient of shells up to `r_max` once.
    beyond : bool, shape (y, x // 2 + 1)
        Those of finer shells.
    within : bool, shape (y, x // 2 + 1)
        Those that a projection reaches.
    """

    def __init__(self, size: int, r_max: int) -> None:
        self.size, self.r_max = size, r_max
        self.ky, self.kx, self.shell = half_plane(size)
        once = ~((self.kx == 0) & (self.ky < 0))
        # a transform cropped to an even size keeps its Nyquist row at +size / 2 only
        self.use = once & (self.shell <= r_max) & (self.ky > -r_max)
        self.beyond = once & (self.shell > r_max) & (self.shell <= size // 2)
        self.within = self.use & (self.kx**2 + self.ky**2 <= r_max**2)
        self.count = np.bincount(
            self.shell[once & (self.shell <= size // 2)], minlength=size // 2 + 1
        )

    def shells(self, values: Array, pixels: Array) -> Array:
        """Values of shells at some pixels."""
        return values[np.minimum(self.shell[pixels], len(values) - 1)]

    def phases(self, offsets_px: Array, pixels: Array) -> Array:
        """Factors that move transforms by offsets (n, 2), y and x: (n, pixel)."""
        wave = np.multiply.outer(offsets_px[:, 0], self.ky[pixels])
        wave = wave + np.multiply.outer(offsets_px[:, 1], self.kx[pixels])
        return np.asarray(np.exp(-2j * math.pi / self.size * wave))
