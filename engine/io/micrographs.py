"""Lists of micrographs: names, optics and CTFs of a STAR file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.ctf import Ctf
from engine.errors import InputError
from engine.io.star import Table, read_star, table_with

_NAME = "rlnMicrographName"
_GROUP = "rlnOpticsGroup"
_PIXEL_SIZE = "rlnMicrographPixelSize"
_DEFOCUS_U = "rlnDefocusU"


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrographEntry:
    """One row of a list of micrographs.

    Attributes
    ----------
    name : str
        Path relative to the project.
    optics_group : int
    pixel_size : float, Å per pixel
    ctf : Ctf or None
        None without defocus columns.
    """

    name: str
    optics_group: int
    pixel_size: float
    ctf: Ctf | None

    @property
    def defocus_angstrom(self) -> float | None:
        """Mean defocus in Å."""
        return None if self.ctf is None else float(self.ctf.mean_defocus_angstrom)


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrographList:
    """A list of micrographs with its tables.

    Attributes
    ----------
    path : str
    entries : list of MicrographEntry
    optics, table : Table
        As they stand in the file; `optics` is None before RELION 3.1.
    """

    path: str
    entries: list[MicrographEntry]
    optics: Table | None
    table: Table

    def summary(self) -> list[dict[str, Any]]:
        """Name, pixel size and voltage of each optics group."""
        if self.optics is None:
            return []
        optics = self.optics
        names = (
            optics.text("rlnOpticsGroupName")
            if "rlnOpticsGroupName" in optics
            else [str(i + 1) for i in range(len(optics))]
        )
        sizes = optics.numbers(_PIXEL_SIZE, 0.0).tolist()
        voltages = optics.numbers("rlnVoltage", 0.0).tolist()
        rows = zip(names, sizes, voltages, strict=True)
        return [{"name": n, "pixel_size": s, "voltage": v} for n, s, v in rows]


def read_micrograph_names(path: str | Path) -> list[str]:
    """The names in a list of micrographs."""
    return _micrograph_table(path)[0].text(_NAME)


def read_micrographs(
    path: str | Path, *, pixel_size: float | None = None
) -> MicrographList:
    """A list of micrographs, 3.1 and later with optics, or before without.

    Parameters
    ----------
    path : path
    pixel_size : float, Å per pixel, optional
        Of all micrographs, whatever the list says.

    Raises
    ------
    InputError
        If it is not such a list, or the pixel size cannot be known.
    """
    table, optics = _micrograph_table(path)
    names = table.text(_NAME)
    groups = table.integers(_GROUP).tolist() if _GROUP in table else [1] * len(names)
    lookup = _Lookup(table, optics, groups, str(path))
    if pixel_size is None:
        sizes = _pixel_sizes(lookup, table, str(path))
    else:
        sizes = [pixel_size] * len(names)
    ctfs = _ctfs(lookup, table, len(names))
    entries = [
        MicrographEntry(name=n, optics_group=g, pixel_size=s, ctf=c)
        for n, g, s, c in zip(names, groups, sizes, ctfs, strict=True)
    ]
    return MicrographList(path=str(path), entries=entries, optics=optics, table=table)


def _micrograph_table(path: str | Path) -> tuple[Table, Table | None]:
    tables = read_star(path)
    table = table_with(tables, _NAME, "micrographs")
    if table is None:
        message = f"{path}: no column {_NAME}; is this a list of micrographs?"
        raise InputError(message)
    return table, tables.get("optics")


class _Lookup:
    """Values per row: from the row itself, else from its optics group."""

    def __init__(
        self, table: Table, optics: Table | None, groups: list[int], path: str
    ) -> None:
        self.table = table
        self.optics = optics
        self.groups = groups
        self.rows: list[int] = []
        if optics is None:
            return
        numbers = (
            optics.integers(_GROUP).tolist()
            if _GROUP in optics
            else list(range(1, len(optics) + 1))
        )
        position = {number: row for row, number in enumerate(numbers)}
        missing = sorted(set(groups) - set(position))
        if missing:
            message = f"{path}: optics group {missing[0]} is not in the optics table"
            raise InputError(message)
        self.rows = [position[group] for group in groups]

    def has(self, label: str) -> bool:
        return label in self.table or (self.optics is not None and label in self.optics)

    def values(self, label: str, default: float) -> list[float]:
        if label in self.table:
            return self.table.numbers(label).tolist()  # type: ignore[no-any-return]
        if self.optics is not None and label in self.optics:
            by_group = self.optics.numbers(label).tolist()
            return [by_group[row] for row in self.rows]
        return [default] * len(self.groups)


def _pixel_sizes(lookup: _Lookup, table: Table, path: str) -> list[float]:
    if lookup.has(_PIXEL_SIZE):
        sizes = lookup.values(_PIXEL_SIZE, 0.0)
    elif lookup.has("rlnDetectorPixelSize") and lookup.has("rlnMagnification"):
        detector = lookup.values("rlnDetectorPixelSize", 0.0)
        magnification = lookup.values("rlnMagnification", 1.0)
        pairs = zip(detector, magnification, strict=True)
        sizes = [d * 1e4 / m if m > 0 else 0.0 for d, m in pairs]
    else:
        message = (
            f"{path}: no column {_PIXEL_SIZE} in the optics table; import the "
            "micrographs with their pixel size"
        )
        raise InputError(message)
    if any(not size > 0 for size in sizes):
        message = f"{path}: {_PIXEL_SIZE} must be above 0"
        raise InputError(message)
    return sizes


def _ctfs(lookup: _Lookup, table: Table, count: int) -> list[Ctf | None]:
    if _DEFOCUS_U not in table:
        return [None] * count
    get: Callable[[str, float], list[float]] = lookup.values
    defocus_u = get(_DEFOCUS_U, 0.0)
    defocus_v = get("rlnDefocusV", 0.0) if lookup.has("rlnDefocusV") else defocus_u
    columns = zip(
        get("rlnVoltage", 200.0),
        get("rlnSphericalAberration", 0.0),
        get("rlnAmplitudeContrast", 0.0),
        defocus_u,
        defocus_v,
        get("rlnDefocusAngle", 0.0),
        get("rlnPhaseShift", 0.0),
        get("rlnCtfBfactor", 0.0),
        get("rlnCtfScalefactor", 1.0),
        strict=True,
    )
    return [
        Ctf(
            voltage_kv=voltage,
            spherical_aberration_mm=aberration,
            amplitude_contrast=contrast,
            defocus_u_angstrom=u,
            defocus_v_angstrom=v,
            defocus_angle_deg=angle,
            phase_shift_deg=phase,
            b_factor=b,
            scale=scale,
        )
        for voltage, aberration, contrast, u, v, angle, phase, b, scale in columns
    ]
