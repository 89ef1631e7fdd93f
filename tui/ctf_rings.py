"""Rings over a power spectrum: where the fitted CTF is zero, and resolutions.

The zeros are dashes on the right half, so that the rings of the spectrum itself can be
seen on the left, where arcs stand at some round resolutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from engine.optics import ctf_zeros, defocus_towards
from remote.views import Ctf, Picture
from tui.charts import Line
from tui.halfblocks import Canvas, Rgb

Place = Callable[[float, float], tuple[float, float]]  # of the file, in the picture
ZERO: Rgb = (245, 160, 60)
RESOLUTIONS: tuple[tuple[float, Rgb], ...] = (
    (10.0, (240, 90, 80)),
    (5.0, (110, 220, 110)),
    (3.5, (90, 150, 255)),
)
_DASH, _STEP = 4, 16  # degrees
_ARC = range(190, 260)  # degrees, from x to y in the file, which goes down
_LEAST_PX = 9.0  # between two zeros that can be told apart
_NO_SIZE = (0.0, 1.0)  # what headers say that do not know


def zeros(ctf: Ctf, degrees: float, highest: float) -> list[float]:
    """Spatial frequencies (1/Å), up to the highest, of its zeros in a direction."""
    return ctf_zeros(
        defocus_angstrom=defocus_towards(
            ctf.defocus_u, ctf.defocus_v, ctf.angle, degrees
        ),
        voltage_kv=ctf.voltage,
        spherical_aberration_mm=ctf.cs,
        amplitude_contrast=ctf.amplitude,
        phase_shift_deg=ctf.phase_shift,
        highest=highest,
    )


def has_scale(picture: Picture) -> bool:
    """Whether the file says how large its pixels are."""
    return picture.pixel_size not in _NO_SIZE


def draw(canvas: Canvas, picture: Picture, ctf: Ctf | None, place: Place) -> None:
    """Draw both."""
    if not has_scale(picture):
        return
    size = picture.source_width
    edge = 1 / (2 * picture.pixel_size)

    def dots(radius: float, degrees: float, color: Rgb) -> None:
        angle = math.radians(degrees)
        x = size / 2 + radius * math.cos(angle)
        y = picture.source_height / 2 + radius * math.sin(angle)
        across, down = place(x, y)
        canvas.dot(math.floor(across), math.floor(down), color)

    for resolution, color in RESOLUTIONS:
        if 1 / resolution < edge:
            for degrees in _fine(_ARC, size / resolution * picture.pixel_size):
                dots(size * picture.pixel_size / resolution, degrees, color)
    if ctf is None:
        return
    highest = min(edge, 1 / ctf.resolution) if ctf.resolution > 0 else edge
    least = _LEAST_PX * picture.binning / (size * picture.pixel_size)
    for start in range(-82, 90, _STEP):
        for degrees in _fine(range(start, start + _DASH), size / 2):
            before = 0.0
            for frequency in zeros(ctf, degrees, highest):
                if before and frequency - before < least:
                    break
                before = frequency
                dots(size * picture.pixel_size * frequency, degrees, ZERO)


def _fine(degrees: range, radius: float) -> Iterator[float]:
    """Angles near enough for a line at a radius, in half pixels."""
    parts = max(1, math.ceil(radius * math.radians(1) * 2))
    for degree in degrees:
        for part in range(parts):
            yield degree + part / parts


def legend(picture: Picture, ctf: Ctf | None) -> Line:
    """What the rings are, and the resolution at the edge."""
    line: Line = [("CTF power spectrum", "faint")]
    if not has_scale(picture):
        return [*line, (" · its file does not say its scale", "faint")]
    line.append((f" · edge {2 * picture.pixel_size:.1f} Å ·", "faint"))
    for resolution, (red, green, blue) in RESOLUTIONS:
        if resolution > 2 * picture.pixel_size:
            line.append((" ━", f"#{red:02x}{green:02x}{blue:02x}"))
            line.append((f" {resolution:g} Å", "faint"))
    if ctf is not None:
        red, green, blue = ZERO
        low, high = sorted((ctf.defocus_u / 1e4, ctf.defocus_v / 1e4))
        line.append((" · ╌", f"#{red:02x}{green:02x}{blue:02x}"))
        line.append((f" zeros at {low:.2f}-{high:.2f} µm", "faint"))
        if ctf.resolution > 0:
            line.append((f", fit to {ctf.resolution:.1f} Å", "faint"))
    return line
