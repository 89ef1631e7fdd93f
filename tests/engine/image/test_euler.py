"""Euler angles against their definition."""

import numpy as np
import pytest

from engine.image.euler import euler_matrix


def turn(axis: int, degrees: float) -> np.ndarray:
    """Coordinates of a fixed point after the frame turned about one of its axes."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    if axis == 2:
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


@pytest.mark.parametrize("angles", [(30, 60, 20), (-110, 80, -75), (10, 170, 300)])
def test_rotation_is_rot_about_z_then_tilt_about_y_then_psi_about_z(angles):
    rot, tilt, psi = angles
    want = turn(2, psi) @ turn(1, tilt) @ turn(2, rot)
    np.testing.assert_allclose(euler_matrix(*angles), want, atol=1e-12)


def test_arrays_of_angles_give_one_matrix_each():
    rot = np.array([0.0, 30.0])
    got = euler_matrix(rot, 60.0, np.array([5.0, 20.0]))
    assert got.shape == (2, 3, 3)
    np.testing.assert_allclose(got[1], euler_matrix(30.0, 60.0, 20.0))
