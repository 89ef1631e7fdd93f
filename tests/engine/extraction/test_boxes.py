"""Cutting boxes, against indices taken one by one."""

import numpy as np
import pytest

from engine.extraction.boxes import (
    center_cut,
    cut,
    extend_edges,
    nearest,
    overlaps,
    truncated,
)

RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(30, 40)).astype(np.float32)
CENTERS = [(15, 20), (0, 0), (29, 39), (3, 36), (-3, 10), (33, 20), (15, 43)]


def pixel_by_pixel(y, x, box_px, fill=None):
    out = np.empty((box_px, box_px), dtype=np.float32)
    for i in range(box_px):
        for j in range(box_px):
            row, column = y - box_px // 2 + i, x - box_px // 2 + j
            if fill is not None and not (0 <= row < 30 and 0 <= column < 40):
                out[i, j] = fill
            else:
                out[i, j] = IMAGE[min(max(row, 0), 29), min(max(column, 0), 39)]
    return out


@pytest.mark.parametrize("fill", [None, 7.5])
@pytest.mark.parametrize("box_px", [8, 14])
def test_boxes_repeat_the_edge_or_are_filled(box_px, fill):
    y, x = np.array(CENTERS).T
    got = cut(IMAGE, y, x, box_px, fill=fill)
    for i, center in enumerate(CENTERS):
        np.testing.assert_array_equal(got[i], pixel_by_pixel(*center, box_px, fill))


def test_a_box_overlaps_if_one_pixel_does():
    y = np.array([15, -4, -5, 33, 34, 15, 15])
    x = np.array([20, 20, 20, 20, 20, 43, 44])
    # a box of 8 at 33 starts at row 29, the last one; at -4 it ends at row -1
    got = overlaps(y, x, (30, 40), 8)
    assert got.tolist() == [True, False, False, True, False, True, False]


def test_fractions_are_cut_off_towards_zero_or_rounded():
    positions = np.array([1.9, 2.5, -1.9, -0.4])
    assert truncated(positions).tolist() == [1, 2, -1, 0]
    assert nearest(positions).tolist() == [2, 3, -2, 0]


@pytest.mark.parametrize("size", [4, 10, 16])
def test_a_central_cut_keeps_the_center_pixel(size):
    boxes = RNG.normal(size=(2, 10, 10)).astype(np.float32)
    got = center_cut(boxes, size)
    assert got.shape == (2, size, size)
    assert (got[:, size // 2, size // 2] == boxes[:, 5, 5]).all()
    assert size < 16 or got[0, 0].sum() == 0


def test_edges_are_extended_as_if_the_image_had_been_cut_there():
    y, x = np.array(CENTERS).T
    filled = cut(IMAGE, y, x, 14, fill=0.0)
    np.testing.assert_array_equal(
        extend_edges(filled, y, x, (30, 40)), cut(IMAGE, y, x, 14)
    )


def test_the_image_is_left_as_it_was():
    before = IMAGE.copy()
    y, x = np.array(CENTERS).T
    cut(IMAGE, y, x, 8)[...] = 0
    np.testing.assert_array_equal(IMAGE, before)
