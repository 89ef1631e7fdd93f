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


async def keys(finished: int, logs: int, presses: int) -> dict[str, float]:
    """Milliseconds from a key to its handling and repaint, while logs stream.

    A project of so many finished jobs on this machine; ten jobs really run and write
    twenty lines a second each; all of their logs are followed through the agent below
    the list while keys move the cursor, the page, the end, and the filter.
    """
    import os
    import tempfile

    from benchmarks.live_project import abort_jobs, make_finished, profile, start_jobs

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name) / "project"
        folder.mkdir()
        os.environ |= {
            f"CRYODECK_{kind}_HOME": str(Path(name) / kind)
            for kind in ("CONFIG", "STATE", "CACHE")
        }
        cluster = profile(20, 10)
        make_finished(folder, finished)
        running = await start_jobs(cluster, folder, logs)
        try:
            times, used, seen = await _press(cluster, folder, presses)
        finally:
            abort_jobs(folder, running)
    times.sort()
    used.sort()
    return {
        "jobs": finished + logs,
        "logs": seen,
        "median_ms": times[len(times) // 2],
        "p99_ms": times[int(0.99 * len(times))],
        "worst_ms": times[-1],
        "cpu_p99_ms": used[int(0.99 * len(used))],
    }


async def _press(
    cluster: Any, folder: Path, presses: int
) -> tuple[list[float], list[float], int]:
    from textual import events

    from tui.app import CryodeckApp

    app = CryodeckApp(host="local", project=str(folder), clusters=[cluster])
    times: list[float] = []
    used: list[float] = []  # the same in CPU time: a busy machine does not count
    async with app.run_test(size=(120, 60)) as pilot:
        while app.bridge.overview is None:
            await pilot.pause(0.05)
        await pilot.press("v")
        pane = app.screen.query_one("WatchPane")
        before = {name: tail.next_byte for name, tail in pane.tails.items()}
        await pilot.pause(3)
        table = app.screen.query_one("JobTable")
        pattern = ("j", "j", "k", "pagedown", "j", "pageup", "end", "k", "home")
        for number in range(presses):
            key = pattern[number % len(pattern)]
            painted, cursor = asyncio.Event(), table.cursor
            began, cpu = time.perf_counter(), time.process_time()
            app.post_message(events.Key(key, None))
            while table.cursor == cursor:
                await asyncio.sleep(0)
            app.screen.call_after_refresh(painted.set)
            await painted.wait()
            times.append(1000 * (time.perf_counter() - began))
            used.append(1000 * (time.process_time() - cpu))
            await asyncio.sleep(0.05)
        grown = [n for n, tail in pane.tails.items() if tail.next_byte > before[n]]
        await app.bridge.close()
    return times, used, len(grown)


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: dict[str, Any] = {"start": start()}
    results["5000 jobs"] = asyncio.run(many_jobs())
    results["keys while ten logs stream"] = asyncio.run(keys(5000, 10, 600))
    for what, numbers in results.items():
        print(what)
        for name, value in numbers.items():
            print(f"  {name:28} {value:8.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
