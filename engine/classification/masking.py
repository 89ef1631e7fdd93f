"""Particles as the classification sees them: centered, scaled, masked."""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.fourier.grids import shells
from engine.fourier.transforms import irfft2, rfft2

#: Width of the soft edge of the particle's mask in pixels (RELION's --maskedge).
EDGE_PX = 5.0


def circular_mask(box_px: int, radius_px: float, edge_px: float = EDGE_PX) -> Array:
    """1 within a circle, a raised cosine over its edge, 0 outside; float32.

    Parameters
    ----------
    box_px : int, pixels
        The center is pixel box // 2.
    radius_px, edge_px : float, pixels
        Of the circle, and the width of the edge beyond it.

    Returns
    -------
    array, shape (box, box), float32
    """
    x = np.arange(box_px) - box_px // 2
    r = np.hypot(x[:, None], x[None, :])
    position = np.clip((r - radius_px) / edge_px, 0, 1)
    return (0.5 + 0.5 * np.cos(math.pi * position)).astype(np.float32)


def moved(images: Array, shifts_px: Array) -> Array:
    """Images moved by whole pixels; what comes in from outside is 0.

    Parameters
    ----------
    images : array, shape (n, y, x)
    shifts_px : array of int, shape (n, 2)
        y and x; content goes to higher indices for positive ones.
    """
    out = images.copy()
    rows = np.flatnonzero(np.any(shifts_px != 0, axis=1))
    if not len(rows):
        return out
    size = images.shape[-1]
    source = np.arange(size) - shifts_px[rows][:, :, None]  # (image, axis, pixel)
    is_inside = ((source >= 0) & (source < size)).astype(images.dtype)
    y, x = np.clip(source, 0, size - 1).transpose(1, 0, 2)
    found = images[rows[:, None, None], y[:, :, None], x[:, None, :]]
    found *= is_inside[:, 0, :, None]
    found *= is_inside[:, 1, None, :]
    out[rows] = found
    return out


def masked(
    images: Array,
    mask: Array,
    noise: Array | None = None,
) -> Array:
    """Images outside a circle replaced by their background's mean, or by noise.

    Parameters
    ----------
    images : array, shape (n, y, x)
    mask : array, shape (y, x)
        1 where the image is kept.
    noise : array, shape (n, y, x), optional
        What is put outside instead of the mean.
    """
    outside = 1 - mask
    if noise is not None:
        return (images * mask + noise * outside).astype(np.float32)
    total = max(float(outside.sum()), 1e-12)
    background = np.einsum("nyx,yx->n", images, outside) / total
    return (images * mask + outside * background[:, None, None]).astype(np.float32)


def colored_noise(index: Array, noise_power: Array, box_px: int, seed: int) -> Array:
    """Noise with given spectra, each image's from the seed of its own particle.

    Parameters
    ----------
    index : array of int, shape (n,)
        Of the particles in the whole set.
    noise_power : array, shape (n, shell)
    box_px, seed : int

    Returns
    -------
    array, shape (n, y, x), float32
    """
    shell = np.minimum(shells(box_px), box_px // 2)
    out = np.empty((len(index), box_px, box_px), dtype=np.float32)
    for i, number in enumerate(index):
        random = np.random.default_rng([seed, int(number)])
        white = random.standard_normal((box_px, box_px), dtype=np.float32)
        # white noise of variance 1 has σ² = 1 / (2 box²)
        amplitude = np.sqrt(noise_power[i] * 2 * box_px**2)[shell]
        transform = rfft2(white) * amplitude
        out[i] = irfft2(transform.astype(np.complex64), (box_px, box_px))
    return out


def centers_of_mass(images: Array) -> Array:
    """Centers of the positive pixels relative to pixel box // 2, (n, 2), y and x."""
    size = images.shape[-1]
    x = np.arange(size) - size // 2
    positive = np.clip(images, 0, None).astype(np.float64)
    total = positive.sum(axis=(1, 2))
    safe = np.where(total > 0, total, 1)
    along_y = (positive.sum(axis=2) @ x) / safe
    along_x = (positive.sum(axis=1) @ x) / safe
    return np.where((total > 0)[:, None], np.stack([along_y, along_x], axis=1), 0.0)
