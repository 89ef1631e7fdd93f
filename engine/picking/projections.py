"""Projections of a map along given directions, as templates.

Central slices (Bracewell 1956, Aust. J. Phys. 9, 198) of the map's transform, padded
twice and interpolated trilinearly, after the map was divided by the square of a sinc
that the interpolation would multiply it by.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from engine.arrays import Array
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.fourier.transforms import irfft2, rfftn
from engine.picking.working_size import round_half_away

_PADDING = 2


def slice_axes(rot: float, tilt: float) -> Array:
    """Where the x and y axes of a projection lie in the map, shape (2, 3) of x, y, z.

    The first two rows of RELION's rotation matrix of (rot, tilt, psi = 0) degrees.
    """
    a, b = math.radians(rot), math.radians(tilt)
    return np.array(
        [
            [math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), -math.sin(b)],
            [-math.sin(a), math.cos(a), 0.0],
        ]
    )


def project_map(
    volume: Array,
    pixel_size: float,
    rot: Array,
    tilt: Array,
    *,
    lowpass_angstrom: float | None,
) -> Array:
    """Projections of a map: sums along the direction of view.

    Parameters
    ----------
    volume : array, shape (z, y, x), a cube
    pixel_size : float, Å per pixel
    rot, tilt : array, shape (n,), degrees
    lowpass_angstrom : float or None, Å
        Nothing finer; a hard limit.

    Returns
    -------
    array, shape (n, y, x), float32
    """
    box = volume.shape[-1]
    reach = box / 2
    if lowpass_angstrom is not None:
        reach = min(reach, math.ceil(box * pixel_size / lowpass_angstrom))
    table, radius = _padded_transform(volume, reach)
    ky = row_frequencies(box)[:, None].astype(np.float64)
    kx = column_frequencies(box)[None, :].astype(np.float64)
    is_used = (kx**2 + ky**2 <= reach**2 + 1e-6) & (ky > -box / 2)
    rows, columns = np.nonzero(is_used)
    plane = np.stack([kx[0, columns], ky[rows, 0]], axis=1) * _PADDING
    images = np.empty((len(rot), box, box), dtype=np.float32)
    for index, angles in enumerate(zip(rot.tolist(), tilt.tolist(), strict=True)):
        x, y, z = (plane @ slice_axes(*angles)).T
        is_mirrored = x < 0
        sign = np.where(is_mirrored, -1.0, 1.0)
        at = np.stack([sign * z + radius + 1, sign * y + radius + 1, sign * x])
        values = ndimage.map_coordinates(table.real, at, order=1) + (
            1j * ndimage.map_coordinates(table.imag, at, order=1)
        )
        values = np.where(is_mirrored, values.conj(), values)
        half = np.zeros((box, box // 2 + 1), dtype=np.complex128)
        half[rows, columns] = values * np.where((rows + columns) % 2, -1, 1)
        images[index] = irfft2(half, (box, box))
    return images


def _padded_transform(volume: Array, reach: float) -> tuple[Array, int]:
    """The transform around the origin, shape (2 r + 3, 2 r + 3, r + 2), and r.

    Its values are such that a slice, transformed back, is a sum along lines.
    """
    box = volume.shape[-1]
    axis = np.arange(box) - box // 2
    distance = np.sqrt(
        axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2
    )
    corrected = volume / np.sinc(distance / (_PADDING * box)) ** 2
    size = _PADDING * box
    padded = np.zeros((size, size, size), dtype=np.float32)
    first = size // 2 - box // 2
    inner = slice(first, first + box)
    padded[inner, inner, inner] = corrected
    transform = rfftn(np.fft.ifftshift(padded)) * (float(size) ** 3 / box**2)
    radius = round_half_away(_PADDING * reach)
    k = np.arange(-radius - 1, radius + 2)
    # beyond the padded transform's own rows there is nothing
    known = (k >= -(size // 2) + 1) & (k <= size // 2)
    kx = np.arange(min(radius + 2, size // 2 + 1))
    table = np.zeros((len(k), len(k), radius + 2), dtype=np.complex64)
    places = np.flatnonzero(known)
    part = transform[np.ix_(k[known] % size, k[known] % size, kx)]
    table[np.ix_(places, places, kx)] = part
    squared = k[:, None, None] ** 2 + k[None, :, None] ** 2
    squared = squared + np.arange(radius + 2)[None, None, :] ** 2
    return np.where(squared <= radius**2, table, 0), radius
