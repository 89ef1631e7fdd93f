"""How a command ends: exit codes, and the one line that says what went wrong."""

from __future__ import annotations

DONE = 0
FAILED = 1
BAD_INPUT = 2
ABORTED = 3
NO_CONTACT = 4
INTERRUPTED = 130  # what a shell says of a program ended by Ctrl-C
# What the agent says of things that the person can put right.
_PERSONS_CODES = frozenset(
    {
        "alias",
        "bad request",
        "conflict",
        "denied",
        "exists",
        "no-iteration",
        "no-job",
        "no-project",
        "not found",
        "running",
        "status",
    }
)


class CommandFailure(Exception):
    """A command cannot go on; the message is the one line the person reads."""

    def __init__(self, message: str, exit_code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def exit_code_of(error: Exception) -> int | None:
    """Return the exit code of a foreseen error; None for our own mistakes."""
    from engine.errors import EngineError
    from remote.errors import AgentError, BadRequestError, RemoteError, SessionError

    if isinstance(error, CommandFailure | EngineError):
        return error.exit_code
    if isinstance(error, SessionError):
        return NO_CONTACT
    if isinstance(error, BadRequestError):
        return BAD_INPUT
    if isinstance(error, AgentError) and error.code in _PERSONS_CODES:
        return BAD_INPUT
    if isinstance(error, RemoteError):
        return NO_CONTACT if error.transient else FAILED
    return FAILED if isinstance(error, OSError) else None
