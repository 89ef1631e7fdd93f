"""Cleaning, deleting and undeleting jobs: moved to Trash, never lost."""

from pathlib import Path

import pytest
from support.pipelines import set_status

from engine.project import actions, change, clean, trash
from engine.project.errors import ProjectError

PARTICLES = "ParticlesData.star.relion"


def make_job(project: Path, label: str, files: list[str], **more: object) -> str:
    name = actions.new_job(str(project), label, "s", **more)  # type: ignore[arg-type]
    for file in files:
        path = project / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    return name


def succeeded(project: Path, name: str) -> None:
    set_status(project, name, "Succeeded")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    actions.create_project(str(tmp_path), "4.0")
    return tmp_path


@pytest.mark.parametrize(
    ("label", "files", "gentle", "harsh"),
    [
        ("relion.import", ["micrographs.star"], [], []),
        (
            "relion.autopick.log",
            ["autopick.star", "Movies/a_stack.spi", "Movies/a_autopick.star"],
            ["Movies/a_stack.spi"],
            ["Movies/a_stack.spi"],
        ),
        (
            "relion.extract",
            ["particles.star", "Movies/a.mrcs", "Movies/a_extract.star"],
            ["Movies/a_extract.star"],
            ["Movies"],
        ),
        (
            "relion.ctffind",
            ["micrographs_ctf.star", "Movies/a.ctf", "gctf0.out", ".hidden/x"],
            ["Movies", "gctf0.out"],
            ["Movies", "gctf0.out"],
        ),
        (
            "relion.class2d",
            [f"run_it{i:03d}_{k}" for i in (0, 1, 2) for k in ("data.star", "c.mrcs")],
            [f"run_it{i:03d}_{k}" for i in (0, 1) for k in ("c.mrcs", "data.star")],
            [f"run_it{i:03d}_{k}" for i in (0, 1) for k in ("c.mrcs", "data.star")],
        ),
    ],
)
def test_cleaning_takes_what_relions_table_says(
    project: Path, label: str, files: list[str], gentle: list[str], harsh: list[str]
) -> None:
    name = make_job(project, label, files)
    pipeline = change.read_pipeline(str(project))
    for is_harsh, expected in ((False, gentle), (True, harsh)):
        found = clean.files_to_clean(str(project), pipeline, name, is_harsh)
        assert found == [f"{name}/{path}" for path in expected]


def test_iterations_that_are_nodes_are_not_cleaned(project: Path) -> None:
    files = [f"run_it{i:03d}_data.star" for i in (0, 1, 2, 3)]
    name = make_job(
        project, "relion.class2d", files, outputs=[("run_it001_data.star", PARTICLES)]
    )
    pipeline = change.read_pipeline(str(project))
    found = clean.files_to_clean(str(project), pipeline, name)
    assert found == [f"{name}/run_it000_data.star", f"{name}/run_it002_data.star"]


def test_cleaned_files_lie_in_the_trash_under_the_same_path(project: Path) -> None:
    name = make_job(project, "relion.extract", ["Movies/deep/a.mrcs", "particles.star"])
    with pytest.raises(ProjectError, match="only jobs that succeeded"):
        clean.clean(str(project), name)
    succeeded(project, name)
    dry = clean.clean(str(project), name, harsh=True, dry_run=True)
    assert (project / name / "Movies/deep/a.mrcs").exists()
    wet = clean.clean(str(project), name, harsh=True)
    assert (dry["files"], dry["bytes"]) == (wet["files"], wet["bytes"])
    assert (dry["files"], dry["bytes"]) == ([f"{name}/Movies"], 5)
    assert "particle stacks go" in wet["consequence"]
    assert not (project / name / "Movies").exists()
    assert (project / "Trash" / name / "Movies/deep/a.mrcs").read_text() == "12345"


def test_cleaning_twice_keeps_both_files(project: Path) -> None:
    name = make_job(project, "relion.autopick.log", ["m/a.spi"])
    succeeded(project, name)
    clean.clean(str(project), name)
    (project / name / "m/a.spi").write_text("second")
    clean.clean(str(project), name)
    kept = sorted(p.name for p in (project / "Trash" / name / "m").iterdir())
    assert kept == ["a.spi", "a.spi.1"]


def test_harsh_cleaning_of_several_jobs_spares_protected_ones(project: Path) -> None:
    names = [make_job(project, "relion.extract", ["m/a.mrcs"]) for _ in range(2)]
    for name in names:
        succeeded(project, name)
    (project / names[0] / "NO_HARSH_CLEAN").touch()
    where, alone = str(project), {"harsh": True, "dry_run": True}
    with pytest.raises(ProjectError, match="protected by NO_HARSH_CLEAN; clean it al"):
        clean.clean(where, names[0], harsh=True, spares_protected=True)
    assert (project / names[0] / "m/a.mrcs").exists()
    many = clean.clean(where, names[1], harsh=True, spares_protected=True)
    assert many["files"] == [f"{names[1]}/m"]
    assert clean.clean(where, names[0], **alone)["files"] == [f"{names[0]}/m"]
    assert clean.clean(where, names[0], spares_protected=True)["moved"]


def chain(project: Path) -> list[str]:
    mics = make_job(
        project,
        "relion.import",
        [],
        outputs=[("m.star", "MicrographsData.star.relion")],
    )
    parts = make_job(
        project,
        "relion.extract",
        ["particles.star"],
        inputs=[(mics + "/m.star", "MicrographsData.star.relion")],
        outputs=[("particles.star", PARTICLES)],
        alias="parts",
    )
    classes = make_job(
        project,
        "relion.class2d",
        ["run.out"],
        inputs=[(parts + "/particles.star", PARTICLES)],
    )
    return [mics, parts, classes]


def test_deleting_takes_dependants_along_and_can_be_undone(project: Path) -> None:
    mics, parts, classes = chain(project)
    before = change.read_pipeline(str(project))
    dry = trash.delete(str(project), [parts], dry_run=True)
    assert dry["jobs"] == [parts, classes]
    assert (project / parts).exists()
    trash.delete(str(project), ["parts"])
    pipeline = change.read_pipeline(str(project))
    assert [p.name for p in pipeline.processes()] == [mics + "/"]
    assert pipeline.counter == 4
    assert not (project / parts).exists()
    assert not (project / "Extract/parts").is_symlink()
    assert (project / "Trash" / parts / "particles.star").read_text() == "12345"
    found = trash.deleted_pipelines(str(project))
    assert found == [f"Trash/{parts}/deleted_pipeline.star"]
    assert trash.undelete(str(project), found[0]) == [parts, classes]
    after = change.read_pipeline(str(project))
    assert after.inputs() == before.inputs()
    assert after.outputs() == before.outputs()
    assert {p.name: p.alias for p in after.processes()} == {
        p.name: p.alias for p in before.processes()
    }
    assert (project / "Extract/parts/particles.star").read_text() == "12345"


def test_a_running_job_is_not_deleted(project: Path) -> None:
    _, parts, classes = chain(project)
    set_status(project, classes, "Running")
    with pytest.raises(ProjectError, match=f"{classes} is running"):
        trash.delete(str(project), [parts])
    assert (project / parts).exists()


def test_an_alias_taken_meanwhile_is_lost_and_the_job_is_not(project: Path) -> None:
    _, parts, _ = chain(project)
    trash.delete(str(project), [parts])
    other = actions.new_job(str(project), "relion.extract", "s", alias="parts")
    trash.undelete(str(project), f"Trash/{parts}/deleted_pipeline.star")
    pipeline = change.read_pipeline(str(project))
    assert pipeline.process(parts).alias == ""
    assert pipeline.process(other).alias == "Extract/parts/"


def test_only_what_is_in_the_trash_is_brought_back(project: Path) -> None:
    _, parts, _ = chain(project)
    with pytest.raises(ProjectError, match="only pipelines below Trash"):
        trash.undelete(str(project), f"{parts}/job_pipeline.star")
    trash.delete(str(project), [parts])
    (project / parts).mkdir()
    with pytest.raises(ProjectError, match="exists again"):
        trash.undelete(str(project), f"Trash/{parts}/deleted_pipeline.star")
