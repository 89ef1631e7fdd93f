"""From numbers to a grey picture: smoothing and contrast."""

import math
from itertools import accumulate
from typing import Any, List, Sequence, Tuple

_SAMPLES = 20000
LOW, HIGH = 0.005, 0.995
_MAX_SIGMAS = 4.0
_QUARTILES_PER_SIGMA = 1.349  # distance of a normal distribution's quartiles


def sigma_of(lowpass_angstrom: float, pixel_size: float) -> float:
    """Width in pixels of the Gaussian with half its amplitude at a resolution.

    exp(-2 pi^2 sigma^2 / d^2) = 1/2.
    """
    if lowpass_angstrom <= 0 or pixel_size <= 0:
        return 0.0
    return math.sqrt(math.log(2) / 2) / math.pi * lowpass_angstrom / pixel_size


def smooth(rows: List[Any], sigma: float) -> List[Any]:
    """Rows blurred by a Gaussian of `sigma` pixels; the border is extended."""
    if sigma < 0.3 or not rows:
        return rows
    for _ in range(2):  # rows, then columns
        rows = [_blur(row, sigma) for row in rows]
        rows = [list(column) for column in zip(*rows)]
    return rows


def _blur(row: Sequence[float], sigma: float) -> Sequence[float]:
    if sigma <= 1.6:
        return _weighted(row, sigma)
    for half in _box_halves(sigma):
        padded = [row[0]] * (half + 1) + list(row) + [row[-1]] * half
        sums = list(accumulate(padded))
        count = 2 * half + 1
        row = [(b - a) / count for a, b in zip(sums, sums[count:])]
    return row


def _box_halves(sigma: float) -> List[int]:
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


def _weighted(row: Sequence[float], sigma: float) -> Sequence[float]:
    half = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(half + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    weights = [w / total for w in weights]
    n = len(row)
    padded = [row[0]] * half + list(row) + [row[-1]] * half
    blurred = [weights[0] * v for v in row]
    for i in range(1, half + 1):
        w = weights[i]
        left, right = padded[half - i : half - i + n], padded[half + i : half + i + n]
        blurred = [s + w * (a + b) for s, a, b in zip(blurred, left, right)]
    return blurred


def limits(
    rows: Sequence[Sequence[float]], low: float, high: float
) -> Tuple[float, float]:
    """Values that become black and white: percentiles, and not far from the median."""
    total = sum(len(row) for row in rows)
    step = max(1, total // _SAMPLES)
    sample: List[float] = []
    left = 0
    for row in rows:
        sample.extend(row[left::step])
        left = (left - len(row)) % step
    sample = sorted(v for v in sample if v - v == 0)  # neither NaN nor infinite
    if not sample:
        return 0.0, 0.0
    last = len(sample) - 1
    black, white = sample[int(low * last)], sample[math.ceil(high * last)]
    if low > 0:
        # ice crystals and carbon must not take the contrast of all the rest
        middle = sample[last // 2]
        spread = (sample[3 * last // 4] - sample[last // 4]) / _QUARTILES_PER_SIGMA
        if spread > 0:
            black = max(black, middle - _MAX_SIGMAS * spread)
            white = min(white, middle + _MAX_SIGMAS * spread)
    return black, white


def without_gradients(rows: List[Any], sigma: float) -> List[Any]:
    """Rows minus what is coarser than a Gaussian of `sigma` pixels."""
    if sigma < 0.3 or not rows:
        return rows
    return [
        [value - slow for value, slow in zip(row, base)]
        for row, base in zip(rows, smooth(rows, sigma))
    ]


def sigma_limits(
    rows: Sequence[Sequence[float]], deviations: float
) -> Tuple[float, float]:
    """Values that become black and white: so many deviations from the mean."""
    count, total, squares = 0, 0.0, 0.0
    shift = next((v for row in rows for v in row if v - v == 0), 0.0)
    for row in rows:
        good = [v - shift for v in row if v - v == 0]
        count += len(good)
        total += sum(good)
        squares += sum(v * v for v in good)
    if not count:
        return 0.0, 0.0
    mean = total / count
    spread = math.sqrt(max(0.0, squares / count - mean * mean))
    return shift + mean - deviations * spread, shift + mean + deviations * spread


def to_bytes(
    rows: Sequence[Sequence[float]], low: float = LOW, high: float = HIGH
) -> bytes:
    """Rows as grey values 0 to 255 between two percentiles; no number is black."""
    return between(rows, *limits(rows, low, high))


def between(rows: Sequence[Sequence[float]], black: float, white: float) -> bytes:
    """Rows as grey values 0 to 255 between two values; no number is black."""
    if not white > black:
        return b"\x80" * sum(len(row) for row in rows)
    scale = 255.0 / (white - black)
    pieces = []
    for row in rows:
        shown = [(v - black) * scale + 0.5 for v in row]
        pieces.append(
            bytes([0 if not v > 0 else 255 if v >= 255 else int(v) for v in shown])
        )
    return b"".join(pieces)


def coarser(pixels: bytes, greys: int) -> bytes:
    """The nearest of so many greys for each: noise packs better with fewer."""
    if not 1 < greys < 256:
        return pixels
    steps = greys - 1
    table = bytes((v * steps + 127) // 255 * 255 // steps for v in range(256))
    return pixels.translate(table)
