"""Which particles belong to what their class shows, and which strayed into it."""

from __future__ import annotations

import numpy as np

from engine.arrays import Array

#: Class scores are kept this far from 0 and 1: nothing is certain.
_DOUBT = 0.01
#: Pull of the weights towards 0, for evidence in standard deviations.
_PULL = 0.01
#: With fewer particles than this on either side nothing can be learned.
_FEW = 5.0


def particle_scores(class_score: Array, evidence: Array) -> Array:
    """A number between 0 and 1 per particle: whether it shows what a good class shows.

    Classes are good or bad as a whole, but a junk image now and then resembles a good
    class by chance. It gives itself away: it was moved further than true particles
    are, or fits many places equally well. How much each piece of evidence says is
    learned from the run itself: a logistic regression between the particles of well
    and of badly scored classes, each weighed by its class's score, and by 1 minus it.
    The odds that the class score gives are multiplied by the odds of the evidence.

    Parameters
    ----------
    class_score : array, shape (particle,)
        The score of each particle's class, 0 to 1 (`class_scores`).
    evidence : array, shape (particle, kind)
        Of any scale.

    Returns
    -------
    array, shape (particle,)
        The class scores themselves (kept from 0 and 1 by 0.01) where too few particles
        are in good or in bad classes to learn from.
    """
    score = np.asarray(class_score, dtype=np.float64)
    odds = np.log((score + _DOUBT) / (1 + _DOUBT - score))
    spread = evidence.std(axis=0)
    values = evidence[:, spread > 0]
    if values.shape[1] and min(score.sum(), (1 - score).sum()) >= _FEW:
        values = (values - values.mean(axis=0)) / spread[spread > 0]
        odds = odds + _log_ratio(values, score, 1 - score)
    scores: Array = 1 / (1 + np.exp(-odds))
    return scores


def _log_ratio(values: Array, good: Array, bad: Array) -> Array:
    """Log of how much likelier each row is among the good than among the bad.

    Regularized logistic regression by Newton's method; both sides count the same.
    """
    good, bad = good / good.sum(), bad / bad.sum()
    rows = np.column_stack([values, np.ones(len(values))])
    pull = np.diag([2 * _PULL] * values.shape[1] + [1e-9])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = rows.T @ (chance * (good + bad) - good) + pull @ weights
        curve = (good + bad) * chance * (1 - chance)
        step = np.linalg.solve(rows.T @ (rows * curve[:, None]) + pull, slope)
        weights -= np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    ratio: Array = rows @ weights
    return ratio
