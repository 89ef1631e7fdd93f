"""What other thresholds would pick, predicted from the picks a job has stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from remote.views import JobPicks, Picks, Statistics

if TYPE_CHECKING:
    from engine.jobs.job import Job

EXACT, ABOUT, RERUN = "exact", "about", "needs a re-run"
MAX_WITH_MAPS = 30  # RELION's and our limit of micrographs for writing FOM maps
_MAX_THINNED = 200_000  # picks; above, a distance would keep the keys waiting
_ROUNDING = 2e-6  # of figures of merit in STAR files


@dataclass(frozen=True, slots=True)
class Trial:
    """Values to try: a threshold in the form's unit, a least distance in Å."""

    threshold: float
    distance: float


class Hunt:
    """A job's picks, and how many of them would stay.

    By Laplacian of Gaussian the threshold counts spreads above the mean of each
    micrograph's map, which `levels` tells; else it is the figure of merit itself.
    """

    def __init__(
        self, found: JobPicks, job: Job, levels: dict[str, tuple[float, float]]
    ) -> None:
        self.found, self.job = found, job
        self.is_log = job.flag("do_log", False)
        self._levels = levels
        key = "log_adjust_thr" if self.is_log else "threshold_autopick"
        self.own = Trial(job.number(key, 0.0), job.number("mindist_autopick", 0.0))
        self.scores = [self._scores(picks) for picks in found.picks]

    @property
    def trouble(self) -> str:
        """Why nothing can be predicted; empty if it can."""
        if not any(picks.x for picks in self.found.picks):
            return "this job has no picks yet"
        if any(picks.x and not picks.fom for picks in self.found.picks):
            return "these picks have no figures of merit"
        if self.is_log and any(
            p.micrograph not in self._levels for p in self.found.picks
        ):
            return (
                "this job kept no mean and spread of its maps, which the Laplacian's "
                "threshold counts from; cryodeck's engine keeps them"
            )
        return ""

    @property
    def total(self) -> int:
        """Picks that are stored."""
        return sum(len(picks.x) for picks in self.found.picks)

    @property
    def can_thin(self) -> bool:
        """Whether a distance can be tried; the Laplacian keeps its own."""
        return not self.is_log and self.total <= _MAX_THINNED

    def _scores(self, picks: Picks) -> list[float]:
        if not self.is_log:
            return list(picks.fom)
        mean, spread = self._levels.get(picks.micrograph, (0.0, 0.0))
        return [(fom - mean) / spread if spread > 0 else 0.0 for fom in picks.fom]

    def kept(self, index: int, trial: Trial) -> Picks:
        """Picks of a micrograph that would stay."""
        picks, scores = self.found.picks[index], self.scores[index]
        least = trial.threshold - _ROUNDING * max(1.0, abs(trial.threshold))
        if self.is_log:
            spread = self._levels.get(picks.micrograph, (0.0, 1.0))[1]
            least = trial.threshold - _ROUNDING / max(spread, _ROUNDING)
        chosen = [i for i, score in enumerate(scores) if score >= least]
        if self.can_thin and trial.distance > self.own.distance:
            pixel = self.found.pixel_size
            chosen = thinned(picks, chosen, trial.distance / pixel if pixel else 0.0)
        return _taken(picks, chosen)

    def counts(self, trial: Trial) -> list[int]:
        """Picks of each micrograph that would stay."""
        return [len(self.kept(i, trial).x) for i in range(len(self.found.picks))]

    def certainty(self, trial: Trial) -> tuple[str, str]:
        """EXACT, ABOUT or RERUN, and why."""
        if trial.threshold < self.own.threshold - 1e-9:
            return RERUN, "weaker peaks are not stored"
        if self.is_log:
            return EXACT, "these picks are kept"
        if trial.distance < self.own.distance - 1e-9:
            return RERUN, "closer peaks are not stored"
        if trial.distance > self.own.distance + 1e-9:
            return ABOUT, "peaks next to those that go may come back"
        if self.job.engine == "relion" and self._deletes_pairs:
            return ABOUT, "RELION deletes both of a close pair; some may come back"
        if self.job.number("shrink", 0.0) == 1 and trial != self.own:
            return ABOUT, "at shrink 1 a peak's neighbors must pass, too"
        return EXACT, "these picks are kept"

    @property
    def _deletes_pairs(self) -> bool:
        """Whether RELION's rule on neighbors is more than its distance."""
        diameter = self.job.number("particle_diameter", -1.0)
        return diameter <= 0 or self.own.distance > diameter / 2

    # going on

    @property
    def has_maps(self) -> bool:
        """Whether every picked micrograph has its FOM maps still."""
        return 0 < len(self.found.picks) <= self.found.map_count

    @property
    def may_continue(self) -> bool:
        """Whether Continue! can pick again on all; else it takes a new job."""
        return self.has_maps or len(self.found.picks) <= MAX_WITH_MAPS

    def values(self, trial: Trial, *, continuing: bool) -> dict[str, str]:
        """Options that pick with these values."""
        if self.is_log:
            values = {"log_adjust_thr": f"{trial.threshold:g}"}
        else:
            values = {
                "threshold_autopick": f"{trial.threshold:g}",
                "mindist_autopick": f"{trial.distance:g}",
            }
        if continuing:
            values["do_read_fom_maps"] = "Yes" if self.has_maps else "No"
            values["do_write_fom_maps"] = "No" if self.has_maps else "Yes"
        return values


def levels_of(statistics: Statistics) -> dict[str, tuple[float, float]]:
    """Mean and spread of each micrograph's map, as far as the job has kept them."""
    given = statistics.values.get("log_levels")
    levels = {}
    for name, pair in given.items() if isinstance(given, dict) else ():
        try:
            levels[str(name)] = (float(pair[0]), float(pair[1]))
        except (TypeError, ValueError, IndexError):
            continue
    return levels


def thinned(picks: Picks, chosen: list[int], distance_px: float) -> list[int]:
    """The better of those too close together, as our picker chooses them."""
    if distance_px <= 0:
        return chosen
    limit = distance_px**2
    cells: dict[tuple[int, int], list[int]] = {}
    kept = []
    for i in sorted(chosen, key=lambda i: -picks.fom[i]):
        x, y = picks.x[i], picks.y[i]
        cx, cy = int(x // distance_px), int(y // distance_px)
        near = (
            j
            for a in (cx - 1, cx, cx + 1)
            for b in (cy - 1, cy, cy + 1)
            for j in cells.get((a, b), ())
        )
        if any((picks.x[j] - x) ** 2 + (picks.y[j] - y) ** 2 < limit for j in near):
            continue
        cells.setdefault((cx, cy), []).append(i)
        kept.append(i)
    return sorted(kept)


def _taken(picks: Picks, chosen: list[int]) -> Picks:
    return Picks(
        micrograph=picks.micrograph,
        x=tuple(picks.x[i] for i in chosen),
        y=tuple(picks.y[i] for i in chosen),
        fom=tuple(picks.fom[i] for i in chosen),
    )
