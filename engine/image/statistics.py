"""Mean and spread of big images, block by block."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array, array_namespace, astype
from engine.errors import NumericalError

#: Rows at a time: some MB, so that a block stays in the cache while it is worked on.
BLOCK_ROWS = 128


def mean_and_spread(image: Array) -> tuple[float, float]:
    """Mean and population standard deviation of an image.

    Sums of squares are taken about a value of the image, so that a large mean with a
    tiny spread loses nothing in float32.

    Parameters
    ----------
    image : array, shape (y, x)

    Raises
    ------
    NumericalError
        If the image holds no finite numbers or one value only.
    """
    xp = array_namespace(image)
    middle = float(image[image.shape[0] // 2, image.shape[1] // 2])
    total = squares = 0.0
    with np.errstate(all="ignore"):  # what is not finite is found below
        for first in range(0, image.shape[0], BLOCK_ROWS):
            stop = min(first + BLOCK_ROWS, image.shape[0])
            block = astype(image[first:stop, :], xp.float32) - middle
            block = xp.reshape(block, (-1,))
            total += float(xp.sum(block))
            squares += float(xp.sum(block * block))
    mean = total / image.size
    variance = squares / image.size - mean * mean
    if not abs(total) < float("inf") or not squares < float("inf"):
        message = "the image has values that are not finite numbers"
        raise NumericalError(message)
    if variance <= 1e-12 * max(squares / image.size, 1e-30):
        message = "the image has one value everywhere"
        raise NumericalError(message)
    return middle + mean, variance**0.5
