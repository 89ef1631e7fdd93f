"""Where a refined particle is on its micrograph."""

from __future__ import annotations

from dataclasses import dataclass

from engine.arrays import Array, array_namespace
from engine.image.euler import euler_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Refined:
    """Refined particles of one micrograph, arrays of shape (n,).

    Attributes
    ----------
    x, y : pixels of the micrograph
    origin_x, origin_y : Å
        The particle's true center is its coordinate minus its origin.
    """

    x: Array
    y: Array
    origin_x: Array
    origin_y: Array


def reset(refined: Refined) -> Refined:
    """The same coordinates with origins of zero."""
    return Refined(
        x=refined.x,
        y=refined.y,
        origin_x=0 * refined.origin_x,
        origin_y=0 * refined.origin_y,
    )


def recentered(
    refined: Refined, pixel_size: float, point: tuple[Array, Array] | None = None
) -> Refined:
    """Coordinates moved by whole pixels onto the particle's center.

    Parameters
    ----------
    refined : Refined
    pixel_size : float, Å per pixel of the micrograph
    point : (x, y), Å, optional
        Of the new center, seen in the image relative to the old one.

    Returns
    -------
    Refined
        Coordinates minus the rounded origin (halves away from zero, as in RELION), and
        what is left of the origin.
    """
    shift_x, shift_y = (0.0, 0.0) if point is None else point
    origin_x = (refined.origin_x - shift_x) / pixel_size
    origin_y = (refined.origin_y - shift_y) / pixel_size
    whole_x, whole_y = _rounded(origin_x), _rounded(origin_y)
    return Refined(
        x=refined.x - whole_x,
        y=refined.y - whole_y,
        origin_x=(origin_x - whole_x) * pixel_size,
        origin_y=(origin_y - whole_y) * pixel_size,
    )


def projected_point(
    rot_deg: Array,
    tilt_deg: Array,
    psi_deg: Array,
    point_angstrom: tuple[float, float, float],
) -> tuple[Array, Array]:
    """Where a point of the reference is seen in each image, (x, y) in Å.

    Parameters
    ----------
    rot_deg, tilt_deg, psi_deg : array, shape (n,), degrees
    point_angstrom : (x, y, z), Å from the reference's center
    """
    rotations = euler_matrix(rot_deg, tilt_deg, psi_deg)
    xp = array_namespace(rotations)
    seen = rotations @ xp.asarray(point_angstrom, dtype=rotations.dtype)
    return seen[..., 0], seen[..., 1]


def _rounded(values: Array) -> Array:
    xp = array_namespace(values)
    return xp.sign(values) * xp.floor(xp.abs(values) + 0.5)
