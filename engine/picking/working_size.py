"""The shrink parameter: at which size micrographs are searched.

Micrographs are thought of as squares of N x N pixels (N the longer side), cut in
Fourier space to W x W. Facts: RELION 3.1.3's ``--shrink`` and its messages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.fourier.low_frequencies import largest_prime_factor

_Choice = tuple[int, tuple[str, ...], tuple[str, ...]]  # size, notes, warnings

#: An FFT length is good if its prime factors (and those of n/2 + 1) do not exceed this.
LARGEST_GOOD_FACTOR = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingSize:
    """The geometry of one size of micrographs.

    Attributes
    ----------
    image_shape : (y, x), pixels of the file
    full_px : int
        N, edge of the square around the micrograph.
    resolution_px : int
        D, edge of the square in Fourier space that the low-pass leaves.
    work_px : int
        W, edge of all maps; even.
    notes, warnings : tuple of str
        RELION's messages about the choice.
    """

    image_shape: tuple[int, int]
    full_px: int
    resolution_px: int
    work_px: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def scale(self) -> np.float32:
        """Map pixels per micrograph pixel, in RELION's single precision."""
        return np.float32(self.work_px) / np.float32(self.full_px)

    @property
    def inner_shape(self) -> tuple[int, int]:
        """(y, x) map pixels that the micrograph fills, cut off as RELION does."""
        rows, columns = self.image_shape
        return (
            int(np.float32(rows) * self.scale),
            int(np.float32(columns) * self.scale),
        )

    @property
    def first(self) -> tuple[int, int]:
        """(row, column) of the first map pixel of the micrograph, by RELION's count."""
        rows, columns = self.inner_shape
        return self.work_px // 2 - rows // 2, self.work_px // 2 - columns // 2

    @property
    def corner(self) -> tuple[int, int]:
        """(row, column) of the micrograph's first pixel in the N x N square."""
        rows, columns = self.image_shape
        return self.full_px // 2 - rows // 2, self.full_px // 2 - columns // 2


def choose_working_size(
    image_shape: tuple[int, int],
    pixel_size: float,
    *,
    lowpass_angstrom: float | None,
    shrink: float,
    optimise: bool = True,
    even_square: bool = False,
) -> WorkingSize:
    """The size at which to search micrographs.

    Parameters
    ----------
    image_shape : (y, x), pixels
    pixel_size : float, Å per pixel
    lowpass_angstrom : float or None, Å
        None leaves the full resolution.
    shrink : float
        0: what the low-pass needs; up to 1: that fraction of N; more: that many pixels.
    optimise : bool
        Move to a size that is fast to transform.
    even_square : bool
        Make N even (odd squares break RELION's template picking).

    Raises
    ------
    InputError
        If the shrink parameter cannot be used with these micrographs.
    """
    full = max(image_shape)
    full += full % 2 if even_square else 0
    resolution = full
    if lowpass_angstrom is not None:
        resolution = 2 * round_half_away(full * pixel_size / lowpass_angstrom)
    wanted = _requested_size(full, resolution, shrink)
    work, notes, warnings = _good_size(wanted, full) if optimise else (wanted, (), ())
    work -= work % 2
    if work < 2:
        message = (
            f"shrink {shrink:g} leaves {work} pixels of {full}: use a finer low-pass "
            "or a larger shrink"
        )
        raise InputError(message)
    if work < resolution:
        warnings += (
            "The calculations will be done at a lower resolution than requested.",
        )
    return WorkingSize(
        image_shape=image_shape,
        full_px=full,
        resolution_px=resolution,
        work_px=work,
        notes=notes,
        warnings=warnings,
    )


def _requested_size(full: int, resolution: int, shrink: float) -> int:
    if shrink < 0:
        message = f"shrink {shrink:g} cannot be used: it must be 0 or more"
        raise InputError(message)
    if shrink == 0:
        return resolution
    size = round_half_away(shrink * full) if shrink <= 1 else round_half_away(shrink)
    size -= size % 2
    if shrink > 1 and size >= full:
        message = (
            f"shrink {shrink:g} cannot be used: micrographs have {full} pixels; "
            "use 0 to 1 for a fraction of them"
        )
        raise InputError(message)
    return size


def _good_size(wanted: int, full: int) -> _Choice:
    """A size near the wanted one with small prime factors, notes and warnings."""
    factor = worst_factor(wanted)
    if factor <= LARGEST_GOOD_FACTOR:
        note = (
            f"Will use micrographs scaled to {wanted} pixels as requested. "
            f"The largest prime factor in FFTs is {factor}"
        )
        return wanted, (note,), ()
    up = wanted + 2
    while worst_factor(up) >= LARGEST_GOOD_FACTOR and up <= full + 2:
        up += 2
    down = wanted - 2
    while down > 2 and worst_factor(down) >= LARGEST_GOOD_FACTOR:
        down -= 2
    is_lower_better = wanted - down < up - wanted or up > full
    size = down if is_lower_better else up
    warnings = (
        f"Requested rescale of micrographs is {wanted} pixels. "
        f"The largest prime factor in FFTs is {factor}",
        f"Will change rescaling of micrographs to {size} pixels, because the prime "
        f"factor then becomes {worst_factor(size)}",
        "add --skip_optimise_scale to your autopick command to prevent rescaling",
    )
    return size, (), warnings


def worst_factor(size: int) -> int:
    """The largest prime factor of n and of n/2 + 1, RELION's measure of an FFT size."""
    return max(largest_prime_factor(size), largest_prime_factor(size // 2 + 1))


def round_half_away(value: float) -> int:
    """The nearest whole number; halves go away from zero."""
    return int(value + 0.5) if value > 0 else int(value - 0.5)
