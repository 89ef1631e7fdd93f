"""A person's client that submits one job, with an agent that waits less than usual.

    python fault_client.py PROFILE.json PROJECT JOB [STEP]

Prints what came of it as JSON: the scheduler's id, or what went wrong, and how often it
waited for something. With STEP it kills itself as it begins to wait for that time.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from remote import operations
from remote.agent import bootstrap
from remote.cluster import Cluster
from remote.errors import RemoteError
from remote.workspace import Workspace

#: how long the agent waits before it is sure, shortened for the tests
SHORT = {
    "remote.agent.submission": {"GRACE_S = 30.0": "GRACE_S = 0.6"},
    "remote.agent.submit_command": {"YOUNG_S = 10.0": "YOUNG_S = 0.8"},
    "remote.agent.locks": {"EMPTY_S = 10.0": "EMPTY_S = 0.5"},
}
_sources = bootstrap.sources


def hasty():
    """The agent's modules with shorter times."""
    found = _sources()
    for name, changes in SHORT.items():
        is_package, text = found[name]
        for old, new in changes.items():
            assert old in text, f"{name}: no line {old!r}"
            text = text.replace(old, new)
        found[name] = (is_package, text)
    return found


class Counted:
    """A coroutine whose awaits are counted, and which may die at one of them."""

    def __init__(self, coroutine, last):
        self.coroutine, self.last, self.count = coroutine, last, 0

    def __await__(self):
        inner = self.coroutine.__await__()
        step, word = inner.send, None
        while True:
            try:
                waited_for = step(word)
            except StopIteration as end:
                return end.value
            self.count += 1
            if self.count == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                word = yield waited_for
                step = inner.send
            except BaseException as error:
                step, word = inner.throw, error


async def submit(profile, project, job, step="0"):
    """Submit, and say what came of it."""
    workspace = await Workspace.open(Cluster(**profile), project)
    try:
        running = Counted(workspace.run(job), int(step))
        return {"id": await running, "steps": running.count}
    except RemoteError as error:
        return {"error": type(error).__name__, "said": str(error)}
    finally:
        await workspace.close()


def main():
    """Run the client."""
    bootstrap.sources = hasty
    operations.REJOIN_S = 8.0
    profile = json.loads(Path(sys.argv[1]).read_text())
    for key, value in profile.items():
        if isinstance(value, list):
            profile[key] = tuple(value)
    print(json.dumps(asyncio.run(submit(profile, *sys.argv[2:]))))


main()
