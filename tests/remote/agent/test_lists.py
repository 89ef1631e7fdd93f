"""Numbers in a job's lists, however many."""

import array
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.agent import lists


@given(st.lists(st.floats(width=32), max_size=300))
def test_the_median_is_that_of_all_finite_numbers(values):
    good = [v for v in values if math.isfinite(v)]
    found = lists.median(array.array("d", values))
    if not good:
        assert math.isnan(found)
        return
    assert found == pytest.approx(statistics.median(good), rel=1e-12, abs=1e-300)
    told = lists.histogram(array.array("d", values))
    assert sum(told["counts"]) == len(good)
    assert told["edges"][0] <= min(good)
    assert max(good) <= told["edges"][-1]
