"""The practice set on disk."""

import subprocess

import numpy as np
import pytest
from PIL import Image

from engine.cli import main
from engine.io.coordinates import read_coordinates
from engine.io.micrographs import read_micrographs
from engine.io.mrc import read_header, read_image
from engine.io.star import read_star
from engine.programs.simulate import parse_size, parse_species

SMALL = ("--size", "256x320", "--pixel-size", "6")


def simulate(directory, *options) -> int:
    return main(["simulate", str(directory), *SMALL, *map(str, options)])


def test_a_set_has_micrographs_with_optics_and_truth(tmp_path):
    assert simulate(tmp_path, "--count", 4) == 0
    micrographs = read_micrographs(tmp_path / "micrographs_ctf.star")
    truth = read_star(tmp_path / "truth.star")
    assert len(micrographs.entries) == 4
    assert truth["species"].text("cryodeckSpecies") == ["betagalactosidase"]
    for entry in micrographs.entries:
        header = read_header(tmp_path / entry.name)
        assert (header.nx, header.ny, header.mode) == (256, 320, 2)
        assert header.pixel_size == pytest.approx(6)
        assert entry.pixel_size == 6
        assert entry.ctf is not None
        assert 8000 < entry.defocus_angstrom < 21000
        root = entry.name.removesuffix(".mrc")
        here = read_coordinates(tmp_path / f"Truth/{root}_truth.star")
        names = np.array(truth["particles"].text("rlnMicrographName"))
        x = truth["particles"].numbers("rlnCoordinateX")[names == entry.name]
        assert len(here) > 5
        np.testing.assert_array_equal(here.x, x)
        assert (here.x >= 0).all()
        assert (here.x <= 255).all()
        assert (here.y <= 319).all()


def test_micrograph_i_is_the_same_for_any_count(tmp_path):
    simulate(tmp_path / "a", "--count", 1, "--seed", 7)
    simulate(tmp_path / "b", "--count", 2, "--seed", 7)
    simulate(tmp_path / "c", "--count", 1, "--seed", 8)
    name = "Micrographs/mic0001.mrc"
    one, two, other = ((tmp_path / d / name).read_bytes() for d in "abc")
    assert one == two
    assert one != other


def test_regions_mark_carbon_and_ice(tmp_path):
    simulate(tmp_path, "--count", 4)
    regions = {
        i: np.array(Image.open(tmp_path / f"Truth/Micrographs/mic000{i}_regions.png"))
        for i in (2, 4)
    }
    assert regions[4].shape == (80, 64)
    assert set(np.unique(regions[4])) == {0, 3}
    assert set(np.unique(regions[2])) == {0, 2}
    image = read_image(tmp_path / "Micrographs/mic0004.mrc")
    binned = image.reshape(80, 4, 64, 4).mean(axis=(1, 3))
    assert binned[regions[4] == 3].mean() < 0.95 * binned[regions[4] == 0].mean()


def test_a_dirty_set_has_ice_on_every_micrograph_and_carbon_on_every_other(tmp_path):
    simulate(tmp_path, "--count", 2, "--dirty", "--contrast", "0.6")
    truth = tmp_path / "Truth/Micrographs"
    seen = [
        set(np.unique(Image.open(truth / f"mic000{i}_regions.png"))) for i in (1, 2)
    ]
    assert 2 in seen[0]
    assert 3 not in seen[0]
    assert 3 in seen[1]


@pytest.mark.parametrize(("kind", "mode"), [("float16", 12), ("int8", 0)])
def test_other_pixel_types_show_the_same_image(tmp_path, kind, mode):
    simulate(tmp_path / "a", "--count", 1)
    simulate(tmp_path / "b", "--count", 1, "--format", kind)
    name = "Micrographs/mic0001.mrc"
    assert read_header(tmp_path / "b" / name).mode == mode
    pair = [read_image(tmp_path / d / name).ravel() for d in "ab"]
    # a hot pixel may be beyond what 8 bits hold
    usual = np.abs(pair[1] - np.median(pair[1])) < 6 * np.std(pair[1])
    assert usual.mean() > 0.999
    assert np.corrcoef(pair[0][usual], pair[1][usual])[0, 1] > 0.999


def test_mixtures_number_their_species(tmp_path):
    simulate(tmp_path, "--count", 2, "--species", "apoferritin,proteasome:2")
    truth = read_star(tmp_path / "truth.star")
    assert truth["species"].text("rlnSymmetryGroup") == ["O", "D7"]
    assert set(truth["particles"].integers("rlnClassNumber")) == {1, 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", "huge"), "--size huge: must be quick, full or NXxNY"),
        (("--size", "20x20"), "64 to 12000 pixels"),
        (("--count", "0"), "--count 0: must be at least 1"),
        (("--pixel-size", "nan"), "--pixel-size nan: must be 0.3 to 20"),
        (("--seed", "-1"), "--seed -1: must be 0 or more"),
        (("--particles", "0"), "--particles 0.0: must be 1 to 100000"),
        (("--contrast", "0"), "--contrast 0.0: must be 0.05 to 20"),
        (("--species", "virus"), "no molecule called 'virus'"),
        (("--species", "apoferritin:x"), "--species apoferritin:x: must be NAME:SHARE"),
    ],
)
def test_bad_options_get_one_line_and_write_nothing(tmp_path, capsys, options, message):
    assert simulate(tmp_path / "new", *options) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_earlier_set_is_kept_unless_forced(tmp_path, capsys):
    simulate(tmp_path, "--count", 1)
    before = (tmp_path / "Micrographs/mic0001.mrc").read_bytes()
    assert simulate(tmp_path, "--count", 1, "--seed", 3) == 2
    assert "has a practice set" in capsys.readouterr().err
    assert (tmp_path / "Micrographs/mic0001.mrc").read_bytes() == before
    assert simulate(tmp_path, "--count", 1, "--seed", 3, "--force") == 0
    assert (tmp_path / "Micrographs/mic0001.mrc").read_bytes() != before


def test_the_quick_and_the_full_size_are_those_of_the_tutorial():
    assert parse_size("quick", None) == ((1024, 1024), 3.2, 5)
    assert parse_size("full", None) == ((3838, 3710), 0.885, 24)
    assert parse_size("full", 1.0)[1] == 1.0
    assert parse_species("apoferritin, proteasome:0.5") == {
        "apoferritin": 1.0,
        "proteasome": 0.5,
    }


@pytest.mark.relion
def test_relion_picks_on_a_practice_set_and_extracts_at_the_truth(tmp_path):
    simulate(tmp_path, "--count", 1, "--size", "400x360")
    pick = [
        *("relion_autopick", "--i", "micrographs_ctf.star", "--odir", "Pick/"),
        *("--pickname", "autopick", "--LoG", "--LoG_diam_min", "150"),
        *("--LoG_diam_max", "180", "--shrink", "0", "--lowpass", "20", "--ctf"),
    ]
    cut = [
        *("relion_preprocess", "--i", "micrographs_ctf.star", "--extract"),
        *("--coord_dir", "Truth/", "--coord_suffix", "_truth.star", "--norm"),
        *("--extract_size", "48", "--bg_radius", "18", "--invert_contrast"),
        *("--part_dir", "Extract/", "--part_star", "Extract/particles.star"),
    ]
    for command in (pick, cut):
        subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, timeout=60
        )
    picks = read_coordinates(tmp_path / "Pick/Micrographs/mic0001_autopick.star")
    assert len(picks) > 20
    particles = read_star(tmp_path / "Extract/particles.star")["particles"]
    truth = read_star(tmp_path / "truth.star")["particles"]
    assert len(particles) == len(truth)
    for label in ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnDefocusU"):
        assert label in particles
