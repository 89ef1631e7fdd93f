"""Lists of raw images with their optics groups, as RELION's Import makes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.io.star import Column, Table, format_number, read_star, write_star


@dataclass(frozen=True, slots=True, kw_only=True)
class OpticsValues:
    """What an import says about its images."""

    name: str
    mtf: str
    pixel_size: float
    voltage_kv: float
    spherical_aberration_mm: float
    amplitude_contrast: float
    beam_tilt_x_mrad: float
    beam_tilt_y_mrad: float

    def row(self, number: int, *, movies: bool) -> dict[str, str]:
        """The row of the optics table, by label."""
        row = {"rlnOpticsGroupName": self.name, "rlnOpticsGroup": str(number)}
        if self.mtf:
            row["rlnMtfFileName"] = self.mtf
        if not movies:
            row["rlnMicrographPixelSize"] = format_number(self.pixel_size)
        row |= {
            "rlnMicrographOriginalPixelSize": format_number(self.pixel_size),
            "rlnVoltage": format_number(self.voltage_kv),
            "rlnSphericalAberration": format_number(self.spherical_aberration_mm),
            "rlnAmplitudeContrast": format_number(self.amplitude_contrast),
        }
        if self.beam_tilt_x_mrad or self.beam_tilt_y_mrad:
            row["rlnBeamTiltX"] = format_number(self.beam_tilt_x_mrad)
            row["rlnBeamTiltY"] = format_number(self.beam_tilt_y_mrad)
        return row


@dataclass(frozen=True, slots=True, kw_only=True)
class RawList:
    """Images by name and optics group, and the optics groups."""

    movies: bool
    optics: list[dict[str, str]]
    groups: dict[str, str]  # image name -> optics group's number

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def _name_label(self) -> str:
        return "rlnMicrographMovieName" if self.movies else "rlnMicrographName"

    @property
    def _table_name(self) -> str:
        return "movies" if self.movies else "micrographs"

    @classmethod
    def empty(cls, *, movies: bool) -> RawList:
        """No images yet."""
        return cls(movies=movies, optics=[], groups={})

    @classmethod
    def read(cls, path: Path, *, movies: bool) -> RawList:
        """An earlier import's list."""
        tables = read_star(path)
        new = cls.empty(movies=movies)
        table, optics = tables.get(new._table_name), tables.get("optics")
        if table is None or optics is None:
            message = (
                f"{path}: no tables optics and {new._table_name}; "
                "is it the list of an Import job?"
            )
            raise InputError(message)
        rows = [
            {label: optics.text(label)[i] for label in optics.labels}
            for i in range(len(optics))
        ]
        names = table.text(new._name_label)
        groups = dict(zip(names, table.text("rlnOpticsGroup"), strict=True))
        return cls(movies=movies, optics=rows, groups=groups)

    def with_files(self, names: list[str], optics: OpticsValues) -> RawList:
        """The list with files added; those it has stay as they are.

        Raises
        ------
        InputError
            If a file of the list would get another optics group.
        """
        known = [row["rlnOpticsGroupName"] for row in self.optics]
        rows = list(self.optics)
        if optics.name in known:
            number = rows[known.index(optics.name)]["rlnOpticsGroup"]
        else:
            number = str(max([0, *(int(r["rlnOpticsGroup"]) for r in rows)]) + 1)
            rows.append(optics.row(int(number), movies=self.movies))
        groups = dict(self.groups)
        for name in names:
            if groups.setdefault(name, number) != number:
                message = (
                    f"{name} is in the list already, in another optics group than "
                    f"{optics.name}; import new files by a pattern of their own"
                )
                raise InputError(message)
        return RawList(movies=self.movies, optics=rows, groups=groups)

    def write(self, path: Path, *, version: int) -> None:
        """Write the list."""
        labels = list(dict.fromkeys(label for row in self.optics for label in row))
        optics: dict[str, Column] = {
            label: [row.get(label, _absent(label)) for row in self.optics]
            for label in labels
        }
        images: dict[str, Column] = {
            self._name_label: list(self.groups),
            "rlnOpticsGroup": list(self.groups.values()),
        }
        tables = {"optics": Table(optics), self._table_name: Table(images)}
        write_star(path, tables, version=version)

    def optics_summary(self) -> list[dict[str, Any]]:
        """Name, pixel size and voltage of each optics group."""
        return [
            {
                "name": row["rlnOpticsGroupName"],
                "pixel_size": float(row["rlnMicrographOriginalPixelSize"]),
                "voltage": float(row["rlnVoltage"]),
            }
            for row in self.optics
        ]


def _absent(label: str) -> str:
    """What a group has in a column that another group brought."""
    return "" if label == "rlnMtfFileName" else "0.000000"
