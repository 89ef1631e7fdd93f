"""A login node at the end of a bad link: real packets, delayed, lost and throttled."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.cluster import SCRIPTS, LiveCluster, start, stop


@dataclass(frozen=True)
class FarLink:
    """The cluster, and the link to it."""

    live: LiveCluster
    control: Path

    def say(self, *words: str) -> str:
        """Have the link changed: ``cut``, ``heal``, ``set delay=0.1``; its answer."""
        return subprocess.check_output(
            [sys.executable, SCRIPTS / "netem.py", "ctl", self.control, *words],
            text=True,
            timeout=30,
        )


@contextlib.contextmanager
def far_link(folder: Path, *settings: str) -> Iterator[FarLink]:
    """SSH servers in a network namespace that only a link with `settings` leads to."""
    number = os.getpid() % 200
    network, space = f"10.{50 + number % 50}.{number}", f"cryodeck{os.getpid()}"
    control = folder.with_suffix(".link")
    run = {"check": True, "timeout": 30}
    subprocess.run(["ip", "netns", "add", space], **run)
    try:
        subprocess.run(["ip", "-n", space, "link", "set", "lo", "up"], **run)
        with subprocess.Popen(
            [sys.executable, SCRIPTS / "netem.py", "tun", control, space, *settings],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NETEM_NET": network},
        ) as link:
            try:
                assert link.stdout.readline().strip() == "ready"
                inside = ("ip", "netns", "exec", space)
                address = ("--no-slurm", "--address", f"{network}.2")
                live = start(folder, *address, apart=inside)
                try:
                    yield FarLink(live, control)
                finally:
                    stop(live)
            finally:
                link.terminate()
    finally:
        subprocess.run(["ip", "netns", "delete", space], **run)
