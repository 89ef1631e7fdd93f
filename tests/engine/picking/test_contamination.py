"""What contamination masks hold, on micrographs made of planted things."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from engine.coordinates import Coordinates
from engine.picking.contamination import (
    ContaminationMask,
    average_blocks,
    find_contamination,
    leave_out,
)

EDGE, PIXEL_SIZE, DIAMETER = 800, 4.0, 160.0
RADIUS_PX = DIAMETER / PIXEL_SIZE / 2
GRID = np.mgrid[:EDGE, :EDGE]


def ice_with_particles(seed: int = 1, slope: float = 0.0) -> tuple[np.ndarray, ...]:
    """A noisy micrograph whose particles are dark discs, and their x and y."""
    rng = np.random.default_rng(seed)
    places = np.arange(60, EDGE - 50, 75)
    y, x = (
        (axis + rng.uniform(-8, 8, axis.shape)).ravel()
        for axis in np.meshgrid(places, places, indexing="ij")
    )
    image = 5.0 * rng.standard_normal((EDGE, EDGE))
    spots = np.zeros((EDGE, EDGE))
    spots[np.rint(y).astype(int), np.rint(x).astype(int)] = 1
    distance = ndimage.distance_transform_edt(spots == 0)
    image -= 3.0 * (distance < RADIUS_PX)
    image -= slope * GRID[1] / EDGE
    return image.astype(np.float32), x, y


def test_clean_ice_is_clean():
    image, x, y = ice_with_particles()
    found = find_contamination(image, PIXEL_SIZE, DIAMETER)
    assert not found.holds(x, y).any()
    assert found.share < 0.01


def test_ice_that_thickens_gradually_is_clean():
    image, x, y = ice_with_particles(slope=30.0)
    found = find_contamination(image, PIXEL_SIZE, DIAMETER)
    assert not found.holds(x, y).any()


@pytest.mark.parametrize("depth", [6.0, 40.0])
@pytest.mark.parametrize("slope", [0.0, 5.0])
def test_carbon_beyond_an_edge_is_found_and_the_ice_beside_it_is_not(depth, slope):
    image, x, y = ice_with_particles(slope=slope)
    from_edge = (0.5 * GRID[0] + GRID[1] - 300) / np.hypot(0.5, 1)
    image -= (depth * (from_edge < 0)).astype(np.float32)
    found = find_contamination(image, PIXEL_SIZE, DIAMETER)
    away = (0.5 * y + x - 300) / np.hypot(0.5, 1)
    assert found.holds(x[away < 0], y[away < 0]).all()
    assert not found.holds(x[away > RADIUS_PX], y[away > RADIUS_PX]).any()


@pytest.mark.parametrize("radius", [1.0, 2.0, 5.0])
def test_ice_crystals_are_found_and_particles_beside_them_are_not(radius):
    image, x, y = ice_with_particles()
    radius_px = radius * RADIUS_PX
    away = np.hypot(GRID[0] - 420, GRID[1] - 380)
    image -= (30.0 * (away < radius_px)).astype(np.float32)
    found = find_contamination(image, PIXEL_SIZE, DIAMETER)
    assert found.holds([380.0], [420.0]).all()
    from_center = np.hypot(y - 420, x - 380)
    beside = from_center > radius_px + 1.5 * RADIUS_PX
    assert not found.holds(x[beside], y[beside]).any()


def test_bright_crystals_are_found_where_particles_are_bright():
    image, *_ = ice_with_particles()
    image -= (30.0 * (np.hypot(GRID[0] - 420, GRID[1] - 380) < 80)).astype(np.float32)
    dark = find_contamination(image, PIXEL_SIZE, DIAMETER)
    bright = find_contamination(-image, PIXEL_SIZE, DIAMETER, is_white=True)
    np.testing.assert_array_equal(dark.mask, bright.mask)
    assert dark.mask.any()


def test_brightness_and_scale_of_the_file_do_not_matter():
    image, *_ = ice_with_particles()
    image -= (30.0 * (GRID[1] < 200)).astype(np.float32)
    usual = find_contamination(image, PIXEL_SIZE, DIAMETER)
    other = find_contamination(image * 0.5 + 6800, PIXEL_SIZE, DIAMETER)
    assert (usual.mask != other.mask).mean() < 0.002


@pytest.mark.parametrize("shape", [(40, 40), (40, 900), (7, 3), (1, 1)])
def test_micrographs_too_small_to_judge_are_clean(shape):
    found = find_contamination(np.ones(shape, np.float32), PIXEL_SIZE, DIAMETER)
    assert not found.mask.any()
    assert found.share == 0


def test_an_even_micrograph_is_clean():
    image = np.full((500, 600), 7, np.float32)
    assert not find_contamination(image, PIXEL_SIZE, DIAMETER).mask.any()


def test_blocks_are_averaged_to_the_last_pixel():
    image = np.arange(7 * 5, dtype=np.float64).reshape(7, 5)
    slow = [[image[y : y + 3, x : x + 3].mean() for x in (0, 3)] for y in (0, 3, 6)]
    got = average_blocks(image, 3)
    np.testing.assert_allclose(got - got[0, 0], np.array(slow) - slow[0][0], atol=1e-5)


def test_picks_on_contamination_go_with_all_their_columns():
    mask = np.zeros((4, 6), dtype=np.uint8)
    mask[1, 2] = 1
    contamination = ContaminationMask(mask=mask, block_px=10)
    found = Coordinates(
        x=np.array([5.0, 24.0, 19.4, 25.0, 90.0]),
        y=np.array([5.0, 12.0, 15.0, 19.6, 90.0]),
        fom=np.arange(5.0),
        class_number=np.arange(5),
        psi=np.arange(5.0),
    )
    kept, away = leave_out(found, contamination)
    assert away == 1
    assert kept.x.tolist() == [5.0, 19.4, 25.0, 90.0]
    assert kept.fom.tolist() == kept.psi.tolist() == [0, 2, 3, 4]
    assert kept.class_number.tolist() == [0, 2, 3, 4]
    without, _ = leave_out(Coordinates(x=found.x, y=found.y), contamination)
    assert len(without) == 4
    assert len(without.fom) == 0
