"""Autopick by references: maps computed or read, picks found."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.arrays import Array, to_device, to_host
from engine.coordinates import Coordinates
from engine.errors import InputError
from engine.fourier.transforms import good_length
from engine.io.fom_maps import read_fom_map, write_fom_map
from engine.io.micrographs import MicrographEntry
from engine.io.mrc import write_mrc
from engine.io.references import read_references
from engine.micrograph import Micrograph
from engine.picking.directions import unique_directions
from engine.picking.projections import project_map
from engine.picking.references import (
    References,
    gaussian_reference,
    prepare_references,
)
from engine.picking.relion_noise import noise_around
from engine.picking.template_peaks import PeakLimits
from engine.picking.template_picker import (
    TemplateMaps,
    TemplateMatcher,
    pick_from_maps,
)
from engine.picking.templates import NoiseMaps, TemplateMap
from engine.picking.working_size import WorkingSize, round_half_away
from engine.programs.autopick_method import PickingMethod
from engine.programs.autopick_options import CommonOptions, TemplateOptions

#: Maps this many times finer than the low-pass needs find every peak.
_OVERSAMPLING = 2

_log = logging.getLogger(__name__)


class TemplateMethod(PickingMethod):
    """Picks one micrograph after another; knows the job's options.

    Parameters
    ----------
    common : CommonOptions
    options : TemplateOptions
    version : str
        The project's, for the names of FOM maps.
    leads_into : path or None
        On rank 0 the job's directory, for projections of a map.
    device : int or None
        The GPU that matches; None for the processor.
    """

    class_before_fom = True

    def __init__(
        self,
        common: CommonOptions,
        options: TemplateOptions,
        version: str,
        leads_into: Path | None = None,
        device: int | None = None,
    ) -> None:
        super().__init__(
            common,
            is_leader=leads_into is not None,
            even_square=not common.is_compatible,
        )
        self._leads_into = leads_into
        self._device = device
        # what concerns all ranks is said by one
        self._level = logging.DEBUG if leads_into is None else logging.INFO
        self._options = options
        self._digits = 8 if version == "5.0" else 6
        self._references: dict[float, tuple[References, str]] = {}
        self._matchers: dict[tuple[tuple[int, int], float], TemplateMatcher] = {}

    def looks_for(self, pixel_size: float) -> tuple[float, bool]:
        """Diameter of the references' mask in Å, and whether particles are bright."""
        references, _ = self._references_for(pixel_size)
        center = references.box_px // 2
        reach = max(1, references.mask_radius_px // 2)
        inner = slice(center - reach, center + reach + 1)
        within = float(references.images[:, inner, inner].mean())
        usual = float(references.images[:, references.mask].mean())
        return 2 * references.mask_radius_px * pixel_size, within > usual

    def announce(self) -> None:
        """Say what will be looked for."""
        options = self._options
        _log.info(
            "templates of %s every %g degrees", options.references, options.psi_step_deg
        )

    def pick(
        self,
        entry: MicrographEntry,
        image: Array | None,
        shape: tuple[int, int],
        root: Path,
        seed: int,
    ) -> Coordinates:
        """The particles of one micrograph; see `LaplacianMethod.pick`."""
        size = self._size(shape, entry.pixel_size)
        references, _ = self._references_for(entry.pixel_size)
        if image is None:
            maps = self._read_maps(root, size, entry)
        else:
            maps = self._match(entry, image, size, seed)
            if self._common.write_fom_maps:
                self._write_maps(root, size, entry, maps)
        return self._pick(maps, size, entry.pixel_size, references)

    def _match(
        self, entry: MicrographEntry, image: Array, size: WorkingSize, seed: int
    ) -> TemplateMaps:
        if self._options.use_ctf and entry.ctf is None:
            message = (
                "no defocus in the list of micrographs, but the references are CTF "
                "corrected: estimate CTFs first, or say No to CTF correction"
            )
            raise InputError(message)
        matcher = self._matcher(size, entry.pixel_size)
        around = noise_around(self._noise, size, seed)
        micrograph = Micrograph(
            image=to_device(image, self._device),
            pixel_size=entry.pixel_size,
            ctf=entry.ctf,
        )
        maps = matcher.match(
            micrograph,
            noise=None if around is None else to_device(around, self._device),
            deviates=self._draw if self._common.is_compatible else None,
        )
        return _on_host(maps)

    def _draw(self, count: int) -> Array:
        """Gaussian deviates, where the matching happens."""
        return to_device(self._noise.draw(count), self._device)

    def _pick(
        self,
        maps: TemplateMaps,
        size: WorkingSize,
        pixel_size: float,
        references: References,
    ) -> Coordinates:
        options = self._options
        distance = options.min_distance
        if distance is None:
            distance = references.box_px * pixel_size / 2
        side = int(self._common.skip_side_px) + references.box_px // 2
        return pick_from_maps(
            maps,
            size,
            PeakLimits(
                threshold=options.threshold,
                margin_px=side,
                max_stddev_noise=options.max_stddev_noise,
                min_avg_noise=options.min_avg_noise,
            ),
            distance_px=round_half_away(distance / pixel_size),
            link_px=references.mask_radius_px,
            subpixel=self._common.subpixel,
            is_compatible=self._common.is_compatible,
        )

    def _as_used(self, size: WorkingSize) -> WorkingSize:
        """A smaller working size if the maps would be much finer than the low-pass."""
        common = self._common
        enough = good_length(_OVERSAMPLING * size.resolution_px)
        enough += enough % 2
        keeps = common.is_compatible or common.write_fom_maps or common.read_fom_maps
        if keeps or not common.subpixel or size.work_px <= enough:
            return size
        _log.log(
            self._level,
            "maps of %d pixels hold all that the low-pass leaves; peaks are placed "
            "between pixels",
            enough,
        )
        return replace(size, work_px=enough)

    def _references_for(self, pixel_size: float) -> tuple[References, str]:
        """References for micrographs of a pixel size, and their fingerprint."""
        if pixel_size in self._references:
            return self._references[pixel_size]
        options = self._options
        diameter = options.mask_diameter
        if options.references == "gauss":
            if diameter is None:
                message = "the reference gauss needs a mask diameter"
                raise InputError(message)
            images = gaussian_reference(diameter, pixel_size, options.gauss_max)
            reference_pixel_size = pixel_size
        else:
            found = read_references(
                options.references,
                pixel_size=options.reference_pixel_size,
                micrograph_pixel_size=pixel_size,
            )
            for note in found.notes:
                _log.log(self._level, "%s", note)
            images, reference_pixel_size = found.images, found.pixel_size
            if found.is_volume or options.is_volume:
                images = self._project(images, reference_pixel_size)
                if diameter is None and self._leads_into is not None:
                    _log.warning(
                        "a 3D reference has no mask to measure, so the whole box is "
                        "taken: give --particle_diameter"
                    )
        references, used_diameter = prepare_references(
            images,
            reference_pixel_size,
            pixel_size,
            mask_diameter=diameter,
            shrink_mask_px=options.shrink_mask_px,
            is_inverted=options.is_inverted,
        )
        if diameter is None:
            _log.log(
                self._level, "mask diameter of the references: %g A", used_diameter
            )
        data = np.ascontiguousarray(references.images, dtype=np.float32).tobytes()
        data += references.mask.tobytes()
        fingerprint = hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]
        self._references[pixel_size] = references, fingerprint
        return self._references[pixel_size]

    def _project(self, volume: Array, pixel_size: float) -> Array:
        """Projections of a map, written beside the results by rank 0."""
        options = self._options
        if len({*volume.shape}) != 1:
            message = f"{options.references}: a 3D reference must be a cube"
            raise InputError(message)
        rot, tilt = unique_directions(options.healpix_order, options.symmetry)
        images = project_map(
            volume,
            pixel_size,
            rot,
            tilt,
            lowpass_angstrom=self._common.lowpass_angstrom,
        )
        if self._leads_into is not None:
            _log.info("%d projections of %s", len(images), options.references)
            write_mrc(
                self._leads_into / "reference_projections.mrcs", images, pixel_size
            )
        return images

    def _matcher(self, size: WorkingSize, pixel_size: float) -> TemplateMatcher:
        key = (size.image_shape, pixel_size)
        if key not in self._matchers:
            options = self._options
            is_blob = options.references == "gauss"
            references, _ = self._references_for(pixel_size)
            self._matchers[key] = TemplateMatcher(
                replace(
                    references,
                    images=to_device(references.images, self._device),
                    mask=to_device(references.mask, self._device),
                ),
                size,
                pixel_size,
                step_deg=360.0 if is_blob else options.psi_step_deg,
                highpass_angstrom=options.highpass_angstrom,
                use_ctf=options.use_ctf and not is_blob,
                ctf_intact_first_peak=options.ctf_intact_first_peak,
                outlier_zscore=self._common.outlier_zscore,
                padding=options.padding,
            )
        return self._matchers[key]

    def _made_with(self, size: WorkingSize, entry: MicrographEntry) -> str:
        """What the maps depend on, in one line."""
        options = self._options
        rows, columns = size.image_shape
        _, fingerprint = self._references_for(entry.pixel_size)
        ctf = int(options.use_ctf) + int(options.ctf_intact_first_peak)
        return (
            f"refs={fingerprint} {columns}x{rows} {entry.pixel_size:.6g}A "
            f"W={size.work_px} D={size.resolution_px} "
            f"psi={options.psi_step_deg:.6g} ctf={ctf} "
            f"hp={options.highpass_angstrom or 0:g} z={self._common.outlier_zscore:g}"
        )

    def _paths(self, root: Path, reference: int) -> tuple[Path, Path]:
        stem = f"{root.name}_ref{reference:0{self._digits}}."
        return (
            root.with_name(f"{stem}_bestCCF.spi"),
            root.with_name(f"{stem}_bestPSI.spi"),
        )

    def _write_maps(
        self, root: Path, size: WorkingSize, entry: MicrographEntry, maps: TemplateMaps
    ) -> None:
        made_with = self._made_with(size, entry)
        for name, image in (
            ("stddevNoise", maps.noise.spread),
            ("avgNoise", maps.noise.mean),
        ):
            path = root.with_name(f"{root.name}_{name}.spi")
            write_fom_map(path, image, made_with=made_with)
        for index, found in enumerate(maps.templates):
            fom, psi = self._paths(root, index)
            write_fom_map(fom, found.fom, made_with=made_with, fom_max=found.expected)
            write_fom_map(psi, found.psi, made_with=made_with)

    def _read_maps(
        self, root: Path, size: WorkingSize, entry: MicrographEntry
    ) -> TemplateMaps:
        made_with = self._made_with(size, entry)
        shape = (size.work_px, size.work_px)

        def read(path: Path) -> tuple[Array, float]:
            return read_fom_map(path, shape, made_with=made_with)

        spread, _ = read(root.with_name(f"{root.name}_stddevNoise.spi"))
        mean, _ = read(root.with_name(f"{root.name}_avgNoise.spi"))
        references, _ = self._references_for(entry.pixel_size)
        found = []
        for index in range(len(references)):
            fom_path, psi_path = self._paths(root, index)
            fom, expected = read(fom_path)
            psi, _ = read(psi_path)
            found.append(TemplateMap(fom=fom, psi=psi, expected=expected))
        return TemplateMaps(noise=NoiseMaps(mean=mean, spread=spread), templates=found)


def _on_host(maps: TemplateMaps) -> TemplateMaps:
    """The same maps as numpy arrays: peaks are few, and files are written from them."""
    noise = NoiseMaps(mean=to_host(maps.noise.mean), spread=to_host(maps.noise.spread))
    found = [
        replace(one, fom=to_host(one.fom), psi=to_host(one.psi))
        for one in maps.templates
    ]
    return TemplateMaps(noise=noise, templates=found)
