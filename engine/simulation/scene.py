"""What lies in the ice of one practice micrograph, and where.

A scene is planned from the seed and the micrograph's index alone, so that micrograph i
is the same whatever the number of micrographs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf
from engine.simulation.molecule import molecule

#: Of the tutorial's micrographs: about 145 particles on 3710 x 3838 pixels of 0.885 Å.
PARTICLES_PER_ANGSTROM2 = 145 / (3710 * 3838 * 0.885**2)
#: One particle in twelve may touch a neighbor; the others keep their distance.
_CROWDED_FRACTION = 1 / 12
_CROWDED_DISTANCE, _FREE_DISTANCE = 0.5, 0.85  # in diameters
_BROKEN_FRACTION = 0.5
_ATTEMPTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedParticles:
    """Particles of a scene, one array per column.

    Attributes
    ----------
    y, x : array, shape (n,), pixels
        Centers; the first pixel is 0.
    angles_deg : array, shape (n, 3)
        rot, tilt, psi.
    species : array of int, shape (n,)
        Index into the scene's species.
    """

    y: Array
    x: Array
    angles_deg: Array
    species: Array

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A lump of ice on the surface: center and radius in pixels, thickness in Å."""

    y: float
    x: float
    radius_px: float
    thickness_angstrom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonEdge:
    """Carbon film outside a round hole: the hole's center and radius in pixels."""

    y: float
    x: float
    radius_px: float
    thickness_angstrom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One micrograph's contents and optics."""

    shape: tuple[int, int]
    pixel_size: float
    species: tuple[str, ...]
    ctf: Ctf
    particles: PlacedParticles
    broken: PlacedParticles
    blobs: tuple[Blob, ...]
    carbon: CarbonEdge | None
    ice_angstrom: float
    ice_slope: tuple[float, float]  # relative thickness per width, along (y, x)
    contrast: float  # of the particles, relative to what is usual

    def inside(self) -> Array:
        """Which particles have their center on the micrograph, bool."""
        rows, columns = self.shape
        y, x = self.particles.y, self.particles.x
        return (y >= 0) & (y <= rows - 1) & (x >= 0) & (x <= columns - 1)


def plan_scene(
    index: int,
    seed: int,
    shape: tuple[int, int],
    pixel_size: float,
    *,
    species: Mapping[str, float],
    particle_count: float | None = None,
    contrast: float = 1.0,
    is_dirty: bool = False,
) -> Scene:
    """The contents of micrograph number `index` of a practice project.

    Parameters
    ----------
    index : int
        From 0. Every eighth micrograph from the fourth has a carbon edge, every third
        from the second one to three ice crystals.
    seed : int
    shape : (y, x), pixels
    pixel_size : float, Å per pixel
    species : mapping of molecule name to share
    particle_count : float, optional
        Mean number of particles on a micrograph without carbon; that of the tutorial's
        density without it.
    contrast : float
        Of the particles, relative to what is usual.
    is_dirty : bool
        Ice crystals on every micrograph, and carbon on every other one.
    """
    rng = np.random.default_rng([seed, index])
    ctf = _plan_ctf(rng)
    has_carbon = index % 2 == 1 if is_dirty else index % 8 == 3
    has_blobs = is_dirty or index % 3 == 1
    carbon = _plan_carbon(rng, shape, pixel_size) if has_carbon else None
    blobs = _plan_blobs(rng, shape, pixel_size) if has_blobs else ()
    angle = rng.uniform(0, 2 * math.pi)
    slope = rng.uniform(0.1, 0.45)
    ice = rng.uniform(250, 420)
    names = tuple(species)
    area = shape[0] * shape[1] * pixel_size**2
    mean = particle_count or PARTICLES_PER_ANGSTROM2 * area
    count = mean * rng.uniform(0.75, 1.25)
    placer = _Placer(rng, shape, pixel_size, names, carbon, blobs)
    particles = placer.place(count, np.array(list(species.values()), dtype=float))
    broken = placer.place(count * _BROKEN_FRACTION, np.ones(len(names)))
    return Scene(
        shape=shape,
        pixel_size=pixel_size,
        species=names,
        ctf=ctf,
        particles=particles,
        broken=broken,
        blobs=blobs,
        carbon=carbon,
        ice_angstrom=ice,
        ice_slope=(slope * math.sin(angle), slope * math.cos(angle)),
        contrast=contrast,
    )


def _plan_ctf(rng: np.random.Generator) -> Ctf:
    mean = rng.uniform(9_000, 20_000)
    half_difference = 0.5 * rng.uniform(50, 350)
    return Ctf(
        voltage_kv=300.0,
        spherical_aberration_mm=2.7,
        amplitude_contrast=0.1,
        defocus_u_angstrom=mean + half_difference,
        defocus_v_angstrom=mean - half_difference,
        defocus_angle_deg=rng.uniform(0, 90),
    )


def _plan_carbon(
    rng: np.random.Generator, shape: tuple[int, int], pixel_size: float
) -> CarbonEdge:
    """A hole of 1.2 µm whose rim crosses the image; a third or less is carbon."""
    radius = 6000.0 / pixel_size
    direction = rng.uniform(0, 2 * math.pi)
    reach = rng.uniform(0.15, 0.3) * min(shape)
    distance = radius - reach
    return CarbonEdge(
        y=0.5 * shape[0] - distance * math.sin(direction),
        x=0.5 * shape[1] - distance * math.cos(direction),
        radius_px=radius,
        thickness_angstrom=rng.uniform(90, 150),
    )


def _plan_blobs(
    rng: np.random.Generator, shape: tuple[int, int], pixel_size: float
) -> tuple[Blob, ...]:
    return tuple(
        Blob(
            y=rng.uniform(0.05, 0.95) * shape[0],
            x=rng.uniform(0.05, 0.95) * shape[1],
            radius_px=radius / pixel_size,
            thickness_angstrom=rng.uniform(0.8, 1.5) * radius,
        )
        for radius in rng.uniform(70, 280, int(rng.integers(1, 4)))
    )


class _Placer:
    """Throws particles at the ice one by one; a throw onto something is repeated."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        pixel_size: float,
        names: tuple[str, ...],
        carbon: CarbonEdge | None,
        blobs: tuple[Blob, ...],
    ) -> None:
        self._rng = rng
        self._shape = shape
        self._diameters = np.array(
            [molecule(name).diameter_angstrom / pixel_size for name in names]
        )
        self._carbon = carbon
        self._blobs = blobs
        self._margin = 0.5 * float(self._diameters.max())
        self._taken = np.empty((0, 3))  # y, x, radius

    def place(self, count: float, shares: Array) -> PlacedParticles:
        """About `count` particles on the micrograph, and those that reach into it."""
        rows, columns = self._shape
        grown = (rows + 2 * self._margin) * (columns + 2 * self._margin)
        wanted = round(count * grown / (rows * columns))
        placed = []
        for _ in range(wanted):
            kind = int(self._rng.choice(len(shares), p=shares / shares.sum()))
            spot = self._find_spot(0.5 * float(self._diameters[kind]))
            if spot is not None:
                placed.append((*spot, kind))
        table = np.array(placed).reshape(-1, 3)
        tilt = np.degrees(np.arccos(self._rng.uniform(-1, 1, len(table))))
        rot, psi = self._rng.uniform(-180, 180, (2, len(table)))
        return PlacedParticles(
            y=table[:, 0],
            x=table[:, 1],
            angles_deg=np.stack([rot, tilt, psi], axis=1),
            species=table[:, 2].astype(np.int64),
        )

    def _find_spot(self, radius: float) -> tuple[float, float] | None:
        crowded = self._rng.random() < _CROWDED_FRACTION
        factor = _CROWDED_DISTANCE if crowded else _FREE_DISTANCE
        rows, columns = self._shape
        for _ in range(_ATTEMPTS):
            y = self._rng.uniform(-self._margin, rows + self._margin)
            x = self._rng.uniform(-self._margin, columns + self._margin)
            if self._is_free(y, x, radius, factor):
                self._taken = np.vstack([self._taken, (y, x, radius)])
                return y, x
        return None

    def _is_free(self, y: float, x: float, radius: float, factor: float) -> bool:
        distance = np.hypot(self._taken[:, 0] - y, self._taken[:, 1] - x)
        if (distance < factor * (self._taken[:, 2] + radius)).any():
            return False
        if self._carbon is not None:
            from_hole = math.hypot(y - self._carbon.y, x - self._carbon.x)
            if from_hole > self._carbon.radius_px - radius:
                return False
        return all(
            math.hypot(y - blob.y, x - blob.x) > 1.2 * blob.radius_px + radius
            for blob in self._blobs
        )
