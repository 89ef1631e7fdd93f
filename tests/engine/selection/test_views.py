"""Views told apart at their best rotation, from shapes that are known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, rotate, shift

from engine.selection.views import different_classes, likeness

BOX, RADIUS, PIXEL = 64, 26.0, 4.0


def shape(*places: tuple[float, float]) -> np.ndarray:
    """White blobs at places (y, x) from the middle."""
    image = np.zeros((BOX, BOX))
    for y, x in places:
        image[BOX // 2 + round(y), BOX // 2 + round(x)] += 1
    image = gaussian_filter(image, 3.0)
    return image / image.max()


HOOK = shape((-14, 0), (-5, 0), (4, 0), (13, 0), (13, 9), (-14, 4))
BAR = shape((-14, 0), (-7, 0), (0, 0), (7, 0), (14, 0))


def test_a_turned_and_moved_average_is_the_same_view():
    turned = rotate(HOOK, 67, reshape=False, order=3)
    images = np.array([HOOK, shift(turned, (3, -2)), BAR])
    noise = np.random.default_rng(1).standard_normal(images.shape)
    alike = likeness((images + 0.02 * noise).astype(np.float32), RADIUS, PIXEL)
    assert alike[0, 1] > 0.9
    assert max(alike[0, 2], alike[1, 2]) < 0.85
    assert np.diag(alike) == pytest.approx(1)
    np.testing.assert_allclose(alike, alike.T, atol=1e-9)


def test_a_mirror_image_is_another_view():
    images = np.array([HOOK, HOOK[:, ::-1], rotate(HOOK, 30, reshape=False)])
    alike = likeness(images.astype(np.float32), RADIUS, PIXEL)
    assert alike[0, 1] < 0.9 < alike[0, 2]


def test_an_empty_average_is_like_none():
    images = np.array([BAR, 0 * BAR]).astype(np.float32)
    alike = likeness(images, RADIUS, PIXEL)
    assert alike[0, 1] == alike[1, 0] == 0
    assert likeness(images[:0], RADIUS, PIXEL).shape == (0, 0)


def test_of_like_classes_the_better_one_is_chosen():
    scores = np.array([0.7, 0.9, 0.8, 0.0, 0.5])
    alike = np.eye(5)
    alike[1, 2] = alike[2, 1] = 0.95
    alike[0, 4] = alike[4, 0] = 0.85
    assert different_classes(scores, 3, alike, 0.9).tolist() == [0, 1, 4]
    assert different_classes(scores, 2, alike, 0.9).tolist() == [0, 1]
    # fewer than asked for, rather than the same view again or an empty class
    assert different_classes(scores, 9, alike, 0.8).tolist() == [0, 1]
    assert different_classes(scores, 9, alike, 1.0).tolist() == [0, 1, 2, 4]
