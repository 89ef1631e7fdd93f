"""What queues can give: the largest node, all of it, the longest time.

Text in, records out; nothing is asked here. What a scheduler does not tell is None or
0, and says nothing about any job.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from remote.schedulers.base import duration, megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """One queue (Slurm: partition)."""

    name: str
    is_default: bool = False
    nodes: int = 0
    cores: int = 0  # of all its nodes together
    cores_idle: int | None = None  # of these, at the time
    cores_per_node: int = 0  # of the largest
    memory_mb: float = 0.0  # of the largest
    gpus_per_node: int | None = None
    max_nodes: int | None = None  # that one job may have
    max_time_s: float | None = None


#: scheduler -> commands whose output tells of its queues
ARGV: dict[str, tuple[tuple[str, ...], ...]] = {
    "slurm": (("sinfo", "-a", "-h", "-e", "-o", "%P|%l|%D|%c|%m|%G|%s|%C"),),
    "sge": (("qstat", "-f", "-xml"),),
    "pbs": (("qstat", "-Qf"), ("pbsnodes", "-a")),
    "lsf": (("bqueues", "-l"), ("bhosts", "-w")),
}


def queues_of(scheduler: str, outputs: Sequence[str]) -> dict[str, QueueLimits]:
    """Queues by name, from the outputs of the commands in `ARGV`."""
    read = _READERS.get(scheduler)
    return {} if read is None else {queue.name: queue for queue in read(outputs)}


def joined(queues: Sequence[QueueLimits], name: str) -> QueueLimits:
    """Several as one, as a job that names them all sees them: the most generous."""
    found = QueueLimits(name=name)
    for queue in queues:
        found = _with_nodes(found, queue)
    nodes, times = [q.max_nodes for q in queues], [q.max_time_s for q in queues]
    return replace(
        found,
        max_nodes=None if None in nodes else max(n or 0 for n in nodes),
        max_time_s=None if None in times else max(t or 0.0 for t in times),
    )


def _with_nodes(queue: QueueLimits, more: QueueLimits) -> QueueLimits:
    gpus = [n for n in (queue.gpus_per_node, more.gpus_per_node) if n is not None]
    return replace(
        queue,
        nodes=queue.nodes + more.nodes,
        cores=queue.cores + more.cores,
        cores_idle=_sum(queue.cores_idle, more.cores_idle),
        cores_per_node=max(queue.cores_per_node, more.cores_per_node),
        memory_mb=max(queue.memory_mb, more.memory_mb),
        gpus_per_node=max(gpus) if gpus else None,
    )


# Slurm


def _slurm(outputs: Sequence[str]) -> list[QueueLimits]:
    """Rows of sinfo, one for each kind of node of a partition."""
    found: dict[str, QueueLimits] = {}
    for line in outputs[0].splitlines():
        fields = line.split("|")
        if len(fields) not in {7, 8}:
            continue
        name, limit, nodes, cores, memory, gres, size = (f.strip() for f in fields[:7])
        count, each = _number(nodes), _number(cores)
        row = QueueLimits(
            name=name.rstrip("*"),
            is_default=name.endswith("*"),
            nodes=count,
            cores=count * each,
            cores_idle=_idle(fields[7]) if len(fields) == 8 else None,
            cores_per_node=each,
            memory_mb=float(_number(memory)),
            gpus_per_node=_gres_gpus(gres),
            max_nodes=_most_nodes(size),
            max_time_s=duration(limit),
        )
        known = found.get(row.name)
        found[row.name] = row if known is None else _with_nodes(known, row)
    if not any(queue.gpus_per_node for queue in found.values()):
        # a site whose GPUs are asked for in words of its own
        return [replace(queue, gpus_per_node=None) for queue in found.values()]
    return list(found.values())


def _idle(cores: str) -> int | None:
    """Idle cores of "allocated/idle/other/all"."""
    parts = cores.split("/")
    return _number(parts[1]) if len(parts) == 4 else None


def _sum(some: int | None, more: int | None) -> int | None:
    known = [number for number in (some, more) if number is not None]
    return sum(known) if known else None


def _gres_gpus(text: str) -> int:
    """GPUs of a node: "gpu:a100:4(S:0-1),gpu:2" has six."""
    counts = re.findall(r"(?:^|,)gpu(?::[^:,()]*)??(?::(\d+))?(?=[,(]|$)", text)
    return sum(int(count or 1) for count in counts)


def _most_nodes(size: str) -> int | None:
    """Nodes of the largest job: "1-4" has four, "1-infinite" no limit."""
    last = size.rpartition("-")[2]
    return int(last) if last.isdigit() else None


def _number(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match.group()) if match else 0


# Grid Engine

_INSTANCE = re.compile(
    r"<name>([^<@]+)@([^<]+)</name>(?:(?!</?Queue-List>)[\s\S])*?"
    r"<slots_total>(\d+)</slots_total>"
)


def _sge(outputs: Sequence[str]) -> list[QueueLimits]:
    """Queue instances: a queue on a host, with its slots."""
    found: dict[str, QueueLimits] = {}
    for name, _, slots in _INSTANCE.findall(outputs[0]):
        row = QueueLimits(
            name=name, nodes=1, cores=int(slots), cores_per_node=int(slots)
        )
        known = found.get(name)
        found[name] = row if known is None else _with_nodes(known, row)
    return list(found.values())


# PBS


def _pbs(outputs: Sequence[str]) -> list[QueueLimits]:
    """Queues, and the nodes of each: those that name no queue serve all of them."""
    queues, nodes = (
        _blocks(outputs[0], r"Queue:? +(\S+)"),
        _blocks(outputs[1], r"(\S+)"),
    )
    found = []
    for name, said in queues.items():
        if said.get("queue_type", "Execution").startswith("R"):
            continue  # a routing queue gives nothing itself
        queue = QueueLimits(
            name=name,
            max_time_s=duration(said.get("resources_max.walltime", "")),
            max_nodes=_number(said.get("resources_max.nodect", "")) or None,
        )
        for node in nodes.values():
            if node.get("queue", name) == name:
                queue = _with_nodes(queue, _pbs_node(node))
        most = _number(said.get("resources_max.ncpus", ""))
        if most:
            queue = replace(queue, cores=min(queue.cores or most, most))
        found.append(queue)
    return found


def _pbs_node(said: dict[str, str]) -> QueueLimits:
    """A node as PBS Pro tells of it, or Torque."""
    cores = _number(said.get("resources_available.ncpus", said.get("np", "")))
    gpus = said.get("resources_available.ngpus", said.get("gpus", ""))
    physical = re.search(r"physmem=(\d+\w*)", said.get("status", ""))
    memory = said.get("resources_available.mem", physical.group(1) if physical else "")
    return QueueLimits(
        name="",
        nodes=1,
        cores=cores,
        cores_per_node=cores,
        memory_mb=megabytes(memory.upper()) or 0.0,
        gpus_per_node=_number(gpus) if gpus else None,
    )


def _blocks(text: str, head: str) -> dict[str, dict[str, str]]:
    """Blocks of "key = value" below a head that begins in the first column."""
    found: dict[str, dict[str, str]] = {}
    block: dict[str, str] = {}
    for line in text.splitlines():
        match = re.match(head, line)
        if match and not line[0].isspace():
            block = found.setdefault(match.group(1), {})
        elif " = " in line:
            key, _, value = line.strip().partition(" = ")
            block[key] = value.strip()
    return found


# LSF


def _lsf(outputs: Sequence[str]) -> list[QueueLimits]:
    """Queues with their run limit; all hosts serve all of them, as far as is told."""
    slots = [
        int(fields[3])
        for fields in (line.split() for line in outputs[1].splitlines())
        if len(fields) > 4 and fields[3].isdigit()
    ]
    found = []
    for block in re.split(r"^QUEUE: ", outputs[0], flags=re.MULTILINE)[1:]:
        limit = re.search(r"RUNLIMIT\s+([\d.]+) min", block)
        found.append(
            QueueLimits(
                name=block.split(None, 1)[0],
                is_default="default queue" in block,
                nodes=len(slots),
                cores=sum(slots),
                cores_per_node=max(slots, default=0),
                max_time_s=60.0 * float(limit.group(1)) if limit else None,
            )
        )
    return found


_READERS: dict[str, Callable[[Sequence[str]], list[QueueLimits]]] = {
    "slurm": _slurm,
    "sge": _sge,
    "pbs": _pbs,
    "lsf": _lsf,
}
