"""What the interface costs: start, 5,000 jobs, keys while logs stream.

    python benchmarks/bench_tui.py [--json FILE]

Start is measured in fresh processes, warm; the rest in this one, without a terminal, so
what a terminal emulator adds is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

_START = """
import time, sys
began = time.perf_counter()
import tui.app
imported = time.perf_counter()
from remote.cluster import Cluster
app = tui.app.CryodeckApp(clusters=[Cluster(name="local", session="local")])
def painted():
    now = time.perf_counter()
    print("TIMES", imported - began, now - imported, file=sys.stdout)
    app.exit(0)
from tui.screens.clusters import ClustersScreen
old = ClustersScreen.on_mount
def on_mount(self):
    old(self)
    self.call_after_refresh(painted)
ClustersScreen.on_mount = on_mount
app.run(headless=True)
"""


def start(repeats: int = 7) -> dict[str, float]:
    """Seconds of interpreter, imports and first paint; medians of warm starts."""
    bare, imports, paint, total = [], [], [], []
    for _ in range(repeats + 1):
        t0 = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        t1 = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-c", _START], capture_output=True, text=True, check=True
        )
        line = next(x for x in run.stdout.splitlines() if x.startswith("TIMES"))
        _, a, b = line.split()
        bare.append(t1 - t0)
        imports.append(float(a))
        paint.append(float(b))
        total.append(bare[-1] + imports[-1] + paint[-1])
    return {
        "interpreter_s": statistics.median(bare[1:]),
        "imports_s": statistics.median(imports[1:]),
        "first_paint_s": statistics.median(paint[1:]),
        "first_screen_s": statistics.median(total[1:]),
    }


async def many_jobs(total: int = 5000) -> dict[str, float]:
    """Seconds from the overview's arrival to a list that obeys keys; then one key."""
    from tests.support.fake_workspace import FakeWorkspace
    from tests.support.fake_workspace import many_jobs as jobs
    from tests.support.interface import interface
    from tui.messages import OverviewArrived

    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        rows = jobs(total)
        space.jobs = {row.name: row for row in rows}
        overview = await space.overview()
        began = time.perf_counter()
        pilot.app.post_message(OverviewArrived(overview))
        await pilot.press("j")
        usable = time.perf_counter() - began
        began = time.perf_counter()
        await pilot.press("end")
        to_end = time.perf_counter() - began
        began = time.perf_counter()
        await pilot.press("slash", "o", "o", "m")
        filtered = time.perf_counter() - began
    return {
        "usable_s": usable,
        "to_last_row_s": to_end,
        "filter_by_three_letters_s": filtered,
    }


async def keys(presses: int = 200) -> dict[str, float]:
    """Milliseconds from a key to its handling and repaint, while a log streams."""
    from textual import events

    from tests.support.fake_workspace import FakeWorkspace
    from tests.support.interface import interface, open_job

    space = FakeWorkspace()
    times: list[float] = []
    async with interface(space, size=(120, 40)) as pilot:
        await open_job(pilot, "AutoPick/job012", "log")
        app = pilot.app
        view = app.screen.query_one("LogView")
        done = asyncio.Event()

        async def stream() -> None:
            while not done.is_set():
                for _ in range(10):  # ten logs' worth of new lines
                    view.add("".join(f"line {i}\n" for i in range(20)), "")
                await asyncio.sleep(0.1)

        task = asyncio.get_running_loop().create_task(stream())
        for number in range(presses):
            key = ("k", "k", "j", "G")[number % 4]
            painted = asyncio.Event()
            began = time.perf_counter()
            app.post_message(events.Key(key, key))
            app.call_later(app.screen.call_after_refresh, painted.set)
            await painted.wait()
            times.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.02)
        done.set()
        await task
    times.sort()
    return {
        "median_ms": times[len(times) // 2],
        "p99_ms": times[int(0.99 * len(times))],
        "worst_ms": times[-1],
    }


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"start": start()}
    results["5000 jobs"] = asyncio.run(many_jobs())
    results["keys while logs stream"] = asyncio.run(keys())
    for what, numbers in results.items():
        print(what)
        for name, value in numbers.items():
            print(f"  {name:28} {value:8.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
