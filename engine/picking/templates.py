"""How well references fit at each place of a micrograph: RELION's figure of merit.

At a place x, with cc the correlation per pixel of the mask, mu and sigma the mean and
standard deviation of the background in the ring, a1 and a2 mean and mean square of the
reference (times the CTF) over the mask:

    d = (2 mu a1 - 2 cc) / sigma + a2,      FOM = (exp(-d / 2) - 1) / (E - 1)

E = exp(a2 / 2) is what a perfect copy would give. RELION adds a random number to the
exponent of E; here it is its expectation, 0, unless compatibility is asked for. Maps
have this figure of merit; picks one that `on_one_scale` makes of it.
Of all this only cc depends on the angle, so the best angle is that of the largest cc.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.arrays import (
    Array,
    array_namespace,
    astype,
    copy_where,
    is_on_device,
    write_into,
)
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import irfft2
from engine.picking.references import References
from engine.picking.rotations import (
    RotatedReferences,
    box_transform,
    phase_factors,
)

#: Bytes of correlation maps that are made together: what a cache holds, and on a
#: device what keeps it busy.
_BATCH_BYTES, _DEVICE_BATCH_BYTES = 12 * 2**20, 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseMaps:
    """The background around each place.

    Attributes
    ----------
    mean, spread : array, shape (W, W), float32
        In standard deviations of the micrograph; `spread` is 1 where there is none.
    """

    mean: Array
    spread: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMap:
    """The best fit of one reference over all angles.

    Attributes
    ----------
    fom : array, shape (W, W), float32
    psi : array, shape (W, W), float32, degrees
    expected : float
        E of this reference and micrograph.
    """

    fom: Array
    psi: Array
    expected: float


def ring_transform(references: References, full_px: int, work_px: int) -> Array:
    """Transform of the ring's indicator in N x N, not scaled, shape (W, W // 2 + 1)."""
    xp = array_namespace(references.images)
    rows, columns = row_frequencies(work_px, xp), column_frequencies(work_px, xp)
    ring = astype(references.ring, xp.float64)
    transform = box_transform(ring, rows, columns, full_px)
    return astype(transform, xp.complex64) / float(xp.sum(ring))


def noise_maps(
    transform: Array, squared_transform: Array, ring: Array, work_px: int
) -> NoiseMaps:
    """Mean and spread of the background, by correlation with the ring.

    Parameters
    ----------
    transform, squared_transform : array, shape (W, W // 2 + 1)
        Of the micrograph and of its square, divided by N * N.
    ring : array, shape (W, W // 2 + 1)
        From `ring_transform`.
    work_px : int
        W.
    """
    xp = array_namespace(transform)
    shape = (work_px, work_px)
    both = xp.stack([transform, squared_transform]) * xp.conj(ring)
    maps = irfft2(both, shape, overwrite=True)
    mean, square = maps[0, :, :], maps[1, :, :]
    variance = square - mean * mean
    spread = xp.sqrt(xp.where(variance > 1e-10, variance, xp.ones_like(variance)))
    return NoiseMaps(mean=mean, spread=spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceMoments:
    """Mean a1, mean square a2 of a reference over its mask, and E."""

    mean: float
    square: float
    expected: float


def reference_moments(
    transform: Array,
    references: References,
    full_px: int,
    *,
    deviates: Callable[[int], Array] | None = None,
) -> ReferenceMoments:
    """Moments of a reference as the micrograph shows it.

    Parameters
    ----------
    transform : array, shape (grid, grid // 2 + 1)
        Of the reference at 0 degrees, times the CTF.
    references : References
    full_px : int
        N.
    deviates : callable, optional
        Gaussian deviates for RELION's random term, arrays of the same library.
    """
    xp = array_namespace(transform)
    grid = transform.shape[0]
    box = references.box_px
    axis = xp.arange(box) - box // 2
    rows = xp.conj(phase_factors(row_frequencies(grid, xp), axis, full_px)).T
    columns = xp.conj(phase_factors(column_frequencies(grid, xp), axis, full_px))
    columns[1:, :] *= 2  # what is not stored is the conjugate
    half = (astype(rows, xp.complex64) @ transform) @ astype(columns, xp.complex64)
    values = astype(xp.real(half)[references.mask], xp.float64)
    count = values.shape[0] + 1  # RELION's counter begins at 1
    total, squares = float(xp.sum(values)), float(xp.sum(values**2))
    random = 0.0
    if deviates is not None:
        drawn = astype(deviates(values.shape[0]), xp.float64)
        random = float(xp.sum(2 * values * drawn))
    return ReferenceMoments(
        mean=total / count,
        square=squares / count,
        expected=math.exp((squares + random) / (2 * count)),
    )


def best_correlation(
    micrograph: Array, rotated: RotatedReferences, reference: int, work_px: int
) -> tuple[Array, Array]:
    """The largest correlation over angles at each place, and which angle it was.

    Parameters
    ----------
    micrograph : array, shape (grid, grid // 2 + 1)
        Transform of the micrograph times the CTF, on the references' grid.
    rotated : RotatedReferences
    reference : int
    work_px : int
        W.

    Returns
    -------
    correlation : array, shape (W, W), float32
        Sum over r of T(r - x) m(r), divided by N * N.
    angle_index : array of int16, shape (W, W)
    """
    if not rotated.has_opposites:
        return _best_of_all(micrograph, rotated, reference, work_px)
    xp = array_namespace(micrograph)
    best, index = _nothing_yet(micrograph, work_px)
    half = rotated.angles_deg.shape[0] // 2
    room = _DEVICE_BATCH_BYTES if is_on_device(micrograph) else _BATCH_BYTES
    batch = max(1, room // (8 * work_px**2))
    turned = 1j * micrograph
    for first in range(0, half, batch):
        count = min(batch, half - first)
        products = xp.empty((2 * count, *micrograph.shape), dtype=xp.complex64)
        for slot in range(count):
            # turned by 180 degrees a transform T is its own conjugate: with the maps
            # U of Re T and V of i Im T, the two angles have U - V and U + V
            template = rotated.transform(reference, first + slot)
            even, odd = products[2 * slot, ...], products[2 * slot + 1, ...]
            write_into(even, xp.multiply, micrograph, xp.real(template))
            write_into(odd, xp.multiply, turned, xp.imag(template))
        maps = _maps(products, work_px)
        for slot in range(count):
            even, odd = maps[2 * slot, ...], maps[2 * slot + 1, ...]
            which = astype(odd > 0, xp.int16)
            which *= half
            which += first + slot
            write_into(odd, xp.abs, odd)
            even += odd
            _keep_better(best, index, even, which)
    return best, index


def _best_of_all(
    micrograph: Array, rotated: RotatedReferences, reference: int, work_px: int
) -> tuple[Array, Array]:
    """`best_correlation` for any angles, one transform each."""
    xp = array_namespace(micrograph)
    best, index = _nothing_yet(micrograph, work_px)
    for angle in range(rotated.angles_deg.shape[0]):
        product = xp.conj(rotated.transform(reference, angle)) * micrograph
        correlation = _maps(product[None, ...], work_px)[0, ...]
        _keep_better(best, index, correlation, xp.full_like(index, angle))
    return best, index


def _nothing_yet(like: Array, work_px: int) -> tuple[Array, Array]:
    """Maps of the best correlation so far and of its angle."""
    xp = array_namespace(like)
    shape = (work_px, work_px)
    best = xp.full(shape, -math.inf, dtype=xp.float32)
    return best, xp.zeros(shape, dtype=xp.int16)


def _keep_better(best: Array, index: Array, values: Array, which: Array) -> None:
    """Take over what is larger, and which angle it is of."""
    xp = array_namespace(best)
    copy_where(index, which, values > best)
    write_into(best, xp.maximum, best, values)


def _maps(products: Array, work_px: int) -> Array:
    """Images of transforms, at the working size."""
    grid = products.shape[-2]
    if grid != work_px:
        products = resize_transform(products, (grid, grid), (work_px, work_px))
    return irfft2(products, (work_px, work_px), overwrite=True)


def figure_of_merit(
    correlation: Array,
    noise: NoiseMaps,
    moments: ReferenceMoments,
) -> Array:
    """RELION's figure of merit, float32.

    Parameters
    ----------
    correlation : array, shape (W, W)
        Per pixel of the mask.
    noise : NoiseMaps
    moments : ReferenceMoments
    """
    xp = array_namespace(correlation)
    offset = moments.mean * noise.mean - correlation
    exponent = -offset / noise.spread - 0.5 * moments.square
    return xp.expm1(exponent) / (moments.expected - 1)


def on_one_scale(templates: Sequence[TemplateMap]) -> list[TemplateMap]:
    """Figures of merit that can be compared between references.

    RELION's depends on the references' grey scales: of several fits the reference of
    the least power a2 wins, not the most similar one. Here every reference is given
    the same power, the harmonic mean P of all: with

        rho = (-d / 2 + a2 / 2) / sqrt(a2)

    the correlation of the micrograph with the reference in units of the background, a
    reference of the same shape and the power P has -d / 2 = rho sqrt(P) - P / 2 and so
    (exp(rho sqrt(P) - P / 2) - 1) / (exp(P / 2) - 1). A perfect copy of that one has 1.
    With one reference nothing changes.

    Parameters
    ----------
    templates : sequence of TemplateMap
        All of one micrograph.
    """
    # as precise as files hold E, so that maps read back give the same picks
    expected = [_single(one.expected, one.fom) for one in templates]
    if len(expected) < 2 or min(expected) <= 1:
        return list(templates)
    powers = [2 * math.log(value) for value in expected]
    power = len(powers) / math.fsum(1 / value for value in powers)
    return [
        replace(
            one,
            fom=_with_power(one.fom, value - 1, own, power),
            expected=math.exp(power / 2),
        )
        for one, value, own in zip(templates, expected, powers, strict=True)
    ]


def _with_power(fom: Array, scale: float, own: float, power: float) -> Array:
    """Figures of merit of a reference, had it another power; `scale` is E - 1."""
    xp = array_namespace(fom)
    least = -1 + 1e-6  # what rounding may go beyond
    exponent = xp.log1p(xp.maximum(fom * scale, xp.full_like(fom, least)))
    exponent = (exponent + own / 2) * math.sqrt(power / own) - power / 2
    return xp.expm1(exponent) / math.expm1(power / 2)


def _single(value: float, like: Array) -> float:
    xp = array_namespace(like)
    return float(xp.asarray(value, dtype=xp.float32))


def template_map(
    micrograph: Array,
    rotated: RotatedReferences,
    reference: int,
    references: References,
    noise: NoiseMaps,
    moments: ReferenceMoments,
    full_px: int,
) -> TemplateMap:
    """The figure of merit of one reference over all angles; see the module.

    Parameters
    ----------
    micrograph : array, shape (grid, grid // 2 + 1)
        Transform of the micrograph times the CTF, on the references' grid.
    rotated : RotatedReferences
    reference : int
    references : References
    noise : NoiseMaps
    moments : ReferenceMoments
        Of this reference.
    full_px : int
        N.
    """
    xp = array_namespace(micrograph)
    work_px = noise.mean.shape[0]
    best, index = best_correlation(micrograph, rotated, reference, work_px)
    best *= full_px**2 / references.mask_count
    angles = astype(rotated.angles_deg, xp.float32)
    psi = xp.take(angles, xp.reshape(index, (-1,)), axis=0)
    return TemplateMap(
        fom=figure_of_merit(best, noise, moments),
        psi=xp.reshape(psi, index.shape),
        expected=moments.expected,
    )
