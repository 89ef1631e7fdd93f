"""New life for classes that have lost their particles."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array
from engine.classification.model import ClassModel
from engine.fourier.filters import lowpass


def reseeded(model: ClassModel, mask: Array, random: np.random.Generator) -> int:
    """Give nearly empty classes a share of the fullest ones; how many, in place.

    A class below a tenth of the mean share becomes a copy of the fullest class, made
    different by noise as strong as what the average itself may still hold; both have
    half of its share then. Expectation-maximization drives the two apart where the
    particles differ.
    """
    share = model.class_distribution
    mean = 1 / len(share)
    count = 0
    for k in np.argsort(share, kind="stable").tolist():
        fullest = int(np.argmax(share))
        if share[k] >= 0.1 * mean or share[fullest] < 1.5 * mean:
            break
        image = model.images[fullest]
        spread = 0.3 * float(image.std())
        smooth = _smooth_noise(image.shape[0], model.current_shell, random)
        model.images[k] = (image + spread * smooth) * mask
        share[k] = share[fullest] = share[fullest] / 2
        for name in ("signal_power", "data_vs_prior", "coverage", "reference_noise"):
            getattr(model, name)[k] = getattr(model, name)[fullest]
        count += 1
    return count


def _smooth_noise(box_px: int, shell: int, random: np.random.Generator) -> Array:
    """Noise of deviation 1 without detail beyond a shell, (y, x)."""
    white = random.standard_normal((box_px, box_px)).astype(np.float32)
    smooth = lowpass(white, 1.0, box_px / max(shell, 2))
    return smooth / float(smooth.std())
