"""Which class of one classification is which of another, from planted overlaps."""

import random
from itertools import combinations

import pytest

from tui.class_matches import agreement, class_matches, summary_words


def answer_of(first, second):
    """What the agent would say of two classifications, particle by particle."""
    pairs = list(zip(first, second, strict=True))
    classes = [
        [
            {
                "number": n,
                "resolution": 8.0 + n,
                "particles": side.count(n),
                "shared": side.count(n),
            }
            for n in sorted(set(side))
        ]
        for side in (first, second)
    ]
    return {
        "matched_by": "image",
        "within_angstrom": None,
        "particles": [len(first), len(second)],
        "shared": len(pairs),
        "classes": classes,
        "counts": [[*pair, pairs.count(pair)] for pair in sorted(set(pairs))],
    }


def plain_agreement(first, second):
    """The index by its definition: pairs of particles that are together in both."""
    together = [
        (a == b, c == d)
        for (a, c), (b, d) in combinations(zip(first, second, strict=True), 2)
    ]
    both = sum(x and y for x, y in together)
    one, other = (sum(pair[i] for pair in together) for i in (0, 1))
    chance = one * other / len(together)
    return (both - chance) / ((one + other) / 2 - chance)


def test_the_class_with_most_of_the_particles_is_named_with_its_shares():
    #        class 1: 6 of 8 are in 5, which has 2 of another; class 2 is split
    first = [1] * 8 + [2] * 6
    second = [5] * 6 + [6] * 2 + [5] * 2 + [7] * 3 + [6] * 1
    one, two = class_matches(answer_of(first, second))
    assert (one.number, one.particles, one.in_both) == (1, 8, 8)
    assert (one.best, one.shared) == (5, 6)
    assert one.share == 6 / 8
    assert one.share_of_best == 6 / 8
    assert one.overlap == 6 / 10
    assert one.also == ((6, 2 / 8),)
    assert (one.resolution, one.best_resolution) == (9.0, 13.0)
    assert (two.best, two.also) == (7, ((5, 2 / 6), (6, 1 / 6)))
    back = class_matches(answer_of(first, second), side=1)
    assert [(m.number, m.best) for m in back] == [(5, 1), (6, 1), (7, 2)]


def test_a_class_without_shared_particles_has_no_match():
    answer = answer_of([1, 1, 2], [3, 3, 3])
    answer["classes"][0].append({"number": 9, "particles": 4, "shared": 0})
    last = next(m for m in class_matches(answer) if m.number == 9)
    assert last.best == 0
    assert last.record()["best"] is None
    assert last.share == last.overlap == 0


def test_agreement_is_the_adjusted_rand_index():
    dice = random.Random(3)
    first = [dice.randrange(4) for _ in range(60)]
    second = [n if dice.random() < 0.7 else dice.randrange(4) for n in first]
    found = agreement(answer_of(first, second))
    assert found == pytest.approx(plain_agreement(first, second))
    assert 0.2 < found < 0.9
    renamed = [{0: 7, 1: 3, 2: 5, 3: 1}[n] for n in first]
    assert agreement(answer_of(first, renamed)) == pytest.approx(1.0)


def test_too_little_to_agree_on_is_no_number():
    assert agreement(answer_of([1], [2])) is None
    assert agreement(answer_of([1, 1], [2, 2])) is None


def test_what_was_matched_is_said():
    answer = answer_of([1, 1, 2], [3, 3, 3])
    assert summary_words(answer) == "3 particles in both, by image, of 3 and 3"
    answer |= {"matched_by": "place", "within_angstrom": 40.0}
    assert "by place, within 40 Å" in summary_words(answer)
