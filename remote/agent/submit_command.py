"""The submit command as a process of its own, and what its files say of it.

It writes what it says, and its exit status, into ``.cryodeck/TOKEN.*`` by itself, so it
does not matter when the agent that started it dies.
"""

import os
import re
import subprocess
import threading
import time
from typing import Any, Dict, Optional

from engine.project.atomic import read_text
from remote.agent import records
from remote.agent.verbs import Request

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


def start(
    request: Request, directory: str, intent: Dict[str, Any], plan: Dict[str, Any]
) -> None:
    """Start the submit command as a process of its own, or the job itself."""
    base = records.base(directory, intent["token"])
    is_shell = plan["scheduler"] == "shell"
    stdin = os.path.abspath(request.path(plan["script_path"]))
    words = ["/bin/sh", "-c", STARTER if is_shell else RECORDER, "sh", base]
    words.append(stdin if plan["submit"].get("reads_stdin") else os.devnull)
    environment = dict(os.environ)
    environment.update(plan["submit"].get("env") or {})
    streams: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    opened = []
    if is_shell:
        for stream in ("out", "err"):
            path = os.path.join(directory, "run." + stream)
            opened.append(open(path, "ab"))
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
    thread = threading.Thread(target=process.wait)
    thread.daemon = True
    thread.start()


def conclude(directory: str, intent: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """What a started submission came to, from its own files; None: still under way."""
    base = records.base(directory, intent["token"])
    pid, _, ticks = _text(base + ".pid").strip().partition(" ")
    if intent["scheduler"] == "shell":
        if pid:
            key = "{}:{}:{}".format(intent["host"], pid, ticks)
            return make_entry(intent, "submitted", key)
        return None if _is_young(intent) else make_entry(intent, "not submitted")
    status = _text(base + ".status").strip()
    out, err = _text(base + ".out"), _text(base + ".err")
    if status:
        entry = _judged(intent, int(status), out, err)
        entry["exit_status"] = int(status)
    elif pid and records.is_alive(dict(intent, pid=int(pid), ticks=ticks)):
        return None
    elif pid:
        entry = make_entry(intent, "uncertain")
    elif _is_young(intent):
        return None
    else:
        entry = make_entry(intent, "not submitted")
    entry["said"] = (out + err).strip()[-2000:]
    return entry


def _judged(intent: Dict[str, Any], status: int, out: str, err: str) -> Dict[str, Any]:
    """The submit command's answer; a banner before or after does no harm."""
    found = re.findall(intent["rules"]["id_pattern"], out, re.MULTILINE)
    if status == 0 and found:
        return make_entry(intent, "submitted", found[-1])
    if status == 0 or re.search(intent["rules"]["uncertain"], out + err):
        return make_entry(intent, "uncertain")
    return make_entry(intent, "rejected")


def _is_young(intent: Dict[str, Any]) -> bool:
    return time.time() - float(intent.get("started_at") or 0.0) < YOUNG_S


def _text(path: str) -> str:
    return read_text(path) if os.path.exists(path) else ""


def make_entry(intent: Dict[str, Any], state: str, key: str = "") -> Dict[str, Any]:
    """The record's entry of a submission in a state."""
    left_out = ("stage", "pid", "ticks", "rules", "absent_at", "started_at")
    entry = {k: v for k, v in intent.items() if k not in left_out}
    entry.update(state=state, id=key, answered_at=time.time())
    return entry
