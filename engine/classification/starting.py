"""What there is before the first iteration: noise, and the first references.

Without given ones these are averages of random particles in random orientations.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.arrays import Array, to_host
from engine.classification.batch import Assignments, Batch, Optics
from engine.classification.device_rings import DeviceRings
from engine.classification.masking import circular_mask, masked
from engine.classification.polar import PolarGrid, harmonics_of
from engine.classification.ring_ctf import RingCtf
from engine.classification.share import Share
from engine.classification.state import Settings
from engine.classification.statistics import SufficientStatistics
from engine.fourier.filters import lowpass

#: Part of the box's shells that the first references have.
_INITIAL_SHELLS = 0.07


def first_rings(box_px: int) -> int:
    """Rings that the first references are made of."""
    return max(3, round(_INITIAL_SHELLS * box_px) + 1)


class FirstPass:
    """Noise power per group, and sums of random classes, over all particles.

    Parameters
    ----------
    share : Share
    usable : int array
        Particles that take part.
    grid : PolarGrid
        Of `first_rings`.
    put : callable, optional
        Copies an array to the device, where the rings are made on one.
    """

    def __init__(
        self,
        share: Share,
        usable: Array,
        grid: PolarGrid,
        put: Callable[[Array], Array] | None = None,
    ) -> None:
        self.share, self.usable, self.grid = share, usable, grid
        self._transform = _on_device(grid, put) if put else grid.rings_and_power

    def __call__(
        self,
        particles: Assignments,
        *,
        wants_references: bool,
        on_batch: Callable[[], None],
    ) -> tuple[Array, SufficientStatistics]:
        """Noise power, (noise group, shell), and the sums, the same on all ranks."""
        share, grid = self.share, self.grid
        settings, groups, box = share.settings, share.groups, share.source.box_px
        step = RandomClasses(grid, settings.optics, settings)
        mask = circular_mask(box, settings.optics.radius_px)
        n_groups = int(groups.noise.max()) + 1
        power = np.zeros((n_groups, box // 2 + 1))
        count = np.zeros(n_groups)
        mean = np.zeros((box, box))
        sums = step.zeros(int(groups.scale.max()) + 1)
        for batch in share.batches(share.mine(self.usable), particles):
            images = masked(batch.images, mask)
            rings, shell_power = self._transform(images)
            np.add.at(power, batch.noise_group, shell_power)
            np.add.at(count, batch.noise_group, 1)
            mean += images.sum(axis=0)
            if wants_references:
                step.add(batch, rings, sums)
            on_batch()
        power, count, mean = (share.comm.sum(a) for a in (power, count, mean))
        mean /= max(len(self.usable), 1)
        own = grid.rings_and_power(mean[None].astype(np.float32))[1][0]
        noise = 0.5 * (power / np.maximum(count, 1)[:, None] - own)
        return _positive(noise), sums.reduced(share.comm)


def _on_device(
    grid: PolarGrid, put: Callable[[Array], Array]
) -> Callable[[Array], tuple[Array, Array]]:
    """Rings and shell power of images, made on the device."""
    rings = DeviceRings(grid, put)

    def transform(images: Array) -> tuple[Array, Array]:
        real, imaginary, power = (to_host(a) for a in rings(put(images)))
        whole = np.empty(real.shape, dtype=np.complex64)
        whole.real, whole.imag = real, imaginary
        return whole.transpose(1, 2, 0), power.astype(np.float64)

    return transform


def lowpassed(references: Array, settings: Settings) -> tuple[Array, int]:
    """Given references as the settings want them, and their finest shell.

    Parameters
    ----------
    references : array, shape (class, y, x)
    settings : Settings

    Returns
    -------
    references : array, shape (class, y, x)
    finest : int, shell
    """
    resolution, box = settings.reference_resolution_angstrom, references.shape[-1]
    if resolution is None:
        return references, box // 2 - 1
    pixel = settings.optics.pixel_size
    finest = min(max(2, math.ceil(box * pixel / resolution) + 1), box // 2 - 1)
    return lowpass(references, pixel, resolution), finest


def _positive(noise: Array) -> Array:
    """Entries that came out negative replaced by a neighbor's."""
    out = noise.copy()
    for group in out:
        good = np.flatnonzero(group > 0)
        if len(good) == 0:
            group[:] = 1e-6
            continue
        for shell in np.flatnonzero(group <= 0):
            before = good[good < shell]
            group[shell] = group[before[-1] if len(before) else good[0]]
    return out


class RandomClasses:
    """Sums of particles in random classes and orientations, on few rings."""

    def __init__(self, grid: PolarGrid, optics: Optics, settings: Settings) -> None:
        self.settings = settings
        self.optics = optics
        self.grid = grid
        q = np.arange(grid.n_rings)
        self.highest = math.ceil(
            2 * math.pi * q[-1] * (optics.radius_px + 2.5) / grid.box_px + 1.5
        )
        self._ctf = RingCtf(grid, optics)

    def zeros(self, n_scale_groups: int) -> SufficientStatistics:
        """Sums of no particles."""
        return SufficientStatistics.zeros(
            n_classes=self.settings.n_classes,
            n_harmonics=self.highest + 1,
            n_weight_harmonics=1,
            n_rings=self.grid.n_rings,
            n_noise_groups=1,
            n_shells=1,
            n_scale_groups=n_scale_groups,
        )

    def add(self, batch: Batch, rings: Array, sums: SufficientStatistics) -> None:
        """Add a batch; its particles' own seeds decide where they go."""
        ctf = self._ctf(batch).transpose(1, 2, 0)
        data = rings if self.optics.is_premultiplied else rings * ctf
        harmonics = harmonics_of(data.astype(np.complex64), self.highest)
        weight = (ctf * ctf).mean(axis=1)
        m = np.arange(self.highest + 1)
        for i, index in enumerate(batch.index):
            random = np.random.default_rng([self.settings.seed, int(index), 1])
            k = int(random.integers(self.settings.n_classes))
            wave = np.exp(-1j * m * random.uniform(0, 2 * math.pi))
            sums.data[k] += wave[:, None] * harmonics[:, :, i]
            sums.weight[k, 0] += weight[:, i]
            sums.class_weight[k] += 1


def equalized(images: Array, grid: PolarGrid) -> Array:
    """References of equal power on each ring, so that none starts ahead.

    Parameters
    ----------
    images : array, shape (class, y, x)
    grid : PolarGrid

    Returns
    -------
    array, shape (class, y, x)
    """
    rings = grid.rings(images)
    amplitude = np.sqrt((rings.real**2 + rings.imag**2).mean(axis=1))
    mean = amplitude.mean(axis=1, keepdims=True)
    factor = mean / np.maximum(amplitude, 1e-12 + 1e-6 * mean)
    return grid.images(rings * factor[:, None, :].astype(np.float32))
