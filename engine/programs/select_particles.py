"""What a classification's files say of each particle, for its score."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array
from engine.io.star import Table

#: Where a particle's score is written; RELION knows the label and does not use it.
LABEL = "rlnParticleFigureOfMerit"


def evidence(particles: Table, offset_sigma_angstrom: float) -> Array:
    """What an iteration's data file says of each particle beside its class.

    Parameters
    ----------
    particles : Table
        Of a ``_data.star``. Columns that it lacks are left out.
    offset_sigma_angstrom : float, Å
        Width of the prior of offsets along each axis (rlnSigmaOffsetsAngst).

    Returns
    -------
    array, shape (particle, kind)
        The squared offset in deviations of the prior, the logarithm of the number of
        significant samples, the norm correction; the mean where a value is no number.
    """
    kinds = []
    axes = [f"rlnOrigin{axis}Angst" for axis in "XY"]
    if all(label in particles for label in axes) and offset_sigma_angstrom > 0:
        offsets = np.stack([particles.numbers(label) for label in axes])
        kinds.append((offsets**2).sum(axis=0) / offset_sigma_angstrom**2)
    if "rlnNrOfSignificantSamples" in particles:
        count = particles.numbers("rlnNrOfSignificantSamples")
        kinds.append(np.log(np.maximum(count, 1.0)))
    if "rlnNormCorrection" in particles:
        kinds.append(particles.numbers("rlnNormCorrection"))
    if not kinds:
        return np.zeros((len(particles), 0))
    values = np.stack(kinds, axis=1)
    known = np.isfinite(values)
    means = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, values, means)
