"""Particle lists."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from support.worked_example import example_project

from engine.io.star import read_star, write_star
from engine.programs.class2d_files import known_assignments
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
    one, two = known_assignments(whole), known_assignments(slim)
    for field in fields(one):
        values = getattr(one, field.name), getattr(two, field.name)
        np.testing.assert_array_equal(*values)
    np.testing.assert_array_equal(slim.read(rows[:5]), whole.read(rows[:5]))
