"""What can go wrong with a project on disk.

::

    InputError
    └── ProjectError      `code` tells programs which, the message tells people
        ├── StarError     a STAR file that cannot be read; names file and line
        └── LockedError   somebody else holds the project's lock
"""

from engine.errors import InputError


class ProjectError(InputError):
    """A project, or something in it, is not as it must be."""

    def __init__(self, message: str, code: str = "project") -> None:
        super().__init__(message)
        self.code = code


class StarError(ProjectError):
    """A STAR file that cannot be read."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "star")


class LockedError(ProjectError):
    """The project's lock is held by somebody else."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "locked")
