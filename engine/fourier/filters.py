"""Filters on half-transforms, and images with them applied."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.arrays import Array, array_namespace
from engine.fourier.grids import frequency_radii
from engine.fourier.transforms import irfft2, rfft2


def lowpass_weights(
    shape: tuple[int, int],
    pixel_size: float,
    resolution_angstrom: float,
    *,
    soft_edge_shells: int = 2,
    xp: Any = np,
) -> Array:
    """Weights 1 below a resolution and 0 above, float32.

    Parameters
    ----------
    shape : (y, x)
        Pixels of the images.
    pixel_size : float, Å per pixel
    resolution_angstrom : float, Å
        Half-amplitude point of the soft edge.
    soft_edge_shells : int, shells of the longer axis
        Width of the raised-cosine edge; 0 cuts hard and rings.

    Returns
    -------
    array, shape (y, x // 2 + 1)
    """
    radii = frequency_radii(shape, pixel_size, xp)
    cut = 1 / resolution_angstrom
    half = soft_edge_shells / 2 / (max(shape) * pixel_size)
    return _falling_edge(radii, cut - half, cut + half, xp).astype(xp.float32)


def _falling_edge(radii: Array, low: float, high: float, xp: Any) -> Array:
    """1 below low, 0 above high, a raised cosine between."""
    low = max(low, 0.0)
    if high <= low:
        return xp.where(radii <= high, 1.0, 0.0)
    position = xp.clip((radii - low) / (high - low), 0.0, 1.0)
    return 0.5 + 0.5 * xp.cos(xp.pi * position)


def lowpass(
    image: Array,
    pixel_size: float,
    resolution_angstrom: float,
    *,
    soft_edge_shells: int = 2,
    workers: int = 1,
) -> Array:
    """Images without detail finer than a resolution.

    Parameters
    ----------
    image : array, shape (..., y, x)
    pixel_size : float, Å per pixel
    resolution_angstrom : float, Å
        Half-amplitude point of the soft edge.
    soft_edge_shells : int, shells
        Width of the raised-cosine edge; 0 cuts hard and rings.
    workers : int
        Threads.
    """
    shape = (image.shape[-2], image.shape[-1])
    weights = lowpass_weights(
        shape,
        pixel_size,
        resolution_angstrom,
        soft_edge_shells=soft_edge_shells,
        xp=array_namespace(image),
    )
    return irfft2(rfft2(image, workers=workers) * weights, shape, workers=workers)
