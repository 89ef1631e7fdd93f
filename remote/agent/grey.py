"""From numbers to a grey picture: contrast."""

import math
from operator import mul
from typing import List, Sequence, Tuple

from remote.agent.levels import Levels

_SAMPLES = 20000
LOW, HIGH = 0.005, 0.995
_MAX_SIGMAS = 4.0
_WIDEST_SIGMAS = 64.0  # from the median: what is beyond it is cut before any filter
_QUARTILES_PER_SIGMA = 1.349  # distance of a normal distribution's quartiles


def sigma_of(lowpass_angstrom: float, pixel_size: float) -> float:
    """Width in pixels of the Gaussian with half its amplitude at a resolution.

    exp(-2 pi^2 sigma^2 / d^2) = 1/2.
    """
    if lowpass_angstrom <= 0 or pixel_size <= 0:
        return 0.0
    return math.sqrt(math.log(2) / 2) / math.pi * lowpass_angstrom / pixel_size


def levels_of(rows: Sequence[Sequence[float]]) -> Levels:
    """Rows as whole numbers: all values but hot pixels, which are cut."""
    sample = _sample(rows)
    if not sample:
        return Levels.of(rows, 0.0, 0.0)
    middle, spread = _middle_and_spread(sample)
    if not spread > 0:
        return Levels.of(rows, sample[0], sample[-1])
    room = _WIDEST_SIGMAS * spread
    return Levels.of(rows, middle - room, middle + room)


def limits(levels: Levels) -> Tuple[float, float]:
    """Values that become black and white: percentiles, and not far from the median."""
    sample = sorted(levels.sample(_SAMPLES))
    if not sample:
        return 0.0, 0.0
    black, white = _percentiles(sample, LOW, HIGH)
    # ice crystals and carbon must not take the contrast of all the rest
    middle, spread = _middle_and_spread(sample)
    if spread > 0:
        black = max(black, middle - _MAX_SIGMAS * spread)
        white = min(white, middle + _MAX_SIGMAS * spread)
    return black, white


def sigma_limits(levels: Levels, deviations: float) -> Tuple[float, float]:
    """Values that become black and white: so many deviations from the mean."""
    count = total = squares = 0
    for row in levels.rows:
        numbers = levels.numbers(row)
        count += len(numbers) - numbers.count(0)
        total += sum(numbers)
        squares += sum(map(mul, numbers, numbers))
    if not count:
        return 0.0, 0.0
    mean = total / count
    spread = levels.step * math.sqrt(max(0.0, squares / count - mean * mean))
    middle = levels.zero + levels.step * mean
    return middle - deviations * spread, middle + deviations * spread


def to_bytes(rows: Sequence[Sequence[float]]) -> bytes:
    """Rows as grey values from the least to the greatest; no number is black."""
    sample = _sample(rows)
    return between(rows, sample[0], sample[-1]) if sample else between(rows, 0.0, 0.0)


def between(rows: Sequence[Sequence[float]], black: float, white: float) -> bytes:
    """Rows as grey values 0 to 255 between two values; no number is black."""
    return shown(Levels.of(rows, black, white), black, white)


def shown(levels: Levels, black: float, white: float) -> bytes:
    """Grey values 0 to 255 between two values; all one grey if these are the same."""
    if not white > black:
        return b"\x80" * (levels.width * len(levels.rows))
    return levels.greys(black, white)


def coarser(pixels: bytes, greys: int) -> bytes:
    """The nearest of so many greys for each: noise packs better with fewer."""
    if not 1 < greys < 256:
        return pixels
    steps = greys - 1
    table = bytes((v * steps + 127) // 255 * 255 // steps for v in range(256))
    return pixels.translate(table)


def _sample(rows: Sequence[Sequence[float]]) -> List[float]:
    """Some values in order, without what is NaN or infinite."""
    total = sum(len(row) for row in rows)
    step = max(1, total // _SAMPLES)
    sample: List[float] = []
    left = 0
    for row in rows:
        sample.extend(row[left::step])
        left = (left - len(row)) % step
    return sorted(v for v in sample if v - v == 0)


def _percentiles(
    sample: Sequence[float], low: float, high: float
) -> Tuple[float, float]:
    last = len(sample) - 1
    return sample[int(low * last)], sample[math.ceil(high * last)]


def _middle_and_spread(sample: Sequence[float]) -> Tuple[float, float]:
    """Median, and the deviation that the quartiles tell, of values in order."""
    last = len(sample) - 1
    apart = sample[3 * last // 4] - sample[last // 4]
    return sample[last // 2], apart / _QUARTILES_PER_SIGMA
