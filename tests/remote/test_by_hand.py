"""Picking and ticking by hand through a real agent, in all three layouts."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from support import hand_project

from engine.io.coordinates import read_coordinates
from engine.io.star import read_star
from engine.jobs.job import Job
from engine.project.picks_file import PicksFile
from engine.project.pipeline import Pipeline
from remote.cluster import Cluster
from remote.errors import BadRequestError, ConflictError
from remote.unsaved import UnsavedPicks
from remote.workspace import Workspace

VERSIONS = ["3.1", "4.0", "5.0"]
MIC1, MIC2 = hand_project.names(2)


every_layout = pytest.mark.parametrize("picking", VERSIONS, indirect=True)


@pytest.fixture
async def picking(request, tmp_path):
    """A workspace with a started ManualPick job: (workspace, job's name)."""
    version = getattr(request, "param", "4.0")
    folder = hand_project.make(tmp_path / "project", version)
    opened = await Workspace.open(Cluster(name="here", session="local"), str(folder))
    job = Job.new("manualpick", version, {"fn_in": hand_project.LIST})
    name = await opened.create(job)
    assert await opened.run(name) == ""
    yield opened, name
    await opened.close()


def text_with(sheet, *places):
    file = PicksFile.parse(sheet.text, sheet.layout)
    return file.text([*file.rows, *(file.made(x, y) for x, y in places)])


async def pick(workspace, name, micrograph, *places):
    sheet = await workspace.pick_sheet(name, micrograph)
    return await workspace.write_picks(
        name, micrograph, text_with(sheet, *places), if_version=sheet.version
    )


def selected(project, name, file="micrographs_selected.star"):
    tables = read_star(project / name / file)
    assert "optics" in tables
    return list(tables["micrographs"].text("rlnMicrographName"))


@every_layout
async def test_a_job_that_is_opened_is_whole_and_done(picking):
    workspace, name = picking
    project = Path(workspace.project)
    row = (await workspace.overview()).jobs[-1]
    assert (row.name, row.status, row.verdict.state) == (name, "Succeeded", "succeeded")
    assert (project / name / "RELION_JOB_EXIT_SUCCESS").exists()
    assert selected(project, name) == hand_project.names()
    pipeline = Pipeline.parse((project / "default_pipeline.star").read_text())
    outputs = {path.rpartition("/")[2] for path in pipeline.outputs_of(name + "/")}
    if pipeline.version == "3.1":
        assert outputs == {"coords_suffix_manualpick.star", "micrographs_selected.star"}
        suffix = project / name / "coords_suffix_manualpick.star"
        assert suffix.read_text() == hand_project.LIST + "\n"
    else:
        assert outputs == {"manualpick.star", "micrographs_selected.star"}
    assert "Executing new job" in (project / name / "note.txt").read_text()


async def test_the_table_tells_picks_ctf_and_ticks(picking):
    workspace, name = picking
    await pick(workspace, name, MIC2, (10, 20), (30, 40))
    table = await workspace.hand_table(name)
    assert [m["name"] for m in table.micrographs] == hand_project.names()
    assert [m["picks"] for m in table.micrographs[:3]] == [None, 2, None]
    first = table.micrographs[0]
    assert first["defocus"] == pytest.approx(8900)
    assert first["ctf_resolution"] == pytest.approx(3.2)
    assert first["ctf_fom"] == pytest.approx(0.2)
    assert all(m["selected"] and m["exists"] for m in table.micrographs)
    picture = await workspace.micrograph(name, first["ctf_image"], width=64, height=64)
    assert (picture.source_width, picture.width) == (hand_project.SIZE, 64)


@every_layout
async def test_picks_are_saved_as_relion_saves_them(picking):
    workspace, name = picking
    project = Path(workspace.project)
    await pick(workspace, name, MIC1, (60.5, 80.25), (150, 90))
    file = project / name / "Movies/mic1_manualpick.star"
    version = (await workspace.hand_table(name)).layout
    text = file.read_text()
    assert text.startswith(
        f"\n# version {'50001' if version == '5.0' else '30001'}\n\ndata_\n\nloop_ \n"
    )
    assert (" -999" in text) is (version == "3.1") or "rlnParticleSelectionType" in text
    found = read_coordinates(file)
    assert list(zip(found.x, found.y, strict=True)) == [(60.5, 80.25), (150.0, 90.0)]
    if version != "3.1":
        table = read_star(project / name / "manualpick.star")["coordinate_files"]
        assert list(table.text("rlnMicrographName")) == [MIC1]
        assert list(table.text("rlnMicrographCoordinates")) == [
            f"{name}/Movies/mic1_manualpick.star"
        ]


async def test_a_file_changed_meanwhile_is_not_overwritten(picking):
    workspace, name = picking
    mine = await workspace.pick_sheet(name, MIC1)
    theirs = await pick(workspace, name, MIC1, (1, 1))
    text = text_with(mine, (2, 2))
    with pytest.raises(ConflictError, match="changed by somebody else"):
        await workspace.write_picks(name, MIC1, text, if_version=mine.version)
    now = await workspace.pick_sheet(name, MIC1)
    assert now.version == theirs
    assert len(PicksFile.parse(now.text, now.layout).rows) == 1
    again = await workspace.write_picks(name, MIC1, text, if_version=theirs)
    same = await workspace.write_picks(name, MIC1, text, if_version=theirs)
    assert same == again  # as after a break, when the first answer was lost


@every_layout
async def test_ticks_make_the_selection_and_the_list_of_picks(picking):
    workspace, name = picking
    project = Path(workspace.project)
    await pick(workspace, name, MIC1, (5, 5))
    await pick(workspace, name, MIC2, (5, 5))
    table = await workspace.hand_table(name)
    await workspace.write_ticks(name, [1, 4], if_version=table.selection)
    assert selected(project, name) == [hand_project.names()[i] for i in (1, 4)]
    if table.layout != "3.1":
        listed = read_star(project / name / "manualpick.star")["coordinate_files"]
        assert list(listed.text("rlnMicrographName")) == [MIC2]
    again = await workspace.hand_table(name)
    assert [m["selected"] for m in again.micrographs] == [i in (1, 4) for i in range(6)]
    with pytest.raises(ConflictError, match="selection was changed"):
        await workspace.write_ticks(name, [0], if_version=table.selection)
    await workspace.run(name, continuing=True)  # Continue! opens what was there
    assert selected(project, name) == [hand_project.names()[i] for i in (1, 4)]


async def test_other_columns_and_rows_survive_an_edit(picking):
    workspace, name = picking
    project = Path(workspace.project)
    file = project / name / "Movies/mic1_manualpick.star"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "\n# version 30001\n\ndata_\n\nloop_ \n_rlnCoordinateX #1 \n_rlnCoordinateY #2"
        " \n_rlnAutopickFigureOfMerit #3 \n_rlnHelicalTubeID #4 \n"
        "  10.000000   20.000000     0.700000            3 \n \n"
    )
    sheet = await workspace.pick_sheet(name, MIC1)
    text = text_with(sheet, (7, 8))
    await workspace.write_picks(name, MIC1, text, if_version=sheet.version)
    table = read_star(file)[""]
    assert list(table.numbers("rlnAutopickFigureOfMerit")) == [0.7, -999]
    assert list(table.integers("rlnHelicalTubeID")) == [3, 0]


async def test_a_name_that_leads_out_of_the_job_is_refused(picking):
    workspace, name = picking
    for micrograph in ("../../../etc/mic.mrc", "/etc/mic.mrc"):
        with pytest.raises(BadRequestError):
            await workspace.write_picks(name, micrograph, "", if_version="")
    (Path(workspace.project) / name / "Movies").symlink_to("/tmp")
    with pytest.raises(BadRequestError, match="outside"):
        await pick(workspace, name, MIC1, (1, 1))


async def test_nothing_is_changed_read_only(picking):
    workspace, name = picking
    workspace.read_only = True
    for change in (
        workspace.write_picks(name, MIC1, "", if_version=""),
        workspace.write_ticks(name, [0], if_version=""),
    ):
        with pytest.raises(BadRequestError, match="read-only"):
            await change


async def test_two_windows_that_save_at_once_lose_nothing(picking):
    workspace, name = picking
    sheet = await workspace.pick_sheet(name, MIC1)
    texts = [text_with(sheet, (n, n)) for n in range(4)]
    done = await asyncio.gather(
        *(
            workspace.write_picks(name, MIC1, text, if_version=sheet.version)
            for text in texts
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, str) for one in done) == 1
    assert sum(isinstance(one, ConflictError) for one in done) == 3


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_subset_selection_is_ticked_in_the_same_list(tmp_path, version):
    folder = hand_project.make(tmp_path / "project", version)
    workspace = await Workspace.open(Cluster(name="x", session="local"), str(folder))
    picks = await workspace.create(
        Job.new("manualpick", version, {"fn_in": hand_project.LIST})
    )
    await workspace.run(picks)
    await pick(workspace, picks, MIC1, (5, 5))
    values = {"fn_mic": hand_project.LIST}
    if version == "3.1":
        values = {"fn_coords": f"{picks}/coords_suffix_manualpick.star"}
    name = await workspace.create(Job.new("select", version, values), alias="5mics")
    await workspace.run(name)
    table = await workspace.hand_table(name)
    assert table.picks_job == (picks if version == "3.1" else "")
    assert len(table.micrographs) == 6
    await workspace.write_ticks(name, range(5), if_version=table.selection)
    for file in ("micrographs.star", "micrographs_selected.star"):
        assert selected(folder, "Select/5mics", file) == hand_project.names()[:5]
    pipeline = Pipeline.parse((folder / "default_pipeline.star").read_text())
    node = "micrographs_selected.star" if version == "3.1" else "micrographs.star"
    assert pipeline.outputs_of(name + "/") == [f"{name}/{node}"]
    assert selected(folder, picks) == hand_project.names()  # its own are left alone
    marks = read_star(folder / name / "backup_selection.star")[""]
    assert list(marks.integers("rlnSelected")) == [1] * 5 + [0]
    await workspace.close()


def test_unsaved_picks_outlive_the_process(monkeypatch, tmp_path):
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    UnsavedPicks("lab", "/p").keep("ManualPick/job002", MIC1, "text", "abc", 3)
    found = UnsavedPicks("lab", "/p").of_job("ManualPick/job002")
    assert [(one.micrograph, one.base, one.edits) for one in found] == [
        (MIC1, "abc", 3)
    ]
    assert UnsavedPicks("lab", "/other").of_job("ManualPick/job002") == []
    UnsavedPicks("lab", "/p").drop("ManualPick/job002", MIC1)
    assert UnsavedPicks("lab", "/p").find("ManualPick/job002", MIC1) is None


@pytest.mark.relion
@pytest.mark.parametrize("version", ["3.1", "4.0"])
async def test_relion_extracts_what_was_picked_by_hand(tmp_path, version):
    folder = hand_project.make(tmp_path / "project", version, count=2)
    workspace = await Workspace.open(Cluster(name="x", session="local"), str(folder))
    name = await workspace.create(
        Job.new("manualpick", version, {"fn_in": hand_project.LIST})
    )
    await workspace.run(name)
    await pick(workspace, name, MIC1, *hand_project.PARTICLES)
    await pick(workspace, name, MIC2)  # opened, nothing picked
    await workspace.close()
    extract = ["relion_preprocess", "--i", f"{name}/micrographs_selected.star"]
    extract += ["--coord_dir", f"{name}/", "--coord_suffix", "_manualpick.star"]
    extract += ["--part_star", "Extract/particles.star", "--part_dir", "Extract/"]
    extract += ["--extract", "--extract_size", "48", "--norm", "--bg_radius", "18"]
    (folder / "Extract").mkdir()
    done = subprocess.run(
        [*extract, "--white_dust", "-1", "--black_dust", "-1", "--invert_contrast"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    particles = read_star(folder / "Extract/particles.star")["particles"]
    places = zip(
        particles.numbers("rlnCoordinateX"),
        particles.numbers("rlnCoordinateY"),
        strict=True,
    )
    assert [(x, y) for x, y in places] == list(hand_project.PARTICLES)
    assert set(particles.text("rlnMicrographName")) == {MIC1}


async def test_automatic_picks_are_continued_by_hand_and_can_be_had_back(tmp_path):
    folder = hand_project.make(tmp_path / "project", "4.0", count=2)
    workspace = await Workspace.open(Cluster(name="x", session="local"), str(folder))
    values = {"fn_input_autopick": hand_project.LIST, "do_log": "Yes"}
    job = Job.new("autopick", "4.0", values)
    name = await workspace.create(job)
    picked = "\n# version 30001\n\ndata_\n\nloop_ \n_rlnCoordinateX #1 \n"
    picked += "_rlnCoordinateY #2 \n_rlnAutopickFigureOfMerit #3 \n"
    picked += "   60.000000    80.000000     2.500000 \n"
    picked += "  150.000000    90.000000     1.500000 \n \n"
    (folder / name / "Movies").mkdir()
    (folder / name / "Movies/mic1_autopick.star").write_text(picked)
    await workspace.mark(name, "finished")
    job = job.replace("continue_manual", True).continued()
    await workspace.save(name, job)
    assert await workspace.run(name, continuing=True) == ""
    row = next(r for r in (await workspace.overview()).jobs if r.name == name)
    assert row.status == "Succeeded"
    assert selected(folder, name) == hand_project.names(2)
    sheet = await workspace.pick_sheet(name, MIC1)
    assert sheet.text == picked
    file = PicksFile.parse(sheet.text, "4.0")
    await workspace.write_picks(
        name,
        MIC1,
        file.text([file.rows[0], file.made(7, 8)]),
        if_version=sheet.version,
    )
    found = read_coordinates(folder / name / "Movies/mic1_autopick.star")
    assert list(found.x) == [60, 7]
    assert list(found.fom) == [2.5, -999]
    assert await workspace.original_picks(name, MIC1) == picked
    listed = read_star(folder / name / "autopick.star")["coordinate_files"]
    assert list(listed.text("rlnMicrographName")) == [MIC1]
    with pytest.raises(BadRequestError, match="as the program has picked it"):
        await workspace.original_picks(name, MIC2)
    await workspace.close()
