"""Blobs of a given diameter by Laplacian of Gaussian at several scales.

For a diameter d the filter at spatial frequency q is (2dq)^2 exp(-(2dq)^2 / 2): a
scale-normalized Laplacian of a Gaussian with sigma = d / pi, positive for bright blobs.
Source: Lindeberg 1998, Int. J. Comput. Vis. 30, 79; thresholds as RELION 3.1.3's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array, array_namespace
from engine.fourier.grids import squared_frequencies
from engine.fourier.transforms import irfft2
from engine.picking.peaks import Peaks, find_blobs
from engine.picking.working_size import WorkingSize, round_half_away


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobMap:
    """The strongest response over diameters at each map pixel.

    Attributes
    ----------
    response : array, shape (W, W), float32
        In standard deviations of the micrograph.
    diameter : array, shape (W, W), float32, Å
        The diameter that gave it.
    """

    response: Array
    diameter: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobThresholds:
    """Thresholds on a `BlobMap` and the statistics they come from."""

    mean: float
    spread: float
    lower: np.float32
    upper: np.float32


def search_diameters(
    diameter_min: float, diameter_max: float, max_search: float = 5.0
) -> list[float]:
    """Diameters to look at: those asked for, and smaller and larger ones beside them.

    Those outside the range are there to be turned down: what fits a larger or smaller
    blob better is not a particle.

    Parameters
    ----------
    diameter_min, diameter_max : float, Å
    max_search : float
        How many times smaller and larger to look.

    Returns
    -------
    list of float, Å
        In RELION's order, which decides ties.
    """
    factors = range(int(max_search), 1, -1)
    smaller = [float(round_half_away(diameter_min / f)) for f in factors]
    larger = [float(round_half_away(diameter_max * f)) for f in reversed(factors)]
    middle = 0.5 * (diameter_min + diameter_max)
    return [*smaller, diameter_min, middle, diameter_max, *larger]


def blob_responses(
    transform: Array,
    size: WorkingSize,
    pixel_size: float,
    diameters: Sequence[float],
    *,
    workers: int = 1,
) -> Array:
    """Responses to blobs of each diameter.

    Parameters
    ----------
    transform : array, shape (W, W // 2 + 1)
        Of the normalized micrograph, particles bright.
    size : WorkingSize
    pixel_size : float, Å per pixel of the file
    diameters : sequence of float, Å
    workers : int
        Threads.

    Returns
    -------
    array, shape (diameters, W, W), float32
    """
    xp = array_namespace(transform)
    work = size.work_px
    squared = squared_frequencies((work, work), xp).astype(xp.float32)
    filtered = xp.empty((len(diameters), *transform.shape), dtype=transform.dtype)
    for index, diameter in enumerate(diameters):
        unit = xp.float32((2 * diameter / (size.full_px * pixel_size)) ** 2)
        argument = squared * unit
        filtered[index] = transform * (argument * xp.exp(-0.5 * argument))
    return irfft2(filtered, (work, work), workers=workers, overwrite=True)


def strongest_response(responses: Array, diameters: Sequence[float]) -> BlobMap:
    """The strongest response at each pixel; the first diameter wins on ties.

    Parameters
    ----------
    responses : array, shape (diameters, W, W)
    diameters : sequence of float, Å
    """
    xp = array_namespace(responses)
    best = xp.argmax(responses, axis=0)
    table = xp.asarray(list(diameters), dtype=xp.float32)
    return BlobMap(response=xp.max(responses, axis=0), diameter=table[best])


def clear_margin(blobs: BlobMap, size: WorkingSize, margin_px: int) -> BlobMap:
    """The map with 0 outside the micrograph less a margin.

    Parameters
    ----------
    blobs : BlobMap
    size : WorkingSize
    margin_px : int, pixels of the file
    """
    margin = int(np.float32(margin_px) * size.scale)
    if margin <= 0:
        return blobs
    xp = array_namespace(blobs.response)
    (top, left), (rows, columns) = size.first, size.inner_shape
    kept = xp.zeros_like(blobs.response)
    inside = (
        slice(top + margin, top + rows - margin),
        slice(left + margin, left + columns - margin),
    )
    kept[inside] = blobs.response[inside]
    return BlobMap(response=kept, diameter=blobs.diameter)


def select_diameters(
    blobs: BlobMap, diameter_min: float, diameter_max: float
) -> BlobMap:
    """The map with 0 where the best diameter is outside the range asked for.

    Parameters
    ----------
    blobs : BlobMap
    diameter_min, diameter_max : float, Å
    """
    xp = array_namespace(blobs.response)
    is_ok = _is_right_size(blobs, diameter_min, diameter_max)
    response = xp.where(is_ok, blobs.response, xp.float32(0))
    return BlobMap(response=response, diameter=blobs.diameter)


def _is_right_size(blobs: BlobMap, diameter_min: float, diameter_max: float) -> Array:
    xp = array_namespace(blobs.diameter)
    low, high = xp.float32(diameter_min), xp.float32(diameter_max)
    return (blobs.diameter >= low) & (blobs.diameter <= high)


def blob_thresholds(
    blobs: BlobMap,
    diameter_min: float,
    diameter_max: float,
    *,
    adjust: float,
    upper: float,
) -> BlobThresholds:
    """Thresholds at the mean of pixels of the right size plus so many deviations.

    The zeros of the margin count, as in RELION: the adjustments that people are used to
    depend on it.

    Parameters
    ----------
    blobs : BlobMap
        With its margin cleared.
    diameter_min, diameter_max : float, Å
    adjust, upper : float, standard deviations
    """
    values = blobs.response[_is_right_size(blobs, diameter_min, diameter_max)]
    if values.size == 0:
        zero = np.float32(0)
        return BlobThresholds(mean=0.0, spread=0.0, lower=zero, upper=zero)
    values = values.astype(np.float64)
    mean, spread = float(values.mean()), float(values.std())
    return BlobThresholds(
        mean=mean,
        spread=spread,
        lower=np.float32(mean + adjust * spread),
        upper=np.float32(mean + upper * spread),
    )


def apply_threshold(blobs: BlobMap, threshold: float | np.float32) -> BlobMap:
    """The map with 0 below a threshold."""
    xp = array_namespace(blobs.response)
    keep = blobs.response >= xp.float32(threshold)
    response = xp.where(keep, blobs.response, xp.float32(0))
    return BlobMap(response=response, diameter=blobs.diameter)


def find_blob_peaks(
    blobs: BlobMap,
    size: WorkingSize,
    pixel_size: float,
    diameter_min: float,
    *,
    upper: float | np.float32 = np.inf,
    neighbour_percent: float = 100.0,
) -> Peaks:
    """Peaks of a thresholded map; each clears half of (its diameter + the smallest).

    Parameters
    ----------
    blobs : BlobMap
    size : WorkingSize
    pixel_size : float, Å per pixel of the file
    diameter_min : float, Å
    upper : float
        Peaks at or above are dropped, with their neighborhood.
    neighbour_percent : float
        Of the radius to clear.
    """
    xp = array_namespace(blobs.diameter)
    factor = float(size.scale) * neighbour_percent / 100 / (2 * pixel_size)
    diameters = blobs.diameter.astype(xp.float64)
    radii = xp.floor((diameters + diameter_min) * factor + 0.5).astype(xp.int64)
    return find_blobs(blobs.response, radii, upper=upper)
