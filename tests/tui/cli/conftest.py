"""A real project that the demo made, and a way to give commands in it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest


class Shell:
    """Gives commands to cryodeck, in a project, with settings of its own."""

    def __init__(self, home: Path, project: Path) -> None:
        self.project = project
        self.home = home
        self.environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("CRYODECK_", "RELION_")) and key != "NO_COLOR"
        } | {
            "CRYODECK_CONFIG_HOME": str(home / "config"),
            "CRYODECK_STATE_HOME": str(home / "state"),
            "CRYODECK_CACHE_HOME": str(home / "cache"),
            "OPENBLAS_NUM_THREADS": "1",
        }

    def start(self, *words, **more):
        return subprocess.Popen(
            [sys.executable, "-m", "tui", *words],
            cwd=self.project,
            env=self.environment | more.pop("environment", {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def __call__(self, *words, code=0, environment=None):
        process = self.start(*words, environment=environment or {})
        out, err = process.communicate(timeout=120)
        said = f"cryodeck {' '.join(words)}\n{out}\n{err}"
        assert process.returncode == code, said
        assert "Traceback" not in err, said
        return SimpleNamespace(out=out, err=err)

    def json(self, *words, code=0):
        return json.loads(self(*words, "--json", code=code).out)

    def states(self):
        return {j["name"]: j["state"] for j in self.json("jobs")["jobs"]}


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    """Commands in a practice project whose path is as hostile as paths can be."""
    home = tmp_path_factory.mktemp("home")
    project = tmp_path_factory.mktemp("work") / "pick's; $(touch owned) & é"
    shell = Shell(home, project.parent)
    shell("demo", str(project), "--headless")
    shell.project = project
    slow = {"session": "local", "scheduler": "shell", "setup": "sleep 60"}
    shell("hosts", "add", "slow", *(f"--set={k}={v}" for k, v in slow.items()))
    return shell


@pytest.fixture
def apart(shell, tmp_path):
    """The same commands in a copy of the project, for tests that leave jobs behind."""
    copy = Shell(shell.home, tmp_path / shell.project.name)
    shutil.copytree(shell.project, copy.project, symlinks=True)
    return copy
