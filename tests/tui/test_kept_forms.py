"""What is typed into a form survives a lost link and a closed terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.jobs.job import Job
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, seen, until
from tui.kept_forms import drop, keep, kept
from tui.screens.job import JobScreen

JOB = "Class2D/job014"  # a draft


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("tui.forms.form._KEEP_AFTER_S", 0.05)


def test_forms_are_kept_apart_and_private(tmp_path: Path) -> None:
    job = Job.new("autopick", "4.0").replace("log_diam_min", "123")
    keep("hpc1", "/p", "new autopick", job)
    found = kept("hpc1", "/p", "new autopick")
    assert found is not None
    again = found.job()
    assert again is not None
    assert again.values == job.values
    assert kept("hpc1", "/q", "new autopick") is None
    assert kept("hpc2", "/p", "new autopick") is None
    (file,) = (tmp_path / "forms").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_text("{")
    assert kept("hpc1", "/p", "new autopick") is None
    drop("hpc1", "/p", "new autopick")
    assert not list((tmp_path / "forms").iterdir())


async def test_what_was_typed_without_a_link_is_back_the_next_time() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, JOB, "form")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        await until(pilot, lambda: screen.form_pane is not None)
        space.cut()
        assert screen.form_pane is not None
        await screen.form_pane.go_to_field("fn_img")
        await pilot.press("ctrl+u", *"other.star")
        where = ("hpc1", space.project, JOB)
        await until(pilot, lambda: kept(*where) is not None)
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, JOB, "form")
        await seen(pilot, "other.star", "What you typed here")
        await pilot.press("escape")
        await seen(pilot, "Throw the changes away")
        await pilot.press("down", "enter")
        await until(pilot, lambda: kept("hpc1", space.project, JOB) is None)
    async with interface(FakeWorkspace(), size=(120, 40)) as pilot:
        await open_job(pilot, JOB, "form")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        await until(pilot, lambda: screen.form_pane is not None)
        assert screen.form_pane is not None
        assert not screen.form_pane.is_changed
