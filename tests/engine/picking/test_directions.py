from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

from engine.errors import InputError
from engine.picking.directions import (
    direction_vectors,
    healpix_directions,
    symmetry_operators,
    unique_directions,
)
from engine.picking.projections import project_map


def test_healpix_covers_the_sphere_evenly():
    for order in (0, 1, 2, 3):
        vectors = direction_vectors(*healpix_directions(order))
        assert len(vectors) == 12 * 4**order
        np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-12)
        # equal areas: second moments of a uniform sphere, up to the pixels' size
        moments = vectors.T @ vectors / len(vectors)
        np.testing.assert_allclose(moments, np.eye(3) / 3, atol=0.1 / 4**order)


def test_the_coarsest_pixels_are_where_gorski_has_them():
    rot, tilt = healpix_directions(0)
    z = np.cos(np.deg2rad(tilt))
    np.testing.assert_allclose(z, np.repeat([2 / 3, 0, -2 / 3], 4), atol=1e-12)
    np.testing.assert_allclose(rot[:8], [45, 135, -135, -45, 0, 90, 180, -90])


@pytest.mark.parametrize(
    ("symmetry", "counts"),
    [
        ("C1", (12, 48, 192)),
        ("C2", (6, 24, 96)),
        ("C3", (3, 14, 60)),
        ("C4", (3, 12, 48)),
        ("C7", (1, 5, 24)),
        ("D1", (7, 24, 96)),
        ("D2", (4, 12, 48)),
        ("D3", (2, 8, 33)),
        ("D7", (1, 3, 13)),
    ],
)
def test_counts_are_relions(symmetry, counts):
    found = tuple(len(unique_directions(order, symmetry)[0]) for order in range(3))
    assert found == counts


@pytest.mark.parametrize("symmetry", ["C1", "C4", "D2", "D3", "T", "O", "I", "I1"])
def test_mates_of_the_directions_kept_leave_no_hole(symmetry):
    operators = symmetry_operators(symmetry)
    kept = direction_vectors(*unique_directions(2, symmetry))
    mates = np.einsum("gij,nj->gni", operators, kept).reshape(-1, 3)
    everywhere = direction_vectors(*healpix_directions(3))
    nearest = (everywhere @ mates.T).max(axis=1)
    assert np.rad2deg(np.arccos(nearest.clip(-1, 1))).max() < 16  # spacing is 15


@pytest.mark.relion
@pytest.mark.parametrize(
    "symmetry", ["C3", "D2", "D7", "T", "O", "I", "I1", "I2", "I3", "I4"]
)
def test_operators_are_relions(symmetry):
    command = ["relion_refine", "--print_symmetry_ops", "--sym", symmetry]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    number = r"-?\d+\.?\d*(?:e-?\d+)?"
    theirs = [
        np.array(re.findall(number, block)[:9], dtype=float).reshape(3, 3)
        for block in re.split(r"R\(\s*\d+\)=", text)[1:]
    ]
    ours = symmetry_operators(symmetry)
    assert len(ours) == len(theirs)
    for matrix in theirs:
        assert np.abs(ours - matrix).max(axis=(1, 2)).min() < 1e-3


@pytest.mark.parametrize("symmetry", ["X2", "C0", "", "C2v"])
def test_groups_that_cannot_be_used_are_refused(symmetry):
    with pytest.raises(InputError, match="cannot be used for picking"):
        symmetry_operators(symmetry)


def test_a_projection_along_z_is_the_sum_of_sections():
    rng = np.random.default_rng(3)
    z, y, x = np.indices((32, 32, 32)) - 16
    volume = sum(
        rng.random() * np.exp(-((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) / 12)
        for a, b, c in rng.integers(-3, 4, (5, 3))
    )
    (image,) = project_map(
        volume, 2.0, np.array([0.0]), np.array([0.0]), lowpass_angstrom=None
    )
    np.testing.assert_allclose(image, volume.sum(axis=0), atol=0.04 * image.max())
    # along x: tilt 90, the map's z runs along -x of the projection
    (side,) = project_map(
        volume, 2.0, np.array([0.0]), np.array([90.0]), lowpass_angstrom=None
    )
    expected = volume.sum(axis=2)[::-1].T  # (y, -z)
    np.testing.assert_allclose(side[1:, 1:], expected[1:, :-1], atol=0.04 * image.max())
