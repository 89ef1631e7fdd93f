"""The contrast transfer function, with RELION's signs and options.

A raw micrograph (dark protein) is ``-CTF x projection``; an image of the white-protein
convention is ``CTF x projection``. For underfocus the CTF starts at plus the amplitude
contrast and its first lobe is positive.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.arrays import Array, array_namespace, beside
from engine.fourier.grids import spatial_frequencies
from engine.optics import wavelength_angstrom

#: RELION replaces smaller values, so that nothing is ever divided by zero.
_SMALLEST = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ctf:
    """Optics and defocus of a micrograph or of particles.

    Every value may be an array of shape ``(...)``, one per particle; the transfer
    functions then have the shape ``(..., y, x)``.

    Attributes
    ----------
    voltage_kv : float, kV
    spherical_aberration_mm : float, mm
    amplitude_contrast : float
        Fraction between 0 and 1.
    defocus_u_angstrom, defocus_v_angstrom : float, Å
        Positive is underfocus.
    defocus_angle_deg : float, degrees
        Of the U axis, from +x (columns) towards +y (rows).
    phase_shift_deg : float, degrees
        Of a phase plate.
    b_factor : float, Å²
        Envelope exp(-B/4 k²).
    scale : float
        Factor on the whole function.
    magnification : ((xx, xy), (yx, yy))
        Multiplies the frequencies (x, y); for anisotropic magnification.
    """

    voltage_kv: Array = 200.0
    spherical_aberration_mm: Array = 0.0
    amplitude_contrast: Array = 0.0
    defocus_u_angstrom: Array = 0.0
    defocus_v_angstrom: Array = 0.0
    defocus_angle_deg: Array = 0.0
    phase_shift_deg: Array = 0.0
    b_factor: Array = 0.0
    scale: Array = 1.0
    magnification: tuple[tuple[float, float], tuple[float, float]] | None = None

    @property
    def wavelength_angstrom(self) -> Array:
        """Relativistic wavelength of the electrons in Å."""
        voltage = np.asarray(self.voltage_kv, dtype=np.float64)
        return wavelength_angstrom(voltage, np.sqrt)

    @property
    def mean_defocus_angstrom(self) -> Array:
        """Mean of the two defocus values in Å."""
        return 0.5 * (self.defocus_u_angstrom + self.defocus_v_angstrom)


def aberration_phase(ctf: Ctf, y: Array, x: Array) -> Array:
    """Phase γ of the contrast transfer function: CTF = -sin γ.

    γ = K1 (Axx x² + 2 Axy xy + Ayy y²) + K2 (x² + y²)² - K5 - K3 with K1 = πλ,
    K2 = π/2 Cs λ³, K3 = atan(Q0 / sqrt(1 - Q0²)), K5 the phase shift, and A the
    astigmatic defocus with its sign turned.

    Parameters
    ----------
    ctf : Ctf
    y, x : arrays that broadcast to (rows, columns), 1/Å
        As `engine.fourier.grids.spatial_frequencies` gives them.

    Returns
    -------
    array, shape (..., rows, columns), radian
    """
    y, x = _magnified(ctf, y, x)
    u = np.asarray(ctf.defocus_u_angstrom, dtype=np.float64)
    v = np.asarray(ctf.defocus_v_angstrom, dtype=np.float64)
    contrast = np.asarray(ctf.amplitude_contrast, dtype=np.float64)
    cs_angstrom = 1e7 * np.asarray(ctf.spherical_aberration_mm, dtype=np.float64)
    angle = np.deg2rad(ctf.defocus_angle_deg)
    wavelength = ctf.wavelength_angstrom

    cosine, sine = np.cos(angle), np.sin(angle)
    axx = -(u * cosine**2 + v * sine**2)
    ayy = -(u * sine**2 + v * cosine**2)
    axy = -(u - v) * sine * cosine
    k1 = math.pi * wavelength
    k2 = 0.5 * math.pi * cs_angstrom * wavelength**3
    k3 = np.arctan2(contrast, np.sqrt(1 - contrast**2))
    k5 = np.deg2rad(ctf.phase_shift_deg)

    square = x * x + y * y
    along_x = _column(k1 * axx, x) * (x * x) - _column(k3 + k5, x)
    along_y = _column(k1 * ayy, x) * (y * y)
    gamma = along_x + along_y
    gamma = gamma + _column(2 * k1 * axy, x) * y * x
    return gamma + square * square * _column(k2, x)


def contrast_transfer(
    ctf: Ctf,
    shape: tuple[int, int],
    pixel_size: float,
    *,
    damping: bool = True,
    intact_until_first_peak: bool = False,
    intact_after_first_peak: bool = False,
    phase_flip: bool = False,
    like: Array | None = None,
) -> Array:
    """Contrast transfer function on the half grid of a real Fourier transform.

    Parameters
    ----------
    ctf : Ctf
    shape : (rows, columns)
        Of the image in real space. For a transform that was cropped from n to m
        pixels give m and the pixel size times n / m.
    pixel_size : float, Å per pixel
    damping : bool
        Include the envelope of the B-factor.
    intact_until_first_peak : bool
        1 where γ is between -π/2 and π/2 ("Ignore CTFs until first peak").
    intact_after_first_peak : bool
        1 where γ is outside -π/2 to π/2.
    phase_flip : bool
        Only the sign: -1 or 1, and 1 at zero.
    like : array, optional
        Array whose library the result shall have; NumPy if absent.

    Returns
    -------
    array, shape (..., rows, columns // 2 + 1), float32
        No value is closer to zero than 1e-8.
    """
    xp = _library_of(like)
    y, x = spatial_frequencies(shape, pixel_size, xp)
    gamma = aberration_phase(ctf, y, x)
    value = -xp.sin(gamma)
    if intact_until_first_peak:
        value = xp.where(xp.abs(gamma) < 0.5 * math.pi, 1.0, value)
    if intact_after_first_peak:
        value = xp.where(xp.abs(gamma) > 0.5 * math.pi, 1.0, value)
    del gamma
    if damping and np.any(ctf.b_factor):
        y, x = _magnified(ctf, y, x)
        decay = _column(-0.25 * np.asarray(ctf.b_factor), x)
        value = value * xp.exp(decay * (x * x + y * y))
    if np.any(np.asarray(ctf.scale) != 1.0):
        value = value * _column(ctf.scale, x)
    if phase_flip:
        value = xp.where(value >= 0, 1.0, -1.0)
    tiny = xp.where(value >= 0, _SMALLEST, -_SMALLEST)
    value = xp.where(xp.abs(value) < _SMALLEST, tiny, value)
    return value.astype(xp.float32)


def _magnified(ctf: Ctf, y: Array, x: Array) -> tuple[Array, Array]:
    if ctf.magnification is None:
        return y, x
    (xx, xy), (yx, yy) = ctf.magnification
    return yx * x + yy * y, xx * x + xy * y


def _column(value: Array, like: Array) -> Array:
    """Values with shape ``(..., 1, 1)``, float64, beside another array."""
    column = np.asarray(value, dtype=np.float64)[..., None, None]
    return beside(column, like)


def _library_of(like: Array | None) -> Any:
    return np if like is None else array_namespace(like)
