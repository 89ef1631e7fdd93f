"""Ending a job, and writing down how it ended."""

import os
import signal
import time
from typing import Any, Dict, List

from engine.project import actions, nodes_tree
from engine.project.actions import ABORTED, EXIT_MARKERS, FAILURE
from engine.project.atomic import touch
from engine.project.change import changing, read_pipeline
from engine.project.completion import marker_status
from remote.agent import job_facts, locks, queries, records
from remote.agent.processes import execute
from remote.agent.verbs import Request, VerbError, verb

TICK_S = 0.25
KILL_AFTER_S = 5.0
LOCK_S = 2.0


@verb(whole=True)
def abort(
    request: Request, name: str, cancel_argv: List[str], wait_s: float = 15.0
) -> Dict[str, Any]:
    """Stop a job: RELION's abort file first, the scheduler's cancel after a wait.

    Says which of the two took effect: "file", "scheduler", "process", or "none" if
    there was nothing to cancel.
    """
    project = request.path("")
    pipeline = read_pipeline(project)
    process = pipeline.process(pipeline.resolve(name))
    name = process.name.rstrip("/")
    directory = request.path(name)
    if records.read_intent(directory) is not None:
        text = "{} is just being submitted; abort it in a moment"
        raise VerbError(text.format(name), "busy")
    if process.status != "Running":
        text = "{} is not running ({})"
        raise VerbError(text.format(name, process.status), "conflict")
    actions.request_abort(project, name)
    entry = records.latest(directory)
    is_ours = entry is not None and entry["state"] == "submitted"
    said: Dict[str, Any] = {"took": "none", "complaint": "", "waited_s": 0.0}
    if not is_ours or entry is None:
        return said
    started = time.monotonic()
    base = records.base(directory, entry["token"])
    while os.path.exists(base + ".started"):  # a job that waits will not see the file
        if _is_over(directory, entry, base):
            said["took"] = "file"
            break
        if time.monotonic() - started >= wait_s:
            break
        time.sleep(TICK_S)
    said["waited_s"] = round(time.monotonic() - started, 2)
    if said["took"] == "none":
        if entry["scheduler"] == "shell":
            _end_process(entry, said)
        elif cancel_argv:
            _cancel(request, entry, cancel_argv, said)
    note = {"at": time.time(), "by": queries.user(), "took": said["took"]}
    records.put(
        directory, dict(records.find(directory, entry["token"]) or entry, abort=note)
    )
    return said


def _is_over(directory: str, entry: Dict[str, Any], base: str) -> bool:
    if os.path.exists(base + ".ended"):
        return True
    return (
        entry["scheduler"] == "shell" and job_facts.process_alive(entry["id"]) is False
    )


def _cancel(
    request: Request,
    entry: Dict[str, Any],
    cancel_argv: List[str],
    said: Dict[str, Any],
) -> None:
    argv = queries.fill(cancel_argv, [entry["id"]])
    status, out, err, _ = execute(request, argv)
    if status == 0:
        said["took"] = "scheduler"
    else:
        text = (err or out).decode("utf-8", "replace")
        said["complaint"] = " ".join(text.split())[:300]


def _end_process(entry: Dict[str, Any], said: Dict[str, Any]) -> None:
    """End the process group of a job without a scheduler, by force if need be."""
    alive = job_facts.process_alive(entry["id"])
    if alive is None:
        text = "it runs on {}, not here; open the project there to end it"
        said["complaint"] = text.format(entry["id"].partition(":")[0])
        return
    group = int(entry["id"].split(":")[1])
    deadline = time.monotonic() + KILL_AFTER_S
    _signal(group, signal.SIGTERM)
    while job_facts.process_alive(entry["id"]):
        if time.monotonic() > deadline:
            _signal(group, signal.SIGKILL)
            break
        time.sleep(0.05)
    said["took"] = "process"


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


@verb(whole=True)
def write_verdict(
    request: Request, name: str, token: str, status: str, verdict: Dict[str, Any]
) -> bool:
    """Write down how a submission ended; False if it has been, or a newer one is there.

    A job that still counts as running gets RELION's exit marker and its status, so that
    RELION knows too.
    """
    project = request.path("")
    directory = request.path(name)
    entry = records.latest(directory)
    if entry is None or entry["token"] != token or "verdict" in entry:
        return False
    if records.read_intent(directory) is not None:
        return False
    # a lock that is held need not keep an overview waiting: it comes again
    with changing(project, LOCK_S, locks.watch(project)) as pipeline:
        process = pipeline.process(name)
        if process.status == "Running":
            marker = marker_status(project, name)
            if not marker:
                touch(
                    os.path.join(directory, ABORTED if status == "Aborted" else FAILURE)
                )
                marker = status
            pipeline.set_status(process.name, marker)
            nodes_tree.show_outputs(project, pipeline, process.name)
        elif process.status not in [word for _, word in EXIT_MARKERS]:
            return False
    records.put(directory, dict(entry, verdict=verdict))
    return True


@verb(whole=True)
def revive(request: Request, name: str, token: str) -> bool:
    """Have a job count as running again that its scheduler has put back into the queue.

    False if it has ended for good meanwhile, or a newer submission is there.
    """
    project = request.path("")
    directory = request.path(name)
    entry = records.latest(directory)
    if entry is None or entry["token"] != token or "verdict" in entry:
        return False
    with changing(project, LOCK_S, locks.watch(project)) as pipeline:
        process = pipeline.process(name)
        if process.status not in ("Failed", "Aborted"):
            return False
        for marker, status in EXIT_MARKERS:
            path = os.path.join(directory, marker)
            if status != "Succeeded" and os.path.exists(path):
                os.unlink(path)
        pipeline.set_status(process.name, "Running")
    return True
