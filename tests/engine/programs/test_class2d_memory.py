"""What is said before particles are read into memory that is not there."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.rank_threads import run_threads

from engine.programs import class2d_images
from engine.programs.class2d_images import check_memory


@pytest.fixture
def warnings(monkeypatch):
    """Runs `check_memory` on so many ranks of one node that has 10 GB free."""
    monkeypatch.setattr(class2d_images, "_free_gigabytes", lambda: 10.0)
    monkeypatch.setattr(class2d_images.platform, "node", lambda: "n017")

    def run(size: int, gigabytes: float) -> list[str]:
        said: list[str] = []

        def one(comm):
            leads = comm.rank == 0
            check_memory(
                SimpleNamespace(comm=comm, is_leader=leads, warn=said.append), gigabytes
            )

        run_threads(size, one)
        return said

    return run


def test_processes_of_a_node_are_counted_together(warnings):
    assert warnings(1, 3.0) == []
    assert warnings(3, 3.0) == []
    [said] = warnings(4, 3.0)
    assert said.startswith("the particles take 12.0 GB in 4 processes on n017, 10.0 GB")
