"""STAR tables against starfile and real files."""

from __future__ import annotations

import numpy as np
import pytest
import starfile
from support.engine_jobs import DATA

from engine.errors import InputError
from engine.io.coordinates import (
    coordinate_path,
    output_root,
    read_coordinates,
    write_coordinates,
)
from engine.io.micrographs import read_micrographs
from engine.io.star import Table, format_number, parse_star, read_star, write_star


def test_a_loop_and_a_list_come_back_as_columns():
    text = """
    data_general
    _rlnJobCounter 7
    _rlnWords "two words"

    data_a
    loop_
    _x #1
    _y #2
    1.5 'a b'
    2e3 c#d

    data_b
    loop_
    _z
    """
    tables = parse_star(text)
    assert tables["general"].text("rlnWords") == ["two words"]
    assert not tables["general"].is_loop
    assert tables["a"].numbers("x").tolist() == [1.5, 2000.0]
    assert tables["a"].text("y") == ["a b", "c#d"]
    assert len(tables["b"]) == 0
    assert tables["b"].labels == ["z"]


def test_starfile_reads_what_is_written(tmp_path):
    columns = {
        "rlnCoordinateX": np.array([1.0, -2.5, 1e-5, 2.5e7]),
        "rlnClassNumber": np.array([1, 2, 3, 40]),
        "rlnMicrographName": ["a.mrc", "with space.mrc", "", "d.mrc"],
    }
    write_star(tmp_path / "a.star", {"particles": Table(columns)})
    table = starfile.read(tmp_path / "a.star")
    np.testing.assert_allclose(table["rlnCoordinateX"], columns["rlnCoordinateX"])
    assert table["rlnClassNumber"].tolist() == [1, 2, 3, 40]
    ours = read_star(tmp_path / "a.star")["particles"]
    assert ours.text("rlnMicrographName") == columns["rlnMicrographName"]


def test_relions_files_are_written_back_byte_by_byte(tmp_path):
    source = DATA / "project/rel31/Import_job001_micrographs.star"
    write_star(tmp_path / "a.star", read_star(source))
    assert (tmp_path / "a.star").read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000000"),
        (12.5, "12.500000"),
        (-12.5, "-12.50000"),
        (0.0005, "5.000000e-04"),
        (-123456.0, "-1.23456e+05"),
        (100000.0, "100000.000000"),
    ],
)
def test_numbers_look_as_relion_prints_them(value, text):
    assert format_number(value) == text


def test_a_short_row_is_an_error_with_its_line():
    with pytest.raises(InputError, match=r"row 2 \(line 6\) has 1 values for 2"):
        parse_star("data_a\nloop_\n_x\n_y\n1 2\n3\n")


def test_missing_columns_and_bad_numbers_name_the_file():
    table = parse_star("data_a\nloop_\n_x\nabc\n", "f.star")["a"]
    with pytest.raises(InputError, match=r"f\.star: a: no column y"):
        table.text("y")
    with pytest.raises(InputError, match=r"f\.star: a: x"):
        table.numbers("x")


def test_rows_are_taken_by_index_and_by_mask():
    table = Table({"x": np.array([1.0, 2.0, 3.0]), "n": ["a", "b", "c"]})
    assert table.take([2, 0]).text("n") == ["c", "a"]
    assert table.take(np.array([False, True, True])).numbers("x").tolist() == [2, 3]


def test_coordinates_of_relion_are_read_and_written_back(tmp_path):
    source = DATA / "picking/expected/B_mic1_autopick.star"
    found = read_coordinates(source)
    assert len(found) == 9
    assert (found.class_number[0], found.psi[0]) == (1, 195)
    write_coordinates(tmp_path / "a.star", found, class_before_fom=True)
    assert (tmp_path / "a.star").read_bytes() == source.read_bytes()


def test_boxes_of_eman_are_corners():
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder, "a.box")
        path.write_text("10\t20\t100\t50\n-5 0 10 10\n")
        found = read_coordinates(path)
    assert found.x.tolist() == [60.0, 0.0]
    assert found.y.tolist() == [45.0, 5.0]


@pytest.mark.parametrize(
    ("name", "root"),
    [
        ("MotionCorr/job002/Movies/m1.mrc", "Movies/m1"),
        ("Micrographs/m.1.mrc", "Micrographs/m.1"),
        ("Import/job1234/a/b.mrc", "a/b"),
        ("Import/job12/a/b.mrc", "Import/job12/a/b"),
        ("some.dir/noextension", "some.dir/noextension"),
    ],
)
def test_output_names_are_relions(name, root):
    assert output_root(name) == root


def test_absolute_micrographs_stay_below_the_job():
    path = coordinate_path("AutoPick/job001", "/data/m1.mrc", "_autopick.star")
    assert str(path) == "AutoPick/job001/data/m1_autopick.star"


def test_optics_and_ctf_come_with_each_micrograph():
    micrographs = read_micrographs(DATA / "picking/micrographs_ctf.star")
    (entry,) = micrographs.entries
    assert entry.pixel_size == 4.0
    assert entry.ctf is not None
    assert entry.ctf.defocus_v_angstrom == 11000
    assert entry.ctf.voltage_kv == 300
    assert entry.defocus_angstrom == 11500


def test_a_list_without_pixel_size_says_what_to_do(tmp_path):
    (tmp_path / "a.star").write_text("data_\nloop_\n_rlnMicrographName\na.mrc\n")
    with pytest.raises(InputError, match="import the micrographs with their pixel"):
        read_micrographs(tmp_path / "a.star")


def test_lists_from_before_3_1_take_the_pixel_size_from_the_detector(tmp_path):
    (tmp_path / "a.star").write_text(
        "data_\nloop_\n_rlnMicrographName\n_rlnMagnification\n"
        "_rlnDetectorPixelSize\na.mrc 79096.0 14.0\n"
    )
    (entry,) = read_micrographs(tmp_path / "a.star").entries
    assert entry.pixel_size == pytest.approx(1.77, abs=1e-3)
