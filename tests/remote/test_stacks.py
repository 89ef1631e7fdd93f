"""Pages and averages of a real stack, extracted by RELION, through a real agent."""

import mrcfile
import numpy as np
import pytest

from engine.io.star import read_star
from remote.errors import AgentError

LIST = "Extract/job003/particles.star"
FOM = "rlnAutopickFigureOfMerit"


@pytest.fixture
def stack(project):
    with mrcfile.open(project / "Extract/job003/Micrographs/mic1.mrcs") as file:
        return np.array(file.data, dtype=np.float64)


@pytest.fixture
def foms(project):
    return read_star(project / LIST)["particles"].numbers(FOM)


async def test_pages_are_sorted_by_any_column_and_cut_from_the_whole(workspace, foms):
    page = await workspace.particle_page(LIST, first=2, count=3)
    assert page["total"] == len(foms) == 9
    assert [tile["number"] for tile in page["tiles"]] == [3, 4, 5]
    assert FOM in page["columns"]
    assert "rlnMicrographName" not in page["columns"]
    assert page["tiles"][0]["values"]["rlnImageName"].startswith("000003@")
    for down in (False, True):
        page = await workspace.particle_page(LIST, sort=FOM, is_descending=down)
        order = np.argsort(-foms if down else foms) + 1
        assert [tile["number"] for tile in page["tiles"]] == list(order)


async def test_tiles_are_the_images_of_their_rows(workspace, stack, foms):
    page = await workspace.particle_page(LIST, sort=FOM, max_tile=256)
    for tile in page["tiles"]:
        pixels = np.frombuffer(tile["pixels"], dtype=np.uint8)
        shown = pixels.reshape(tile["height"], tile["width"]).astype(float)
        image = stack[tile["number"] - 1]
        assert np.corrcoef(shown.ravel(), image.ravel())[0, 1] > 0.999


async def test_the_average_is_that_of_the_real_values(workspace, stack):
    for numbers, images in ((None, stack), ([2, 5, 6], stack[[1, 4, 5]])):
        found = await workspace.particle_average(LIST, numbers)
        mean, spread = images.mean(axis=0), images.std(axis=0)
        assert (found["count"], found["total"]) == (len(images), len(images))
        assert found["lowest"] == pytest.approx(mean.min(), rel=1e-4)
        assert found["highest"] == pytest.approx(mean.max(), rel=1e-4)
        assert found["deviation"] == pytest.approx(spread.mean(), rel=1e-4)
        for key, truth in (("pixels", mean), ("deviation_pixels", spread)):
            pixels = np.frombuffer(found[key], dtype=np.uint8).astype(float)
            assert np.corrcoef(pixels, truth.ravel())[0, 1] > 0.999


async def test_what_is_no_list_of_particles_is_refused(workspace):
    for path, column in (("Import/job001/micrographs.star", ""), (LIST, "rlnNoSuch")):
        with pytest.raises(AgentError, match="no column _rln"):
            await workspace.particle_page(path, sort=column)
    with pytest.raises(AgentError, match="none of these particles"):
        await workspace.particle_average(LIST, [77])
