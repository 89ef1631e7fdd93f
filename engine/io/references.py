"""References for picking: class averages, stacks and maps from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.mrc import read_header, read_image, read_images
from engine.io.star import read_star

_LABELS = ("rlnReferenceImage", "rlnImageName")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceImages:
    """References as they lie in their files.

    Attributes
    ----------
    images : array, shape (n, y, x), float32
        Or (z, y, x) for a map.
    pixel_size : float, Å per pixel
    is_volume : bool
    notes : tuple of str
        What the person should know about the pixel size.
    """

    images: Array
    pixel_size: float
    is_volume: bool
    notes: tuple[str, ...] = ()


def read_references(
    path: str, *, pixel_size: float | None, micrograph_pixel_size: float
) -> ReferenceImages:
    """References from a STAR list, a stack or a map.

    Without a pixel size, a STAR list takes it from its first image's header, the others
    are taken to have the micrographs', as RELION does.

    Parameters
    ----------
    path : str
        ``.star``, ``.mrcs`` or ``.mrc``.
    pixel_size : float or None, Å per pixel
    micrograph_pixel_size : float, Å per pixel
    """
    if Path(path).suffix == ".star":
        names = _image_names(path)
        images = np.stack([_read_one(name) for name in names])
        in_header = read_header(names[0].rpartition("@")[2]).pixel_size or 1.0
        used = in_header if pixel_size is None else pixel_size
        is_volume = False
    else:
        images = read_images(path)
        in_header = read_header(path).pixel_size
        used = micrograph_pixel_size if pixel_size is None else pixel_size
        is_volume = Path(path).suffix == ".mrc" and len(images) > 1
    if images.shape[-1] != images.shape[-2]:
        size = f"{images.shape[-1]} x {images.shape[-2]} px"
        message = f"{path}: references of {size}; crop or pad them to squares"
        raise InputError(message)
    notes = []
    if pixel_size is None and abs(used - micrograph_pixel_size) > 1e-3:
        notes.append(f"Using pixel size in reference image header= {used:g}")
    elif in_header and abs(in_header - used) > 1e-3:
        notes.append(
            f"{path}: the header says {in_header:g} Å per pixel, but {used:g} Å is used"
        )
    return ReferenceImages(
        images=images, pixel_size=used, is_volume=is_volume, notes=tuple(notes)
    )


def _image_names(path: str) -> list[str]:
    for table in read_star(path).values():
        for label in _LABELS:
            if label in table:
                if len(table) == 0:
                    break
                return table.text(label)
    message = f"{path}: no references; it needs a column {_LABELS[0]} or {_LABELS[1]}"
    raise InputError(message)


def _read_one(name: str) -> Array:
    """An image by RELION's name: "000003@stack.mrcs" or "image.mrc"."""
    number, at, file = name.rpartition("@")
    if at and not number.isdigit():
        message = f"{name}: not an image's name such as 000001@stack.mrcs"
        raise InputError(message)
    return read_image(file, int(number) - 1 if at else 0)
