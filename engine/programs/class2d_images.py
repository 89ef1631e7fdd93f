"""Where a classification keeps its images, and which particles take part."""

from __future__ import annotations

import logging
import math
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.classification.outliers import reasons
from engine.errors import InputError
from engine.programs.class2d_options import Options
from engine.programs.context import Context
from engine.programs.image_store import ImageStore
from engine.programs.particle_set import ParticleSet

_log = logging.getLogger(__name__)


def place_images(
    context: Context, options: Options, particles: ParticleSet, store: ImageStore
) -> None:
    """Put this rank's images where the form wants them."""
    comm = context.comm
    mine: Array = np.array(comm.share(range(len(particles))), dtype=np.int64)
    gigabytes = len(particles) * particles.box_px**2 * 4 / 1e9
    if not options.parallel_io and comm.size > 1:
        _tell(context, "rank 0 reads all particles: %.2f GB in memory", gigabytes)
        check_memory(context, gigabytes / comm.size)
        store.receive(mine, comm)
    elif options.preread:
        _tell(context, "all particles into memory: %.2f GB over all ranks", gigabytes)
        check_memory(context, gigabytes / comm.size)
        store.hold(mine)
    elif options.scratch:
        name = f"{context.directory.name}_{comm.rank}"
        store.copy_to_scratch(mine, options.scratch, name)


def check_memory(context: Context, gigabytes: float) -> None:
    """Warn where the particles of a node's processes need more memory than is free.

    `gigabytes` are those of this process; every rank must call this.
    """
    told = context.comm.gather((platform.node(), gigabytes, _free_gigabytes()))
    for node in dict.fromkeys(name for name, _, _ in told):
        parts = [part for name, part, _ in told if name == node]
        free = min(there for name, _, there in told if name == node)
        if context.is_leader and sum(parts) > free:
            context.warn(
                f"the particles take {sum(parts):.1f} GB in {len(parts)} processes on "
                f"{node}, {free:.1f} GB are free there: say No to pre-reading, Yes to "
                "parallel disc I/O, or use more nodes"
            )


def _free_gigabytes() -> float:
    """Memory of this node that can be had; infinite where nothing says."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return math.inf  # not Linux
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return math.inf if found is None else int(found[1]) * 1024 / 1e9


def left_out(
    context: Context, particles: ParticleSet, store: ImageStore, n_classes: int
) -> dict[int, str]:
    """Rows of particles that take no part, with the reason; told to people."""
    comm = context.comm
    mine: Array = np.array(comm.share(range(len(particles))), dtype=np.int64)
    found = reasons(store.deviations(mine, comm), particles.optics_index)
    left_out = {row: reason for row, reason in enumerate(found) if reason}
    n, left = len(particles), len(particles) - len(left_out)
    if left < n_classes:
        row, reason = next(iter(left_out.items()))
        message = (
            f"{particles.path}: {left} of {n} particles can be used, too few for "
            f"{n_classes} classes; particle {row + 1}: {reason}; extract them again"
        )
        raise InputError(message)
    if left_out and context.is_leader:
        for row, reason in list(left_out.items())[:5]:
            _log.info("left out: %s: %s", image_name(particles, row), reason)
        context.warn(
            f"{particles.path}: {len(left_out)} of {len(particles)} particles take no "
            f"part, the first {image_name(particles, next(iter(left_out)))}; they "
            "keep their rows, in the class of the lowest share"
        )
    return left_out


def image_name(particles: ParticleSet, row: int) -> str:
    """A particle's number@stack, for messages."""
    stack = particles.stacks[int(particles.stack_index[row])]
    return f"{int(particles.image_index[row]) + 1:06d}@{stack}"


def _tell(context: Context, text: str, *values: Any) -> None:
    report: Callable[..., None] = _log.info
    if context.is_leader:
        report(text, *values)
