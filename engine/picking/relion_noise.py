"""The Gaussian noise that RELION puts around a micrograph, number for number.

It comes from the GNU C library's ``rand``, through polar Box-Muller in single precision
(Marsaglia & Bray 1964, SIAM Rev. 6, 260). The generator is the additive feedback one of
its manual's "BSD random number functions": r[i] = r[i-3] + r[i-31] modulo 2^32. Being
linear, it can be started at many places at once (jumps are powers of a matrix), which
makes half a million deviates in some 20 ms without C.
"""

from __future__ import annotations

import functools

import numpy as np

from engine.arrays import Array
from engine.picking.working_size import WorkingSize

_ORDER, _LAG = 31, 3
_DISCARDED = 310
_SEGMENT = 2046  # numbers per starting place; a multiple of the lag
_LARGEST = 2147483647


class GlibcRandom:
    """The numbers of ``rand()`` after ``srand(seed)``."""

    def __init__(self, seed: int) -> None:
        first = [seed % 2**32 or 1]
        signed = first[0] - 2**32 if first[0] >= 2**31 else first[0]
        for _ in range(_ORDER - 1):
            # Schrage's quotient as C computes it: truncating towards zero
            high = int(signed / 127773)
            signed = 16807 * (signed - 127773 * high) - 2836 * high
            signed += _LARGEST if signed < 0 else 0
            first.append(signed)
        # the first step that follows is r[34]; r[31..33] repeat r[0..2]
        start = np.array(first[_LAG:] + first[:_LAG], dtype=np.uint32)
        self._state = _advance(start[:, None], _DISCARDED)[-_ORDER:, 0]

    def draw(self, count: int) -> Array:
        """At least `count` further numbers, uint32 below 2^31."""
        segments = max(1, -(-count // _SEGMENT))
        states, jump = self._state[:, None], _jump()
        while states.shape[1] < segments:
            states = np.concatenate([states, jump @ states], axis=1)
            jump = jump @ jump
        numbers = _advance(states[:, :segments], _SEGMENT)
        self._state = numbers[-_ORDER:, -1].copy()
        return numbers[_ORDER:].T.ravel() >> np.uint32(1)


def _advance(states: Array, steps: int) -> Array:
    """States followed by `steps` numbers each, shape (31 + steps, places)."""
    out = np.empty((_ORDER + steps + _LAG, states.shape[1]), dtype=np.uint32)
    out[:_ORDER] = states
    for i in range(0, steps, _LAG):
        now = _ORDER + i
        np.add(out[now - _LAG : now], out[i : i + _LAG], out=out[now : now + _LAG])
    return out[: _ORDER + steps]


@functools.cache
def _jump() -> Array:
    """The matrix that moves a state forward by one segment."""
    unit = np.eye(_ORDER, dtype=np.uint32)
    return _advance(unit, _SEGMENT)[-_ORDER:]


class RelionNoise:
    """The stream of Gaussian deviates of one RELION process.

    Parameters
    ----------
    forgets : bool
        Drop the second deviate of a pair when seeded anew. RELION keeps it: after an
        odd number of draws a micrograph's noise depends on the one before.
    """

    def __init__(self, *, forgets: bool = True) -> None:
        self._forgets = forgets
        self._random = GlibcRandom(1)
        self._deviates = np.empty(0, dtype=np.float32)
        self._is_odd = False  # the next of `deviates` is a pair's second

    def seed(self, seed: int) -> None:
        """Start anew."""
        self._random = GlibcRandom(seed)
        keeps = self._is_odd and not self._forgets
        self._deviates = self._deviates[: 1 if keeps else 0]
        self._is_odd = keeps

    def draw(self, count: int) -> Array:
        """Deviates of mean 0 and standard deviation 1, float32."""
        parts = [self._deviates]
        have = len(self._deviates)
        while have < count:
            parts.append(self._more((count - have) // 2 + 1))
            have += len(parts[-1])
        deviates = np.concatenate(parts)
        self._deviates = deviates[count:]
        self._is_odd = len(self._deviates) % 2 == 1
        return deviates[:count]

    def _more(self, pairs: int) -> Array:
        """Deviates of about so many pairs."""
        raw = self._random.draw(int(2.6 * pairs) + 64)  # 4 / pi of them are accepted
        raw = raw[: len(raw) // 2 * 2].astype(np.float64)
        uniform = (2 * raw / _LARGEST - 1).astype(np.float32).reshape(-1, 2)
        square = uniform[:, 0] ** 2 + uniform[:, 1] ** 2
        is_good = (square < 1) & (square > 0)
        uniform, good = uniform[is_good], square[is_good].astype(np.float64)
        factor = np.sqrt(-2 * np.log(good) / good).astype(np.float32)
        return (uniform * factor[:, None]).ravel()


def noise_around(noise: RelionNoise, size: WorkingSize, seed: int) -> Array | None:
    """The square around a micrograph as RELION fills it; None if it leaves no room.

    Returns
    -------
    array, shape (N * N - y * x,), float32
        In raster order of the square, without the micrograph's own pixels.
    """
    rows, columns = size.image_shape
    noise.seed(seed)
    count = size.full_px**2 - rows * columns
    return noise.draw(count) if count else None
