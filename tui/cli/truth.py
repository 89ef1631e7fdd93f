"""Picks against the truth of simulated micrographs: recall and precision."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tui.cli.failure import CommandFailure

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How picks and truth agree, each pick counted for one particle at most."""

    picks: int
    particles: int
    matched: int
    radius_angstrom: float

    @property
    def recall(self) -> float:
        """Share of the particles that were picked."""
        return self.matched / self.particles if self.particles else 0.0

    @property
    def precision(self) -> float:
        """Share of the picks that are particles."""
        return self.matched / self.picks if self.picks else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        both = self.picks + self.particles
        return 2 * self.matched / both if both else 0.0

    def record(self) -> dict[str, Any]:
        """Return the score as JSON shows it."""
        return {
            "picks": self.picks,
            "particles": self.particles,
            "matched": self.matched,
            "recall": self.recall,
            "precision": self.precision,
            "f1": self.f1,
            "radius_angstrom": self.radius_angstrom,
        }


def read_truth(path: Path) -> dict[str, list[Point]]:
    """Return particle centers by micrograph (its file's name), in pixels."""
    from engine.errors import EngineError
    from engine.project.star import read

    try:
        star = read(str(path))
    except (OSError, EngineError, ValueError) as error:
        message = f"{path}: cannot be read as truth ({error})"
        raise CommandFailure(message) from None
    centers: dict[str, list[Point]] = defaultdict(list)
    for block in star.blocks:
        if "rlnCoordinateX" not in block.columns:
            continue
        columns = (
            block.values("rlnMicrographName"),
            block.values("rlnCoordinateX"),
            block.values("rlnCoordinateY"),
        )
        for name, x, y in zip(*columns, strict=True):
            centers[PurePosixPath(name).name].append((float(x), float(y)))
    if not centers:
        message = f"{path}: no coordinates in it"
        raise CommandFailure(message)
    return dict(centers)


def score(
    picks: Mapping[str, Sequence[Point]],
    truth: Mapping[str, Sequence[Point]],
    *,
    radius_px: float,
    radius_angstrom: float,
) -> Score:
    """Return the score of the micrographs that were picked.

    A pick finds a particle within the radius of its center; the nearest pairs are
    taken first, and neither pick nor particle is used twice.
    """
    matched = sum(
        count_matches(points, truth.get(name, ()), radius_px)
        for name, points in picks.items()
    )
    return Score(
        picks=sum(len(points) for points in picks.values()),
        particles=sum(len(truth.get(name, ())) for name in picks),
        matched=matched,
        radius_angstrom=radius_angstrom,
    )


def count_matches(
    picks: Sequence[Point], particles: Sequence[Point], radius: float
) -> int:
    """Count pairs of a pick and a particle, nearest first, none used twice."""
    pairs = sorted(
        (distance, i, j)
        for i, pick in enumerate(picks)
        for j, particle in enumerate(particles)
        if (distance := math.dist(pick, particle)) <= radius
    )
    used_picks: set[int] = set()
    used_particles: set[int] = set()
    for _, i, j in pairs:
        if i not in used_picks and j not in used_particles:
            used_picks.add(i)
            used_particles.add(j)
    return len(used_picks)
