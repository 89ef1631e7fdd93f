"""Boxes cut out of a micrograph.

The center pixel of a box is ``box // 2``. Where a box reaches over the edge, its
pixels take the value of the nearest pixel of the micrograph, or a fill value.
"""

from __future__ import annotations

from engine.arrays import Array, array_namespace


def truncated(positions: Array) -> Array:
    """Integer pixels of positions, cut towards zero as RELION does."""
    xp = array_namespace(positions)
    return xp.trunc(positions).astype(xp.int64)


def nearest(positions: Array) -> Array:
    """Integer pixels nearest to positions, halves up."""
    xp = array_namespace(positions)
    return xp.floor(positions + 0.5).astype(xp.int64)


def overlaps(y: Array, x: Array, shape: tuple[int, int], box_px: int) -> Array:
    """Whether boxes share at least one pixel with the micrograph.

    Parameters
    ----------
    y, x : array of int, shape (n,), pixels
        Centers.
    shape : (y, x)
        Of the micrograph.
    box_px : int, pixels

    Returns
    -------
    array of bool, shape (n,)
    """
    inside = None
    for center, length in ((y, shape[0]), (x, shape[1])):
        first = center - box_px // 2
        along = (first < length) & (first + box_px > 0)
        inside = along if inside is None else inside & along
    return inside


def cut(
    image: Array,
    y: Array,
    x: Array,
    box_px: int,
    *,
    fill: float | None = None,
    into: Array | None = None,
) -> Array:
    """Boxes around centers.

    Parameters
    ----------
    image : array, shape (y, x)
    y, x : array of int, shape (n,), pixels
        Centers; each box must overlap the image.
    box_px : int, pixels
    fill : float, optional
        Value outside the image; that of the nearest pixel inside without it.
    into : array, shape (n, box, box), optional
        Where they go; a new array without it.

    Returns
    -------
    array, shape (n, box, box), of the image's kind
    """
    xp = array_namespace(image)
    shape = (len(y), box_px, box_px)
    boxes = xp.empty(shape, dtype=image.dtype) if into is None else into
    for i in range(len(y)):
        boxes[i] = one(image, int(y[i]), int(x[i]), box_px, fill=fill)
    return boxes


def one(
    image: Array, y: int, x: int, box_px: int, *, fill: float | None = None
) -> Array:
    """One box like those of `cut`; a view into the image if it lies inside."""
    xp = array_namespace(image)
    rows, columns = image.shape
    top, left = y - box_px // 2, x - box_px // 2
    bottom, right = top + box_px, left + box_px
    if top >= 0 and left >= 0 and bottom <= rows and right <= columns:
        return image[top:bottom, left:right]
    if fill is None:
        across = xp.clip(xp.arange(top, bottom), 0, rows - 1)
        along = xp.clip(xp.arange(left, right), 0, columns - 1)
        return image[across[:, None], along[None, :]]
    box = xp.full((box_px, box_px), fill, dtype=image.dtype)
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    down, over = max(-top, 0), max(-left, 0)
    box[down : down + part.shape[0], over : over + part.shape[1]] = part
    return box


def center_cut(boxes: Array, box_px: int) -> Array:
    """The central part of boxes, or boxes in a frame of zeros if they are smaller.

    Parameters
    ----------
    boxes : array, shape (n, y, x)
        Square.
    box_px : int, pixels
        New edge; the center pixel stays the center pixel.
    """
    xp = array_namespace(boxes)
    old = boxes.shape[-1]
    offset = old // 2 - box_px // 2
    if offset >= 0:
        return boxes[:, offset : offset + box_px, offset : offset + box_px]
    framed = xp.zeros((len(boxes), box_px, box_px), dtype=boxes.dtype)
    framed[:, -offset : old - offset, -offset : old - offset] = boxes
    return framed


def extend_edges(boxes: Array, y: Array, x: Array, shape: tuple[int, int]) -> Array:
    """Boxes whose pixels outside the micrograph repeat the nearest one inside.

    Parameters
    ----------
    boxes : array, shape (n, box, box)
    y, x : array of int, shape (n,), pixels
        Their centers on the micrograph.
    shape : (y, x)
        Of the micrograph.
    """
    xp = array_namespace(boxes)
    out = boxes.copy()
    box_px = boxes.shape[-1]
    for i in range(len(boxes)):
        top, left = int(y[i]) - box_px // 2, int(x[i]) - box_px // 2
        if (
            min(top, left) >= 0
            and top + box_px <= shape[0]
            and left + box_px <= shape[1]
        ):
            continue
        across = xp.clip(xp.arange(box_px), max(-top, 0), shape[0] - 1 - top)
        along = xp.clip(xp.arange(box_px), max(-left, 0), shape[1] - 1 - left)
        out[i] = boxes[i][across[:, None], along[None, :]]
    return out
