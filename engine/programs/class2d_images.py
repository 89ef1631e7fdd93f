"""Where a classification keeps its images, and which particles take part."""

from __future__ import annotations

import logging
import math
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
from engine.programs.particle_set import ImageStore, ParticleSet

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
        store.receive(mine, comm)
    elif options.preread:
        _tell(context, "all particles into memory: %.2f GB over all ranks", gigabytes)
        _check_memory(context, gigabytes / comm.size)
        store.hold(mine)
    elif options.scratch:
        name = f"{context.directory.name}_{comm.rank}"
        store.copy_to_scratch(mine, options.scratch, name)


def _check_memory(context: Context, gigabytes: float) -> None:
    """Warn where this rank's particles alone need more memory than is free."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return  # not Linux
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    free = math.inf if found is None else int(found[1]) * 1024 / 1e9
    if context.is_leader and gigabytes > free:
        context.warn(
            f"pre-reading takes {gigabytes:.1f} GB in this process, {free:.1f} GB are "
            "free on this node: say No to pre-reading, or use more nodes"
        )


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
