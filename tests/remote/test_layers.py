"""Settings of site, person and project: which counts, and where it comes from."""

from pathlib import Path

import pytest

from remote.cluster import Cluster, format_toml, parse
from remote.layers import layered
from remote.workspace import Workspace

SITE = """\
scheduler = "slurm"
queue = "short"
memory = "4G"
time_limit = "60"
setup = ["module load relion"]
"""


def said(site="", project="", **environment):
    return {
        "site": {"path": "/etc/cryodeck/jobs.toml", "text": site},
        "project": {"path": "/data/p/cryodeck.toml", "text": project},
        "environment": environment,
    }


def test_the_project_counts_more_than_the_person_and_the_person_than_the_site():
    profile = parse('queue = "mine"\nmemory = "8G"\n', "tc")
    found = layered(profile, said(SITE, 'memory = "32G"\n'))
    cluster = found.cluster
    assert (cluster.queue, cluster.memory, cluster.time_limit) == ("mine", "32G", "60")
    assert cluster.setup == ("module load relion",)
    assert found.origins == {
        "queue": "profile",
        "memory": "/data/p/cryodeck.toml",
        "time_limit": "/etc/cryodeck/jobs.toml",
        "setup": "/etc/cryodeck/jobs.toml",
        "scheduler": "/etc/cryodeck/jobs.toml",
    }
    assert found.warnings == ()


def test_what_a_person_sets_to_the_default_counts_too():
    profile = parse('queue = ""\n', "tc")
    assert layered(profile, said(SITE)).cluster.queue == ""
    assert layered(parse(format_toml(profile), "tc"), said(SITE)).cluster.queue == ""


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("queue = 7\n", "queue must be a text in quotes, not 7"),
        ("queue = \n", "is not read"),
        ('host = "elsewhere"\n', "host cannot be set here"),
        ('scheduler = "maui"\n', "scheduler is 'maui'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_the_rest_counts(text, warning):
    found = layered(Cluster(name="tc", queue="mine"), said(text))
    assert found.cluster.queue == "mine"
    assert (found.cluster.host, found.cluster.scheduler) == ("", "shell")
    assert len(found.warnings) == 1
    assert warning in found.warnings[0]
    assert "/etc/cryodeck/jobs.toml" in found.warnings[0]


@pytest.fixture
async def opened(project: Path, tmp_path, monkeypatch):
    site = tmp_path / "jobs.toml"
    site.write_text(SITE.replace("slurm", "shell"))
    monkeypatch.setenv("CRYODECK_SITE_JOBS", str(site))
    monkeypatch.setenv("RELION_QSUB_EXTRA1", "Hours of time")
    monkeypatch.setenv("RELION_QSUB_EXTRA1_DEFAULT", "12")
    monkeypatch.setenv("RELION_QSUB_EXTRA1_HELP", "At most 48.")
    monkeypatch.setenv("RELION_QUEUE_NAME", "gpu")
    monkeypatch.setenv("RELION_QUEUE_USE", "yes")
    monkeypatch.setenv("RELION_MINIMUM_DEDICATED", "24")
    monkeypatch.setenv("RELION_MPI_MAX", "16")
    monkeypatch.setenv("RELION_ALLOW_CHANGE_MINIMUM_DEDICATED", "0")
    (project / "cryodeck.toml").write_text('queue = "ours"\nnonsense = 1\n')
    workspace = await Workspace.open(
        Cluster(name="here", session="local", memory="8G"), str(project)
    )
    yield workspace
    await workspace.close()


async def test_a_workspace_takes_them_from_where_the_project_lies(opened):
    overview = await opened.overview()
    cluster = opened.cluster
    assert (cluster.queue, cluster.memory, cluster.time_limit) == ("ours", "8G", "60")
    assert any("nonsense cannot be set here" in text for text in overview.warnings)
    assert opened.profile.queue == ""


async def test_the_sites_fields_are_in_the_form_and_in_its_template(opened, project):
    job = await opened.defaults("autopick")
    option = job.type.option("qsub_extra1", job.version)
    assert (option.label, option.help) == ("Hours of time", "At most 48.")
    assert option.tab == "Running"
    assert job.text("qsub_extra1") == "12"
    assert (job.text("queuename"), job.flag("do_queue")) == ("gpu", True)
    assert job.text("min_dedicated") == "24"
    assert job.type.option("nr_mpi", job.version).high == 16
    name = await opened.create(job.replace("qsub_extra1", "36"))
    again = await opened.load_job(name)
    assert again.text("qsub_extra1") == "36"
    assert "qsub_extra1" not in again.unknown
    text = (project / name / "job.star").read_text()
    assert "qsub_extra1" in text


async def test_a_field_that_the_site_has_fixed_is_greyed(opened):
    from engine.jobs.active import is_active

    job = await opened.defaults("autopick")
    option = job.type.option("min_dedicated", job.version)
    assert not is_active(job, option)
    assert "does not let it be changed" in option.help


async def test_another_project_has_its_own_file(opened, tmp_path):
    other = opened.other(str(tmp_path))
    assert (await other.layers()).cluster.queue == "short"


async def test_the_first_job_list_brings_the_settings_with_it(opened, project):
    trips = opened.agent.round_trips
    overview = await opened.overview(ask_scheduler=False)
    assert opened.agent.round_trips == trips + 1
    layers = await opened.layers()
    assert opened.agent.round_trips == trips + 1
    assert layers.origins["queue"] == str(project / "cryodeck.toml")
    assert overview.warnings == layers.warnings
    assert (await opened.offline().layers()).environment == layers.environment


async def test_another_scheduler_than_the_profiles_is_asked_instead(
    project, opened, monkeypatch
):
    (project / "cryodeck.toml").write_text('scheduler = "sge"\n')
    asked = []
    ask = opened.ask

    async def listening(verb, **args):
        asked.append((verb, [query["name"] for query in args.get("queries", ())]))
        return await ask(verb, **args)

    monkeypatch.setattr(opened, "ask", listening)
    await opened.overview()
    assert asked == [
        ("overview.look", []),  # the profile knows none
        ("overview.look", ["qstat", "qstat -j", "qacct"]),
    ]
