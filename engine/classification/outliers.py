"""Particles that must not take part: empty, not finite, or far too strong or weak."""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array

#: A particle's deviation may be this many times its group's typical one, or this part.
MOST_TIMES = 10.0
#: And this many typical scatters of the group's logarithms away, where that is more.
_MOST_SCATTERS = 8.0
_FEW = 8


def deviations(images: Array) -> Array:
    """Standard deviation of each image; nan where it holds values that are not finite.

    Parameters
    ----------
    images : array, shape (n, y, x)

    Returns
    -------
    float64, shape (n,)
    """
    values = np.asarray(images, dtype=np.float64).reshape(len(images), -1)
    broken = ~np.isfinite(values).all(axis=1)
    values[broken] = 0
    scale = np.maximum(np.abs(values).max(axis=1, initial=0.0), 1e-300)
    spread = (values / scale[:, None]).std(axis=1)
    # of one value but for rounding
    spread[spread < 1e-7] = 0
    spread *= scale
    spread[broken] = math.nan
    return np.asarray(spread)


def reasons(deviation: Array, group: Array) -> list[str]:
    """Why each particle is left out; empty for those that take part.

    Parameters
    ----------
    deviation : float64, shape (n,)
        Of `deviations`.
    group : int64, shape (n,)
        Particles of one group are compared with each other; those of a group with less
        than eight with all.
    """
    out = [""] * len(deviation)
    for row in np.flatnonzero(~np.isfinite(deviation)):
        out[row] = "it has values that are not numbers"
    for row in np.flatnonzero(deviation == 0):
        out[row] = "empty: all pixels have one value"
    sound = np.isfinite(deviation) & (deviation > 0)
    for number in np.unique(group[sound]):
        own = np.flatnonzero(sound & (group == number))
        peers = own if len(own) >= _FEW else np.flatnonzero(sound)
        level = np.log(deviation[peers])
        middle = float(np.median(level))
        scatter = 1.4826 * float(np.median(np.abs(level - middle)))
        most = max(math.log(MOST_TIMES), _MOST_SCATTERS * scatter)
        away = np.log(deviation[own]) - middle
        for row, value in zip(
            own[np.abs(away) > most], away[np.abs(away) > most], strict=True
        ):
            out[row] = f"its deviation is {math.exp(value):.2g} times the others'"
    return out
