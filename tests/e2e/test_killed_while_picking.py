"""Killed with picks that were not sent, the program brings them back."""

import os
import signal
import sys

import pytest
from support import hand_project
from support.terminal import Terminal

from engine.io.coordinates import read_coordinates
from engine.jobs.job import Job
from remote.cluster import Cluster
from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


async def picking_job(project):
    workspace = await Workspace.open(Cluster(name="local", session="local"), project)
    job = Job.new("manualpick", "4.0", {"fn_in": hand_project.LIST})
    name = await workspace.create(job)
    await workspace.run(name)
    await workspace.close()
    return name


def open_micrographs(terminal):
    terminal.wait_for("ManualPick/job002")
    terminal.settled()
    terminal.keys("Enter")
    terminal.wait_for("Evidence")
    terminal.settled()
    terminal.keys("P")
    terminal.wait_for("of 2 micrographs selected")


async def test_picks_outlive_a_killed_program(tmp_path, monkeypatch):
    homes = {f"CRYODECK_{k}_HOME": str(tmp_path / k) for k in ("CONFIG", "STATE")}
    for key, value in homes.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "CONFIG").mkdir()
    (tmp_path / "CONFIG/settings.toml").write_text("tour = false\n")
    project = hand_project.make(tmp_path / "project", "4.0", count=2)
    name = await picking_job(str(project))
    file = project / name / "Movies/mic1_manualpick.star"
    command = [sys.executable, "-m", "tui", "--project", str(project)]
    with Terminal(command, environment=homes) as terminal:
        open_micrographs(terminal)
        terminal.keys("Enter")
        terminal.wait_for("1/2 mic1.mrc +0 picks")
        # stopped, the agent can take nothing: as if the link were lost
        agents = terminal.children()
        for pid in agents:
            os.kill(pid, signal.SIGSTOP)
        terminal.keys("Space", "S-Right", "Space")
        terminal.wait_for("2 picks +saving")
        os.kill(terminal.pid, signal.SIGKILL)
        for pid in agents:
            os.kill(pid, signal.SIGKILL)
    assert not file.exists()
    with Terminal(command, environment=homes) as terminal:
        open_micrographs(terminal)
        terminal.wait_for("2 picks on 1|2 changes of")
        terminal.settled()
    assert len(read_coordinates(file).x) == 2
