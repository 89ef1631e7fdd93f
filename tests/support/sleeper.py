"""A client on a laptop that is closed: SIGSTOP it, and SIGCONT it an hour later.

    python sleeper.py SSH_CONFIG PROJECT JOB SECONDS

When it goes on, its clock on the wall has gone on by SECONDS and its monotonic clock
has stood still, as those of a machine that was asleep. All limits are the usual ones.
A job is being submitted and two programs are under way when it says "ready"; after its
sleep it says, as JSON, what became of them.
"""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

_wall, _steady = time.time, time.monotonic
_jump = _stood_still = 0.0
_ticked = _steady()


def note_the_sleep(*_):
    """Have the clocks be as they are after a sleep."""
    global _jump, _stood_still
    _stood_still += _steady() - _ticked
    _jump += float(sys.argv[4]) - (_steady() - _ticked)


time.time = lambda: _wall() + _jump
time.monotonic = lambda: _steady() - _stood_still
signal.signal(signal.SIGCONT, note_the_sleep)

from remote.cluster import Cluster  # noqa: E402
from remote.errors import RemoteError  # noqa: E402
from remote.views import LinkState  # noqa: E402
from remote.workspace import Workspace  # noqa: E402


async def tick():
    """Know when the sleep began."""
    global _ticked
    while True:
        _ticked = _steady()
        await asyncio.sleep(0.05)


async def outcome(task):
    """What a request came to."""
    try:
        said = await task
    except RemoteError as error:
        return type(error).__name__
    return said if isinstance(said, str) else said["out"]


async def main():
    """Be the client."""
    config, project, job = sys.argv[1:4]
    cluster = Cluster(name="tc", ssh_config=config, scheduler="shell")
    workspace = await Workspace.open(cluster, project)
    await workspace.agent.measure()
    ticking = asyncio.create_task(tick())
    states = []
    back = asyncio.Event()

    def note(link):
        states.append(str(link.state))
        if _jump and link.state is LinkState.CONNECTED and link.round_trip_s is None:
            back.set()

    workspace.on_link(note)
    argv = ["sh", "-c", "echo x >> made; sleep 300"]
    deed = asyncio.create_task(
        workspace.ask("processes.run", argv=argv, reads_only=False)
    )
    argv = ["sh", "-c", "sleep 3; echo read"]
    read = asyncio.create_task(workspace.ask("processes.run", argv=argv))
    await asyncio.sleep(1.0)
    submitted = asyncio.create_task(workspace.run(job))
    await asyncio.sleep(0.15)
    print(json.dumps({"pid": workspace.agent.hello["pid"]}), flush=True)
    while not _jump:
        await asyncio.sleep(0.02)
    woke = time.monotonic()
    await back.wait()
    took = time.monotonic() - woke
    said = {
        "took": took,
        "deed": await outcome(deed),
        "read": await outcome(read),
        "submitted": await outcome(submitted),
        "states": states,
    }
    fresh = await workspace.overview()
    clock_there = time.time() + workspace.agent.clock_skew_s
    said["fresh"] = clock_there - fresh.taken_at
    said["jobs"] = [row.name for row in fresh.jobs]
    print(json.dumps(said), flush=True)
    ticking.cancel()
    await workspace.close()


asyncio.run(main())
