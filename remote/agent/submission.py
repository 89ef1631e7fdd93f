"""Submitting a job exactly once.

The intent is written down before anything is started, and the submit command writes what
it says into files by itself, so it does not matter when this agent dies: whoever comes
next finds out from the files, or from the scheduler by the token, what became of it.
Nothing is ever submitted while that is not known.
"""

import hashlib
import os
import re
import subprocess
import time
from typing import Any, Dict, Optional

from engine.project import actions
from engine.project.actions import EXIT_MARKERS
from engine.project.atomic import read_text, touch, write_text
from engine.project.change import changing, read_pipeline
from remote.agent import queries, records
from remote.agent.verbs import Request, VerbError, verb

SETTLED = ("submitted", "rejected", "not submitted")
COMMAND_S = 110.0  # Slurm's own time-outs are shorter
SEARCH_S = 12.0  # how long `submit` itself looks for a job it is not sure of
GRACE_S = 30.0  # between two answers without the token before it counts as absent
YOUNG_S = 10.0  # within this a command may not yet have written its first file

_PID = """\
read -r line </proc/$$/stat
ticks=$(echo ") ${line##*) }" | cut -d' ' -f21)
echo "$$ $ticks" >"$base.pid.tmp" && mv -f "$base.pid.tmp" "$base.pid"
"""
#: runs the submit command whatever happens to the agent; its words: BASE STDIN ARGV...
RECORDER = (
    """\
base=$1 stdin=$2
shift 2
[ -e "$base.void" ] && exit 0
"""
    + _PID
    + """\
"$@" <"$stdin" >"$base.out" 2>"$base.err"
echo $? >"$base.status.tmp" && mv -f "$base.status.tmp" "$base.status"
"""
)
#: without a scheduler the job itself takes the recorder's place
STARTER = (
    """\
base=$1
shift 2
[ -e "$base.void" ] && exit 0
"""
    + _PID
    + 'exec "$@"\n'
)


@verb(whole=True)
def submit(request: Request, name: str, plan: Dict[str, Any]) -> Dict[str, Any]:
    """Submit a job, or say what became of this token before; the record's entry."""
    name, directory = _job(request, name)
    known = records.find(directory, plan["token"])
    if known is not None and known["state"] in SETTLED:
        return known
    settled = settle(request, name, directory)
    if settled is not None and settled["token"] == plan["token"]:
        return settled
    intent = _intent(plan)
    if not records.claim(directory, intent):
        raise _busy(name)
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


def _job(request: Request, name: str) -> Any:
    found = read_pipeline(request.path("")).resolve(name).rstrip("/")
    return found, request.path(found)


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
        text = "{} is running or queued already; abort it, or mark it, before it runs again"
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
    )
    script = request.path(plan["script_path"])
    write_text(script, plan["script"])
    os.chmod(script, 0o755)
    intent["stage"] = "started"
    records.update_intent(directory, intent)
    _start(request, directory, intent, plan)
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
    return _settled(request, name, directory, intent, entry)


def _start(
    request: Request, directory: str, intent: Dict[str, Any], plan: Dict[str, Any]
) -> None:
    """Start the submit command as a process of its own, or the job itself."""
    base = records.base(directory, intent["token"])
    is_shell = plan["scheduler"] == "shell"
    stdin = request.path(plan["script_path"])
    words = ["/bin/sh", "-c", STARTER if is_shell else RECORDER, "sh", base]
    words.append(stdin if plan["submit"].get("reads_stdin") else os.devnull)
    environment = dict(os.environ)
    environment.update(plan["submit"].get("env") or {})
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # type: Any
    opened = []
    if is_shell:
        for stream in ("out", "err"):
            path = os.path.join(directory, "run." + stream)
            opened.append(open(path, "ab"))  # noqa: SIM115
            streams["std" + stream] = opened[-1]
    try:
        process = subprocess.Popen(
            [os.fsencode(w) for w in words + list(plan["submit"]["argv"])],
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=request.path(""),
            start_new_session=True,
            **streams,
        )
    finally:
        for handle in opened:
            handle.close()
    _bury(process)


def _bury(process: Any) -> None:
    """Wait for a child in a thread of its own, so that it leaves no zombie."""
    import threading

    thread = threading.Thread(target=process.wait)
    thread.daemon = True
    thread.start()


def conclude(directory: str, intent: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """What a started submission came to, from its own files; None: still under way."""
    base = records.base(directory, intent["token"])
    pid, ticks = (_text(base + ".pid").split() + ["", ""])[:2]
    if intent["scheduler"] == "shell":
        if pid:
            key = "{}:{}:{}".format(intent["host"], pid, ticks)
            return _entry(intent, "submitted", key)
        return None if _is_young(intent) else _entry(intent, "not submitted")
    status = _text(base + ".status").strip()
    out, err = _text(base + ".out"), _text(base + ".err")
    if status:
        entry = _judged(intent, int(status), out, err)
        entry["exit_status"] = int(status)
    elif pid and records.is_alive(dict(intent, pid=int(pid), ticks=ticks)):
        return None
    elif pid:
        entry = _entry(intent, "uncertain")
    elif _is_young(intent):
        return None
    else:
        entry = _entry(intent, "not submitted")
    entry["said"] = (out + err).strip()[-2000:]
    return entry


def _judged(intent: Dict[str, Any], status: int, out: str, err: str) -> Dict[str, Any]:
    """The submit command's answer; a banner before or after does no harm."""
    found = re.findall(intent["rules"]["id_pattern"], out, re.MULTILINE)
    if status == 0 and found:
        return _entry(intent, "submitted", found[-1])
    if status == 0 or re.search(intent["rules"]["uncertain"], out + err):
        return _entry(intent, "uncertain")
    return _entry(intent, "rejected")


def _is_young(intent: Dict[str, Any]) -> bool:
    return time.time() - float(intent.get("at") or 0.0) < YOUNG_S


def _text(path: str) -> str:
    return read_text(path) if os.path.exists(path) else ""


def _entry(intent: Dict[str, Any], state: str, key: str = "") -> Dict[str, Any]:
    left_out = ("stage", "pid", "ticks", "rules", "absent_at")
    entry = {k: v for k, v in intent.items() if k not in left_out}
    entry.update(state=state, id=key, answered_at=time.time())
    return entry


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
    if records.is_alive(intent):
        raise _busy(name)
    if intent["stage"] == "prepared":
        _take_back(request, name, directory, intent)
        records.release(directory, intent["token"])
        return None
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
) -> Dict[str, Any]:
    """Write down what became of a submission, and what follows for the pipeline."""
    if entry["state"] in ("rejected", "not submitted"):
        base = records.base(directory, intent["token"])
        touch(base + ".void")  # should it turn up after all, it must do nothing
        _take_back(request, name, directory, intent)
    records.put(directory, entry)
    if entry["state"] != "uncertain":
        records.release(directory, intent["token"])
        _sweep(directory, intent["token"])
    else:
        intent["pid"] = 0
        records.update_intent(directory, intent)
    return entry


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
    for marker, status in EXIT_MARKERS:
        if status == before:
            touch(os.path.join(directory, marker))
    with changing(request.path("")) as pipeline:
        if pipeline.process(name).status == "Running":
            pipeline.set_status(name, before)


@verb(whole=True)
def reconcile(request: Request, name: str) -> Optional[Dict[str, Any]]:
    """What became of a job's latest submission; asks the scheduler if need be."""
    name, directory = _job(request, name)
    settled = settle(request, name, directory)
    return settled if settled is not None else records.latest(directory)
