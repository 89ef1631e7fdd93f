"""The plain Cartesian form of an iteration, number for number as RELION 3.1 has it.

Slow, and with RELION's known oddities kept (the offset prior mixes pixels and Å, class
offsets are divided by all particles' weight): the oracle of tests and the way to
compare one to one. Formulas from the published method (Scheres 2012, J. Struct. Biol.
180, 519) and from what relion_refine prints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from engine.arrays import Array
from engine.classification.masking import circular_mask
from engine.ctf import Ctf, contrast_transfer

_PAD = 2
_BLOB_RADIUS, _BLOB_ALPHA = 3.8, 15.0


def _round(value: float) -> int:
    """Half away from zero."""
    return int(math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1))


def _half_plane(size: int) -> tuple[Array, Array, Array]:
    """ky, kx and shell of the stored coefficients; the Nyquist row is positive."""
    index = np.arange(size)
    ky = np.where(index <= size // 2, index, index - size)[:, None]
    kx = np.arange(size // 2 + 1)[None, :]
    shell = np.floor(np.sqrt(kx**2 + ky**2) + 0.5).astype(int)
    return ky + 0 * kx, kx + 0 * ky, shell


def _transform(images: Array) -> Array:
    """Half-transforms with the center of the image as origin, over the pixels."""
    size = images.shape[-1]
    shifted = np.fft.ifftshift(images, axes=(-2, -1))
    return np.asarray(np.fft.rfft2(shifted) / size**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainSettings:
    """What a plain iteration needs to know; offsets in pixels, steps coarse."""

    pixel_size: float
    diameter_angstrom: float
    tau_fudge: float
    psi_step_deg: float = 12.0
    offset_step_px: float = 2.0
    offset_range_px: float = 5.0
    initial_resolution_angstrom: float = 25.0
    offset_sigma_angstrom: float = 10.0


@dataclass(eq=False, slots=True, kw_only=True)
class PlainResult:
    """What RELION writes of particles and classes after an iteration."""

    class_index: Array
    psi_deg: Array
    offset_px: Array  # (n, 2), x and y
    norm: Array
    log_likelihood: Array
    max_posterior: Array
    n_significant: Array
    class_distribution: Array
    prior_offset_angstrom: Array  # (class, 2), x and y
    offset_sigma_angstrom: float
    group_scale: Array
    noise_power: Array
    data_vs_prior: Array
    signal_power: Array
    images: Array
    norm_average: float
    average_posterior: float


class PlainIteration:
    """The first iteration from given references, by sums over pixels.

    Parameters
    ----------
    images : array, shape (n, y, x)
    ctf : Ctf
        Values of shape (n,).
    groups : array of int, shape (n,)
        Micrograph of each particle: noise and scale.
    references : array, shape (class, y, x)
    settings : PlainSettings
    """

    def __init__(
        self,
        images: Array,
        ctf: Ctf,
        groups: Array,
        references: Array,
        settings: PlainSettings,
    ) -> None:
        self.settings, self.groups = settings, groups
        self.raw = np.asarray(images, dtype=np.float64)
        self.size = size = images.shape[-1]
        a = settings.pixel_size
        self.ky, self.kx, self.shell = _half_plane(size)
        self.radius_px = settings.diameter_angstrom / 2 / a
        mask = circular_mask(size, self.radius_px)
        self.mask = mask
        self.masked = _masked(self.raw, mask)
        self.ctf = np.asarray(contrast_transfer(ctf, (size, size), a), np.float64)
        length = size * a
        self.current = _round(length / settings.initial_resolution_angstrom)
        self.current_size = min(size, 2 * (self.current + 10))
        self.r_max = self.current_size // 2
        self.references = _lowpassed(
            references, length / settings.initial_resolution_angstrom
        )
        self.noise = self._initial_noise()
        once = ~((self.kx == 0) & (self.ky < 0))
        # a transform cropped to an even size keeps its Nyquist row at +size / 2 only
        self.use = once & (self.shell <= self.r_max) & (self.ky > -self.r_max)
        self.beyond = once & (self.shell > self.r_max) & (self.shell <= size // 2)
        self.padded = [self._padded_transform(r) for r in self.references]

    def _initial_noise(self) -> Array:
        size, n_groups = self.size, int(self.groups.max()) + 1
        transform = _transform(self.masked)
        inside = self.shell <= size // 2
        index = self.shell[inside]
        count = np.bincount(index)

        def radial(power: Array) -> Array:
            return np.bincount(index, weights=power[inside]) / count

        mean = _transform(self.masked.mean(axis=0))
        own = 0.5 * radial(np.abs(mean) ** 2)
        noise = np.empty((n_groups, size // 2 + 1))
        for g in range(n_groups):
            power = (np.abs(transform[self.groups == g]) ** 2).mean(axis=0)
            noise[g] = 0.5 * radial(power) - own
            for s in range(size // 2 + 1):
                if noise[g, s] <= 0:
                    later = noise[g, s:][noise[g, s:] > 0]
                    noise[g, s] = noise[g, s - 1] if s else later[0]
        return noise

    def _initial_power(self, k: int) -> Array:
        """T/2 times the mean square of a reference's transform per shell."""
        inside = self.shell <= self.size // 2
        power = np.abs(_transform(self.references[k])) ** 2
        index = self.shell[inside]
        radial = np.bincount(index, weights=power[inside]) / np.bincount(index)
        return np.asarray(0.5 * self.settings.tau_fudge * radial)

    def _padded_transform(self, reference: Array) -> Array:
        """The reference over sinc², padded, within the padded r_max; full rows."""
        size, big = self.size, _PAD * self.size
        x = np.arange(size) - size // 2
        r = np.hypot(x[:, None], x)
        image = reference / np.sinc(r / big) ** 2
        padded = np.zeros((big, big))
        first = big // 2 - size // 2
        padded[first : first + size, first : first + size] = image
        transform = _transform(padded) * _PAD**2
        ky, kx, _ = _half_plane(big)
        transform[np.hypot(ky, kx) > _round(_PAD * self.r_max)] = 0
        return transform

    def project(self, k: int, psi_deg: float) -> Array:
        """The reference's transform at the turned frequencies, bilinear."""
        x, y, flip = self._turned(psi_deg)
        x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = x - x0, y - y0
        t, big = self.padded[k], _PAD * self.size
        value = (
            t[y0 % big, x0] * (1 - fy) * (1 - fx)
            + t[(y0 + 1) % big, x0] * fy * (1 - fx)
            + t[y0 % big, x0 + 1] * (1 - fy) * fx
            + t[(y0 + 1) % big, x0 + 1] * fy * fx
        )
        value = np.where(flip, value.conj(), value)
        out = np.zeros(self.shell.shape, dtype=complex)
        out[self._within] = value
        return out

    @property
    def _within(self) -> Array:
        return self.use & (self.kx**2 + self.ky**2 <= self.r_max**2)

    def _turned(self, psi_deg: float) -> tuple[Array, Array, Array]:
        """Padded frequencies of the turned coefficients, on the half kx >= 0."""
        c, s = math.cos(math.radians(psi_deg)), math.sin(math.radians(psi_deg))
        kx, ky = self.kx[self._within], self.ky[self._within]
        x, y = _PAD * (c * kx - s * ky), _PAD * (s * kx + c * ky)
        flip = x < 0
        return np.where(flip, -x, x), np.where(flip, -y, y), flip

    def run(self) -> PlainResult:
        """All particles, and the maximization."""
        s, n, k = self.settings, len(self.raw), len(self.references)
        psi = np.arange(0, 360 - 1e-9, s.psi_step_deg)
        step, reach = s.offset_step_px, s.offset_range_px
        grid = step * np.arange(-int(reach / step), int(reach / step) + 1)
        offsets = [
            (x, y) for x in grid for y in grid if x * x + y * y < reach**2 + 1e-3
        ]
        self.offsets = np.array(offsets)
        self.coarse = np.array(
            [[self.project(c, p)[self.use] for p in psi] for c in range(k)]
        )
        self.fine_psi = [(p - s.psi_step_deg / 4, p + s.psi_step_deg / 4) for p in psi]
        self.fine = {
            (c, i, j): self.project(c, self.fine_psi[i][j])
            for c in range(k)
            for i in range(len(psi))
            for j in range(2)
        }
        a = s.pixel_size
        # RELION's distance: trial offsets in Å times Å per pixel
        square = a**2 * ((self.offsets * a) ** 2).sum(axis=1)
        prior = np.exp(-square / (2 * s.offset_sigma_angstrom**2))
        self.prior = prior / prior.mean()
        self.sums = _Sums(self, k)
        weight = np.bincount(self.groups).astype(float)
        mean = (self.noise * weight[:, None]).sum(axis=0) / weight.sum()
        self._strong = [n / k * self._initial_power(c) / mean > 3 for c in range(k)]
        rows = [self._particle(i) for i in range(n)]
        return self.sums.maximize(rows)

    def fine_projection(self, k: int, psi_deg: float) -> Array:
        """The projection at an angle of the fine pass."""
        step = self.settings.psi_step_deg
        p = int((psi_deg % 360 + step / 2) // step) % len(self.fine_psi)
        j = 0 if abs(self.fine_psi[p][0] - psi_deg) < 1e-6 else 1
        return self.fine[(k, p, j)]

    def scale_shells(self, k: int) -> Array:
        """Shells that the scale is found from: data against prior above 3."""
        return self._strong[k]

    def _phase(self, offset: Array) -> Array:
        wave = self.kx * offset[0] + self.ky * offset[1]
        return np.exp(-2j * math.pi * wave / self.size)

    def _particle(self, i: int) -> dict[str, float]:
        use, g = self.use, int(self.groups[i])
        transform, raw = _transform(self.masked[i]), _transform(self.raw[i])
        variance = self.noise[g][np.minimum(self.shell, self.size // 2)]
        inverse = np.where(self.shell > 0, 1 / variance, 0.0)[use]
        ctf = self.ctf[i]
        high = float((np.abs(transform[self.beyond]) ** 2).sum())
        seen = np.array([(transform * self._phase(o))[use] for o in self.offsets])
        model = self.coarse * ctf[use]
        power = (np.abs(model) ** 2 * inverse).sum(axis=-1)
        own = float((np.abs(transform[use]) ** 2 * inverse).sum())
        cross = np.einsum("kap,tp->kat", model.conj(), seen * inverse).real
        difference = 0.5 * (high + power[..., None] + own - 2 * cross)
        weight = self.prior * np.exp(-(difference - difference.min()))
        flat = np.sort(weight.ravel())[::-1]
        total = np.cumsum(flat)
        last = int(np.argmax(total > 0.999 * total[-1]))
        significant = np.argwhere(weight >= flat[last])
        samples = []
        for c, p, t in significant:
            for j in range(2):
                predicted = self.fine[(c, p, j)] * ctf
                for child in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
                    offset = self.offsets[t] + self.settings.offset_step_px / 4 * (
                        np.array(child)
                    )
                    residual = np.abs(predicted - transform * self._phase(offset)) ** 2
                    value = 0.5 * high + 0.5 * float((residual[use] * inverse).sum())
                    angle = self.fine_psi[p][j]
                    samples.append((value, self.prior[t], c, angle, offset, residual))
        values = np.array([sample[0] for sample in samples])
        least = values.min()
        fine = np.array([sample[1] for sample in samples]) * np.exp(least - values)
        whole = fine.sum()
        best = samples[int(fine.argmax())]
        order = np.sort(fine)[::-1]
        total = np.cumsum(order)
        threshold = order[int(np.argmax(total > 0.999 * total[-1]))]
        shell_residual = np.zeros(self.size // 2 + 1)
        inside = np.abs(transform[self.beyond]) ** 2
        np.add.at(shell_residual, self.shell[self.beyond], inside)
        for w, sample in zip(fine, samples, strict=True):
            if w >= threshold:
                w = w / whole
                self.sums.add(i, w, sample, raw, transform, ctf, variance)
                np.add.at(shell_residual, self.shell[use], w * sample[5][use])
        self.sums.noise[g] += shell_residual
        of_shell = (self.shell > 0) & use
        normal = np.log(2 * math.pi * variance[of_shell]).sum()
        return {
            "class": best[2],
            "psi": (best[3] + 180) % 360 - 180,
            "x": best[4][0],
            "y": best[4][1],
            "norm": math.sqrt(2 * shell_residual.sum()),
            "dll": math.log(whole) - least - normal,
            "pmax": fine.max() / whole,
            "nsig": len(significant),
        }


class _Sums:
    """Accumulated sums of a plain iteration, and its maximization."""

    def __init__(self, step: PlainIteration, k: int) -> None:
        self.step, self.k = step, k
        n_groups = int(step.groups.max()) + 1
        shells = step.size // 2 + 1
        self.noise = np.zeros((n_groups, shells))
        self.count = np.zeros(n_groups)
        self.scale = np.zeros((n_groups, 2))
        self.weight = np.zeros(k)
        self.offset = np.zeros((k, 2))
        self.square = 0.0
        edge = _round(_PAD * step.r_max) + 1
        self.edge = edge
        self.data = np.zeros((k, 2 * edge + 1, edge + 1), dtype=complex)
        self.filter = np.zeros((k, 2 * edge + 1, edge + 1))

    def add(
        self,
        i: int,
        w: float,
        sample: tuple[Any, ...],
        raw: Array,
        transform: Array,
        ctf: Array,
        variance: Array,
    ) -> None:
        """One sample of one particle with its weight."""
        step = self.step
        _, _, k, psi, offset, _ = sample
        a = step.settings.pixel_size
        self.weight[k] += w
        self.count[int(step.groups[i])] += w
        self.offset[k] += w * a * offset
        self.square += w * a**2 * float((offset**2).sum())
        strong = step.use & step.scale_shells(k)[np.minimum(step.shell, step.size // 2)]
        predicted = step.fine_projection(k, psi) * ctf
        phase = step._phase(offset)
        seen = transform * phase
        g = int(step.groups[i])
        self.scale[g, 0] += w * float((predicted.conj() * seen).real[strong].sum())
        self.scale[g, 1] += w * float((np.abs(predicted) ** 2)[strong].sum())
        within = step._within
        x, y, flip = step._turned(psi)
        value = (w * ctf / variance * raw * phase)[within]
        value = np.where(flip, value.conj(), value)
        share = (w * ctf**2 / variance)[within]
        x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
        fx, fy = x - x0, y - y0
        for dy, wy in ((0, 1 - fy), (1, fy)):
            for dx, wx in ((0, 1 - fx), (1, fx)):
                at = (y0 + dy + self.edge, x0 + dx)
                np.add.at(self.data[k], at, value * wy * wx)
                np.add.at(self.filter[k], at, share * wy * wx)

    def maximize(self, rows: list[dict[str, float]]) -> PlainResult:
        """The new model and the particles' rows."""
        step = self.step
        column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        total = self.weight.sum()
        once = ~((step.kx == 0) & (step.ky < 0)) & (step.shell <= step.size // 2)
        pixels = np.bincount(step.shell[once], minlength=step.size // 2 + 1)
        noise = self.noise / (2 * self.count[:, None] * pixels)
        made = [self._average(k) for k in range(self.k)]
        scale = np.where(self.scale[:, 1] > 0, self.scale[:, 0] / self.scale[:, 1], 1)
        median = np.sort(scale)[len(scale) // 2]
        scale = np.clip(scale, median / 5, median * 5)
        scale /= (scale * self.count).sum() / self.count.sum()
        return PlainResult(
            class_index=column["class"].astype(int),
            psi_deg=column["psi"],
            offset_px=np.stack([column["x"], column["y"]], axis=1),
            norm=column["norm"],
            log_likelihood=column["dll"],
            max_posterior=column["pmax"],
            n_significant=column["nsig"].astype(int),
            class_distribution=self.weight / total,
            prior_offset_angstrom=self.offset / total,
            offset_sigma_angstrom=math.sqrt(self.square / (2 * total)),
            group_scale=scale,
            noise_power=noise,
            data_vs_prior=np.array([m[1] for m in made]),
            signal_power=np.array([m[2] for m in made]),
            images=np.array([m[0] for m in made]),
            norm_average=float(column["norm"].sum() / total),
            average_posterior=float(column["pmax"].sum() / total),
        )

    def _average(self, k: int) -> tuple[Array, Array, Array]:
        """Class average, data against prior per shell, and τ²."""
        step, edge = self.step, self.edge
        size, big, r_max = step.size, _PAD * step.size, _PAD * step.r_max
        data, weight = self.data[k].copy(), self.filter[k].copy()
        # what fell on kx = 0 stands for both signs of ky
        for part in (data, weight):
            center = part[edge, 0]
            part[:, 0] += part[::-1, 0].conj()
            part[edge, 0] = center
        y = np.arange(-edge, edge + 1)[:, None]
        x = np.arange(edge + 1)[None, :]
        radius = np.hypot(y, x)
        shell = np.floor(radius / _PAD + 0.5).astype(int)
        region = radius**2 < r_max**2
        tau = self._signal(k)
        shells = size // 2 + 1
        fudge = step.settings.tau_fudge
        prior = np.zeros(shells)
        full = weight * _PAD**2 * fudge * tau[np.minimum(shell, shells - 1)]
        for s in range(min(step.r_max, shells - 1) + 1):
            of_shell = region & (shell == s)
            if of_shell.any():
                prior[s] = full[of_shell].mean()
        regularized = region & (shell >= 5)
        with np.errstate(divide="ignore"):
            term = 1 / (_PAD**2 * fudge * tau[np.minimum(shell, shells - 1)])
        weight[regularized] += np.where(np.isfinite(term), term, 1e3 * weight)[
            regularized
        ]
        data, weight = data / self.weight[k], weight / self.weight[k]
        correction = self._gridding(weight, region, big)
        grid = np.zeros((big, big // 2 + 1), dtype=complex)
        value = np.where(region, data * correction, 0)
        keep_y = y[:, 0] % big
        grid[keep_y[:, None], x] = value
        image = np.fft.fftshift(np.fft.irfft2(grid, (big, big)) * big**2)
        first = big // 2 - size // 2
        image = image[first : first + size, first : first + size] / _PAD**2
        x1 = np.arange(size) - size // 2
        r = np.hypot(x1[:, None], x1)
        image = _windowed(image, r, size // 2, 3.0)
        image = image / np.sinc(r / big) ** 2
        return image * step.mask, prior, tau

    def _signal(self, k: int) -> Array:
        step, big = self.step, _PAD * self.step.size
        ky, kx, _ = _half_plane(big)
        radius = np.hypot(ky, kx)
        inside = radius <= _round(_PAD * step.r_max)
        shell = np.floor(radius / _PAD + 0.5).astype(int)[inside]
        power = np.abs(step.padded[k][inside]) ** 2 / 2
        shells = step.size // 2 + 1
        count = np.bincount(shell, minlength=shells)[:shells]
        total = np.bincount(shell, weights=power, minlength=shells)[:shells]
        tau = total / np.maximum(count, 1)
        tau[step.r_max + 1 :] = 0
        return np.asarray(tau)

    def _gridding(self, weight: Array, region: Array, big: int) -> Array:
        """Pipe and Menon's iterations: what evens out the uneven sampling."""
        edge = self.edge
        x = np.arange(big) - big // 2
        blob = np.fft.ifftshift(_blob(np.hypot(x[:, None], x) / big))
        y = np.arange(-edge, edge + 1) % big
        columns = np.arange(edge + 1)
        new = np.where(region, 1.0, 0.0)
        for _ in range(10):
            grid = np.zeros((big, big // 2 + 1), dtype=complex)
            grid[y[:, None], columns] = new * weight
            smooth = np.fft.rfft2(np.fft.irfft2(grid, (big, big)) * blob)
            around = np.abs(smooth[y[:, None], columns])
            new = new / np.maximum(1e-6, around)
        return new


def _blob(u: Array) -> Array:
    """Transform of the Kaiser-Bessel blob of order 0 in space, 1 at the origin."""
    argument = _BLOB_ALPHA**2 - (2 * math.pi * _BLOB_RADIUS * u) ** 2
    real = np.sqrt(np.abs(argument))
    safe = np.maximum(real, 1e-9)
    value = np.where(
        argument >= 0,
        scipy.special.iv(1.5, safe) / safe**1.5,
        scipy.special.jv(1.5, safe) / safe**1.5,
    )
    origin = scipy.special.iv(1.5, _BLOB_ALPHA) / _BLOB_ALPHA**1.5
    return np.where(u <= 0.5, value / origin, 0.0)


def _windowed(image: Array, r: Array, radius: float, edge: float) -> Array:
    """Beyond a radius the mean of what lies there, over a soft edge inwards."""
    position = np.clip((r - (radius - edge)) / edge, 0, 1)
    outside = 0.5 - 0.5 * np.cos(math.pi * position)
    background = (outside * image).sum() / outside.sum()
    return np.asarray((1 - outside) * image + outside * background)


def _lowpassed(images: Array, shell: float) -> Array:
    """A raised cosine from one shell below to one above."""
    size = images.shape[-1]
    ky, kx, _ = _half_plane(size)
    position = np.clip((np.hypot(ky, kx) - (shell - 1)) / 2, 0, 1)
    weight = 0.5 + 0.5 * np.cos(math.pi * position)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(images) * weight, (size, size)))


def _masked(images: Array, mask: Array) -> Array:
    """Outside the mask the mean of what lies there, double precision."""
    outside = 1.0 - mask
    mean = np.einsum("nyx,yx->n", images, outside) / outside.sum()
    return np.asarray(images * mask + mean[:, None, None] * outside)
