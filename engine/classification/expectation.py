"""Posterior weights of class, rotation and offset, in angular harmonics of rings.

With Y = C X / S (CTF, particle, noise power) and A a reference, Σ over coefficients of
Re conj(A) Y is, for all rotations at once,

    cross(ψ) = Σ_m c_m Re exp(-i m ψ) Σ_q π q conj(A_qm) Y_qm,   c_0 = 1, else c_m = 2

and the reference's own power, ½ Σ |A|² C² / S, likewise with the harmonics of |A|² and
C² / S, of which few are left without much astigmatism. A coarse pass over all classes
finds the classes and offsets that carry weight; a fine pass sums over those.
"""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array, array_namespace
from engine.classification.batch import Assignments, Batch, Optics
from engine.classification.fine_pass import FinePass
from engine.classification.masking import circular_mask, colored_noise, masked
from engine.classification.model import ClassModel
from engine.classification.polar import (
    PolarGrid,
    analysis_matrices,
    harmonic_limits,
    harmonics_of,
    offset_phases,
    waves_of,
)
from engine.classification.ring_ctf import RingCtf
from engine.classification.sampling import Sampling
from engine.classification.statistics import SufficientStatistics

#: Part of a particle's posterior that the fine pass must not lose (RELION's
#: --adaptive_fraction).
ADAPTIVE_FRACTION = 0.999
_MAX_WEIGHT_HARMONIC = 24
#: Deviations of their prior beyond which confined offsets are all but forbidden, and
#: the penalty per square of a further one.
_FARTHEST_DEVIATIONS = 3.0
_PENALTY = 20.0
#: Part of the mean share below which a class gets no further advantage.
_LEAST_SHARE = 0.005


class Expectation:
    """One iteration's E-step: references, angles and offsets laid out once.

    Parameters
    ----------
    model : ClassModel
    grid : PolarGrid
        Rings that are summed for the next averages.
    sampling : Sampling
    optics : Optics
    n_reference_rings : int
        Rings on which the references have any power.
    n_coarse_rings : int
        Rings that the coarse pass compares.
    n_scale_groups : int
    max_astigmatism_angstrom : float
        Largest |U - V| among the particles, for the harmonics of C².
    does_align : bool
        Search angles and offsets; else only classes.
    class_exponent : float
        Exponent of the classes' shares in their prior: 1 weighs by share, 0 all
        alike, -1 against full classes.
    confines_offsets : bool
        Nearly forbid offsets far beyond their prior's width: such a move ends on a
        neighboring particle.
    seed : int
        For noise outside the mask.
    """

    def __init__(
        self,
        model: ClassModel,
        grid: PolarGrid,
        sampling: Sampling,
        optics: Optics,
        *,
        n_reference_rings: int,
        n_coarse_rings: int,
        n_scale_groups: int,
        max_astigmatism_angstrom: float = 0.0,
        does_align: bool = True,
        class_exponent: float = 0.0,
        confines_offsets: bool = False,
        seed: int = 0,
    ) -> None:
        self.model, self.grid, self.sampling, self.optics = (
            model,
            grid,
            sampling,
            optics,
        )
        self.does_align, self.seed = does_align, seed
        self.confines_offsets = confines_offsets
        self.n_scale_groups = n_scale_groups
        search = min(grid.n_rings, max(2, n_reference_rings))
        if optics.finest_search_ring is not None:
            search = min(search, optics.finest_search_ring + 1)
        self.n_search = max(2, search)
        self.n_coarse = max(2, min(self.n_search, n_coarse_rings))
        self.mask = circular_mask(grid.box_px, optics.radius_px)
        limits = harmonic_limits(grid.n_rings, optics.radius_px + 2.5, grid.box_px)
        self.limits = limits
        self.highest = int(limits[-1])
        self.highest_weight = self._weight_harmonics(max_astigmatism_angstrom)
        self.live = np.flatnonzero(model.class_distribution > 0)
        self.log_shares = self._log_shares(class_exponent)
        self._lay_out_references()
        self._lay_out_sampling()
        self._ctf = RingCtf(grid, optics)

    def _log_shares(self, exponent: float) -> Array:
        """Logarithm of the classes' prior, float32."""
        shares = self.model.class_distribution[self.live]
        least = _LEAST_SHARE / max(self.model.n_classes, 1) if exponent < 0 else 0.0
        return (exponent * np.log(np.maximum(shares, least))).astype(np.float32)

    def _weight_harmonics(self, astigmatism: float) -> int:
        """The highest even harmonic of C² that astigmatism makes (Bessel's order)."""
        if not self.optics.do_ctf or astigmatism <= 1:
            return 0
        k = self.grid.n_rings / (self.grid.box_px * self.optics.pixel_size)
        wavelength = 0.025
        phase = math.pi * wavelength * astigmatism * k**2
        order = 2 * math.ceil(phase + 1.0)
        return int(min(order, _MAX_WEIGHT_HARMONIC, self.highest // 2 * 2))

    def _lay_out_references(self) -> None:
        grid = self.grid
        rings = grid.rings(self.model.images[self.live])
        self.reference_power = np.zeros((self.model.n_classes, grid.n_rings))
        square = rings.real**2 + rings.imag**2
        self.reference_power[self.live] = 0.5 * square.mean(axis=1, dtype=np.float64).T
        rings[0] = 0
        rings[self.n_search :] = 0
        harmonics = harmonics_of(rings, self.highest)
        m = np.arange(self.highest + 1)
        harmonics[m[:, None] > self.limits] = 0
        count = np.where(m == 0, 1.0, 2.0).astype(np.float32)
        q = np.arange(grid.n_rings)
        weight = (math.pi * q * count[:, None])[:, :, None].astype(np.float32)
        # (m, ring, class) for the search, (m, class, ring) for the sums
        self.conjugate = np.ascontiguousarray((weight * harmonics).conj())
        self.harmonics = np.ascontiguousarray(harmonics.transpose(0, 2, 1))
        self.count = count
        power = (np.abs(rings) ** 2).astype(np.complex64)
        power_harmonics = harmonics_of(power, self.highest_weight)[::2]
        even = count[: self.highest_weight + 1 : 2]
        half = 0.5 * math.pi * q * even[:, None]
        self.power_conjugate = np.ascontiguousarray(
            half[:, :, None] * power_harmonics.conj()
        ).astype(np.complex64)
        self.power = np.ascontiguousarray(power_harmonics.transpose(0, 2, 1))
        self.even_count = even
        top = int(self.limits[self.n_search - 1])
        self.highest_search = top
        self.highest_coarse = int(self.limits[self.n_coarse - 1])
        self._coarse_operators = []
        for order in range(self.highest_coarse + 1):
            first = int(np.searchsorted(self.limits, order))
            a = self.conjugate[order, max(1, first) : self.n_coarse]
            # rows: rings of the real part, then of the imaginary part
            real = np.concatenate([a.real, -a.imag])
            imaginary = np.concatenate([a.imag, a.real])
            self._coarse_operators.append(
                (
                    max(1, first),
                    np.ascontiguousarray(real),
                    np.ascontiguousarray(imaginary),
                )
            )

    def _lay_out_sampling(self) -> None:
        grid, sampling = self.grid, self.sampling
        self.coarse_psi = np.deg2rad(sampling.coarse_psi_deg())
        self.fine_psi = np.deg2rad(sampling.fine_psi_deg())
        self.coarse_offsets = sampling.coarse_offsets_px()
        self.fine_offsets = sampling.fine_offsets_px()
        phases = offset_phases(
            grid.n_rings, grid.n_angles, grid.box_px, self.fine_offsets.reshape(-1, 2)
        )
        self.fine_phases = np.ascontiguousarray(phases.transpose(2, 0, 1))
        phases = offset_phases(
            self.n_coarse, grid.n_angles, grid.box_px, self.coarse_offsets
        )
        self.coarse_phases = np.ascontiguousarray(phases.transpose(2, 0, 1))
        self.coarse_waves = waves_of(self.coarse_psi, self.highest_coarse)
        self.fine_waves = waves_of(self.fine_psi, self.highest)
        self.even, self.odd = analysis_matrices(grid.n_angles, self.highest)

    def zeros(self) -> SufficientStatistics:
        """Sums of no particles."""
        return SufficientStatistics.zeros(
            n_classes=self.model.n_classes,
            n_harmonics=self.highest + 1,
            n_weight_harmonics=self.highest_weight // 2 + 1,
            n_rings=self.grid.n_rings,
            n_noise_groups=len(self.model.noise_power),
            n_shells=self.model.noise_power.shape[1],
            n_scale_groups=self.n_scale_groups,
        )

    def __call__(self, batch: Batch) -> tuple[Assignments, SufficientStatistics]:
        """Winners and sums of a batch of particles."""
        n = len(batch.index)
        images = self._masked(batch)
        rings, shell_power = self.grid.rings_and_power(images)
        rings = np.ascontiguousarray(rings.transpose(2, 0, 1))
        ctf = self._ctf(batch)
        noise = self.model.noise_power[batch.noise_group, : self.grid.n_rings]
        inverse = (1 / noise).astype(np.float32)[:, :, None]
        square = ctf * ctf
        if self.optics.is_premultiplied:
            y = rings * (inverse * batch.scale[:, None, None].astype(np.float32))
        else:
            y = rings * (ctf * inverse)
        v = square * inverse
        v_harmonics = harmonics_of(
            v.transpose(1, 2, 0).astype(np.complex64), self.highest_weight
        )[::2]
        sums = self.zeros()
        out = Assignments.empty(n)
        active = self._coarse(batch, y, v_harmonics, out) if self.does_align else None
        one = FinePass(self, sums, out)
        for i in range(n):
            chosen = active[i] if active is not None else None
            one.add(i, batch, y[i], v_harmonics[:, :, i], chosen)
        ring_power = (rings.real**2 + rings.imag**2).mean(axis=2, dtype=np.float64)
        self.add_noise(batch, ring_power, shell_power, one.ring_sums(n), sums, out)
        sums.ctf_power += v_harmonics[0].real.sum(axis=1)
        return out, sums

    def _masked(self, batch: Batch) -> Array:
        noise = None
        if not self.optics.fills_with_zeros:
            power = self.model.noise_power[batch.noise_group]
            noise = colored_noise(batch.index, power, self.grid.box_px, self.seed)
        return masked(batch.images, self.mask, noise)

    def _coarse(
        self, batch: Batch, y: Array, v_harmonics: Array, out: Assignments
    ) -> list[tuple[Array, Array]]:
        """Classes and coarse offsets that carry weight, for each particle."""
        n, n_offsets = len(y), len(self.coarse_offsets)
        rows = n * n_offsets
        moved = y[:, None, : self.n_coarse] * self.coarse_phases
        parts = self._harmonic_parts(moved.reshape(rows, self.n_coarse, -1))
        n_live = len(self.live)
        cross = np.empty((self.highest_coarse + 1, 2, rows, n_live), dtype=np.float32)
        for order, (first, real, imaginary) in enumerate(self._coarse_operators):
            half = parts[order % 2][order // 2][:, :, first:]
            flat = np.ascontiguousarray(half.transpose(1, 0, 2)).reshape(rows, -1)
            np.matmul(flat, real, out=cross[order, 0])
            np.matmul(flat, imaginary, out=cross[order, 1])
        waves = self.coarse_waves.reshape(len(self.coarse_psi), -1)
        flat_cross = cross.reshape(waves.shape[1], rows * n_live)
        value = (waves @ flat_cross).reshape(-1, n, n_offsets, n_live)
        value -= self._norms(v_harmonics, self.coarse_waves, None, self.n_coarse)[
            :, :, None, :
        ]
        value += self.log_prior(batch, self.coarse_offsets)[:, :, None]
        value += self.log_shares
        value -= value.max(axis=(0, 2, 3))[None, :, None, None]
        np.exp(value, out=value)
        mass = value.sum(axis=0, dtype=np.float32)
        out.n_significant[:] = _significant_counts(value)
        classes = leading(mass.sum(axis=1))
        moves = leading(mass.sum(axis=2))
        return [
            (np.flatnonzero(k), np.flatnonzero(t))
            for k, t in zip(classes, moves, strict=True)
        ]

    def _harmonic_parts(self, moved: Array) -> tuple[Array, Array]:
        """Even and odd harmonics, each (m, part, row, ring), of complex rings."""
        rows, n_rings, n_angles = moved.shape
        top = self.highest_coarse
        flat = moved.reshape(-1, n_angles)
        even = self.even[: 2 * (top // 2 + 1)]
        odd = self.odd[: 2 * ((top + 1) // 2)]
        real = np.ascontiguousarray(flat.real)
        imaginary = np.ascontiguousarray(flat.imag)
        return (
            (even @ real.T).reshape(-1, 2, rows, n_rings),
            (odd @ imaginary.T).reshape(-1, 2, rows, n_rings),
        )

    def _norms(
        self, v_harmonics: Array, waves: Array, chosen: Array | None, n_rings: int
    ) -> Array:
        """½ Σ |A|² C² / S of each angle, particle and class."""
        power = self.power_conjugate[:, :n_rings]
        if chosen is not None:
            power = power[:, :, chosen]
        v = v_harmonics[:, :n_rings].transpose(0, 2, 1)
        parts = np.matmul(np.ascontiguousarray(v), power)
        even = waves[:, 0 : self.highest_weight + 1 : 2]
        real = parts.real.reshape(len(parts), -1)
        imaginary = parts.imag.reshape(len(parts), -1)
        values = even[:, :, 0] @ real + even[:, :, 1] @ imaginary
        return np.asarray(values.reshape(len(waves), *parts.shape[1:]))

    def log_prior(self, batch: Batch, offsets: Array) -> Array:
        """Logarithm of the prior of offsets, (n, offset), float32."""
        place = batch.origin_px[:, None] + offsets
        return self.offset_prior((place**2).sum(axis=-1)).astype(np.float32)

    def offset_prior(self, square: Array) -> Array:
        """Logarithm of the offsets' prior at squared lengths, of any array library."""
        xp = array_namespace(square)
        sigma = max(self.model.offset_sigma_px, 0.1)
        prior = -square / (2 * sigma**2)
        if not self.confines_offsets:
            return prior
        beyond = xp.sqrt(square) / sigma - _FARTHEST_DEVIATIONS
        beyond = xp.where(beyond > 0, beyond, xp.zeros_like(beyond))
        return prior - _PENALTY * beyond * beyond

    def add_noise(
        self,
        batch: Batch,
        ring_power: Array,
        shell_power: Array,
        ring_sums: tuple[Array, Array],
        sums: SufficientStatistics,
        out: Assignments,
    ) -> None:
        """Add residual power per shell; put in each particle's norm and likelihood.

        Parameters
        ----------
        batch : Batch
        ring_power, shell_power : float64, shapes (n, ring) and (n, shell)
            Mean power of each image.
        ring_sums : two float64 arrays, shape (n, ring)
            Σ p Re conj(A) Y and Σ p |A|² C² / S, means over rings.
        sums : SufficientStatistics
        out : Assignments
        """
        n_rings = self.grid.n_rings
        cross, norm = ring_sums
        noise = self.model.noise_power[batch.noise_group, :n_rings]
        data_power = shell_power.copy()
        data_power[:, :n_rings] = ring_power
        residual = data_power.copy()
        residual[:, :n_rings] += (norm - 2 * cross) * noise
        np.maximum(residual, 1e-3 * data_power, out=residual)
        np.add.at(sums.noise, batch.noise_group, residual)
        np.add.at(sums.noise_count, batch.noise_group, 1)
        q = np.arange(residual.shape[1])
        total = (2 * math.pi * q * residual).sum(axis=1)
        out.norm_correction[:] = np.sqrt(total) / np.maximum(batch.norm, 1e-6)
        count = math.pi * np.arange(n_rings)
        constant = 0.5 * (count * ring_power / noise).sum(axis=1)
        constant += (count * np.log(2 * math.pi * noise)).sum(axis=1)
        out.log_likelihood -= constant
        strong = (self.model.data_vs_prior[:, :n_rings] > 3).any(axis=0)
        weight = math.pi * np.arange(n_rings) * strong
        scale = np.maximum(batch.scale, 1e-6)
        np.add.at(sums.scale_cross, batch.scale_group, (cross * weight).sum(1) / scale)
        np.add.at(sums.scale_norm, batch.scale_group, (norm * weight).sum(1) / scale**2)
        sums.totals += [
            len(batch.index),
            out.log_likelihood.sum(),
            out.max_posterior.sum(),
            out.norm_correction.sum(),
            0.0,
        ]


def leading(mass: Array) -> Array:
    """Which entries of each row are the fewest that hold the adaptive fraction, bool.

    Of equal entries the first ones.
    """
    order = np.argsort(-mass, axis=1, kind="stable")
    ordered = np.take_along_axis(mass, order, axis=1)
    total = np.cumsum(ordered, axis=1, dtype=np.float64)
    is_needed = np.empty(mass.shape, dtype=bool)
    is_needed[:, 0] = True
    is_needed[:, 1:] = total[:, :-1] < ADAPTIVE_FRACTION * total[:, -1:]
    out = np.empty_like(is_needed)
    np.put_along_axis(out, order, is_needed, axis=1)
    return out


#: Levels of 5 % of weight down to 1e-6.
_LEVELS = 278


def _significant_counts(weights: Array) -> Array:
    """How many samples hold the adaptive fraction, per particle.

    Parameters
    ----------
    weights : array, shape (psi, n, offset, class)
        At most 1. Counted in steps of 5 % of weight, which is what a rounded
        column needs.
    """
    n = weights.shape[1]
    places = np.flatnonzero(weights > 1e-6)
    w = weights.ravel()[places]
    particle = places // (weights[0, 0].size) % n
    level = (np.log(w) * -20).astype(np.int64) + _LEVELS * particle
    shape = (n, _LEVELS)
    by_level = np.bincount(level, weights=w, minlength=n * _LEVELS).reshape(shape)
    count = np.bincount(level, minlength=n * _LEVELS).reshape(shape)
    total = np.cumsum(by_level, axis=1)
    last = (total < ADAPTIVE_FRACTION * total[:, -1:]).sum(axis=1)
    counts = np.cumsum(count, axis=1)
    return np.asarray(np.take_along_axis(counts, last[:, None], axis=1)[:, 0])
