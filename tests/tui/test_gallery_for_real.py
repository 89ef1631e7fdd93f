"""Classes chosen by keys in the gallery become a real Select job that RELION reads."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.widgets import Checkbox

from engine.io.mrc import read_images
from engine.io.star import read_star
from engine.programs.select_classes import scores_of
from remote.cluster import load
from remote.views import JobState
from tests.support import gallery_project
from tests.support.engine_jobs import run_relion
from tests.support.interface import seen, until
from tests.support.worked_example import CLASSIFIED
from tui.app import CryodeckApp
from tui.screens.gallery import GalleryPane
from tui.screens.job import JobScreen
from tui.screens.keep_classes import KeepClasses

pytestmark = pytest.mark.relion
CLASSES = "Class2D/job001"


@asynccontextmanager
async def gallery_of(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Any, GalleryPane]]:
    """The gallery of the project's first job, opened through a real local agent."""
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"CRYODECK_{kind}_HOME", str(tmp_path / kind))
    cluster = load("local")  # with the engine of this environment
    app = CryodeckApp(host="local", project=str(project), clusters=[cluster])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.bridge.overview is not None, 30)
        row = app.bridge.job(CLASSES)
        screen = JobScreen(cluster, str(project), row, tab="pictures")
        await app.push_screen(screen)
        await until(pilot, lambda: [*screen.query(GalleryPane)])
        pane = screen.query_one(GalleryPane)
        await until(pilot, lambda: pane.view.tiles, 30)
        yield pilot, pane
        await app.bridge.close()


async def finished(pilot: Any, name: str) -> None:
    """Wait for a job to end well."""
    bridge = pilot.app.bridge

    def is_over() -> bool:
        row = bridge.job(name)
        if row is not None and row.verdict.state is JobState.FAILED:
            raise AssertionError(row.verdict.reason)
        return row is not None and row.verdict.state is JobState.SUCCEEDED

    await until(pilot, is_over, 60)


def relion_reads(project: Path, name: str) -> None:
    """One coarse iteration of RELION's on the kept particles, the averages as start."""
    run_relion(
        project,
        *(
            "relion_refine",
            "--i",
            f"{name}/particles.star",
            "--o",
            f"{name}/next",
            "--iter",
        ),
        *("1", "--ref", f"{name}/class_averages.star", "--ctf", "--oversampling", "0"),
        *("--psi_step", "60", "--offset_range", "1", "--offset_step", "2", "--norm"),
        *("--scale", "--particle_diameter", "100", "--random_seed", "1"),
    )
    kept = read_star(project / name / "particles.star")["particles"]
    again = read_star(project / name / "next_it001_data.star")["particles"]
    assert len(again) == len(kept)


async def test_marked_inverted_averaged_and_kept_with_recentering(
    tmp_path, monkeypatch
):
    project = tmp_path / "project"
    gallery_project.with_classes(project)
    async with gallery_of(project, tmp_path, monkeypatch) as (pilot, pane):
        view = pane.view
        assert [tile["number"] for tile in view.tiles] == [1, 2, 3]  # by share
        await pilot.press("right", "space", "v")  # all but the second
        assert view.marked == {1, 3}
        await pilot.press("m")
        await seen(pilot, "left: average of their values")
        await pilot.press("escape", "S")
        await seen(pilot, "Keep these classes?", "2 classes, 65.3 %", "iteration 3")
        await pilot.press("enter")
        await finished(pilot, "Select/job002")
    data = read_star(project / f"{CLASSIFIED}_data.star")["particles"]
    number = data.integers("rlnClassNumber")
    kept = read_star(project / "Select/job002/particles.star")["particles"]
    is_kept = np.isin(number, [1, 3])
    names = np.array(data.text("rlnImageName"))[is_kept]
    assert list(kept.text("rlnImageName")) == list(names)
    averages = read_images(project / "Select/job002/class_averages.mrcs")
    assert averages.shape == (2, 32, 32)
    given = read_images(project / f"{CLASSIFIED}_classes.mrcs")[[0, 2]]
    assert not np.allclose(averages, given)  # they were moved to their centers
    assert (project / "Select/templates4autopick").exists()
    relion_reads(project, "Select/job002")


async def test_the_form_is_opened_for_regrouping_and_classes_are_clicked(
    tmp_path, monkeypatch
):
    project = tmp_path / "project"
    gallery_project.with_classes(project)
    async with gallery_of(project, tmp_path, monkeypatch) as (pilot, pane):
        view = pane.view
        for at in (0, 1):
            await pilot.click(view, offset=(at * view.tile_width + 4, 3))
        assert view.marked == {1, 2}
        await pilot.press("S")
        await until(pilot, lambda: isinstance(pilot.app.screen, KeepClasses))
        dialog = pilot.app.screen
        await pilot.press("tab", "space")  # no re-centering
        assert not dialog.query_one(Checkbox).value
        await pilot.press("tab", *"two", "enter")  # no score
        await seen(pilot, "two: a score is a number from 0 to 1")
        await pilot.press(*["backspace"] * 3, *"0.4")
        with contextlib.chdir(project):
            _, particles = scores_of(f"{CLASSIFIED}_model.star")
        left = sum(sum(particles[k][:8]) for k in (1, 2))
        every = sum(sum(particles[k]) for k in (1, 2))
        await seen(pilot, f"leaves out about {left} of {every} particles (")
        await pilot.press("tab", "tab", "enter")  # the form
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await seen(pilot, "Subset selection", f"{CLASSIFIED}_model.star")
        form = pilot.app.screen
        await until(pilot, lambda: form.form_pane is not None)
        assert form.form.text("cryodeck_min_particle_score") == "0.4"
        form.form_pane.set_values({"do_regroup": "Yes", "nr_groups": "2"})
        await pilot.press("ctrl+r")
        await seen(pilot, "Runs from the start in Select/jobNNN", "Back")
        await pilot.press("enter")
        await finished(pilot, "Select/job002")
    kept = read_star(project / "Select/job002/particles.star")["particles"]
    assert set(kept.integers("rlnClassNumber")) == {1, 2}
    assert len(kept) == every - left  # 0.4 is the border of a step
    assert len(set(kept.text("rlnGroupName"))) == 2
    averages = read_star(project / "Select/job002/class_averages.star")
    (table,) = averages.values()
    images = [f"{n}@{CLASSIFIED}_classes.mrcs" for n in ("000001", "000002")]
    assert list(table.text("rlnReferenceImage")) == images  # as they were
    relion_reads(project, "Select/job002")


async def test_classes_of_a_job_that_still_runs_are_kept(tmp_path, monkeypatch):
    project = tmp_path / "project"
    running = gallery_project.with_running_classes(project)
    try:
        async with gallery_of(project, tmp_path, monkeypatch) as (pilot, pane):
            await until(pilot, lambda: (pane.shown or 0) >= 2, 30)
            await pilot.press("space", "S", *"early", "enter")
            number = pane.view.current["number"]
            await finished(pilot, "Select/job002")
            assert running.poll() is None
            row = pilot.app.bridge.job(CLASSES)
            assert row.verdict.state is JobState.RUNNING
    finally:
        running.kill()
        running.wait()
    form = (project / "Select/job002/job.star").read_text()
    (iteration,) = re.findall(rf"{CLASSES}/run_it(\d+)_model.star", form)
    assert int(iteration) >= 2
    data = read_star(project / f"{CLASSES}/run_it{iteration}_data.star")["particles"]
    is_kept = data.integers("rlnClassNumber") == number
    kept = read_star(project / "Select/job002/particles.star")["particles"]
    assert len(kept) == is_kept.sum() > 0
