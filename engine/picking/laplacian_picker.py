"""The whole way of LoG picking: micrograph -> responses -> coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.coordinates import Coordinates
from engine.ctf import contrast_transfer
from engine.errors import InputError
from engine.micrograph import Micrograph
from engine.picking.laplacian import (
    BlobMap,
    BlobThresholds,
    apply_threshold,
    blob_responses,
    blob_thresholds,
    clear_margin,
    find_blob_peaks,
    search_diameters,
    select_diameters,
    strongest_response,
)
from engine.picking.peaks import refine_peaks
from engine.picking.placing import place_exactly, place_on_grid
from engine.picking.square_transform import square_transform
from engine.picking.working_size import WorkingSize


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobStages:
    """The maps on the way from responses to peaks, as RELION's FOM maps have them."""

    best: BlobMap
    selected: BlobMap
    thresholded: BlobMap
    thresholds: BlobThresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class LaplacianPicker:
    """Parameters of LoG picking.

    Attributes
    ----------
    diameter_min, diameter_max : float, Å
    max_search : float
        How many times smaller and larger blobs are looked for, to be turned down.
    is_white : bool
        Particles are brighter than the background.
    use_ctf : bool
        Divide by the CTF up to its first maximum.
    adjust, upper : float, standard deviations
        Of the lower threshold from the mean, and of the upper one.
    neighbour_percent : float
        Of the radius that a pick clears.
    skip_side_px : float, pixels of the file
        Margin, at least half the smallest diameter.
    outlier_zscore : float, standard deviations
    subpixel : bool
        Coordinates between map pixels, on the exact sampling; else RELION's grid.
    """

    diameter_min: float
    diameter_max: float
    max_search: float = 5.0
    is_white: bool = False
    use_ctf: bool = False
    adjust: float = 0.0
    upper: float = 99999.0
    neighbour_percent: float = 100.0
    skip_side_px: float = 0.0
    outlier_zscore: float = 8.0
    subpixel: bool = False

    @property
    def diameters(self) -> Sequence[float]:
        """All diameters that are looked for, Å."""
        return search_diameters(self.diameter_min, self.diameter_max, self.max_search)

    def responses(
        self,
        micrograph: Micrograph,
        size: WorkingSize,
        *,
        noise: Array | None = None,
        workers: int = 1,
    ) -> Array:
        """Responses to each diameter, shape (diameters, W, W).

        Parameters
        ----------
        micrograph : Micrograph
        size : WorkingSize
        noise : array, shape (N * N - y * x,), optional
            What stands around the micrograph; its mean without it.
        workers : int
            Threads.
        """
        sign = np.float32(1 if self.is_white else -1)
        transform = sign * square_transform(
            micrograph.image,
            size,
            outlier_zscore=self.outlier_zscore,
            surroundings=None if noise is None else sign * noise,
            workers=workers,
        )
        if self.use_ctf:
            transform = transform / self._transfer(micrograph, size)
        return blob_responses(
            transform, size, micrograph.pixel_size, self.diameters, workers=workers
        )

    def _transfer(self, micrograph: Micrograph, size: WorkingSize) -> Array:
        if micrograph.ctf is None:
            message = "--LoG_use_ctf: the list of micrographs has no CTF parameters"
            raise InputError(message)
        step = size.full_px / size.work_px
        return contrast_transfer(
            micrograph.ctf,
            (size.work_px, size.work_px),
            micrograph.pixel_size * step,
            damping=False,
            intact_after_first_peak=True,
            like=micrograph.image,
        )

    def pick(
        self, responses: Array, size: WorkingSize, pixel_size: float
    ) -> tuple[Coordinates, BlobStages]:
        """Particles by falling FOM, and the maps they come from.

        Parameters
        ----------
        responses : array, shape (diameters, W, W)
        size : WorkingSize
        pixel_size : float, Å per pixel of the file
        """
        low, high = self.diameter_min, self.diameter_max
        best = strongest_response(responses, self.diameters)
        margin = int(max(self.skip_side_px, 0.5 * low / pixel_size))
        inner = clear_margin(best, size, margin)
        thresholds = blob_thresholds(
            inner, low, high, adjust=self.adjust, upper=self.upper
        )
        selected = select_diameters(inner, low, high)
        kept = apply_threshold(selected, thresholds.lower)
        peaks = find_blob_peaks(
            kept,
            size,
            pixel_size,
            low,
            upper=thresholds.upper,
            neighbour_percent=self.neighbour_percent,
        )
        stages = BlobStages(
            best=best, selected=selected, thresholded=kept, thresholds=thresholds
        )
        if self.subpixel:
            return place_exactly(refine_peaks(best.response, peaks), size), stages
        return place_on_grid(peaks, size), stages
