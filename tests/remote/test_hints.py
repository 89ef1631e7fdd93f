"""Forms that hints begin with are sent as every other new form of the project."""

from dataclasses import replace

import pytest

from engine.jobs.job import Job
from remote.hints import hints_of
from remote.views import JobRow, JobState, Node, Verdict

ROW = JobRow(
    name="Select/job003",
    number=3,
    type="select",
    type_label="relion.select",
    alias="",
    status="Succeeded",
    verdict=Verdict(state=JobState.SUCCEEDED, reason="finished"),
    outputs=(Node(name="Select/job003/micrographs.star", kind="", label=""),),
)


class Project:
    """A project whose cluster has a queue."""

    def __init__(self, **usual):
        self.usual = usual

    async def defaults(self, key):
        job = Job.new(key, "4.0")
        for name, value in self.usual.items():
            job = job.replace(name, value)
        return job

    async def load_job(self, name):
        raise AssertionError(name)

    async def statistics(self, name):
        class Found:
            values = {"micrographs_total": 5}

        return Found


def selection():
    job = Job.new("select", "4.0")
    return job.replace("fn_mic", "Import/job001/micrographs_ctf.star")


async def test_new_forms_of_hints_go_to_the_queue():
    project = Project(do_queue="Yes", queuename="cryo", qsub="sbatch")
    hints = await hints_of(project, selection(), ROW, None)
    assert hints
    for hint in hints:
        assert hint.job.flag("do_queue")
        assert hint.job.text("queuename") == "cryo"
        assert hint.job.text("qsub") == "sbatch"


@pytest.mark.parametrize("maps", ["do_write_fom_maps", "do_read_fom_maps"])
async def test_a_form_that_goes_on_from_a_job_keeps_what_the_job_said(maps):
    form = Job.new("autopick", "4.0").replace(maps, "Yes")
    form = form.replace("queuename", "gpu").replace("do_queue", "Yes")
    row = replace(ROW, name="AutoPick/job004", type="autopick")
    project = Project(do_queue="Yes", queuename="cryo")
    hints = {hint.title: hint.job for hint in await hints_of(project, form, row, None)}
    assert hints["Pick on all micrographs"].text("queuename") == "gpu"
    assert hints["Extract particles"].text("queuename") == "cryo"


@pytest.mark.parametrize("has_ctf", [True, False])
async def test_after_an_import_the_ctf_is_offered_only_where_it_is_missing(has_ctf):
    made = "Import/job001/micrographs_ctf.star"
    form = Job.new("import", "4.0", {"do_raw": "No", "do_other": "Yes"})
    form = form.replace("node_type", "Micrographs STAR file (.star)")
    form = form.replace("fn_in_other", "micrographs_ctf.star")
    node = Node(name=made, kind="MicrographsData", label="MicrographsData.star")
    row = replace(ROW, name="Import/job001", type="import", outputs=(node,))
    project = Project()

    async def inputs(paths):
        return {"files": {path: {"has_ctf": has_ctf} for path in paths}}

    project.inputs = inputs
    titles = [hint.title for hint in await hints_of(project, form, row, None)]
    assert ("Estimate the CTF" in titles) is not has_ctf
    assert "Pick by Laplacian of Gaussian" in titles
