"""RELION's random numbers, for comparing with it one to one.

RELION fills the square around a micrograph with Gaussian noise from the C library's
``rand``, seeded with the micrograph's place in the list of those to do. It is polar
Box-Muller in single precision (Marsaglia & Bray 1964, SIAM Rev. 6, 260); the second
deviate of a pair waits for the next call, even across seeding.
"""

from __future__ import annotations

import ctypes

import numpy as np

from engine.arrays import Array
from engine.errors import ResourceError
from engine.picking.working_size import WorkingSize

_LARGEST = 2147483647


class RelionNoise:
    """The stream of Gaussian deviates of one RELION process."""

    def __init__(self) -> None:
        try:
            library = ctypes.PyDLL("libc.so.6")
            self._srand, self._rand = library.srand, library.rand
        except (OSError, AttributeError) as error:
            message = (
                "RELION's noise needs the GNU C library; run without compatibility"
            )
            raise ResourceError(message) from error
        self._waiting: float | None = None

    def seed(self, seed: int) -> None:
        """Start the C library's generator anew; a waiting deviate stays."""
        self._srand(ctypes.c_uint(seed))

    def draw(self, count: int) -> Array:
        """Deviates of mean 0 and standard deviation 1.

        Returns
        -------
        array, shape (count,), float32
        """
        parts = []
        have = 0
        if self._waiting is not None and count > 0:
            parts.append(np.array([self._waiting], dtype=np.float32))
            self._waiting = None
            have = 1
        while have < count:
            pairs, spare = self._pairs((count - have + 1) // 2)
            parts.append(pairs)
            have += len(pairs)
            if have > count:
                self._waiting = float(spare)
        return np.concatenate(parts)[:count] if parts else np.empty(0, np.float32)

    def _pairs(self, wanted: int) -> tuple[Array, float]:
        """Deviates of at most `wanted` accepted pairs, and the last of them."""
        rand = self._rand
        tries = wanted if wanted > 8 else 1  # never more pairs than are wanted
        raw = np.fromiter((rand() for _ in range(2 * tries)), np.float64, 2 * tries)
        uniform = (2 * raw / _LARGEST - 1).reshape(tries, 2)
        uniform = uniform.astype(np.float32)
        square = (uniform * uniform).sum(axis=1)
        is_good = (square < 1) & (square > 0)
        uniform, square = uniform[is_good], square[is_good].astype(np.float64)
        factor = np.sqrt(-2 * np.log(square) / square).astype(np.float32)
        deviates = (uniform * factor[:, None]).astype(np.float32).ravel()
        return deviates, float(deviates[-1]) if len(deviates) else 0.0


def noise_surroundings(
    noise: RelionNoise, size: WorkingSize, seed: int
) -> Array | None:
    """The square around a micrograph as RELION fills it; None if it has no room.

    Returns
    -------
    array, shape (N, N), float32
        Noise in raster order outside the micrograph, 0 inside.
    """
    (rows, columns), (top, left) = size.image_shape, size.corner
    noise.seed(seed)
    outside = np.ones((size.full_px, size.full_px), dtype=bool)
    outside[top : top + rows, left : left + columns] = False
    if not outside.any():
        return None
    square = np.zeros(outside.shape, dtype=np.float32)
    square[outside] = noise.draw(int(outside.sum()))
    return square
