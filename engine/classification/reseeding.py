"""Nearly empty classes made copies of the fullest ones.

Expectation-maximization leaves classes that lost the first race for particles empty for
good, while others hold several views. A copy with noise of its own drifts away from its
original where their particles differ: the broad class is split. RELION's VDAM copies
classes too, at most one per mini-batch.
"""

from __future__ import annotations

import numpy as np

from engine.arrays import Array
from engine.classification.model import ClassModel
from engine.classification.statistics import SufficientStatistics
from engine.fourier.filters import lowpass

#: Part of the mean share below which a class counts as nearly empty.
_EMPTY = 0.1
#: Nor can fewer particles show anything but their noise: they are seeded anew as well,
#: up to this part of the mean share.
_TOO_FEW = 5.0
_EMPTY_AT_MOST = 0.3
#: Times the mean share that a class must have to be split.
_FULL = 1.5
#: Classes seeded in one iteration, at most.
_MOST = 3
#: Deviation of a copy's noise, in deviations of the image.
_NOISE = 0.3
#: Particles that a copy's blended sums stand for: few, so that those which the noise
#: draws to it soon decide what it shows.
_COPIED_PARTICLES = 8.0
#: Sums that belong to classes.
_BY_CLASS = ("data", "weight", "class_weight", "class_offset")


def reseeded(
    model: ClassModel,
    mask: Array,
    random: np.random.Generator,
    n_particles: int,
    running: SufficientStatistics | None = None,
) -> int:
    """Give nearly empty classes half of the fullest ones' shares; how many, in place.

    Parameters
    ----------
    model : ClassModel
    mask : array, shape (y, x)
        Of the averages.
    random : Generator
    n_particles : int
        That the shares are of.
    running : SufficientStatistics, optional
        Blended sums of mini-batches, which would otherwise undo the copy.
    """
    share = model.class_distribution
    mean = 1 / len(share)
    least = max(_EMPTY * mean, min(_EMPTY_AT_MOST * mean, _TOO_FEW / n_particles))
    count = 0
    for k in np.argsort(share, kind="stable")[:_MOST].tolist():
        fullest = int(np.argmax(share))
        if share[k] >= least or share[fullest] < _FULL * mean:
            break
        image = model.images[fullest]
        spread = _NOISE * float(image.std())
        smooth = _smooth_noise(image.shape[0], model.current_shell, random)
        model.images[k] = (image + spread * smooth) * mask
        share[k] = share[fullest] = share[fullest] / 2
        for name in ("signal_power", "data_vs_prior", "coverage", "reference_noise"):
            getattr(model, name)[k] = getattr(model, name)[fullest]
        if running is not None:
            _split(running, fullest, k)
        count += 1
    return count


def _split(sums: SufficientStatistics, fullest: int, k: int) -> None:
    """Halve a class's sums; the copy's stand for few particles."""
    weight = float(sums.class_weight[fullest])
    part = min(0.5, _COPIED_PARTICLES / max(weight, 1e-9))
    for name in _BY_CLASS:
        values = getattr(sums, name)
        values[k] = part * values[fullest]
        values[fullest] *= 0.5


def _smooth_noise(box_px: int, shell: int, random: np.random.Generator) -> Array:
    """Noise of deviation 1 without detail beyond a shell, (y, x)."""
    white = random.standard_normal((box_px, box_px)).astype(np.float32)
    smooth = lowpass(white, 1.0, box_px / max(shell, 2))
    return smooth / float(smooth.std())
