"""The fine search around what carries weight, particle by particle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Assignments, Batch
from engine.classification.polar import offset_phases, waves_of
from engine.classification.statistics import SufficientStatistics

if TYPE_CHECKING:
    from engine.classification.expectation import Expectation


class FinePass:
    """The fine pass of particles one after another, and its contributions."""

    def __init__(
        self, step: Expectation, sums: SufficientStatistics, out: Assignments
    ) -> None:
        self.step, self.sums, self.out = step, sums, out
        self._cross: list[Array] = []
        self._norm: list[Array] = []

    def ring_sums(self, n: int) -> tuple[Array, Array]:
        """Σ p Re conj(A) Y and Σ p |A|² C² / S per particle and ring (means)."""
        rings = self.step.grid.n_rings
        return (
            np.array(self._cross, dtype=np.float64).reshape(n, rings),
            np.array(self._norm, dtype=np.float64).reshape(n, rings),
        )

    def add(
        self,
        i: int,
        batch: Batch,
        y: Array,
        v: Array,
        active: tuple[Array, Array] | None,
    ) -> None:
        """Search finely around what carries weight and add what comes out.

        Parameters
        ----------
        i : int
            Place of the particle in the batch.
        batch : Batch
        y : array, shape (ring, angle), complex64
            C X / S of the particle.
        v : array, shape (even m, ring), complex64
            Harmonics of its C² / S.
        active : (classes, offsets) or None
            Indices from the coarse pass; None without alignment.
        """
        step = self.step
        if active is None:
            classes = np.arange(len(step.live))
            offsets = batch.rest_px[i][None]
            phases = offset_phases(
                step.grid.n_rings, step.grid.n_angles, step.grid.box_px, offsets
            ).transpose(2, 0, 1)
            psi = np.deg2rad(batch.psi_deg[i : i + 1])
            waves = waves_of(psi, step.highest)
        else:
            classes, coarse = active
            offsets = step.fine_offsets[coarse].reshape(-1, 2)
            rows = (4 * coarse[:, None] + np.arange(4)).ravel()
            phases, psi, waves = step.fine_phases[rows], step.fine_psi, step.fine_waves
        harmonics = self._harmonics(y * phases)
        value = self._log_posterior(
            harmonics, v, classes, waves, batch.origin_px[i] + offsets
        )
        top = float(value.max())
        weight = np.exp(value - top)
        total = float(weight.sum(dtype=np.float64))
        weight *= np.float32(1 / total)
        best = int(weight.argmax())
        angle, row, k = np.unravel_index(best, weight.shape)
        out = self.out
        out.class_index[i] = step.live[classes[k]]
        out.psi_deg[i] = (np.rad2deg(psi[angle]) + 180) % 360 - 180
        out.offset_px[i] = batch.origin_px[i] + offsets[row]
        out.max_posterior[i] = weight[angle, row, k]
        out.log_likelihood[i] = top + math.log(total)
        if active is None:
            out.n_significant[i] = 1
        place = batch.origin_px[i] + offsets
        self._accumulate(harmonics, v, classes, waves, weight, place)

    def _harmonics(self, moved: Array) -> Array:
        """Harmonics (m, row, ring), complex64, of moved rings (row, ring, angle)."""
        step = self.step
        rows, n_rings, n_angles = moved.shape
        flat = moved.reshape(-1, n_angles)
        out = np.empty((step.highest + 1, rows * n_rings), dtype=np.complex64)
        even = step.even @ np.ascontiguousarray(flat.real).T
        odd = step.odd @ np.ascontiguousarray(flat.imag).T
        out.real[0::2], out.imag[0::2] = even[0::2], even[1::2]
        out.real[1::2], out.imag[1::2] = odd[0::2], odd[1::2]
        return out.reshape(step.highest + 1, rows, n_rings)

    def _log_posterior(
        self, harmonics: Array, v: Array, classes: Array, waves: Array, place: Array
    ) -> Array:
        """Unnormalized, (psi, row, class), float32."""
        step = self.step
        top, n_rings = step.highest_search, step.n_search
        whole = len(classes) == len(step.live)
        conjugate = step.conjugate[: top + 1, :n_rings]
        if not whole:
            conjugate = conjugate[:, :, classes]
        product = np.matmul(harmonics[: top + 1, :, :n_rings], conjugate)
        shape = product.shape[1:]
        flat = product.reshape(top + 1, -1)
        value = waves[:, : top + 1, 0] @ np.ascontiguousarray(flat.real)
        value += waves[:, : top + 1, 1] @ np.ascontiguousarray(flat.imag)
        value = value.reshape(len(waves), *shape)
        chosen = None if whole else classes
        value -= step._norms(v[:, :, None], waves, chosen, n_rings)
        prior = step.offset_prior((place**2).sum(axis=1))
        value += prior[:, None].astype(np.float32) + step.log_shares[classes]
        return np.asarray(value)

    def _accumulate(
        self,
        harmonics: Array,
        v: Array,
        classes: Array,
        waves: Array,
        weight: Array,
        place: Array,
    ) -> None:
        step, sums = self.step, self.sums
        by_row = weight.sum(axis=0)
        keep_rows = by_row.sum(axis=1) > 1e-4
        keep_classes = by_row.sum(axis=0) > 1e-4
        if not (keep_rows.all() and keep_classes.all()):
            weight = weight[:, keep_rows][:, :, keep_classes]
            harmonics, place = harmonics[:, keep_rows], place[keep_rows]
            classes, by_row = classes[keep_classes], by_row[keep_rows][:, keep_classes]
        n_psi, rows, n_classes = weight.shape
        flat = weight.reshape(n_psi, -1)
        spread = np.empty((step.highest + 1, rows * n_classes), dtype=np.complex64)
        spread.real = waves[:, :, 0].T @ flat
        spread.imag = -(waves[:, :, 1].T @ flat)
        spread = spread.reshape(-1, rows, n_classes)
        data = np.matmul(spread.transpose(0, 2, 1), harmonics)
        even = spread[: step.highest_weight + 1 : 2].sum(axis=1)
        norm = even[:, :, None] * v[:, None, :]
        live = step.live[classes]
        sums.data[live] += data.transpose(1, 0, 2)
        sums.weight[live] += norm.transpose(1, 0, 2)
        sums.class_weight[live] += by_row.sum(axis=0)
        sums.class_offset[live] += by_row.T @ place
        sums.offset_square += float(by_row.sum(axis=1) @ (place**2).sum(axis=1))
        a, b = step.harmonics[:, classes], step.power[:, classes]
        cross = (a.real * data.real + a.imag * data.imag).sum(axis=1)
        self._cross.append(step.count @ cross)
        own = (b.real * norm.real + b.imag * norm.imag).sum(axis=1)
        self._norm.append(step.even_count @ own)
