"""What input files hold, against files that RELION wrote."""

from dataclasses import replace

import pytest

from engine.jobs.check import check
from engine.jobs.job import Job
from remote.agent import inputs
from remote.agent.verbs import Request
from remote.surroundings import facts_of

MICS = "Import/job001/micrographs.star"


@pytest.fixture
def here(project):
    return Request(1, str(project), 30.0)


def test_lists_of_micrographs_and_particles_say_rows_sizes_and_ctf(here, project):
    said = inputs.look_at(here, [MICS, "Extract/job003/particles.star", "none.star"])
    files = said["files"]
    assert files["none.star"] is None
    mics = files[MICS]
    assert (mics["block"], mics["rows"], mics["has_ctf"]) == ("micrographs", 1, True)
    with (project / "Micrographs/mic1.mrc").open("rb") as file:
        head = inputs.read_header(file, "mic1.mrc")
    assert mics["micrograph_px"] == [head.nx, head.ny]
    particles = files["Extract/job003/particles.star"]
    text = (project / "Extract/job003/particles.star").read_text()
    assert particles["rows"] == text.count(".mrcs")
    assert particles["box_px"] > 0
    assert particles["pixel_size"] > mics["pixel_size"] / 2
    assert said["free"] > 0


def test_a_file_that_changes_is_read_again_and_nonsense_is_no_error(here, project):
    path = project / "list.star"
    row = "data_\n\nloop_\n_rlnMicrographName #1\na.mrc\n"
    path.write_text(row)
    assert inputs.look_at(here, ["list.star"])["files"]["list.star"]["rows"] == 1
    path.write_text(row + "b.mrc\n")
    assert inputs.look_at(here, ["list.star"])["files"]["list.star"]["rows"] == 2
    path.write_text("not a table at all")
    assert inputs.look_at(here, ["list.star"])["files"]["list.star"] == {}


async def test_more_processes_than_micrographs_are_told_from_the_real_file(workspace):
    job = Job.new("autopick", "3.1").replace("do_log", True)
    job = job.replace("fn_input_autopick", MICS).replace("nr_mpi", "4")
    overview = await workspace.overview()
    facts = await facts_of(workspace, job, overview)
    assert facts.micrographs == 1
    said = [problem.message for problem in check(job, continuing=False, facts=facts)]
    assert any("4 processes for 1 micrographs" in message for message in said)


async def test_too_many_maps_for_the_disk_and_classes_for_the_particles_are_told(
    workspace,
):
    job = Job.new("autopick", "3.1").replace("do_log", True).replace("shrink", "1")
    job = job.replace("fn_input_autopick", MICS).replace("do_write_fom_maps", True)
    overview = await workspace.overview()
    facts = replace(await facts_of(workspace, job, overview), free_disk=1000.0)
    said = [problem.message for problem in check(job, continuing=False, facts=facts)]
    assert any("FOM maps would take about" in message for message in said)
    job = Job.new("class2d", "3.1").replace("fn_img", "Extract/job003/particles.star")
    facts = await facts_of(workspace, job.replace("nr_classes", "5000"), overview)
    said = check(job.replace("nr_classes", "5000"), continuing=False, facts=facts)
    assert any(f"5000 classes for {facts.particles}" in one.message for one in said)


async def test_an_engine_that_no_profile_names_is_looked_for_once_it_is_needed(
    workspace, monkeypatch
):
    answers = [(1, "No module named engine"), (0, "")]
    asked = []

    async def tool(*argv, limit=20.0):
        asked.append(argv)
        return answers[len(asked) - 1]

    monkeypatch.setattr(workspace, "tool", tool)
    job = Job.new("import", "3.1")
    facts = await facts_of(workspace, job, None)
    assert facts.no_engine_on == workspace.cluster.name
    said = [p.message for p in check(job, facts=facts) if p.key == "cryodeck_engine"]
    assert f"`cryodeck install {workspace.cluster.name}` puts it there" in said[0]
    assert (await facts_of(workspace, job, None)).no_engine_on
    assert len(asked) == 1  # it is not tried with every letter that is typed
    workspace._engine = None  # after a while
    for _ in range(2):  # it is there now
        assert not (await facts_of(workspace, job, None)).no_engine_on
    assert len(asked) == 2
    workspace.take_profile(replace(workspace.profile, engine="/sw/python -m engine"))
    assert (await workspace.layers()).cluster.engine == "/sw/python -m engine"


async def test_relions_programs_need_no_engine(workspace):
    job = Job.new("import", "3.1").replace("cryodeck_engine", "relion")
    assert not (await facts_of(workspace, job, None)).no_engine_on
