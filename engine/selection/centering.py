"""Class averages moved to their center of mass, and particles' origins with them."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array
from engine.fourier.shift import shift


def centers_of_mass(images: Array) -> Array:
    """Center of the positive pixels from pixel box // 2, (n, 2), y and x, pixels.

    Particles must be white and the background 0 or below; 0 without positive pixels.
    """
    size = images.shape[-1]
    x = np.arange(size) - size // 2
    positive = np.clip(np.asarray(images, dtype=np.float64), 0, None)
    total = positive.sum(axis=(1, 2))
    safe = np.where(total > 0, total, 1.0)
    along_y = (positive.sum(axis=2) @ x) / safe
    along_x = (positive.sum(axis=1) @ x) / safe
    found = np.stack([along_y, along_x], axis=1)
    return np.asarray(np.where((total > 0)[:, None], found, 0.0))


def recentered(images: Array) -> tuple[Array, Array]:
    """Images with their centers of mass in the middle, and where those were.

    Parameters
    ----------
    images : array, shape (n, y, x)

    Returns
    -------
    images : array, shape (n, y, x), float32
        Moved by minus the centers, periodically.
    centers : array, shape (n, 2), pixels
        y and x.
    """
    centers = centers_of_mass(images)
    moved = [
        shift(np.asarray(image, dtype=np.float32), -y, -x)
        for image, (y, x) in zip(images, centers.tolist(), strict=True)
    ]
    if not moved:
        return np.asarray(images, dtype=np.float32), centers
    return np.stack(moved).astype(np.float32), centers


def moved_origins(origins: Array, psi_deg: Array, centers: Array) -> Array:
    """Origins of particles whose class averages moved by minus a center.

    An image is img(x) = ref(R(ψ) (x + o)); with the reference moved by -c it is the
    same with o - R(ψ)ᵀ c.

    Parameters
    ----------
    origins, centers : arrays, shape (n, 2)
        y and x, in one unit; the centers of each particle's class.
    psi_deg : array, shape (n,), degrees
    """
    psi = np.deg2rad(psi_deg)
    cosine, sine = np.cos(psi), np.sin(psi)
    y, x = centers[:, 0], centers[:, 1]
    turned_x = cosine * x + sine * y
    turned_y = -sine * x + cosine * y
    return np.asarray(origins - np.stack([turned_y, turned_x], axis=1))
