"""What particles say about classes: sums that add over batches and over ranks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from engine.arrays import Array
from engine.parallel import Communicator


@dataclass(eq=False, slots=True, kw_only=True)
class SufficientStatistics:
    """All that the maximization needs of the particles; adds with ``+``.

    p is a particle's posterior weight of a class, rotation and offset; C its CTF times
    its group's scale, X its transform, S the noise power, A the rotated reference.

    Attributes
    ----------
    data : complex128, shape (class, m, ring)
        Harmonics of Σ p C X / S, rotated back.
    weight : complex128, shape (class, even m, ring)
        Harmonics of Σ p C² / S, rotated back.
    class_weight : float64, shape (class,)
        Σ p.
    class_offset : float64, shape (class, 2), pixels
        Σ p (y, x).
    noise : float64, shape (noise group, shell)
        Σ of the mean of |X - C A|² over a shell, without factor ½.
    noise_count : float64, shape (noise group,)
    scale_cross, scale_norm : float64, shape (scale group,)
        Σ p Re conj(A C) X / S and Σ p |A C|² / S with the scale divided out.
    offset_square : float64, shape (1,), pixels squared
        Σ p |offset|².
    totals : float64, shape (5,)
        Particles, log-likelihood, largest posterior, norm correction, |CTF²| mean.
    ctf_power : float64, shape (ring,)
        Σ of the mean of C² / S over a ring.
    """

    data: Array
    weight: Array
    class_weight: Array
    class_offset: Array
    noise: Array
    noise_count: Array
    scale_cross: Array
    scale_norm: Array
    offset_square: Array
    totals: Array
    ctf_power: Array

    @classmethod
    def zeros(
        cls,
        *,
        n_classes: int,
        n_harmonics: int,
        n_weight_harmonics: int,
        n_rings: int,
        n_noise_groups: int,
        n_shells: int,
        n_scale_groups: int,
    ) -> SufficientStatistics:
        """Sums of no particles."""
        return cls(
            data=np.zeros((n_classes, n_harmonics, n_rings), dtype=np.complex128),
            weight=np.zeros(
                (n_classes, n_weight_harmonics, n_rings), dtype=np.complex128
            ),
            class_weight=np.zeros(n_classes),
            class_offset=np.zeros((n_classes, 2)),
            noise=np.zeros((n_noise_groups, n_shells)),
            noise_count=np.zeros(n_noise_groups),
            scale_cross=np.zeros(n_scale_groups),
            scale_norm=np.zeros(n_scale_groups),
            offset_square=np.zeros(1),
            totals=np.zeros(5),
            ctf_power=np.zeros(n_rings),
        )

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        names = [field.name for field in fields(self)]
        sums = {n: getattr(self, n) + getattr(other, n) for n in names}
        return SufficientStatistics(**sums)

    def reduced(self, comm: Communicator) -> SufficientStatistics:
        """The sums of all ranks, on every rank, by one message."""
        if comm.size == 1:
            return self
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return SufficientStatistics(**summed(parts, comm))


def summed(parts: dict[str, Array], comm: Communicator) -> dict[str, Array]:
    """Arrays of float64 or complex128 summed over the ranks by one message."""
    if comm.size == 1:
        return dict(parts)
    arrays = {name: np.ascontiguousarray(part) for name, part in parts.items()}
    flat = np.concatenate([part.ravel().view(np.float64) for part in arrays.values()])
    total = comm.sum(flat)
    sums, position = {}, 0
    for name, part in arrays.items():
        length = part.size * (2 if np.iscomplexobj(part) else 1)
        piece = total[position : position + length].view(part.dtype)
        sums[name] = piece.reshape(part.shape)
        position += length
    return sums
