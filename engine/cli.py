"""The engine's command line: ``python -m engine run JOB_DIR`` and ``simulate DIR``."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

USAGE = """\
usage: python -m engine run JOB_DIR        run a job, from the project folder
       python -m engine simulate DIR ...   write practice micrographs (--help)
       python -m engine scores MODEL       score the classes of a 2D classification
       python -m engine check              say whether all libraries are there
       python -m engine --version

Under MPI: mpirun -n N python -m engine run JOB_DIR
Exit codes: 0 done, 1 failed, 2 bad input, 3 aborted
"""


_LIBRARIES = ("numpy", "scipy", "mrcfile", "array_api_compat", "PIL")
_NEED_ALL = ("run", "simulate", "scores", "check")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    missing = _missing() if words and words[0] in _NEED_ALL else []
    if missing:
        sys.stderr.write(
            f"{sys.executable} has no {', '.join(missing)}: the engine needs "
            "cryodeck's extra: pip install '.[engine]' in cryodeck's folder\n"
        )
        return 2
    if words[:1] == ["run"] and len(words) == 2 and not words[1].startswith("-"):
        # one thread per rank: ranks share a node's cores
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        from engine.programs.runner import run_job

        return run_job(words[1])
    if words[:1] == ["simulate"]:
        simulate = importlib.import_module("engine.programs.simulate")
        return int(simulate.main(words[1:]))
    if words[:1] == ["scores"] and len(words) == 2:
        return _scores(words[1])
    if words in (["--version"], ["check"]):
        sys.stdout.write(f"cryodeck engine {_version()}\n")
        return 0
    if words in (["-h"], ["--help"], ["help"]):
        sys.stdout.write(USAGE)
        return 0
    sys.stderr.write(USAGE)
    return 2


def _missing() -> list[str]:
    """Libraries of the engine that this Python does not have."""
    return [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]


def _scores(path: str) -> int:
    """Print the scores of a model file's classes as JSON."""
    import json

    from engine.errors import EngineError
    from engine.programs.select_classes import scores_of

    try:
        classes, particles = scores_of(path)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    said = {"model": path, "scores": classes, "particles": particles}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cryodeck")
    except PackageNotFoundError:
        return "(a checkout)"
