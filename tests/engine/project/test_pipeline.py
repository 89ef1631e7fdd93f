"""Pipelines of all three layouts: read, changed, written, nothing lost."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.project import layout
from engine.project.errors import ProjectError, StarError
from engine.project.pipeline import Pipeline

DATA = Path(__file__).parents[2] / "data" / "project"
PIPELINES = [
    ("relion30/default_pipeline.star", "3.1", 28),
    ("relion31/default_pipeline.star", "3.1", 31),
    ("relion5/default_pipeline.star", "5.0", 8),
    ("rel31/default_pipeline.star", "3.1", 5),
    ("rel40/default_pipeline.star", "4.0", 7),
    ("rel50/default_pipeline.star", "5.0", 9),
    ("mixed/rel31_project_after_opening_in_40.star", "4.0", 5),
    ("mixed/rel31_project_after_opening_in_50.star", "5.0", 5),
    ("mixed/rel40_project_after_opening_in_50.star", "5.0", 7),
    ("relion5_types/default_pipelines/full.star", "5.0", None),
    ("relion5_types/default_pipelines/no_input.star", "5.0", 1),
]


def read(name: str) -> Pipeline:
    return Pipeline.parse((DATA / name).read_text(), name)


@pytest.mark.parametrize(("name", "version", "jobs"), PIPELINES)
def test_every_example_opens_in_its_layout(
    name: str, version: str, jobs: int | None
) -> None:
    pipeline = read(name)
    assert pipeline.version == version
    if jobs is not None:
        assert len(pipeline.processes()) == jobs
    for process in pipeline.processes():
        assert process.status in layout.STATUSES
        assert process.number > 0
        assert not process.alias or process.alias.endswith("/")
    again = Pipeline.parse(pipeline.format())
    assert again.nodes() == pipeline.nodes()
    assert again.inputs() == pipeline.inputs()
    assert again.outputs() == pipeline.outputs()


@pytest.mark.parametrize("version", layout.VERSIONS)
def test_a_job_that_is_added_is_there_in_every_layout(version: str) -> None:
    pipeline = Pipeline.new(version)
    kind = "8" if version == "3.1" else "relion.class2d"
    pipeline.add_process("Class2D/job001", kind, "Scheduled", "Class2D/first/")
    pipeline.add_input(
        "Extract/job009/particles.star", "Class2D/job001", "ParticlesData.star.relion"
    )
    pipeline.add_output(
        "Class2D/job001/",
        "Class2D/job001/run_it025_data.star",
        "ParticlesData.star.relion.class2d",
    )
    again = Pipeline.parse(pipeline.format(), default=version)
    assert again.version == version
    process = again.process("Class2D/job001")
    assert (process.type_label, process.status) == (kind, "Scheduled")
    assert process.alias == "Class2D/first/"
    assert again.inputs_of("Class2D/job001") == ["Extract/job009/particles.star"]
    assert again.outputs_of("Class2D/job001") == ["Class2D/job001/run_it025_data.star"]


def test_unknown_columns_rows_and_tables_are_kept() -> None:
    text = (DATA / "rel50" / "default_pipeline.star").read_text()
    text = text.replace(
        "_rlnPipeLineProcessStatusLabel #4 ",
        "_rlnPipeLineProcessStatusLabel #4 \n_rlnPipeLineColor #5 ",
    )
    lines = [
        line + "blue " if line.rstrip().endswith(("Succeeded", "Scheduled")) else line
        for line in text.splitlines()
    ]
    text = "\n".join(lines) + "\n# note\ndata_future\n\n_rlnNew 5\n \n"
    pipeline = Pipeline.parse(text)
    pipeline.set_status("Import/job001", "Failed")
    pipeline.add_process("Select/job010", "relion.select", "Scheduled")
    written = pipeline.format()
    assert (
        "Import/job001/ Import/tinymics/ relion.import.movies     Failed       blue"
        in (written)
    )
    again = Pipeline.parse(written)
    rows = again.tables["pipeline_processes"].rows
    assert rows[-1][4] == "None"
    assert again.star.require("future").get("rlnNew") == "5"
    assert "# note" in written


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AutoPick/job006", "AutoPick/job006/"),
        ("AutoPick/job006/", "AutoPick/job006/"),
        ("AutoPick/LoG_based", "AutoPick/job006/"),
        ("LoG_based", "AutoPick/job006/"),
        ("job006", "AutoPick/job006/"),
        ("6", "AutoPick/job006/"),
    ],
)
def test_a_job_is_found_by_name_alias_and_number(text: str, name: str) -> None:
    pipeline = read("relion31/default_pipeline.star")
    pipeline.set_alias("AutoPick/job006", "AutoPick/LoG_based/")
    assert pipeline.resolve(text) == name


def test_an_alias_of_two_folders_must_be_given_whole() -> None:
    pipeline = read("relion31/default_pipeline.star")
    pipeline.set_alias("AutoPick/job006", "AutoPick/LoG/")
    pipeline.set_alias("Extract/job007", "Extract/LoG/")
    with pytest.raises(ProjectError, match="could be any of AutoPick/job006, Extract"):
        pipeline.resolve("LoG")
    with pytest.raises(ProjectError, match="no job nothing"):
        pipeline.resolve("nothing")


def test_users_are_found_near_and_far_and_round_in_circles() -> None:
    pipeline = read("rel31/default_pipeline.star")
    assert pipeline.users(["AutoPick/job002"]) == [
        "Extract/job003/",
        "Class2D/job004/",
        "Select/job005/",
    ]
    pipeline.add_input("Select/job005/particles_split1.star", "AutoPick/job002", "x")
    assert "AutoPick/job002/" not in pipeline.users(["AutoPick/job002"])


def test_removing_jobs_takes_their_nodes_and_edges_along() -> None:
    pipeline = read("rel31/default_pipeline.star")
    pipeline.remove_processes(["Class2D/job004", "Select/job005"])
    text = pipeline.format()
    assert "Class2D" not in text
    assert "Select" not in text
    assert "Extract/job003/particles.star" in text
    assert pipeline.counter == 6


def test_paths_through_an_alias_are_made_real() -> None:
    pipeline = read("rel31/default_pipeline.star")
    path = "Import/tinymics/micrographs.star"
    assert pipeline.real_path(path) == "Import/job001/micrographs.star"
    assert pipeline.real_path("Movies/a/b.mrc") == "Movies/a/b.mrc"


@pytest.mark.parametrize("version", layout.VERSIONS)
def test_node_labels_translate_there_and_back(version: str) -> None:
    for number, neutral, _ in layout.NODE_TYPES:
        label = layout.node_label(version, neutral)
        if version == "3.1":
            assert label == str(number)
        if number not in {9, 14} or version == "3.1":
            assert layout.neutral_label(label) == neutral
        assert layout.node_kind(label) == neutral.partition(".")[0]


def test_labels_of_real_projects_get_the_neutral_kind() -> None:
    pipeline = read("relion5/default_pipeline.star")
    kinds = {path: layout.node_kind(label, path) for path, label in pipeline.nodes()}
    assert kinds["Import/job001/movies.star"] == "MicrographMoviesData"
    assert kinds["AutoPick/job008/autopick.star"] == "MicrographsCoords"
    assert kinds["Class2D/job010/run_it025_optimiser.star"] == "ProcessData"


def test_a_damaged_label_is_guessed_from_the_name_of_the_file() -> None:
    pipeline = read("mixed/rel31_project_after_opening_in_50.star")
    kinds = {p: layout.node_kind(label, p) for p, label in pipeline.nodes()}
    assert kinds["Import/job001/micrographs.star"] == "MicrographsData"
    assert kinds["AutoPick/job002/coords_suffix_autopick.star"] == "MicrographsCoords"


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("relion.autopick.topaz.train", 4),
        ("AutoPick", 4),
        ("4", 4),
        ("relion.class2d", 8),
        ("modelangelo", 23),
        ("relion.future", -1),
    ],
)
def test_process_types_are_known_under_all_their_names(label: str, number: int) -> None:
    assert layout.process_number(label) == number


def test_a_file_that_is_no_pipeline_is_refused_by_name() -> None:
    with pytest.raises(StarError, match=r"x\.star: no table data_pipeline_general"):
        Pipeline.parse("data_x\n\n_a 1\n", "x.star")


def test_five_thousand_jobs_are_read_and_written_fast() -> None:
    pipeline = Pipeline.new("5.0")
    rows = pipeline.table("pipeline_processes").rows
    nodes = pipeline.table("pipeline_nodes").rows
    inputs = pipeline.table("pipeline_input_edges").rows
    outputs = pipeline.table("pipeline_output_edges").rows
    for i in range(1, 5001):
        name = f"Extract/job{i:03d}/"
        rows.append([name, "None", "relion.extract", "Succeeded"])
        nodes.append(
            [name + "particles.star", "ParticleGroupMetadata.star.relion", "1"]
        )
        outputs.append([name, name + "particles.star"])
        if i > 1:
            inputs.append([f"Extract/job{i - 1:03d}/particles.star", name])
    text = pipeline.format()
    start = time.process_time()
    again = Pipeline.parse(text)
    processes = again.processes()
    elapsed = time.process_time() - start
    assert len(processes) == 5000
    assert elapsed < 0.3
    assert len(again.users(["Extract/job001"])) == 4999


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_pipeline_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["rel31", "rel40", "rel50"]))
    text = (DATA / name / "default_pipeline.star").read_text()
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "cut", "noise"]))
        if kind == "drop":
            lines[at] = ""
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "cut":
            lines[at] = lines[at][: len(lines[at]) // 2]
        else:
            lines[at] = data.draw(st.text(max_size=12).filter(lambda t: "\n" not in t))
    try:
        pipeline = Pipeline.parse("\n".join(lines), "p.star")
        pipeline.processes()
        pipeline.users(["Import/job001"])
        pipeline.nodes()
    except ProjectError as error:
        said = str(error)
    else:
        said = ""
    assert "\n" not in said
