"""Projects of 3.1 and 4.0 brought to a newer layout, and back."""

import shutil
from pathlib import Path

import pytest

from engine.jobs.job import Job
from engine.project import actions, change, layout
from engine.project.convert import convert, convert_pipeline
from engine.project.errors import ProjectError
from engine.project.pipeline import Pipeline
from engine.project.repair import find_damage

DATA = Path(__file__).parents[2] / "data" / "project"


def put(project: Path, name: str) -> Path:
    shutil.copytree(DATA / name, project, symlinks=True)
    return project


def real_job_files(project: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(project)): p.read_bytes()
        for p in project.rglob("*")
        if p.is_file() and p.name in {"job.star", "default_pipeline.star"}
        if ".cryodeck" not in p.parts
    }


@pytest.mark.parametrize("version", ["4.0", "5.0"])
def test_a_3_1_project_keeps_all_its_jobs_nodes_and_edges(
    tmp_path: Path, version: str
) -> None:
    project = put(tmp_path / "p", "relion31")
    before = change.read_pipeline(str(project))
    dry = convert(str(project), version, dry_run=True)
    assert change.read_pipeline(str(project)).version == "3.1"
    files = real_job_files(project)
    done = convert(str(project), version)
    assert {k: v for k, v in done.items() if k != "backup"} == {
        k: v for k, v in dry.items() if k != "backup"
    }
    after = change.read_pipeline(str(project))
    assert after.version == version
    assert find_damage(after) == []
    for old, new in zip(before.processes(), after.processes(), strict=True):
        assert (old.name, old.alias, old.status) == (new.name, new.alias, new.status)
        assert layout.process_number(new.type_label) == int(old.type_label)
    dropped = set(done["dropped_nodes"])
    assert dropped == {path for path, label in before.nodes() if label == "8"}
    kept = {path: label for path, label in before.nodes() if path not in dropped}
    kinds = {path: layout.node_kind(label) for path, label in after.nodes()}
    assert kinds == {path: layout.node_kind(label) for path, label in kept.items()}
    assert after.outputs() == [e for e in before.outputs() if e[1] not in dropped]
    job = Job.from_star((project / "AutoPick/job006/job.star").read_text())
    assert job.version == version
    assert job.flag("do_log")
    shutil.copytree(project / done["backup"], project, dirs_exist_ok=True)
    assert real_job_files(project) == files


def test_models_become_the_optimisers_beside_them(tmp_path: Path) -> None:
    project = put(tmp_path / "p", "relion31")
    optimiser = project / "Class2D/job008/run_it025_optimiser.star"
    optimiser.touch()
    convert(str(project), "5.0")
    pipeline = change.read_pipeline(str(project))
    path = "Class2D/job008/run_it025_optimiser.star"
    assert pipeline.node_label(path) == "OptimiserData.star.relion.class2d"
    assert path in pipeline.inputs_of("Select/job009")


def test_a_converted_4_0_pipeline_is_what_5_0_writes_but_for_its_defect() -> None:
    """5.0 leaves the optimisers under their old name; everything else agrees."""
    old = Pipeline.parse((DATA / "rel40" / "default_pipeline.star").read_text())
    new, dropped = convert_pipeline(old, "5.0")
    theirs = DATA / "mixed" / "rel40_project_after_opening_in_50.star"
    expected = Pipeline.parse(theirs.read_text())
    assert dropped == []
    assert new.inputs() == expected.inputs()
    assert new.outputs() == expected.outputs()
    different = {
        path: label for path, label in new.nodes() if expected.node_label(path) != label
    }
    assert set(different.values()) == {
        "OptimiserData.star.relion.class2d",
        "OptimiserData.star.relion.select",
    }


def test_projects_are_not_brought_backwards_or_while_a_job_runs(tmp_path: Path) -> None:
    where = str(tmp_path)
    actions.create_project(where, "4.0")
    actions.new_job(where, "relion.import", "s", status="Running")
    with pytest.raises(ProjectError, match=r"cannot be brought to '3\.1'"):
        convert(where, "3.1")
    with pytest.raises(ProjectError, match="is running"):
        convert(where, "5.0")
    assert not convert(where, "4.0")["changes"]
