"""Transforms of real images; the only callers of an FFT.

Convention: the forward transform is divided by the number of pixels, the inverse is not
scaled, so grey values survive cropping and padding. Half-transforms: shape
(..., y, x // 2 + 1), origin at index 0. A row of an n-row transform has frequency i for
i <= n // 2, else i - n.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Array, array_namespace, copied


def rfft2(image: Array, *, workers: int = 1, overwrite: bool = False) -> Array:
    """Half-transforms of real images.

    Parameters
    ----------
    image : array, shape (..., y, x)
    workers : int
        Threads.
    overwrite : bool
        The input may be destroyed.

    Returns
    -------
    array, shape (..., y, x // 2 + 1)
        complex64 for float32 images; divided by y * x.
    """
    if not _is_on_host(image):
        xp = array_namespace(image)
        return xp.fft.rfftn(image, axes=(-2, -1), norm="forward")
    import scipy.fft

    return scipy.fft.rfft2(
        image, norm="forward", workers=workers, overwrite_x=overwrite
    )


def irfft2(
    transform: Array,
    shape: tuple[int, int],
    *,
    workers: int = 1,
    overwrite: bool = False,
) -> Array:
    """Real images of half-transforms: the inverse of `rfft2`.

    Parameters
    ----------
    transform : array, shape (..., y, x // 2 + 1)
    shape : (y, x)
        Pixels of the images; says whether x is odd.
    workers : int
        Threads.
    overwrite : bool
        The input may be destroyed.
    """
    if not _is_on_host(transform):
        xp = array_namespace(transform)
        columns = xp.fft.ifft(transform, n=shape[0], axis=-2, norm="forward")
        return irfft(columns, shape[1])
    import scipy.fft

    return scipy.fft.irfft2(
        transform, s=shape, norm="forward", workers=workers, overwrite_x=overwrite
    )


def rfft(signal: Array, *, workers: int = 1) -> Array:
    """Half-transforms along the last axis, divided by its length."""
    if not _is_on_host(signal):
        return array_namespace(signal).fft.rfft(signal, norm="forward")
    import scipy.fft

    return scipy.fft.rfft(signal, norm="forward", workers=workers)


def irfft(transform: Array, length: int, *, workers: int = 1) -> Array:
    """Real signals of `length` from half-transforms along the last axis."""
    if not _is_on_host(transform):
        xp = array_namespace(transform)
        return xp.fft.irfft(_real_ends(transform, length), n=length, norm="forward")
    import scipy.fft

    return scipy.fft.irfft(transform, n=length, norm="forward", workers=workers)


def fft(signal: Array, *, axis: int = -1, workers: int = 1) -> Array:
    """Full transforms along an axis, divided by its length."""
    if not _is_on_host(signal):
        return array_namespace(signal).fft.fft(signal, axis=axis, norm="forward")
    import scipy.fft

    return scipy.fft.fft(signal, axis=axis, norm="forward", workers=workers)


def rfftn(volume: Array, *, workers: int = 1) -> Array:
    """Half-transform of a real map, shape (z, y, x // 2 + 1), divided by its voxels."""
    if not _is_on_host(volume):
        return array_namespace(volume).fft.rfftn(volume, norm="forward")
    import scipy.fft

    return scipy.fft.rfftn(volume, norm="forward", workers=workers)


def good_length(length: int) -> int:
    """The smallest length not below `length` that an FFT is fast at."""
    import scipy.fft

    return int(scipy.fft.next_fast_len(length, real=True))


def _is_on_host(array: Array) -> bool:
    """Whether scipy can transform it: it would turn other libraries' arrays to its."""
    return isinstance(array, np.ndarray | np.generic)


def _real_ends(transform: Array, length: int) -> Array:
    """Half-transforms whose first (and, of an even length, last) value is real.

    A real signal's are. Where cropping has left others, scipy takes the real part;
    cuFFT leaves the result undefined.
    """
    xp = array_namespace(transform)
    ends = copied(transform)
    ends[..., 0] = xp.real(transform[..., 0])
    last = length // 2
    if length % 2 == 0 and ends.shape[-1] > last:
        ends[..., last] = xp.real(transform[..., last])
    return ends
