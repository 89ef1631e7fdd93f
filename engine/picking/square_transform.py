"""Low frequencies of a normalized micrograph, set into a square.

This is the one big transform of picking. Only W x W of its N x N coefficients are used:
rows are transformed first and cut, and columns that nobody asks for are not computed.
That is about two thirds of the cost of a full transform, and a tenth of its memory.
"""

from __future__ import annotations

from engine.arrays import Array, array_namespace
from engine.fourier.grids import squared_frequencies
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import fft, rfft, rfft2
from engine.image.statistics import BLOCK_ROWS, mean_and_spread
from engine.picking.working_size import WorkingSize


def square_transform(
    image: Array,
    size: WorkingSize,
    *,
    outlier_zscore: float,
    new_px: int | None = None,
    surroundings: Array | None = None,
    workers: int = 1,
) -> Array:
    """Transform of a normalized micrograph in the middle of a square, cropped.

    Pixels further than `outlier_zscore` standard deviations from the mean become the
    mean, then the image has mean 0 and standard deviation 1 (of all its pixels).

    Parameters
    ----------
    image : array, shape (y, x)
        Not changed.
    size : WorkingSize
    outlier_zscore : float, standard deviations
    new_px : int, optional
        Edge of the result's image; W without it.
    surroundings : array, shape (N, N), optional
        What stands around the micrograph; zeros (its mean) without it.
    workers : int
        Threads.

    Returns
    -------
    array, shape (new_px, new_px // 2 + 1), complex64
        Divided by N * N.
    """
    mean, spread = mean_and_spread(image)
    new_px = size.work_px if new_px is None else new_px
    if surroundings is not None or new_px > size.full_px:
        square = _filled_square(image, size, mean, spread, outlier_zscore, surroundings)
        return _cropped(rfft2(square, workers=workers), size.full_px, new_px)
    rows = _row_transforms(image, size, new_px, mean, spread, outlier_zscore, workers)
    return _column_transforms(rows, size, new_px, workers)


def _clean_block(
    block: Array, mean: float, spread: float, outlier_zscore: float
) -> Array:
    """Rows in standard deviations from the mean; outliers are 0."""
    xp = array_namespace(block)
    clean = (block - xp.float32(mean)) * xp.float32(1 / spread)
    limit = xp.float32(outlier_zscore)
    if xp.max(clean) > limit or xp.min(clean) < -limit:
        clean = xp.where(xp.abs(clean) > limit, xp.float32(0), clean)
    return clean


def _row_transforms(
    image: Array,
    size: WorkingSize,
    new_px: int,
    mean: float,
    spread: float,
    outlier_zscore: float,
    workers: int,
) -> Array:
    """Low frequencies of each row, shape (y, new_px // 2 + 1)."""
    xp = array_namespace(image)
    height, width = image.shape
    columns = new_px // 2 + 1
    out = xp.empty((height, columns), dtype=xp.complex64)
    padded = xp.zeros((BLOCK_ROWS, size.full_px), dtype=xp.float32)
    left = size.corner[1]
    for first in range(0, height, BLOCK_ROWS):
        block = image[first : first + BLOCK_ROWS]
        rows = padded[: block.shape[0]]
        rows[:, left : left + width] = _clean_block(block, mean, spread, outlier_zscore)
        out[first : first + BLOCK_ROWS] = rfft(rows, workers=workers)[:, :columns]
    return out


def _column_transforms(
    rows: Array, size: WorkingSize, new_px: int, workers: int
) -> Array:
    """Low frequencies along the columns of transformed rows."""
    xp = array_namespace(rows)
    padded = rows
    if rows.shape[0] != size.full_px:
        padded = xp.zeros((size.full_px, rows.shape[1]), dtype=rows.dtype)
        top = size.corner[0]
        padded[top : top + rows.shape[0]] = rows
    full = fft(padded, axis=0, workers=workers)
    out = xp.empty((new_px, rows.shape[1]), dtype=rows.dtype)
    positive = new_px // 2 + 1
    out[:positive] = full[:positive]
    out[positive:] = full[full.shape[0] - (new_px - positive) :]
    return out


def _filled_square(
    image: Array,
    size: WorkingSize,
    mean: float,
    spread: float,
    outlier_zscore: float,
    surroundings: Array | None,
) -> Array:
    xp = array_namespace(image)
    square = (
        xp.zeros((size.full_px, size.full_px), dtype=xp.float32)
        if surroundings is None
        else xp.asarray(surroundings, copy=True)
    )
    (top, left), (height, width) = size.corner, image.shape
    clean = _clean_block(image, mean, spread, outlier_zscore)
    square[top : top + height, left : left + width] = clean
    return square


def _cropped(transform: Array, full_px: int, new_px: int) -> Array:
    """A square transform at another size; padding drops what is beyond its circle."""
    if new_px <= full_px:
        return resize_transform(transform, (full_px, full_px), (new_px, new_px))
    xp = array_namespace(transform)
    limit = (full_px // 2) ** 2
    inside = squared_frequencies((full_px, full_px), xp) <= limit
    return resize_transform(
        xp.where(inside, transform, 0), (full_px, full_px), (new_px, new_px)
    )
