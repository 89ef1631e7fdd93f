"""`config show` says which settings count and where each comes from."""

import shutil

import pytest


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


def test_without_a_connection_only_the_profile_is_told(settled):
    assert rows(settled, "--offline")["queue"] == ("", "default")


def test_files_that_cannot_be_read_are_said(settled, tmp_path):
    elsewhere = tmp_path / "none"
    said = settled("--project", str(elsewhere), "config", "show")
    assert "The site's and the project's files are not read" in said.out + said.err
