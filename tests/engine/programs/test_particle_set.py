"""Particle lists."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields

import numpy as np
from support.worked_example import example_project

from engine.io.mrc import write_mrc
from engine.io.star import read_star, write_star
from engine.parallel import Communicator
from engine.programs.class2d_files import known_assignments
from engine.programs.image_store import ImageStore
from engine.programs.particle_set import read_particles


def test_a_list_without_its_text_says_the_same_of_every_particle(tmp_path, monkeypatch):
    example_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    tables = read_star("particles.star")
    rows = np.arange(300)
    tables["particles"] = tables["particles"].with_columns(
        {
            "rlnAnglePsi": rows * 0.5,
            "rlnOriginYAngst": rows * 0.1,
            "rlnClassNumber": rows % 3 + 1,
        }
    )
    write_star("known.star", tables)
    whole = read_particles("known.star")
    slim = whole.without_text()
    assert len(slim) == 300
    assert "rlnImageName" not in slim.table
    one = known_assignments(whole)
    assert one.psi_deg[-1] == 149.5
    two = known_assignments(slim)
    for field in fields(one):
        values = getattr(one, field.name), getattr(two, field.name)
        np.testing.assert_array_equal(*values)
    np.testing.assert_array_equal(slim.read(rows[:5]), whole.read(rows[:5]))


def test_images_that_stream_are_never_held(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    n, box = 3000, 32
    images = np.random.default_rng(1).standard_normal((n, box, box))
    write_mrc("all.mrcs", images.astype(np.float32), 4.0)
    store = ImageStore(read_particles("all.mrcs"))
    tracemalloc.start()
    spread = store.deviations(np.arange(n), Communicator())
    for first in range(0, n, 16):
        store.images(np.arange(first, min(n, first + 16)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_allclose(spread, images.std(axis=(1, 2)), rtol=1e-5)
    assert peak < 0.2 * images.size * 4
