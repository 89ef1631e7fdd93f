"""The whole way of template picking: micrograph -> maps -> coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.arrays import Array
from engine.coordinates import Coordinates
from engine.ctf import Ctf, contrast_transfer
from engine.fourier.resize import resize_transform
from engine.micrograph import Micrograph
from engine.picking.highpass import highpassed_rows
from engine.picking.peaks import Peaks, refine_peaks
from engine.picking.placing import place_exactly, place_on_grid
from engine.picking.references import References
from engine.picking.rotations import RotatedReferences
from engine.picking.square_transform import cropped_transform, normalized_rows
from engine.picking.template_peaks import (
    PeakLimits,
    find_template_peaks,
    join_peaks,
    keep_better,
    relion_neighbours,
)
from engine.picking.templates import (
    NoiseMaps,
    TemplateMap,
    noise_maps,
    on_one_scale,
    reference_moments,
    ring_transform,
    template_map,
)
from engine.picking.working_size import WorkingSize


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMaps:
    """The maps of one micrograph: its background, and each reference's fit."""

    noise: NoiseMaps
    templates: Sequence[TemplateMap]


class TemplateMatcher:
    """References matched against micrographs of one size.

    Parameters
    ----------
    references : References
    size : WorkingSize
    pixel_size : float, Å per pixel of the micrographs
    step_deg : float, degrees
    highpass_angstrom : float or None, Å
    use_ctf, ctf_intact_first_peak : bool
    outlier_zscore : float, standard deviations
    padding : int
        Of the references' transforms.
    """

    def __init__(
        self,
        references: References,
        size: WorkingSize,
        pixel_size: float,
        *,
        step_deg: float,
        highpass_angstrom: float | None = None,
        use_ctf: bool = False,
        ctf_intact_first_peak: bool = False,
        outlier_zscore: float = 8.0,
        padding: int = 2,
    ) -> None:
        self.references = references
        self.size = size
        self._pixel_size = pixel_size
        self._highpass = highpass_angstrom
        self._use_ctf = use_ctf
        self._intact = ctf_intact_first_peak
        self._zscore = outlier_zscore
        grid = min(size.work_px, size.resolution_px, size.full_px)
        self._rotated = RotatedReferences(
            references.images,
            size.full_px,
            min(size.resolution_px, size.full_px),
            grid,
            step_deg,
            padding,
        )
        self._ring = ring_transform(references, size.full_px, size.work_px)

    def match(
        self,
        micrograph: Micrograph,
        *,
        noise: Array | None = None,
        deviates: Callable[[int], Array] | None = None,
    ) -> TemplateMaps:
        """The maps of one micrograph.

        Parameters
        ----------
        micrograph : Micrograph
        noise : array, shape (N * N - y * x,), optional
            What stands around it; its mean without it.
        deviates : callable, optional
            Gaussian deviates for RELION's random term.
        """
        size, work = self.size, self.size.work_px
        transform, squared = self._transforms(micrograph.image, noise)
        background = noise_maps(transform, squared, self._ring, work)
        grid = self._rotated.grid_px
        low = resize_transform(transform, (work, work), (grid, grid))
        ctf = self._transfer(micrograph.ctf, low)
        low = low * ctf
        found = []
        for index in range(len(self.references)):
            moments = reference_moments(
                self._rotated.transform(index, 0) * ctf,
                self.references,
                size.full_px,
                deviates=deviates,
            )
            found.append(
                template_map(
                    low,
                    self._rotated,
                    index,
                    self.references,
                    background,
                    moments,
                    size.full_px,
                )
            )
        return TemplateMaps(noise=background, templates=found)

    def _transforms(self, image: Array, noise: Array | None) -> tuple[Array, Array]:
        """Of the normalized micrograph and of its square, at the working size."""

        def plain() -> Iterator[tuple[int, Array]]:
            return normalized_rows(image, self.size, self._zscore, noise)

        def rows() -> Iterator[tuple[int, Array]]:
            if self._highpass is None:
                return plain()
            return highpassed_rows(
                plain, image, self.size, self._pixel_size, self._highpass
            )

        work = self.size.work_px
        transform = cropped_transform(image, rows(), self.size, work)
        squares = ((first, block * block) for first, block in rows())
        return transform, cropped_transform(image, squares, self.size, work)

    def _transfer(self, ctf: Ctf | None, like: Array) -> Array:
        if not self._use_ctf or ctf is None:
            return 1.0
        grid = self._rotated.grid_px
        return contrast_transfer(
            ctf,
            (grid, grid),
            self._pixel_size * self.size.full_px / grid,
            intact_until_first_peak=self._intact,
            like=like,
        )


def pick_from_maps(
    maps: TemplateMaps,
    size: WorkingSize,
    limits: PeakLimits,
    *,
    distance_px: float,
    link_px: float,
    subpixel: bool = True,
    is_compatible: bool = False,
) -> Coordinates:
    """The particles on a micrograph's maps.

    Parameters
    ----------
    maps : TemplateMaps
    size : WorkingSize
    limits : PeakLimits
    distance_px : float, pixels of the file
        Least distance of two picks.
    link_px : float, pixels of the file
        The mask's radius, by which RELION clusters.
    subpixel : bool
        Places between map pixels, on the exact sampling; else RELION's grid.
    is_compatible : bool
        Each reference's figure of merit on its own scale, and close pairs, as RELION
        has them.
    """
    parts: list[Peaks] = []
    templates = maps.templates if is_compatible else on_one_scale(maps.templates)
    for index, found in enumerate(templates):
        peaks = find_template_peaks(found, index, maps.noise, size, limits)
        parts.append(refine_peaks(found.fom, peaks) if subpixel else peaks)
    distance, link = distance_px * float(size.scale), link_px * float(size.scale)
    if is_compatible:
        peaks = relion_neighbours(parts, distance, link)
    else:
        peaks = keep_better(join_peaks(parts), distance)
    return place_exactly(peaks, size) if subpixel else place_on_grid(peaks, size)
