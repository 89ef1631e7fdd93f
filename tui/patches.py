"""What has changed between two drawings of one picture, as small pictures to put over.

A pick that is added or a cursor that moves must not send a whole micrograph again.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tui.halfblocks import Canvas
from tui.pixel_image import PixelImage, exact

Box = tuple[int, int, int, int]  # first column and row of cells, columns, rows
_GAP = 2  # cells between changes that are one patch
_MOST_BOXES = 12
_LARGEST_PART = 0.3  # of the picture's cells; beyond it the whole is as cheap
_serial = count(1)


def changed_boxes(
    before: Canvas, after: Canvas, cell: tuple[int, int]
) -> list[Box] | None:
    """Cells whose marks differ; None if the picture had better be sent whole."""
    if (before.width, before.height) != (after.width, after.height):
        return None
    if before.grey != after.grey:
        return None
    differing = before.marks.items() ^ after.marks.items()
    across, down = cell
    cells = {
        (at % after.width // across, at // after.width // down) for at, _ in differing
    }
    boxes: list[list[int]] = []
    for column, row in sorted(cells):
        for box in boxes:
            left, top, right, bottom = box
            if left - _GAP <= column <= right + _GAP and (
                top - _GAP <= row <= bottom + _GAP
            ):
                box[:] = (
                    min(left, column),
                    min(top, row),
                    max(right, column),
                    max(bottom, row),
                )
                break
        else:
            boxes.append([column, row, column, row])
        if len(boxes) > _MOST_BOXES:
            return None
    found = [(x, y, right - x + 1, bottom - y + 1) for x, y, right, bottom in boxes]
    total = -(-after.width // across) * -(-after.height // down)
    if sum(wide * high for _, _, wide, high in found) > _LARGEST_PART * total:
        return None
    return found


def patch(canvas: Canvas, box: Box, cell: tuple[int, int], kind: str) -> PixelImage:
    """The cells of a box as a picture, in the greys that the canvas has.

    No two are the same to a terminal, which keeps those that it had: a later one must
    lie over an earlier one.
    """
    across, down = cell
    left, top = box[0] * across, box[1] * down
    width = min(canvas.width - left, box[2] * across)
    height = min(canvas.drawn_height - top, box[3] * down)
    image = exact(canvas.part(left, top, width, height))
    serial = next(_serial)
    mark = (serial >> 16 & 255, serial >> 8 & 255, serial & 255)
    image = replace(image, palette=(*image.palette[:255], mark))
    return image.encoded(kind)
