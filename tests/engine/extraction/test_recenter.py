"""Re-centering, against RELION's worked example."""

import numpy as np
import pytest

from engine.extraction.recenter import Refined, projected_point, recentered, reset

REFINED = Refined(
    x=np.array([100.0, 60.4]),
    y=np.array([80.0, 70.6]),
    origin_x=np.array([9.3, -14.2]),
    origin_y=np.array([-5.7, 22.1]),
)
ANGLES = (np.array([30.0, -110.0]), np.array([60.0, 80.0]), np.array([20.0, -75.0]))

#: What relion_preprocess 3.1.3 writes for these two particles at 4 Å per pixel:
#: x, y, origin x, origin y. The point is in Å (8 or 4 Å per reference pixel).
CASES = [
    (None, [(98, 81, 1.3, -1.7), (64.4, 64.6, 1.8, -1.9)]),
    (
        (24.0, -16.0, 40.0),
        [(89, 78, 0.688517, 0.935446), (54.4, 57.6, -1.24131, -0.24837)],
    ),
    (
        (12.0, -8.0, 20.0),
        [(93, 80, -1.00574, 1.617723), (59.4, 61.6, 0.279344, 0.925813)],
    ),
]


@pytest.mark.parametrize(("point", "want"), CASES)
def test_coordinates_move_by_whole_pixels_as_relion_moves_them(point, want):
    seen = None if point is None else projected_point(*ANGLES, point)
    got = recentered(REFINED, 4.0, seen)
    columns = np.stack([got.x, got.y, got.origin_x, got.origin_y], axis=1)
    np.testing.assert_allclose(columns, want, atol=1e-5)


def test_the_true_center_stays_where_it_is():
    got = recentered(REFINED, 1.7)
    np.testing.assert_allclose(
        got.x - got.origin_x / 1.7, REFINED.x - REFINED.origin_x / 1.7
    )
    assert (np.abs(got.origin_x) <= 0.85 + 1e-9).all()


def test_reset_keeps_coordinates_and_zeroes_origins():
    got = reset(REFINED)
    np.testing.assert_array_equal(got.x, REFINED.x)
    assert not got.origin_x.any()
    assert not got.origin_y.any()
