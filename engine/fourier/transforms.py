"""Transforms of real images; the only callers of an FFT.

Convention: the forward transform is divided by the number of pixels, the inverse is not
scaled, so grey values survive cropping and padding. Half-transforms: shape
(..., y, x // 2 + 1), origin at index 0. A row of an n-row transform has frequency i for
i <= n // 2, else i - n.
"""

from __future__ import annotations

from engine.arrays import Array, is_on_device


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
    if is_on_device(image):
        import cupy

        return cupy.fft.rfft2(image, norm="forward")
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
    if is_on_device(transform):
        import cupy

        return cupy.fft.irfft2(transform, s=shape, norm="forward")
    import scipy.fft

    return scipy.fft.irfft2(
        transform, s=shape, norm="forward", workers=workers, overwrite_x=overwrite
    )


def rfft(signal: Array, *, workers: int = 1) -> Array:
    """Half-transforms along the last axis, divided by its length."""
    if is_on_device(signal):
        import cupy

        return cupy.fft.rfft(signal, norm="forward")
    import scipy.fft

    return scipy.fft.rfft(signal, norm="forward", workers=workers)


def irfft(transform: Array, length: int, *, workers: int = 1) -> Array:
    """Real signals of `length` from half-transforms along the last axis."""
    if is_on_device(transform):
        import cupy

        return cupy.fft.irfft(transform, n=length, norm="forward")
    import scipy.fft

    return scipy.fft.irfft(transform, n=length, norm="forward", workers=workers)


def fft(signal: Array, *, axis: int = -1, workers: int = 1) -> Array:
    """Full transforms along an axis, divided by its length."""
    if is_on_device(signal):
        import cupy

        return cupy.fft.fft(signal, axis=axis, norm="forward")
    import scipy.fft

    return scipy.fft.fft(signal, axis=axis, norm="forward", workers=workers)


def ifft(transform: Array, *, axis: int = -1, workers: int = 1) -> Array:
    """The inverse of `fft`."""
    if is_on_device(transform):
        import cupy

        return cupy.fft.ifft(transform, axis=axis, norm="forward")
    import scipy.fft

    return scipy.fft.ifft(transform, axis=axis, norm="forward", workers=workers)


def rfftn(volume: Array, *, workers: int = 1) -> Array:
    """Half-transform of a real map, shape (z, y, x // 2 + 1), divided by its voxels."""
    if is_on_device(volume):
        import cupy

        return cupy.fft.rfftn(volume, norm="forward")
    import scipy.fft

    return scipy.fft.rfftn(volume, norm="forward", workers=workers)


def irfftn(transform: Array, shape: tuple[int, ...], *, workers: int = 1) -> Array:
    """The real map of a half-transform: the inverse of `rfftn`."""
    if is_on_device(transform):
        import cupy

        return cupy.fft.irfftn(transform, s=shape, norm="forward")
    import scipy.fft

    return scipy.fft.irfftn(transform, s=shape, norm="forward", workers=workers)


def good_length(length: int) -> int:
    """The smallest length not below `length` that an FFT is fast at."""
    import scipy.fft

    return int(scipy.fft.next_fast_len(length, real=True))
