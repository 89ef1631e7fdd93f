"""The interface on a machine that slept for an hour: true ages, edits kept, news."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, seen, until
from tui.screens.job import JobScreen

HOUR_S = 3600.0


async def test_after_an_hour_asleep_ages_are_true_edits_kept_and_news_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    slept = 0.0
    wall = time.time
    space = FakeWorkspace()
    asked = 0
    overview = space.overview

    async def counted(**more: bool) -> object:
        nonlocal asked
        asked += 1
        return await overview(**more)

    monkeypatch.setattr(space, "overview", counted)
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "Class2D/job014", "form")
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        await until(pilot, lambda: screen.form_pane is not None)
        assert screen.form_pane is not None
        await screen.form_pane.go_to_field("fn_img")
        await pilot.press("ctrl+u", *"other.star")
        bridge = pilot.app.bridge
        bridge.cluster = replace(bridge.cluster, poll_s=HOUR_S)
        before = asked
        bridge.refresh()
        await until(pilot, lambda: asked > before)  # the next one is far away now
        space.cut()
        monkeypatch.setattr(time, "time", lambda: wall() + slept)
        slept = HOUR_S
        await seen(pilot, "60 min ago", "other.star")
        before = asked
        space.mend()
        await until(pilot, lambda: asked > before)  # not at the end of the interval
        await seen(pilot, "12 ms", "other.star")
        await until(pilot, lambda: time.time() - bridge.arrived_at < 60)
