"""Micrographs with their picks, class averages and particles, as small pictures."""

from __future__ import annotations

import array
import sys
import time
from collections.abc import Sequence
from typing import Any

from remote.calls import OnProgress
from remote.contact import Contact
from remote.views import Ctf, JobPicks, Picks, Picture

_GREYS = 64  # of pictures: more are not told apart, and noise packs better
_LONG_S = 120.0


class ReadingPictures(Contact):
    """Pictures, made where the data are, and the picks on them."""

    async def micrograph(
        self,
        name: str,
        micrograph: str,
        *,
        width: int = 512,
        height: int = 512,
        lowpass_angstrom: float = 0.0,
        region: tuple[int, int, int, int] | None = None,
        highpass_angstrom: float = 0.0,
        sigma_contrast: float = 0.0,
        black: float = 0.0,
        white: float = 0.0,
        on_progress: OnProgress | None = None,
        coarser: int = 1,
    ) -> Picture:
        """A micrograph reduced to fit; `region`: x, y, width, height in its pixels.

        With pixels so many times `coarser` it comes sooner over a slow link.

        Grey runs over so many deviations around the mean, else from `black` to `white`
        if these differ, else between percentiles.
        """
        started = time.monotonic()
        said, pixels = await self.ask_blob(
            "pictures.micrograph",
            name=name,
            micrograph=micrograph,
            width=width,
            height=height,
            lowpass_angstrom=lowpass_angstrom,
            region=region,
            highpass_angstrom=highpass_angstrom,
            sigma_contrast=sigma_contrast,
            black=black,
            white=white,
            greys=_GREYS,
            on_progress=on_progress,
            coarser=coarser,
        )
        on_its_way_s = time.monotonic() - started - said.get("took_s", 0.0)
        return Picture(
            width=said["width"],
            height=said["height"],
            pixels=pixels,
            source_width=said["source_width"],
            source_height=said["source_height"],
            pixel_size=said["pixel_size"],
            binning=said["binning"],
            label=said["label"],
            on_its_way_s=max(0.0, on_its_way_s),
        )

    async def ctf(self, name: str, micrograph: str) -> Ctf | None:
        """Contrast transfer function of a micrograph; None if its list has none."""
        said = await self.ask("ctf.of_micrograph", name=name, micrograph=micrograph)
        return Ctf(**said) if said else None

    async def picks(self, name: str, micrograph: str) -> Picks:
        """Coordinates of a job on one micrograph."""
        said = await self.ask("statistics.picks", name=name, micrograph=micrograph)
        return Picks(
            micrograph=micrograph,
            x=tuple(said["x"]),
            y=tuple(said["y"]),
            fom=tuple(said["fom"]),
            class_number=tuple(said["class_number"]),
            psi=tuple(said["psi"]),
        )

    async def job_picks(self, name: str) -> JobPicks:
        """Coordinates of a picking job on all of its micrographs."""
        said, data = await self.ask_blob("hunting.of_job", name=name, timeout=_LONG_S)
        numbers = array.array("f")
        numbers.frombytes(data)
        if sys.byteorder == "big":
            numbers.byteswap()
        found, at = [], 0
        for row in said["micrographs"]:
            n = int(row["picks"])
            x, y, fom = (
                tuple(numbers[at + i * n : at + (i + 1) * n]) for i in range(3)
            )
            at += 3 * n
            found.append(
                Picks(
                    micrograph=row["name"], x=x, y=y, fom=fom if row["has_fom"] else ()
                )
            )
        return JobPicks(
            job=name,
            picks=tuple(found),
            pixel_size=float(said["pixel_size"]),
            map_count=sum(bool(row["has_map"]) for row in said["micrographs"]),
        )

    async def gallery(
        self,
        name: str,
        iteration: int | None = None,
        *,
        max_tile: int = 64,
        numbers: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        """Class averages (else templates, particles) as tiles with captions.

        {"iteration", "iterations", "model", "tiles": [{"number", "distribution",
        "resolution", "accuracy_rotations", "accuracy_translations", "width", "height",
        "pixels"}]}
        in the order of the file; `pixels` are bytes as those of a `Picture`.
        """
        said, pixels = await self.ask_blob(
            "pictures.gallery",
            name=name,
            iteration=iteration,
            max_tile=max_tile,
            numbers=None if numbers is None else list(numbers),
            greys=_GREYS,
        )
        return _with_pixels(said, pixels)

    async def class_average(
        self, name: str, numbers: Sequence[int], iteration: int | None = None
    ) -> dict[str, Any]:
        """Average and standard deviation of some class averages' real values.

        {"iteration", "count", "width", "height", "lowest", "highest", "deviation",
        "pixels", "deviation_pixels"}
        """
        said, pixels = await self.ask_blob(
            "pictures.average", name=name, numbers=list(numbers), iteration=iteration
        )
        return _with_deviation(said, pixels)

    async def particle_page(
        self,
        path: str,
        *,
        first: int = 0,
        count: int = 100,
        sort: str = "",
        is_descending: bool = False,
        max_tile: int = 64,
    ) -> dict[str, Any]:
        """Particles of a list (a path in the project) from a place in an order on.

        {"total", "first", "columns", "tiles": [{"number", "values", "width", "height",
        "pixels"}]}; numbers are rows of the file from 1.
        """
        said, pixels = await self.ask_blob(
            "stacks.page",
            path=path,
            first=first,
            count=count,
            sort=sort,
            is_descending=is_descending,
            max_tile=max_tile,
            greys=_GREYS,
            timeout=_LONG_S,
        )
        return _with_pixels(said, pixels)

    async def particle_average(
        self, path: str, numbers: Sequence[int] | None = None, *, max_tile: int = 128
    ) -> dict[str, Any]:
        """Average and deviation of particles as they lie, as `class_average` says it.

        "count" of "total" were averaged: of very many an even sample.
        """
        said, pixels = await self.ask_blob(
            "stacks.average",
            path=path,
            numbers=None if numbers is None else list(numbers),
            max_tile=max_tile,
            timeout=_LONG_S,
        )
        return _with_deviation(said, pixels)


def _with_pixels(said: dict[str, Any], pixels: bytes) -> dict[str, Any]:
    """An answer whose tiles have their own pixels."""
    width, height = said.pop("width"), said.pop("height")
    size = width * height
    for i, tile in enumerate(said["tiles"]):
        tile["width"], tile["height"] = width, height
        tile["pixels"] = pixels[i * size : (i + 1) * size]
    return said


def _with_deviation(said: dict[str, Any], pixels: bytes) -> dict[str, Any]:
    """An answer with the pictures of an average and of its deviation."""
    size = said["width"] * said["height"]
    said["pixels"], said["deviation_pixels"] = pixels[:size], pixels[size:]
    return said
