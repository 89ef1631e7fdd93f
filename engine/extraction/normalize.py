"""Particles with a background of mean 0 and standard deviation 1."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from engine.arrays import Array, array_namespace, write_into

#: Flatter backgrounds than this are left as they are.
_FLAT = 1e-10


class Background:
    """The background of square boxes: the pixels outside a circle.

    Parameters
    ----------
    box_px : int, pixels
    radius_px : float, pixels
        Pixels with i² + j² > radius², counted from the center pixel, are background.
    """

    def __init__(self, box_px: int, radius_px: float) -> None:
        offset = np.arange(box_px, dtype=np.float64) - box_px // 2
        square = offset[:, None] ** 2 + offset[None, :] ** 2
        self.box_px = box_px
        self.mask = (square > radius_px**2).ravel()
        self.count = int(self.mask.sum())
        j, i = np.meshgrid(offset, offset)
        #: (x, y, 1) of every pixel, shape (pixels, 3)
        self.design = np.stack([j.ravel(), i.ravel(), np.ones(j.size)], axis=1)

    @property
    def projector(self) -> Array:
        """Takes pixels to the least-squares plane's (a, b, c), shape (pixels, 3)."""
        masked = self.design * self.mask[:, None]
        normal: Array = masked.T @ self.design
        solved: Array = np.linalg.solve(normal, masked.T).T
        return solved


@lru_cache(maxsize=8)
def background(box_px: int, radius_px: float) -> Background:
    """The background of boxes of a size; made once for all particles."""
    return Background(box_px, radius_px)


@lru_cache(maxsize=8)
def _tables(box_px: int, radius_px: float) -> tuple[Array, Array, Array]:
    """Mask, projector and design in single precision, on the host."""
    area = background(box_px, radius_px)
    single = np.float32
    return (
        area.mask.astype(single),
        area.projector.astype(single),
        np.ascontiguousarray(area.design.T, dtype=single),
    )


def normalize(
    boxes: Array,
    radius_px: float,
    *,
    ramp: bool = True,
    invert: bool = False,
    into: Array | None = None,
) -> Array:
    """Particles with a flat background of mean 0 and standard deviation 1.

    Parameters
    ----------
    boxes : array, shape (n, box, box), float32
    radius_px : float, pixels
        Of the circle that holds the particle.
    ramp : bool
        First subtract the least-squares plane of the background.
    invert : bool
        Times -1 in the end.
    into : array, shape (n, box, box), float32, contiguous, optional
        Where the result goes; may be `boxes`. A new array without it.

    Returns
    -------
    array, shape (n, box, box), float32
        A box whose background has no variation only loses its ramp.
    """
    xp = array_namespace(boxes)
    count, box_px = boxes.shape[0], boxes.shape[-1]
    mask, projector, design = (
        xp.asarray(table) for table in _tables(box_px, float(radius_px))
    )
    weight = background(box_px, float(radius_px)).count
    given = xp.reshape(boxes, (count, box_px * box_px))
    pixels = xp.empty_like(given) if into is None else xp.reshape(into, given.shape)
    # sums of small differences: single precision is enough once the level is gone
    level = xp.mean(given, axis=1, keepdims=True)
    write_into(pixels, xp.subtract, given, level)
    if ramp:
        pixels -= (pixels @ projector) @ design
    # a plane leaves no mean, but for what rounding leaves of a steep one
    mean = (pixels @ mask)[:, None] / weight
    pixels -= mean
    spread = xp.sqrt(xp.square(pixels) @ mask / weight)[:, None]
    flat = spread < _FLAT
    sign = -1.0 if invert else 1.0
    pixels *= sign / xp.where(flat, xp.ones_like(spread), spread)
    if not ramp and bool(xp.any(flat)):
        pixels += xp.where(flat, sign * (mean + level), xp.zeros_like(mean))
    return xp.reshape(pixels, boxes.shape)


def remove_dust(
    boxes: Array,
    radius_px: float,
    white: float | None,
    black: float | None,
    rng: np.random.Generator,
) -> Array:
    """Boxes with too bright and too dark pixels replaced by noise.

    Parameters
    ----------
    boxes : array, shape (n, box, box), float32
    radius_px : float, pixels
        Mean and standard deviation are those of the pixels outside this circle.
    white, black : float or None
        Limits in standard deviations above and below the mean; None for no limit.
    rng : numpy.random.Generator
        For normal deviates of the background's mean and standard deviation.
    """
    xp = array_namespace(boxes)
    outside = xp.asarray(background(boxes.shape[-1], float(radius_px)).mask)
    out = boxes.copy()
    for box in out:
        pixels = xp.reshape(box, (-1,))
        mean, spread = _mean_and_spread(pixels[outside])
        dust = xp.zeros(pixels.shape, dtype=bool)
        if white is not None:
            dust |= pixels - mean > white * spread
        if black is not None:
            dust |= pixels - mean < -black * spread
        count = int(xp.sum(dust))
        if count:
            noise = rng.normal(mean, spread, count).astype(np.float32)
            pixels[dust] = xp.asarray(noise)
            box[...] = xp.reshape(pixels, box.shape)
    return out


def _mean_and_spread(pixels: Array) -> tuple[float, float]:
    xp: Any = array_namespace(pixels)
    values = pixels.astype(xp.float64)
    return float(xp.mean(values)), float(xp.std(values))
