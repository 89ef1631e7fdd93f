"""`config show` says which settings count and where each comes from."""

import shutil
from dataclasses import fields

import pytest

from remote.agent.limits import USUAL
from remote.cluster import NO_KEYS, Cluster
from tui.cli.manual import ENVIRONMENT
from tui.graphics import wished
from tui.habits import Settings


@pytest.fixture
def settled(shell, tmp_path):
    """Commands in a small project, with a site's file and one of its own."""
    from tests.tui.cli.conftest import Shell

    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(shell.project / "default_pipeline.star", project)
    made = Shell(tmp_path / "home", project)
    site = tmp_path / "jobs.toml"
    site.write_text('memory = "4G"\nqueue = "short"\n')
    made.environment["CRYODECK_SITE_JOBS"] = str(site)
    (project / "cryodeck.toml").write_text('queue = "ours"\n')
    return made


def rows(shell, *words):
    said = shell.json("config", "show", *words)
    return {row["key"]: (row["value"], row["source"]) for row in said["settings"]}


def test_each_setting_has_its_origin(settled):
    found = rows(settled)
    assert found["memory"] == ("4G", settled.environment["CRYODECK_SITE_JOBS"])
    assert found["queue"] == ("ours", str(settled.project / "cryodeck.toml"))
    assert found["account"] == ("", "default")


def test_every_setting_that_there_is_stands_there_with_its_origin(settled, tmp_path):
    own = tmp_path / "home/config"
    own.mkdir(parents=True)
    (own / "settings.toml").write_text('notify = "none"\n[keys]\n"jobs.new" = "N"\n')
    site = tmp_path / "site.toml"
    site.write_text('pictures = "ascii"\ntheme = "cryodeck-light"\n')
    settled.environment["CRYODECK_SITE"] = str(site)
    settled.environment["RELION_QSUB_COMMAND"] = "sbatch"
    found = rows(settled)
    expected = {f"interface {f.name}" for f in fields(Settings)} - {"interface sources"}
    expected |= {f.name for f in fields(Cluster)} - {*NO_KEYS, "recent"}
    expected |= {f"limit {key}" for key in USUAL}
    expected |= {"host", "project", "profiles", "journal", "cache"}
    expected |= {n for names, _ in ENVIRONMENT for n in names.split(", ")}
    expected -= {"RELION_*"}
    assert expected - set(found) == set()
    assert found["interface notify"] == ("none", str(own / "settings.toml"))
    assert found["interface pictures"] == ("ascii", str(site))
    assert found["interface theme"] == ("cryodeck-light", str(site))
    assert found["interface mouse"] == ("True", "default")
    assert found["interface keys"] == ("jobs.new = N", str(own / "settings.toml"))
    assert found["RELION_QSUB_COMMAND"] == ("sbatch", "cluster's environment")
    assert found["CRYODECK_SITE"] == (str(site), "environment")
    assert found["CRYODECK_PICTURES"] == ("", "not set")
    assert found["limit memory_mb"] == ("400", "default")
    limits = tmp_path / "limits"
    limits.write_text("memory_mb = 200\n")
    settled.environment["CRYODECK_SITE_LIMITS"] = str(limits)
    found = rows(settled)
    assert found["limit memory_mb"] == ("200", str(limits))
    assert found["limit nice"] == ("10", "default")
    settled.environment["CRYODECK_PICTURES"] = "blocks"
    asked = rows(settled, "--offline")["interface pictures"]
    assert asked == ("blocks", "CRYODECK_PICTURES")


def test_the_sites_kind_of_pictures_counts_too(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYODECK_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CRYODECK_SITE", str(tmp_path / "site.toml"))
    (tmp_path / "site.toml").write_text('pictures = "ascii"\n')
    assert wished({}) == "ascii settings.toml"
    (tmp_path / "settings.toml").write_text('pictures = "blocks"\n')
    assert wished({}) == "blocks settings.toml"


def test_without_a_connection_only_the_profile_is_told(settled):
    assert rows(settled, "--offline")["queue"] == ("", "default")


def test_files_that_cannot_be_read_are_said(settled, tmp_path):
    elsewhere = tmp_path / "none"
    said = settled("--project", str(elsewhere), "config", "show")
    assert "The site's and the project's files are not read" in said.out + said.err
