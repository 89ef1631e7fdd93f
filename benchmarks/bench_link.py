"""What each view of a project costs: round trips, bytes, time, the agent's CPU, memory.

    python benchmarks/bench_link.py [--scale 0.1] [--json FILE] [FOLDER]

Makes a large project of RELION's kind in FOLDER (a temporary one by default) and asks
for its views through the agent of a local session; the bytes and round trips are the
same over SSH. Prints a table; nothing is compared with thresholds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from remote.cluster import Cluster
from remote.workspace import Workspace

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "remote" / "project"


def make_project(folder: Path, scale: float) -> dict[str, int]:
    """A project as large as they come, times `scale`."""
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    size = {
        "micrographs": max(1, int(5000 * scale)),
        "particles": int(5_000_000 * scale),
        "files": int(100_000 * scale),
        "log_bytes": int((1 << 30) * scale),
        "jobs": int(10_000 * scale),
    }
    rng = random.Random(1)
    pipeline(folder, size["jobs"])
    picking(folder, size["micrographs"], rng)
    particles(folder / "Extract/job003/particles.star", size)
    listing = folder / "many"
    listing.mkdir(exist_ok=True)
    for i in range(size["files"]):
        (listing / f"mic{i:06d}.mrc").touch()
    with (folder / "AutoPick/job002/run.out").open("wb") as file:
        file.truncate(size["log_bytes"])
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"  1/24 sec ~~(,_,\r" * 2000 + b"\ndone\n")
    micrograph(folder / "Micrographs/big.mrc")
    return size


def pipeline(folder: Path, count: int) -> None:
    """Further finished jobs in the pipeline, with their folders and markers."""
    path = folder / "default_pipeline.star"
    text = path.read_text()
    last = "Select/job005/       None            7            2 \n"
    names = [f"Class2D/job{i:05d}/" for i in range(1000, 1000 + count)]
    path.write_text(
        text.replace(last, last + "".join(f"{n} None 8 2 \n" for n in names))
    )
    for name in names:
        (folder / name).mkdir()
        (folder / name / "RELION_JOB_EXIT_SUCCESS").touch()


def picking(folder: Path, count: int, rng: random.Random) -> None:
    """LoG picks of many micrographs, 200 each."""
    head = (folder / "Import/job001/micrographs.star").read_text().rstrip()
    row = head.splitlines()[-1]
    rows = [row.replace("mic1", f"m{i:05d}") for i in range(count)]
    (folder / "Import/job001/micrographs.star").write_text(
        head + "\n" + "\n".join(rows) + "\n"
    )
    source = folder / "AutoPick/job002/Micrographs/mic1_autopick.star"
    table = source.read_text().rstrip().splitlines()
    body = "\n".join(table + table[-20:] * 9) + "\n"
    for i in range(count):
        (source.parent / f"m{i:05d}_autopick.star").write_text(
            body.replace("0.3002", f"0.{rng.randrange(3000, 4000)}")
        )


def particles(path: Path, size: dict[str, int]) -> None:
    """A particles.star with millions of rows."""
    text = path.read_text().rstrip()
    row = text.splitlines()[-1]
    with path.open("w") as file:
        file.write(text + "\n")
        for i in range(size["particles"]):
            file.write(row.replace("mic1", f"m{i % size['micrographs']:05d}") + "\n")


def micrograph(path: Path) -> None:
    """A micrograph of the tutorial's size, of noise."""
    head = struct.pack("<4i", 3710, 3838, 1, 2).ljust(1024, b"\0")
    rng = random.Random(2)
    row = b"".join(struct.pack("<f", rng.gauss(0, 1)) for _ in range(3710))
    with path.open("wb") as file:
        file.write(head)
        for i in range(3838):
            file.write(row[4 * (i % 97) :] + row[: 4 * (i % 97)])


def machine() -> dict[str, object]:
    """CPU model and cores, no names."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


async def measure(
    workspace: Workspace, name: str, ask: Callable[[], Awaitable[Any]]
) -> dict[str, Any]:
    """Cost of one view."""
    agent = workspace.agent
    before = await workspace.ask("host.usage")
    sent, received, trips = agent.bytes_sent, agent.bytes_received, agent.round_trips
    started = time.perf_counter()
    await ask()
    took = time.perf_counter() - started
    trips = agent.round_trips - trips
    sent, received = agent.bytes_sent - sent, agent.bytes_received - received
    after = await workspace.ask("host.usage")
    return {
        "view": name,
        "round_trips": trips,
        "sent": sent,
        "received": received,
        "seconds": round(took, 4),
        "agent_cpu_s": round(after["cpu_s"] - before["cpu_s"], 4),
        "agent_memory_mb": round(after["memory"] / 1e6, 1),
        "agent_peak_mb": round(after["memory_peak"] / 1e6, 1),
    }


async def run(folder: Path) -> list[dict[str, Any]]:
    """All views, the cheap ones first."""
    started = time.perf_counter()
    workspace = await Workspace.open(Cluster(name="here", session="local"), str(folder))
    opened = time.perf_counter() - started
    agent = workspace.agent
    rows: list[dict[str, Any]] = [
        {
            "view": "connect",
            "round_trips": 2,
            "sent": agent.bytes_sent,
            "received": agent.bytes_received,
            "seconds": round(opened, 4),
            "agent_cpu_s": round(agent.hello["cost"]["cpu_s"], 4),
            "agent_memory_mb": round(agent.hello["cost"]["memory"] / 1e6, 1),
            "agent_peak_mb": round(agent.hello["cost"]["memory_peak"] / 1e6, 1),
        }
    ]
    views: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("ping", lambda: workspace.ask("host.ping")),
        ("form of a job", lambda: workspace.load_job("AutoPick/job002")),
        ("log, last 64 kB of 1 GB", lambda: workspace.log("2", offset=-65536)),
        ("log, nothing new", lambda: workspace.log("2", offset=(1 << 30))),
        ("2D classes", lambda: workspace.statistics("Class2D/job004")),
        ("class averages", lambda: workspace.gallery("Class2D/job004")),
        (
            "micrograph 3710x3838 in 512x512",
            lambda: workspace.micrograph(
                "", "Micrographs/big.mrc", lowpass_angstrom=20
            ),
        ),
        (
            "the same, a region of 800x800",
            lambda: workspace.micrograph(
                "", "Micrographs/big.mrc", region=(1500, 1500, 800, 800)
            ),
        ),
        (
            "picks on a micrograph",
            lambda: workspace.picks("2", "Micrographs/m00000.mrc"),
        ),
        ("picking statistics, first time", lambda: workspace.statistics("2")),
        ("picking statistics, again", lambda: workspace.statistics("2")),
        ("folder of 100,000 files", lambda: workspace.list_dir("many")),
        ("5 million particles", lambda: workspace.statistics("Extract/job003")),
    ]
    if hasattr(workspace, "overview"):
        views.insert(1, ("job list, again", lambda: workspace.overview()))
        views.insert(
            1, ("job list, first time", lambda: workspace.overview(ask_scheduler=False))
        )
    for name, ask in views:
        rows.append(await measure(workspace, name, ask))
    await workspace.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="cryodeck-bench-"))
    try:
        size = make_project(folder, options.scale)
        rows = asyncio.run(run(folder))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)
    print(", ".join(f"{count:,} {what}" for what, count in size.items()))
    for row in rows:
        print(
            f"{row['view']:34} {row['round_trips']:3} trips {row['sent']:8,} B out "
            f"{row['received']:10,} B in {row['seconds']:8.3f} s, agent "
            f"{row['agent_cpu_s']:7.3f} s CPU {row['agent_memory_mb']:6.1f} MB"
        )
    if options.json:
        found = {"machine": machine(), "size": size, "views": rows}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
