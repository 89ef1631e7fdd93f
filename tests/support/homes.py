"""Folders of the test's own for settings, journal and cache; a program that uses them.

No test reads or writes what lies in the home folder of whoever runs it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.terminal import Terminal


def homes(folder: Path) -> dict[str, str]:
    """The variables that say where cryodeck's folders are."""
    return {
        f"CRYODECK_{kind}_HOME": str(folder / kind.lower())
        for kind in ("CONFIG", "STATE", "CACHE")
    }


@pytest.fixture
def own_homes(tmp_path, monkeypatch) -> dict[str, str]:
    """The same, set for this test and for what it starts."""
    found = homes(tmp_path)
    for key, value in found.items():
        monkeypatch.setenv(key, value)
    return found


class Seat:
    """Somebody's place at a machine: commands and a terminal, with a cluster's name."""

    def __init__(self, environment: dict[str, str], host: str) -> None:
        self.environment = environment
        self.host = host

    def command(self, *words: str) -> object:
        """What a command of the interface's twin answers."""
        done = subprocess.run(
            [sys.executable, "-m", "tui", "--host", self.host, *words, "--json"],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def terminal(self, width: int, height: int) -> Terminal:
        """The interface in a terminal of some size."""
        command = [sys.executable, "-m", "tui"]
        return Terminal(
            command, width=width, height=height, environment=self.environment
        )
