"""The E-step over pixels, as RELION 3.1 does it: two passes, mixed-unit offset prior.

A particle's differences to all projections are matrix products over the pixels of the
half-plane; each class and angle gathers one plane, which is put back at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Assignments, Batch, Optics
from engine.classification.masking import circular_mask, colored_noise
from engine.classification.model import ClassModel
from engine.classification.plain_planes import Plane, masked_double, transform_of
from engine.classification.plain_projection import BackProjection, Projector
from engine.classification.sampling import Sampling
from engine.ctf import contrast_transfer

#: Part of the posterior that is kept (RELION's --adaptive_fraction).
_ADAPTIVE_FRACTION = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class _Particle:
    """Transforms and weights of one particle."""

    place: int
    batch: Batch
    transform: Array  # of the masked image
    raw: Array
    factor: Array  # what multiplies a reference: CTF and scale
    variance: Array  # noise power at every pixel


class PlainExpectation:
    """One iteration's E-step on one rank; `add` each batch, then `finish`.

    Parameters
    ----------
    model : ClassModel
    sampling : Sampling
    optics : Optics
    r_max, coarse_r_max : int
        Finest shells of the fine and of the coarse pass.
    does_align : bool
    seed : int
        For noise outside the mask.
    """

    #: Attributes that add over ranks, beside those of `back`.
    SUMS = (
        "noise",
        "noise_count",
        "scale_cross",
        "scale_norm",
        "scale_count",
        "class_weight",
        "class_offset",
        "totals",
    )

    def __init__(
        self,
        model: ClassModel,
        sampling: Sampling,
        optics: Optics,
        *,
        r_max: int,
        coarse_r_max: int,
        does_align: bool = True,
        seed: int = 0,
    ) -> None:
        self.model, self.sampling, self.optics = model, sampling, optics
        self.does_align, self.seed = does_align, seed
        size, k = model.box_px, model.n_classes
        self.plane = Plane(size, r_max)
        self.mask = circular_mask(size, optics.radius_px)
        self.live = np.flatnonzero(model.class_distribution > 0)
        self.projectors = {
            int(c): Projector(np.asarray(model.images[c], np.float64), self.plane)
            for c in self.live
        }
        shell = self.plane.shell[self.plane.use]
        limit = r_max
        if optics.finest_search_ring is not None:
            limit = min(limit, optics.finest_search_ring)
        self._is_compared = (shell > 0) & (shell <= limit)
        self._coarse_r_max = min(coarse_r_max, limit)
        ky = self.plane.ky[self.plane.use]
        self._is_coarse = (shell > 0) & (shell <= self._coarse_r_max)
        self._is_coarse &= ky > -self._coarse_r_max
        self._strong = model.data_vs_prior > 3
        # kx = 0 and shell 0 too, as RELION puts them back
        self._reach = self.plane.within[self.plane.use]
        self._lay_out(sampling)
        n_groups, shells = model.noise_power.shape
        self.back = BackProjection(k, self.plane)
        self.noise = np.zeros((n_groups, shells))
        self.noise_count = np.zeros(n_groups)
        n_scales = len(model.group_scale)
        self.scale_cross, self.scale_norm = np.zeros(n_scales), np.zeros(n_scales)
        self.scale_count = np.zeros(n_scales)
        self.class_weight, self.class_offset = np.zeros(k), np.zeros((k, 2))
        self.totals = np.zeros(5)  # weight, offset², log-likelihood, posterior, norm

    def _lay_out(self, sampling: Sampling) -> None:
        if not self.does_align:
            return
        self.coarse_offsets = sampling.coarse_offsets_px()
        self.fine_offsets = sampling.fine_offsets_px()
        coarse, fine = sampling.coarse_psi_deg(), sampling.fine_psi_deg()
        self.fine_psi = fine
        self.coarse = np.array(
            [
                [self.projectors[c](p, self._coarse_r_max) for p in coarse]
                for c in self.live.tolist()
            ]
        )
        self.fine = np.array(
            [[self.projectors[c](p) for p in fine] for c in self.live.tolist()]
        )
        n = int(self.plane.use.sum())
        self._data = np.zeros((len(self.live), len(fine), n), dtype=complex)
        self._weight = np.zeros((len(self.live), len(fine), n))

    def add(self, batch: Batch) -> Assignments:
        """Winners of a batch; its sums are kept here."""
        n, size = len(batch.index), self.model.box_px
        if self.optics.fills_with_zeros:
            images = masked_double(batch.images, self.mask)
        else:
            power = self.model.noise_power[batch.noise_group]
            noise = colored_noise(batch.index, power, size, self.seed)
            mask = np.asarray(self.mask, np.float64)
            images = batch.images * mask + noise * (1 - mask)
        transforms, raw = transform_of(images), transform_of(batch.images)
        ctf = np.ones((n, *self.plane.shell.shape))
        if self.optics.do_ctf and batch.ctf is not None:
            ctf = contrast_transfer(
                batch.ctf,
                (size, size),
                self.optics.pixel_size,
                intact_until_first_peak=self.optics.is_intact_until_first_peak,
            ).astype(np.float64)
        out = Assignments.empty(n)
        for i in range(n):
            variance = self.model.noise_power[batch.noise_group[i]][
                np.minimum(self.plane.shell, size // 2)
            ]
            factor = ctf[i] ** 2 if self.optics.is_premultiplied else ctf[i]
            self._add_one(
                _Particle(
                    place=i,
                    batch=batch,
                    transform=transforms[i],
                    raw=raw[i],
                    factor=(batch.scale[i] * factor)[self.plane.use],
                    variance=variance[self.plane.use],
                ),
                (batch.scale[i] * ctf[i])[self.plane.use],
                out,
            )
        return out

    def _add_one(self, one: _Particle, ctf: Array, out: Assignments) -> None:
        use, i, batch = self.plane.use, one.place, one.batch
        high = float((np.abs(one.transform[self.plane.beyond]) ** 2).sum())
        if self.does_align:
            prior = self._prior(batch.origin_px[i], self.coarse_offsets)
            pairs, significant = self._significant(one, prior)
            out.n_significant[i] = int(significant.sum())
            classes = pairs[:, 0]
            moves = np.flatnonzero(significant.any(axis=0))
            significant = significant[:, moves]
            offsets = self.fine_offsets[moves].reshape(-1, 2)
            angles = 2 * pairs[:, 1:] + np.arange(2)
            models = self.fine[classes[:, None], angles].reshape(-1, int(use.sum()))
            psi = self.fine_psi[angles].ravel()
            sample_prior = np.where(significant, prior[classes][:, moves], 0)
            sample_prior = sample_prior.repeat(2, axis=0).repeat(4, axis=1)
            classes, angles = classes.repeat(2), angles.ravel()
        else:
            offsets = batch.rest_px[i][None]
            classes, angles = np.arange(len(self.live)), None
            psi = np.full(len(classes), float(batch.psi_deg[i]))
            models = np.array([self.projectors[c](psi[0]) for c in self.live.tolist()])
            sample_prior = self._prior(batch.origin_px[i], offsets)
            out.n_significant[i] = 1
        models = models * one.factor
        phases = self.plane.phases(offsets, use)
        seen = one.transform[use] * phases
        inverse = np.where(self._is_compared, 1 / one.variance, 0.0)
        difference = 0.5 * high + _differences(models, seen, inverse)
        least = float(difference[sample_prior > 0].min())
        weight = sample_prior * np.exp(np.minimum(least - difference, 0))
        whole = float(weight.sum())
        best = np.unravel_index(int(weight.argmax()), weight.shape)
        weight = np.where(weight >= _threshold(weight), weight, 0) / whole
        out.class_index[i] = self.live[classes[best[0]]]
        out.psi_deg[i] = (psi[best[0]] + 180) % 360 - 180
        out.offset_px[i] = batch.origin_px[i] + offsets[best[1]]
        out.max_posterior[i] = weight[best]
        normal = np.log(2 * math.pi * one.variance[self._is_compared]).sum()
        out.log_likelihood[i] = math.log(whole) - least - normal
        residual = self._residual(one, models, seen, weight, classes)
        norm = math.sqrt(2 * residual.sum()) / batch.norm[i]
        out.norm_correction[i] = norm
        place = batch.origin_px[i] + offsets
        self._add_offsets(weight, classes, place, batch.origin_px[i], offsets)
        self.totals += [0, 0, out.log_likelihood[i], out.max_posterior[i], norm]
        self._put_back(one, ctf, weight @ phases, weight, classes, angles, psi)

    def _significant(self, one: _Particle, prior: Array) -> tuple[Array, Array]:
        """(class, coarse angle) pairs with any, and which coarse offsets of each."""
        pixels = self._is_coarse
        shifted = (
            one.transform[self.plane.use]
            * self.plane.phases(self.coarse_offsets, self.plane.use)
        )[:, pixels]
        inverse = 1 / one.variance[pixels]
        k, n_psi = self.coarse.shape[:2]
        models = (self.coarse[..., pixels] * one.factor[pixels]).reshape(k * n_psi, -1)
        difference = _differences(models, shifted, inverse).reshape(k, n_psi, -1)
        weight = prior[:, None, :] * np.exp(difference.min() - difference)
        is_significant = weight >= _threshold(weight)
        pairs = np.argwhere(is_significant.any(axis=2))
        return pairs, is_significant[pairs[:, 0], pairs[:, 1]]

    def _prior(self, origin_px: Array, offsets: Array) -> Array:
        """Prior of live classes and offsets, relative to their means.

        RELION's distance: offsets in Å beside pixels, both times Å per pixel.
        """
        a, sigma = self.optics.pixel_size, self.model.offset_sigma_px
        sigma *= a
        place = origin_px + a * offsets - a * self.model.prior_offset_px[:, None]
        square = a**2 * (place**2).sum(axis=-1)
        if sigma**2 < 1e-4:
            gauss = (square == 0).astype(np.float64)
        else:
            gauss = np.exp(-square / (2 * sigma**2)) / (2 * math.pi * sigma**2)
        shares = self.model.class_distribution
        prior = (shares / shares.mean())[:, None] * gauss / max(gauss.mean(), 1e-300)
        return np.asarray(prior[self.live])

    def _residual(
        self,
        one: _Particle,
        models: Array,
        seen: Array,
        weight: Array,
        classes: Array,
    ) -> Array:
        """The residual power of each shell; noise and scale sums take their parts."""
        use, g = self.plane.use, int(one.batch.noise_group[one.place])
        s, scale = int(one.batch.scale_group[one.place]), one.batch.scale[one.place]
        mean = weight @ seen
        cross = (models.conj() * mean).real
        own = weight.sum(axis=1)[:, None] * np.abs(models) ** 2
        power = float(weight.sum()) * np.abs(one.transform[use]) ** 2
        pixel = own.sum(axis=0) + power - 2 * cross.sum(axis=0)
        shells = self.noise.shape[1]
        residual = np.bincount(self.plane.shell[use], weights=pixel, minlength=shells)
        beyond = self.plane.beyond
        residual = residual + np.bincount(
            self.plane.shell[beyond],
            weights=np.abs(one.transform[beyond]) ** 2,
            minlength=shells,
        )
        self.noise[g] += residual
        self.noise_count[g] += float(weight.sum())
        strong = self._strong[self.live[classes]][
            :, np.minimum(self.plane.shell[use], shells - 1)
        ]
        self.scale_cross[s] += float(cross[strong].sum()) / scale
        self.scale_norm[s] += float(own[strong].sum()) / scale**2
        self.scale_count[s] += float(weight.sum())
        return residual

    def _add_offsets(
        self,
        weight: Array,
        classes: Array,
        place: Array,
        origin: Array,
        offsets: Array,
    ) -> None:
        by_class = np.zeros((len(self.live), weight.shape[1]))
        np.add.at(by_class, classes, weight)
        self.class_weight[self.live] += by_class.sum(axis=1)
        self.class_offset[self.live] += by_class @ place
        a = self.optics.pixel_size
        center = a * self.model.prior_offset_px[self.live][:, None]
        square = a**2 * ((origin + offsets - center) ** 2).sum(axis=-1)
        self.totals[0] += float(weight.sum())
        self.totals[1] += float((by_class * square).sum())

    def _put_back(
        self,
        one: _Particle,
        ctf: Array,
        phase: Array,
        weight: Array,
        classes: Array,
        angles: Array | None,
        psi: Array,
    ) -> None:
        """Add Σ p C X / S and Σ p C² / S to the planes of classes and angles."""
        scale = one.batch.scale[one.place]
        factor = scale if self.optics.is_premultiplied else ctf
        data = phase * (factor / one.variance * one.raw[self.plane.use])
        share = np.multiply.outer(weight.sum(axis=1), ctf**2 / one.variance)
        if angles is not None:
            self._data[classes, angles] += data
            self._weight[classes, angles] += share
            return
        for k, d, w in zip(classes, data, share, strict=True):
            reach = self._reach
            self.back.add(int(self.live[k]), float(psi[0]), d[reach], w[reach])

    def finish(self) -> None:
        """Put the planes of all angles back."""
        if not self.does_align:
            return
        for k, c in enumerate(self.live.tolist()):
            for j, angle in enumerate(self.fine_psi.tolist()):
                if self._weight[k, j].any():
                    data, weight = self._data[k, j], self._weight[k, j]
                    reach = self._reach
                    self.back.add(c, angle, data[reach], weight[reach])


def _differences(models: Array, seen: Array, inverse: Array) -> Array:
    """½ Σ |A - X|² / S of each model (rows) and each image (columns)."""
    own = (np.abs(models) ** 2) @ inverse
    power = (np.abs(seen) ** 2) @ inverse
    cross = (models.conj() @ (seen * inverse).T).real
    return np.asarray(0.5 * (own[:, None] + power - 2 * cross))


def _threshold(weight: Array) -> float:
    """The smallest of the largest weights that exceed the adaptive fraction."""
    flat = np.sort(weight.ravel())[::-1]
    total = np.cumsum(flat)
    return float(flat[int(np.argmax(total > _ADAPTIVE_FRACTION * total[-1]))])
