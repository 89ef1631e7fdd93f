"""The agent's loop: frames in, verbs in a few threads, frames out.

It ends when its input ends, so it never outlives the connection, and leaves nothing
behind. No resource limits are set: what it starts (sbatch, a job of the shell
scheduler) would inherit them. A watch on its own memory does that work instead.
"""

import json
import os
import queue
import sys
import threading
import time
import zlib
from typing import Any, Dict, List, Set

from remote.agent import frames, limits, shared
from remote.agent.limits import HELD
from remote.agent.verbs import Answer, Request, Verb, VerbError, explain, find

LIGHT_THREADS = 6
TOO_LARGE_S = 3  # so long it may be too large before it ends
LAST_WORDS_S = 60.0  # for verbs that must not be left half-done


class Agent:
    """Answers requests on one pair of file descriptors."""

    def __init__(self, source: int, sink: int, modules: Dict[str, Any]) -> None:
        self.modules = modules  # of this program, as far as they have been sent
        self.source = source
        self.sink = sink
        self.heard_at = time.monotonic()
        self._write_lock = threading.Lock()
        self._requests: Dict[int, Request] = {}
        self._whole: Set[int] = set()
        self._lock = threading.Lock()
        self._light = Pool(self, LIGHT_THREADS, False)
        self._heavy = Pool(self, int(HELD["heavy_threads"]), True)

    def serve(self, early: bytes = b"") -> None:
        """Answer until the input ends; `early` was read of it before."""
        _start(self._watch)
        reader = frames.FrameReader()
        try:
            data = early or os.read(self.source, 1 << 18)
            while data:
                self.heard_at = time.monotonic()
                for frame in reader.feed(data):
                    self._take(frame)
                data = os.read(self.source, 1 << 18)
        except (OSError, frames.FrameError, ValueError, TypeError, zlib.error):
            pass  # the other end cannot be understood any more: as good as gone
        self.end()

    def end(self) -> None:
        """Stop everything but what must be whole, then leave."""
        with self._lock:
            waiting = list(self._requests.items())
        for number, request in waiting:
            if number not in self._whole:
                request.stop("cancelled", "the connection was closed")
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline:
            with self._lock:
                if not self._requests:
                    break
            time.sleep(0.02)
        shared.leave()
        os._exit(0)

    def _take(self, frame: frames.Frame) -> None:
        message = frame.message
        if "modules" in message:
            self.modules.update(json.loads(zlib.decompress(frame.blob).decode("utf-8")))
            return
        if "cancel" in message:
            request = self._requests.get(message["cancel"])
            if request is not None:
                request.stop()
            return
        number = int(message.get("id", 0))
        try:
            known = find(str(message.get("verb")))
        except Exception as error:
            self._refuse(number, explain(error))
            return
        request = Request(
            number, str(message.get("project", "")), float(message.get("limit", 30.0))
        )
        request.blob = frame.blob
        if message.get("progress"):
            request.tell = lambda said: self.send({"id": number, "progress": said})
        with self._lock:
            self._requests[number] = request
            if known.whole:
                self._whole.add(number)
        pool = self._heavy if known.heavy else self._light
        pool.put(known, request, message.get("args") or {})

    def work(self, known: Verb, request: Request, args: Dict[str, Any]) -> None:
        """Run one verb and send what it says."""
        started = time.monotonic()
        try:
            if not known.whole:
                request.check()
            result, blob = known.function(request, **args), b""
            if isinstance(result, Answer):
                result, blob = result
            message = {"id": request.number, "ok": result}
            message["ms"] = round(1000 * (time.monotonic() - started), 1)
            self.send(message, blob)
        except frames.FrameError as error:
            self._refuse(request.number, VerbError(str(error), "too large"))
        except BaseException as error:
            self._refuse(request.number, explain(error))
        finally:
            with self._lock:
                self._requests.pop(request.number, None)
                self._whole.discard(request.number)

    def _refuse(self, number: int, error: VerbError) -> None:
        said = {"code": error.code, "message": str(error)}
        self.send({"id": number, "error": said})

    def send(self, message: Dict[str, Any], blob: bytes = b"") -> None:
        """Write a frame whole."""
        data = memoryview(frames.encode(message, blob))
        with self._write_lock:
            try:
                while data:
                    data = data[os.write(self.sink, data) :]
            except OSError:
                return  # nobody listens; the end of the input follows

    def _watch(self) -> None:
        """End in silence, and stop what takes too much memory, itself at last."""
        too_large = 0
        while True:
            time.sleep(1.0)
            if time.monotonic() - self.heard_at > HELD["silence_s"]:
                self.end()
            size = resident_bytes()
            too_large = too_large + 1 if size > HELD["memory_mb"] * 1e6 else 0
            if not too_large:
                continue
            said = limits.too_much(size)
            with self._lock:
                busy = [r for n, r in self._requests.items() if n not in self._whole]
            for request in busy:
                request.stop("memory", said)
            if too_large > TOO_LARGE_S:  # it is not the requests: what it remembers
                os.write(2, (said + "; it has ended itself\n").encode("utf-8"))
                self.end()


class Pool:
    """A few threads, started when there is work for them."""

    def __init__(self, agent: Agent, size: int, is_heavy: bool) -> None:
        self._agent = agent
        self._size = size
        self._is_heavy = is_heavy
        self._queue: Any = queue.Queue()
        self._threads: List[threading.Thread] = []
        self._idle = 0
        self._lock = threading.Lock()

    def put(self, known: Verb, request: Request, args: Dict[str, Any]) -> None:
        """Have a verb run as soon as a thread is free."""
        with self._lock:
            if self._idle <= self._queue.qsize() and len(self._threads) < self._size:
                self._threads.append(_start(self._run))
        self._queue.put((known, request, args))

    def _run(self) -> None:
        if self._is_heavy and hasattr(os, "setpriority"):
            try:  # on Linux this thread alone; what others start keeps its priority
                os.setpriority(os.PRIO_PROCESS, 0, int(HELD["nice"]))
            except OSError:
                pass
        while True:
            with self._lock:
                self._idle += 1
            known, request, args = self._queue.get()
            with self._lock:
                self._idle -= 1
            self._agent.work(known, request, args)


def _start(function: Any) -> threading.Thread:
    thread = threading.Thread(target=function)
    thread.daemon = True
    thread.start()
    return thread


def resident_bytes() -> int:
    """Memory this process occupies; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as handle:
            return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def serve(modules: Dict[str, Any]) -> None:
    """Be the agent on this process's standard input and output."""
    source = os.dup(0)
    sink = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)  # nothing that is started here may read or write the frames
    os.dup2(null, 1)
    os.close(null)
    # what the loader's buffer holds of the frames; of the new 0 it gets nothing
    loader: Any = sys.stdin.buffer
    early = bytes(loader.peek(1))
    sys.stdin = None
    for fd in (source, sink):
        os.set_inheritable(fd, False)
    agent = Agent(source, sink, modules)
    agent.send({"hello": find("host.hello").function(Request(0))})
    agent.serve(early)
