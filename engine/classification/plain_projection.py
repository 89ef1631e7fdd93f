"""Turned projections of references, and the way back, as RELION 3.1 has them.

Source: Scheres 2012, J. Struct. Biol. 180, 519, and the output of relion_refine 3.1.3;
Pipe & Menon 1999, Magn. Reson. Med. 41, 179 for the gridding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.special

from engine.arrays import Array
from engine.classification.plain_planes import Plane, half_plane, half_up, transform_of
from engine.fourier.transforms import irfft2, rfft2

#: Transforms of references are padded this many times (RELION's --pad).
PAD = 2
_BLOB_RADIUS, _BLOB_ALPHA = 3.8, 15.0
_GRIDDING_ITERATIONS = 10
#: Steps of RELION's table of the blob over 0 .. 0.5.
_TABLE = 20000
#: Shells below this one have no prior (RELION's --minres_map).
LOWEST_SHELL = 5


class Projector:
    """A reference's padded transform, read at turned frequencies, bilinear."""

    def __init__(self, reference: Array, plane: Plane) -> None:
        self.plane = plane
        size, big = plane.size, PAD * plane.size
        x = np.arange(size) - size // 2
        image = reference / np.sinc(np.hypot(x[:, None], x) / big) ** 2
        padded = np.zeros((big, big))
        first = big // 2 - size // 2
        padded[first : first + size, first : first + size] = image
        self.transform = transform_of(padded) * PAD**2
        ky, kx, _ = half_plane(big)
        self._radius = np.hypot(ky, kx)
        self.transform[self._radius > half_up(PAD * plane.r_max)] = 0

    def __call__(self, psi_deg: float, r_max: int | None = None) -> Array:
        """Values at the plane's `use`, 0 where it does not reach or beyond `r_max`."""
        plane = self.plane
        reach = plane.within
        if r_max is not None:
            reach = reach & (plane.kx**2 + plane.ky**2 <= r_max**2)
        x, y, is_flipped = turned(plane, psi_deg, reach)
        x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = x - x0, y - y0
        t, big = self.transform, PAD * plane.size
        x1 = np.minimum(x0 + 1, big // 2)  # where x is the last column, fx is 0
        value = (
            t[y0 % big, x0] * (1 - fy) * (1 - fx)
            + t[(y0 + 1) % big, x0] * fy * (1 - fx)
            + t[y0 % big, x1] * (1 - fy) * fx
            + t[(y0 + 1) % big, x1] * fy * fx
        )
        out = np.zeros(plane.shell.shape, dtype=complex)
        out[reach] = np.where(is_flipped, value.conj(), value)
        return out[plane.use]

    def signal_power(self) -> Array:
        """τ² per shell: half the mean square of the padded transform."""
        plane = self.plane
        inside = self._radius <= half_up(PAD * plane.r_max)
        shell = np.floor(self._radius / PAD + 0.5).astype(int)[inside]
        power = np.abs(self.transform[inside]) ** 2 / 2
        shells = plane.size // 2 + 1
        count = np.bincount(shell, minlength=shells)[:shells]
        total = np.bincount(shell, weights=power, minlength=shells)[:shells]
        tau = total / np.maximum(count, 1)
        tau[plane.r_max + 1 :] = 0
        return np.asarray(tau)


def turned(plane: Plane, psi_deg: float, pixels: Array) -> tuple[Array, Array, Array]:
    """Padded frequencies (x, y) of turned pixels with kx >= 0, and which flip."""
    c, s = math.cos(math.radians(psi_deg)), math.sin(math.radians(psi_deg))
    kx, ky = plane.kx[pixels], plane.ky[pixels]
    x, y = PAD * (c * kx - s * ky), PAD * (s * kx + c * ky)
    is_flipped = x < 0
    return np.where(is_flipped, -x, x), np.where(is_flipped, -y, y), is_flipped


class BackProjection:
    """Planes put back where they were taken from: sums of data and of weight.

    Attributes
    ----------
    data : complex128, shape (class, row, column)
    weight : float64, shape (class, row, column)
    """

    def __init__(self, n_classes: int, plane: Plane) -> None:
        self.plane = plane
        self.edge = half_up(PAD * plane.r_max) + 1
        shape = (n_classes, 2 * self.edge + 1, self.edge + 1)
        self.data = np.zeros(shape, dtype=complex)
        self.weight = np.zeros(shape)

    def add(self, k: int, psi_deg: float, data: Array, weight: Array) -> None:
        """Spread a plane's values at `within` over the four neighbors of each."""
        x, y, is_flipped = turned(self.plane, psi_deg, self.plane.within)
        data = np.where(is_flipped, data.conj(), data)
        x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = x - x0, y - y0
        for dy, wy in ((0, 1 - fy), (1, fy)):
            for dx, wx in ((0, 1 - fx), (1, fx)):
                at = (y0 + dy + self.edge, x0 + dx)
                np.add.at(self.data[k], at, data * wy * wx)
                np.add.at(self.weight[k], at, weight * wy * wx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """A class average, not masked yet, and its spectra per shell."""

    image: Array
    data_vs_prior: Array
    coverage: Array
    reference_noise: Array


def reconstruct(
    data: Array,
    weight: Array,
    plane: Plane,
    *,
    signal_power: Array | None,
    tau_fudge: float = 1.0,
    total: float = 1.0,
    is_completed: bool = True,
) -> Reconstruction:
    """The average of one class from its back-projected sums.

    Parameters
    ----------
    data, weight : arrays, shape (row, column)
        Of `BackProjection`.
    plane : Plane
    signal_power : array, shape (shell,), optional
        τ²; no Wiener filter without it.
    tau_fudge : float
    total : float
        Posterior weight of the class.
    is_completed : bool
        Add what fell on kx = 0 with the other sign of ky.
    """
    size, r_max = plane.size, half_up(PAD * plane.r_max)
    edge = r_max + 1
    data, weight = data.copy(), weight.copy()
    if is_completed:
        for part in (data, weight):
            center = part[edge, 0]
            part[:, 0] += part[::-1, 0].conj()
            part[edge, 0] = center
    y = np.arange(-edge, edge + 1)[:, None]
    x = np.arange(edge + 1)[None, :]
    radius = np.hypot(y, x)
    shell = np.floor(radius / PAD + 0.5).astype(int)
    region = radius**2 < r_max**2
    shells = size // 2 + 1
    ratio, coverage, noise = np.zeros((3, shells))
    if signal_power is not None:
        tau = signal_power[np.minimum(shell, shells - 1)]
        full = weight * PAD**2 * tau_fudge * tau
        for s in range(min(plane.r_max, shells - 1) + 1):
            here = region & (shell == s)
            if here.any():
                ratio[s] = full[here].mean()
                coverage[s] = (full[here] >= 1).mean()
                whole = float((PAD**2 * weight[here]).sum())
                noise[s] = here.sum() / whole if whole > 0 else 0.0
        prior = region & (shell >= LOWEST_SHELL)
        with np.errstate(divide="ignore"):
            term = 1 / (PAD**2 * tau_fudge * tau)
        weight[prior] += np.where(
            np.isfinite(term), term, 1 / np.maximum(1e-3 * weight, 1e-300)
        )[prior]
    data, weight = data / total, weight / total
    value = np.where(region, data * _gridding(weight, region, PAD * size), 0)
    image = _image(value[2 : 2 * edge - 1, :r_max], size)
    return Reconstruction(
        image=image, data_vs_prior=ratio, coverage=coverage, reference_noise=noise
    )


def _image(value: Array, size: int) -> Array:
    """The image of a padded half-transform about its middle row, its rim evened out."""
    big, reach = PAD * size, len(value) // 2
    grid = np.zeros((big, big // 2 + 1), dtype=complex)
    grid[np.arange(-reach, reach + 1) % big, : value.shape[1]] = value
    image = np.fft.fftshift(irfft2(grid, (big, big)))
    first = big // 2 - size // 2
    image = image[first : first + size, first : first + size] / PAD**2
    x1 = np.arange(size) - size // 2
    r = np.hypot(x1[:, None], x1)
    image = _windowed(image, r, size / 2, 3.0)
    return np.asarray(image / np.sinc(r / big) ** 2)


def _gridding(weight: Array, region: Array, big: int) -> Array:
    """Pipe and Menon's iterations: what evens out the uneven sampling.

    The grid is as large as the sums; the blob's frequencies are of the padded image.
    """
    rows, edge = len(weight), len(weight) // 2
    x = np.arange(rows)
    x = np.where(x <= rows // 2, x, x - rows)
    blob = _blob(np.hypot(x[:, None], x) / big)
    y = (np.arange(-edge, edge + 1) % rows)[:, None]
    columns = np.arange(weight.shape[1])
    new = np.where(region, 1.0, 0.0)
    for _ in range(_GRIDDING_ITERATIONS):
        grid = np.zeros((rows, rows // 2 + 1), dtype=complex)
        grid[y, columns] = new * weight
        smooth = rfft2(irfft2(grid, (rows, rows)) * blob)
        new = new / np.maximum(1e-6, np.abs(smooth[y, columns]))
    return np.asarray(new)


def _blob(u: Array) -> Array:
    """Transform of the Kaiser-Bessel blob of order 0 in space, 1 at the origin."""
    u = np.floor(u * _TABLE) / _TABLE
    argument = _BLOB_ALPHA**2 - (2 * math.pi * _BLOB_RADIUS * u) ** 2
    safe = np.maximum(np.sqrt(np.abs(argument)), 1e-9)
    value = np.where(
        argument >= 0,
        scipy.special.iv(1.5, safe) / safe**1.5,
        scipy.special.jv(1.5, safe) / safe**1.5,
    )
    origin = scipy.special.iv(1.5, _BLOB_ALPHA) / _BLOB_ALPHA**1.5
    return np.where(u <= 0.5, value / origin, 0.0)


def _windowed(image: Array, r: Array, radius: float, edge: float) -> Array:
    """Beyond a radius the mean of what lies there, over a soft edge outwards."""
    position = np.clip((r - radius) / edge, 0, 1)
    outside = 0.5 - 0.5 * np.cos(math.pi * position)
    background = (outside * image).sum() / outside.sum()
    return np.asarray((1 - outside) * image + outside * background)
