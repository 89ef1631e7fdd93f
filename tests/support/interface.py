"""The terminal interface on a workspace in memory, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from remote.cluster import Cluster
from remote.prompts import Prompts
from tests.support.fake_workspace import FakeWorkspace
from tui.app import CryodeckApp
from tui.graphics import PictureMode

CLUSTERS = [
    Cluster(name="local", session="local"),
    Cluster(name="hpc1", host="login.hpc1.example.org", scheduler="slurm"),
]


@asynccontextmanager
async def interface(
    workspace: FakeWorkspace | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    host: str = "hpc1",
    read_only: bool = False,
    opener: Any = None,
    pictures: PictureMode | None = None,
) -> AsyncIterator[Pilot[int]]:
    """An open interface; `pilot.app.bridge.workspace` is the project."""
    space = workspace or FakeWorkspace()

    async def give(cluster: Cluster, project: str, prompts: Prompts) -> FakeWorkspace:
        space.cluster = cluster
        return space

    app = CryodeckApp(
        host=host,
        project=space.project if host else "",
        read_only=read_only,
        opener=opener or give,
        clusters=CLUSTERS,
        pictures=pictures,
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        if host and opener is None:
            await until(pilot, lambda: app.bridge.overview is not None)
            await pilot.pause()
        yield pilot
        await app.bridge.close()


async def until(
    pilot: Pilot[int], holds: Callable[[], Any], seconds: float = 5.0
) -> None:
    """Wait until something holds; says what never did."""
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await pilot.pause(0.02)
        await asyncio.sleep(0)
    message = f"never held: {holds}\n{screen_text(pilot)}"
    raise AssertionError(message)


def screen_text(pilot: Pilot[int]) -> str:
    """What stands on the screen, as text."""
    app = pilot.app
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(s.text for s in strip)[:width] for strip in lines[:height])


async def seen(pilot: Pilot[int], *texts: str) -> None:
    """Wait until texts stand on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts))


async def open_job(pilot: Pilot[int], name: str, tab: str = "overview") -> None:
    """Open a job's screen at a tab."""
    from tui.screens.jobs import JobsScreen

    screen = pilot.app.screen
    assert isinstance(screen, JobsScreen)
    row = next(row for row in screen.table.rows if row.name == name)
    screen.open_job(row, tab)
    await seen(pilot, name)
    await pilot.pause()
