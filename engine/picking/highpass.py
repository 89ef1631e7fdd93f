"""Rows of a square without its longest waves.

A high-pass at hundreds of Å concerns a few dozen coefficients. Taking those waves off
is cheaper than transforming the whole square there and back, and the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from engine.arrays import Array
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.picking.rotations import phase_factors
from engine.picking.square_transform import cropped_transform
from engine.picking.working_size import WorkingSize, round_half_away

Rows = Iterator[tuple[int, Array]]


def removed_weights(grid_px: int, shell: int) -> Array:
    """What a high-pass takes away of each coefficient, shape (grid, grid // 2 + 1).

    1 below shell - 1, 0 above shell + 1, a raised cosine between.
    """
    ky = row_frequencies(grid_px)[:, None]
    kx = column_frequencies(grid_px)[None, :]
    radius = np.sqrt(ky.astype(np.float64) ** 2 + kx**2)
    low, high = max(0, shell - 1), shell + 1
    position = np.clip((radius - low) / (high - low), 0.0, 1.0)
    return 0.5 + 0.5 * np.cos(np.pi * position)


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
    full = size.full_px
    shell = round_half_away(full * pixel_size / highpass_angstrom)
    grid = min(2 * (shell + 2), full)
    low = cropped_transform(like, rows(), size, grid) * removed_weights(grid, shell)
    kx = column_frequencies(grid)
    across = phase_factors(kx, np.arange(full), full).conj()
    across *= np.where((kx == 0) | (2 * kx == full), 1.0, 2.0)[:, None]
    across = (low @ across).astype(np.complex64)
    ky = row_frequencies(grid)
    for first, block in rows():
        lines = np.arange(first, first + len(block))
        down = phase_factors(ky, lines, full).conj().T.astype(np.complex64)
        yield first, block - (down @ across).real
