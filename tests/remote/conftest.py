"""Fixtures of the tests of `remote`: private folders, a person, a local project."""

import shutil
from pathlib import Path

import pytest

from remote.cluster import Cluster
from remote.workspace import Workspace

DATA = Path(__file__).resolve().parents[1] / "data" / "remote"


@pytest.fixture(autouse=True)
def _own_folders(own_homes, tmp_path_factory, monkeypatch):
    """Nothing is read from or written to the home folder of whoever runs the tests."""
    runtime = tmp_path_factory.mktemp("runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the small project, to be changed at will."""
    folder = tmp_path / "a project; with $(odd) 'names' é"
    shutil.copytree(DATA / "project", folder)
    return folder


@pytest.fixture
async def workspace(project):
    """The project through the agent of a local session."""
    opened = await Workspace.open(Cluster(name="here", session="local"), str(project))
    yield opened
    await opened.close()
