"""The workspace's questions, through a real agent on a project that RELION made."""

import contextlib
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest

from remote.errors import AgentError, BadRequestError


async def test_the_log_of_a_job_by_alias(workspace, project):
    (project / "AutoPick/job002/run.out").write_text("one\n 1/2\r 2/2\nlast")
    chunk = await workspace.log("LoG")
    assert chunk.path == "AutoPick/job002/run.out"
    assert (chunk.text, chunk.partial) == ("one\n 2/2\n", "last")
    assert (await workspace.log("2", offset=chunk.offset)).text == ""
    with pytest.raises(AgentError, match=r"run\.err"):
        await workspace.log("2", "err")


async def test_logs_cannot_be_used_to_read_elsewhere(workspace):
    with pytest.raises(AgentError, match="No such file"):
        await workspace.log("2", "out/../../../../../etc/passwd")


async def test_a_form_is_what_job_star_says(workspace, project):
    job = await workspace.load_job("AutoPick/LoG")
    assert job.type.key == "autopick"
    assert job.flag("do_log")
    again = await workspace.load_job("2")
    assert again == job


async def test_a_folder_that_cannot_be_looked_into_is_not_called_empty(workspace):
    """Permissions or a server that is away: what the system says, not "no project"."""
    for folder, says in (("nowhere", "no RELION project"), ("x" * 300, "too long")):
        with pytest.raises(AgentError, match=says):
            await workspace.other(f"/{folder}").overview()


async def test_a_broken_form_names_its_file(workspace, project):
    (project / "AutoPick/job002/job.star").write_text("data_job\n\nloop_\nx y z\n")
    with pytest.raises(BadRequestError, match=r"AutoPick/job002/job\.star"):
        await workspace.load_job("2")


async def test_a_new_form_begins_with_what_the_project_used_last(workspace, project):
    used = await workspace.defaults("import")
    assert used.text("fn_in_raw") == "Micrographs/*.mrc"
    assert not used.is_continue
    (project / ".gui_importjob.star").unlink()
    fresh = await workspace.defaults("import")
    assert fresh.text("fn_in_raw") != "Micrographs/*.mrc"
    assert fresh.version == "3.1"


async def test_nodes_of_a_kind_are_offered_newest_first(workspace):
    nodes = await workspace.nodes("ParticlesData.star")
    names = [node.name for node in nodes]
    assert names[-2:] == [
        "Class2D/job004/run_it003_data.star",
        "Extract/job003/particles.star",
    ]
    assert {node.kind for node in nodes} == {"ParticlesData"}
    assert len(await workspace.nodes()) == 9


async def test_a_picture_has_its_pixels_and_its_scale(workspace, project):
    import mrcfile

    picture = await workspace.micrograph(
        "2", "Micrographs/mic1.mrc", width=50, height=99
    )
    with mrcfile.open(project / "Micrographs/mic1.mrc") as file:
        image = file.data
    assert (picture.source_height, picture.source_width) == image.shape
    down, across, n = picture.height, picture.width, int(picture.binning)
    means = image[: down * n, : across * n].reshape(down, n, across, n).mean((1, 3))
    shown = np.frombuffer(picture.pixels, np.uint8).reshape(down, across)
    inside = (shown > 0) & (shown < 255)
    assert np.corrcoef(shown[inside], means[inside])[0, 1] > 0.999


async def test_gallery_tiles_carry_their_own_pixels(workspace):
    found = await workspace.gallery("Class2D/job004", 1)
    assert [tile["number"] for tile in found["tiles"]] == [1, 2, 3]
    for tile in found["tiles"]:
        assert len(tile["pixels"]) == tile["width"] * tile["height"]
    with pytest.raises(AgentError, match="no iteration 2"):
        await workspace.gallery("Class2D/job004", 2)


async def test_some_tiles_alone_and_with_fewer_greys(workspace):
    found = await workspace.gallery("Class2D/job004", 1, numbers=(3, 1))
    assert [tile["number"] for tile in found["tiles"]] == [1, 3]
    assert found["model"] == "Class2D/job004/run_it001_model.star"
    greys = set(b"".join(tile["pixels"] for tile in found["tiles"]))
    assert len(greys) <= 64
    assert {0, 255} <= greys


async def test_an_average_of_classes_is_of_their_real_values(workspace, project):
    import mrcfile

    with mrcfile.open(project / "Class2D/job004/run_it001_classes.mrcs") as file:
        stack = file.data[[0, 2]].astype(float)
    found = await workspace.class_average("Class2D/job004", (1, 3), 1)
    wanted, spread = stack.mean(0), stack.std(0)
    assert found["count"] == 2
    assert found["lowest"] == pytest.approx(wanted.min(), rel=1e-5)
    assert found["highest"] == pytest.approx(wanted.max(), rel=1e-5)
    assert found["deviation"] == pytest.approx(spread.mean(), rel=1e-4)
    for key, image in (("pixels", wanted), ("deviation_pixels", spread)):
        shown = np.frombuffer(found[key], np.uint8).reshape(image.shape)
        grey = 255 * (image - image.min()) / (image.max() - image.min())
        assert np.abs(shown - grey).max() <= 1
    with pytest.raises(AgentError, match="none of these classes"):
        await workspace.class_average("Class2D/job004", (99,), 1)


async def test_scores_are_the_engines_own(workspace, project):
    from engine.programs.select_classes import scores_of

    data = project / "Class2D/job004/run_it003_data.star"
    shutil.copy(project / "Extract/job003/particles.star", data)
    engine = f"{sys.executable} -m engine"
    workspace.cluster = replace(workspace.cluster, engine=engine)
    scores = await workspace.class_scores("Class2D/job004/run_it003_model.star")
    with contextlib.chdir(project):
        classes, particles = scores_of("Class2D/job004/run_it003_model.star")
    assert scores.classes == classes
    assert scores.particles == particles
    assert sorted(scores.classes) == [1, 2, 3]
    assert scores.below(1.0, [1, 2, 3]) == (9, 9)
    assert scores.below(0.0, [1, 2, 3, 4]) == (0, 9)
    one = particles[1]
    assert scores.below(0.25, [1]) == (sum(one[:5]), sum(one))
    with pytest.raises(BadRequestError, match="no scores of no_such_model"):
        await workspace.class_scores("no_such_model.star")


async def test_several_logs_in_one_round_trip(workspace, project):
    (project / "AutoPick/job002/run.out").write_text("a\n")
    before = workspace.agent.round_trips
    found = await workspace.tail_many([("AutoPick/job002/run.out", 0), ("none", 0)])
    assert workspace.agent.round_trips == before + 1
    assert found[0].text == "a\n"
    assert found[1] is None


async def test_another_project_over_the_same_connection(workspace, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    other = workspace.other(str(tmp_path / "elsewhere"))
    assert [e["name"] for e in (await other.list_dir("")).entries] == ["file"]
    assert other.link == workspace.link


async def test_doctor_says_something_about_every_part(workspace):
    findings = await workspace.doctor()
    checks = [finding.check for finding in findings]
    for check in ("connection", "python", "clock", "project", "disk", "scheduler"):
        assert check in checks
    for finding in findings:
        assert finding.level in ("ok", "warning", "problem")
        assert finding.level == "ok" or finding.advice, finding


async def test_escape_sequences_in_names_do_not_reach_messages(workspace):
    with pytest.raises(AgentError) as raised:
        await workspace.tail("\x1b]0;evil\x07name")
    assert "\x1b" not in str(raised.value)
    assert "name" in str(raised.value)
