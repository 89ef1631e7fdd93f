"""Rows of lists to keep: by value, by image statistics, by distance, in parts."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from engine.arrays import Array
from engine.errors import InputError


def in_range(values: Array, low: float, high: float) -> Array:
    """Rows with low <= value <= high, bool."""
    return np.asarray((values >= low) & (values <= high))


def ordinary_images(means: Array, spreads: Array, sigma: float) -> Array:
    """Images whose mean and standard deviation are both near those of the others.

    Parameters
    ----------
    means, spreads : arrays, shape (n,)
        Mean and standard deviation of each image.
    sigma : float
        Standard deviations, over the images, that are allowed.

    Returns
    -------
    array of bool, shape (n,)
    """
    keep = np.ones(len(means), dtype=bool)
    for values in (means, spreads):
        away = np.abs(values - values.mean())
        keep &= away < sigma * max(float(values.std()), 1e-300)
    return keep


def parts(count: int, size: int, number: int) -> list[tuple[int, int]]:
    """(first, last) rows of subsets, by size, by number, or both.

    With both, rows beyond size * number are in none.

    Raises
    ------
    InputError
        If neither is given.
    """
    if size <= 0 and number <= 0:
        message = "Select: give the subset size or the number of subsets"
        raise InputError(message)
    if number <= 0:
        number = math.ceil(count / size)
    elif size <= 0:
        size = math.ceil(count / number)
    bounds = [(i * size, min((i + 1) * size, count)) for i in range(number)]
    return [(first, last) for first, last in bounds if first < last]


def without_duplicates(
    positions: Array, groups: Array, distance: float, worth: Array
) -> Array:
    """Rows to keep so that no two of a group are closer than a distance.

    The more valuable of two is kept, greedily from the most valuable down; so a chain
    of neighbors loses every other one rather than all but one.

    Parameters
    ----------
    positions : array, shape (n, 2)
    groups : array of int, shape (n,)
        Micrographs; rows of different ones never meet.
    distance : float
        In the positions' unit; at exactly this distance they are duplicates.
    worth : array, shape (n,)
        Ties keep the earlier row.

    Returns
    -------
    array of bool, shape (n,)
    """
    keep = np.ones(len(positions), dtype=bool)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        tree = cKDTree(positions[rows])
        near = tree.query_ball_point(positions[rows], distance)
        decided = np.zeros(len(rows), dtype=bool)
        for i in np.argsort(-worth[rows], kind="stable"):
            if decided[i]:
                continue
            decided[near[i]] = True
            others = [j for j in near[i] if j != i]
            keep[rows[others]] = False
            keep[rows[i]] = True
    return keep


def regrouped(scales: Array, counts: Array, optics: Array, n_groups: int) -> list[int]:
    """New group, from 1, of each old one: neighbors in intensity scale together.

    Parameters
    ----------
    scales, counts : arrays, shape (group,)
        Intensity scale and number of selected particles of each old group.
    optics : array of int, shape (group,)
        Groups of different optics never join.
    n_groups : int
        About how many to make.

    Raises
    ------
    InputError
        If new groups would have fewer than 10 particles.
    """
    total = int(counts.sum())
    if n_groups < 1 or total // n_groups < 10:
        message = (
            f"Select: {n_groups} groups of {total} particles: each group should have "
            "at least 10; ask for fewer"
        )
        raise InputError(message)
    target = total / n_groups
    out = [0] * len(scales)
    number = 0
    for group in np.unique(optics):
        members = [i for i in np.argsort(scales, kind="stable") if optics[i] == group]
        members = [i for i in members if counts[i] > 0]
        if not members:
            continue
        number += 1
        held = 0
        for i in members:
            # begin a new one where that comes nearer to the target than going on
            if held and held + counts[i] / 2 > target:
                number += 1
                held = 0
            out[i] = number
            held += int(counts[i])
    return out
