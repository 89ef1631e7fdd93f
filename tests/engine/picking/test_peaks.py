from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.picking.peaks import Peaks, find_blobs, refine_peaks


def plain_blobs(fom, radii, upper):
    """The slow form: look for the largest value, clear around it, look again."""
    values = fom.copy()
    rows, columns = np.indices(values.shape)
    found = []
    while values.max() > 0:
        index = int(values.argmax())
        row, column = divmod(index, values.shape[1])
        if fom[row, column] < upper:
            found.append((row, column))
        radius = max(1, radii[row, column])
        far = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        values[far] = 0
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, 30), st.integers(3, 30))
def test_blobs_are_those_of_the_plain_search(seed, height, width):
    rng = np.random.default_rng(seed)
    # few levels, so that ties happen
    fom = (rng.integers(-5, 12, (height, width)) / 8).astype(np.float32)
    radii = rng.integers(0, 7, (height, width))
    peaks = find_blobs(fom, radii, upper=1.2)
    found = list(zip(peaks.row.tolist(), peaks.column.tolist(), strict=True))
    assert found == plain_blobs(fom, radii, 1.2)


def test_a_map_without_positive_values_has_no_peaks():
    peaks = find_blobs(np.zeros((5, 5), np.float32), np.ones((5, 5), int))
    assert len(peaks) == 0


def test_the_top_of_a_parabola_is_found_exactly():
    rows, columns = np.indices((20, 20))
    fom = 5 - 0.1 * (rows - 7.3) ** 2 - 0.2 * (columns - 11.6) ** 2
    peak = Peaks(row=np.array([7.0]), column=np.array([12.0]), fom=np.array([5.0]))
    refined = refine_peaks(fom.astype(np.float32), peak)
    np.testing.assert_allclose([refined.row[0], refined.column[0]], [7.3, 11.6], 1e-4)


def test_peaks_on_the_rim_and_on_slopes_stay():
    fom = np.arange(25, dtype=np.float32).reshape(5, 5)
    peaks = Peaks(
        row=np.array([0.0, 2.0]), column=np.array([4.0, 2.0]), fom=np.zeros(2)
    )
    refined = refine_peaks(fom, peaks)
    assert refined.row.tolist() == [0.0, 2.0]
    assert refined.column.tolist() == [4.0, 2.0]
