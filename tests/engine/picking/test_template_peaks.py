from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.picking.peaks import Peaks
from engine.picking.template_peaks import (
    PeakLimits,
    find_template_peaks,
    join_peaks,
    keep_better,
    relion_neighbours,
)
from engine.picking.templates import NoiseMaps, TemplateMap, on_one_scale
from engine.picking.working_size import choose_working_size


def peaks_at(points, fom, template=0) -> Peaks:
    rows, columns = np.array(points, dtype=float).reshape(-1, 2).T
    return Peaks(
        row=rows,
        column=columns,
        fom=np.array(fom, dtype=np.float32),
        template_index=np.full(len(rows), template),
        psi=np.zeros(len(rows)),
    )


def test_the_better_of_two_close_peaks_stays_whatever_its_template():
    parts = [peaks_at([(5, 5), (40, 40)], [0.5, 0.3]), peaks_at([(7, 5)], [0.9], 1)]
    kept = keep_better(join_peaks(parts), 4.0)
    assert kept.fom.tolist() == pytest.approx([0.9, 0.3])
    assert kept.template_index.tolist() == [1, 0]


def test_of_several_fits_the_most_similar_wins_whatever_the_references_grey_scale():
    rho = np.array([[-0.1, 0.15], [0.2, 0.25]], dtype=np.float32)
    powers = (0.08, 0.02)  # one twice as high as the other
    maps = []
    for power, similarity in zip(powers, (rho, rho[::-1]), strict=True):
        exponent = similarity * np.sqrt(power) - power / 2
        fom = (np.expm1(exponent) / np.expm1(power / 2)).astype(np.float32)
        maps.append(TemplateMap(fom=fom, psi=rho, expected=np.exp(power / 2)))
    given = [one.fom.copy() for one in maps]
    assert given[1][0, 0] > given[0][1, 0]  # as similar, but of the weaker reference
    first, second = on_one_scale(maps)
    np.testing.assert_allclose(first.fom, second.fom[::-1], atol=2e-5)
    assert (np.argsort(first.fom, axis=None) == np.argsort(rho, axis=None)).all()
    mean = 2 / (1 / powers[0] + 1 / powers[1])
    exponent = rho * np.sqrt(mean) - mean / 2
    np.testing.assert_allclose(
        first.fom, np.expm1(exponent) / np.expm1(mean / 2), atol=2e-5
    )
    np.testing.assert_array_equal(maps[0].fom, given[0])  # what was given stays


def test_one_reference_and_maps_without_their_ratio_stay_as_they_are():
    fom, psi = np.full((4, 4), 0.5, dtype=np.float32), np.zeros((4, 4))
    good = TemplateMap(fom=fom, psi=psi, expected=1.08)
    assert on_one_scale([good])[0].fom is fom
    broken = TemplateMap(fom=fom, psi=psi, expected=0.0)
    assert all(one.fom is fom for one in on_one_scale([good, broken]))


def test_a_chain_of_close_peaks_keeps_its_ends():
    kept = keep_better(peaks_at([(0, 0), (0, 3), (0, 6)], [1, 0.9, 0.8]), 4.0)
    assert kept.column.tolist() == [0, 6]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 60), st.floats(0.1, 20))
def test_none_is_too_close_and_none_is_missing(seed, count, distance):
    rng = np.random.default_rng(seed)
    peaks = peaks_at(rng.integers(0, 50, (count, 2)), rng.random(count))
    kept = keep_better(peaks, distance)
    points = np.stack([kept.row, kept.column], axis=1)
    apart = np.hypot(*(points[:, None] - points[None]).T)
    np.fill_diagonal(apart, np.inf)
    assert count == 0 or apart.min() >= distance
    for row, column, fom in zip(peaks.row, peaks.column, peaks.fom, strict=True):
        away = np.hypot(kept.row - row, kept.column - column)
        assert (away == 0).any() or (kept.fom[away < distance] >= fom).any()


def test_relion_deletes_both_of_a_pair_from_two_clusters():
    # further apart than the link, nearer than the distance
    pair = peaks_at([(0, 0), (0, 10), (0, 100)], [1.0, 0.9, 0.2])
    kept = relion_neighbours([pair], distance_px=15, link_px=5)
    assert kept.column.tolist() == [100]
    assert len(relion_neighbours([peaks_at([], [])], 15, 5)) == 0


SIZE = choose_working_size((80, 80), 1.0, lowpass_angstrom=4, shrink=0)  # W = 40


def maps_of(points: dict[tuple[int, int], float]):
    fom = np.zeros((SIZE.work_px, SIZE.work_px), np.float32)
    for place, value in points.items():
        fom[place] = value
    noise = NoiseMaps(mean=np.zeros_like(fom), spread=np.ones_like(fom))
    return TemplateMap(fom=fom, psi=fom * 10, expected=1.0), noise


def test_peaks_are_above_the_threshold_and_inside_the_margin():
    found, noise = maps_of({(20, 20): 0.8, (10, 10): 0.2, (3, 20): 0.9, (36, 20): 0.9})
    limits = PeakLimits(threshold=0.3, margin_px=8)  # 4 map pixels
    peaks = find_template_peaks(found, 2, noise, SIZE, limits)
    assert (peaks.row.tolist(), peaks.column.tolist()) == ([20], [20])
    assert peaks.psi[0] == pytest.approx(8.0)
    assert peaks.template_index.tolist() == [2]
    inside = PeakLimits(threshold=0.3, margin_px=6)
    assert len(find_template_peaks(found, 0, noise, SIZE, inside)) == 3


def test_peaks_where_the_background_is_rough_or_dark_are_left_out():
    found, noise = maps_of({(20, 20): 0.8, (10, 10): 0.7, (30, 30): 0.6})
    noise.spread[20, 20] = 1.3
    noise.mean[10, 10] = -0.5
    limits = PeakLimits(
        threshold=0.3, margin_px=0, max_stddev_noise=1.1, min_avg_noise=-0.3
    )
    peaks = find_template_peaks(found, 0, noise, SIZE, limits)
    assert (peaks.row.tolist(), peaks.column.tolist()) == ([30], [30])


def test_a_margin_wider_than_the_micrograph_leaves_nothing():
    found, noise = maps_of({(20, 20): 0.8})
    limits = PeakLimits(threshold=0.3, margin_px=50)
    assert len(find_template_peaks(found, 0, noise, SIZE, limits)) == 0
