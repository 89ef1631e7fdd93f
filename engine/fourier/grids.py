"""Frequencies of half-transforms."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.arrays import Array


def row_frequencies(length: int, xp: Any = np) -> Array:
    """Integer frequency of each row: i up to length // 2, then i - length.

    The Nyquist row of an even length is +length / 2.
    """
    index = xp.arange(length)
    return xp.where(index <= length // 2, index, index - length)


def column_frequencies(length: int, xp: Any = np) -> Array:
    """Integer frequency of each column of a half-transform: 0 .. length // 2."""
    return xp.arange(length // 2 + 1)


def squared_frequencies(shape: tuple[int, int], xp: Any = np) -> Array:
    """Squared integer frequency kx^2 + ky^2 of each coefficient of square images.

    Returns
    -------
    array of int, shape (y, x // 2 + 1)
    """
    ky = row_frequencies(shape[0], xp)
    kx = column_frequencies(shape[1], xp)
    return ky[:, None] ** 2 + kx[None, :] ** 2


def spatial_frequencies(
    shape: tuple[int, int], pixel_size: float, xp: Any = np
) -> tuple[Array, Array]:
    """(y, x) spatial frequencies in 1/Å, shapes (y, 1) and (1, x // 2 + 1), float64."""
    ky = row_frequencies(shape[0], xp)[:, None] / (shape[0] * pixel_size)
    kx = column_frequencies(shape[1], xp)[None, :] / (shape[1] * pixel_size)
    return ky, kx


def frequency_radii(shape: tuple[int, int], pixel_size: float, xp: Any = np) -> Array:
    """Absolute spatial frequency of each coefficient in 1/Å, float64.

    Returns
    -------
    array, shape (y, x // 2 + 1), float64, 1/Å
    """
    ky, kx = spatial_frequencies(shape, pixel_size, xp)
    return xp.sqrt(ky**2 + kx**2)


def shells(box_px: int, xp: Any = np) -> Array:
    """Integer shell of each coefficient of a square half-transform, halves up.

    Returns
    -------
    array of int, shape (box_px, box_px // 2 + 1)
    """
    radius = xp.sqrt(squared_frequencies((box_px, box_px), xp).astype(xp.float64))
    return xp.floor(radius + 0.5).astype(xp.int64)
