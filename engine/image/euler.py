"""Euler angles as RELION means them.

Intrinsic ZYZ: rot about z, tilt about the new y, psi about the new z. The matrix A
takes a point of the molecule to the frame of the image: what stands at r in the map
is seen at the first two components of A r. A central slice is F(k) = F_map(A⁻¹ k).
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Array


def euler_matrix(rot_deg: Array, tilt_deg: Array, psi_deg: Array) -> Array:
    """Rotation matrices of Euler angles.

    Parameters
    ----------
    rot_deg, tilt_deg, psi_deg : float or array, shape (...), degrees

    Returns
    -------
    array, shape (..., 3, 3), float64
        Acts on columns (x, y, z).
    """
    rot, tilt, psi = np.deg2rad(np.broadcast_arrays(rot_deg, tilt_deg, psi_deg))
    ca, sa = np.cos(rot), np.sin(rot)
    cb, sb = np.cos(tilt), np.sin(tilt)
    cg, sg = np.cos(psi), np.sin(psi)
    rows = (
        (cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb),
        (-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb),
        (sb * ca, sb * sa, cb),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
