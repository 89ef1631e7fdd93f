"""Particle lists: optics, CTFs and groups of each particle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf
from engine.errors import InputError
from engine.io.mrc import read_header, read_images
from engine.io.packed_table import PackedTable, read_packed
from engine.io.star import Column, Table, table_with

_IMAGE = "rlnImageName"
_GROUP = "rlnOpticsGroup"
#: What an earlier classification may have found.
_KNOWN = (
    "rlnAnglePsi",
    "rlnOriginXAngst",
    "rlnOriginYAngst",
    "rlnOriginX",
    "rlnOriginY",
    "rlnNormCorrection",
    "rlnClassNumber",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleSet:
    """A particle list with what it says of each particle.

    Attributes
    ----------
    path : str
    table : Table
        The rows as they stand, their text packed.
    optics : Table or None
    pixel_size : float, Å per pixel
    box_px : int
    stacks : list of str
        Files of images.
    stack_index, image_index : int64, shape (n,)
        File of each particle, and place in it from 0.
    ctf_values : dict of str to array, shape (n,)
        Arguments of `Ctf`; empty without defocus.
    is_premultiplied : bool
    optics_index, group_index : int64, shape (n,)
        Optics group and intensity group, from 0.
    group_names : list of str
    """

    path: str
    table: Table
    optics: Table | None
    pixel_size: float
    box_px: int
    stacks: list[str]
    stack_index: Array
    image_index: Array
    ctf_values: dict[str, Array]
    is_premultiplied: bool
    optics_index: Array
    group_index: Array
    group_names: list[str]

    def __len__(self) -> int:
        return len(self.stack_index)

    def ctf(self, indices: Array) -> Ctf | None:
        """Optics and defocus of some particles."""
        if not self.ctf_values:
            return None
        return Ctf(
            **{name: values[indices] for name, values in self.ctf_values.items()}
        )

    def without_text(self) -> ParticleSet:
        """The same with only the columns of numbers that a classification needs.

        For ranks that write no lists: the rows' text is most of a list's memory.
        """
        columns: dict[str, Column] = {"rlnGroupNumber": self.group_index + 1}
        for label in _KNOWN:
            if label in self.table:
                columns[label] = self.table.numbers(label)
        return replace(self, table=Table(columns, self.path))

    @property
    def astigmatism_angstrom(self) -> float:
        """Largest difference of the two defocus values in Å."""
        if not self.ctf_values or not len(self):
            return 0.0
        u = self.ctf_values["defocus_u_angstrom"]
        v = self.ctf_values["defocus_v_angstrom"]
        return float(np.abs(u - v).max())

    def read(self, indices: Array) -> Array:
        """Images by index from their stacks, float32, shape (n, y, x)."""
        out = np.empty((len(indices), self.box_px, self.box_px), dtype=np.float32)
        files = self.stack_index[indices]
        for stack in np.unique(files):
            rows = np.flatnonzero(files == stack)
            order = np.argsort(self.image_index[indices[rows]], kind="stable")
            rows = rows[order]
            images = read_images(
                self.stacks[stack], self.image_index[indices[rows]].tolist()
            )
            if images.shape[1:] != out.shape[1:]:
                message = (
                    f"{self.stacks[stack]}: images of {images.shape[2]} x "
                    f"{images.shape[1]} px in a list of {self.box_px} px boxes"
                )
                raise InputError(message)
            out[rows] = images
        return out


def read_particles(path: str) -> ParticleSet:
    """A particle list of RELION 3.0 to 5.0, or a plain stack of images.

    Raises
    ------
    InputError
        If it is neither, or boxes or pixel sizes differ.
    """
    if path.endswith((".mrcs", ".mrc")):
        return _plain_stack(path)
    tables = read_packed(path)
    table = table_with(tables, _IMAGE, "particles")
    if table is None:
        message = f"{path}: no column {_IMAGE}; was it written by an Extract job?"
        raise InputError(message)
    if not len(table):
        message = f"{path}: no particles in it; pick and extract some first"
        raise InputError(message)
    optics = tables.get("optics")
    stacks, stack_index, image_index = _image_places(table, path)
    optics_index = _optics_index(table, optics, path)
    values = _Values(table, optics, optics_index)
    header = _header(stacks[0])
    pixel_size = _pixel_size(values, path)
    names, group_index = _groups(table)
    premultiplied = values.get("rlnCtfDataAreCtfPremultiplied", 0.0)
    return ParticleSet(
        path=path,
        table=table,
        optics=optics,
        pixel_size=pixel_size,
        box_px=header,
        stacks=stacks,
        stack_index=stack_index,
        image_index=image_index,
        ctf_values=_ctf_values(values, table),
        is_premultiplied=bool(np.any(premultiplied != 0)),
        optics_index=optics_index,
        group_index=group_index,
        group_names=names,
    )


def _plain_stack(path: str) -> ParticleSet:
    header = read_header(path)
    if header.nz < 1:
        message = f"{path}: no images in it; pick and extract some first"
        raise InputError(message)
    if header.pixel_size <= 0:
        message = f"{path}: no pixel size in the header; use a particle list (.star)"
        raise InputError(message)
    n = header.nz
    names = [f"{i:06d}@{path}" for i in range(1, n + 1)]
    return ParticleSet(
        path=path,
        table=PackedTable(Table({_IMAGE: names}, path)),
        optics=None,
        pixel_size=header.pixel_size,
        box_px=_header(path),
        stacks=[path],
        stack_index=np.zeros(n, dtype=np.int64),
        image_index=np.arange(n),
        ctf_values={},
        is_premultiplied=False,
        optics_index=np.zeros(n, dtype=np.int64),
        group_index=np.zeros(n, dtype=np.int64),
        group_names=["group_1"],
    )


def _header(path: str) -> int:
    header = read_header(path)
    if header.nx != header.ny or header.nx % 2:
        message = (
            f"{path}: images of {header.nx} x {header.ny} px; 2D classification needs "
            "square boxes of even size"
        )
        raise InputError(message)
    return header.nx


def _image_places(table: Table, path: str) -> tuple[list[str], Array, Array]:
    stacks: dict[str, int] = {}
    files = np.empty(len(table), dtype=np.int64)
    places = np.empty(len(table), dtype=np.int64)
    for row, name in enumerate(_each(table, _IMAGE)):
        number, at, stack = name.partition("@")
        if not at or not number.isdigit():
            message = f"{path}: {_IMAGE} {name!r} is not number@stack"
            raise InputError(message)
        files[row] = stacks.setdefault(stack, len(stacks))
        places[row] = int(number) - 1
    return list(stacks), files, places


def _optics_index(table: Table, optics: Table | None, path: str) -> Array:
    if optics is None or _GROUP not in table:
        return np.zeros(len(table), dtype=np.int64)
    numbers = optics.integers(_GROUP).tolist()
    position = {number: row for row, number in enumerate(numbers)}
    groups, index = np.unique(table.integers(_GROUP), return_inverse=True)
    missing = sorted(set(groups.tolist()) - set(position))
    if missing:
        message = f"{path}: optics group {missing[0]} is not in the optics table"
        raise InputError(message)
    rows = np.array([position[group] for group in groups.tolist()], dtype=np.int64)
    return np.asarray(rows[index])


class _Values:
    """Numbers per particle, from its row or its optics group."""

    def __init__(self, table: Table, optics: Table | None, index: Array) -> None:
        self.table, self.optics, self.index = table, optics, index

    def has(self, label: str) -> bool:
        return label in self.table or (self.optics is not None and label in self.optics)

    def get(self, label: str, default: float) -> Array:
        values = np.array([default])
        if label in self.table:
            values = self.table.numbers(label)
        elif self.optics is not None and label in self.optics:
            values = self.optics.numbers(label)[self.index]
        if np.any(values != values[0]):
            return values
        # one number that stands for all
        return np.broadcast_to(values[0], len(self.table))


def _pixel_size(values: _Values, path: str) -> float:
    if values.has("rlnImagePixelSize"):
        sizes = values.get("rlnImagePixelSize", 0.0)
    elif values.has("rlnDetectorPixelSize") and values.has("rlnMagnification"):
        detector = values.get("rlnDetectorPixelSize", 0.0)
        sizes = detector * 1e4 / values.get("rlnMagnification", 1.0)
    else:
        message = (
            f"{path}: no rlnImagePixelSize in the optics table; "
            "was it written by an Extract job?"
        )
        raise InputError(message)
    if not np.all(sizes > 0):
        message = f"{path}: a pixel size is not above 0; extract the particles again"
        raise InputError(message)
    if np.ptp(sizes) > 0.001:
        message = (
            f"{path}: pixel sizes from {sizes.min():.3f} to {sizes.max():.3f} A; "
            "extract all particles at one pixel size"
        )
        raise InputError(message)
    return float(sizes[0])


def _groups(table: Table) -> tuple[list[str], Array]:
    """Names of the intensity groups and each particle's: named ones, or micrographs."""
    if "rlnGroupName" in table:
        names = _each(table, "rlnGroupName")
    elif "rlnMicrographName" in table:
        names = map(_short, _each(table, "rlnMicrographName"))
    else:
        return ["group_1"], np.zeros(len(table), dtype=np.int64)
    seen: dict[str, int] = {}
    places = (seen.setdefault(name, len(seen)) for name in names)
    index = np.fromiter(places, dtype=np.int64, count=len(table))
    return list(seen), index


def _each(table: Table, label: str) -> Iterator[str]:
    """A column's text, row by row, without all of it at once."""
    return (value for part in table.text_parts(label) for value in part)


def _short(name: str) -> str:
    """A micrograph's name without the job it came from."""
    parts = name.split("/")
    if len(parts) > 2 and parts[1].startswith("job") and parts[1][3:].isdigit():
        return "/".join(parts[2:])
    return name


def _ctf_values(values: _Values, table: Table) -> dict[str, Array]:
    if "rlnDefocusU" not in table:
        return {}
    defocus_u = values.get("rlnDefocusU", 0.0)
    defocus_v = values.get("rlnDefocusV", 0.0) if "rlnDefocusV" in table else defocus_u
    return {
        "voltage_kv": values.get("rlnVoltage", 200.0),
        "spherical_aberration_mm": values.get("rlnSphericalAberration", 0.0),
        "amplitude_contrast": values.get("rlnAmplitudeContrast", 0.1),
        "defocus_u_angstrom": defocus_u,
        "defocus_v_angstrom": defocus_v,
        "defocus_angle_deg": values.get("rlnDefocusAngle", 0.0),
        "phase_shift_deg": values.get("rlnPhaseShift", 0.0),
        "b_factor": values.get("rlnCtfBfactor", 0.0),
        "scale": values.get("rlnCtfScalefactor", 1.0),
    }
