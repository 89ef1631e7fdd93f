"""The program ends with its terminal.

The kernel tells only the leader of a session that its terminal is gone; a shell passes
that on, `make` and many a wrapper do not. The interface would then go on for ever,
reading nothing in a circle. Forms and picks are kept as they are typed, and the agent
ends with its channel, so there is nothing to do but to end.
"""

from __future__ import annotations

import os
import select
import threading

#: what a shell says of a program that a hang-up (signal 1) has ended
EXIT_STATUS = 128 + 1


def end_with_terminal(fileno: int) -> None:
    """End this process as soon as the terminal behind a descriptor hangs up."""
    if os.isatty(fileno):
        watch = threading.Thread(target=_wait, args=(fileno,), daemon=True)
        watch.start()


def _wait(fileno: int) -> None:
    poll = select.poll()
    poll.register(fileno, 0)  # a hang-up is told without being asked for
    if any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll()):
        os._exit(EXIT_STATUS)
