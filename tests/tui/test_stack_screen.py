"""A stack of particles: pages, orders, marks, averages, and the way to a Select job."""

from __future__ import annotations

import pytest

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.screens.job import JobScreen
from tui.screens.stack import StackScreen
from tui.ticking import numbers_of, ranges_of

JOB = "Extract/job007"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_pages_turn_and_sort_by_a_column(size: tuple[int, int]) -> None:
    async with interface(size=size) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("T")
        await seen(pilot, "1 to 100 of 250", "particle 1 ", "space marks", "▀▀")
        await pilot.press("n")
        await seen(pilot, "101 to 200 of 250", "particle 101")
        screen = pilot.app.screen
        assert isinstance(screen, StackScreen)
        screen.tiles.scroll_end(animate=False)
        await pilot.pause()
        await pilot.press("pagedown")
        await seen(pilot, "201 to 250 of 250")
        await pilot.press("s", "down", "enter")
        await seen(pilot, "1 to 100 of 250", "by AutopickFigureOfMerit")
        values = [tile["value"] for tile in screen.tiles.tiles]
        assert values == sorted(values)
        await pilot.press("R")
        await until(
            pilot,
            lambda: screen.tiles.tiles[0]["value"] > screen.tiles.tiles[1]["value"],
        )


async def test_all_are_averaged_as_in_the_tutorial_and_the_marked_are_kept() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("T")
        await seen(pilot, "1 to 100 of 250")
        await pilot.press("v", "m")  # invert the selection, show its average
        await seen(pilot, "250 particles", "left: average", "right: standard deviation")
        path = f"{JOB}/particles.star"
        assert ("particle_average", path, None) in space.calls
        await pilot.press("escape")
        await seen(pilot, "250 marked")
        await pilot.press("v", "space", "right", "space", "n")
        await seen(pilot, "101 to 200 of 250")
        await pilot.press("space", "m")
        await seen(pilot, "3 particles")
        assert ("particle_average", path, [1, 2, 101]) in space.calls
        await pilot.press("escape", "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        form = pilot.app.screen
        assert isinstance(form, JobScreen)
        await until(pilot, lambda: form.form is not None)
        assert form.form is not None
        assert form.form.text("fn_data") == path
        assert form.form.text("cryodeck_rows") == "1-2,101"


async def test_one_particle_is_shown_with_all_that_is_known_of_it() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, JOB)
        await pilot.press("T")
        await seen(pilot, "1 to 100 of 250")
        await pilot.press("right", "enter")
        await seen(pilot, "particle 2", "ImageName 000002@Extract", "MicrographName")
        await pilot.press("right")
        await seen(pilot, "particle 3")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))


async def test_jobs_without_particles_have_no_stack() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job006")
        await pilot.press("T")
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, JobScreen)
        assert "T particles" not in screen_text(pilot)


def test_ranges_are_read_as_they_were_written() -> None:
    for numbers in ({1}, {1, 2, 3}, {1, 3, 4, 9, 10, 12}):
        assert numbers_of(ranges_of(numbers), 12) == numbers
    assert ranges_of(set()) == ""
