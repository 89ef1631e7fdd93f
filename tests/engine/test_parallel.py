from __future__ import annotations

import numpy as np
import pytest
from support.rank_threads import run_threads

from engine.parallel import Communicator, launched_size


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("count", [0, 1, 5, 24])
def test_shares_are_contiguous_even_and_complete(size, count):
    items = list(range(count))
    shares = run_threads(size, lambda comm: comm.share(items))
    assert [item for share in shares for item in share] == items
    lengths = [len(share) for share in shares]
    assert max(lengths) - min(lengths) <= 1


def test_sums_gathers_and_broadcasts_reach_every_rank():
    def program(comm: Communicator) -> tuple[np.ndarray, list[int], str]:
        total = comm.sum(np.array([comm.rank, 1.0]))
        return total, comm.gather(comm.rank**2), comm.broadcast(f"from {comm.rank}", 1)

    for total, squares, word in run_threads(3, program):
        np.testing.assert_array_equal(total, [3.0, 3.0])
        assert squares == [0, 1, 4]
        assert word == "from 1"


def test_a_sum_is_a_new_array_even_alone():
    array = np.ones(2)
    total = Communicator().sum(array)
    total += 1
    np.testing.assert_array_equal(array, [1.0, 1.0])


def test_a_counter_ends_with_everybodys_total():
    def program(comm: Communicator) -> int:
        counter = comm.counter()
        for _ in range(comm.rank + 1):
            counter.add()
        return counter.finish()

    assert run_threads(4, program)[0] == 10


def test_an_exception_of_one_thread_ends_the_others():
    def program(comm: Communicator) -> None:
        if comm.rank == 1:
            message = "rank 1 broke"
            raise RuntimeError(message)
        comm.barrier()

    with pytest.raises(RuntimeError, match="rank 1 broke"):
        run_threads(3, program)


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, 1),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, 4),
        ({"PMI_SIZE": "3"}, 3),
        ({"SLURM_STEP_NUM_TASKS": "8"}, 8),
        ({"SLURM_NTASKS": "8"}, 1),  # a batch script's own shell
        ({"OMPI_COMM_WORLD_SIZE": "2", "SLURM_STEP_NUM_TASKS": "1"}, 2),
    ],
)
def test_the_launcher_says_how_many_ranks_there_are(environment, size):
    assert launched_size(environment.items()) == size
