import mrcfile
import numpy as np
import pytest

from remote.agent import mrc, pictures
from remote.agent.verbs import Request


@pytest.fixture
def project(tmp_path):
    rng = np.random.default_rng(7)
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(rng.normal(5, 1, (300, 400)).astype("f4"))
        file.voxel_size = 1.0
    return tmp_path


def look(project, **how):
    request = Request(1, str(project), 30.0)
    how = {"width": 200, "height": 150} | how
    said, pixels = pictures.micrograph(request, "", "a.mrc", **how)
    assert len(pixels) == said["width"] * said["height"]
    return said, pixels


def test_a_picture_is_read_once_for_every_filter_and_contrast(project, monkeypatch):
    looks = []
    reduce_image = mrc.reduce_image

    def read(*words):
        looks.append(words)
        return reduce_image(*words)

    monkeypatch.setattr(mrc, "reduce_image", read)
    _, first = look(project)
    _, smooth = look(project, lowpass_angstrom=8.0)
    _, sharp = look(project, highpass_angstrom=30.0, sigma_contrast=2.0)
    assert len({first, smooth, sharp}) == 3
    assert look(project)[1] == first
    assert len(looks) == 1
    look(project, region=(10, 10, 200, 150))
    assert len(looks) == 2


def test_a_micrograph_written_anew_is_read_anew(project):
    _, before = look(project)
    with mrcfile.open(project / "a.mrc", mode="r+") as file:
        file.data[:150] += 3
    _, after = look(project)
    assert np.frombuffer(after, np.uint8)[: 50 * 200].mean() > 10 + (
        np.frombuffer(before, np.uint8)[: 50 * 200].mean()
    )


def test_only_so_much_is_kept(project, monkeypatch):
    monkeypatch.setattr(pictures, "_MOST_KEPT", 3 * 200 * 150)
    for left in range(9):
        look(project, region=(left, 0, 200, 150))
    sizes = [one.width * len(one.rows) for one in pictures._kept.values()]
    assert sizes == [200 * 150] * 3


def test_what_is_smooth_comes_in_fewer_pixels(project):
    said, _ = look(project, lowpass_angstrom=10.0)
    assert (said["width"], said["height"], said["binning"]) == (200, 150, 2)
    said, _ = look(project, lowpass_angstrom=40.0)
    assert (said["width"], said["height"], said["binning"]) == (100, 75, 4)
    said, _ = look(project, lowpass_angstrom=40.0, coarser=4)
    assert said["binning"] == 8
