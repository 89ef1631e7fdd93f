"""RELION 3.1.3 itself works in projects that were made and changed here."""

import subprocess
import time
from pathlib import Path

import pytest
from support.pipelines import set_status

from engine.jobs.commands import relion_commands
from engine.jobs.job import Job
from engine.jobs.nodes import input_nodes, output_nodes
from engine.project import actions, change, clean, completion, layout, trash
from engine.project.pipeline import Pipeline

pytestmark = pytest.mark.relion


def pipeliner(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["relion_pipeliner", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (project / ".relion_lock").exists()
    return done.stdout + done.stderr


def add(project: Path, job: Job, alias: str = "") -> str:
    return actions.new_job(
        str(project),
        job.type_label,
        job.to_star(),
        inputs=input_nodes(job),
        outputs=output_nodes(job),
        alias=alias,
        gui_name=job.type.gui_name,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make an Import, an AutoPick and an Extract job."""
    actions.create_project(str(tmp_path), "3.1")
    add(
        tmp_path,
        Job.new("import", "3.1", {"is_multiframe": "No", "fn_in_raw": "m/*.mrc"}),
        "mics",
    )
    picks = {"fn_input_autopick": "Import/mics/micrographs.star", "do_log": "Yes"}
    add(tmp_path, Job.new("autopick", "3.1", picks))
    extract = {
        "star_mics": "Import/job001/micrographs.star",
        "coords_suffix": "AutoPick/job002/coords_suffix_autopick.star",
    }
    add(tmp_path, Job.new("extract", "3.1", extract))
    return tmp_path


def test_relion_ends_a_job_that_was_launched_here(project: Path) -> None:
    actions.launch(str(project), "Import/job001", ["relion_import"])
    (project / "Import/job001/micrographs.star").touch()
    (project / "Import/job001/RELION_JOB_EXIT_SUCCESS").touch()
    pipeliner(project, "--check_job_completion")
    pipeline = change.read_pipeline(str(project))
    assert pipeline.process("Import/job001").status == "Succeeded"
    assert pipeline.process("AutoPick/job002").status == "Scheduled"


def test_relion_and_cryodeck_take_turns_adding_jobs(project: Path) -> None:
    before = change.read_pipeline(str(project))
    options = "fn_img == Extract/job003/particles.star;nr_classes == 4"
    pipeliner(project, "--addJob", "Class2D", "--addJobOptions", options)
    pipeline = change.read_pipeline(str(project))
    assert pipeline.processes()[3].name == "Class2D/job004/"
    assert pipeline.processes()[0].alias == "Import/mics/"
    assert pipeline.inputs()[: len(before.inputs())] == before.inputs()
    theirs = Job.from_star((project / "Class2D/job004/job.star").read_text())
    values = {"fn_img": "Extract/job003/particles.star", "nr_classes": "4"}
    ours = Job.new("class2d", "3.1", {**values, "cryodeck_engine": "relion"})
    assert pipeline.inputs_of("Class2D/job004") == [p for p, _ in input_nodes(ours)]
    assert pipeline.outputs_of("Class2D/job004") == [
        "Class2D/job004/" + p for p, _ in output_nodes(ours)
    ]
    sites = {"qsub", "qsubscript", "queuename", "min_dedicated", "scratch_dir"}
    different = {k for k in ours.values if theirs.values[k] != ours.values[k]} - sites
    assert different == set()
    assert add(project, ours) == "Class2D/job005"


def test_relion_takes_a_job_star_with_cryodecks_keys(project: Path) -> None:
    values = {
        "cryodeck_memory": "8G",
        "extract_size": "256",
        "star_mics": "Import/job001/micrographs.star",
        "coords_suffix": "AutoPick/job002/coords_suffix_autopick.star",
    }
    job = Job.new("extract", "3.1", values)
    (project / "mine.star").write_text(job.to_star())
    said = pipeliner(project, "--addJobFromStar", "mine.star")
    assert "cannot find cryodeck_memory" in said
    text = (project / "Extract/job004/job.star").read_text()
    assert Job.from_star(text).integer("extract_size") == 256


def fill(project: Path) -> None:
    for path in (
        "Import/job001/micrographs.star",
        "AutoPick/job002/m/a_autopick.star",
        "AutoPick/job002/m/a_stackref0_bestCCF.spi",
        "AutoPick/job002/logfile.pdf",
        "Extract/job003/m/a.mrcs",
        "Extract/job003/m/a_extract.star",
        "Extract/job003/particles.star",
        *(
            f"Class2D/job004/run_it{i:03d}_{kind}"
            for i in range(4)
            for kind in ("data.star", "model.star", "optimiser.star", "classes.mrcs")
        ),
        "Class2D/job004/run_ct2_it003_data.star",
    ):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("x")


def left(project: Path, name: str) -> set[str]:
    return {
        str(p.relative_to(project / name))
        for p in (project / name).rglob("*")
        if p.is_file()
    }


@pytest.mark.parametrize("harsh", [False, True], ids=["gentle", "harsh"])
def test_cleaning_leaves_what_relion_leaves(project: Path, harsh: bool) -> None:
    add(project, Job.new("class2d", "3.1", {"nr_iter": "2", "fn_img": "p.star"}))
    fill(project)
    names = [p.name for p in change.read_pipeline(str(project)).processes()]
    for name in names:
        set_status(project, name, "Succeeded")
    twin = project.parent / (project.name + "_twin")
    subprocess.run(["cp", "-a", str(project), str(twin)], check=True)
    option = "--harsh_clean" if harsh else "--gentle_clean"
    for number, name in enumerate(names, 1):
        pipeliner(twin, option, str(number))
        clean.clean(str(project), name, harsh)
        assert left(project, name) == left(twin, name), name


def test_relion_reads_a_project_after_deletion_and_undeletion(project: Path) -> None:
    trash.delete(str(project), ["AutoPick/job002"])
    pipeliner(project, "--check_job_completion")
    trash.undelete(str(project), trash.deleted_pipelines(str(project))[0])
    pipeliner(project, "--check_job_completion")
    pipeliner(project, "--addJob", "Import")
    names = [p.name for p in change.read_pipeline(str(project)).processes()]
    assert names[-1] == "Import/job004/"
    assert set(names) > {"AutoPick/job002/", "Extract/job003/"}


def test_the_nodes_tree_is_the_one_relion_makes(project: Path) -> None:
    fill(project)
    for name in ("Import/job001", "AutoPick/job002", "Extract/job003"):
        actions.launch(str(project), name, ["x"])
        (project / name / "RELION_JOB_EXIT_SUCCESS").touch()
    twin = project.parent / (project.name + "_twin")
    subprocess.run(["cp", "-a", str(project), str(twin)], check=True)
    for tree in (project, twin):
        subprocess.run(["rm", "-rf", str(tree / ".Nodes")], check=True)
    pipeliner(twin, "--check_job_completion")
    completion.check_completion(str(project))
    theirs = left(twin, ".Nodes")
    assert left(project, ".Nodes") >= theirs
    assert theirs


def test_a_process_in_relions_lock_is_waited_for(project: Path) -> None:
    """RELION waits three seconds at a time for a lock that is ours."""
    from engine.project.lock import ProjectLock

    with ProjectLock(str(project)):
        waiting = subprocess.Popen(
            ["relion_pipeliner", "--addJob", "Import"],
            cwd=project,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1.0)
    assert waiting.wait(30) == 0
    assert len(change.read_pipeline(str(project)).processes()) == 4


def test_relion_keeps_its_own_layout_over_our_changes(project: Path) -> None:
    pipeliner(project, "--addJob", "Import")
    before = (project / "default_pipeline.star").read_text()
    pipeline = Pipeline.parse(before)
    assert pipeline.version == "3.1"
    assert pipeline.format() == before
    assert layout.comment_version(pipeline.star) == 30001
    assert (project / "Import/job004/job.star").exists()


def test_relion_runs_a_draft_that_was_made_here(project: Path) -> None:
    (project / "Import/job001/micrographs.star").write_text("data_\n")
    before = change.read_pipeline(str(project))
    running = subprocess.Popen(
        ["relion_pipeliner", "--schedule", "x", "--RunJobs", "AutoPick/job002/"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    directory = project / "AutoPick/job002"
    deadline = time.monotonic() + 30
    while not (directory / "default_pipeline.star").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.kill()
    running.wait()
    job = Job.from_star((directory / "job.star").read_text())
    line = relion_commands(job, "AutoPick/job002")[0]
    note = (directory / "note.txt").read_text()
    assert " ".join(line.split()) in " ".join(note.split())
    after = change.read_pipeline(str(project))
    assert after.process("AutoPick/job002").status == "Running"
    assert after.nodes() == before.nodes()
    assert after.inputs() == before.inputs()
    assert after.outputs() == before.outputs()
