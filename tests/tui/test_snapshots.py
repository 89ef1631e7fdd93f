"""The main screens as they look, cell by cell and color by color.

A picture that differs fails the test; `snapshot_report.html` shows both side by side.
If the change is meant: `make snapshots`, look at each, and commit them.
"""

from __future__ import annotations

import difflib
import html
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from remote.cluster import Cluster
from remote.prompts import Prompts
from remote.views import LinkState
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import CLUSTERS, open_job, seen, until
from tui.app import CryodeckApp
from tui.graphics import PictureMode
from tui.habits import Settings

PICTURES = Path(__file__).with_name("__snapshots__") / Path(__file__).stem
NOW = 1_790_000_000.0  # a Monday in September 2026
Steps = Callable[[Pilot[int]], Awaitable[None]]
Looks = Callable[..., None]
NARROW, WIDE = (80, 24), (120, 40)


@pytest.fixture
def looks(
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Looks:
    """A screen against its picture: at a fixed time, without a blinking cursor."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(Input, "cursor_blink", False)

    def compare(
        steps: Steps,
        size: tuple[int, int] = WIDE,
        *,
        host: str = "hpc1",
        theme: str = "cryodeck-dark",
    ) -> None:
        space = FakeWorkspace()

        async def give(
            cluster: Cluster, project: str, prompts: Prompts
        ) -> FakeWorkspace:
            space.cluster = cluster
            return space

        app = CryodeckApp(
            host=host,
            project=space.project if host else "",
            opener=give,  # type: ignore[arg-type]
            clusters=CLUSTERS,
            pictures=PictureMode(),
            settings=Settings(tour=False, theme=theme),
        )

        async def before(pilot: Pilot[int]) -> None:
            app.animation_level = "none"
            if host:
                await until(pilot, lambda: app.bridge.overview is not None)
                await until(pilot, lambda: app.bridge.link.state is LinkState.CONNECTED)
            await steps(pilot)
            await until(pilot, lambda: not app._notifications)
            # its parts hear of things one after the other, on a busy machine seconds
            # apart: wait for the picture, and compare what never became it
            for _ in range(100):
                shown.append(app.export_screenshot(simplify=True))
                if drawn(shown[-1]) == drawn(expected):
                    break
                await pilot.pause(0.1)

        shown: list[str] = []
        kept = PICTURES / f"{request.node.name}.svg"
        expected = kept.read_text(encoding="utf-8") if kept.is_file() else ""
        is_same = snap_compare(app, terminal_size=size, run_before=before)
        assert is_same, difference(expected, shown[-1])

    return compare


def drawn(svg: str) -> str:
    """A picture without the names that are new in each drawing."""
    return re.sub(r"terminal-\d+", "terminal", svg).strip()


def difference(expected: str, shown: str) -> str:
    """Lines of two pictures that differ; the report shows their colors too."""
    lines = difflib.unified_diff(
        lines_of(expected), lines_of(shown), "as it was", "as it is", lineterm="", n=1
    )
    words = "\n".join(lines) or "the same words in other colors"
    return f"the screen has changed; snapshot_report.html shows how\n{words}"


def lines_of(svg: str) -> list[str]:
    """What is written in a picture, line by line."""
    found: dict[float, str] = {}
    for x, y, text in re.findall(
        r'<text [^>]*x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)<', svg
    ):
        line = found.get(float(y), "")
        found[float(y)] = line.ljust(round(float(x) / 12.2)) + html.unescape(text)
    return [found[y].rstrip() for y in sorted(found)]


def test_a_difference_is_told_in_words() -> None:
    text = '<text class="a" x="0" y="20" b="c">&#160;one</text>'
    other = text.replace("one", "two")
    assert lines_of(text) == ["\xa0one"]
    assert "-\xa0one\n+\xa0two" in difference(text, other)
    assert "other colors" in difference(text, text)


async def nothing(pilot: Pilot[int]) -> None:
    await seen(pilot, "AutoPick/job012", "Out of memory")


def job(name: str, tab: str, *texts: str, keys: tuple[str, ...] = ()) -> Steps:
    """Open a job at a tab, wait for what stands there, press keys."""

    async def steps(pilot: Pilot[int]) -> None:
        await nothing(pilot)
        await open_job(pilot, name, tab)
        await seen(pilot, *texts)
        await pilot.pause(0.3)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.1)

    return steps


def keys(*pressed: str, shows: tuple[str, ...]) -> Steps:
    """Press keys in the job list, wait for what they show."""

    async def steps(pilot: Pilot[int]) -> None:
        await nothing(pilot)
        for key in pressed:
            await pilot.press(key)
            await pilot.pause()
        await seen(pilot, *shows)
        await pilot.pause(0.3)

    return steps


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
def test_job_list(looks: Looks, size: tuple[int, int]) -> None:
    looks(nothing, size)


@pytest.mark.parametrize("theme", ["cryodeck-light", "cryodeck-contrast"])
def test_job_list_in_other_colors(looks: Looks, theme: str) -> None:
    looks(nothing, NARROW, theme=theme)


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
def test_form(looks: Looks, size: tuple[int, int]) -> None:
    steps = keys("n", "4", shows=("Input micrographs for autopick", "Run!"))
    looks(steps, size)


def test_overview(looks: Looks) -> None:
    looks(job("AutoPick/job006", "overview", "Evidence", "What Continue!", "Next"))


def test_log(looks: Looks) -> None:
    looks(job("AutoPick/job006", "log", "run.out", "Done!"), NARROW)


def test_statistics_of_picking(looks: Looks) -> None:
    looks(job("AutoPick/job006", "statistics", "particles picked", "Figure of merit"))


def test_statistics_of_classes(looks: Looks) -> None:
    looks(job("Class2D/job008", "statistics", "Class distribution"))


def test_gallery(looks: Looks) -> None:
    steps = job(
        "Class2D/job008",
        "pictures",
        "1 25.0%",
        keys=("space", "right", "right", "space", "down"),
    )
    looks(steps, NARROW)


def test_micrograph(looks: Looks) -> None:
    looks(job("AutoPick/job006", "pictures", "20170629_00021", "picks"), NARROW)


def test_hunt(looks: Looks) -> None:
    looks(job("AutoPick/job011", "overview", "What Continue!", keys=("H",)), NARROW)


def test_ticking(looks: Looks) -> None:
    looks(job("ManualPick/job005", "overview", "Evidence", keys=("P",)), NARROW)


def test_clusters(looks: Looks) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        await seen(pilot, "Clusters", "hpc1")
        await pilot.press("down")
        await pilot.pause(0.2)

    looks(steps, NARROW, host="")


def test_keys(looks: Looks) -> None:
    looks(keys("question_mark", shows=("Keys here",)), NARROW)


def test_command_line(looks: Looks) -> None:
    looks(keys("colon", shows=("the job list, filtered",)), NARROW)


def test_palette(looks: Looks) -> None:
    looks(keys("ctrl+p", *"alias", shows=("Alias",)), NARROW)


def test_graph(looks: Looks) -> None:
    looks(keys("w", shows=("Import/job001",)), NARROW)


def test_what_continue_will_do(looks: Looks) -> None:
    steps = job("AutoPick/job006", "form", "Laplacian", keys=("ctrl+r",))
    looks(steps, NARROW)
