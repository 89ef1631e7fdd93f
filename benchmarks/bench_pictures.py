"""What pictures cost a terminal's line: bytes of every view, by kind of pictures.

    python benchmarks/bench_pictures.py [--json FILE]

Fifty real class averages (RELION's, of EMPIAR-10017) in the gallery and a noisy
micrograph with its picks, in an interface of 150 x 48 cells of 9 x 18 pixels without a
terminal: what it would be sent is counted, text and pixels apart. "far" is the budget
of a line (`view_bytes`) where cryodeck itself runs at the other end of an SSH; what
follows there while nobody does anything is counted by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from remote.agent import grey  # noqa: E402
from tests.support.fake_workspace import FakeWorkspace  # noqa: E402
from tests.support.interface import interface, until  # noqa: E402
from tui.graphics import PictureMode  # noqa: E402
from tui.pixel_layer import PixelLayer  # noqa: E402
from tui.screens.job import JobScreen  # noqa: E402
from tui.sent_cells import Painting, SentCells  # noqa: E402

STACK = ROOT / "tests/data/class2d/real/classes.mrcs"
_LITTLE = 1000  # bytes a second
SIZE, CELL, BOX, COUNT = (150, 48), (9, 18), 64, 50
MODES = {
    "half-blocks": PictureMode(),
    "sixel": PictureMode(kind="sixel", cell=CELL),
    "sixel, far": PictureMode(kind="sixel", cell=CELL, view_bytes=100_000),
    "kitty": PictureMode(kind="kitty", cell=CELL),
    "kitty, far": PictureMode(kind="kitty", cell=CELL, view_bytes=100_000),
}


class RealClasses(FakeWorkspace):
    """The pretended project with RELION's own class averages in it."""

    tiles: list[dict[str, Any]]

    async def gallery(
        self,
        name: str,
        iteration: int | None = None,
        *,
        max_tile: int = 64,
        numbers: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        """Fifty of them."""
        wanted = numbers or range(1, COUNT + 1)
        return {
            "iteration": iteration or 25,
            "iterations": [25],
            "model": "Class2D/job008/run_it025_model.star",
            "tiles": [dict(self.tiles[n - 1]) for n in wanted],
        }


def real_tiles() -> list[dict[str, Any]]:
    """Class averages as the agent sends them."""
    data = STACK.read_bytes()[1024:]
    tiles = []
    for k in range(COUNT):
        values = struct.unpack_from(f"<{BOX * BOX}e", data, 2 * k * BOX * BOX)
        rows = [list(values)]
        pixels = grey.coarser(grey.to_bytes(rows), 64)
        tiles.append(
            {
                "number": k + 1,
                "distribution": 0.1 / (k + 1),
                "resolution": 8.0 + (COUNT - k) / 10,
                "width": BOX,
                "height": BOX,
                "pixels": pixels,
            }
        )
    return tiles


class Meter:
    """Bytes since the last look, and CPU seconds."""

    def __init__(self) -> None:
        self.text = self.pixels = 0
        self.started = time.process_time()
        meter, painting = self, SentCells.painting

        def painted(cells: SentCells, update: Any) -> Painting:
            found = painting(cells, update)
            meter.text += len(found.text.encode())
            return found

        def written(layer: PixelLayer, text: str) -> None:
            meter.pixels += len(text)

        SentCells.painting = painted  # type: ignore[method-assign]
        PixelLayer.write = written  # type: ignore[method-assign]

    def read(self) -> dict[str, float]:
        """Numbers of a step; the next begins."""
        now = time.process_time()
        found = {
            "text": self.text,
            "pixels": self.pixels,
            "cpu_s": round(now - self.started, 2),
        }
        self.text = self.pixels = 0
        self.started = now
        return found


def has_come(screen: Any) -> bool:
    """Whether the pictures of a view are there."""
    if screen.app.pictures.has_pixels:
        return bool(screen.app.pixels._shown)
    if screen.query("TileView"):
        return bool(screen.query_one("TileView").tiles)
    views = screen.query("PictureView")
    return bool(views) and views.first().picture is not None


async def measure(mode: PictureMode, meter: Meter) -> dict[str, dict[str, float]]:
    """Every step of one kind of pictures."""
    space = RealClasses()
    space.tiles = real_tiles()
    found: dict[str, dict[str, float]] = {}
    is_idle = (
        asyncio.Event()
    )  # the terminal has drawn what it was sent, and it is quiet
    PixelLayer.drawn = lambda _: is_idle.wait()  # type: ignore[method-assign,assignment]
    async with interface(space, size=SIZE, pictures=mode) as pilot:
        app = pilot.app

        async def settled() -> None:
            """Wait until next to nothing is sent any more: ages go on."""
            before = -_LITTLE
            while meter.text + meter.pixels - before >= _LITTLE:
                before = meter.text + meter.pixels
                await pilot.pause(1.0)

        async def step(words: str, *keys: str) -> None:
            await settled()
            meter.read()
            before = set(app.pixels._shown)
            for key in keys:
                await pilot.press(key)
            if mode.has_pixels and not words.startswith("cursor"):
                await until(pilot, lambda: set(app.pixels._shown) - before, 60)
            await settled()
            found[words] = meter.read()

        for job, tab in (("class2d", "gallery"), ("autopick", "micrograph")):
            rows = app.bridge.overview.jobs
            row = next(r for r in rows if r.type == job and r.verdict.state.is_over)
            screen: Any = app.screen
            meter.read()
            await app.push_screen(
                JobScreen(screen.cluster, screen.project, row, tab="pictures")
            )
            await pilot.pause(1)
            await until(pilot, lambda: has_come(app.screen), 60)
            await settled()
            found[f"{tab} opened"] = meter.read()
            if tab == "gallery":
                await step("cursor moved and class marked", "right", "space")
                await step("sorted by resolution", "s")
                await step("one class large", "enter")
                await step("back to all", "escape")
            else:
                await step("next micrograph", "n")
                await step("circles off", "o")
                is_idle.set()
                await settled()
                found["sharpened afterwards"] = meter.read()
            await pilot.press("escape")
            await pilot.pause(0.3)
    return found


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    meter = Meter()
    results = {name: asyncio.run(measure(mode, meter)) for name, mode in MODES.items()}
    print("| view |", " | ".join(results), "|")
    print("|---|" + "---|" * len(results))
    for view in next(iter(results.values())):
        cells = [
            f"{r[view]['text'] / 1000:.1f} + {r[view]['pixels'] / 1000:.1f}"
            for r in results.values()
        ]
        print(f"| {view} |", " | ".join(cells), "|")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
