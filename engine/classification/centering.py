"""Class averages kept in the middle of their boxes, and particles with them."""

from __future__ import annotations

import numpy as np

from engine.classification.batch import Assignments
from engine.classification.masking import centers_of_mass
from engine.classification.model import ClassModel
from engine.fourier.shift import shift

#: Pixels: smaller moves are not worth a particle's change.
_LEAST_MOVE_PX = 0.5


def center_classes(
    model: ClassModel, particles: Assignments, most_px: float
) -> tuple[ClassModel, Assignments]:
    """Averages moved by minus their centers of mass, in place, origins carried along.

    An image is img(x) = ref(R(ψ) (x + o)): with the reference moved by -c it is the
    same with o - R(ψ)ᵀ c.

    Parameters
    ----------
    model : ClassModel
    particles : Assignments
    most_px : float, pixels
        Longest move of one iteration.
    """
    centers = centers_of_mass(model.images)
    length = np.hypot(*centers.T)
    factor = np.minimum(1.0, most_px / np.maximum(length, 1e-9))
    centers = centers * (factor * (length > _LEAST_MOVE_PX))[:, None]
    for k in np.flatnonzero(np.any(centers != 0, axis=1)):
        y, x = centers[k].tolist()
        model.images[k] = shift(model.images[k], -y, -x)
    own = centers[particles.class_index]
    psi = np.deg2rad(particles.psi_deg)
    y, x = own.T
    particles.offset_px[:, 0] -= -np.sin(psi) * x + np.cos(psi) * y
    particles.offset_px[:, 1] -= np.cos(psi) * x + np.sin(psi) * y
    return model, particles
