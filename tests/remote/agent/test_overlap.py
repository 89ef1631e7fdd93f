"""Picks of two jobs that are the same, against planted pairs and the plain form."""

import math
import random

from remote.agent.overlap import count_pairs


def plain(first, second, radius):
    pairs = sorted(
        (math.dist(a, b), i, j)
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if math.dist(a, b) <= radius
    )
    left, right = set(), set()
    for _, i, j in pairs:
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
    return len(left)


def test_planted_pairs_are_found_and_strangers_are_not():
    first = [(100.0 * i, 50.0) for i in range(20)]
    second = [(x + 3, y - 4) for x, y in first[:12]] + [(50.0, 500.0)]
    assert count_pairs(first, second, 5.0) == 12
    assert count_pairs(first, second, 4.9) == 0
    assert count_pairs(second, first, 5.0) == 12


def test_no_pick_is_counted_twice():
    assert count_pairs([(0.0, 0.0)], [(1.0, 0.0), (-1.0, 0.0)], 2.0) == 1


def test_the_grid_finds_what_all_distances_find():
    dice = random.Random(7)
    for radius in (3.0, 20.0, 400.0):
        clouds = [
            [(dice.uniform(-50, 300), dice.uniform(-50, 300)) for _ in range(120)]
            for _ in range(2)
        ]
        assert count_pairs(*clouds, radius) == plain(*clouds, radius)


def test_nothing_is_shared_with_nobody():
    assert count_pairs([], [(1.0, 1.0)], 10.0) == 0
