"""Which class averages are worth keeping: by number, by rule, by score."""

from __future__ import annotations

import math
import re

import numpy as np

from engine.arrays import Array
from engine.errors import InputError

#: Particles at which a class's count stops limiting its score much.
_FEW_PARTICLES = 2.0


def class_scores(
    images: Array,
    particle_counts: Array,
    resolution_angstrom: Array,
    radius_px: float,
) -> Array:
    """A number between 0 and 1 per class: how much it looks like a particle's view.

    The product of four judgements, each between 0 and 1: the protein stands out from
    the solvent around it (spread of pixels at the rim against the middle), it lies in
    the middle (center of the bright pixels), it has detail (resolution against the best
    quarter of classes) and enough particles. A junk class can be good at one or two
    of these (RELION's resolution estimate rates junk highly), rarely at all.

    Parameters
    ----------
    images : array, shape (class, y, x)
        White particles.
    particle_counts : array, shape (class,)
    resolution_angstrom : array, shape (class,), Å
        inf or 999 for none.
    radius_px : float, pixels
        Of the mask.
    """
    count = np.asarray(particle_counts, dtype=np.float64)
    resolution = np.asarray(resolution_angstrom, dtype=np.float64)
    scores = np.zeros(len(images))
    alive = count >= 1
    if not alive.any():
        return scores
    usable = alive & np.isfinite(resolution) & (resolution > 0)
    many = usable & (count >= min(10, count.max()))
    best = np.percentile(resolution[many], 25) if many.any() else 1.0
    for k in np.flatnonzero(usable):
        contrast, center = _shape(np.asarray(images[k], dtype=np.float64), radius_px)
        detail = min(1.0, best / resolution[k])
        enough = count[k] / (count[k] + _FEW_PARTICLES)
        scores[k] = contrast * center * math.sqrt(detail) * enough
    return scores


def _shape(image: Array, radius_px: float) -> tuple[float, float]:
    """How flat the rim is, and how central the bright part, each 0 to 1."""
    size = image.shape[-1]
    x = np.arange(size) - size // 2
    r = np.hypot(x[:, None], x[None, :])
    rim = (r > 0.82 * radius_px) & (r <= radius_px)
    core = r <= 0.62 * radius_px
    level = float(np.median(image[rim]))
    spread = float(image[core].std())
    if spread <= 0:
        return 0.0, 0.0
    # beyond the rim of a good class there is only noise
    flat = max(0.0, 1.0 - float(np.sqrt(((image[rim] - level) ** 2).mean())) / spread)
    inside = r <= radius_px
    bright = np.where(inside, np.clip(image - level - 0.5 * spread, 0, None), 0)
    total = float(bright.sum())
    if total <= 0:
        return 0.0, 0.0
    away = math.hypot(
        float((bright.sum(axis=1) @ x) / total), float((bright.sum(axis=0) @ x) / total)
    )
    return flat, max(0.0, 1.0 - (away / (0.5 * radius_px)) ** 2)


def best_classes(scores: Array, count: int) -> Array:
    """Indices of the classes with the highest scores above 0, in class order.

    Parameters
    ----------
    scores : array, shape (class,)
    count : int
        At most so many.
    """
    order = np.argsort(-scores, kind="stable")[: max(count, 0)]
    return np.sort(order[scores[order] > 0])


def parse_numbers(text: str, most: int, what: str) -> Array:
    """Indices from 0 of numbers from 1: "1,4,9" or "1-5 8".

    Raises
    ------
    InputError
        If a word is not a number or a range, or above `most`.
    """
    chosen: set[int] = set()
    for word in re.split(r"[,;\s]+", text.strip()):
        if not word:
            continue
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
        if match is None:
            message = f"Select: {word!r} is not a {what} number or a range like 1-5"
            raise InputError(message)
        first = int(match.group(1))
        last = int(match.group(2) or first)
        if not 1 <= first <= last <= most:
            message = f"Select: {what} {word}: there are {most}, numbered from 1"
            raise InputError(message)
        chosen.update(range(first - 1, last))
    return np.array(sorted(chosen), dtype=np.int64)
