"""What is known about a job's surroundings; all of it may be unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Knowledge about inputs, project and cluster that makes checks sharper.

    Attributes
    ----------
    exists : callable or None
        Whether a path relative to the project exists.
    producer_status : callable or None
        Status word of the job that makes a path; empty if none does.
    micrographs, particles, references : int or None
        Rows of the job's inputs.
    box_px : int or None, px
        Edge of the input particles.
    pixel_size : float or None, Å per pixel
        Of the input micrographs or particles.
    micrograph_px : (int, int) or None, px
        Width and height of the micrographs.
    has_ctf : bool or None
        Whether the input holds CTF values.
    done : int or None
        Micrographs this very job has finished, or iterations.
    last_optimiser : str
        Newest optimiser file of this very job.
    cores_per_node, gpus_per_node : int or None
    memory_per_node, free_disk : float or None, bytes
    max_time_s : float or None
        Longest time that the queue allows.
    queue : str
        The queue that the job goes to, if it is known; `cores_per_node` and its kin
        are then those of its largest node.
    queue_cores : int or None
        Cores of all its nodes together.
    queue_nodes : int or None
        Nodes that it gives a job at most.
    queues : tuple of str
        All queues there are; empty if that is unknown.
    no_engine_on : str
        Name of the cluster, if cryodeck's engine was looked for there and not found.
    """

    exists: Callable[[str], bool] | None = None
    producer_status: Callable[[str], str] | None = None
    micrographs: int | None = None
    particles: int | None = None
    references: int | None = None
    box_px: int | None = None
    pixel_size: float | None = None
    micrograph_px: tuple[int, int] | None = None
    has_ctf: bool | None = None
    done: int | None = None
    last_optimiser: str = ""
    cores_per_node: int | None = None
    gpus_per_node: int | None = None
    memory_per_node: float | None = None
    free_disk: float | None = None
    max_time_s: float | None = None
    queue: str = ""
    queue_cores: int | None = None
    queue_nodes: int | None = None
    queues: tuple[str, ...] = ()
    no_engine_on: str = ""


NOTHING_KNOWN = Facts()
