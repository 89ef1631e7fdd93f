"""Where an extract job's particles come from: coordinate files, or a refinement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf
from engine.errors import InputError
from engine.extraction.recenter import Refined, projected_point, recentered, reset
from engine.io.coordinate_table import X, Y, read_coordinate_table
from engine.io.coordinates import coordinate_path, output_root
from engine.io.micrographs import MicrographEntry
from engine.io.star import Column, Table, read_star
from engine.programs.extract_options import CoordinateOptions, RefinedOptions

_FOM = "rlnAutopickFigureOfMerit"
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_ORIGINS = ("rlnOriginXAngst", "rlnOriginYAngst")


class Source(Protocol):
    """Particles per micrograph."""

    def has(self, entry: MicrographEntry) -> bool:
        """Whether anything is known of a micrograph."""
        ...

    def particles(self, entry: MicrographEntry) -> Table:
        """The rows of a micrograph's particles."""
        ...

    def ctf(self, table: Table) -> Ctf | None:
        """CTF of each row; None to take the micrograph's."""
        ...


class CoordinateSource:
    """Coordinates that somebody or something has picked.

    Parameters
    ----------
    options : CoordinateOptions
    entries : sequence of MicrographEntry
    minimum_fom : float or None
        Rows with a figure of merit above it are kept.
    bias : (x, y), pixels
        Added to the coordinates.
    """

    def __init__(
        self,
        options: CoordinateOptions,
        entries: Sequence[MicrographEntry],
        minimum_fom: float | None,
        bias: tuple[int, int],
    ) -> None:
        self._minimum_fom = minimum_fom
        self._bias = bias
        self._files = _coordinate_files(options, entries)

    def has(self, entry: MicrographEntry) -> bool:
        """Whether the micrograph has a coordinate file."""
        path = self._files.get(entry.name)
        return path is not None and path.exists()

    def path(self, entry: MicrographEntry) -> Path | None:
        """Where its coordinates are looked for; None if the list does not name it."""
        return self._files.get(entry.name)

    def particles(self, entry: MicrographEntry) -> Table:
        """The rows of the micrograph's coordinate file that pass."""
        path = self._files[entry.name]
        table = read_coordinate_table(path)
        if self._minimum_fom is not None and len(table):
            if _FOM not in table:
                message = (
                    f"{path}: no column {_FOM}; say No to the FOM threshold, these "
                    "coordinates have none"
                )
                raise InputError(message)
            table = table.take(table.numbers(_FOM) > self._minimum_fom)
        if any(self._bias) and len(table):
            moved: dict[str, Column] = {
                X: table.numbers(X) + self._bias[0],
                Y: table.numbers(Y) + self._bias[1],
            }
            table = table.with_columns(moved)
        return table

    def ctf(self, table: Table) -> Ctf | None:
        """Fresh particles have their micrograph's."""
        return None


def _coordinate_files(
    options: CoordinateOptions, entries: Sequence[MicrographEntry]
) -> dict[str, Path]:
    names = [entry.name for entry in entries]
    if options.suffix is not None:
        folder = options.directory or ""
        return {n: Path(folder, output_root(n) + options.suffix) for n in names}
    listed = Path(options.listed)
    if "*" in listed.name:
        suffix = listed.name.partition("*")[2]
        beside = str(listed.parent) == "."
        return {
            name: (Path(name).parent if beside else listed.parent)
            / (Path(name).stem + suffix)
            for name in names
        }
    if "coords_suffix" in listed.name:
        suffix = listed.name.replace("coords_suffix", "", 1)
        return {name: coordinate_path(listed.parent, name, suffix) for name in names}
    tables = read_star(listed)
    table = next(iter(tables.values()), Table())
    if "rlnMicrographCoordinates" not in table:
        message = (
            f"{listed}: no column rlnMicrographCoordinates; choose a list of "
            "coordinate files, or a coords_suffix file"
        )
        raise InputError(message)
    files = [Path(text) for text in table.text("rlnMicrographCoordinates")]
    return dict(zip(table.text("rlnMicrographName"), files, strict=True))


@dataclass(frozen=True, slots=True)
class _Group:
    """One optics group of a list of particles."""

    pixel_size: float
    voltage: float
    aberration: float
    contrast: float


class RefinedSource:
    """Particles of a classification or refinement.

    Parameters
    ----------
    options : RefinedOptions
    """

    def __init__(self, options: RefinedOptions) -> None:
        self._options = options
        tables = read_star(options.particles)
        table = tables.get("particles")
        optics = tables.get("optics")
        if table is None or optics is None:
            message = (
                f"{options.particles}: no tables optics and particles; is this a list "
                "of particles of RELION 3.1 or later?"
            )
            raise InputError(message)
        self.optics = optics
        self._groups = _read_groups(optics)
        self._table = table
        self._check_columns()
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(table.text("rlnMicrographName")):
            rows.setdefault(output_root(name), []).append(row)
        self._rows = rows

    def _check_columns(self) -> None:
        options = self._options
        needed: tuple[str, ...] = (X, Y, "rlnMicrographName", "rlnOpticsGroup")
        if options.recenter is not None:
            needed += _ORIGINS
            if any(options.recenter):
                needed += _ANGLES
            sizes = {group.pixel_size for group in self._groups.values()}
            if len(sizes) > 1 and options.reference_pixel_size is None:
                message = (
                    f"{options.particles}: optics groups of different pixel sizes; "
                    "give the reference's in the additional arguments: --ref_angpix"
                )
                raise InputError(message)
        for label in needed:
            if label not in self._table:
                message = (
                    f"{options.particles}: no column {label}, which is needed here"
                )
                raise InputError(message)

    def has(self, entry: MicrographEntry) -> bool:
        """Whether any particle comes from the micrograph."""
        return output_root(entry.name) in self._rows

    def particles(self, entry: MicrographEntry) -> Table:
        """The micrograph's particles with offsets reset or re-centered, as asked."""
        table = self._table.take(self._rows[output_root(entry.name)])
        options = self._options
        if not options.reset and options.recenter is None:
            return table
        if not all(label in table for label in _ORIGINS):
            return table
        refined = Refined(
            x=table.numbers(X),
            y=table.numbers(Y),
            origin_x=table.numbers(_ORIGINS[0]),
            origin_y=table.numbers(_ORIGINS[1]),
        )
        if options.reset:
            refined = reset(refined)
        else:
            refined = recentered(refined, entry.pixel_size, self._point(table))
        columns: dict[str, Column] = {
            X: refined.x,
            Y: refined.y,
            _ORIGINS[0]: refined.origin_x,
            _ORIGINS[1]: refined.origin_y,
        }
        return table.with_columns(columns)

    def _point(self, table: Table) -> tuple[Array, Array] | None:
        point = self._options.recenter
        if point is None or not any(point):
            return None
        size = self._options.reference_pixel_size or self._values(
            table, lambda group: group.pixel_size
        )
        rot, tilt, psi = (table.numbers(label) for label in _ANGLES)
        x, y = projected_point(rot, tilt, psi, point)
        return x * size, y * size

    def _values(self, table: Table, of: Callable[[_Group], float]) -> Array:
        numbers = table.integers("rlnOpticsGroup").tolist()
        return np.array([of(self._groups[n]) for n in numbers])

    def ctf(self, table: Table) -> Ctf | None:
        """Each particle's own, unless the micrographs' are to be kept."""
        if self._options.keep_micrograph_ctfs or "rlnDefocusU" not in table:
            return None
        u = table.numbers("rlnDefocusU")
        return Ctf(
            voltage_kv=self._values(table, lambda g: g.voltage),
            spherical_aberration_mm=self._values(table, lambda g: g.aberration),
            amplitude_contrast=self._values(table, lambda g: g.contrast),
            defocus_u_angstrom=u,
            defocus_v_angstrom=table.numbers("rlnDefocusV")
            if "rlnDefocusV" in table
            else u,
            defocus_angle_deg=table.numbers("rlnDefocusAngle", 0.0),
            phase_shift_deg=table.numbers("rlnPhaseShift", 0.0),
            b_factor=table.numbers("rlnCtfBfactor", 0.0),
            scale=table.numbers("rlnCtfScalefactor", 1.0),
        )


def _read_groups(optics: Table) -> dict[int, _Group]:
    columns = zip(
        optics.integers("rlnOpticsGroup").tolist(),
        optics.numbers("rlnImagePixelSize").tolist(),
        optics.numbers("rlnVoltage", 300.0).tolist(),
        optics.numbers("rlnSphericalAberration", 0.0).tolist(),
        optics.numbers("rlnAmplitudeContrast", 0.0).tolist(),
        strict=True,
    )
    return {number: _Group(*values) for number, *values in columns}
