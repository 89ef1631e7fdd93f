"""What the link carries and what cryodeck costs its login node, on one screen."""

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, seen
from tui.screens.jobs import JobsScreen


async def test_the_link_and_its_costs_are_a_key_away() -> None:
    async with interface(FakeWorkspace()) as pilot:
        await seen(pilot, "AutoPick/job012")
        await pilot.press("f11")
        await seen(pilot, "12 ms", "1,234", "4.8 MB", "500.0 kB a minute")
        await seen(pilot, "1.25 s, and 0.50 s of what it started", "58.0 MB")
        await seen(pilot, "the site's", "200 MB", "every 30 s at most")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        await pilot.press("colon", *"about", "enter")
        await seen(pilot, "one process, which ends with the link")
