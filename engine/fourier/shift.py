"""Moved images, by phases of their transforms."""

from __future__ import annotations

from engine.arrays import Array, array_namespace
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.fourier.transforms import irfft2, rfft2


def shift_phases(shape: tuple[int, int], offset_y: Array, offset_x: Array) -> Array:
    """Factors that move images by (offset_y, offset_x) pixels, content to higher index.

    Parameters
    ----------
    shape : (y, x)
        Pixels of the images.
    offset_y, offset_x : array, any shape S, pixels

    Returns
    -------
    array, shape (*S, y, x // 2 + 1), complex128
    """
    xp = array_namespace(offset_y, offset_x)
    ky = row_frequencies(shape[0], xp) / shape[0]
    kx = column_frequencies(shape[1], xp) / shape[1]
    along_y = xp.exp(-2j * xp.pi * ky * offset_y[..., None])
    along_x = xp.exp(-2j * xp.pi * kx * offset_x[..., None])
    return along_y[..., :, None] * along_x[..., None, :]


def shift(image: Array, offset_y: float, offset_x: float, *, workers: int = 1) -> Array:
    """Images moved by a fraction of pixels; what leaves comes in at the other side.

    Parameters
    ----------
    image : array, shape (..., y, x)
    offset_y, offset_x : float, pixels
        Positive: content moves to higher indices.
    workers : int
        Threads.
    """
    xp = array_namespace(image)
    shape = (image.shape[-2], image.shape[-1])
    phases = shift_phases(
        shape, xp.asarray(float(offset_y)), xp.asarray(float(offset_x))
    )
    transform = rfft2(image, workers=workers)
    moved = transform * phases.astype(transform.dtype)
    return irfft2(moved, shape, workers=workers)
