"""What can be done to a project, in all three layouts."""

import os
import time
from pathlib import Path

import pytest
from support.pipelines import set_status

from engine.project import actions, change, completion, layout
from engine.project.atomic import write_text
from engine.project.errors import ProjectError
from engine.project.pipeline import Pipeline

MICROGRAPHS = "MicrographsData.star.relion"
COORDINATES = "MicrographsCoords.star.relion.autopick"
PARTICLES = "ParticlesData.star.relion"
VERSIONS = layout.VERSIONS


def two_jobs(project: Path, version: str) -> str:
    """Make a project with an Import and an AutoPick job."""
    where = str(project)
    actions.create_project(where, version)
    actions.new_job(
        where,
        "relion.import.other",
        "import's star\n",
        outputs=[("micrographs.star", MICROGRAPHS)],
        alias="mics",
        gui_name="import",
    )
    actions.new_job(
        where,
        "relion.autopick.log",
        "autopick's star\n",
        inputs=[("Import/mics/micrographs.star", MICROGRAPHS)],
        outputs=[("autopick.star", COORDINATES)],
    )
    return where


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_project_is_read_in_the_layout_it_was_made_in(
    tmp_path: Path, version: str
) -> None:
    actions.create_project(str(tmp_path), version)
    pipeline = change.read_pipeline(str(tmp_path))
    assert (pipeline.version, pipeline.counter) == (version, 1)
    assert (tmp_path / ".gui_projectdir").exists()


def test_creating_a_project_where_there_is_one_changes_nothing(tmp_path: Path) -> None:
    two_jobs(tmp_path, "3.1")
    before = (tmp_path / "default_pipeline.star").read_bytes()
    actions.create_project(str(tmp_path), "5.0")
    assert (tmp_path / "default_pipeline.star").read_bytes() == before


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_job_gets_all_that_relion_gives_it(tmp_path: Path, version: str) -> None:
    where = two_jobs(tmp_path, version)
    assert (tmp_path / "Import/job001/job.star").read_text() == "import's star\n"
    assert (tmp_path / ".gui_importjob.star").read_text() == "import's star\n"
    assert str((tmp_path / "Import/mics").readlink()) + "/" == "../Import/job001/"
    assert (tmp_path / "Import/mics/job.star").exists()
    folder = "1" if version == "3.1" else "MicrographsData"
    folder = "MicrographGroupMetadata" if version == "5.0" else folder
    assert (tmp_path / ".Nodes" / folder / "Import/mics/micrographs.star").exists()
    assert (tmp_path / ".pipeline_has_changed").exists()
    pipeline = change.read_pipeline(where)
    assert pipeline.inputs() == [("Import/job001/micrographs.star", "AutoPick/job002/")]
    small = Pipeline.parse((tmp_path / "AutoPick/job002/job_pipeline.star").read_text())
    assert small.counter == 2
    assert [p.name for p in small.processes()] == ["AutoPick/job002/"]
    assert {path for path, _ in small.nodes()} == {
        "Import/job001/micrographs.star",
        "AutoPick/job002/autopick.star",
    }


def test_the_same_token_gives_the_same_job(tmp_path: Path) -> None:
    actions.create_project(str(tmp_path), "4.0")
    names = {
        actions.new_job(str(tmp_path), "relion.select", "s", token="abc")
        for _ in range(3)
    }
    assert names == {"Select/job001"}
    assert actions.new_job(str(tmp_path), "relion.select", "s", token="d") == (
        "Select/job002"
    )
    with pytest.raises(ProjectError, match="a token holds letters"):
        actions.new_job(str(tmp_path), "relion.select", "s", token="../x")


def test_a_number_whose_folder_exists_is_left_out(tmp_path: Path) -> None:
    actions.create_project(str(tmp_path), "4.0")
    (tmp_path / "Select/job001").mkdir(parents=True)
    assert actions.new_job(str(tmp_path), "relion.select", "s") == "Select/job002"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_launch_clears_flags_and_writes_note_and_copies(
    tmp_path: Path, version: str
) -> None:
    where = two_jobs(tmp_path, version)
    directory = tmp_path / "AutoPick/job002"
    for flag in actions.FLAGS:
        (directory / flag).touch()
    assert actions.launch(where, "AutoPick/job002", ["`which a` --x", "b"], token="t")
    assert not actions.launch(where, "AutoPick/job002", ["again"], token="t")
    assert not any((directory / flag).exists() for flag in actions.FLAGS)
    lines = (directory / "note.txt").read_text().split("\n")
    assert lines[0] == ""
    assert lines[1].startswith(" ++++ Executing new job on ")
    time.strptime(
        lines[1][len(" ++++ Executing new job on ") :], "%a %b %d %H:%M:%S %Y"
    )
    assert lines[2:] == [
        " ++++ with the following command(s): ",
        "`which a` --x",
        "b",
        " ++++ ",
        "",
    ]
    copy = Pipeline.parse((directory / "default_pipeline.star").read_text())
    assert copy.process("AutoPick/job002").status == "Running"
    assert copy.format() == (tmp_path / "default_pipeline.star").read_text()


def test_a_continued_job_loses_planned_outputs_that_never_came(tmp_path: Path) -> None:
    where = str(tmp_path)
    actions.create_project(where, "4.0")
    planned = [("run_it025_data.star", PARTICLES), ("run_it025_optimiser.star", "x")]
    name = actions.new_job(where, "relion.class2d", "s", outputs=planned)
    (tmp_path / name / "run_it025_data.star").touch()
    further = [("run_it030_data.star", PARTICLES)]
    actions.launch(where, name, ["c"], outputs=further)
    assert change.read_pipeline(where).outputs_of(name) == [
        "Class2D/job001/run_it025_data.star",
        "Class2D/job001/run_it030_data.star",
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("marker", "status"),
    [("SUCCESS", "Succeeded"), ("FAILURE", "Failed"), ("ABORTED", "Aborted")],
)
def test_an_exit_marker_ends_a_running_job(
    tmp_path: Path, version: str, marker: str, status: str
) -> None:
    where = two_jobs(tmp_path, version)
    actions.launch(where, "Import/job001", ["i"])
    assert completion.check_completion(where) == {}
    (tmp_path / "Import/job001" / f"RELION_JOB_EXIT_{marker}").touch()
    (tmp_path / "AutoPick/job002/RELION_JOB_EXIT_SUCCESS").touch()  # only scheduled
    assert completion.check_completion(where, ["Import/job001"]) == {}
    assert completion.check_completion(where) == {"Import/job001": status}
    assert completion.check_completion(where) == {}
    pipeline = change.read_pipeline(where)
    assert pipeline.process("AutoPick/job002").status == "Scheduled"


@pytest.mark.parametrize("version", VERSIONS)
def test_outputs_declared_by_a_program_become_nodes(
    tmp_path: Path, version: str
) -> None:
    where = str(tmp_path)
    actions.create_project(where, version)
    name = actions.new_job(where, "relion.select.split", "s", status="Running")
    label = layout.node_label(version, PARTICLES)
    column = "rlnPipeLineNodeType" + ("" if version == "3.1" else "Label")
    path = name + "/particles_split1.star"
    write_text(
        str(tmp_path / name / "RELION_OUTPUT_NODES.star"),
        f"data_output_nodes\n\nloop_\n_rlnPipeLineNodeName #1\n_{column} #2\n"
        f"{path} {label}\n",
    )
    (tmp_path / name / "RELION_JOB_EXIT_SUCCESS").touch()
    completion.check_completion(where)
    pipeline = change.read_pipeline(where)
    assert pipeline.outputs_of(name) == [path]
    assert pipeline.node_label(path) == label


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refinement_marked_finished_gets_its_last_iteration(
    tmp_path: Path, version: str
) -> None:
    where = str(tmp_path)
    actions.create_project(where, version)
    planned = [("run_it025_data.star", PARTICLES)]
    name = actions.new_job(
        where, "relion.class2d", "s", outputs=planned, status="Running"
    )
    with pytest.raises(ProjectError, match=r"no _optimiser\.star"):
        completion.mark(where, name, "Succeeded")
    for iteration in (7, 12):
        for kind in ("data", "model", "optimiser"):
            (tmp_path / name / f"run_it{iteration:03d}_{kind}.star").touch()
    (tmp_path / name / "run_it013_data.star").touch()  # not whole
    completion.mark(where, name, "Succeeded", leave_marker=True)
    pipeline = change.read_pipeline(where)
    second = "model" if version == "3.1" else "optimiser"
    assert pipeline.outputs_of(name) == [
        f"{name}/run_it012_data.star",
        f"{name}/run_it012_{second}.star",
    ]
    assert (tmp_path / name / "RELION_JOB_EXIT_SUCCESS").exists()
    completion.mark(where, name, "Failed", leave_marker=True)
    assert not (tmp_path / name / "RELION_JOB_EXIT_SUCCESS").exists()


def test_an_alias_moves_link_nodes_and_column(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    assert actions.set_alias(where, "Import/job001", "five mics") == "five_mics"
    assert not os.path.lexists(tmp_path / "Import/mics")
    assert (tmp_path / "Import/five_mics/job.star").exists()
    nodes = tmp_path / ".Nodes/MicrographsData/Import"
    assert [p.name for p in nodes.iterdir()] == ["five_mics"]
    assert actions.set_alias(where, "five_mics", "") == ""
    assert change.read_pipeline(where).process("Import/job001").alias == ""
    assert [p.name for p in nodes.iterdir()] == ["job001"]


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("x", "two characters"),
        ("job12", "begin with 'job'"),
        ("a/b", "must not hold /"),
        ("a$b", r"must not hold \$"),
        ("mics", "is Import/job001's already"),
        (".hidden", "begin with a dot"),
    ],
)
def test_aliases_that_relion_refuses_are_refused(
    tmp_path: Path, alias: str, reason: str
) -> None:
    where = two_jobs(tmp_path, "4.0")
    other = actions.new_job(where, "relion.import", "s")
    with pytest.raises(ProjectError, match=reason):
        actions.set_alias(where, other, alias)


def test_a_real_folder_is_never_taken_for_an_alias(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    (tmp_path / "Import/data").mkdir()
    with pytest.raises(ProjectError, match="exists and is not an alias"):
        actions.set_alias(where, "Import/job001", "data")
    assert change.read_pipeline(where).process("Import/job001").alias == "Import/mics/"


def test_notes_are_read_and_replaced(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    assert actions.read_note(where, "Import/job001") == ""
    actions.write_note(where, "Import/job001", "ice was thin")
    assert actions.read_note(where, "Import/job001") == "ice was thin\n"


def test_job_star_of_a_running_job_is_not_rewritten(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    actions.save_job_star(where, "Import/job001", "new")
    assert (tmp_path / "Import/job001/job.star").read_text() == "new"
    actions.launch(where, "Import/job001", ["i"])
    with pytest.raises(ProjectError, match="is running"):
        actions.save_job_star(where, "Import/job001", "newer")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_draft_that_changes_its_inputs_leaves_no_old_edges(
    tmp_path: Path, version: str
) -> None:
    where = two_jobs(tmp_path, version)
    other = actions.new_job(
        where, "relion.import", "s", outputs=[("micrographs.star", MICROGRAPHS)]
    )
    new_input = [(f"{other}/micrographs.star", MICROGRAPHS)]
    name = "AutoPick/job002"
    actions.save_job_star(
        where, name, "new", "autopick", new_input, [("autopick.star", COORDINATES)]
    )
    pipeline = change.read_pipeline(where)
    assert pipeline.inputs_of(name) == [f"{other}/micrographs.star"]
    assert pipeline.outputs_of(name) == [f"{name}/autopick.star"]
    first = [("Import/job001/micrographs.star", MICROGRAPHS)]
    actions.launch(where, name, ["x"], inputs=first)
    assert change.read_pipeline(where).inputs_of(name) == [first[0][0]]
    set_status(where, name, "Succeeded")
    actions.launch(where, name, ["x"], inputs=new_input)  # continued: made from both
    assert len(change.read_pipeline(where).inputs_of(name)) == 2


def test_every_change_leaves_a_backup_and_old_ones_go(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    for i in range(30):
        set_status(where, "Import/job001", layout.STATUSES[i % 2])
    backups = tmp_path / ".cryodeck/backups"
    assert 10 <= len(list(backups.iterdir())) <= 12
    newest = max(backups.iterdir(), key=lambda p: (p.stat().st_mtime_ns, p.name))
    assert len(Pipeline.parse(newest.read_text()).processes()) == 2


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    before = (tmp_path / "default_pipeline.star").stat().st_mtime_ns
    set_status(where, "Import/job001", "Scheduled")
    assert (tmp_path / "default_pipeline.star").stat().st_mtime_ns == before


def test_an_emptied_pipeline_names_the_copies_that_can_save_it(tmp_path: Path) -> None:
    where = two_jobs(tmp_path, "4.0")
    actions.launch(where, "Import/job001", ["i"])
    (tmp_path / "default_pipeline.star").write_text("")
    with pytest.raises(ProjectError, match=r"is empty.*default_pipeline"):
        change.read_pipeline(where)


def test_a_folder_without_a_pipeline_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no RELION project here"):
        set_status(tmp_path, "x", "Failed")


def test_an_error_inside_a_change_writes_nothing_and_frees_the_lock(
    tmp_path: Path,
) -> None:
    where = two_jobs(tmp_path, "4.0")
    before = (tmp_path / "default_pipeline.star").read_bytes()

    def fail() -> None:
        with change.changing(where) as pipeline:
            pipeline.remove_processes(["Import/job001"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "default_pipeline.star").read_bytes() == before
    assert not (tmp_path / ".relion_lock").exists()


def test_files_appear_whole_with_the_permissions_they_had(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_text(str(path), "one")
    plain = tmp_path / "plain"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    write_text(str(path), "two")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_disk_that_refuses_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    write_text(str(path), "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_text(str(path), "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
