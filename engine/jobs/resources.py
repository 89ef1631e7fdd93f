"""Whether what a job asks for fits what it does and where it runs."""

from __future__ import annotations

import re

from engine.errors import InputError
from engine.jobs.active import autopick_branch
from engine.jobs.facts import Facts
from engine.jobs.job import Job
from engine.jobs.problem import WARNING, Problem
from engine.jobs.requests import clock, parse_memory, parse_time_limit
from engine.jobs.running import ENGINE_KEY

GIB = 1024.0**3


def check_resources(job: Job, facts: Facts) -> list[Problem]:
    """Ranks, threads, GPUs, memory and disk, each against what is known."""
    try:
        ranks = job.integer("nr_mpi", 1)
        threads = job.integer("nr_threads", 1)
    except InputError:
        return []  # said elsewhere
    problems = []
    if ranks < 1:
        problems.append(Problem("nr_mpi", "at least one process is needed"))
    if threads < 1:
        problems.append(Problem("nr_threads", "at least one thread is needed"))
    if problems:
        return problems
    problems += _engine(job, facts)
    problems += _ranks(job, facts, ranks)
    problems += _cores(job, facts, ranks, threads)
    problems += _queue(job, facts)
    if job.flag("use_gpu", False):
        problems += _gpus(job, facts, ranks)
    problems += _asked_for(job, facts)
    problems += _memory(job, facts, ranks, threads)
    problems += _fom_maps(job, facts, ranks)
    return problems


def _engine(job: Job, facts: Facts) -> list[Problem]:
    if job.engine != "cryodeck" or not facts.no_engine_on:
        return []
    message = (
        f"cryodeck's engine is not on {facts.no_engine_on} yet: "
        f"`cryodeck install {facts.no_engine_on}` puts it there; or choose relion"
    )
    return [Problem(ENGINE_KEY, message, WARNING)]


def _ranks(job: Job, facts: Facts, ranks: int) -> list[Problem]:
    is_relion = job.engine == "relion"
    problems = []
    if job.type.key == "class2d" and is_relion and ranks == 2:
        message = (
            "RELION's first process only leads, so 2 work no faster than 1; "
            "give 1, or the number of workers plus 1"
        )
        problems.append(Problem("nr_mpi", message, WARNING))
    micrographs = facts.micrographs or ranks
    if job.type.key in {"autopick", "extract", "ctffind"} and ranks > micrographs:
        message = (
            f"{ranks} processes for {micrographs} micrographs: "
            f"{ranks - micrographs} would be idle; give at most {micrographs}"
        )
        problems.append(Problem("nr_mpi", message, WARNING))
    if ranks > 32 and is_relion and not job.flag("do_queue"):
        message = (
            "RELION refuses more than 32 processes without a queue; "
            "submit to the queue or give fewer"
        )
        problems.append(Problem("nr_mpi", message))
    return problems


def _cores(job: Job, facts: Facts, ranks: int, threads: int) -> list[Problem]:
    problems = []
    cores = facts.cores_per_node
    is_queued = job.flag("do_queue", False)
    if cores and threads > cores and is_queued:
        where = f"the largest node of queue {facts.queue}" if facts.queue else "a node"
        message = (
            f"{threads} threads, but {where} has {cores} cores; give at most those"
        )
        problems.append(Problem("nr_threads", message))
    elif cores and facts.queue and is_queued:
        problems += _spread(facts, ranks, threads, cores)
    if cores and ranks * threads > cores and not is_queued:
        message = (
            f"{ranks} processes × {threads} threads on {cores} cores without a queue; "
            "they will get in each other's way"
        )
        problems.append(Problem("nr_mpi", message, WARNING))
    dedicated = job.number("min_dedicated", 1)
    if dedicated < 1:
        problems.append(Problem("min_dedicated", "must be 1 or more"))
    elif is_queued and (ranks * threads) % dedicated:
        message = (
            f"{ranks} × {threads} cores do not fill nodes of {dedicated:g}; "
            "the rest of the last node is wasted"
        )
        if job.text("qsubscript", ""):
            problems.append(Problem("min_dedicated", message, WARNING))
    return problems


def _spread(facts: Facts, ranks: int, threads: int, cores: int) -> list[Problem]:
    """Whether the queue has room for all ranks, and on how many nodes."""
    asked = ranks * threads
    words = f"{ranks} × {threads} threads ask for {asked} cores"
    if facts.queue_cores and asked > facts.queue_cores:
        message = (
            f"{words}; all nodes of queue {facts.queue} together have "
            f"{facts.queue_cores}, so it would never start; give fewer"
        )
        return [Problem("nr_mpi", message)]
    nodes = -(-ranks // (cores // threads))
    if nodes == 1:
        return []
    words += f"; the largest node of queue {facts.queue} has {cores}"
    if facts.queue_nodes and nodes > facts.queue_nodes:
        given = f"{facts.queue_nodes} node{'' if facts.queue_nodes == 1 else 's'}"
        message = f"{words} and a job gets {given} at most; give fewer"
        return [Problem("nr_mpi", message)]
    message = f"{words}, so they are spread over {nodes} nodes or more"
    return [Problem("nr_mpi", message, WARNING)]


def _queue(job: Job, facts: Facts) -> list[Problem]:
    """Whether there are the queues that the form names; RELION's default is none."""
    if not facts.queues or not job.flag("do_queue", False):
        return []
    default = job.type.defaults(job.version).get("queuename", "")
    names = [name.strip() for name in job.text("queuename", "").split(",")]
    wrong = [n for n in names if n and n != default and n not in facts.queues]
    if not wrong:
        return []
    there = ", ".join(facts.queues[:8]) + (" ..." if len(facts.queues) > 8 else "")
    message = f"the scheduler has no queue {wrong[0]}; it has: {there}"
    return [Problem("queuename", message, WARNING)]


def parse_gpu_ids(text: str) -> list[list[int]]:
    """GPU numbers for each rank: ranks apart by colons, a rank's by commas.

    An empty text gives an empty list: all that can be seen.
    """
    stripped = text.strip()
    if not stripped:
        return []
    if re.search(r"\s", stripped):
        message = (
            f"{text!r}: no blanks in a GPU list; write ranks apart by colons, 0:1:2:3"
        )
        raise InputError(message)
    if not re.fullmatch(r"\d+(,\d+)*(:\d+(,\d+)*)*", stripped):
        message = (
            f"{text!r} is not a list of GPUs; write numbers, with "
            "colons between ranks and commas within a rank, as in 0:1:2:3 or 0,1:2,3"
        )
        raise InputError(message)
    return [[int(n) for n in rank.split(",")] for rank in stripped.split(":")]


def _gpus(job: Job, facts: Facts, ranks: int) -> list[Problem]:
    try:
        lists = parse_gpu_ids(job.text("gpu_ids"))
    except InputError as error:
        return [Problem("gpu_ids", str(error))]
    problems = []
    if facts.gpus_per_node == 0:
        problems.append(Problem("use_gpu", "the nodes of this queue have no GPU"))
    highest = max((n for one in lists for n in one), default=-1)
    if facts.gpus_per_node and highest >= facts.gpus_per_node:
        message = (
            f"GPU {highest} does not exist: a node has {facts.gpus_per_node}, "
            f"numbered from 0; leave the list empty to take all"
        )
        problems.append(Problem("gpu_ids", message))
    has_leader = job.type.key == "class2d" and job.engine == "relion" and ranks > 1
    workers = ranks - 1 if has_leader else ranks
    if len(lists) > 1 and len(lists) != workers:
        words = f"{len(lists)} GPU groups for {workers} working processes"
        if has_leader:
            words += " (RELION's first one only leads)"
            better = len(lists) + 1
        else:
            better = len(lists)
        message = f"{words}; set Number of MPI procs to {better} or change the list"
        problems.append(Problem("gpu_ids", message, WARNING))
    return problems


def _asked_for(job: Job, facts: Facts) -> list[Problem]:
    problems = []
    key = "cryodeck_time_limit"
    try:
        limit = parse_time_limit(job.text(key, ""))
        if limit is not None and facts.max_time_s and limit > facts.max_time_s:
            message = (
                f"{clock(limit)} is longer than this queue allows, "
                f"{clock(facts.max_time_s)}; ask for less or for another queue"
            )
            problems.append(Problem(key, message))
    except InputError as error:
        problems.append(Problem(key, str(error)))
    key = "cryodeck_memory"
    try:
        memory = parse_memory(job.text(key, ""))
        if memory and facts.memory_per_node and memory > facts.memory_per_node:
            message = (
                f"{memory / GIB:.0f} GiB asked for, but a node has "
                f"{facts.memory_per_node / GIB:.0f} GiB"
            )
            problems.append(Problem(key, message))
    except InputError as error:
        problems.append(Problem(key, str(error)))
    return problems


def _memory(job: Job, facts: Facts, ranks: int, threads: int) -> list[Problem]:
    if job.type.key != "class2d" or not job.flag("do_preread_images"):
        return []
    if not facts.particles or not facts.box_px:
        return []
    each = 4.0 * facts.particles * facts.box_px**2
    readers = max(1, ranks - 1) if job.engine == "relion" else ranks
    if facts.cores_per_node:
        readers = min(readers, max(1, facts.cores_per_node // threads))
    need = each if job.engine == "cryodeck" else each * readers
    if facts.memory_per_node and need > 0.9 * facts.memory_per_node:
        message = (
            f"pre-reading takes {need / GIB:.1f} GiB on a node of "
            f"{facts.memory_per_node / GIB:.0f} GiB; say No and give a scratch "
            "directory, or use fewer processes a node"
        )
        return [Problem("do_preread_images", message)]
    return []


def _fom_maps(job: Job, facts: Facts, ranks: int) -> list[Problem]:
    if job.type.key != "autopick" or autopick_branch(job) == "topaz":
        return []
    writes = job.flag("do_write_fom_maps")
    if not writes and not job.flag("do_read_fom_maps"):
        return []
    problems = []
    if ranks > 1 and writes:
        message = (
            "writing FOM maps is heavy on the disk; run it in one process "
            "(Number of MPI procs: 1)"
        )
        problems.append(Problem("nr_mpi", message, WARNING))
    is_limited = writes and "--no_fom_limit" not in job.text("other_args")
    if is_limited and (facts.micrographs or 0) > 30:
        message = (
            "FOM maps stop at more than 30 micrographs and there are "
            f"{facts.micrographs}; select a few, or add --no_fom_limit to the "
            "additional arguments"
        )
        problems.append(Problem("do_write_fom_maps", message))
    need = fom_map_bytes(job, facts)
    if writes and need and facts.free_disk is not None and need > 0.9 * facts.free_disk:
        message = (
            f"FOM maps would take about {need / GIB:.1f} GiB and "
            f"{facts.free_disk / GIB:.1f} GiB are free; select fewer micrographs"
        )
        problems.append(Problem("do_write_fom_maps", message))
    return problems


def fom_map_bytes(job: Job, facts: Facts) -> float | None:
    """Disk space that FOM maps take, in bytes; None if too little is known.

    Square float32 maps at the working size: for templates two of each and two of the
    noise for every micrograph, for LoG one of each diameter tried and four more.
    """
    if not facts.micrographs or not facts.micrograph_px:
        return None
    edge = _working_size(job, facts)
    if autopick_branch(job) == "log":
        maps = 4 + _LOG_DIAMETERS
    else:
        maps = 2 + 2 * (facts.references or 1)
    return 4.0 * edge**2 * maps * facts.micrographs


_LOG_DIAMETERS = 11  # RELION tries so many around the two that are given


def _working_size(job: Job, facts: Facts) -> float:
    """Edge of the maps in pixels: what shrink makes of the micrograph's longer side."""
    full = float(max(facts.micrograph_px or (0, 0)))
    is_log = autopick_branch(job) == "log"
    shrink = 0.0 if is_log else job.number("shrink")
    if shrink > 1:
        return shrink
    if shrink > 0:
        return shrink * full
    limit = job.number_or_none("log_maxres" if is_log else "lowpass")
    if limit and facts.pixel_size:
        return min(full, 2 * round(full * facts.pixel_size / limit))
    return full
