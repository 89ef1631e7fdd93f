"""What each view of a project costs: round trips, bytes, time, the agent's CPU, memory.

    python benchmarks/bench_link.py [--scale 0.1] [--json FILE] [FOLDER]
    python benchmarks/bench_link.py --link delay=0.1,loss=0.02 [--scale 0.01]
    python benchmarks/bench_link.py --queue 1000

Makes a large project of RELION's kind in FOLDER (a temporary one by default) and asks
for its views through the agent of a local session; the bytes and round trips are the
same over SSH. With `--link` the project lies on a real sshd at the end of a link that
delays and loses packets, and connecting is measured beside `ssh HOST true`, turn by
turn; with `--queue` so many jobs of a real Slurm are in the queue
(both as root, with the packages of `make system`). Prints a table; nothing is compared
with thresholds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.jobs.job import Job
from remote import channel
from remote.agent.frames import encode
from remote.cluster import Cluster
from remote.opening import open_session
from remote.prompts import NoPrompts
from remote.starting import start_agent
from remote.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data" / "remote" / "project"
channel.PING_S = 1e9  # a ping between would count as a round trip of the view


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
    log(folder / "AutoPick/job002/run.out", size["log_bytes"], rng)
    micrograph(folder / "Micrographs/big.mrc")
    return size


def log(path: Path, size: int, rng: random.Random) -> None:
    """What a picking job prints, bars too; an error early and one at the end."""
    lines = []
    for i in range(8000):
        if i % 10 == 0:
            lines.append("\r".join(f" {k / 10}/6.0 min ....~~(,_," for k in range(60)))
        elif i % 5 == 0:
            lines.append(f"WARNING: m{i:05d}: norm {rng.random():.4f} is low")
        else:
            lines.append(f" + m{i:05d}.mrc: {rng.randrange(400)} particles picked")
    block = ("\n".join(lines) + "\n").encode()
    with path.open("wb") as file:
        file.write(block + b"ERROR: m00001.mrc: no such file\n")
        while file.tell() < size:
            file.write(block)
        file.write(b"ERROR: No space left on device\nthe last line\n")


async def search(workspace: Workspace, text: str, start: int = 0) -> None:
    """Look through the log as the log view does: as many requests as it takes."""
    while True:
        found = await workspace.find_in_log("2", "out", text, start=start)
        if found.is_over:
            return
        start = found.reached


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
        "started_cpu_s": round(after["children_cpu_s"] - before["children_cpu_s"], 4),
        "agent_memory_mb": round(after["memory"] / 1e6, 1),
        "agent_peak_mb": round(after["memory_peak"] / 1e6, 1),
    }


async def connect(profile: Cluster, times: int = 11) -> list[dict[str, Any]]:
    """What connecting takes, by its parts: the median of some times."""
    took: list[tuple[float, float]] = []
    openssh: list[float] = []
    for _ in range(times):
        if profile.ssh_config:
            began = time.perf_counter()
            argv = ("ssh", "-F", profile.ssh_config, profile.address, "true")
            ssh = await asyncio.create_subprocess_exec(*argv)
            assert await ssh.wait() == 0
            openssh.append(time.perf_counter() - began)
        began = time.perf_counter()
        session = await open_session(profile, NoPrompts())
        logged_in = time.perf_counter()
        agent = await start_agent(session)
        took.append((logged_in - began, time.perf_counter() - logged_in))
        await agent.pipe.close()
        await session.close()
    cost = agent.hello["cost"]
    empty = {"round_trips": 0, "sent": 0, "received": 0, "agent_cpu_s": 0.0}
    empty |= {"started_cpu_s": 0.0, "agent_memory_mb": 0.0, "agent_peak_mb": 0.0}
    started = {
        "round_trips": 1,
        "sent": agent.bytes_sent,
        "received": len(encode({"hello": agent.hello})),
        "agent_cpu_s": round(cost["cpu_s"], 4),
        "agent_memory_mb": round(cost["memory"] / 1e6, 1),
        "agent_peak_mb": round(cost["memory_peak"] / 1e6, 1),
    }
    login, start, both = (
        round(statistics.median(seconds), 4)
        for seconds in zip(*((a, b, a + b) for a, b in took), strict=True)
    )
    rows = [
        {"view": "SSH login", **empty, "seconds": login},
        {"view": "start of the agent", **empty, **started, "seconds": start},
        {"view": "connect, both", **empty, **started, "seconds": both},
    ]
    if openssh:
        plain = round(statistics.median(openssh), 4)
        rows.append({"view": "`ssh HOST true`", **empty, "seconds": plain})
        print(f"connecting takes {both / plain:.2f} times as long as `ssh HOST true`")
    return rows


async def run(folder: Path, profile: Cluster) -> list[dict[str, Any]]:
    """All views, the cheap ones first."""
    rows = await connect(profile)
    workspace = await Workspace.open(profile, str(folder))
    await workspace.agent.measure()  # the first ping is on its way
    views: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("ping", lambda: workspace.ask("host.ping")),
        ("form of a job", lambda: workspace.load_job("AutoPick/job002")),
        ("log, last 64 kB of 1 GB", lambda: workspace.log("2", offset=-65536)),
        ("log, nothing new", lambda: workspace.log("2", offset=(1 << 30))),
        ("log, first error of 1 GB", lambda: search(workspace, "")),
        ("the same, at its end only", lambda: search(workspace, "", 4 << 20)),
        ("log, a text at its end", lambda: search(workspace, "the last line")),
        ("log, a text that is not there", lambda: search(workspace, "nowhere")),
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
    rows += await meanwhile(workspace)
    await workspace.close()
    return rows


async def meanwhile(workspace: Workspace) -> list[dict[str, Any]]:
    """How long small questions take while 5 million particles are counted."""
    empty = {"round_trips": 1, "sent": 0, "received": 0, "agent_cpu_s": 0.0}
    empty |= {"started_cpu_s": 0.0, "agent_memory_mb": 0.0, "agent_peak_mb": 0.0}
    found = []
    for when in ("alone", "while a table is counted"):
        took: list[float] = []
        counting = asyncio.create_task(
            workspace.statistics("Extract/job003") if found else asyncio.sleep(2.0)
        )
        while not counting.done():
            started = time.perf_counter()
            await workspace.ask("host.ping")
            took.append(time.perf_counter() - started)
            await asyncio.sleep(0.02)
        took.sort()
        for share in (0.5, 0.99):
            view = f"ping {when}, p{100 * share:.0f}"
            seconds = round(took[int(share * len(took))], 4)
            found.append({"view": view, **empty, "seconds": seconds})
    return found


async def queue(profile: Cluster, folder: Path, count: int) -> list[dict[str, Any]]:
    """The job list while so many jobs wait in a real queue."""
    workspace = await Workspace.open(profile, str(folder))
    await workspace.create_project()
    form = Job.new("import", "4.0", {"do_raw": "No", "do_other": "Yes"})
    form = form.replace("fn_in_other", "x.star").replace("do_queue", True)
    started = time.perf_counter()
    for first in range(0, count, 20):
        some = range(first, min(count, first + 20))
        names = [await workspace.create(form) for _ in some]
        await asyncio.gather(*(workspace.run(name) for name in names))
    took = time.perf_counter() - started
    print(f"{count} jobs made and submitted in {took:.0f} s")
    rows = []
    for name in ("first time", "again", "and again"):
        view = f"job list, {count} in Slurm's queue, {name}"
        rows.append(await measure(workspace, view, workspace.overview))
    seen = await workspace.overview()
    waiting = sum(row.verdict.state.value == "queued" for row in seen.jobs)
    assert waiting == count, f"{waiting} of {count} wait"
    await workspace.close()
    return rows


def over_link(settings: str, scale: float) -> tuple[dict[str, int], list[Any]]:
    """Size of the project and cost of its views at the end of a bad link."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from support.far_link import far_link

    place = Path(f"/tmp/cryodeck-bench-{os.getpid()}")
    with far_link(place, "delay=0") as link:
        folder = link.live.home / "project"
        size = make_project(folder, scale)
        link.live.enter("chown", "-R", link.live.user, str(folder))
        link.say("set", *settings.split(","))
        profile = link.live.profile(scheduler="shell")
        return size, asyncio.run(run(folder, profile))


def in_queue(count: int) -> tuple[dict[str, int], list[Any]]:
    """Cost of the job list with so many jobs in a real Slurm's queue."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    from support.cluster import start, stop

    live = start(Path(f"/tmp/cryodeck-bench-{os.getpid()}"))
    try:
        live.enter("scontrol", "update", "partition=cpu", "state=down")
        folder = live.home / "project"
        folder.mkdir()
        live.enter("chown", live.user, str(folder))
        profile = live.profile(queue="cpu")
        return {"queued": count}, asyncio.run(queue(profile, folder, count))
    finally:
        stop(live)


def here(options: argparse.Namespace) -> tuple[dict[str, int], list[Any]]:
    """Cost of all views by a local session."""
    folder = options.folder or Path(tempfile.mkdtemp(prefix="cryodeck-bench-"))
    try:
        size = make_project(folder, options.scale)
        profile = Cluster(name="here", session="local")
        return size, asyncio.run(run(folder, profile))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--link", metavar="delay=S,loss=P")
    parser.add_argument("--queue", type=int, metavar="N")
    options = parser.parse_args()
    if options.link:
        size, rows = over_link(options.link, options.scale)
    elif options.queue:
        size, rows = in_queue(options.queue)
    else:
        size, rows = here(options)
    print(", ".join(f"{count:,} {what}" for what, count in size.items()))
    for row in rows:
        print(
            f"{row['view']:34} {row['round_trips']:3} trips {row['sent']:8,} B out "
            f"{row['received']:10,} B in {row['seconds']:8.3f} s, agent "
            f"{row['agent_cpu_s']:7.3f} s CPU {row['agent_memory_mb']:6.1f} MB, "
            f"at most {row['agent_peak_mb']:6.1f}; started {row['started_cpu_s']:.3f} s"
        )
    if options.json:
        found = {"machine": machine(), "size": size, "views": rows}
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
