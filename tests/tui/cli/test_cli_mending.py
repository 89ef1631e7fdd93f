"""Deleted jobs brought back, left-over locks removed, spoilt pipelines mended."""

import os
import shutil
import time
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "data" / "project"


@pytest.fixture
def project(shell, tmp_path):
    """A small project of RELION 3.1's, in place of the practice project."""
    folder = tmp_path / "old"
    shutil.copytree(DATA / "rel31", folder)
    before, shell.project = shell.project, folder
    yield folder
    shell.project = before


def test_a_deleted_job_comes_back_as_it_was(shell):
    shell("new", "autopick", "--from", "LoG", "--alias", "gone")
    name = next(j["name"] for j in shell.json("jobs")["jobs"] if j["alias"] == "gone")
    form = (shell.project / name / "job.star").read_text()
    shell("delete", "gone", "--yes")
    assert not (shell.project / name).exists()
    assert name in shell("undelete").out
    assert shell.json("undelete", "gone")["jobs"] == [name]
    assert (shell.project / name / "job.star").read_text() == form
    assert (shell.project / "AutoPick/gone").resolve() == shell.project / name
    assert shell.states()[name] == "draft"
    assert "not among the deleted" in shell("undelete", "gone", code=2).err
    shell("delete", name, "--yes")


def test_an_old_lock_is_explained_and_removed_only_when_confirmed(shell):
    assert "not locked" in shell("unlock").out
    lock = shell.project / ".relion_lock"
    lock.mkdir()
    (lock / "lock_default_pipeline.star").write_text("a window of RELION\n")
    assert "somebody may be at work" in shell("unlock", "--yes", code=2).err
    old = time.time() - 600
    os.utime(lock, (old, old))
    said = shell("unlock", code=2).err
    assert "does not say who it is, for 600 s" in said
    assert "--yes" in said
    assert lock.is_dir()
    assert shell.json("unlock", "--yes")["removed"]
    assert not lock.exists()


def test_a_project_goes_to_a_newer_layout_and_says_what_changes(shell, project):
    before = (project / "default_pipeline.star").read_text()
    told = shell.json("convert", "4.0", "--dry-run")
    assert told["changes"]
    assert (project / "default_pipeline.star").read_text() == before
    said = shell("convert", "4.0").out
    assert "from RELION 3.1's layout to 4.0's" in said
    assert shell.json("jobs")["version"] == "4.0"
    assert "already" in shell("convert", "4.0").out
    assert "upwards" in shell("convert", "3.1", code=2).err


def test_spoilt_labels_are_found_by_the_doctor_and_mended(shell, project):
    shell("convert", "4.0")
    pipeline = project / "default_pipeline.star"
    text = pipeline.read_text()
    spoilt = text.replace("ParticlesData.star.relion", "MicrographsCoords.star.relion")
    assert spoilt != text
    pipeline.write_text(spoilt)
    told = shell.json("--project", str(project), "doctor")
    found = [f for f in told["findings"] if f["check"] == "pipeline"]
    assert len(found) == 1
    assert "should be ParticlesData" in found[0]["says"]
    wrong = shell.json("repair", "--dry-run")["mended"]
    assert wrong
    done = shell.json("repair")
    assert done["mended"] == wrong
    assert (project / done["backup"]).read_text() == spoilt
    assert shell.json("repair")["mended"] == []


@pytest.mark.relion
def test_the_doctor_warns_of_a_relion_older_than_the_project(shell, project):
    assert _relion(shell, project)["level"] == "ok"
    shell("convert", "4.0")
    found = _relion(shell, project)
    assert found["level"] == "warning"
    assert "layout of 4.0" in found["says"]


def _relion(shell, project):
    told = shell.json("--project", str(project), "doctor")
    return next(f for f in told["findings"] if f["check"] == "RELION")
