"""A rank's images: where a classification keeps them, and how they come there."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.classification.outliers import deviations
from engine.ctf import Ctf
from engine.errors import ResourceError
from engine.parallel import Communicator
from engine.programs.particle_set import ParticleSet

_log = logging.getLogger(__name__)

#: Bytes that a scratch disk must keep free.
_KEEP_FREE = 10 * 1024**3
#: Images read at a time.
_CHUNK = 512


class ImageStore:
    """This rank's images: streamed from their stacks, in memory, or on scratch.

    Parameters
    ----------
    particles : ParticleSet
    """

    def __init__(self, particles: ParticleSet) -> None:
        self.particles = particles
        self._held: Array | None = None
        self._place: Array | None = None

    @property
    def box_px(self) -> int:
        """Edge of the images."""
        return self.particles.box_px

    def ctf(self, indices: Array) -> Ctf | None:
        """Optics and defocus of some particles."""
        return self.particles.ctf(indices)

    def images(self, indices: Array) -> Array:
        """Images by index, float32, shape (n, y, x)."""
        if self._held is None or self._place is None:
            return self.particles.read(indices)
        return np.asarray(self._held[self._place[indices]], dtype=np.float32)

    def deviations(self, mine: Array, comm: Communicator) -> Array:
        """Standard deviation of each image, shape (n,); ranks share the reading."""
        out = np.empty(len(mine))
        for first in range(0, len(mine), 64):
            part = slice(first, first + 64)
            out[part] = deviations(self.images(mine[part]))
        whole = np.empty(len(self.particles))
        for index, values in comm.gather((mine, out)):
            whole[index] = values
        return whole

    def hold(self, mine: Array, target: Array | None = None) -> None:
        """Read this rank's images once, into memory or into another array."""
        shape = (len(mine), self.box_px, self.box_px)
        held = np.empty(shape, dtype=np.float32) if target is None else target
        for first in range(0, len(mine), _CHUNK):
            part = slice(first, first + _CHUNK)
            held[part] = self.particles.read(mine[part])
        self._keep(held, mine)

    def receive(self, mine: Array, comm: Communicator) -> None:
        """Rank 0 reads all images and hands each rank its own."""
        held = np.empty((len(mine), self.box_px, self.box_px), dtype=np.float32)
        first_index = int(mine[0]) if len(mine) else 0
        for first in range(0, len(self.particles), _CHUNK):
            last = min(first + _CHUNK, len(self.particles))
            images = None
            if comm.rank == 0:
                images = self.particles.read(np.arange(first, last))
            images = comm.broadcast(images)
            low, high = max(first, first_index), min(last, first_index + len(mine))
            if low < high and images is not None:
                own = slice(low - first_index, high - first_index)
                held[own] = images[low - first : high - first]
        self._keep(held, mine)

    def copy_to_scratch(self, mine: Array, folder: str, name: str) -> None:
        """Copy this rank's images to a fast disk.

        Raises
        ------
        ResourceError
            If there is no such folder, or too little room in it.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(path).free
        except OSError as error:
            message = f"scratch directory {folder}: {error.strerror or error}"
            raise ResourceError(message) from error
        needed = len(mine) * self.box_px**2 * 4
        margin = min(_KEEP_FREE, shutil.disk_usage(path).total // 20)
        if free - needed < margin:
            raise _too_little(folder, needed, margin, free)
        if not len(mine):
            return
        name = f"cryodeck_{name}_{os.getpid()}.float32"
        shape = (len(mine), self.box_px, self.box_px)
        try:
            with (path / name).open("w+b") as file:
                # without a name its room is free again however this process ends
                (path / name).unlink()
                # ranks of one node see what the others have taken
                os.posix_fallocate(file.fileno(), 0, needed)
                target = np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
        except OSError as error:
            free = shutil.disk_usage(path).free
            if error.errno == errno.ENOSPC:
                raise _too_little(folder, needed, margin, free) from error
            message = f"scratch directory {folder}: {error.strerror or error}"
            raise ResourceError(message) from error
        self.hold(mine, target)
        _log.info("%d particles (%.2f GB) copied to %s", len(mine), needed / 1e9, path)

    def _keep(self, held: Array, mine: Array) -> None:
        place = np.full(len(self.particles), -1, dtype=np.int64)
        place[mine] = np.arange(len(mine))
        self._held, self._place = held, place

    def close(self) -> None:
        """Let go of what is in memory or on scratch."""
        self._held = None


def _too_little(folder: str, needed: int, margin: int, free: int) -> ResourceError:
    return ResourceError(
        f"scratch directory {folder}: {needed / 1e9:.1f} GB needed beside "
        f"{margin / 1e9:.1f} GB to stay free, {free / 1e9:.1f} GB are; use "
        "another disk or none"
    )
