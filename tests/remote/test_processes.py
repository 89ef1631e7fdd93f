"""Child processes of sessions: none is left behind."""

import asyncio
from pathlib import Path

import pytest

from remote.processes import Processes


async def test_one_whose_start_was_given_up_is_ended_with_the_others(tmp_path):
    processes = Processes()
    said = tmp_path / "number"
    words = ("sh", "-c", f"echo $$ > {said}; exec cat")
    start = asyncio.create_task(processes.start(*words))
    await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await processes.close()
    assert not Path("/proc", said.read_text().strip()).exists()
