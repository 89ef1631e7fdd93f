"""Which GPU a rank works on: chosen once, from the form's list and the rank."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Sequence

from engine.arrays import device_count, use_device
from engine.errors import InputError
from engine.jobs.resources import parse_gpu_ids
from engine.parallel import Communicator

_log = logging.getLogger(__name__)


def choose_device(gpu_ids: str, comm: Communicator) -> int:
    """The CUDA number of this rank's GPU, which its work happens on from now on.

    Parameters
    ----------
    gpu_ids : str
        RELION's list: ranks apart by colons, a rank's GPUs by commas; empty for all.
    comm : Communicator

    Raises
    ------
    InputError
        If the list cannot be read, or names a GPU that is not there.
    ResourceError
        If there is no GPU at all, or cupy is not installed.
    """
    groups = parse_gpu_ids(gpu_ids)
    device = device_of_rank(groups, comm.rank, device_count())
    name = use_device(device)
    _log.info("works on GPU %d (%s)", device, name)
    idle = sum(len(group) for group in groups) - comm.size
    if idle > 0 and comm.rank == 0:
        _log.warning(
            "%d of the GPUs in %s stay idle: a process works on one, so set Number of "
            "MPI procs to %d",
            idle,
            gpu_ids,
            idle + comm.size,
        )
    return device


def device_of_rank(groups: Sequence[Sequence[int]], rank: int, count: int) -> int:
    """The GPU of a rank.

    Rank r takes group r of the list, and begins again when there are more ranks than
    groups; ranks that share a group take its GPUs in turn.

    Parameters
    ----------
    groups : sequence of sequences of int
        From `parse_gpu_ids`; none for all GPUs.
    rank : int
    count : int
        How many GPUs this node has.
    """
    missing = sorted({gpu for group in groups for gpu in group if gpu >= count})
    if missing:
        named = ", ".join(map(str, missing))
        there = "is 0 only" if count == 1 else f"are 0 to {count - 1}"
        message = (
            f"Which GPUs to use: GPU {named} does not exist; on this node there {there}"
            " (leave the list empty to take all)"
        )
        raise InputError(message)
    groups = groups or [[gpu] for gpu in range(count)]
    group = groups[rank % len(groups)]
    return group[rank // len(groups) % len(group)]


def ranks_on_device(device: int, comm: Communicator) -> int:
    """How many ranks work on this rank's GPU, itself among them.

    The same number is another GPU on another node, or where a scheduler shows each
    process its own.
    """
    mine = (platform.node(), os.environ.get("CUDA_VISIBLE_DEVICES", ""), device)
    return comm.gather(mine).count(mine)
