"""The interface's memory over time with 20 jobs watched: real time, real jobs, a pty.

    python benchmarks/soak_tui.py [--minutes 60] [--jobs 20] [--json FILE]

Starts jobs that write five lines a second each, opens `cryodeck` in a pseudo-terminal,
and goes around as a person does: list, logs of all that run, a job's tabs, back. Every
10 s the resident memory of the interface and of its agent is written down. An hour is
an hour; `--compressed N` has the jobs write N times as fast, so that the same number
of lines passes in a shorter time, and says so in the result.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.live_project import (
    abort_jobs,
    make_finished,
    profile,
    start_jobs,
)

#: in a log: a text looked for both ways, the first error, the beginning, the end
LOG = "/1\rnnNe.g.G."
#: one round of a person's ways, a key every second; the watched logs stay longest
ROUND = "jj" + "." * 20 + "jjk" + "\r14" + "." * 6 + LOG + "5" + "..." + "\x1b" + "jg"
LIMIT_MB = 150.0


class Screen:
    """A program in a pseudo-terminal, whose output is read and thrown away."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=side,
            stdout=side,
            stderr=side,
            env=environment,
            start_new_session=True,
        )
        os.close(side)
        self.fd, self.read = main, 0

    def drain(self, seconds: float) -> None:
        """Take what it draws, for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                continue
            try:
                self.read += len(os.read(self.fd, 65536))
            except OSError:  # it has ended
                return

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.fd, keys.encode())


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    found = [int(word) for word in text.split()]
    return found + [one for child in found for one in children(child)]


def soak(screen: Screen, minutes: float) -> dict[str, object]:
    """Go around until the time is over; memory by the minute."""
    began, samples, agents = time.monotonic(), [], []
    written = 0.0
    screen.drain(5)
    screen.press("v")
    start = memory_mb(screen.process.pid)
    while time.monotonic() - began < 60 * minutes:
        for key in ROUND:
            if key != ".":
                screen.press(key)
            screen.drain(1.0)
            if screen.process.poll() is not None:
                message = f"the interface ended with {screen.process.returncode}"
                raise SystemExit(message)
            now = time.monotonic() - began
            if now - written >= 10:
                written = now
                samples.append(memory_mb(screen.process.pid))
                agents.append(max(map(memory_mb, children(screen.process.pid))))
                if len(samples) % 30 == 0:
                    print(f"{now / 60:5.1f} min {samples[-1]:6.1f} MB", flush=True)
            if now >= 60 * minutes:
                break
    per_minute = [round(one, 1) for one in samples[::6]]
    half = samples[len(samples) // 2 :]
    return {
        "minutes": round((time.monotonic() - began) / 60, 1),
        "at_start_mb": round(start, 1),
        "most_mb": round(max(samples), 1),
        "last_mb": round(samples[-1], 1),
        "growth_in_second_half_mb": round(half[-1] - half[0], 1),
        "agent_most_mb": round(max(agents), 1),
        "interface_cpu_share": round(
            cpu_s(screen.process.pid) / (time.monotonic() - began), 3
        ),
        "drawn_bytes": screen.read,
        "is_below_limit": max(samples) < LIMIT_MB,
        "by_minute_mb": per_minute,
    }


def main() -> None:
    """Make the project, soak, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--finished", type=int, default=500)
    parser.add_argument("--compressed", type=float, default=1.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home, folder = Path(name), Path(name) / "project"
        kinds = ("CONFIG", "STATE", "CACHE")
        os.environ |= {f"CRYODECK_{kind}_HOME": str(home / kind) for kind in kinds}
        from remote.cluster import save

        cluster = profile(5 * given.compressed, given.minutes + 5)
        save(cluster)
        folder.mkdir()
        make_finished(folder, given.finished)
        jobs = asyncio.run(start_jobs(cluster, folder, given.jobs))
        command = [sys.executable, "-m", "tui", "--project", str(folder)]
        environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        screen = Screen(command, environment)
        try:
            result = soak(screen, given.minutes)
            lines = [len((folder / j / "run.out").read_bytes()) for j in jobs]
        finally:
            abort_jobs(folder, jobs)
            screen.process.terminate()
            screen.drain(2)
    result |= {
        "jobs": len(jobs),
        "finished_jobs": given.finished,
        "compressed": given.compressed,
        "log_bytes_each": round(sum(lines) / len(lines)),
    }
    for key, value in result.items():
        if key != "by_minute_mb":
            print(f"{key:28} {value}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
