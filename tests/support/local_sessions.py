"""Sessions of this machine, some of which fail; and waiting for what follows."""

import asyncio
import time

from remote.local import LocalSession


class Sessions:
    """Opens local sessions; the next ones may be told to fail."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.opened = []
        self.needs_person = False

    async def __call__(self):
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        session = LocalSession()
        session.needs_person = self.needs_person
        self.opened.append(session)
        return session


async def until(condition, seconds=60.0):
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
