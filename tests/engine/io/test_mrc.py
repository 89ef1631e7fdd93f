"""MRC files against mrcfile, and files that break the rules."""

from __future__ import annotations

import struct

import mrcfile
import numpy as np
import pytest

from engine.errors import InputError
from engine.io.mrc import read_header, read_image, read_images, write_mrc


@pytest.mark.parametrize("kind", ["int8", "int16", "float32", "uint16", "float16"])
def test_what_mrcfile_writes_is_read(tmp_path, kind):
    data = (np.arange(60).reshape(3, 4, 5) - (0 if kind == "uint16" else 30)).astype(
        kind
    )
    with mrcfile.new(tmp_path / "a.mrcs", data) as file:
        file.voxel_size = 1.25
    images = read_images(tmp_path / "a.mrcs")
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, data.astype(np.float32))
    assert read_header(tmp_path / "a.mrcs").pixel_size == pytest.approx(1.25)


@pytest.mark.parametrize("kind", ["int8", "int16", "float32", "uint16", "float16"])
def test_what_is_written_mrcfile_finds_valid(tmp_path, kind):
    data = np.arange(60).reshape(3, 4, 5).astype(kind)
    write_mrc(tmp_path / "a.mrcs", data, 0.885)
    assert mrcfile.validate(tmp_path / "a.mrcs")
    with mrcfile.open(tmp_path / "a.mrcs") as file:
        np.testing.assert_array_equal(file.data, data)
        assert file.is_image_stack()
        assert file.voxel_size.x == pytest.approx(0.885)
        assert file.header.dmean == pytest.approx(29.5)


def test_maps_are_volumes(tmp_path):
    write_mrc(tmp_path / "a.mrc", np.ones((4, 4, 4), np.float32), 2.0, is_volume=True)
    assert mrcfile.validate(tmp_path / "a.mrc")
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.is_volume()
        assert file.voxel_size.z == pytest.approx(2.0)


def test_some_images_come_in_the_order_asked_for(tmp_path):
    data = np.arange(10, dtype=np.float32)[:, None, None] * np.ones((1, 3, 2))
    write_mrc(tmp_path / "a.mrcs", data.astype(np.float32), 1.0)
    images = read_images(tmp_path / "a.mrcs", [7, 2, 3, 4, 0])
    assert images[:, 0, 0].tolist() == [7, 2, 3, 4, 0]
    with pytest.raises(InputError, match="no image 11, it has 10"):
        read_image(tmp_path / "a.mrcs", 10)


def test_big_endian_files_are_read(tmp_path):
    data = np.arange(12, dtype=">f4").reshape(3, 4)
    header = bytearray(1024)
    struct.pack_into(">4i", header, 0, 4, 3, 1, 2)
    (tmp_path / "a.mrc").write_bytes(bytes(header) + data.tobytes())
    np.testing.assert_array_equal(read_image(tmp_path / "a.mrc"), data)


def test_four_bit_pixels_are_unpacked_low_half_first(tmp_path):
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, 5, 2, 1, 101)
    rows = bytes([0x21, 0x43, 0x05, 0xA9, 0xCB, 0x0D])
    (tmp_path / "a.mrc").write_bytes(bytes(header) + rows)
    expected = [[1, 2, 3, 4, 5], [9, 10, 11, 12, 13]]
    assert read_image(tmp_path / "a.mrc").tolist() == expected


def test_a_header_without_map_stamp_version_and_cell_is_taken(tmp_path):
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, 2, 2, 1, 1)
    header[220:1024] = b"\xff" * 804  # faulty labels
    data = np.array([[1, 2], [3, 4]], dtype="<i2")
    (tmp_path / "a.mrc").write_bytes(bytes(header) + data.tobytes())
    assert read_header(tmp_path / "a.mrc").pixel_size == 0
    np.testing.assert_array_equal(read_image(tmp_path / "a.mrc"), data)


def test_extended_headers_are_skipped(tmp_path):
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, 2, 1, 1, 0)
    struct.pack_into("<i", header, 92, 64)
    (tmp_path / "a.mrc").write_bytes(bytes(header) + b"\x09" * 64 + b"\x01\xff")
    assert read_image(tmp_path / "a.mrc").tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw[:500], "too short"),
        (lambda raw: raw[:-3], "truncated"),
        (lambda raw: b"\0" * len(raw), "not an MRC file"),
        (lambda raw: raw[:12] + struct.pack("<i", 4) + raw[16:], "MRC mode 4"),
    ],
)
def test_what_is_no_whole_image_is_refused_by_name(tmp_path, change, words):
    path = tmp_path / "a.mrc"
    write_mrc(path, np.ones((8, 8), np.float32), 1.0)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=words) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.mrc"
    write_mrc(path, np.ones((8, 8), np.float32), 1.0)
    before = path.read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_mrc(path, np.zeros((8, 8), np.float32), 1.0)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mrc"]


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_compressed_files_are_read_as_the_plain_one(tmp_path, suffix):
    import bz2
    import gzip

    plain = tmp_path / "stack.mrcs"
    images = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    write_mrc(plain, images, 1.5)
    packed = tmp_path / f"stack.mrcs{suffix}"
    packing = gzip.compress if suffix == ".gz" else bz2.compress
    packed.write_bytes(packing(plain.read_bytes()))
    header = read_header(packed)
    assert (header.nx, header.ny, header.nz) == (6, 4, 3)
    assert header.pixel_size == pytest.approx(1.5)
    np.testing.assert_array_equal(read_images(packed, [2, 0]), images[[2, 0]])
    packed.write_bytes(packed.read_bytes()[:60])
    with pytest.raises(InputError, match="stack"):
        read_header(packed)
