"""What the link carries and what cryodeck costs its login node, on one screen."""

from remote.schedulers.queues import QueueLimits
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


async def test_queues_show_what_is_free_and_where_this_projects_jobs_are() -> None:
    space = FakeWorkspace()
    space.queue_limits = {
        "gpu": QueueLimits(
            name="gpu",
            is_default=True,
            nodes=2,
            cores=64,
            cores_idle=16,
            cores_per_node=32,
            memory_mb=262144,
            gpus_per_node=4,
            max_time_s=86400,
        ),
        "old": QueueLimits(name="old", nodes=1, cores=8, cores_per_node=8),
    }
    async with interface(space, size=(120, 40)) as pilot:
        await pilot.press("Q")
        await seen(pilot, "* gpu", "16 of 64 cores free", "4 GPUs", "8 cores")
        await seen(pilot, "Queued  Extract/job013", "Running  AutoPick/job012")
        await seen(pilot, "Stopped without success", "Out of memory  AutoPick/job010")
        await pilot.press("escape")
        await seen(pilot, "Progress or result")
