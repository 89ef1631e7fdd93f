"""Ranks as threads of one process: whether results depend on the number of ranks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from engine.parallel import Communicator, Counter

T = TypeVar("T")


class _Board:
    """What the threads of one run share."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = threading.Barrier(size)
        self.values: list[Any] = [None] * size
        self.lock = threading.Lock()


class ThreadCommunicator(Communicator):
    """One rank: a thread of this process."""

    def __init__(self, board: Any, rank: int) -> None:
        self._board = board
        self.rank = rank
        self.size = board.size

    def sum(self, array: Any) -> Any:
        """The sum over ranks, on every rank."""
        return np.sum(np.stack(self.gather(np.asarray(array))), axis=0).astype(
            np.asarray(array).dtype
        )

    def broadcast(self, value: T, root: int = 0) -> T:
        """What rank `root` has, on every rank."""
        return self.gather(value)[root]

    def gather(self, value: T) -> list[T]:
        """What each rank has, on every rank."""
        self._board.values[self.rank] = value
        self._board.barrier.wait()
        values = list(self._board.values)
        self._board.barrier.wait()
        return values

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self._board.barrier.wait()

    def counter(self) -> Counter:
        """A count under a lock."""
        box = self.broadcast([0])
        return _ThreadCounter(self, box)

    def abort(self, exit_code: int) -> None:
        """Break every other rank out of its waiting."""
        self._board.barrier.abort()

    @property
    def lock(self) -> threading.Lock:
        """The lock all ranks share."""
        return self._board.lock  # type: ignore[no-any-return]


class _ThreadCounter:
    def __init__(self, comm: ThreadCommunicator, box: list[int]) -> None:
        self._comm = comm
        self._box = box

    def add(self, count: int = 1) -> int:
        with self._comm.lock:
            self._box[0] += count
            return self._box[0]

    def finish(self) -> int:
        self._comm.barrier()
        return self._box[0]


def run_threads(size: int, function: Callable[[Communicator], T]) -> list[T]:
    """The results of a function run by several ranks at once, as threads.

    The first exception of any rank is raised here once all have ended.
    """
    board = _Board(size)
    results: list[Any] = [None] * size
    errors: list[BaseException] = []

    def one(rank: int) -> None:
        comm = ThreadCommunicator(board, rank)
        try:
            results[rank] = function(comm)
        except threading.BrokenBarrierError as error:
            errors.append(error)
        except BaseException as error:
            errors.insert(0, error)
            comm.abort(1)

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results
