"""Every exception the engine raises.

::

    EngineError
    ├── InputError       the user can fix it: a form, a file, an option     exit code 2
    ├── ResourceError    GPU, memory, disk                                  exit code 1
    ├── NumericalError   NaN, an empty class                                exit code 1
    └── AbortedError     the user asked for it                              exit code 3

A message says where, what, and what to do, in one line.
"""


class EngineError(Exception):
    """Something the engine cannot go on from."""

    exit_code = 1


class InputError(EngineError):
    """A form, a file or an option that the user can put right."""

    exit_code = 2


class ResourceError(EngineError):
    """A GPU, memory or disk space that is not there."""


class NumericalError(EngineError):
    """A result that is not a number, or an empty class."""


class AbortedError(EngineError):
    """The user asked the job to stop."""

    exit_code = 3
