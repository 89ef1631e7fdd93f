"""A project at a glance, in one answer: only what has changed since the last one."""

import os
import threading
import time
import uuid
from typing import Any, Dict, List, Optional, Sequence, Tuple

from engine.project import completion
from engine.project.errors import ProjectError
from engine.project.layout import job_name_in
from engine.project.lock import holder
from engine.project.pipeline import Pipeline, Process
from remote.agent import asking, job_facts, locks, records, submission
from remote.agent.project import pipeline_of
from remote.agent.settings import layers
from remote.agent.verbs import Request, VerbError, verb

SETTLED_CHECK_S = 60.0  # how often folders of settled jobs are looked at again
YOUNG_S = 5.0  # two changes may have the same time where clocks are coarse
_memory: "Dict[str, Memory]" = {}
_memory_lock = threading.Lock()


class Memory:
    """What has been told about a project, and what has changed since."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.epoch = uuid.uuid4().hex[:12]
        self.generation = 0
        self.facts: Dict[str, Dict[str, Any]] = {}
        self.changed: Dict[str, int] = {}
        self.marks: Dict[str, Tuple[Any, ...]] = {}
        self.gone: Dict[str, int] = {}
        self.pipeline: Optional[Pipeline] = None
        self.checked_at = 0.0
        self.edges: Dict[str, Tuple[List[str], List[List[str]]]] = {}


@verb()
def look(
    request: Request,
    since: Optional[List[Any]] = None,
    queries: Sequence[Dict[str, Any]] = (),
    interval: float = 10.0,
    may_change: bool = True,
    settings: bool = False,
) -> Dict[str, Any]:
    """Facts of the jobs that changed since [epoch, generation]; all without it.

    With `queries` the scheduler is asked about the jobs that are not settled, at most
    once in `interval` seconds. With `may_change` markers are carried into the pipeline
    and submissions that were cut off are looked into. With `settings` the answer holds
    what site and project have to say about how jobs run.
    """
    memory = _memory_of(request)
    with memory.lock:
        warnings: List[str] = []
        looked_at = time.time()
        _renew(request, memory)
        if may_change and _carry_over(request, memory, bool(queries), warnings):
            _renew(request, memory)
        said: Dict[str, Any] = {
            "asked_at": None,
            "answers": [],
            "complaint": "",
            "users": {},
        }
        ids = _ids(memory)
        if queries:
            said = asking.answers(request, queries, ids, interval)
        return dict(
            _answer(request, memory, since, said, warnings),
            looked_at=looked_at,
            settings=layers(request) if settings else None,
        )


def _memory_of(request: Request) -> Memory:
    path = os.path.realpath(request.path(""))
    with _memory_lock:
        if path not in _memory and len(_memory) > 8:
            _memory.clear()
        return _memory.setdefault(path, Memory())


def _renew(request: Request, memory: Memory) -> None:
    """Look at the pipeline and at every folder that may have changed."""
    pipeline = pipeline_of(request)
    is_new = pipeline is not memory.pipeline
    if is_new:
        memory.pipeline = pipeline
        memory.edges = _edges(pipeline)
    now = time.time()
    look_closer = is_new or now - memory.checked_at > SETTLED_CHECK_S
    if look_closer:
        memory.checked_at = now
    generation = memory.generation + 1
    names = set()
    for process in pipeline.processes():
        name = process.name.rstrip("/")
        names.add(name)
        known = memory.facts.get(name)
        if known is not None and not look_closer:
            if not _may_change(known):
                continue
            # two calls to the file system in place of twenty
            is_same = memory.marks[name] == _mark(process, request.path(name))
            if is_same and job_facts.is_waiting(known):
                continue
        _renew_job(request, memory, process, name, generation)
    for name in set(memory.facts) - names:
        del memory.facts[name]
        memory.marks.pop(name, None)
        memory.gone[name] = generation
        memory.generation = generation


def _renew_job(
    request: Request, memory: Memory, process: Process, name: str, generation: int
) -> None:
    directory = request.path(name)
    mark = _mark(process, directory)
    known = memory.facts.get(name)
    inputs, outputs = memory.edges.get(process.name, ([], []))
    if known is not None and not _may_change(known) and memory.marks[name] == mark:
        same_edges = known["inputs"] == inputs and known["outputs"] == outputs
        if same_edges:
            return
    facts: Dict[str, Any] = {
        "name": name,
        "alias": process.alias.rstrip("/"),
        "type": process.type_label,
        "status": process.status,
        "inputs": inputs,
        "outputs": outputs,
    }
    if process.status in ("Running", "Scheduled"):
        facts.update(job_facts.of_running(directory))
    else:
        facts.update(job_facts.of_ended(directory))
        if facts["entry"]:
            facts["submitting"] = job_facts.submitting(directory)
    memory.marks[name] = mark
    if facts != known:
        memory.facts[name] = facts
        memory.changed[name] = generation
        memory.gone.pop(name, None)
        memory.generation = generation


def _mark(process: Process, directory: str) -> Tuple[Any, ...]:
    """What says that a job's folder has changed; never the same while it is new."""
    paths = [directory]
    if process.status in ("Running", "Scheduled"):
        paths.append(os.path.join(directory, records.OWN))
    times = []
    for path in paths:
        try:
            times.append(os.stat(path).st_mtime_ns)
        except OSError:
            times.append(0)
    now = time.time()
    is_young = now - max(times) / 1e9 < YOUNG_S
    word = (process.status, process.alias, process.type_label)
    return (*word, *times, now if is_young else 0.0)


def _may_change(facts: Dict[str, Any]) -> bool:
    return facts["status"] in ("Running", "Scheduled") or is_open(facts)


def is_open(facts: Dict[str, Any]) -> bool:
    """Whether the last word on a job has not been written down yet."""
    entry = facts.get("entry")
    if facts["status"] == "Running" or facts.get("submitting"):
        return True
    ended_badly = facts["status"] in ("Failed", "Aborted")
    return bool(
        ended_badly
        and entry
        and entry["state"] == "submitted"
        and "verdict" not in entry
    )


def _ids(memory: Memory) -> Any:
    found = set()
    for facts in memory.facts.values():
        entry = facts.get("entry")
        if not entry or entry["state"] != "submitted" or not is_open(facts):
            continue
        if entry["scheduler"] != "shell" and entry["id"]:
            found.add(entry["id"])
    return found


def _edges(pipeline: Pipeline) -> Dict[str, Tuple[List[str], List[List[str]]]]:
    """Jobs that feed each job, and the files it makes with their labels."""
    found: Dict[str, Any] = {p.name: ([], []) for p in pipeline.processes()}
    maker = {}
    labels = dict(pipeline.nodes())
    for job, path in pipeline.outputs():
        maker[path] = job
        if job in found:
            found[job][1].append([path, labels.get(path, "")])
    for path, job in pipeline.inputs():
        source = (maker.get(path) or job_name_in(path)).rstrip("/")
        if job in found and source and source not in found[job][0]:
            found[job][0].append(source)
    return found


def _carry_over(
    request: Request, memory: Memory, may_ask: bool, warnings: List[str]
) -> bool:
    """Markers into the pipeline; submissions that were cut off to their end."""
    project = request.path("")
    locks.clear_dead(project)
    changed = False
    facts = list(memory.facts.values())
    arrays = [f["name"] for f in facts if job_facts.is_array_under_way(f)]
    ended = [f for f in facts if f["status"] == "Running" and f.get("marker")]
    if any(f["name"] not in arrays for f in ended):
        seen = holder(project)
        if seen is not None and seen.age_s > 5.0:
            warnings.append("the project is locked by {}".format(seen.describe()))
        if seen is None:
            try:
                changed = bool(completion.check_completion(project, arrays))
            except (ProjectError, OSError) as error:
                warnings.append(str(error))
    for one in facts:
        cut_off = one.get("submitting")
        if not cut_off or cut_off["alive"] or not may_ask:
            continue
        directory = request.path(one["name"])
        if records.read_intent(directory) is None:
            continue
        try:
            submission.settle(request, one["name"], directory)
            changed = True
        except VerbError as error:
            if error.code != "busy":
                warnings.append("{}: {}".format(one["name"], error))
        except ProjectError as error:
            warnings.append(str(error))
    return changed


def _answer(
    request: Request,
    memory: Memory,
    since: Optional[List[Any]],
    said: Dict[str, Any],
    warnings: List[str],
) -> Dict[str, Any]:
    is_full = since is None or since[0] != memory.epoch
    after = -1 if is_full or since is None else int(since[1])
    jobs = [f for n, f in memory.facts.items() if memory.changed[n] > after]
    gone = [] if is_full else [n for n, g in memory.gone.items() if g > after]
    assert memory.pipeline is not None
    answer = dict(said)
    answer.update(
        project=os.path.abspath(request.path("")),
        epoch=memory.epoch,
        generation=memory.generation,
        full=is_full,
        version=memory.pipeline.version,
        jobs=jobs,
        gone=gone,
        taken_at=time.time(),
        warnings=warnings,
    )
    return answer
