"""Pictures in whole numbers, a row of pixels one large integer: fast without numpy.

Every pixel has a lane of 32 bits, so that one addition or multiplication of Python's
integers does it for a whole row. Numbers have 18 bits, weights add to 2^14: no sum
leaves its lane.
"""

import array
import math
import sys
from functools import lru_cache
from typing import Any, List, Sequence, Tuple

_LANE = 32
_BITS, _WEIGHT_BITS = 18, 14
_TOP = (1 << _BITS) - 1
_BEYOND = 1 << 28  # so far from the numbers, black and white may be anywhere
_GUARD = 1 << 30
_WORD = "I" if array.array("I").itemsize == 4 else "L"
_WEIGHED = 2.8  # pixels: a wider Gaussian is made of running means


class Levels:
    """Rows of numbers; a value is `zero` + `step` times its number.

    The number 0 is no value, as where the file has none.
    """

    def __init__(self, width: int, rows: List[int], zero: float, step: float) -> None:
        self.width, self.rows = width, rows
        self.zero, self.step = zero, step

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]], low: float, high: float) -> "Levels":
        """Rows of values, cut at two of them."""
        width = len(rows[0]) if rows else 0
        step = (high - low) / (_TOP - 2) or 1.0
        zero = low - step
        # a float32 between 2^23 and 2^24 has a whole number in its last bits
        factor, shift = 1 / step, float(1 << 23) - zero / step
        good = 0x4B000000 * ones(width)
        mask = (0xFFFFFFFF ^ _TOP) * ones(width)
        found = []
        for row in rows:
            number = _packed([v * factor + shift for v in row])
            if number & mask != good:
                cut = [low - step if v != v else min(max(v, low), high) for v in row]
                number = _packed([v * factor + shift for v in cut])
            found.append(number ^ good)
        return cls(width, found, zero, step)

    def numbers(self, row: int) -> Any:
        """Numbers of a row, each by itself."""
        words = array.array(_WORD)
        words.frombytes(row.to_bytes(self.width * _LANE // 8, "little"))
        if sys.byteorder == "big":
            words.byteswap()
        return words

    def sample(self, most: int) -> List[float]:
        """Some values, evenly spread, without those that are none."""
        step = max(1, self.width * len(self.rows) // most)
        found: List[int] = []
        left = 0
        for row in self.rows:
            found.extend(self.numbers(row)[left::step])
            left = (left - self.width) % step
        return [self.zero + self.step * number for number in found if number]

    def blurred(self, sigma: float) -> "Levels":
        """Blurred by a Gaussian of `sigma` pixels; the border is extended."""
        if sigma < 0.3 or not self.rows:
            return self
        rows = self.rows
        if sigma <= _WEIGHED:
            rows = self._weighted(rows, _gaussian(sigma))
        else:
            for half in box_halves(sigma):
                rows = self._averaged(rows, half)
        return Levels(self.width, rows, self.zero, self.step)

    def without(self, slow: "Levels") -> "Levels":
        """Minus the values of another of the same zero and step."""
        above, mask = (_TOP + 1) * ones(self.width), _TOP * ones(self.width)
        rows = [(a + above - b) >> 1 & mask for a, b in zip(self.rows, slow.rows)]
        return Levels(self.width, rows, -(_TOP + 1) * self.step, 2 * self.step)

    def greys(self, black: float, white: float) -> bytes:
        """Grey values from 0 to 255 between two values; no value is black."""
        first = _near(round((black - self.zero) / self.step))
        span = max(1, _near(round((white - self.zero) / self.step)) - first)
        one = ones(self.width)
        above_black, below_white = (_GUARD - first) * one, (_GUARD + span) * one
        factor, half, full = (255 << 24) // span, (1 << 23) * one, 255 * one
        size = self.width * _LANE // 8
        pieces = []
        for row in self.rows:
            lighter = _positive(row + above_black, one)
            darker = _positive(below_white - lighter, one)  # than white
            shade = (darker * factor + half) >> 24 & full
            pieces.append((full - shade).to_bytes(size, "little")[:: _LANE // 8])
        return b"".join(pieces)

    def _extended(self, row: int, half: int) -> int:
        """A row with its first and its last pixel repeated."""
        last = self.width - 1
        before = (row & _TOP) * ones(half)
        after = (row >> last * _LANE) * ones(half)
        return before | row << half * _LANE | after << (self.width + half) * _LANE

    def _weighted(self, rows: List[int], weights: List[int]) -> List[int]:
        """Mixed with their neighbors by weights, of themselves first."""
        half, width = len(weights) - 1, self.width
        both = weights[:0:-1] + weights
        kernel = sum(weight << i * _LANE for i, weight in enumerate(both))
        rounding, mask = (1 << _WEIGHT_BITS - 1) * ones(width), _TOP * ones(width)
        mixed = []
        around = [rows[0]] * half + rows + [rows[-1]] * half
        for y, row in enumerate(rows, half):
            total = row * weights[0] + rounding
            for i in range(1, half + 1):
                total += (around[y - i] + around[y + i]) * weights[i]
            row = total >> _WEIGHT_BITS & mask
            total = self._extended(row, half) * kernel >> 2 * half * _LANE
            mixed.append(total + rounding >> _WEIGHT_BITS & mask)
        return mixed

    def _averaged(self, rows: List[int], half: int) -> List[int]:
        """Means over squares of 2 `half` + 1 pixels."""
        count, width = 2 * half + 1, self.width
        around = [rows[0]] * (half + 1) + rows + [rows[-1]] * half
        total = sum(around[:count])
        found = []
        for old, new in zip(around, around[count:]):
            total += new - old
            row = _running(self._extended(_divided(total, count, width), half), count)
            found.append(_divided(row, count, width))
        return found


@lru_cache(maxsize=64)
def ones(count: int) -> int:
    """A 1 in each of so many lanes."""
    return ((1 << count * _LANE) - 1) // ((1 << _LANE) - 1)


def _packed(values: Sequence[float]) -> int:
    data = array.array("f", values)
    if sys.byteorder == "big":
        data.byteswap()
    return int.from_bytes(data.tobytes(), "little")


def _near(number: int) -> int:
    return min(max(number, -_BEYOND), _BEYOND)


def _positive(guarded: int, one: int) -> int:
    """Lanes without the guard's bit where it is left, and 0 where it was borrowed."""
    return guarded & (guarded >> 30 & one) * (_GUARD - 1)


def _running(row: int, count: int) -> int:
    """Sums of each lane and those after it, so many together."""
    total, done, power, sums = 0, 0, 1, row
    while power <= count:
        if count & power:
            total += sums >> done * _LANE
            done += power
        sums += sums >> power * _LANE
        power *= 2
    return total


def _divided(row: int, count: int, width: int) -> int:
    """Lanes divided; those of even and of odd places with twice the room."""
    low, high, half, inside = _pairs(width)
    factor = (1 << _LANE) // count
    even = ((row & low) * factor + half & high) >> _LANE
    odd = (row >> _LANE & low) * factor + half & high
    return (even | odd) & inside


@lru_cache(maxsize=8)
def _pairs(width: int) -> Tuple[int, int, int, int]:
    """Masks and a half for lanes in pairs: first lanes, results, halves, all lanes."""
    pairs = ((1 << 2 * _LANE * -(-width // 2)) - 1) // ((1 << 2 * _LANE) - 1)
    low, high = 0xFFFFFFFF * pairs, (_TOP << _LANE) * pairs
    return low, high, (1 << _LANE - 1) * pairs, (1 << width * _LANE) - 1


def _gaussian(sigma: float) -> List[int]:
    """Weights of a pixel and of those to one side of it."""
    half = math.ceil(3 * sigma)
    shares = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(half + 1)]
    total = shares[0] + 2 * sum(shares[1:])
    aside = [round(share / total * (1 << _WEIGHT_BITS)) for share in shares[1:]]
    return [(1 << _WEIGHT_BITS) - 2 * sum(aside), *aside]


def box_halves(sigma: float) -> List[int]:
    """Half widths of four running means that together have the Gaussian's variance.

    A mean over n pixels has the variance (n^2 - 1) / 12; two neighboring odd widths
    are mixed to come near it (Kovesi, 2010).
    """
    passes = 4
    ideal = math.sqrt(12 * sigma * sigma / passes + 1)
    low = int((ideal - 1) // 2)  # half of the narrower width
    narrow = 2 * low + 1
    wanted = 12 * sigma * sigma - passes * narrow * narrow - 4 * passes * narrow
    few = round((wanted - 3 * passes) / (-4 * narrow - 4))
    few = min(passes, max(0, few))
    return [low] * few + [low + 1] * (passes - few)
