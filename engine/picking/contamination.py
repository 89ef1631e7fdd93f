"""Where not to pick: carbon, ice crystals and other thick matter, as a mask.

Thick matter scatters electrons away, so it is darker than clean ice. Particles are dark
too, and ice may grow thicker gradually; two things tell contamination from them:

- a region larger than a particle whose *background* (the bright side of what is around
  a place, which particles do not touch) is dark and which ends in a rim;
- a spot as large as a particle but much darker than that micrograph's particles.

All is done on the micrograph averaged to pixels of a sixth of a particle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from engine.arrays import Array
from engine.coordinates import Coordinates

Mask = NDArray[np.uint8]

#: Map pixels on a particle's diameter.
_ACROSS = 6
#: Share of what is around a place that is darker than its background.
_RANK = 0.8
#: Radius of what is around a place, diameters.
_AROUND = 0.6
#: A rim is this many times as steep as the background is usually, on average,
_STEEP = 6.0
#: and at most a share of it is less steep than so many times.
_GENTLE, _GENTLE_SHARE = 2.5, 0.2
#: Levels at which regions are looked for.
_LEVELS = 16
#: A spot is this many times as deep as a distinct particle.
_DEEP = 2.0
#: Share of the peaks of depth that are shallower than a distinct particle.
_DISTINCT = 0.75
#: What picks keep from the regions of dark background and from spots, diameters. The
#: former begin a third of a diameter inside the matter, by the rank.
_REGION_MARGIN, _SPOT_MARGIN = 0.5, 0.25
#: Smallest map, pixels of its edge.
_LEAST_EDGE = 3 * _ACROSS

_SPOT, _REGION = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ContaminationMask:
    """Contaminated places of one micrograph.

    Attributes
    ----------
    mask : array of uint8, shape (rows, columns)
        0 clean, 1 a spot such as a small ice crystal, 2 a region such as carbon.
    block_px : int, pixels of the file
        Edge of the square that a map pixel stands for.
    """

    mask: Mask
    block_px: int

    @property
    def share(self) -> float:
        """Of the micrograph's area."""
        return float(np.count_nonzero(self.mask)) / self.mask.size

    def holds(self, x: Array, y: Array) -> NDArray[np.bool_]:
        """Which places, in pixels of the file, are contaminated.

        Parameters
        ----------
        x, y : arrays, shape (n,), pixels of the file

        Returns
        -------
        array of bool, shape (n,)
        """
        rows, columns = self.mask.shape
        column = np.floor((np.asarray(x) + 0.5) / self.block_px).astype(np.int64)
        row = np.floor((np.asarray(y) + 0.5) / self.block_px).astype(np.int64)
        at = self.mask[row.clip(0, rows - 1), column.clip(0, columns - 1)]
        return np.asarray(at != 0)


def leave_out(
    found: Coordinates, contamination: ContaminationMask
) -> tuple[Coordinates, int]:
    """The picks on clean ice, and how many were not.

    Parameters
    ----------
    found : Coordinates
        As pickers return them, without further columns.
    contamination : ContaminationMask
    """
    is_clean = ~contamination.holds(found.x, found.y)
    if is_clean.all():
        return found, 0

    def clean(values: Array) -> Array:
        return values[is_clean] if len(values) else values

    kept = replace(
        found,
        x=found.x[is_clean],
        y=found.y[is_clean],
        fom=clean(found.fom),
        class_number=clean(found.class_number),
        psi=clean(found.psi),
    )
    return kept, len(found) - len(kept)


def find_contamination(
    image: Array, pixel_size: float, diameter: float, *, is_white: bool = False
) -> ContaminationMask:
    """The mask of one micrograph.

    Parameters
    ----------
    image : array, shape (y, x)
    pixel_size : float, Å per pixel
    diameter : float, Å
        Of the particles.
    is_white : bool
        Particles, and so all thick matter, are bright.
    """
    block = max(1, round(diameter / (_ACROSS * pixel_size)))
    across = diameter / (block * pixel_size)
    small = average_blocks(image, block)
    small = -small if is_white else small
    if min(small.shape) < _LEAST_EDGE:
        return ContaminationMask(
            mask=np.zeros(small.shape, dtype=np.uint8), block_px=block
        )
    small = ndimage.gaussian_filter(small, 0.1 * across, mode="nearest")
    background = ndimage.percentile_filter(
        small, 100 * _RANK, footprint=disc(_AROUND * across), mode="nearest"
    )
    mask = np.zeros(small.shape, dtype=np.uint8)
    spots = _dark_spots(background - small, across)
    mask[_grown(spots, _SPOT_MARGIN * across)] = _SPOT
    regions = _dark_regions(background, across)
    mask[_grown(regions, _REGION_MARGIN * across)] = _REGION
    return ContaminationMask(mask=mask, block_px=block)


def average_blocks(image: Array, block: int) -> NDArray[np.float32]:
    """Means of squares of pixels; the last row and column may have smaller ones.

    The image's median is taken off: a large mean would cost float32 its last digits.
    """
    offset = float(np.median(image[:: max(1, block), :: max(1, block)]))
    first_rows = np.arange(0, image.shape[0], block)
    first_columns = np.arange(0, image.shape[1], block)
    widths = np.diff(np.append(first_columns, image.shape[1]))
    out = np.empty((len(first_rows), len(first_columns)), dtype=np.float32)
    for index, first in enumerate(first_rows):
        strip = image[first : first + block]
        sums = strip.sum(axis=0, dtype=np.float64) - offset * len(strip)
        out[index] = np.add.reduceat(sums, first_columns) / (widths * len(strip))
    return out


def disc(radius: float) -> NDArray[np.bool_]:
    """A disc in a square of odd edge."""
    reach = int(radius)
    y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(y * y + x * x <= radius * radius)


def _dark_regions(background: Array, across: float) -> NDArray[np.bool_]:
    """Regions of dark background that end in a rim, whatever the level."""
    slope = ndimage.gaussian_gradient_magnitude(
        background.astype(np.float32), 0.25 * across, mode="nearest"
    )
    usual = float(np.median(slope))
    steep, least = _STEEP * usual, _GENTLE * usual
    found = np.zeros(background.shape, dtype=bool)
    bright, dark = np.percentile(background, 75), float(background.min())
    if dark >= bright or steep <= 0:
        return found
    cross = ndimage.generate_binary_structure(2, 1)
    for level in np.linspace(bright, dark, _LEVELS + 1)[1:-1]:
        is_dark = background < level
        # the frame of the micrograph is not a rim
        rim = is_dark & ~ndimage.binary_erosion(is_dark, cross, border_value=1)
        labels, count = ndimage.label(is_dark)
        if not count:
            continue
        lengths = np.bincount(labels[rim], minlength=count + 1)
        slopes = np.bincount(labels[rim], slope[rim], minlength=count + 1)
        gentle = np.bincount(labels[rim & (slope < least)], minlength=count + 1)
        is_steep = (slopes > steep * lengths) & (gentle <= _GENTLE_SHARE * lengths)
        is_steep[0] = False
        found |= is_steep[labels]
    return found


def _dark_spots(depth: Array, across: float) -> NDArray[np.bool_]:
    """Spots much deeper than distinct particles, down to half their depth."""
    smooth = ndimage.gaussian_filter(depth, 0.12 * across, mode="nearest")
    edge = 2 * int(0.4 * across) + 1
    is_peak = smooth == ndimage.maximum_filter(smooth, edge, mode="nearest")
    peaks = smooth[is_peak & (smooth > 0)]
    if len(peaks) < 8:
        return np.zeros(depth.shape, dtype=bool)
    limit = _DEEP * float(np.quantile(peaks, _DISTINCT))
    labels, _ = ndimage.label(smooth > 0.5 * limit)
    deep = np.unique(labels[smooth > limit])
    return np.asarray(np.isin(labels, deep[deep > 0]))


def _grown(mask: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """A mask and all within a radius of it."""
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask) <= radius)
