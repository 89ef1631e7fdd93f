"""Electron optics in closed form, for the numerics and the interface alike.

Standard library only. Signs are those of `engine.ctf`: positive defocus is underfocus,
and the CTF is -sin γ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def wavelength_angstrom(voltage_kv: Any, sqrt: Callable[[Any], Any] = math.sqrt) -> Any:
    """Relativistic wavelength of electrons in Å.

    λ = 12.2643247 / sqrt(V (1 + 0.978466e-6 V)), V in volts, as in RELION.

    Parameters
    ----------
    voltage_kv : float or array, kV
    sqrt : callable
        That of the array's library.
    """
    volts = 1000.0 * voltage_kv
    return 12.2643247 / sqrt(volts * (1 + 0.978466e-6 * volts))


def defocus_towards(
    defocus_u: float, defocus_v: float, angle_deg: float, direction_deg: float
) -> float:
    """Astigmatic defocus in one direction, in the unit of U and V.

    Angles count from +x (columns) towards +y (rows); `angle_deg` is that of U.
    """
    mean, half = (defocus_u + defocus_v) / 2, (defocus_u - defocus_v) / 2
    return mean + half * math.cos(2 * math.radians(direction_deg - angle_deg))


def ctf_zeros(
    *,
    defocus_angstrom: float,
    voltage_kv: float,
    spherical_aberration_mm: float,
    amplitude_contrast: float,
    phase_shift_deg: float = 0.0,
    highest: float,
) -> list[float]:
    """Spatial frequencies (1/Å), up to the highest, at which the CTF is zero.

    γ / π = linear s² - square s⁴ + shift, with its sign turned, is a whole number
    there. Overfocus (a defocus of 0 or less) gives none.
    """
    length = wavelength_angstrom(voltage_kv)
    linear = length * defocus_angstrom
    square = 1e7 * spherical_aberration_mm * length**3 / 2
    shift = math.asin(amplitude_contrast) / math.pi + phase_shift_deg / 180
    found: list[float] = []
    for n in range(1, 200):
        inside = linear * linear - 4 * square * (n - shift)
        if linear <= 0 or inside < 0:
            break
        root = 2 * (n - shift) / (linear + math.sqrt(inside))
        if root < 0 or math.sqrt(root) > highest:
            break
        found.append(math.sqrt(root))
    return found
