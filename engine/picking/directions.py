"""Directions to look at a map from: HEALPix centers, one of each set of symmetry mates.

HEALPix: Gorski et al. 2005, ApJ 622, 759, section 5 (nested order). Point groups as
RELION names and orients them: Cn and Dn along z (a 2-fold of Dn along x), T with a
3-fold on z, O with 4-folds on the axes, I and I2 with a 5-fold in xz, I1 in yz, I3 and
I4 on z.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from engine.arrays import Array
from engine.errors import InputError

_RING = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
_PHI = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])
_ANYWHERE = np.array([0.11, 0.23, 0.97])
_GOLDEN = (1 + 5**0.5) / 2
#: A 5-fold axis of each icosahedral setting (with 2-folds on y).
_FIVE_FOLD = {
    "I": (1, 0, _GOLDEN),
    "I1": (0, 1, _GOLDEN),
    "I2": (1, 0, _GOLDEN),
    "I3": (-2, 0, 1),
    "I4": (2, 0, 1),
}


def healpix_directions(order: int) -> tuple[Array, Array]:
    """(rot, tilt) in degrees of all pixel centers, nested order, rot in -180 to 180."""
    nside = 2**order
    pixel = np.arange(12 * nside**2)
    face, inner = pixel // nside**2, pixel % nside**2
    x = y = np.zeros_like(inner)
    for bit in range(order):
        x = x | ((inner >> (2 * bit) & 1) << bit)
        y = y | ((inner >> (2 * bit + 1) & 1) << bit)
    ring = _RING[face] * nside - x - y - 1
    in_ring = np.where(
        ring < nside, ring, np.where(ring > 3 * nside, 4 * nside - ring, nside)
    )
    is_polar = in_ring < nside
    polar = 1 - in_ring**2 / (3 * nside**2)
    z = np.where(
        is_polar,
        np.where(ring < nside, polar, -polar),
        (2 * nside - ring) * 2 / (3 * nside),
    )
    shift = np.where(is_polar, 0, (ring - nside) & 1)
    place = (_PHI[face] * in_ring + x - y + 1 + shift) // 2
    place = np.where(place > 4 * in_ring, place - 4 * in_ring, place)
    place = np.where(place < 1, place + 4 * in_ring, place)
    phi = (place - (shift + 1) / 2) * 90 / in_ring
    tilt = np.rad2deg(np.arccos(z))
    return np.where(phi > 180, phi - 360, phi), tilt


def direction_vectors(rot: Array, tilt: Array) -> Array:
    """Unit vectors of directions, shape (n, 3)."""
    a, b = np.deg2rad(rot), np.deg2rad(tilt)
    return np.stack([np.sin(b) * np.cos(a), np.sin(b) * np.sin(a), np.cos(b)], axis=1)


def _rotation(axis: Sequence[float], degrees: float) -> Array:
    """The matrix that turns vectors about an axis (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    turn = np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return np.eye(3) + turn


def symmetry_operators(symmetry: str) -> Array:
    """All rotations of a point group, the identity first, shape (n, 3, 3).

    Raises
    ------
    InputError
        If the name is not a group of rotations.
    """
    name = symmetry.strip().upper()
    match = re.fullmatch(r"([CD])(\d+)", name)
    generators: list[Array] = []
    if match and 0 < int(match[2]) < 1000:
        generators.append(_rotation((0, 0, 1), 360 / int(match[2])))
        if match[1] == "D":
            generators.append(_rotation((1, 0, 0), 180))
    elif name == "T":
        generators += [_rotation((0, 0, 1), 120), _rotation((0, 2**0.5, 1), 180)]
    elif name == "O":
        generators += [_rotation((0, 0, 1), 90), _rotation((1, 1, 1), 120)]
    elif name in _FIVE_FOLD:
        generators += [_rotation((0, 1, 0), 180), _rotation(_FIVE_FOLD[name], 72)]
        if name in {"I3", "I4"}:
            generators.append(_rotation((0, 0, 1), 72))
        else:
            generators.append(_rotation((1, 1, 1), 120))
    else:
        message = (
            f"symmetry {symmetry!r} cannot be used for picking; C1, D2, T, O, I1 and "
            "their like can"
        )
        raise InputError(message)
    return _closure(generators)


def _closure(generators: list[Array]) -> Array:
    group = [np.eye(3)]
    for member in group:  # grows while it is walked
        for generator in generators:
            new = generator @ member
            if not any(np.allclose(new, old, atol=1e-6) for old in group):
                group.append(new)
    return np.array(group)


def unique_directions(order: int, symmetry: str) -> tuple[Array, Array]:
    """(rot, tilt) in degrees of HEALPix centers, one of each set of symmetry mates.

    Cn and Dn keep RELION's asymmetric unit, which decides the numbering of projections;
    the other groups have another one of the same size. A direction is then left out if
    it is closer to a mate of one that stays than half the pixels' largest radius.

    Parameters
    ----------
    order : int
        0 to 5; 12 * 4**order directions without symmetry.
    symmetry : str
    """
    if not 0 <= order <= 5:
        message = f"HEALPix order {order}: picking takes 0 (coarse) to 5 (1.8 degrees)"
        raise InputError(message)
    operators = symmetry_operators(symmetry)
    rot, tilt = healpix_directions(order)
    keep = _asymmetric_unit(symmetry.strip().upper(), rot, tilt, operators)
    if keep.any():
        rot, tilt = rot[keep], tilt[keep]
    vectors = direction_vectors(rot, tilt)
    limit = np.cos(0.5 * _largest_pixel_radius(2**order))
    kept: list[int] = []
    is_gone = np.zeros(len(vectors), dtype=bool)
    for index, vector in enumerate(vectors):
        if is_gone[index]:
            continue
        kept.append(index)
        mates = operators @ vector
        is_gone |= (vectors @ mates.T).max(axis=1) > limit
    return rot[kept], tilt[kept]


def _asymmetric_unit(symmetry: str, rot: Array, tilt: Array, operators: Array) -> Array:
    match = re.fullmatch(r"([CD])(\d+)", symmetry)
    slack = 1e-9
    if not match:
        # of its mates, the one nearest to a direction without symmetry stays
        mates = direction_vectors(rot, tilt) @ (operators @ _ANYWHERE).T
        return mates[:, 0] >= mates.max(axis=1) - slack
    half = 180 / int(match[2]) + slack
    if match[1] == "C":
        return np.abs(rot) <= half
    if match[2] == "1":
        return tilt <= 90 + slack
    return (np.abs(rot - 90) <= half) & (tilt <= 90 + slack)


def _largest_pixel_radius(nside: int) -> float:
    """The largest distance of a HEALPix pixel's center from its corners, radian."""
    middle = np.pi / (4 * nside)
    z = 1 - (1 - 1 / nside) ** 2 / 3
    on_band = np.array([np.cos(middle), np.sin(middle)]) * np.sqrt(1 - 4 / 9)
    corner = np.array([np.sqrt(1 - z * z), 0.0])
    return float(np.arccos(on_band @ corner + z * 2 / 3))
