"""Autopick by Laplacian of Gaussian: maps computed or read, picks found."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.coordinates import Coordinates
from engine.io.fom_maps import read_fom_map, write_fom_map
from engine.io.micrographs import MicrographEntry
from engine.micrograph import Micrograph
from engine.picking.laplacian_picker import BlobStages, LaplacianPicker
from engine.picking.relion_noise import noise_around
from engine.picking.working_size import WorkingSize, round_half_away
from engine.programs.autopick_method import PickingMethod
from engine.programs.autopick_options import CommonOptions, LaplacianOptions

_log = logging.getLogger(__name__)


class LaplacianMethod(PickingMethod):
    """Picks one micrograph after another; knows the job's options.

    Parameters
    ----------
    common : CommonOptions
    options : LaplacianOptions
    is_leader : bool
        Say what concerns all ranks.
    """

    class_before_fom = False

    def __init__(
        self,
        common: CommonOptions,
        options: LaplacianOptions,
        *,
        is_leader: bool = True,
    ) -> None:
        super().__init__(common, is_leader=is_leader)
        self._options = options
        #: micrograph -> mean and spread that its threshold was made of
        self.levels: dict[str, tuple[float, float]] = {}
        self._picker = LaplacianPicker(
            diameter_min=options.diameter_min,
            diameter_max=options.diameter_max,
            max_search=options.max_search,
            is_white=options.is_white,
            use_ctf=options.use_ctf,
            adjust=options.adjust,
            upper=options.upper,
            neighbour_percent=options.neighbour_percent,
            skip_side_px=common.skip_side_px,
            outlier_zscore=common.outlier_zscore,
            subpixel=common.subpixel,
        )

    def looks_for(self, pixel_size: float) -> tuple[float, bool]:
        """Mean diameter in Å, and whether particles are bright."""
        options = self._options
        mean = 0.5 * (options.diameter_min + options.diameter_max)
        return mean, options.is_white

    def announce(self) -> None:
        """Say what will be looked for."""
        low, high = self._options.diameter_min, self._options.diameter_max
        for diameter in self._picker.diameters:
            verdict = "ok"
            if diameter < low:
                verdict = "too low"
            elif diameter > high:
                verdict = "too high"
            _log.info("LoG filter with diameter %g A (%s)", diameter, verdict)

    def pick(
        self,
        entry: MicrographEntry,
        image: Array | None,
        shape: tuple[int, int],
        root: Path,
        seed: int,
    ) -> Coordinates:
        """The particles of one micrograph.

        Parameters
        ----------
        entry : MicrographEntry
        image : array or None
            None when maps are read.
        shape : (y, x)
        root : path
            Of the micrograph's FOM maps.
        seed : int
            For RELION's noise.
        """
        size = self._size(shape, entry.pixel_size)
        if image is None:
            responses = self._read_maps(root, size, entry)
        else:
            responses = self._picker.responses(
                Micrograph(image=image, pixel_size=entry.pixel_size, ctf=entry.ctf),
                size,
                noise=noise_around(self._noise, size, seed),
            )
        coordinates, stages = self._picker.pick(responses, size, entry.pixel_size)
        used = stages.thresholds
        self.levels[entry.name] = (used.mean, used.spread)
        if self._common.write_fom_maps:
            self._write_maps(root, size, entry, responses, stages)
        return coordinates

    def _made_with(self, size: WorkingSize, entry: MicrographEntry) -> str:
        """What the responses depend on, in one line."""
        rows, columns = size.image_shape
        options = self._options
        return (
            f"LoG {columns}x{rows} {entry.pixel_size:.6g}A W={size.work_px} "
            f"z={self._common.outlier_zscore:g} white={int(options.is_white)} "
            f"ctf={int(options.use_ctf)}"
        )

    def _map_paths(self, root: Path) -> list[Path]:
        return [
            root.with_name(f"{root.name}_LoG{round_half_away(d)}.spi")
            for d in self._picker.diameters
        ]

    def _write_maps(
        self,
        root: Path,
        size: WorkingSize,
        entry: MicrographEntry,
        responses: Array,
        stages: BlobStages,
    ) -> None:
        made_with = self._made_with(size, entry)
        for path, response in zip(self._map_paths(root), responses, strict=True):
            write_fom_map(path, response, made_with=made_with)
        for name, image in (
            ("bestLoG", stages.best.response),
            ("bestSize", stages.best.diameter),
            ("bestLoGb", stages.selected.response),
            ("bestLoGc", stages.thresholded.response),
        ):
            path = root.with_name(f"{root.name}_{name}.spi")
            write_fom_map(path, image, made_with=made_with)

    def _read_maps(
        self, root: Path, size: WorkingSize, entry: MicrographEntry
    ) -> Array:
        made_with = self._made_with(size, entry)
        shape = (size.work_px, size.work_px)
        maps = [
            read_fom_map(path, shape, made_with=made_with)[0]
            for path in self._map_paths(root)
        ]
        return np.stack(maps)
