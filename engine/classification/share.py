"""A rank's share of the particles: batches of them, and results of all ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Assignments, Batch
from engine.classification.masking import moved
from engine.classification.model import ClassModel
from engine.classification.state import Groups, ParticleSource, Settings
from engine.parallel import Communicator

T = TypeVar("T")


class Share:
    """The particles of one rank, the same ones throughout.

    Parameters
    ----------
    source : ParticleSource
    n_particles : int
        Of all ranks.
    groups : Groups
    settings : Settings
    comm : Communicator
    """

    def __init__(
        self,
        source: ParticleSource,
        n_particles: int,
        groups: Groups,
        settings: Settings,
        comm: Communicator,
    ) -> None:
        self.source, self.groups, self.settings = source, groups, settings
        self.n_particles, self.comm = n_particles, comm
        self._own = np.array(comm.share(range(n_particles)), dtype=np.int64)

    def mine(self, indices: Array) -> Array:
        """Those of some particles that this rank works on."""
        return indices[np.isin(indices, self._own, assume_unique=True)]

    def batches(
        self, indices: Array, particles: Assignments, model: ClassModel | None = None
    ) -> Iterator[Batch]:
        """Particles one batch after another."""
        for part in self.parts(indices):
            yield self.batch(part, particles, model)

    def parts(self, indices: Array) -> list[Array]:
        """Indices of each batch."""
        size = self.settings.batch_size
        return [indices[i : i + size] for i in range(0, len(indices), size)]

    def batch(
        self, index: Array, particles: Assignments, model: ClassModel | None
    ) -> Batch:
        """Particles moved by their whole-pixel offsets, on the model's grey scale."""
        offset = particles.offset_px[index]
        origin = np.sign(offset) * np.floor(np.abs(offset) + 0.5)
        average = 1.0 if model is None else model.norm_average
        norm = average / np.maximum(particles.norm_correction[index], 1e-6)
        images = moved(self.source.images(index), origin.astype(np.int64))
        if model is not None:
            images = images * norm.astype(np.float32)[:, None, None]
        scale_group = self.groups.scale[index]
        scale = np.ones(len(index)) if model is None else model.group_scale[scale_group]
        return Batch(
            index=index,
            images=images,
            ctf=self.source.ctf(index) if self.settings.optics.do_ctf else None,
            origin_px=origin,
            rest_px=offset - origin,
            psi_deg=particles.psi_deg[index],
            norm=norm if model is not None else np.ones(len(index)),
            scale=np.maximum(scale, 0.001),
            noise_group=self.groups.noise[index],
            scale_group=scale_group,
        )

    def gathered(
        self, mine: Assignments, index: Array, old: Assignments
    ) -> Assignments:
        """All particles: every rank's new ones where there are, else the old ones.

        `index` is in ascending order.
        """
        if self.comm.size == 1 and len(index) == self.n_particles:
            return mine
        whole = Assignments.empty(self.n_particles)
        put(whole, slice(None), old)
        for part_index, part in self.comm.gather((index, mine)):
            put(whole, part_index, part)
        return whole


def put(target: Assignments, where: Array | slice, values: Assignments) -> None:
    """Write some particles over those at the same places."""
    for name in Assignments.__slots__:
        getattr(target, name)[where] = getattr(values, name)


def in_order(
    function: Callable[[Array], T], parts: Sequence[Array], n_threads: int
) -> Iterator[T]:
    """Results in the order of the parts, by threads if there are several."""
    if n_threads <= 1:
        yield from (function(part) for part in parts)
        return
    with ThreadPoolExecutor(n_threads) as pool:
        ahead = 2 * n_threads
        waiting = [pool.submit(function, part) for part in parts[:ahead]]
        for position in range(len(parts)):
            result = waiting.pop(0).result()
            if position + ahead < len(parts):
                waiting.append(pool.submit(function, parts[position + ahead]))
            yield result
