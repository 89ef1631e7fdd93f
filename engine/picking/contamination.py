"""Carbon, ice crystals and other thick matter, told by the background's mean.

Thick matter scatters electrons away, so the local mean is lower there than in clean
ice, where it varies little. Clean ice is taken to be the most common mean of a
micrograph, and its variation that of the means above: nothing dark is among those.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Array
from engine.picking.working_size import WorkingSize

#: Clean ice reaches this many of its standard deviations below its most common mean.
_REACH = 5.0
#: The least variation to believe in, standard deviations of the micrograph.
_LEAST_SPREAD = 0.03


def darkest_clean_mean(mean: Array, size: WorkingSize) -> float:
    """The background mean below which a place lies on contamination.

    Parameters
    ----------
    mean : array, shape (W, W)
        Of the background around each place, in standard deviations of the micrograph.
    size : WorkingSize
    """
    (top, left), (rows, columns) = size.first, size.inner_shape
    inner = np.sort(mean[top : top + rows, left : left + columns].ravel())
    common = most_common(inner)
    above = inner[inner > common] - common
    spread = 1.4826 * float(np.median(above)) if len(above) else 0.0
    return common - _REACH * max(spread, _LEAST_SPREAD)


def most_common(values: Array) -> float:
    """The half-sample mode of sorted values.

    Source: Bickel & Fruhwirth 2006, Comput. Stat. Data Anal. 50, 3500.
    """
    while len(values) > 3:
        half = (len(values) + 1) // 2
        widths = values[half - 1 :] - values[: len(values) - half + 1]
        first = int(widths.argmin())
        values = values[first : first + half]
        if widths[first] == 0:
            break
    return float(np.median(values))
