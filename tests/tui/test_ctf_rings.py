"""Rings over a power spectrum lie where the real one has its zeros."""

from __future__ import annotations

import numpy as np

from remote.views import Ctf, Picture
from tui.charts import text_of
from tui.ctf_rings import RESOLUTIONS, ZERO, draw, legend, zeros
from tui.halfblocks import Canvas

# of the micrograph of EMPIAR-10204 with the number 21, by the RELION tutorial's results
FITTED = Ctf(
    defocus_u=10863.86,
    defocus_v=10575.8,
    angle=77.99,
    voltage=200.0,
    cs=1.4,
    amplitude=0.1,
    resolution=4.0,
)


def picture(pixel_size: float = 1.4) -> Picture:
    return Picture(
        width=512,
        height=512,
        pixels=bytes(512 * 512),
        source_width=512,
        source_height=512,
        pixel_size=pixel_size,
        binning=1.0,
    )


def drawn(ctf: Ctf | None, shown: Picture) -> np.ndarray:
    """Colors of the marks by row and column; -1 where there are none."""
    canvas = Canvas(512, 512)
    draw(canvas, shown, ctf, lambda x, y: (x, y))
    found = np.full((512, 512, 3), -1)
    for at, color in canvas.marks.items():
        found[divmod(at, 512)] = color
    return found


def test_rings_stand_at_their_resolutions():
    marks = drawn(None, picture())
    rows, columns = np.mgrid[:512, :512]
    radius = np.hypot(columns + 0.5 - 256, rows + 0.5 - 256)
    for resolution, color in RESOLUTIONS:
        here = radius[(marks == color).all(axis=2)]
        assert len(here) > 20
        assert np.abs(here - 512 * 1.4 / resolution).max() < 1.0


def test_zeros_are_dashes_on_the_right_and_follow_the_astigmatism():
    marks = (drawn(FITTED, picture()) == ZERO).all(axis=2)
    _, columns = np.nonzero(marks)
    assert (columns >= 255).all()
    first = zeros(FITTED, 0.0, 0.3)[0] * 512 * 1.4
    along_x = np.nonzero(marks[255:258, 256:].any(axis=0))[0]
    assert abs(along_x[0] - first) < 1.5
    assert 0.002 < marks[:, 256:].mean() < 0.3
    # more defocus, smaller rings: 78 degrees is the direction of the greater one
    assert zeros(FITTED, 78.0, 0.3)[0] < zeros(FITTED, -12.0, 0.3)[0]


def test_a_file_that_does_not_say_its_scale_gets_no_rings():
    assert (drawn(FITTED, picture(1.0)) == -1).all()
    assert "does not say its scale" in text_of(legend(picture(0.0), None))
    words = text_of(legend(picture(), FITTED))
    assert "edge 2.8 Å" in words
    assert "zeros at 1.06-1.09 µm, fit to 4.0 Å" in words
