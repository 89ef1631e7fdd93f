"""Submitting a job exactly once.

The intent is written down before anything is started, and the submit command writes
what it says into files by itself, so it does not matter when this agent dies: whoever
comes next finds out from the files, or from the scheduler by the token, what became of
it. Nothing is ever submitted while that is not known.
"""

import hashlib
import os
import time
from typing import Any, Dict, Optional, Set

from engine.project import actions
from engine.project.actions import EXIT_MARKERS
from engine.project.atomic import touch, write_bytes
from engine.project.change import (
    PIPELINE,
    ROOM_BYTES,
    changing,
    make_sure_of_room,
    read_pipeline,
)
from engine.project.lock import ProjectLock
from remote.agent import locks, queries, records
from remote.agent.submit_command import conclude, start
from remote.agent.verbs import Request, VerbError, verb

SETTLED = ("submitted", "rejected", "not submitted")
COMMAND_S = 110.0  # Slurm's own time-outs are shorter
SEARCH_S = 12.0  # how long `submit` itself looks for a job it is not sure of
_under_way: Set[str] = set()  # tokens of the submissions that this process is making
GRACE_S = 30.0  # between two answers without the token before it counts as absent


@verb(whole=True)
def submit(request: Request, name: str, plan: Dict[str, Any]) -> Dict[str, Any]:
    """Submit a job, or say what became of this token before; the record's entry."""
    name, directory = _job(request, name)
    known = records.find(directory, plan["token"])
    if known is not None and known["state"] in SETTLED:
        _sweep(directory, plan["token"])
        if records.read_intent(directory) is not None:
            settle(request, name, directory)
        return known
    settled = settle(request, name, directory)
    if settled is not None and settled["token"] == plan["token"]:
        return settled
    make_sure_of_room(request.path(""), 4 * ROOM_BYTES)
    intent = _intent(plan)
    if not records.claim(directory, intent):
        raise _busy(name)
    _under_way.add(intent["token"])
    try:
        _allow(request, name, plan, intent)
        return _make(request, name, directory, intent, plan)
    except BaseException:
        if intent["stage"] == "prepared":
            _take_back(request, name, directory, intent)
            records.release(directory, intent["token"])
        else:
            intent["pid"] = 0  # whoever comes next may find out what became of it
            records.update_intent(directory, intent)
        raise
    finally:
        _under_way.discard(intent["token"])


def _job(request: Request, name: str) -> Any:
    locks.clear_dead(request.path(""))
    found = read_pipeline(request.path("")).resolve(name).rstrip("/")
    return found, os.path.abspath(request.path(found))


def _busy(name: str) -> VerbError:
    text = "{} is being submitted at this moment, by another window or person"
    return VerbError(text.format(name), "busy")


def _intent(plan: Dict[str, Any]) -> Dict[str, Any]:
    command = plan["submit"]
    intent = {
        "token": plan["token"],
        "scheduler": plan["scheduler"],
        "stage": "prepared",
        "at": time.time(),
        "user": queries.user(),
        "continuing": bool(plan.get("continuing")),
        "argv": command["argv"],
        "commands": plan["commands"],
        "script": plan["script_path"],
        "script_sha256": hashlib.sha256(plan["script"].encode("utf-8")).hexdigest(),
        "limit_s": plan.get("limit_s") or None,
        "status_before": "",
        "rules": {key: command[key] for key in ("id_pattern", "uncertain", "find")},
    }
    intent.update(records.myself())
    return intent


def _allow(
    request: Request, name: str, plan: Dict[str, Any], intent: Dict[str, Any]
) -> None:
    """Refuse what must not be started; note what the job was before."""
    status = read_pipeline(request.path("")).process(name).status
    if status == "Running":
        text = "{} is running or queued already; abort it or mark it first"
        raise VerbError(text.format(name), "conflict")
    if status != "Scheduled" and not plan.get("continuing"):
        text = "{} was run before ({}); continue it, or make a new job from it"
        raise VerbError(text.format(name, status), "conflict")
    intent["status_before"] = status


def _make(
    request: Request,
    name: str,
    directory: str,
    intent: Dict[str, Any],
    plan: Dict[str, Any],
) -> Dict[str, Any]:
    for stream in ("out", "err"):
        path = os.path.join(directory, "run." + stream)
        size = os.path.getsize(path) if os.path.exists(path) else 0
        intent["{}_offset".format(stream)] = size
    records.update_intent(directory, intent)
    actions.launch(
        request.path(""),
        name,
        plan["commands"],
        plan.get("job_star", ""),
        [tuple(node) for node in plan.get("inputs", ())],
        [tuple(node) for node in plan.get("outputs", ())],
        plan.get("type_label", ""),
        gui_name=plan.get("gui_name", ""),
        on_wait=locks.watch(request.path("")),
    )
    script = os.path.abspath(request.path(plan["script_path"]))
    text = plan["script"].encode("utf-8", "surrogateescape")
    write_bytes(script, text, 0o777)  # under the umask, as RELION leaves it
    intent["stage"] = "started"
    intent["started_at"] = time.time()
    records.update_intent(directory, intent)
    start(request, directory, intent, plan)
    deadline = time.monotonic() + COMMAND_S
    while time.monotonic() < deadline:
        entry = conclude(directory, intent)
        if entry is not None:
            break
        time.sleep(0.01)
    else:
        text = (
            "{}: the submit command has not answered for {:.0f} s; it is being watched"
        )
        raise VerbError(text.format(name, COMMAND_S), "time limit")
    searched_until = time.monotonic() + SEARCH_S
    while entry["state"] == "uncertain" and time.monotonic() < searched_until:
        entry = _look_for(request, directory, intent, entry)
        if entry["state"] == "uncertain":
            time.sleep(2.0)
    return _settled(request, name, directory, intent, entry, as_owner=True)


def _is_given_up(intent: Dict[str, Any]) -> bool:
    """Whether it was this very agent's, which could not even write down its failure."""
    return intent.get("pid") == os.getpid() and intent["token"] not in _under_way


def _look_for(
    request: Request, directory: str, intent: Dict[str, Any], entry: Dict[str, Any]
) -> Dict[str, Any]:
    """Ask the scheduler for the token; absent twice, with time between, is absent."""
    said = queries.find(request, intent["rules"]["find"])
    if said["id"]:
        return dict(entry, state="submitted", id=said["id"], answered_at=time.time())
    if said["answered"]:
        first = intent.setdefault("absent_at", time.time())
        records.update_intent(directory, intent)
        if time.time() - first >= GRACE_S:
            return dict(entry, state="not submitted", answered_at=time.time())
    return entry


def settle(request: Request, name: str, directory: str) -> Optional[Dict[str, Any]]:
    """Find out what became of a submission that was cut off, if there is one.

    None if there is none or nothing was started. Busy while somebody is at it.
    """
    intent = records.read_intent(directory)
    if intent is None:
        return None
    if records.is_alive(intent) and not _is_given_up(intent):
        raise _busy(name)
    if intent["stage"] == "prepared":
        _take_back(request, name, directory, intent)
        _release_locked(request, directory, intent["token"])
        return None
    known = records.find(directory, intent["token"])
    if known is not None and known["state"] in SETTLED:  # only the tidying was missing
        _release_locked(request, directory, intent["token"])
        _sweep(directory, intent["token"])
        return known
    entry = conclude(directory, intent)
    if entry is None:
        raise _busy(name)
    if entry["state"] == "uncertain":
        entry = _look_for(request, directory, intent, entry)
    return _settled(request, name, directory, intent, entry)


def _settled(
    request: Request,
    name: str,
    directory: str,
    intent: Dict[str, Any],
    entry: Dict[str, Any],
    as_owner: bool = False,
) -> Dict[str, Any]:
    """Write down what became of a submission, and what follows for the pipeline.

    Whoever clears up after another does so under the lock, and only if nobody has done
    it and begun anew meanwhile.
    """
    token = intent["token"]
    if entry["state"] in ("rejected", "not submitted"):
        # should it turn up after all, it must do nothing
        touch(records.base(directory, token) + ".void")
        _take_back(request, name, directory, intent)
    records.put(directory, entry)
    if entry["state"] == "uncertain":
        intent["pid"] = 0
        records.update_intent(directory, intent)
        return entry
    if as_owner:
        records.release(directory, token)
    else:
        _release_locked(request, directory, token)
    _sweep(directory, token)
    return entry


def _release_locked(request: Request, directory: str, token: str) -> None:
    project = request.path("")
    with ProjectLock(project, PIPELINE, on_wait=locks.watch(project)):
        records.release(directory, token)


def _sweep(directory: str, token: str) -> None:
    for end in ("out", "err", "status", "pid"):
        try:
            os.unlink(records.base(directory, token) + "." + end)
        except OSError:
            pass


def _take_back(
    request: Request, name: str, directory: str, intent: Dict[str, Any]
) -> None:
    """Give a job that was not started the status it had."""
    before = intent.get("status_before")
    if not before:
        return
    project = request.path("")
    with changing(project, on_wait=locks.watch(project)) as pipeline:
        now = records.read_intent(directory)
        if now is None or now.get("token") != intent["token"]:
            return
        for marker, status in EXIT_MARKERS:
            if status == before:
                touch(os.path.join(directory, marker))
        if pipeline.process(name).status == "Running":
            pipeline.set_status(name, before)
