"""Particles of a real stack by commands."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.tui.cli.conftest import Shell

PROJECT = Path(__file__).parents[2] / "data" / "remote" / "project"


@pytest.fixture
def extracted(tmp_path):
    shutil.copytree(PROJECT, tmp_path / "project")
    return Shell(tmp_path, tmp_path / "project")


def test_particles_are_listed_drawn_and_averaged(extracted):
    found = extracted.json(
        "particles", "3", "--sort", "rlnAutopickFigureOfMerit", "--reverse", "-n", "4"
    )
    assert found["total"] == 9
    assert [row["number"] for row in found["shown"]] == [6, 8, 1, 3]
    extracted("particles", "3", "-o", "some.png")
    with Image.open(extracted.project / "some.png") as image:
        assert image.size == (9 * 17 - 1, 16)
    found = extracted.json("particles", "3", "--average", "--rows", "1-3")
    assert found["count"] == 3
    assert found["lowest"] < found["highest"]
    assert "9 of 9 particles" in extracted("particles", "3").out


def test_what_cannot_be_shown_is_said(extracted):
    assert "no list of particles" in extracted.json("particles", "1", code=2)["error"]
    for words in (("-n", "0"), ("--sort", "rlnNoSuch"), ("--average", "--rows", "x")):
        assert extracted.json("particles", "3", *words, code=2)["error"]
