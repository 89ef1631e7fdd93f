"""Class averages, shares, noise and scales from the sums of an E-step.

A class average on the rings is Σ p C X / S divided by (Σ p C² / S + 1 / (T τ²)), the
Wiener filter with the prior power τ² of the reference that was compared. Source:
Scheres 2012, J. Mol. Biol. 415, 406, eq. 1-5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.special

from engine.arrays import Array
from engine.classification.masking import circular_mask
from engine.classification.model import ClassModel
from engine.classification.polar import PolarGrid, half_circle, rings_of
from engine.classification.statistics import SufficientStatistics

#: Classes with less than this many particles' weight are dead.
_LEAST_WEIGHT = 0.01
#: RELION's --minres_map: the resolution never counts as lower than this shell.
LOWEST_SHELL = 5
#: ln 100: difference in log-likelihood that makes an error noticeable (RELION).
NOTICEABLE = 4.60517


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """Which parts of the model change, and how.

    Attributes
    ----------
    tau_fudge : float
        Regularisation parameter T.
    radius_px : float, pixels
        Of the mask of the class averages.
    corrects_norm, corrects_scale : bool
    """

    tau_fudge: float
    radius_px: float
    corrects_norm: bool = True
    corrects_scale: bool = True


def maximize(
    sums: SufficientStatistics,
    model: ClassModel,
    grid: PolarGrid,
    updates: Updates,
    *,
    offset_is_searched: bool = True,
) -> ClassModel:
    """The model that the sums of all particles make.

    Parameters
    ----------
    sums : SufficientStatistics
    model : ClassModel
        The one that the E-step used.
    grid : PolarGrid
        Rings of the sums.
    updates : Updates
    offset_is_searched : bool
        Else the width of the offsets' prior stays.

    Returns
    -------
    ClassModel
    """
    n_shells = model.noise_power.shape[1]
    n_rings = grid.n_rings
    weight = sums.weight[:, 0].real  # (class, ring): mean over the ring
    total = max(float(sums.class_weight.sum()), 1e-12)
    is_live = sums.class_weight > _LEAST_WEIGHT
    averages, ratio, coverage = class_averages(sums, grid, updates.tau_fudge)
    mask = circular_mask(grid.box_px, updates.radius_px)
    averages = averages * mask * is_live[:, None, None].astype(np.float32)
    ratio[~is_live] = 0
    new = ClassModel(
        images=averages.astype(np.float32),
        class_distribution=np.where(is_live, sums.class_weight, 0) / total,
        noise_power=_noise_power(sums, model.noise_power),
        signal_power=_padded(
            ratio / (np.maximum(weight, 1e-30) * updates.tau_fudge), n_shells
        ),
        data_vs_prior=_padded(ratio, n_shells),
        coverage=_padded(coverage, n_shells),
        reference_noise=_padded(
            1 / np.maximum(weight, 1e-30) * is_live[:, None], n_shells
        ),
        offset_sigma_px=model.offset_sigma_px,
        prior_offset_px=sums.class_offset / total,
        group_scale=model.group_scale,
        norm_average=model.norm_average,
        current_shell=model.current_shell,
        finest_ring=n_rings - 1,
        log_likelihood=float(sums.totals[1]),
        average_posterior=float(sums.totals[2] / max(sums.totals[0], 1)),
        accuracy_psi_deg=model.accuracy_psi_deg,
        accuracy_offset_px=model.accuracy_offset_px,
        ctf_power=_padded((sums.ctf_power / max(sums.totals[0], 1))[None], n_shells)[0],
    )
    new.current_shell = max(LOWEST_SHELL, int(new.resolution_shells().max()))
    if offset_is_searched:
        variance = float(sums.offset_square[0]) / (2 * total)
        new.offset_sigma_px = max(math.sqrt(variance), 0.5)
    if updates.corrects_norm:
        new.norm_average = float(sums.totals[3] / max(sums.totals[0], 1))
    if updates.corrects_scale:
        new.group_scale = _group_scales(sums, model.group_scale)
    return new


def class_averages(
    sums: SufficientStatistics, grid: PolarGrid, tau_fudge: float | None
) -> tuple[Array, Array, Array]:
    """Averages, and their signal-to-noise ratios.

    Parameters
    ----------
    tau_fudge : float, optional
        T; no Wiener filter without it.

    Returns
    -------
    images : float32, shape (class, y, x)
    ratio : float64, shape (class, ring)
        Mean of weight times T τ².
    coverage : float64, shape (class, ring)
        Part of the ring where it is at least 1.
    """
    data = rings_of(sums.data.transpose(1, 2, 0), grid.n_angles)
    weight = _weight_rings(sums.weight, grid.n_angles)
    mean = np.maximum(sums.weight[:, 0].real, 1e-30)  # (class, ring)
    if tau_fudge is None:
        inverse, ratio = 1e-3 * mean, np.zeros_like(mean)
        coverage = ratio
    else:
        square = (data.real**2 + data.imag**2).mean(axis=1, dtype=np.float64).T
        ratio = prior_ratio(square / (2 * mean), tau_fudge)
        inverse = mean / np.maximum(ratio, 1e-6)
        inverse[:, :LOWEST_SHELL] = 1e-3 * mean[:, :LOWEST_SHELL]
        coverage = (weight.transpose(2, 0, 1) >= inverse[:, :, None]).mean(axis=2)
    averages = data / (weight + inverse.T[:, None, :])
    return grid.images(averages), ratio, coverage


def prior_ratio(signal_to_noise: Array, tau_fudge: float) -> Array:
    """Weight of the data times T τ², with the τ² that the averages themselves have.

    With a the power of an unfiltered average over that of its noise (1 for noise
    alone), the filter x / (1 + x) and τ² from the filtered average of the iteration
    before, as RELION has it, x runs towards the root of x = T a (x / (1 + x))². There
    is one for T a >= 4 only; it is taken at once. Below, RELION's x creeps to nothing;
    here it falls with the fourth power, so that shells can come back.
    """
    b = tau_fudge * signal_to_noise
    above = np.maximum(b, 4.0)
    root = 0.5 * (above - 2 + np.sqrt(above * (above - 4)))
    return np.asarray(np.where(b >= 4, root, (b / 4) ** 4))


def _weight_rings(weight: Array, n_angles: int) -> Array:
    """Real, positive rings of even harmonics, (ring, angle, class)."""
    theta = half_circle(n_angles)
    n_even = weight.shape[1]
    m = 2 * np.arange(n_even)
    count = np.where(m == 0, 1.0, 2.0)
    wave = np.exp(1j * m[:, None] * theta) * count[:, None]
    rings = np.einsum("kmq,mt->qtk", weight, wave, optimize=True).real
    floor = 1e-3 * np.maximum(weight[:, 0].real.T[:, None, :], 0) + 1e-30
    return np.asarray(np.maximum(rings, floor))


def _padded(values: Array, n_shells: int) -> Array:
    """Values of rings as values of all shells, 0 beyond."""
    out = np.zeros((len(values), n_shells))
    out[:, : values.shape[1]] = values
    return out


def _noise_power(sums: SufficientStatistics, old: Array) -> Array:
    """σ² of each group; groups without particles keep theirs."""
    count = sums.noise_count[:, None]
    new = np.where(count > 0, sums.noise / np.maximum(2 * count, 1), old)
    for shell in range(1, new.shape[1]):
        tiny = new[:, shell] < 1e-14
        new[tiny, shell] = new[tiny, shell - 1]
    return np.asarray(np.maximum(new, 1e-14))


def _group_scales(sums: SufficientStatistics, old: Array) -> Array:
    """Intensity of each group relative to the references, mean 1 over particles.

    Clipped to a fifth to five times the median, as RELION does.
    """
    if len(old) < 2:
        return old
    positive = sums.scale_norm > 0
    scale = np.where(
        positive, sums.scale_cross / np.where(positive, sums.scale_norm, 1), old
    )
    median = float(np.median(scale))
    if median <= 0:
        return old
    scale = np.clip(scale, median / 5, median * 5)
    weight = np.where(positive, sums.scale_norm, 0)
    if weight.sum() <= 0:
        return old
    return np.asarray(scale / float((scale * weight).sum() / weight.sum()))


def accuracies(harmonics: Array, ctf_power: Array, box_px: int) -> tuple[Array, Array]:
    """Errors of angle and offset that the references allow to notice.

    The smallest error whose loss of log-likelihood is ln 100 at the mean CTF² / σ².

    Parameters
    ----------
    harmonics : array, shape (m, class, ring)
        Of the references.
    ctf_power : array, shape (ring,)
        Mean CTF² / σ².
    box_px : int

    Returns
    -------
    psi_deg, offset_px : arrays, shape (class,)
        30 degrees and 10 pixels stand for more.
    """
    n_rings = harmonics.shape[2]
    m = np.arange(len(harmonics))
    count = np.where(m == 0, 1, 2)[:, None, None]
    q = np.arange(n_rings)
    weight = 0.5 * math.pi * q * ctf_power[:n_rings]
    power = count * np.abs(harmonics) ** 2 * weight  # (m, class, ring)
    by_m, by_q = power.sum(axis=2), power.sum(axis=0)
    angles = np.concatenate([np.arange(0.1, 5, 0.1), np.arange(5, 30.1, 0.5)])
    lost = 2 * (1 - np.cos(np.deg2rad(angles)[:, None] * m)) @ by_m
    offsets = np.arange(0.05, 10.05, 0.05)
    argument = 2 * math.pi * offsets[:, None] * q / box_px
    lost_offset = 2 * (1 - scipy.special.j0(argument)) @ by_q.T
    return _first_above(lost, angles, 30.0), _first_above(lost_offset, offsets, 10.0)


def _first_above(values: Array, steps: Array, most: float) -> Array:
    above = values > NOTICEABLE
    return np.where(above.any(axis=0), steps[above.argmax(axis=0)], most)
