"""Low frequencies of a normalized micrograph, set into a square.

This is the one big transform of picking. Only W x W of its N x N coefficients are used:
rows are transformed first and cut, and columns that nobody asks for are not computed.
That costs less than half of a full transform, and a tenth of its memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.arrays import Array, array_namespace, astype
from engine.fourier.grids import squared_frequencies
from engine.fourier.low_frequencies import low_frequencies
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import fft
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
    surroundings : array, shape (N * N - y * x,), optional
        Pixels around the micrograph in raster order; zeros (its mean) without it.
    workers : int
        Threads.

    Returns
    -------
    array, shape (new_px, new_px // 2 + 1), complex64
        Divided by N * N.
    """
    new_px = size.work_px if new_px is None else new_px
    rows = normalized_rows(image, size, outlier_zscore, surroundings)
    return cropped_transform(image, rows, size, new_px, workers=workers)


def normalized_rows(
    image: Array,
    size: WorkingSize,
    outlier_zscore: float,
    surroundings: Array | None = None,
) -> Iterator[tuple[int, Array]]:
    """Blocks of rows of the square: (first row, array of shape (rows, N)), float32.

    Rows that are all zero are left out. A block is only good until the next one.
    """
    xp = array_namespace(image)
    mean, spread = mean_and_spread(image)
    (top, left), (height, width) = size.corner, image.shape
    full, right = size.full_px, left + width
    beside, used = full - width, top * full
    if surroundings is not None:
        bottom = full - top - height
        yield from _blocks(surroundings[:used], 0, full)
        yield from _blocks(
            surroundings[surroundings.shape[0] - bottom * full :], top + height, full
        )
    padded = xp.zeros((BLOCK_ROWS, full), dtype=xp.float32)
    for first in range(0, height, BLOCK_ROWS):
        block = image[first : min(first + BLOCK_ROWS, height), :]
        count = block.shape[0]
        rows = padded[:count, :]
        rows[:, left:right] = _clean_block(block, mean, spread, outlier_zscore)
        if surroundings is not None and beside:
            sides = surroundings[used : used + count * beside]
            sides = xp.reshape(sides, (count, beside))
            used += sides.size
            # a row's pixels right of the image come before the next row's left ones
            rows[:, :left] = sides[:, :left]
            rows[:, right:] = sides[:, left:]
        yield top + first, rows


def _blocks(pixels: Array, first: int, full: int) -> Iterator[tuple[int, Array]]:
    rows = array_namespace(pixels).reshape(pixels, (-1, full))
    for start in range(0, rows.shape[0], BLOCK_ROWS):
        yield first + start, rows[start : min(start + BLOCK_ROWS, rows.shape[0]), :]


def _clean_block(
    block: Array, mean: float, spread: float, outlier_zscore: float
) -> Array:
    """Rows in standard deviations from the mean; outliers are 0."""
    xp = array_namespace(block)
    # in two steps, because a large mean does not fit float32 exactly
    coarse = float(xp.asarray(mean, dtype=xp.float32))
    rest = (mean - coarse) / spread
    clean = (astype(block, xp.float32) - coarse) * (1 / spread) - rest
    limit = outlier_zscore
    if xp.max(clean) > limit or xp.min(clean) < -limit:
        clean = xp.where(xp.abs(clean) > limit, xp.zeros_like(clean), clean)
    return clean


def cropped_transform(
    like: Array,
    rows: Iterator[tuple[int, Array]],
    size: WorkingSize,
    new_px: int,
    *,
    workers: int = 1,
) -> Array:
    """Low frequencies of a square whose rows come in blocks.

    Parameters
    ----------
    like : array
        Of the library and device to use.
    rows : iterator of (first row, array of shape (rows, N))
        Rows that do not come are zero.
    size : WorkingSize
    new_px : int
        Edge of the result's image; beyond N it is padded, without what is outside the
        circle of N / 2.
    workers : int
        Threads.

    Returns
    -------
    array, shape (new_px, new_px // 2 + 1), complex64
    """
    xp = array_namespace(like)
    full = size.full_px
    inner = min(new_px, full)
    columns = inner // 2 + 1
    halfway = xp.zeros((full, columns), dtype=xp.complex64)
    for first, block in rows:
        halfway[first : first + block.shape[0], :] = low_frequencies(
            block, columns, workers=workers
        )
    columns_done = fft(halfway, axis=0, workers=workers)
    positive = inner // 2 + 1
    out = xp.empty((inner, columns), dtype=xp.complex64)
    out[:positive, :] = columns_done[:positive, :]
    out[positive:, :] = columns_done[full - (inner - positive) :, :]
    if new_px <= full:
        return out
    is_inside = squared_frequencies((full, full), xp) <= (full // 2) ** 2
    out = xp.where(is_inside, out, xp.zeros_like(out))
    return resize_transform(out, (full, full), (new_px, new_px))
