"""Other samplings of an image, by cropping or padding its transform.

Grey values are kept, because transforms are divided by the number of pixels. Pixel 0
stays at pixel 0, and the center n // 2 of an even size goes to the center m // 2.
"""

from __future__ import annotations

from engine.arrays import Array, array_namespace


def resize_transform(
    transform: Array, shape: tuple[int, int], new_shape: tuple[int, int]
) -> Array:
    """Half-transforms of the same images at another sampling.

    Parameters
    ----------
    transform : array, shape (..., y, x // 2 + 1)
    shape : (y, x)
        Pixels of the images.
    new_shape : (y, x)
        Each axis may grow or shrink. A shrunken even axis takes its Nyquist
        coefficient from +n/2, as RELION does.

    Returns
    -------
    array, shape (..., new y, new x // 2 + 1)
    """
    xp = array_namespace(transform)
    (old_y, old_x), (new_y, new_x) = shape, new_shape
    out = xp.zeros(
        (*transform.shape[:-2], new_y, new_x // 2 + 1), dtype=transform.dtype
    )
    columns = min(old_x, new_x) // 2 + 1
    height = min(old_y, new_y)
    positive = height // 2 + 1
    negative = height - positive
    out[..., :positive, :columns] = transform[..., :positive, :columns]
    if negative:
        out[..., new_y - negative :, :columns] = transform[
            ..., old_y - negative :, :columns
        ]
    return out
