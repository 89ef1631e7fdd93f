from __future__ import annotations

import numpy as np
import pytest

from engine.picking.contamination import darkest_clean_mean, most_common
from engine.picking.working_size import choose_working_size

SIZE = choose_working_size((400, 400), 1.0, lowpass_angstrom=4, shrink=0)


@pytest.mark.parametrize("carbon_share", [0.0, 0.1, 0.4])
def test_the_limit_lies_between_carbon_and_clean_ice(carbon_share):
    rng = np.random.default_rng(1)
    shape = (SIZE.work_px, SIZE.work_px)
    mean = 0.2 + 0.04 * rng.standard_normal(shape)
    columns = int(carbon_share * shape[1])
    mean[:, :columns] -= 0.6
    limit = darkest_clean_mean(mean, SIZE)
    assert (mean[:, columns:] > limit).mean() > 0.9999
    assert (mean[:, :columns] < limit).all()


def test_the_commonest_value_is_that_of_the_narrowest_half():
    rng = np.random.default_rng(2)
    narrow, wide = rng.normal(3, 0.1, 4000), rng.normal(0, 2, 6000)
    values = np.sort(np.concatenate([narrow, wide]))
    assert most_common(values) == pytest.approx(3, abs=0.1)
    assert most_common(np.array([7.0])) == 7.0
    assert most_common(np.full(9, 2.0)) == 2.0


def test_an_even_background_keeps_everything():
    mean = np.zeros((SIZE.work_px, SIZE.work_px), np.float32)
    assert darkest_clean_mean(mean, SIZE) < 0
