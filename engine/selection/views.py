"""How alike class averages are at their best rotation, and choices of different ones.

Templates of one view find the same particles twice and leave other views unfound.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage

from engine.arrays import Array
from engine.fourier.filters import lowpass
from engine.selection.centering import recentered

#: What is compared is coarser than this, as far as templates of picking usually are.
_RESOLUTION_ANGSTROM = 20.0
_STEP_DEG = 3.0


def likeness(images: Array, radius_px: float, pixel_size: float) -> Array:
    """Correlation of each image with each other one at its best in-plane rotation.

    Between -1 and 1, within a circle about their centers of mass. Mirror images are
    different ones: rotations do not bring one onto the other.

    Parameters
    ----------
    images : array, shape (n, y, x)
        White particles.
    radius_px : float, pixels
    pixel_size : float, Å per pixel

    Returns
    -------
    array, shape (n, n)
    """
    if not len(images):
        return np.zeros((0, 0))
    resolution = max(_RESOLUTION_ANGSTROM, 2 * pixel_size)
    smooth = lowpass(recentered(images)[0], pixel_size, resolution)
    rings = _rings(np.asarray(smooth, dtype=np.float64), radius_px)
    area = np.arange(1, rings.shape[1] + 1)[None, :, None]
    rings -= (rings * area).mean(axis=(1, 2), keepdims=True) / area.mean()
    size = np.sqrt((rings**2 * area).sum(axis=(1, 2), keepdims=True))
    harmonics = np.fft.rfft(rings / np.where(size > 0, size, 1), axis=2)
    out = np.empty((len(images), len(images)))
    for row, one in enumerate(harmonics):
        products = (harmonics * (one.conj() * area[0])).sum(axis=1)
        out[row] = np.fft.irfft(products, rings.shape[2], axis=1).max(axis=1)
    return out


def _rings(images: Array, radius_px: float) -> Array:
    """Values on circles about pixel box // 2, (n, radius, angle)."""
    center = images.shape[-1] // 2
    radius = np.arange(1, max(2, math.floor(min(radius_px, center - 1)) + 1))
    angle = np.deg2rad(np.arange(0, 360, _STEP_DEG))
    y = center + radius[:, None] * np.sin(angle)
    x = center + radius[:, None] * np.cos(angle)
    return np.array(
        [scipy.ndimage.map_coordinates(image, [y, x], order=1) for image in images]
    )


def different_classes(
    scores: Array, count: int, alike: Array, most_alike: float
) -> Array:
    """Indices of the best classes none of which is like a better one, in class order.

    Parameters
    ----------
    scores : array, shape (class,)
        Those at 0 are never chosen.
    count : int
        At most so many.
    alike : array, shape (class, class)
        From `likeness`.
    most_alike : float
        A class more like a chosen one than this is left out.
    """
    chosen: list[int] = []
    for k in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) >= count or scores[k] <= 0:
            break
        if all(alike[k, other] <= most_alike for other in chosen):
            chosen.append(k)
    return np.sort(np.array(chosen, dtype=np.int64))
