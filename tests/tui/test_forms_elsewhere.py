"""Forms as text, forms beside each other, statistics as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from engine.errors import InputError
from engine.jobs.job import Job
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.forms.as_text import EditorError, edited, read_back
from tui.forms.form import FormPane
from tui.screens.job import JobScreen


async def test_two_selected_jobs_show_only_options_that_differ() -> None:
    space = FakeWorkspace()
    form = space.forms["AutoPick/job006"]
    space.forms["AutoPick/job012"] = form.replace("log_diam_max", "210")
    async with interface(space, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        screen.table.selected |= {"AutoPick/job006", "AutoPick/job012"}  # type: ignore[attr-defined]
        await pilot.press("d")
        await seen(pilot, "Max. diameter for LoG filter", "180", "210")
        assert "Min. diameter" not in screen_text(pilot)
        shown = screen_text(pilot)
        assert shown.index("180") < shown.index("210")
        await pilot.press("x")
        shown = screen_text(pilot)
        assert shown.index("210") < shown.index("180")


async def test_jobs_of_two_types_are_not_compared() -> None:
    async with interface(size=(120, 40)) as pilot:
        await pilot.press("space", "j", "space", "d")
        await seen(pilot, "Select two jobs of one type")


async def test_a_job_is_cloned_from_the_list() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        pilot.app.screen.table.go_to_job("AutoPick/job006")  # type: ignore[attr-defined]
        await pilot.press("c")
        await seen(pilot, "new Auto-picking", "micrographs_split1.star")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        assert screen.row is None
        assert not space.calls


def _editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    path = tmp_path / "editor.sh"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(path))
    return path


async def test_the_form_is_edited_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _editor(
        tmp_path, monkeypatch, "sed -i 's/log_diam_max  *180/log_diam_max 222/' $1\n"
    )
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "form")
        await seen(pilot, "micrographs_split1.star")
        await pilot.press("ctrl+g")
        pane = pilot.app.screen.query_one(FormPane)
        await until(pilot, lambda: pane.job.text("log_diam_max") == "222")
        await seen(pilot, "taken from the text")
        assert pane.is_changed


async def test_a_text_with_an_error_is_named_and_edited_again_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tmp_path / "once"
    _editor(
        tmp_path,
        monkeypatch,
        f"if [ -e {once} ]; then sed -i 's/BROKEN/data_joboptions_values/' $1\n"
        "else sed -i 's/log_diam_max  *180/log_diam_max 222/; "
        f"s/data_joboptions_values/BROKEN/' $1; touch {once}; fi\n",
    )
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "form")
        await seen(pilot, "micrographs_split1.star")
        await pilot.press("ctrl+g")
        await seen(pilot, "Not taken", "job.star", "Edit the text again")
        pane = pilot.app.screen_stack[-2].query_one(FormPane)
        assert pane.job.text("log_diam_max") == "180"
        await pilot.press("escape")
        await seen(pilot, "The text is not taken yet")
        await pilot.press("enter")
        await until(pilot, lambda: pane.job.text("log_diam_max") == "222")


def test_an_editor_that_cannot_be_started_gives_the_terminal_back(monkeypatch) -> None:
    resumed = []

    class Suspending:
        """Textual's way: what is raised while it is suspended keeps it so."""

        @contextmanager
        def suspend(self) -> Iterator[None]:
            yield
            resumed.append(True)

    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    with pytest.raises(EditorError, match="cannot be started"):
        edited(Suspending(), "text")
    assert resumed


def test_a_text_of_another_type_or_without_a_key_is_not_taken() -> None:
    job = Job.new("extract", "4.0")
    with pytest.raises(InputError, match="a form of"):
        read_back(job, Job.new("class2d", "4.0").to_star())
    lines = [line for line in job.to_star().splitlines() if "extract_size" not in line]
    with pytest.raises(InputError, match="extract_size"):
        read_back(job, "\n".join(lines))
    typo = job.to_star().replace("extract_size", "extract_syze")
    with pytest.raises(InputError, match="extract_size"):
        read_back(job, typo)
    assert read_back(job, job.to_star()).values == job.values


@pytest.mark.parametrize("ending", ["csv", "json"])
async def test_statistics_are_exported_and_never_replaced_unasked(
    ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"out.{ending}"
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006", "statistics")
        await seen(pilot, "particles picked")
        for _ in range(2):
            await pilot.press("e")
            await pilot.pause()
            pilot.app.screen.query_one(Input).value = str(path)
            await pilot.press("enter")
            await until(pilot, path.exists)
            await pilot.pause(0.05)
        await seen(pilot, f"Replace out.{ending}?")
    text = path.read_text()
    if ending == "json":
        values = json.loads(text)
        assert len(values["micrographs"]) == 5
        assert values["picks_total"] == sum(m["picks"] for m in values["micrographs"])
    else:
        rows = list(csv.DictReader(text.splitlines()))
        single = {r["column"]: r["value"] for r in rows if not r["table"]}
        picks = [
            int(r["value"])
            for r in rows
            if (r["table"], r["column"]) == ("micrographs", "picks")
        ]
        assert sum(picks) == int(single["picks_total"])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
