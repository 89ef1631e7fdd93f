"""Mini-batches: sums of few particles at a time, blended with what came before.

Stepwise expectation-maximization (Cappé & Moulines 2009, J. R. Stat. Soc. B 71, 593) on
the same sums as full passes. The blended sums are those of a window of particles that
grows with the number seen, up to all, so that the Wiener filter sees the noise that
there is. Full passes at the end give every particle its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from engine.arrays import Array
from engine.classification.statistics import SufficientStatistics

#: Iterations at the end that use all particles.
FULL_PASSES = 3
#: Mini-batches that a classification has at least, where iterations may have several.
_FEWEST = 50
#: Particles of a mini-batch: per class, at least, as a part of all; and a fifth of
#: all up to so many, which noisy particles in few classes need.
_PER_CLASS = 4
_LEAST = 100
_PART = 0.01
_FIFTH_UP_TO = 200
#: Part of the particles seen so far that the window holds.
_WINDOW = 0.5
#: Part of the iterations in which full classes are held back and empty ones seeded.
_EARLY = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniBatches:
    """Which particles each mini-batch has, and how long its sums are remembered.

    Attributes
    ----------
    n_particles, n_classes, n_iterations : int
        `n_iterations` with the full passes at the end.
    seed : int
    per_iteration : int
        Mini-batches of one iteration.
    """

    n_particles: int
    n_classes: int
    n_iterations: int
    seed: int
    per_iteration: int = 1

    @property
    def size(self) -> int:
        """Particles of a mini-batch."""
        n = self.n_particles
        fifth = min(n / 5, _FIFTH_UP_TO)
        wanted = max(_LEAST, fifth, _PER_CLASS * self.n_classes, _PART * n)
        return int(min(n, wanted))

    def numbers(self, iteration: int) -> range:
        """Numbers, from 1, of an iteration's mini-batches."""
        count = self.per_iteration if self.size < self.n_particles else 1
        return range((iteration - 1) * count + 1, iteration * count + 1)

    def is_full(self, iteration: int) -> bool:
        """Whether an iteration takes all particles."""
        return iteration > self.n_iterations - FULL_PASSES

    def is_early(self, iteration: int) -> bool:
        """Whether an iteration holds back full classes and seeds empty ones."""
        return iteration <= _EARLY * self.n_iterations

    def particles(self, number: int) -> Array:
        """Indices of a mini-batch, in order: a round uses no particle twice."""
        n, size = self.n_particles, self.size
        rounds, place = divmod(number - 1, n // size)
        random = np.random.default_rng([self.seed, rounds, 11])
        order = random.permutation(n)
        return np.sort(order[place * size : (place + 1) * size])

    def memory(self, number: int) -> float:
        """Factor on the sums of mini-batches before one, 0 to 1."""
        seen = number * self.size
        window = min(self.n_particles, max(self.size, _WINDOW * seen))
        return 1 - self.size / window


def enough_per_iteration(n_iterations: int) -> int:
    """Mini-batches that each of a few iterations must have."""
    return math.ceil(_FEWEST / max(n_iterations - FULL_PASSES, 1))


def blended(
    earlier: SufficientStatistics | None, new: SufficientStatistics, memory: float
) -> SufficientStatistics:
    """New sums plus `memory` times earlier ones, on the rings of the new ones."""
    if earlier is None or memory <= 0:
        return new
    sums = {}
    for name in (field.name for field in fields(new)):
        a, b = getattr(earlier, name), getattr(new, name)
        total = b.copy()
        common = tuple(
            slice(0, min(p, q)) for p, q in zip(a.shape, b.shape, strict=True)
        )
        total[common] += memory * a[common]
        sums[name] = total
    return SufficientStatistics(**sums)
