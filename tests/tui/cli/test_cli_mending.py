"""Deleted jobs brought back, left-over locks removed, spoilt pipelines mended."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "data" / "project"


@pytest.fixture
def old(shell, tmp_path):
    """Commands in a small project of RELION 3.1's."""
    folder = tmp_path / "old"
    shutil.copytree(DATA / "rel31", folder)
    return type(shell)(shell.home, folder)


def test_a_deleted_job_comes_back_as_it_was(apart):
    apart("new", "autopick", "--from", "LoG", "--alias", "gone")
    name = next(j["name"] for j in apart.json("jobs")["jobs"] if j["alias"] == "gone")
    form = (apart.project / name / "job.star").read_text()
    apart("delete", "gone", "--yes")
    assert not (apart.project / name).exists()
    assert name in apart("undelete").out
    assert apart.json("undelete", "gone")["jobs"] == [name]
    assert (apart.project / name / "job.star").read_text() == form
    assert (apart.project / "AutoPick/gone").resolve() == apart.project / name
    assert apart.states()[name] == "draft"
    assert "not among the deleted" in apart("undelete", "gone", code=2).err
    apart("delete", name, "--yes")


def test_an_old_lock_is_explained_and_removed_only_when_confirmed(apart):
    assert "not locked" in apart("unlock").out
    lock = apart.project / ".relion_lock"
    lock.mkdir()
    (lock / "lock_default_pipeline.star").write_text("a window of RELION\n")
    assert "somebody may be at work" in apart("unlock", "--yes", code=2).err
    old = time.time() - 600
    os.utime(lock, (old, old))
    said = apart("unlock", code=2).err
    assert re.search(r"does not say who it is, for 6\d\d s", said)
    assert "--yes" in said
    assert lock.is_dir()
    assert apart.json("unlock", "--yes")["removed"]
    assert not lock.exists()


def test_a_project_goes_to_a_newer_layout_and_says_what_changes(old):
    before = (old.project / "default_pipeline.star").read_text()
    told = old.json("convert", "4.0", "--dry-run")
    assert told["changes"]
    assert (old.project / "default_pipeline.star").read_text() == before
    said = old("convert", "4.0").out
    assert "from RELION 3.1's layout to 4.0's" in said
    assert old.json("jobs")["version"] == "4.0"
    assert "already" in old("convert", "4.0").out
    assert "upwards" in old("convert", "3.1", code=2).err


def test_spoilt_labels_are_found_by_the_doctor_and_mended(old):
    old("convert", "4.0")
    pipeline = old.project / "default_pipeline.star"
    text = pipeline.read_text()
    spoilt = text.replace("ParticlesData.star.relion", "MicrographsCoords.star.relion")
    assert spoilt != text
    pipeline.write_text(spoilt)
    told = old.json("doctor")
    found = [f for f in told["findings"] if f["check"] == "pipeline"]
    assert len(found) == 1
    assert "should be ParticlesData" in found[0]["says"]
    wrong = old.json("repair", "--dry-run")["mended"]
    assert wrong
    done = old.json("repair")
    assert done["mended"] == wrong
    assert (old.project / done["backup"]).read_text() == spoilt
    assert old.json("repair")["mended"] == []


@pytest.mark.relion
def test_the_doctor_warns_of_a_relion_older_than_the_project(old):
    assert _relion(old)["level"] == "ok"
    old("convert", "4.0")
    found = _relion(old)
    assert found["level"] == "warning"
    assert "layout of 4.0" in found["says"]


def _relion(old):
    told = old.json("doctor")
    return next(f for f in told["findings"] if f["check"] == "RELION")
