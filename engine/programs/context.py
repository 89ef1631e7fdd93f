"""What a program is given: its job, its directory, its ranks, and ways to report."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from engine.errors import AbortedError
from engine.jobs.job import Job
from engine.parallel import Communicator
from engine.progress import ProgressWriter

ABORT_NOW = "RELION_JOB_ABORT_NOW"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run of one job on one rank.

    A program is a function ``run(context) -> dict`` in `engine.programs.<type>`; what
    it returns on rank 0 are the numbers of docs/statistics.md for `summary.json`.

    Attributes
    ----------
    job : Job
    directory : Path
        The job's directory relative to the project, which is the working directory.
    comm : Communicator
    progress : ProgressWriter
        Does nothing on ranks other than 0.
    """

    job: Job
    directory: Path
    comm: Communicator
    progress: ProgressWriter

    @property
    def is_leader(self) -> bool:
        """Whether this is rank 0, which writes what belongs to the whole job."""
        return self.comm.rank == 0

    @property
    def is_continue(self) -> bool:
        """Whether to do only what is unfinished."""
        return self.job.is_continue

    @property
    def star_version(self) -> int:
        """Number in the comment above each STAR table of this RELION version."""
        return 50001 if self.job.version == "5.0" else 30001

    def path(self, *parts: str) -> Path:
        """A path in the job's directory."""
        return self.directory.joinpath(*parts)

    def raise_if_aborted(self) -> None:
        """Stop here if the user has asked for it (RELION_JOB_ABORT_NOW).

        Raises
        ------
        AbortedError
        """
        if self.path(ABORT_NOW).exists():
            message = f"{self.directory}: stopped because {ABORT_NOW} is there"
            raise AbortedError(message)

    def warn(self, message: str) -> None:
        """Tell people (log) and machines (progress) what they should know."""
        _log.warning(message)
        self.progress.warning(message)


def why_skipped(error: Exception, name: str) -> str:
    """What kept a micrograph from being done, without its name."""
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return str(error).removeprefix(f"{name}: ")
