"""Which job, which project and which front end the words mean."""

from pathlib import Path

import pytest

from remote.cluster import Cluster, save
from remote.views import JobRow, JobState, Overview, Verdict
from tui.__main__ import wants_interface
from tui.cli import interface
from tui.cli.failure import CommandFailure
from tui.cli.invocation import find_job


def job(name, alias="", type_key="autopick"):
    return JobRow(
        name=name,
        number=int(name[-3:]),
        type=type_key,
        type_label="relion.autopick",
        alias=alias,
        status="Succeeded",
        verdict=Verdict(state=JobState.SUCCEEDED, reason="RELION's marker"),
    )


@pytest.fixture
def overview():
    jobs = (
        job("AutoPick/job006", "AutoPick/LoG/"),
        job("Extract/job007", "LoG"),
        job("AutoPick/job011", "AutoPick/optimise_params/"),
    )
    return Overview(
        project="/p", version="4.0", jobs=jobs, taken_at=0.0, scheduler_asked_at=None
    )


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("6", "AutoPick/job006"),
        ("006", "AutoPick/job006"),
        ("job011", "AutoPick/job011"),
        ("AutoPick/job006/", "AutoPick/job006"),
        ("optimise_params", "AutoPick/job011"),
        ("AutoPick/LoG", "AutoPick/job006"),
        ("Extract/LoG", "Extract/job007"),
    ],
)
def test_a_job_is_found_by_number_name_and_alias(overview, word, name):
    assert find_job(overview, word).name == name


def test_an_alias_that_two_jobs_share_is_refused_with_a_way_out(overview):
    with pytest.raises(CommandFailure, match="write Extract/LoG or a number"):
        find_job(overview, "LoG")


def test_an_unknown_job_names_the_nearest(overview):
    with pytest.raises(CommandFailure, match="did you mean optimise_params"):
        find_job(overview, "optimize_params")


@pytest.mark.parametrize(
    ("words", "opens"),
    [
        ([], True),
        (["--host", "lab"], True),
        (["--project=/p", "--read-only"], True),
        (["--host"], False),
        (["--help"], False),
        (["--json"], False),
        (["jobs"], False),
        (["--host", "lab", "jobs"], False),
    ],
)
def test_the_interface_opens_only_where_no_command_is_named(words, opens):
    assert wants_interface(words) is opens


@pytest.mark.parametrize(
    ("session", "given", "meant"),
    [
        ("ssh", "HOME/betagal", "~/betagal"),  # the shell here has put its home in
        ("ssh", "HOME", "~"),
        ("ssh", "HOMEsick/betagal", "HOMEsick/betagal"),
        ("ssh", "/data/betagal", "/data/betagal"),
        ("local", "HOME/betagal", "HOME/betagal"),
    ],
)
def test_a_tilde_is_the_home_of_the_cluster_not_of_this_machine(session, given, meant):
    home = str(Path("~").expanduser())
    cluster = Cluster(name="lab", session=session)
    found = cluster.meant(given.replace("HOME", home))
    assert found == meant.replace("HOME", home)


@pytest.mark.parametrize(
    ("words", "environment", "opened"),
    [
        ([], {}, ("", "here")),
        (["--read-only"], {}, ("", "here")),
        (["--host", "lab"], {}, ("lab", "")),
        (["--host", "unknown"], {}, ("unknown", "")),
        (["--host", "local"], {}, ("local", "here")),
        (["--project", "other"], {}, ("", "other")),
        ([], {"CRYODECK_HOST": "lab"}, ("lab", "")),
    ],
)
@pytest.mark.parametrize("inside", ["", "Micrographs/raw"])
def test_the_interface_opens_the_project_it_is_started_in(
    words, environment, opened, inside, tmp_path, monkeypatch
):
    for key in ("CRYODECK_HOST", "CRYODECK_PROJECT"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("CRYODECK_CONFIG_HOME", str(tmp_path / "config"))
    save(Cluster(name="lab", host="login.example.org"))
    (tmp_path / inside).mkdir(parents=True, exist_ok=True)
    (tmp_path / "default_pipeline.star").touch()
    monkeypatch.chdir(tmp_path / inside)
    asked = {}
    monkeypatch.setattr(interface, "run_interface", lambda **a: asked.update(a) or 0)
    assert interface.open_interface(words) == 0
    host, project = opened
    expected = str(tmp_path) if project == "here" else project
    assert (asked["host"], asked["project"]) == (host, expected)


def test_elsewhere_the_interface_asks_which_project(tmp_path, monkeypatch):
    for key in ("CRYODECK_HOST", "CRYODECK_PROJECT"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.chdir(tmp_path)
    asked = {}
    monkeypatch.setattr(interface, "run_interface", lambda **a: asked.update(a) or 0)
    assert interface.open_interface([]) == 0
    assert asked["project"] == ""
