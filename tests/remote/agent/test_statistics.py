"""Numbers against the files that RELION wrote, counted here in another way."""

import json
import os
import shutil

import numpy as np
import pytest
import starfile

from engine.io.mrc import write_mrc
from engine.project.errors import StarError
from remote.agent import pictures, statistics
from remote.agent.verbs import Request, VerbError


@pytest.fixture
def here(project):
    return Request(1, str(project), 30.0)


def test_picks_of_a_log_job_are_those_in_relions_file(here, project):
    said = statistics.of_job(here, "AutoPick/job002")
    table = starfile.read(project / "AutoPick/job002/Micrographs/mic1_autopick.star")
    foms = table["rlnAutopickFigureOfMerit"].to_numpy()
    values = said["values"]
    assert values["picks_total"] == len(table)
    assert values["micrographs"] == [
        {"name": "Micrographs/mic1.mrc", "picks": len(table), "defocus": 11500.0}
    ]
    assert values["fom_median"] == pytest.approx(np.median(foms))
    assert (values["fom_min"], values["fom_max"]) == (foms.min(), foms.max())
    histogram = values["fom_histogram"]
    counts, _ = np.histogram(foms, histogram["edges"])
    assert histogram["counts"] == counts.tolist()
    assert said["warnings"] == []


def test_picks_of_a_4_0_job_come_from_its_list_and_empty_files_count(here, project):
    folder = project / "AutoPick/job002"
    (folder / "coords_suffix_autopick.star").unlink()
    (folder / "elsewhere").mkdir()
    shutil.move(folder / "Micrographs/mic1_autopick.star", folder / "elsewhere/a.star")
    (folder / "Micrographs/mic2_autopick.star").touch()
    (folder / "autopick.star").write_text(
        "# version 30001\n\ndata_coordinate_files\n\nloop_\n"
        "_rlnMicrographName #1\n_rlnMicrographCoordinates #2\n"
        "Micrographs/mic1.mrc AutoPick/job002/elsewhere/a.star\n"
        "Micrographs/mic2.mrc AutoPick/job002/Micrographs/mic2_autopick.star\n"
    )
    micrographs = project / "Import/job001/micrographs.star"
    text = micrographs.read_text().rstrip()
    row = text.splitlines()[-1]
    more = "".join(row.replace("mic1", f"mic{i}") + "\n" for i in (2, 3))
    micrographs.write_text(f"{text}\n{more}")
    values = statistics.of_job(here, "2")["values"]
    assert [m["picks"] for m in values["micrographs"]] == [21, 0, None]
    assert values["micrographs_done"] == 2
    assert values["picks_histogram"]["counts"][0] == 1
    rows = statistics.micrographs(here, "2")
    assert [m["exists"] for m in rows] == [True, False, False]


def test_a_changed_coordinate_file_is_counted_anew(here, project):
    statistics.of_job(here, "2")
    path = project / "AutoPick/job002/Micrographs/mic1_autopick.star"
    lines = path.read_text().rstrip().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n")
    assert statistics.of_job(here, "2")["values"]["picks_total"] == 18


def test_a_broken_coordinate_file_is_a_warning_that_names_it(here, project):
    path = project / "AutoPick/job002/Micrographs/mic1_autopick.star"
    path.write_text("data_\n\nloop_\n_rlnCoordinateX #1\n_rlnCoordinateY #2\n1 2 3\n")
    said = statistics.of_job(here, "2")
    assert "mic1_autopick.star" in said["warnings"][0]
    assert said["values"]["micrographs"][0]["picks"] is None


def test_our_engines_summary_is_believed_unless_the_job_is_newer(here, project):
    path = project / "AutoPick/job002/summary.json"
    path.write_text(json.dumps({"type": "autopick", "picks_total": 7}))
    assert statistics.of_job(here, "2")["values"]["picks_total"] == 7
    there = path.stat().st_mtime
    os.utime(project / "AutoPick/job002/job.star", (there + 60, there + 60))
    assert statistics.of_job(here, "2")["values"]["picks_total"] == 21


def test_classes_and_their_history_are_relions(here, project):
    values = statistics.of_job(here, "Class2D/job004")["values"]
    model = starfile.read(project / "Class2D/job004/run_it003_model.star")
    classes = model["model_classes"]
    assert [c["distribution"] for c in values["classes"]] == list(
        classes["rlnClassDistribution"]
    )
    assert [c["resolution"] for c in values["classes"]] == list(
        classes["rlnEstimatedResolution"]
    )
    assert [h["iteration"] for h in values["history"]] == [1, 3]
    assert values["iteration"] == 3
    assert values["iterations_total"] == 3
    assert values["history"][0]["changes_classes"] == 1.0


def test_a_half_written_model_is_left_out_with_a_warning(here, project):
    path = project / "Class2D/job004/run_it003_model.star"
    path.write_text(path.read_text()[:300])
    said = statistics.of_job(here, "4")
    assert said["values"]["iteration"] == 1
    assert "run_it003_model.star" in said["warnings"][0]


def test_particles_are_counted_by_micrograph(here, project):
    values = statistics.of_job(here, "3")["values"]
    table = starfile.read(project / "Extract/job003/particles.star")["particles"]
    assert values["particles_total"] == len(table)
    assert values["micrographs"] == [
        {"name": "Micrographs/mic1.mrc", "particles": len(table)}
    ]
    assert (values["box_px"], values["pixel_size"]) == (16, 8.0)


def test_selected_classes_are_the_marked_rows(here, project):
    folder = project / "Select/job005"
    (folder / "backup_selection.star").write_text(
        "data_\n\nloop_\n_rlnSelected #1\n1\n0\n3\n"
    )
    shutil.copy(project / "Extract/job003/particles.star", folder)
    values = statistics.of_job(here, "5")["values"]
    assert values["selected_classes"] == [1, 3]
    assert values["particles_total"] == 9


def test_kept_particles_are_counted_by_class_and_by_micrograph(here, project):
    folder = project / "Select/job005"
    blocks = starfile.read(project / "Extract/job003/particles.star")
    table = blocks["particles"]
    table["rlnClassNumber"] = [2, 7, 2, 2, 7, 12, 2, 7, 2]
    starfile.write(blocks, folder / "particles.star")
    values = statistics.of_job(here, "5")["values"]
    assert values["classes"] == [
        {"number": 2, "particles": 5},
        {"number": 7, "particles": 3},
        {"number": 12, "particles": 1},
    ]
    assert values["micrographs"] == [
        {"name": "Micrographs/mic1.mrc", "particles": len(table)}
    ]


def test_places_of_extracted_particles_are_picks_too(here, project):
    said = statistics.picks(here, "Extract/job003", "Micrographs/mic1.mrc")
    table = starfile.read(project / "Extract/job003/particles.star")["particles"]
    assert said["x"] == list(table["rlnCoordinateX"])


def test_box_files_give_centres(here, project):
    folder = project / "AutoPick/job002"
    (folder / "coords_suffix_autopick.star").rename(folder / "coords_suffix_m.box")
    (folder / "Micrographs/mic1_m.box").write_text("10\t20\t100\t60\n1 2 3 4\n")
    said = statistics.picks(here, "2", "Micrographs/mic1.mrc")
    assert (said["x"], said["y"]) == ([60.0, 2.5], [50.0, 4.0])


def test_a_micrograph_name_cannot_lead_out_of_the_job(here):
    with pytest.raises(VerbError, match="outside"):
        statistics.picks(here, "2", "../../../etc/passwd.mrc")


def test_a_job_that_is_not_there_is_named(here):
    with pytest.raises((VerbError, StarError, Exception), match="job999"):
        statistics.of_job(here, "AutoPick/job999")


def test_the_gallery_holds_every_class_with_its_caption(here):
    answer = pictures.gallery(here, "Class2D/job004")
    said = answer.result
    assert [t["number"] for t in said["tiles"]] == [1, 2, 3]
    assert (said["width"], said["height"]) == (32, 32)
    assert said["iterations"] == [1, 3]
    tiles = np.frombuffer(answer.blob, np.uint8).reshape(3, 32, 32)
    assert tiles.min(axis=(1, 2)).tolist() == [0, 0, 0]
    assert tiles.max(axis=(1, 2)).tolist() == [255, 255, 255]


def test_a_gallery_with_a_lost_stack_says_which_and_stays_in_step(here, project):
    path = project / "Class2D/job004/run_it003_model.star"
    path.write_text(path.read_text().replace("000002@Class2D/job004/run", "2@gone/run"))
    answer = pictures.gallery(here, "4", max_tile=16)
    assert "gone/run" in answer.result["tiles"][1]["error"]
    assert len(answer.blob) == 3 * 16 * 16


def test_a_gallery_of_a_stack_that_was_cut_off_says_so_on_every_tile(here, project):
    stack = project / "Class2D/job004/run_it003_classes.mrcs"
    stack.write_bytes(stack.read_bytes()[: stack.stat().st_size // 2])
    answer = pictures.gallery(here, "4")
    said = answer.result
    assert all("truncated" in tile["error"] for tile in said["tiles"])
    assert len(answer.blob) == 3 * said["width"] * said["height"] > 0
    stack.write_bytes(b"")
    assert "too few" in pictures.gallery(here, "4").result["tiles"][0]["error"]


def test_a_model_with_nothing_in_it_is_named_with_what_to_do(here, project):
    path = project / "Class2D/job004/run_it003_model.star"
    path.write_bytes(b"")
    with pytest.raises(StarError, match="nothing in it; run the job") as raised:
        pictures.gallery(here, "4")
    assert str(path) in str(raised.value)
    assert len(statistics.of_job(here, "4")["warnings"]) == 1


def test_the_micrograph_is_shown_with_the_lists_pixel_size(here):
    answer = pictures.micrograph(here, "2", "Micrographs/mic1.mrc", 64, 64)
    said = answer.result
    assert said["pixel_size"] == 4.0
    assert len(answer.blob) == said["width"] * said["height"]
    assert said["source_width"] == said["width"] * said["binning"]


def test_a_region_beyond_the_border_is_cut_to_the_micrograph(here):
    answer = pictures.micrograph(
        here, "2", "Micrographs/mic1.mrc", 64, 64, region=[190, 150, 500, 500]
    )
    assert answer.result["region"] == [190, 150, 10, 10]
    assert (answer.result["width"], answer.result["height"]) == (10, 10)


def test_what_is_no_mrc_file_is_not_shown(here):
    with pytest.raises(VerbError, match="only MRC"):
        pictures.micrograph(here, "2", "/etc/passwd")


def test_grey_values_of_boxes_are_those_of_the_stacks(tmp_path):
    rng = np.random.default_rng(1)
    stacks = [rng.normal(m, s, (n, 8, 8)) for m, s, n in ((0, 1, 5), (2, 3, 9))]
    rows = []
    for number, stack in enumerate(stacks):
        name = f"Extract/job001/mic{number}.mrcs"
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_mrc(tmp_path / name, stack.astype(np.float32), 1.0)
        rows += [f"{i + 1:06d}@{name} Movies/{number}.mrc" for i in range(len(stack))]
    head = "data_particles\n\nloop_\n_rlnImageName #1\n_rlnMicrographName #2\n"
    (tmp_path / "Extract/job001/particles.star").write_text(
        head + "\n".join(rows) + "\n"
    )
    (tmp_path / "default_pipeline.star").write_text("data_pipeline_general\n")
    request = Request(1, str(tmp_path), 30.0)
    greys = statistics.of_job(request, "Extract/job001")["values"]["greys"]
    values = np.concatenate([stack.ravel() for stack in stacks])
    assert greys["mean"] == pytest.approx(values.mean(), abs=2e-3)
    assert greys["deviation"] == pytest.approx(values.std(), rel=2e-3)
    assert greys["min"] == pytest.approx(values.min(), abs=2e-3)
    assert greys["max"] == pytest.approx(values.max(), abs=2e-3)
