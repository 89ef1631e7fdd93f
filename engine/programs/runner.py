"""One run of a job directory: program, markers, progress, summary, exit code."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from engine.errors import AbortedError, EngineError, InputError
from engine.io.atomic import write_text
from engine.jobs.job import Job
from engine.parallel import Communicator, world
from engine.programs.context import Context
from engine.progress import ProgressWriter

SUCCESS = "RELION_JOB_EXIT_SUCCESS"
FAILURE = "RELION_JOB_EXIT_FAILURE"
ABORTED = "RELION_JOB_EXIT_ABORTED"

_PROGRAMS = {"import": "import_"}

_log = logging.getLogger(__name__)


def run_job(directory: str, comm: Communicator | None = None) -> int:
    """The exit code of a job's run: 0 done, 1 failed, 2 bad input, 3 aborted.

    Parameters
    ----------
    directory : str
        The job's directory, relative to the project, which is the working directory.
    comm : Communicator, optional
        Ranks; those of the launcher without it.
    """
    path = Path(directory)
    started = time.time()
    try:
        if not (path / "job.star").is_file():
            message = f"{path}/job.star: no such file; run this in the project folder"
            raise InputError(message)
        comm = comm or world()
        _start_log(comm)
        return _run(path, comm, started)
    except BaseException as error:
        _start_log(comm or Communicator())
        return _fail(path, comm, error)


def _run(path: Path, comm: Communicator, started: float) -> int:
    job = Job.from_star((path / "job.star").read_text(encoding="utf-8"), str(path))
    program = _program_of(job)
    if comm.rank == 0:
        for marker in (SUCCESS, FAILURE, ABORTED):
            (path / marker).unlink(missing_ok=True)
        if not job.is_continue:
            (path / "progress.jsonl").unlink(missing_ok=True)
    comm.barrier()
    progress = ProgressWriter(path / "progress.jsonl" if comm.rank == 0 else None)
    context = Context(job=job, directory=path, comm=comm, progress=progress)
    _check_ranks(context)
    context.raise_if_aborted()
    values = program.run(context) or {}
    comm.barrier()
    if comm.rank == 0:
        summary = {"type": job.type.key, **values}
        summary.setdefault("failed", [])
        summary["elapsed_s"] = round(time.time() - started, 3)
        write_text(path / "summary.json", json.dumps(summary, indent=1) + "\n")
        progress.finished(elapsed_s=summary["elapsed_s"])
        (path / SUCCESS).touch()
        _log.info("done after %.1f s", summary["elapsed_s"])
    return 0


def _program_of(job: Job) -> Any:
    name = _PROGRAMS.get(job.type.key, job.type.key)
    module = f"engine.programs.{name}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        message = (
            f"{job.type.folder}: cryodeck's engine has no such program; "
            "let RELION run this job"
        )
        raise InputError(message) from error


def _check_ranks(context: Context) -> None:
    """Warn if the number of ranks is not the one that the job asked for."""
    comm = context.comm
    if not context.is_leader:
        return
    asked = context.job.integer("nr_mpi", 1) if context.job.type.has_mpi else 1
    _log.info(
        "%s with %d rank%s", context.directory, comm.size, "s" if comm.size > 1 else ""
    )
    if asked != comm.size:
        context.warn(
            f"the job asks for {asked} MPI processes, but {comm.size} "
            f"{'runs' if comm.size == 1 else 'run'}: was it started by "
            f"mpirun -n {asked}?"
        )


def _fail(path: Path, comm: Communicator | None, error: BaseException) -> int:
    """Tell everybody that this rank cannot go on; the exit code."""
    stopped = isinstance(error, AbortedError | KeyboardInterrupt)
    code = error.exit_code if isinstance(error, EngineError) else 1
    code = 3 if stopped else code
    text = str(error) or type(error).__name__
    if isinstance(error, EngineError | KeyboardInterrupt):
        _log.error("%s", text)
    elif isinstance(error, OSError):
        _log.error("%s: %s", error.filename or "system", error.strerror or error)
        _log.debug("%s", traceback.format_exc())
    elif isinstance(error, MemoryError):
        _log.error("out of memory: give the job more, or run fewer ranks per node")
    else:
        _log.error("%s: %s", type(error).__name__, text)
        sys.stderr.write(traceback.format_exc())
    if path.is_dir():
        ProgressWriter(path / "progress.jsonl").failed(text)
        (path / (ABORTED if stopped else FAILURE)).touch()
    if comm is not None and comm.size > 1:
        logging.shutdown()
        comm.abort(code)
    return code


class _BelowWarning(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def _start_log(comm: Communicator) -> None:
    """Messages to standard output, warnings and errors to standard error."""
    logger = logging.getLogger("engine")
    if logger.handlers:
        return
    rank = f" [rank {comm.rank}]" if comm.size > 1 else ""
    form = logging.Formatter(f"%(asctime)s{rank} %(levelmark)s%(message)s", "%H:%M:%S")
    out = logging.StreamHandler(sys.stdout)
    out.addFilter(_BelowWarning())
    err = logging.StreamHandler(sys.stderr)
    err.setLevel(logging.WARNING)
    for handler in (out, err):
        handler.addFilter(_mark_level)
        handler.setFormatter(form)
        logger.addHandler(handler)
    debug = os.environ.get("CRYODECK_DEBUG")
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False


def _mark_level(record: logging.LogRecord) -> bool:
    marks = {logging.WARNING: "WARNING: ", logging.ERROR: "ERROR: "}
    record.levelmark = marks.get(record.levelno, "")
    return True
