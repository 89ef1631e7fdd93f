"""What a check found: which field, how bad, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

ERROR = "error"  # the job must not start
WARNING = "warning"  # it may, but look at this


@dataclass(frozen=True)
class Problem:
    """One finding of a check.

    Attributes
    ----------
    key : str
        Option that it concerns.
    message : str
        What is wrong and what to do, in one line.
    level : str
        "error" stops the job, "warning" does not.
    """

    key: str
    message: str
    level: str = ERROR

    @property
    def is_error(self) -> bool:
        """Whether the job must not start like this."""
        return self.level == ERROR
