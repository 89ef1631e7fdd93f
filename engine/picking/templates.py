"""How well references fit at each place of a micrograph: RELION's figure of merit.

At a place x, with cc the correlation per pixel of the mask, mu and sigma the mean and
standard deviation of the background in the ring, a1 and a2 mean and mean square of the
reference (times the CTF) over the mask:

    d = (2 mu a1 - 2 cc) / sigma + a2,      FOM = (exp(-d / 2) - 1) / (E - 1)

E = exp(a2 / 2) is what a perfect copy would give. RELION adds a random number to the
exponent of E; here it is its expectation, 0, unless compatibility is asked for.
Of all this only cc depends on the angle, so the best angle is that of the largest cc.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.fourier.grids import column_frequencies, row_frequencies
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import irfft2
from engine.picking.references import References
from engine.picking.rotations import (
    RotatedReferences,
    box_transform,
    phase_factors,
)

#: Bytes of correlation maps that are made together.
_BATCH_BYTES = 12 * 2**20


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
    rows, columns = row_frequencies(work_px), column_frequencies(work_px)
    ring = references.ring.astype(np.float64)
    transform = box_transform(ring, rows, columns, full_px)
    return transform.astype(np.complex64) / np.float32(references.ring.sum())


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
    shape = (work_px, work_px)
    both = np.stack([transform, squared_transform]) * ring.conj()
    mean, square = irfft2(both, shape, overwrite=True)
    variance = square - mean * mean
    is_some = variance > 1e-10
    spread = np.sqrt(np.where(is_some, variance, np.float32(1)))
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
        Gaussian deviates for RELION's random term.
    """
    grid = transform.shape[0]
    box = references.box_px
    axis = np.arange(box) - box // 2
    rows = phase_factors(row_frequencies(grid), axis, full_px).conj().T
    kx = column_frequencies(grid)
    columns = phase_factors(kx, axis, full_px).conj()
    columns *= np.where(kx == 0, 1.0, 2.0)[:, None]
    half = (rows.astype(np.complex64) @ transform) @ columns.astype(np.complex64)
    values = half.real[references.mask].astype(np.float64)
    count = references.mask.sum() + 1  # RELION's counter begins at 1
    total, squares = values.sum(), (values**2).sum()
    random = 0.0
    if deviates is not None:
        random = float((2 * values * deviates(len(values))).sum())
    exponent = (squares + random) / (2 * count)
    return ReferenceMoments(
        mean=float(total / count),
        square=float(squares / count),
        expected=float(np.exp(exponent)),
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
    count = len(rotated.angles_deg)
    if not rotated.has_opposites:
        return _best_of_all(micrograph, rotated, reference, work_px)
    best = np.full((work_px, work_px), -np.inf, dtype=np.float32)
    index = np.zeros((work_px, work_px), dtype=np.int16)
    half = count // 2
    batch = max(1, _BATCH_BYTES // (8 * work_px**2))
    for first in range(0, half, batch):
        angles = range(first, min(first + batch, half))
        products = np.empty((2 * len(angles), *micrograph.shape), dtype=np.complex64)
        for slot, angle in enumerate(angles):
            # turned by 180 degrees a transform T is its own conjugate: with the maps
            # U of Re T and V of i Im T, the two angles have U - V and U + V
            template = rotated.transform(reference, angle)
            np.multiply(micrograph, template.real, out=products[2 * slot])
            np.multiply(1j * micrograph, template.imag, out=products[2 * slot + 1])
        maps = _maps(products, work_px)
        for slot, angle in enumerate(angles):
            even, odd = maps[2 * slot], maps[2 * slot + 1]
            is_opposite = odd > 0
            np.abs(odd, out=odd)
            even += odd
            is_better = even > best
            np.maximum(best, even, out=best)
            which = np.int16(angle) + np.int16(half) * is_opposite
            np.copyto(index, which, where=is_better)
    return best, index


def _best_of_all(
    micrograph: Array, rotated: RotatedReferences, reference: int, work_px: int
) -> tuple[Array, Array]:
    """`best_correlation` for any angles, one transform each."""
    best = np.full((work_px, work_px), -np.inf, dtype=np.float32)
    index = np.zeros((work_px, work_px), dtype=np.int16)
    for angle in range(len(rotated.angles_deg)):
        product = rotated.transform(reference, angle).conj() * micrograph
        correlation = _maps(product[None], work_px)[0]
        is_better = correlation > best
        np.copyto(best, correlation, where=is_better)
        np.copyto(index, np.int16(angle), where=is_better)
    return best, index


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
    offset = np.float32(moments.mean) * noise.mean - correlation
    exponent = -offset / noise.spread - np.float32(0.5 * moments.square)
    return np.expm1(exponent) / np.float32(moments.expected - 1)


def template_map(
    micrograph: Array,
    rotated: RotatedReferences,
    reference: int,
    references: References,
    noise: NoiseMaps,
    moments: ReferenceMoments,
    full_px: int,
) -> TemplateMap:
    """The figure of merit of one reference over all angles; see the module."""
    work_px = noise.mean.shape[0]
    best, index = best_correlation(micrograph, rotated, reference, work_px)
    best *= np.float32(full_px**2 / references.mask.sum())
    return TemplateMap(
        fom=figure_of_merit(best, noise, moments),
        psi=rotated.angles_deg.astype(np.float32)[index],
        expected=moments.expected,
    )
