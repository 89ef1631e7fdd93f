"""Transforms of images on rings, and their angular harmonics.

A ring is a circle of integer radius q (in units of 1 / box) around the origin of
Fourier space. Images are real, so the half circle of angles -π/2 < θ < π/2 says all:
F(θ + π) = conj F(θ). The harmonics F_m of a ring, F(θ) = Σ_m F_m exp(i m θ), obey
F_-m = (-1)^m conj F_m, so m >= 0 says all too.

Between pixels and rings lies a Kaiser-Bessel gridding on a transform padded twofold
(Beatty, Nishimura, Pauly 2005, IEEE TMI 24, 799, eq. 5), exact to about 1e-4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import scipy.special

from engine.arrays import Array
from engine.fourier.grids import shells
from engine.fourier.transforms import irfft2, rfft2

_WIDTH = 4  # taps of the gridding window along each axis
_BETA = math.pi * math.sqrt(_WIDTH**2 / 4 * 1.5**2 - 0.8)


@dataclass(frozen=True, eq=False)
class PolarGrid:
    """Rings 0 .. n_rings - 1 with `n_angles` directions on each half circle.

    Attributes
    ----------
    box_px : int
    n_rings, n_angles : int
    taps : three arrays, shape (ring times angle, tap)
        Coefficients of the padded half-transform that a point is made of, their
        weights, and the sign of their imaginary parts.
    apodization : float32, shape (y, x)
        What undoes the window of the gridding.
    shell_means : sparse matrix, shape (shell, coefficient)
    """

    box_px: int
    n_rings: int
    n_angles: int
    _real: scipy.sparse.csr_matrix
    _imaginary: scipy.sparse.csr_matrix
    taps: tuple[Array, Array, Array]
    apodization: Array
    shell_means: scipy.sparse.csr_matrix

    @classmethod
    def make(cls, box_px: int, n_rings: int, n_angles: int) -> PolarGrid:
        """A grid with its gridding weights."""
        q = np.arange(n_rings)[:, None]
        theta = half_circle(n_angles)
        kx = (2 * q * np.cos(theta)).ravel()
        ky = (2 * q * np.sin(theta)).ravel()
        taps = _gridding_taps(kx, ky, 2 * box_px)
        real, imaginary = _gridding_weights(*taps, 2 * box_px)
        x = np.arange(box_px) - box_px // 2
        window = _window_transform(x / (2 * box_px))
        apodization = 1 / (window[:, None] * window[None, :])
        return cls(
            box_px=box_px,
            n_rings=n_rings,
            n_angles=n_angles,
            _real=real,
            _imaginary=imaginary,
            taps=taps,
            apodization=apodization.astype(np.float32),
            shell_means=_shell_means(box_px),
        )

    def rings(self, images: Array) -> Array:
        """Transforms of images on the rings.

        Parameters
        ----------
        images : array, shape (n, y, x), float32
            Centered at pixel box // 2.

        Returns
        -------
        array, shape (ring, angle, n), complex64
            Divided by the number of pixels, as all transforms here are.
        """
        return self._on_rings(self._transform(images))

    def rings_and_power(self, images: Array) -> tuple[Array, Array]:
        """Transforms on the rings, and each image's mean power per shell of the plane.

        Returns
        -------
        rings : array, shape (ring, angle, n), complex64
        power : array, shape (n, shell), float64
            Mean |F|² of the shells 0 .. box // 2.
        """
        transform = self._transform(images)
        plain = rfft2(images)
        square = (plain.real**2 + plain.imag**2).reshape(len(images), -1)
        power = (self.shell_means @ square.T).T
        return self._on_rings(transform), np.asarray(power, dtype=np.float64)

    def _transform(self, images: Array) -> Array:
        """Padded transforms of images over the window's, (n, coefficient)."""
        n = len(images)
        half, size = self.box_px // 2, 2 * self.box_px
        padded = np.zeros((n, size, size), dtype=np.float32)
        flat = images * self.apodization
        padded[:, : self.box_px - half, : self.box_px - half] = flat[:, half:, half:]
        padded[:, : self.box_px - half, -half:] = flat[:, half:, :half]
        padded[:, -half:, : self.box_px - half] = flat[:, :half, half:]
        padded[:, -half:, -half:] = flat[:, :half, :half]
        return rfft2(padded, overwrite=True).reshape(n, -1)

    def _on_rings(self, transform: Array) -> Array:
        n = len(transform)
        out = np.empty((self.n_rings, self.n_angles, n), dtype=np.complex64)
        flat_out = out.reshape(-1, n)
        # forward transforms are divided by (2 box)^2; box^2 is wanted
        flat_out.real = self._real @ np.ascontiguousarray(4 * transform.real.T)
        flat_out.imag = self._imaginary @ np.ascontiguousarray(4 * transform.imag.T)
        return out

    def images(self, rings: Array) -> Array:
        """Images of transforms on rings: sums over the plane, ring by ring.

        Exact, up to gridding, for images within half a box of the center.

        Parameters
        ----------
        rings : array, shape (ring, angle, n), complex

        Returns
        -------
        array, shape (n, y, x), float32
        """
        n = rings.shape[-1]
        q = np.arange(self.n_rings, dtype=np.float64)
        # area of a ring; the origin's share is the Euler-Maclaurin term of |q|
        area = np.where(q == 0, math.pi / 12, math.pi * q) / self.n_angles
        weighted = (rings * area[:, None, None]).reshape(-1, n)
        size, half = 2 * self.box_px, self.box_px // 2
        grid = np.empty((n, size, size // 2 + 1), dtype=np.complex64)
        flat = grid.reshape(n, -1)
        flat.real = (self._real.T @ weighted.real.astype(np.float32)).T
        flat.imag = (self._imaginary.T @ weighted.imag.astype(np.float32)).T
        # a half-transform counts its columns twice but for the first
        grid[..., 0] *= 2
        grid[..., 0] = 0.5 * (grid[..., 0] + _mirrored(grid[..., 0]).conj())
        padded = irfft2(grid, (size, size), overwrite=True)
        out = np.empty((n, self.box_px, self.box_px), dtype=np.float32)
        rest = self.box_px - half
        out[:, half:, half:] = padded[:, :rest, :rest]
        out[:, half:, :half] = padded[:, :rest, -half:]
        out[:, :half, half:] = padded[:, -half:, :rest]
        out[:, :half, :half] = padded[:, -half:, -half:]
        return out * self.apodization


def half_circle(n_angles: int) -> Array:
    """The directions of half circles, radian: -π/2 to π/2, ends left out."""
    return (np.arange(n_angles) + 0.5) * (math.pi / n_angles) - math.pi / 2


def harmonic_limits(n_rings: int, radius_px: float, box_px: int) -> Array:
    """The highest harmonic that each ring of an image within a radius needs.

    Beyond 2 π q r / box the Bessel functions J_m are next to nothing.
    """
    q = np.arange(n_rings)
    limits = np.ceil(2 * math.pi * q * radius_px / box_px + 1.5).astype(int)
    limits[0] = 0
    return limits


def angles_needed(n_rings: int, radius_px: float, offset_px: float, box_px: int) -> int:
    """Directions that keep aliases of the surroundings off the harmonics in use.

    Parameters
    ----------
    n_rings, box_px : int
    radius_px : float, pixels
        Of the particle.
    offset_px : float, pixels
        Longest offset that is searched.
    """
    signal = 2 * math.pi * (n_rings - 1) * radius_px / box_px + 2
    whole = 2 * math.pi * (n_rings - 1) * (radius_px + 5 + offset_px) / box_px + 2
    return max(8, math.ceil((signal + whole) / 2 / 4) * 4)


def analysis_matrices(n_angles: int, highest: int) -> tuple[Array, Array]:
    """What makes harmonics of half circles: of real parts even m, of imaginary odd m.

    Returns
    -------
    even, odd : arrays, shape (2 * number of m, n_angles), float32
        Rows: real and imaginary part of harmonic m, in turn.
    """
    theta = half_circle(n_angles)
    m_even = np.arange(0, highest + 1, 2)[:, None]
    m_odd = np.arange(1, highest + 1, 2)[:, None]
    even = np.stack([np.cos(m_even * theta), -np.sin(m_even * theta)], axis=1)
    odd = np.stack([np.sin(m_odd * theta), np.cos(m_odd * theta)], axis=1)
    shape = (-1, n_angles)
    return (
        (even.reshape(shape) / n_angles).astype(np.float32),
        (odd.reshape(shape) / n_angles).astype(np.float32),
    )


def harmonics_of(rings: Array, highest: int) -> Array:
    """Harmonics 0 .. highest of rings.

    Parameters
    ----------
    rings : array, shape (ring, angle, n), complex64

    Returns
    -------
    array, shape (m, ring, n), complex64
    """
    n_rings, n_angles, n = rings.shape
    even, odd = analysis_matrices(n_angles, highest)
    out = np.zeros((highest + 1, n_rings, n), dtype=np.complex64)
    for first, matrix, part in ((0, even, rings.real), (1, odd, rings.imag)):
        if not len(matrix):
            continue
        rows = np.matmul(matrix, np.ascontiguousarray(part))
        rows = rows.reshape(n_rings, -1, 2, n)
        out[first::2].real = rows[:, :, 0].transpose(1, 0, 2)
        out[first::2].imag = rows[:, :, 1].transpose(1, 0, 2)
    return out


def rings_of(harmonics: Array, n_angles: int) -> Array:
    """Rings with given harmonics: the inverse of `harmonics_of`.

    Parameters
    ----------
    harmonics : array, shape (m, ring, n), complex

    Returns
    -------
    array, shape (ring, angle, n), complex64
    """
    highest = len(harmonics) - 1
    theta = half_circle(n_angles)
    m = np.arange(highest + 1)
    wave = np.exp(1j * m[:, None] * theta).astype(np.complex64)
    weighted = np.where(m[:, None, None] == 0, 1, 2) * harmonics
    # even harmonics make the real part, odd ones the imaginary part
    real = np.einsum("mqn,mt->qtn", weighted[0::2], wave[0::2], optimize=True).real
    out = np.empty(real.shape, dtype=np.complex64)
    out.real = real
    out.imag = 0
    if highest:
        odd = np.einsum("mqn,mt->qtn", weighted[1::2], wave[1::2], optimize=True)
        out.imag = odd.imag
    return out


def waves_of(psi: Array, highest: int) -> Array:
    """Cos m ψ and sin m ψ, (psi, m, 2), float32."""
    angle = psi[:, None] * np.arange(highest + 1)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def offset_phases(n_rings: int, n_angles: int, box_px: int, offsets_px: Array) -> Array:
    """Factors that move transforms on rings by offsets, content towards them.

    Parameters
    ----------
    offsets_px : array, shape (n, 2), pixels
        y and x.

    Returns
    -------
    array, shape (ring, angle, n), complex64
    """
    theta = half_circle(n_angles)
    q = np.arange(n_rings) * (-2 * math.pi / box_px)
    along = (
        np.sin(theta)[:, None] * offsets_px[:, 0]
        + np.cos(theta)[:, None] * (offsets_px[:, 1])
    )
    angle = q[:, None, None] * along
    out = np.empty(angle.shape, dtype=np.complex64)
    out.real = np.cos(angle)
    out.imag = np.sin(angle)
    return out


def _window(u: Array) -> Array:
    inside = np.clip(1 - (2 * u / _WIDTH) ** 2, 0, None)
    return np.where(np.abs(u) <= _WIDTH / 2, np.i0(_BETA * np.sqrt(inside)), 0)


def _window_transform(x: Array) -> Array:
    """Fourier transform of the window at x cycles per grid point."""
    s = np.sqrt(_BETA**2 - (math.pi * _WIDTH * x) ** 2)
    return np.asarray(_WIDTH * np.sinh(s) / s)


def _gridding_taps(kx: Array, ky: Array, size: int) -> tuple[Array, Array, Array]:
    """Coefficients of a half-transform around points, their weights and signs."""
    taps = np.arange(_WIDTH)
    first_x = np.ceil(kx - _WIDTH / 2).astype(int)
    first_y = np.ceil(ky - _WIDTH / 2).astype(int)
    ix = first_x[:, None] + taps
    iy = first_y[:, None] + taps
    weight = (_window(ky[:, None] - iy))[:, :, None] * (_window(kx[:, None] - ix))[
        :, None, :
    ]
    columns_x = np.broadcast_to(ix[:, None, :], weight.shape)
    rows_y = np.broadcast_to(iy[:, :, None], weight.shape)
    negative = columns_x < 0
    x = np.abs(columns_x)
    y = np.where(negative, -rows_y, rows_y) % size
    shape = (len(kx), _WIDTH * _WIDTH)
    return (
        (y * (size // 2 + 1) + x).reshape(shape),
        weight.reshape(shape).astype(np.float32),
        np.where(negative, np.float32(-1), np.float32(1)).reshape(shape),
    )


def _gridding_weights(
    column: Array, weight: Array, sign: Array, size: int
) -> tuple[scipy.sparse.csr_matrix, scipy.sparse.csr_matrix]:
    """The taps as matrices, for real and for imaginary parts."""
    row = np.repeat(np.arange(len(column)), column.shape[1])
    shape = (len(column), size * (size // 2 + 1))
    place = (row, column.ravel())
    real = scipy.sparse.csr_matrix((weight.ravel(), place), shape=shape)
    imaginary = scipy.sparse.csr_matrix(((weight * sign).ravel(), place), shape=shape)
    return real, imaginary


def _shell_means(box_px: int) -> scipy.sparse.csr_matrix:
    """What makes shell means of a half-transform's squares, whole plane counted."""
    shell = shells(box_px)
    count = np.full(shell.shape, 2.0)
    count[:, 0] = 1
    if box_px % 2 == 0:
        count[:, -1] = 1
    inside = shell <= box_px // 2
    rows = shell[inside]
    total = np.bincount(rows, weights=count[inside])
    columns = np.flatnonzero(inside.ravel())
    values = (count[inside] / total[rows]).astype(np.float32)
    return scipy.sparse.csr_matrix(
        (values, (rows, columns)), shape=(box_px // 2 + 1, shell.size)
    )


def _mirrored(column: Array) -> Array:
    """A column at -ky for each ky."""
    return np.roll(column[..., ::-1], 1, axis=-1)
