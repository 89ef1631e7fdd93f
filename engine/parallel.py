"""Ranks that share work: one process, or the ranks of MPI.

Every rank runs the same program on its share of the items; there is no idle leader.
`mpi4py` is imported here only, inside functions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from engine.errors import InputError

T = TypeVar("T")

#: Sizes that launchers announce: Open MPI, MPICH's Hydra and Intel MPI, MVAPICH.
_LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


class Counter(Protocol):
    """A count that all ranks add to and rank 0 can read at any time."""

    def add(self, count: int = 1) -> int:
        """Add; what is known of the total so far (on other ranks: their own part)."""
        ...

    def finish(self) -> int:
        """The total, on rank 0, once all ranks have come here."""
        ...


class Communicator:
    """One process alone; the base of those with company.

    Attributes
    ----------
    rank, size : int
    """

    rank: int = 0
    size: int = 1

    def share(self, items: Sequence[T]) -> list[T]:
        """This rank's items: contiguous blocks whose lengths differ by one at most."""
        quotient, rest = divmod(len(items), self.size)
        first = self.rank * quotient + min(self.rank, rest)
        return list(items[first : first + quotient + (self.rank < rest)])

    def sum(self, array: Any) -> Any:
        """The sum over ranks of a host array or number, on every rank, in its type.

        Returns a new array of the same shape and type.
        """
        return np.array(array, copy=True)

    def broadcast(self, value: T, root: int = 0) -> T:
        """What rank `root` has, on every rank."""
        return value

    def gather(self, value: T) -> list[T]:
        """What each rank has, in the order of ranks, on every rank."""
        return [value]

    def barrier(self) -> None:
        """Wait until every rank is here."""

    def counter(self) -> Counter:
        """A new shared count; every rank must call this."""
        return _LocalCounter()

    def abort(self, exit_code: int) -> None:
        """End all ranks at once, because one of them cannot go on."""


class _LocalCounter:
    def __init__(self) -> None:
        self._total = 0

    def add(self, count: int = 1) -> int:
        self._total += count
        return self._total

    def finish(self) -> int:
        return self._total


class MpiCommunicator(Communicator):
    """The ranks of an MPI communicator (mpi4py)."""

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self.rank = comm.Get_rank()
        self.size = comm.Get_size()
        self._counters = 0

    def sum(self, array: Any) -> Any:
        """The sum over ranks, on every rank."""
        local = np.ascontiguousarray(array)
        total = np.empty_like(local)
        self._comm.Allreduce(local, total)
        return total

    def broadcast(self, value: T, root: int = 0) -> T:
        """What rank `root` has, on every rank."""
        return self._comm.bcast(value, root=root)  # type: ignore[no-any-return]

    def gather(self, value: T) -> list[T]:
        """What each rank has, on every rank."""
        return self._comm.allgather(value)  # type: ignore[no-any-return]

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self._comm.Barrier()

    def counter(self) -> Counter:
        """A count that travels in small messages nobody waits for."""
        self._counters += 1
        return _MpiCounter(self._comm, tag=self._counters)

    def abort(self, exit_code: int) -> None:
        """End all ranks at once."""
        self._comm.Abort(exit_code)


class _MpiCounter:
    def __init__(self, comm: Any, tag: int) -> None:
        self._comm = comm
        self._tag = tag
        self._total = 0
        self._sent: list[Any] = []
        self._done = 0  # ranks that have finished (rank 0 only)

    def add(self, count: int = 1) -> int:
        self._total += count
        if self._comm.Get_rank() != 0:
            self._sent.append(self._comm.isend(count, dest=0, tag=self._tag))
            self._sent = [request for request in self._sent if not request.Test()]
        else:
            self._drain()
        return self._total

    def _drain(self) -> None:
        from mpi4py import MPI

        while self._comm.iprobe(source=MPI.ANY_SOURCE, tag=self._tag):
            self._take(self._comm.recv(source=MPI.ANY_SOURCE, tag=self._tag))

    def _take(self, count: int | None) -> None:
        if count is None:
            self._done += 1
        else:
            self._total += count

    def finish(self) -> int:
        from mpi4py import MPI

        if self._comm.Get_rank() != 0:
            self._comm.send(None, dest=0, tag=self._tag)
            for request in self._sent:
                request.wait()
        else:
            while self._done < self._comm.Get_size() - 1:
                self._take(self._comm.recv(source=MPI.ANY_SOURCE, tag=self._tag))
        return self._total


def launched_size(environment: Iterable[tuple[str, str]] | None = None) -> int:
    """How many ranks the launcher says there are; 1 without one."""
    values = dict(os.environ.items() if environment is None else environment)
    for name in _LAUNCHER_SIZES:
        if values.get(name, "").isdigit():
            return int(values[name])
    tasks = values.get("SLURM_STEP_NUM_TASKS", "")
    return int(tasks) if tasks.isdigit() else 1


def world() -> Communicator:
    """All ranks of this run; alone unless a launcher started this process.

    Raises
    ------
    InputError
        If a launcher started several ranks, but mpi4py is missing or sees only one
        (it was built for another MPI): each rank would do the whole job.
    """
    size = launched_size()
    if size == 1:
        return Communicator()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        message = (
            f"mpirun started {size} ranks, but mpi4py cannot be used ({error}); "
            "install cryodeck[mpi] against this cluster's MPI"
        )
        raise InputError(message) from error
    comm = MpiCommunicator(MPI.COMM_WORLD)
    if comm.size == 1:
        library = MPI.Get_library_version().split("\n")[0].split(",")[0]
        message = (
            f"the launcher started {size} ranks, but every rank is alone: mpi4py uses "
            f"{library.strip()}, which this launcher does not know; load the MPI that "
            "mpi4py was built with, or with srun choose --mpi=pmix"
        )
        raise InputError(message)
    return comm
