"""Rows of a square without its longest waves.

A high-pass at hundreds of Å concerns a few dozen coefficients. Taking those waves off
is cheaper than transforming the whole square there and back, and the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from engine.arrays import Array, array_namespace, astype
from engine.fourier.grids import (
    column_frequencies,
    row_frequencies,
    squared_frequencies,
)
from engine.picking.rotations import phase_factors
from engine.picking.square_transform import cropped_transform
from engine.picking.working_size import WorkingSize, round_half_away

Rows = Iterator[tuple[int, Array]]


def removed_weights(grid_px: int, shell: int, xp: Any = np) -> Array:
    """What a high-pass takes away of each coefficient, shape (grid, grid // 2 + 1).

    1 below shell - 1, 0 above shell + 1, a raised cosine between.
    """
    squared = squared_frequencies((grid_px, grid_px), xp)
    low, high = max(0, shell - 1), shell + 1
    position = (xp.sqrt(astype(squared, xp.float64)) - low) / (high - low)
    return 0.5 + 0.5 * xp.cos(math.pi * xp.clip(position, 0.0, 1.0))


def highpassed_rows(
    rows: Callable[[], Rows],
    like: Array,
    size: WorkingSize,
    pixel_size: float,
    highpass_angstrom: float,
) -> Rows:
    """Blocks of rows as they come, less their waves longer than a resolution.

    Parameters
    ----------
    rows : callable
        Gives the blocks of the square; called twice.
    like : array
        Of the library to use.
    size : WorkingSize
    pixel_size : float, Å per pixel of the file
    highpass_angstrom : float, Å
    """
    xp = array_namespace(like)
    full = size.full_px
    shell = round_half_away(full * pixel_size / highpass_angstrom)
    grid = min(2 * (shell + 2), full)
    low = cropped_transform(like, rows(), size, grid) * removed_weights(grid, shell, xp)
    across = xp.conj(phase_factors(column_frequencies(grid, xp), xp.arange(full), full))
    last = grid // 2
    across[1 : last if 2 * last == full else last + 1, :] *= 2  # conjugates not stored
    across = astype(low @ across, xp.complex64)
    ky = row_frequencies(grid, xp)
    for first, block in rows():
        lines = xp.arange(first, first + block.shape[0])
        down = xp.conj(phase_factors(ky, lines, full)).T
        yield first, block - xp.real(astype(down, xp.complex64) @ across)
