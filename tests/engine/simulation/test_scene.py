"""Planning a practice micrograph."""

import numpy as np
from scipy.spatial.distance import pdist

from engine.simulation.scene import PARTICLES_PER_ANGSTROM2, plan_scene

SHAPE, PIXEL_SIZE = (1024, 1024), 3.2
ONE = {"betagalactosidase": 1.0}


def plan(index, seed=1, **options):
    return plan_scene(index, seed, SHAPE, PIXEL_SIZE, species=ONE, **options)


def test_a_seed_and_an_index_always_give_the_same_scene():
    first, second = plan(3), plan(3)
    np.testing.assert_array_equal(first.particles.x, second.particles.x)
    assert first.ctf == second.ctf
    assert first.carbon == second.carbon
    assert plan(3, seed=2).ctf != first.ctf
    assert plan(4).ctf != first.ctf


def test_particles_are_as_dense_as_in_the_tutorial():
    counts = [int(plan(i).inside().sum()) for i in (0, 2, 5, 6, 8)]
    usual = PARTICLES_PER_ANGSTROM2 * (1024 * 3.2) ** 2
    assert 0.75 * usual < np.mean(counts) < 1.2 * usual


def test_the_asked_number_of_particles_is_met_on_average():
    counts = [plan(i, particle_count=60).inside().sum() for i in (0, 2, 5, 6, 8, 9)]
    assert 45 < np.mean(counts) < 75


def test_few_particles_overlap():
    for index in (0, 2, 5):
        particles = plan(index).particles
        distances = pdist(np.stack([particles.y, particles.x], axis=1)) * PIXEL_SIZE
        assert distances.min() > 0.5 * 180
        assert (distances < 0.8 * 180).sum() < 0.2 * len(particles)


def test_no_particle_lies_on_carbon_or_under_an_ice_crystal():
    scene = plan(3)
    assert scene.carbon is not None
    carbon = scene.carbon
    from_hole = np.hypot(scene.particles.y - carbon.y, scene.particles.x - carbon.x)
    assert (from_hole < carbon.radius_px).all()
    scene = plan(1)
    assert scene.blobs
    for blob in scene.blobs:
        distance = np.hypot(scene.particles.y - blob.y, scene.particles.x - blob.x)
        assert (distance > 1.2 * blob.radius_px).all()


def test_views_are_spread_over_all_directions():
    angles = np.concatenate([plan(i).particles.angles_deg for i in range(8)])
    cosine = np.cos(np.deg2rad(angles[:, 1]))
    assert abs(cosine.mean()) < 0.08
    assert abs((cosine**2).mean() - 1 / 3) < 0.05


def test_a_mixture_has_the_asked_shares():
    mixture = {"apoferritin": 3.0, "proteasome": 1.0}
    species = np.concatenate(
        [
            plan_scene(i, 1, SHAPE, PIXEL_SIZE, species=mixture).particles.species
            for i in range(6)
        ]
    )
    assert 0.17 < (species == 1).mean() < 0.33


def test_micrographs_too_small_for_the_wanted_particles_get_fewer():
    scene = plan_scene(0, 1, (100, 100), 3.2, species=ONE, particle_count=500)
    assert 0 < len(scene.particles) < 50
