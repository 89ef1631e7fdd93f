"""The lowest frequencies of real rows, without computing the others.

FFT libraries are slow at lengths with a large prime factor, and micrographs have them
(3838 = 2 x 19 x 101). For few frequencies of such a length two matrix products are
faster: with n = Q a + b, a < P, b < Q and N = P Q,

    X[k] = sum_b w_N^(k b) S[k mod P, b],     S[m, b] = sum_a w_P^(m a) x[Q a + b]

the first step of Cooley & Tukey 1965 (Math. Comput. 19, 297) for all rows at once, with
S[P - m] = conj S[m] because x is real. The plain form is `rfft`, cut.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array, array_namespace, is_on_device
from engine.fourier.transforms import rfft

#: FFTs are fast up to this prime factor.
_FAST_FACTOR = 13
#: Multiply-adds per pixel beyond which a slow FFT is still the better way.
_WORTH_IT = 90


def low_frequencies(rows: Array, count: int, *, workers: int = 1) -> Array:
    """The first coefficients of each row's half-transform, divided by the length.

    Parameters
    ----------
    rows : array, shape (rows, N), float32
    count : int
        How many coefficients, from frequency 0; at most N // 2 + 1.
    workers : int
        Threads of the FFT; matrix products use the library's own.

    Returns
    -------
    array, shape (rows, count), complex64
    """
    length = rows.shape[-1]
    factor = 0 if is_on_device(rows) else _best_factor(length, count)
    if factor == 0:  # cuFFT is not slow at such lengths
        return rfft(rows, workers=workers)[..., :count]
    return by_products(rows, count, factor)


@functools.cache
def _best_factor(length: int, count: int) -> int:
    """The P of the cheapest way by matrix products; 0 if an FFT is better."""
    if largest_prime_factor(length) <= _FAST_FACTOR:
        return 0
    costs = {p: _cost(length, count, p) for p in range(2, length) if length % p == 0}
    best = min(costs, key=lambda p: costs[p], default=0)
    return best if best and costs[best] <= _WORTH_IT else 0


def _cost(length: int, count: int, factor: int) -> float:
    """Multiply-adds per pixel."""
    per_residue = -(-2 * count // factor)
    half = factor // 2 + 1
    return 2 * half + half * 2 * (length // factor) * 2 * per_residue / length


def largest_prime_factor(number: int) -> int:
    """The largest prime that divides a number; large ones make an FFT slow."""
    largest, divisor = 1, 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            largest, number = divisor, number // divisor
        divisor += 1
    return max(largest, number) if number > 1 else largest


@dataclass(frozen=True, slots=True)
class _Plan:
    first: Array  # (2 * half, P): cosines, then sines of the first step
    real: Array  # (half, Q, 2 * most): what Re S adds to (Re X, Im X)
    imaginary: Array  # (half, Q, 2 * most): what Im S adds
    order: Array  # position of each frequency among (half * most) columns


@functools.lru_cache(maxsize=4)
def _plan(length: int, count: int, factor: int) -> _Plan:
    p, q = factor, length // factor
    half = p // 2 + 1
    m, a = np.arange(half)[:, None], np.arange(p)[None, :]
    angle = -2 * np.pi * ((m * a) % p) / p
    first = np.concatenate([np.cos(angle), np.sin(angle)])
    k = np.arange(count)
    residue = k % p
    is_mirrored = residue > p // 2
    source = np.where(is_mirrored, p - residue, residue)
    most = int(np.bincount(source, minlength=half).max())
    real = np.zeros((half, q, most, 2))
    imaginary = np.zeros((half, q, most, 2))
    used = np.zeros(half, dtype=np.int64)
    order = np.empty(count, dtype=np.int64)
    b = np.arange(q)
    for frequency in range(count):
        row, sign = source[frequency], -1.0 if is_mirrored[frequency] else 1.0
        twiddle = np.exp(-2j * np.pi * ((frequency * b) % length) / length) / length
        slot = used[row]
        used[row] += 1
        order[frequency] = row * most + slot
        real[row, :, slot] = np.stack([twiddle.real, twiddle.imag], axis=1)
        imaginary[row, :, slot] = sign * np.stack([-twiddle.imag, twiddle.real], axis=1)
    shape = (half, q, 2 * most)
    return _Plan(
        first.astype(np.float32),
        real.reshape(shape).astype(np.float32),
        imaginary.reshape(shape).astype(np.float32),
        order,
    )


def by_products(rows: Array, count: int, factor: int) -> Array:
    """`low_frequencies` by two matrix products; `factor` is P and divides N."""
    xp = array_namespace(rows)
    height, length = rows.shape
    plan = _plan(length, count, factor)
    q = length // factor
    half = plan.first.shape[0] // 2
    columns = rows.reshape(height, factor, q).transpose(1, 0, 2)
    flat = xp.ascontiguousarray(columns).reshape(factor, height * q)
    parts = xp.asarray(plan.first) @ flat
    real = parts[:half].reshape(half, height, q)
    imaginary = parts[half:].reshape(half, height, q)
    sums = xp.matmul(real, xp.asarray(plan.real))
    sums += xp.matmul(imaginary, xp.asarray(plan.imaginary))
    complex_sums = sums.view(xp.complex64)  # (half, height, most)
    by_row = complex_sums.transpose(1, 0, 2).reshape(height, -1)
    return by_row[:, xp.asarray(plan.order)]
