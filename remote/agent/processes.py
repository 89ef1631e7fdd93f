"""Programs run for a request: no shell, a time limit, a ceiling on what they say."""

import os
import signal
import subprocess
import threading
from typing import Any, Dict, List, Optional, Tuple

from remote.agent.verbs import Request, VerbError, verb

OUTPUT_BYTES = 4 << 20
_TICK_S = 0.1


@verb()
def run(
    request: Request,
    argv: List[str],
    stdin: str = "",
    env: Optional[Dict[str, str]] = None,
    cwd: str = "",
    max_bytes: int = OUTPUT_BYTES,
) -> Dict[str, Any]:
    """Exit status and output of a program, run in the project's folder.

    `exit_status` is -N after signal N. Output beyond `max_bytes` is dropped and
    `is_cut` says so.
    """
    status, out, err, is_cut = execute(request, argv, stdin, env, cwd, max_bytes)
    return {
        "exit_status": status,
        "out": out.decode("utf-8", "replace"),
        "err": err.decode("utf-8", "replace"),
        "is_cut": is_cut,
    }


def execute(
    request: Request,
    argv: List[str],
    stdin: str = "",
    env: Optional[Dict[str, str]] = None,
    cwd: str = "",
    max_bytes: int = OUTPUT_BYTES,
) -> Tuple[int, bytes, bytes, bool]:
    """Exit status, output, errors, whether output was cut; for other verbs too."""
    if not argv or not all(isinstance(a, str) and "\x00" not in a for a in argv):
        message = "argv must be a list of texts without zero bytes"
        raise VerbError(message, "bad request")
    environment = dict(os.environ)
    environment.update(env or {})
    try:
        process = subprocess.Popen(
            [os.fsencode(a) for a in argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=request.path(cwd),
            start_new_session=True,
        )
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            message = "{}: no such program here".format(argv[0])
            if not os.path.isdir(request.path(cwd)):
                message = "{}: no such folder".format(request.path(cwd))
            raise VerbError(message, "not found") from error
        raise
    out, err = (
        _Collector(process.stdout, max_bytes),
        _Collector(process.stderr, max_bytes),
    )
    feeder = threading.Thread(target=_feed, args=(process.stdin, stdin.encode("utf-8")))
    feeder.daemon = True
    feeder.start()
    try:
        _wait(request, process)
    except VerbError:
        _kill(process)
        raise
    # what it left running may hold the pipes open for ever: a short wait, then go on
    out.join(2.0)
    err.join(2.0 if not out.is_alive() else 0.1)
    return process.returncode, out.data(), err.data(), out.is_cut or err.is_cut


def _wait(request: Request, process: Any) -> None:
    while True:
        try:
            process.wait(min(_TICK_S, max(0.001, request.left_s)))
        except subprocess.TimeoutExpired:
            request.check()
        else:
            return


def _kill(process: Any) -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except OSError:
            return
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            continue
        return


def _feed(pipe: Any, data: bytes) -> None:
    try:
        pipe.write(data)
        pipe.close()
    except OSError:
        pass  # it did not want to read it all


class _Collector(threading.Thread):
    """Reads a pipe to its end and keeps the first part."""

    def __init__(self, pipe: Any, max_bytes: int) -> None:
        super().__init__()
        self.daemon = True
        self.is_cut = False
        self._pipe = pipe
        self._left = max_bytes
        self._pieces: List[bytes] = []
        self.start()

    def run(self) -> None:
        """Read until the other end closes."""
        with self._pipe:
            while True:
                piece = os.read(self._pipe.fileno(), 1 << 16)
                if not piece:
                    return
                if len(piece) > self._left:
                    self.is_cut = True
                    piece = piece[: self._left]
                self._left -= len(piece)
                if piece:
                    self._pieces.append(piece)

    def data(self) -> bytes:
        """What was kept."""
        return b"".join(self._pieces)
