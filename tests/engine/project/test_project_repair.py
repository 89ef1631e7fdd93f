"""Pipelines that another version of RELION has damaged by opening them."""

import shutil
from pathlib import Path

import pytest

from engine.project import change, layout
from engine.project.pipeline import Pipeline
from engine.project.repair import find_damage, repair

DATA = Path(__file__).parents[2] / "data" / "project"
SOUND = [
    "rel31/default_pipeline.star",
    "rel40/default_pipeline.star",
    "rel50/default_pipeline.star",
    "relion30/default_pipeline.star",
    "relion31/default_pipeline.star",
    "relion5/default_pipeline.star",
    "relion5_types/default_pipelines/full.star",
]


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_found_in_a_sound_project(name: str) -> None:
    assert find_damage(Pipeline.parse((DATA / name).read_text())) == []


@pytest.mark.parametrize("version", ["40", "50"])
def test_a_damaged_3_1_project_gets_the_labels_it_should_have_had(
    tmp_path: Path, version: str
) -> None:
    damaged = DATA / "mixed" / f"rel31_project_after_opening_in_{version}.star"
    shutil.copy(damaged, tmp_path / "default_pipeline.star")
    model = tmp_path / "Class2D/job004/run_it003_model.star"
    model.parent.mkdir(parents=True)
    model.with_name("run_it003_optimiser.star").touch()
    before = (tmp_path / "default_pipeline.star").read_bytes()
    backup, damage = repair(str(tmp_path))
    assert Path(backup).read_bytes() == before
    assert damage
    sound = Pipeline.parse((DATA / "rel31" / "default_pipeline.star").read_text())
    kinds = {p: layout.node_kind(label) for p, label in sound.nodes()}
    kinds["Class2D/job004/run_it003_optimiser.star"] = "ProcessData"
    del kinds["Class2D/job004/run_it003_model.star"]
    pipeline = change.read_pipeline(str(tmp_path))
    assert {p: layout.node_kind(label) for p, label in pipeline.nodes()} == kinds
    assert repair(str(tmp_path)) == ("", [])


def test_a_model_without_its_optimiser_is_no_node_any_more(tmp_path: Path) -> None:
    damaged = DATA / "mixed" / "rel31_project_after_opening_in_50.star"
    shutil.copy(damaged, tmp_path / "default_pipeline.star")
    repair(str(tmp_path))
    assert "model.star" not in (tmp_path / "default_pipeline.star").read_text()


def test_optimisers_that_5_0_left_under_their_old_name_are_renamed(
    tmp_path: Path,
) -> None:
    damaged = DATA / "mixed" / "rel40_project_after_opening_in_50.star"
    shutil.copy(damaged, tmp_path / "default_pipeline.star")
    _, damage = repair(str(tmp_path))
    assert [one.spelled for one in damage] == [
        "OptimiserData.star.relion.class2d",
        "OptimiserData.star.relion.select",
    ]
    assert "labelled ProcessData.star.relion.optimiser.class2d" in damage[0].describe()
