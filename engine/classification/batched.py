"""The E-step of many particles at once, in any array library: the form for devices.

The same passes as `expectation` and `fine_pass`, laid out as products over whole
batches: each particle's offsets that carry weight are padded to the most of the batch,
all classes are compared, and what the coarse pass left out gets no weight. On a
processor the form of one particle after another is faster; tests hold the two together.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from engine.arrays import (
    Array,
    array_namespace,
    astype,
    joined,
    sorting_order,
    take_along,
    with_axes,
)
from engine.classification.batch import Assignments, Batch
from engine.classification.device_rings import DeviceRings, Put, analyzed, leading
from engine.classification.expectation import ADAPTIVE_FRACTION, Expectation
from engine.classification.masking import colored_noise
from engine.classification.ring_ctf import RingCtf
from engine.classification.sampling import Sampling
from engine.classification.statistics import SufficientStatistics

#: Logarithm of the weight of what is not considered.
_NOTHING = -1e30
#: Posterior weight below which rows and classes are left out of the sums.
_LEAST = 1e-4
#: Levels of 5 % of weight down to 1e-6, in which significant samples are counted.
_LEVELS = 277


def bytes_per_particle(box_px: int, n_classes: int, sampling: Sampling) -> int:
    """Memory that a particle of a batch takes at most, when nothing is ruled out."""
    psi, rows = 2 * sampling.n_coarse_psi, 4 * len(sampling.coarse_offsets_px())
    rings, orders = box_px // 2, math.ceil(math.pi * box_px / 2)
    compared = 4 * psi * rows * n_classes
    moved = 6 * rows * rings * math.ceil(1.2 * orders)
    sums = 2 * orders * rows * (4 * rings + 4 * n_classes)
    return 4 * (compared + moved + sums)


class BatchedExpectation:
    """An `Expectation` computed batch by batch where `put` brings arrays.

    Parameters
    ----------
    step : Expectation
        With alignment.
    put : callable
        Host arrays to the library that computes.
    fetch : callable
        And back.
    """

    def __init__(
        self, step: Expectation, put: Put, fetch: Callable[[Array], Array]
    ) -> None:
        self.step, self.put, self.fetch = step, put, fetch
        self._rings = DeviceRings(step.grid, put)
        self._ctf = RingCtf(step.grid, step.optics, put)
        self._mask = put(step.mask)
        self._outside = put(1 - step.mask)
        self._even, self._odd = put(_columns(step.even)), put(_columns(step.odd))
        order = np.arange(step.highest + 1)
        self._order = np.concatenate([order[0::2], order[1::2]])
        self._n_weight = step.highest_weight // 2 + 1
        self._lay_out_references()
        self._lay_out_sampling()

    def _lay_out_references(self) -> None:
        step, put = self.step, self.put
        search = step.conjugate[self._order]  # (m, ring, class), weighted
        self._search = _pairs(search, put)
        self._plain = _parts(step.harmonics[self._order], put)  # (m, class, ring)
        self._power = _parts(step.power_conjugate, put)
        self._own_power = _parts(step.power, put)
        n = step.n_coarse
        coarse = [m for m in self._order if m <= step.highest_coarse]
        self._coarse_order = np.array(coarse)
        rings = step.conjugate[self._coarse_order, :n]
        self._coarse_search = _pairs(rings, put)
        self._coarse_power = _parts(step.power_conjugate[:, :n], put)
        top = step.highest_coarse
        self._coarse_even = put(_columns(step.even[: 2 * (top // 2 + 1)]))
        self._coarse_odd = put(_columns(step.odd[: 2 * ((top + 1) // 2)]))

    def _lay_out_sampling(self) -> None:
        step, put = self.step, self.put
        self._coarse_waves = _waves(step.coarse_waves[:, self._coarse_order], put)
        self._fine_waves = _waves(step.fine_waves[:, self._order], put)
        even = slice(0, step.highest_weight + 1, 2)
        self._coarse_even_waves = _waves(step.coarse_waves[:, even], put)
        self._fine_even_waves = _waves(step.fine_waves[:, even], put)
        self._coarse_phases = _parts(step.coarse_phases, put)
        rings, angles = step.grid.n_rings, step.grid.n_angles
        fine = step.fine_phases.reshape(len(step.coarse_offsets), 4, rings, angles)
        self._fine_phases = _parts(fine, put)
        self._fine_offsets = put(step.fine_offsets.astype(np.float64))
        self._shares = put(step.log_shares)
        count = step.count[self._order].astype(np.float32)
        self._count = put(count[:, None, None])
        self._even_count = put(step.even_count.astype(np.float32)[:, None, None])

    def __call__(self, batch: Batch) -> tuple[Assignments, SufficientStatistics]:
        """Winners and sums of a batch of particles, on the host."""
        step = self.step
        x, y, shell_power = self._rings(self._masked(batch))
        xp = array_namespace(x)
        noise = step.model.noise_power[batch.noise_group, : step.grid.n_rings]
        inverse = self.put((1 / noise).astype(np.float32)[:, :, None])
        ctf = self._ctf(batch)
        v = ctf * ctf * inverse
        factor = ctf * inverse
        if step.optics.is_premultiplied:
            factor = self.put(batch.scale.astype(np.float32)[:, None, None]) * inverse
        real, imaginary = x * factor, y * factor
        v = self._weight_harmonics(v)
        out, sums = Assignments.empty(len(batch.index)), step.zeros()
        classes, moves = self._coarse(batch, real, imaginary, v, out)
        ring_sums = self._fine(batch, (real, imaginary), v, (classes, moves), out, sums)
        power = xp.mean(x * x + y * y, axis=2)
        shell_power = self.fetch(shell_power).astype(np.float64)
        step.add_noise(
            batch,
            self.fetch(power).astype(np.float64),
            shell_power,
            ring_sums,
            sums,
            out,
        )
        total = xp.sum(v[0][0, ...], axis=0)
        sums.ctf_power += self.fetch(total).astype(np.float64)
        return out, sums

    def _masked(self, batch: Batch) -> Array:
        images = self.put(np.ascontiguousarray(batch.images))
        xp = array_namespace(images)
        if not self.step.optics.fills_with_zeros:
            power = self.step.model.noise_power[batch.noise_group]
            box = self.step.grid.box_px
            noise = colored_noise(batch.index, power, box, self.step.seed)
            return images * self._mask + self.put(noise) * self._outside
        total = xp.sum(self._outside)
        mean = xp.sum(images * self._outside, axis=(1, 2)) / total
        return images * self._mask + self._outside * mean[:, None, None]

    def _weight_harmonics(self, v: Array) -> tuple[Array, Array]:
        """Even harmonics of C² / S: real and imaginary parts (m, n, ring)."""
        xp = array_namespace(v)
        n = self._n_weight
        found = xp.matmul(v, self._even[:, : 2 * n])
        found = xp.reshape(found, (v.shape[0], v.shape[1], n, 2))
        found = with_axes(found, (3, 2, 0, 1))
        return found[0, ...], found[1, ...]

    def _norms(
        self, v: tuple[Array, Array], power: tuple[Array, Array], waves: Array
    ) -> Array:
        """½ Σ |A|² C² / S, (psi, n, class)."""
        rings = power[0].shape[1]
        xp = array_namespace(v[0])
        real, imaginary = v[0][:, :, :rings], v[1][:, :, :rings]
        a, b = power
        whole = joined(
            [
                xp.matmul(real, a) - xp.matmul(imaginary, b),
                xp.matmul(real, b) + xp.matmul(imaginary, a),
            ],
            0,
        )
        shape = (waves.shape[0], *whole.shape[1:])
        flat = xp.reshape(whole, (whole.shape[0], -1))
        return xp.reshape(xp.matmul(waves, flat), shape)

    def _values(
        self, harmonics: Array, search: tuple[Array, Array], waves: Array
    ) -> Array:
        """Cross terms of all angles: (psi, row, class)."""
        xp = array_namespace(harmonics)
        real = xp.matmul(harmonics, search[0])
        imaginary = xp.matmul(harmonics, search[1])
        rows, k = real.shape[1], real.shape[2]
        both = joined([real, imaginary], 0)
        flat = xp.reshape(both, (both.shape[0], rows * k))
        return xp.reshape(xp.matmul(waves, flat), (waves.shape[0], rows, k))

    def _coarse(
        self,
        batch: Batch,
        real: Array,
        imaginary: Array,
        v: tuple[Array, Array],
        out: Assignments,
    ) -> tuple[Array, Array]:
        """Which classes (n, class) and coarse offsets (n, offset) carry weight."""
        step, xp = self.step, array_namespace(real)
        n, rings = real.shape[0], step.n_coarse
        a, b = self._coarse_phases
        x, y = real[:, None, :rings, :], imaginary[:, None, :rings, :]
        offsets, angles = a.shape[0], a.shape[2]
        flat = (n * offsets, rings, angles)
        moved = xp.reshape(x * a - y * b, flat), xp.reshape(x * b + y * a, flat)
        harmonics = analyzed(*moved, self._coarse_even, self._coarse_odd)
        value = self._values(harmonics, self._coarse_search, self._coarse_waves)
        value = xp.reshape(value, (value.shape[0], n, offsets, -1))
        norms = self._norms(v, self._coarse_power, self._coarse_even_waves)
        prior = self.put(step.log_prior(batch, step.coarse_offsets))
        value = value - norms[:, :, None, :] + prior[:, :, None] + self._shares
        value = value - xp.max(value, axis=(0, 2, 3))[None, :, None, None]
        weight = xp.exp(value)
        mass = xp.sum(weight, axis=0)
        counts = self._significant(value, weight)
        out.n_significant[:] = self.fetch(counts).astype(np.int64)
        return (
            leading(xp.sum(mass, axis=1), ADAPTIVE_FRACTION),
            leading(xp.sum(mass, axis=2), ADAPTIVE_FRACTION),
        )

    def _significant(self, value: Array, weight: Array) -> Array:
        """How many samples of each particle hold the adaptive fraction.

        Levels of 5 % of weight, as the form of one particle counts them, by bisection.
        """
        xp = array_namespace(value)
        level = xp.floor(-20 * value)
        is_counted = weight > 1e-6
        weight = xp.where(is_counted, weight, xp.zeros_like(weight))
        axes = (0, 2, 3)
        target = ADAPTIVE_FRACTION * xp.sum(weight, axis=axes, dtype=xp.float64)
        low = xp.zeros_like(target)
        high = low + _LEVELS
        for _ in range(_LEVELS.bit_length()):
            middle = xp.floor(0.5 * (low + high))
            here = level <= astype(middle, xp.float32)[None, :, None, None]
            part = xp.where(here, weight, xp.zeros_like(weight))
            is_enough = xp.sum(part, axis=axes, dtype=xp.float64) >= target
            high = xp.where(is_enough, middle, high)
            low = xp.where(is_enough, low, middle + 1)
        here = level <= astype(high, xp.float32)[None, :, None, None]
        return xp.sum(astype(here & is_counted, xp.int64), axis=axes)

    def _fine(
        self,
        batch: Batch,
        rings: tuple[Array, Array],
        v: tuple[Array, Array],
        kept: tuple[Array, Array],
        out: Assignments,
        sums: SufficientStatistics,
    ) -> tuple[Array, Array]:
        """The fine pass around what carries weight: winners, sums, sums of rings."""
        step, xp = self.step, array_namespace(rings[0])
        classes, moves = kept
        n = rings[0].shape[0]
        count = xp.sum(astype(moves, xp.int64), axis=1)
        most = int(xp.max(count))
        # chosen offsets first, in their order; others pad the row and get no weight
        chosen = sorting_order(astype(~moves, xp.int8))[:, :most]
        is_chosen = take_along(moves, chosen)
        flat = xp.reshape(chosen, (-1,))
        shape = (n, most * 4, *rings[0].shape[1:])
        a, b = (xp.reshape(xp.take(p, flat, axis=0), shape) for p in self._fine_phases)
        x, y = rings[0][:, None, ...], rings[1][:, None, ...]
        rows = (n * most * 4, *rings[0].shape[1:])
        moved = xp.reshape(x * a - y * b, rows), xp.reshape(x * b + y * a, rows)
        harmonics = analyzed(*moved, self._even, self._odd)
        value = self._values(harmonics, self._search, self._fine_waves)
        value = xp.reshape(value, (value.shape[0], n, most * 4, -1))
        norms = self._norms(v, self._power, self._fine_even_waves)
        offsets = xp.reshape(
            xp.take(self._fine_offsets, flat, axis=0), (n, most * 4, 2)
        )
        place = self.put(batch.origin_px[:, None].astype(np.float64)) + offsets
        prior = step.offset_prior(xp.sum(place * place, axis=2))
        value = value - norms[:, :, None, :] + astype(prior, xp.float32)[:, :, None]
        value = value + self._shares
        is_row = xp.broadcast_to(is_chosen[:, :, None], (n, most, 4))
        is_row = xp.reshape(is_row, (n, most * 4))
        is_kept = is_row[:, :, None] & classes[:, None, :]
        value = xp.where(is_kept[None, ...], value, xp.full_like(value, _NOTHING))
        top = xp.max(value, axis=(0, 2, 3))
        weight = xp.exp(value - top[None, :, None, None])
        total = xp.sum(weight, axis=(0, 2, 3), dtype=xp.float64)
        weight = weight * astype(1 / total, xp.float32)[None, :, None, None]
        self._winners(weight, place, (top, total), out)
        return self._accumulate(harmonics, v, weight, place, sums)

    def _winners(
        self, weight: Array, place: Array, scale: tuple[Array, Array], out: Assignments
    ) -> None:
        """Class, angle and offset of the largest weight of each particle."""
        step, xp = self.step, array_namespace(weight)
        n_psi, n, rows, k = weight.shape
        by_particle = xp.reshape(with_axes(weight, (1, 0, 2, 3)), (n, -1))
        best = xp.argmax(by_particle, axis=1)
        out.max_posterior[:] = self.fetch(xp.max(by_particle, axis=1))
        found = self.fetch(best)
        angle, row, c = np.unravel_index(found, (n_psi, rows, k))
        out.class_index[:] = step.live[c]
        out.psi_deg[:] = (np.rad2deg(step.fine_psi[angle]) + 180) % 360 - 180
        out.offset_px[:] = self.fetch(place)[np.arange(n), row]
        top, total = (self.fetch(part).astype(np.float64) for part in scale)
        out.log_likelihood[:] = top + np.log(total)

    def _accumulate(
        self,
        harmonics: Array,
        v: tuple[Array, Array],
        weight: Array,
        place: Array,
        sums: SufficientStatistics,
    ) -> tuple[Array, Array]:
        """Add to the sums; Σ p Re conj(A) Y and Σ p |A|² C² / S, (n, ring)."""
        step, xp = self.step, array_namespace(weight)
        n_psi, n, rows, k = weight.shape
        share = xp.sum(weight, axis=0)  # (n, row, class)
        is_kept = (xp.sum(share, axis=2) > _LEAST)[:, :, None]
        is_kept = is_kept & (xp.sum(share, axis=1) > _LEAST)[:, None, :]
        weight = xp.where(is_kept[None, ...], weight, xp.zeros_like(weight))
        share = xp.where(is_kept, share, xp.zeros_like(share))
        flat = xp.reshape(weight, (n_psi, n * rows * k))
        m = len(self._order)
        waves = with_axes(self._fine_waves, (1, 0))
        spread = xp.reshape(xp.matmul(waves, flat), (2, m, n * rows, k))
        a, b = spread[0, ...], -spread[1, ...]
        q = step.grid.n_rings
        x, y = harmonics[:, :, :q], harmonics[:, :, q:]
        at, bt = with_axes(a, (0, 2, 1)), with_axes(b, (0, 2, 1))
        real = self.fetch(xp.matmul(at, x) - xp.matmul(bt, y))
        imaginary = self.fetch(xp.matmul(at, y) + xp.matmul(bt, x))
        data = np.empty((m, k, q), dtype=np.complex64)
        data.real, data.imag = real, imaginary
        ordered = np.empty_like(data)
        ordered[self._order] = data
        sums.data[step.live] += ordered.transpose(1, 0, 2)
        # Re((Σ p conj A) Y) of each row, then of each particle
        p, r = self._plain
        c = xp.matmul(a, p) + xp.matmul(b, r)
        d = xp.matmul(b, p) - xp.matmul(a, r)
        cross = xp.sum(self._count * (c * x - d * y), axis=0)
        cross = xp.sum(xp.reshape(cross, (n, rows, q)), axis=1)
        norm = self._accumulate_weight(a, b, v, (n, rows, k), sums)
        by_row = xp.reshape(share, (n * rows, k))
        where = xp.reshape(place, (n * rows, 2))
        wide = astype(by_row, xp.float64)
        offset = xp.matmul(with_axes(wide, (1, 0)), where)
        sums.class_offset[step.live] += self.fetch(offset)
        sums.class_weight[step.live] += self.fetch(xp.sum(wide, axis=0))
        square = xp.sum(xp.sum(wide, axis=1) * xp.sum(where * where, axis=1))
        sums.offset_square += float(square)
        return self.fetch(cross).astype(np.float64), norm

    def _accumulate_weight(
        self,
        a: Array,
        b: Array,
        v: tuple[Array, Array],
        shape: tuple[int, int, int],
        sums: SufficientStatistics,
    ) -> Array:
        """Add Σ p C² / S per class; Σ p |A|² C² / S per particle, (n, ring)."""
        xp, count = array_namespace(a), self._n_weight
        n, rows, k = shape
        even = (count, n, rows, k)
        a = xp.sum(xp.reshape(a[:count, ...], even), axis=2)
        b = xp.sum(xp.reshape(b[:count, ...], even), axis=2)
        x, y = v
        at, bt = with_axes(a, (0, 2, 1)), with_axes(b, (0, 2, 1))
        weight = np.empty((count, k, self.step.grid.n_rings), dtype=np.complex64)
        weight.real = self.fetch(xp.matmul(at, x) - xp.matmul(bt, y))
        weight.imag = self.fetch(xp.matmul(at, y) + xp.matmul(bt, x))
        sums.weight[self.step.live] += weight.transpose(1, 0, 2)
        p, r = self._own_power
        c = xp.matmul(a, p) + xp.matmul(b, r)
        d = xp.matmul(b, p) - xp.matmul(a, r)
        norm = xp.sum(self._even_count * (c * x - d * y), axis=0)
        return self.fetch(norm).astype(np.float64)


def _columns(matrix: Array) -> Array:
    return np.ascontiguousarray(matrix.T)


def _parts(values: Array, put: Put) -> tuple[Array, Array]:
    """Real and imaginary parts."""
    real = np.ascontiguousarray(values.real, dtype=np.float32)
    return put(real), put(np.ascontiguousarray(values.imag, dtype=np.float32))


def _pairs(values: Array, put: Put) -> tuple[Array, Array]:
    """What makes real and imaginary parts of products from rows of both parts.

    (m, real rings then imaginary ones, class), twice.
    """
    real = np.concatenate([values.real, -values.imag], axis=1)
    imaginary = np.concatenate([values.imag, values.real], axis=1)
    return (
        put(np.ascontiguousarray(real, dtype=np.float32)),
        put(np.ascontiguousarray(imaginary, dtype=np.float32)),
    )


def _waves(waves: Array, put: Put) -> Array:
    """Cosines of all m, then sines: (psi, 2 m)."""
    both = np.concatenate([waves[..., 0], waves[..., 1]], axis=1)
    return put(np.ascontiguousarray(both, dtype=np.float32))
