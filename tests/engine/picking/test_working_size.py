from __future__ import annotations

import numpy as np
import pytest

from engine.errors import InputError
from engine.picking.working_size import choose_working_size, round_half_away


@pytest.mark.parametrize(
    ("wanted", "full", "work"),
    [
        (80, 200, 80),
        (94, 200, 96),
        (340, 3838, 340),
        (172, 4096, 172),
        (166, 4096, 168),
        (362, 4092, 368),
    ],
)
def test_sizes_become_relions(wanted, full, work):
    size = choose_working_size((full, full), 1.0, lowpass_angstrom=None, shrink=wanted)
    assert size.work_px == work


@pytest.mark.parametrize(("full", "work"), [(200, 198), (3838, 3772), (4096, 4048)])
def test_shrink_1_may_still_move_to_a_good_size_and_says_so(full, work):
    size = choose_working_size((full, full), 1.0, lowpass_angstrom=None, shrink=1)
    assert size.work_px == work
    assert f"Will change rescaling of micrographs to {work} pixels" in size.warnings[1]


def test_skipping_the_search_keeps_the_size_asked_for():
    size = choose_working_size(
        (4096, 4096), 1.0, lowpass_angstrom=None, shrink=1, optimise=False
    )
    assert size.work_px == 4096
    assert size.notes == ()


def test_shrink_0_takes_what_the_low_pass_needs():
    size = choose_working_size((160, 200), 4.0, lowpass_angstrom=20, shrink=0)
    assert (size.full_px, size.resolution_px, size.work_px) == (200, 80, 80)
    assert size.scale == np.float32(0.4)
    assert (size.inner_shape, size.first) == ((64, 80), (8, 0))
    assert size.notes[0].endswith("The largest prime factor in FFTs is 41")


def test_a_fraction_below_the_low_pass_warns():
    size = choose_working_size((200, 200), 4.0, lowpass_angstrom=20, shrink=0.2)
    assert size.work_px == 40
    assert "lower resolution than requested" in size.warnings[-1]


@pytest.mark.parametrize("shrink", [-0.1, 200, 1000, 0.001])
def test_a_shrink_that_cannot_be_used_is_refused(shrink):
    with pytest.raises(InputError, match="shrink"):
        choose_working_size((200, 200), 4.0, lowpass_angstrom=20, shrink=shrink)


def test_odd_squares_can_be_made_even():
    size = choose_working_size(
        (160, 199), 4.0, lowpass_angstrom=20, shrink=0, even_square=True
    )
    assert size.full_px == 200


def test_halves_round_away_from_zero():
    assert [round_half_away(v) for v in (0.5, 1.49, 2.5, -0.5, -1.2)] == [
        1,
        1,
        3,
        -1,
        -1,
    ]
