"""From map pixels to pixels of the micrograph file."""

from __future__ import annotations

import numpy as np

from engine.coordinates import Coordinates
from engine.picking.peaks import Peaks
from engine.picking.working_size import WorkingSize


def place_on_grid(peaks: Peaks, size: WorkingSize) -> Coordinates:
    """Coordinates as RELION counts them: from the corner of the cut-off rectangle.

    On the shorter side of a micrograph that is up to one map pixel off, because the
    rectangle's corner is a whole map pixel.
    """
    scale = np.float64(size.scale)
    return _coordinates(
        peaks,
        x=(peaks.column - size.first[1]) / scale,
        y=(peaks.row - size.first[0]) / scale,
    )


def place_exactly(peaks: Peaks, size: WorkingSize) -> Coordinates:
    """Coordinates by the map's own sampling: map pixel times N / W, less the corner."""
    step = size.full_px / size.work_px
    return _coordinates(
        peaks,
        x=peaks.column * step - size.corner[1],
        y=peaks.row * step - size.corner[0],
    )


def _coordinates(peaks: Peaks, x: np.ndarray, y: np.ndarray) -> Coordinates:
    count = len(peaks)
    is_blob = len(peaks.template_index) == 0
    return Coordinates(
        x=x,
        y=y,
        fom=peaks.fom.astype(np.float64),
        class_number=np.zeros(count, dtype=np.int64)
        if is_blob
        else peaks.template_index + 1,
        psi=np.zeros(count) if is_blob else peaks.psi,
    )
