"""Particles at another sampling, by cropping or padding their transforms."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from engine.arrays import Array, array_namespace
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import irfft2, rfft2

#: Up to this size, and half the box, products of matrices beat a Fourier transform.
_LARGEST_BY_MATRICES = 128


def rescale(boxes: Array, size: int) -> Array:
    """Boxes Fourier-cropped or padded to another size, as RELION does it.

    Grey values and the place of the center pixel are kept. Cropping takes the square of
    frequencies that the new size has, its Nyquist row from +size / 2; padding keeps
    only what lies within the old Nyquist circle.

    Parameters
    ----------
    boxes : array, shape (n, box, box), float32
    size : int, pixels
        New edge; even.
    """
    xp = array_namespace(boxes)
    old = boxes.shape[-1]
    transform = resize_transform(rfft2(boxes), (old, old), (size, size))
    if size > old:
        row = xp.arange(size)
        row = xp.where(row <= size // 2, row, row - size)
        column = xp.arange(size // 2 + 1)
        inside = row[:, None] ** 2 + column[None, :] ** 2 <= (old // 2) ** 2
        transform *= inside.astype(xp.float32)
    return irfft2(transform, (size, size))


def prefers_matrices(box_px: int, size: int) -> bool:
    """Whether `shrink` is faster than `rescale`."""
    return size <= min(box_px // 2, _LARGEST_BY_MATRICES)


def shrink(box: Array, size: int) -> Array:
    """One box at a coarser sampling: the numbers of `rescale`, by two matrix products.

    With θ = x'/m - x/n the crop along one axis is the real matrix
    R = (1 + 2 Σ cos 2πkθ + cos πmθ) / n, k from 1 to m/2 - 1. That the Nyquist row
    comes from +m/2 alone adds (-1)^y' (sᵀX) Sᵀ / n with s = sin(πmy/n) and
    S = (2 Σ sin 2πkθ + sin πmθ) / n.

    Parameters
    ----------
    box : array, shape (box, box), float32
        May be a view into a micrograph.
    size : int, pixels
        New edge; even, and smaller.
    """
    xp = array_namespace(box)
    along_y, along_x, odd_x, sign = _matrices(box.shape[-1], size, xp)
    rows = along_y @ box
    return rows[:size] @ along_x + sign * (rows[size:] @ odd_x)


@lru_cache(maxsize=4)
def _matrices(old: int, new: int, xp: Any) -> tuple[Array, Array, Array, Array]:
    """R with s/n below it, Rᵀ, Sᵀ and (-1)^y', single precision."""
    theta = np.arange(new)[:, None] / new - np.arange(old)[None, :] / old
    even = 1 + np.cos(np.pi * new * theta)
    odd = np.sin(np.pi * new * theta)
    for k in range(1, new // 2):
        even += 2 * np.cos(2 * np.pi * k * theta)
        odd += 2 * np.sin(2 * np.pi * k * theta)
    nyquist = np.sin(np.pi * new * np.arange(old) / old)[None, :]
    sign = np.where(np.arange(new) % 2, -1.0, 1.0)[:, None]
    tables = (np.vstack([even, nyquist]) / old, even.T / old, odd.T / old, sign)
    first, second, third, fourth = (
        xp.asarray(np.ascontiguousarray(table, dtype=np.float32)) for table in tables
    )
    return first, second, third, fourth
