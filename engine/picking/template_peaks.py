"""Peaks of template maps, and which of those too close together stay.

By default the better of two peaks stays, over all references at once. RELION clusters
first and then deletes both of a pair from different clusters, so that with a distance
above the mask's radius the strongest particles vanish; `relion_neighbours` is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.picking.peaks import Peaks
from engine.picking.templates import NoiseMaps, TemplateMap
from engine.picking.working_size import WorkingSize


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakLimits:
    """What a peak must be.

    Attributes
    ----------
    threshold : float
        Least figure of merit.
    margin_px : int, pixels of the file
        From the micrograph's rim.
    max_stddev_noise, min_avg_noise : float or None
        Limits on the background's spread and mean.
    """

    threshold: float
    margin_px: int
    max_stddev_noise: float | None = None
    min_avg_noise: float | None = None


def find_template_peaks(
    found: TemplateMap,
    template_index: int,
    noise: NoiseMaps,
    size: WorkingSize,
    limits: PeakLimits,
) -> Peaks:
    """Local maxima (of 4 neighbors, ties allowed) of one reference, in raster order."""
    fom = found.fom
    (top, left), (rows, columns) = size.first, size.inner_shape
    margin = max(1, int(np.float32(limits.margin_px) * size.scale))
    last_row, last_column = top + rows - 1 - margin, left + columns - 1 - margin
    window = (
        slice(top + margin, last_row + 1),
        slice(left + margin, last_column + 1),
    )
    if window[0].start >= window[0].stop or window[1].start >= window[1].stop:
        return _peaks_at(found, np.empty(0, np.int64), np.empty(0, np.int64), 0)
    inner = fom[window]
    is_peak = inner >= np.float32(limits.threshold)
    for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        neighbour = fom[
            window[0].start + down : window[0].stop + down,
            window[1].start + right : window[1].stop + right,
        ]
        is_peak &= neighbour <= inner
        if size.scale == 1:
            is_peak &= neighbour >= np.float32(limits.threshold)
    if limits.max_stddev_noise is not None:
        is_peak &= noise.spread[window] <= np.float32(limits.max_stddev_noise)
    if limits.min_avg_noise is not None:
        is_peak &= noise.mean[window] >= np.float32(limits.min_avg_noise)
    row, column = np.nonzero(is_peak)
    return _peaks_at(
        found, row + window[0].start, column + window[1].start, template_index
    )


def _peaks_at(
    found: TemplateMap, row: Array, column: Array, template_index: int
) -> Peaks:
    return Peaks(
        row=row.astype(np.float64),
        column=column.astype(np.float64),
        fom=found.fom[row, column],
        template_index=np.full(len(row), template_index, dtype=np.int64),
        psi=found.psi[row, column].astype(np.float64),
    )


def join_peaks(parts: Sequence[Peaks]) -> Peaks:
    """All peaks of several references."""
    return Peaks(
        row=np.concatenate([p.row for p in parts]),
        column=np.concatenate([p.column for p in parts]),
        fom=np.concatenate([p.fom for p in parts]),
        template_index=np.concatenate([p.template_index for p in parts]),
        psi=np.concatenate([p.psi for p in parts]),
    )


def take_peaks(peaks: Peaks, index: Array) -> Peaks:
    """Peaks by index, in that order."""
    return Peaks(
        row=peaks.row[index],
        column=peaks.column[index],
        fom=peaks.fom[index],
        template_index=peaks.template_index[index],
        psi=peaks.psi[index],
    )


def keep_better(peaks: Peaks, distance_px: float) -> Peaks:
    """Peaks by falling figure of merit, none closer than a distance to a better one.

    Parameters
    ----------
    peaks : Peaks
    distance_px : float, map pixels
        A peak nearer than this to one that stays is dropped; ties keep the first.
    """
    order = np.argsort(-peaks.fom, kind="stable")
    if len(order) == 0:
        return peaks
    rows, columns = peaks.row[order], peaks.column[order]
    limit = distance_px**2
    is_free = np.ones(len(order), dtype=bool)
    kept = []
    for place in range(len(order)):
        if not is_free[place]:
            continue
        kept.append(place)
        squared = (rows[place:] - rows[place]) ** 2
        squared += (columns[place:] - columns[place]) ** 2
        is_free[place:] &= squared >= limit
    return take_peaks(peaks, order[kept])


def relion_neighbours(
    per_reference: Sequence[Peaks], distance_px: float, link_px: float
) -> Peaks:
    """Peaks as RELION leaves them, in its order.

    Clusters are chains of links shorter than `link_px` (the mask's radius). In each the
    better peaks stay; then of all that are left, every peak that has a neighbor within
    the distance goes, and so does that neighbor.

    Parameters
    ----------
    per_reference : sequence of Peaks
    distance_px, link_px : float, map pixels
    """
    pruned = [_prune(peaks, distance_px, link_px) for peaks in per_reference]
    joint = _prune(join_peaks(pruned), distance_px, link_px)
    if len(joint) < 2:
        return joint
    squared = _squared_distances(joint)
    np.fill_diagonal(squared, np.inf)
    is_alone = squared.min(axis=1) > np.float32(distance_px) ** 2
    return take_peaks(joint, np.flatnonzero(is_alone))


def _squared_distances(peaks: Peaks) -> Array:
    rows, columns = peaks.row.astype(np.float32), peaks.column.astype(np.float32)
    return (rows[:, None] - rows) ** 2 + (columns[:, None] - columns) ** 2


def _prune(peaks: Peaks, distance_px: float, link_px: float) -> Peaks:
    if len(peaks) == 0:
        return peaks
    squared = _squared_distances(peaks)
    is_linked = squared < np.float32(link_px) ** 2
    is_close = squared < np.float32(distance_px) ** 2
    rest = np.ones(len(peaks), dtype=bool)
    kept: list[int] = []
    for seed in range(len(peaks)):
        if not rest[seed]:
            continue
        cluster = _cluster(seed, is_linked, rest)
        rest[cluster] = False
        alive = np.array(sorted(cluster), dtype=np.int64)
        while len(alive):
            best = int(alive[np.argmax(peaks.fom[alive])])
            kept.append(best)
            alive = alive[~is_close[best, alive] & (alive != best)]
    return take_peaks(peaks, np.array(kept, dtype=np.int64))


def _cluster(seed: int, is_linked: Array, rest: Array) -> list[int]:
    """The peaks connected to a seed by links, among those that are left."""
    members, frontier = {seed}, [seed]
    while frontier:
        linked = np.flatnonzero(is_linked[frontier.pop()] & rest).tolist()
        new = [index for index in linked if index not in members]
        members.update(new)
        frontier.extend(new)
    return list(members)
