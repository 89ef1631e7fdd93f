"""Every exception of `remote`.

::

    RemoteError                     transient: trying the same again is sensible
    ├── SessionError
    │   ├── HostKeyError            unknown or changed host key
    │   ├── LoginError              refused, or the person gave up at a prompt
    │   └── SessionLostError        the link is gone (transient)
    ├── AgentError                  the agent answered with an error; `code` says which
    ├── SchedulerError
    │   └── RejectedError           the scheduler refused the submission
    ├── BadRequestError             what was asked cannot be done; the person can fix it
    │   └── ConflictError           somebody else has changed it meanwhile
    ├── NotSeenError                the link is down, and this was not looked at before
    └── TransferError

A message says where, what, and what to do, in one line.
"""


class RemoteError(Exception):
    """Something that went wrong between here and the cluster."""

    transient = False


class SessionError(RemoteError):
    """The session could not be opened or kept."""


class HostKeyError(SessionError):
    """The host's key is unknown or has changed."""


class LoginError(SessionError):
    """The host refused to let us in."""


class SessionLostError(SessionError):
    """The link broke; what was under way may or may not have happened."""

    transient = True


class AgentError(RemoteError):
    """The agent answered with an error."""

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class SchedulerError(RemoteError):
    """The scheduler could not do what was asked."""


class RejectedError(SchedulerError):
    """The scheduler refused the submission."""


class BadRequestError(RemoteError):
    """What was asked cannot be done; the person can put it right."""


class ConflictError(BadRequestError):
    """Somebody else has changed it since it was read; nothing was written."""


class NotSeenError(RemoteError):
    """The link is down, and what was asked is not remembered."""

    transient = True


class TransferError(RemoteError):
    """A file could not be brought over whole."""
