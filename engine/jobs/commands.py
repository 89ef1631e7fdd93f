"""What is executed for a job: RELION's programs or cryodeck's engine."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from engine.errors import InputError
from engine.jobs import command_lines, picking_lines, select_lines
from engine.jobs.command_lines import Site
from engine.jobs.job import Job

__all__ = ["Site", "commands", "engine_command", "relion_commands"]

_BUILDERS: dict[str, Callable[[Job, str, bool, Site], list[str]]] = {
    "import": command_lines.import_commands,
    "ctffind": picking_lines.ctffind_commands,
    "manualpick": picking_lines.manualpick_commands,
    "autopick": picking_lines.autopick_commands,
    "extract": command_lines.extract_commands,
    "class2d": command_lines.class2d_commands,
    "select": select_lines.select_commands,
}


def commands(
    job: Job,
    directory: str,
    *,
    continuing: bool | None = None,
    site: Site | None = None,
    python: str = "python",
) -> list[str]:
    """Commands that do a job, in order, by whichever engine its form names.

    Parameters
    ----------
    directory : str
        "AutoPick/job006", with or without a final slash.
    continuing : bool, optional
        Whether to add the flags of a continued job; the job's own mark if not given.
    python : str
        How Python is called on the cluster, for cryodeck's engine.
    """
    if job.engine == "cryodeck":
        return [engine_command(directory, python)]
    return relion_commands(job, directory, continuing=continuing, site=site)


def engine_command(directory: str, python: str = "python") -> str:
    """Command of cryodeck's engine, one for each MPI rank."""
    return f"{python} -m engine run {shlex.quote(directory.rstrip('/'))}"


def relion_commands(
    job: Job,
    directory: str,
    *,
    continuing: bool | None = None,
    site: Site | None = None,
) -> list[str]:
    """RELION's own commands of a job, as its window would start them.

    Programs are given as `` `which relion_...` `` and end in ``--pipeline_control``;
    `mpirun` and redirections are the launcher's business.
    """
    builder = _BUILDERS.get(job.type.key)
    if builder is None:
        message = f"the commands of {job.type.folder} jobs are not known here"
        raise InputError(message)
    is_continued = job.is_continue if continuing is None else continuing
    where = directory.rstrip("/") + "/"
    return builder(job, where, is_continued, site or Site())
