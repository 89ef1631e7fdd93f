import struct

import mrcfile
import numpy as np
import pytest

from remote.agent import mrc
from remote.agent.verbs import VerbError


def written(path, data, pixel_size=1.5):
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(data)
        file.voxel_size = pixel_size
    return path


def reduced(path, binning, region=None, index=0):
    with path.open("rb") as handle:
        header = mrc.read_header(handle, str(path))
        region = region or (0, 0, header.nx, header.ny)
        return header, mrc.reduce_image(handle, header, binning, region, index)


def area_means(image, binning):
    """The plain form: means of squares."""
    down, across = (n // binning for n in image.shape)
    image = image[: down * binning, : across * binning].astype(float)
    return image.reshape(down, binning, across, binning).mean(axis=(1, 3))


@pytest.mark.parametrize("kind", ["i1", "i2", "f4", "u2", "f2"])
@pytest.mark.parametrize("binning", [1, 2, 3, 8])
def test_every_mode_reduces_to_the_means_of_squares(tmp_path, kind, binning):
    rng = np.random.default_rng(1)
    image = (rng.normal(size=(57, 83)) * 30 + 50).clip(0, 120).astype(kind)
    path = written(tmp_path / "a.mrc", image)
    header, found = reduced(path, binning)
    assert np.allclose(found.rows, area_means(image, binning), rtol=1e-6)
    assert header.pixel_size == pytest.approx(1.5)


def test_the_other_byte_order_reads_the_same(tmp_path):
    image = np.arange(35, dtype="f4").reshape(5, 7)
    path = written(tmp_path / "a.mrc", image)
    raw = bytearray(path.read_bytes())
    raw[:1024] = np.frombuffer(bytes(raw[:1024]), "<u4").astype(">u4").tobytes()
    raw[212:216] = b"\x11\x11\0\0"
    raw[1024:] = image.astype(">f4").tobytes()
    path.write_bytes(raw)
    _, found = reduced(path, 1)
    assert np.array_equal(found.rows, image)


def test_a_region_and_an_image_of_a_stack_are_what_they_say(tmp_path):
    stack = np.random.default_rng(2).normal(size=(4, 40, 60)).astype("f4")
    path = written(tmp_path / "a.mrcs", stack)
    _, found = reduced(path, 2, (10, 6, 31, 20), index=2)
    assert np.allclose(found.rows, area_means(stack[2, 6:26, 10:41], 2))


def test_bytes_of_old_imod_files_are_not_negative(tmp_path):
    path = written(tmp_path / "a.mrc", np.array([[-56, 3]], "i1"))
    raw = bytearray(path.read_bytes())
    raw[152:160] = struct.pack("<2i", 1146047817, 0)
    path.write_bytes(raw)
    _, found = reduced(path, 1)
    assert found.rows == [[200, 3]]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes"),
        (b"\x7f" * 1024, "makes no sense"),
        (struct.pack("<4i", 100, 100, 1, 2).ljust(1024, b"\0"), "truncated"),
        (struct.pack("<4i", 100, 100, 1, 7).ljust(1024, b"\0"), "mode 7"),
        (struct.pack("<4i", -5, 100, 1, 2).ljust(1024, b"\0"), "makes no sense"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, data, says):
    path = tmp_path / "x.mrc"
    path.write_bytes(data)
    with path.open("rb") as handle, pytest.raises(VerbError, match=says):
        mrc.read_header(handle, "x.mrc")


def test_random_heads_are_refused_or_read_but_never_crash(tmp_path):
    rng = np.random.default_rng(3)
    path = tmp_path / "x.mrc"
    for _ in range(300):
        head = rng.integers(0, 60, 256).astype("<i4").tobytes()
        path.write_bytes(head + bytes(rng.integers(0, 4000)))
        with path.open("rb") as handle:
            try:
                header = mrc.read_header(handle, "x")
                mrc.reduce_image(handle, header, 2, (0, 0, header.nx, header.ny))
            except VerbError:
                continue


def test_a_tutorial_micrograph_is_reduced_in_seconds(tmp_path):
    import time

    path = tmp_path / "big.mrc"
    head = bytearray(1024)
    head[:16] = struct.pack("<4i", 3710, 3838, 1, 2)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(1024 + 4 * 3710 * 3838)
    started = time.process_time()
    with path.open("rb") as handle:
        header = mrc.read_header(handle, "big.mrc")
        found = mrc.reduce_image(handle, header, 8, (0, 0, 3710, 3838))
    assert (found.width, found.height) == (463, 479)
    assert time.process_time() - started < 3


def test_a_head_without_a_pixel_size_says_zero(tmp_path):
    path = tmp_path / "x.mrc"
    path.write_bytes(struct.pack("<4i", 1, 1, 1, 0).ljust(1100, b"\0"))
    with path.open("rb") as handle:
        assert mrc.read_header(handle, "x").pixel_size == 0
