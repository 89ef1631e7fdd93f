"""A micrograph: the image with what is needed to make sense of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

from engine.arrays import Array
from engine.ctf import Ctf


@dataclass(frozen=True, slots=True, kw_only=True)
class Micrograph:
    """One micrograph as it was recorded: particles dark unless said otherwise.

    Attributes
    ----------
    image : array, shape (y, x), float32
    pixel_size : float, Å per pixel
    ctf : Ctf or None
        None if nobody has estimated it.
    """

    image: Array
    pixel_size: float
    ctf: Ctf | None = None
