"""Everything that a job's own folder says about it, in a few small reads."""

import glob
import json
import os
import re
import socket
from typing import Any, Dict, List, Optional

from engine.project.actions import ABORT_NOW, EXIT_MARKERS
from engine.project.errors import StarError
from remote.agent import lists, records
from remote.agent.relion_progress import iterations, newest_whole
from remote.agent.text import one_line
from remote.agent.ticked import SELECTED

TAIL_BYTES = 16384
SUMMARY_BYTES = 4 << 20
_KEPT = (
    "token", "state", "id", "scheduler", "at", "answered_at", "host", "user", "said",
    "limit_s", "continuing", "verdict", "abort", "out_offset", "err_offset",
)  # fmt: skip
_TOP_NUMBER = re.compile(r'^ "(\w+)": (-?\d+(?:\.\d+)?),?$', re.MULTILINE)
_COUNT = re.compile(r"\d{1,9}\Z")
#: what schedulers write into a job's errors when they end it
_KILLER = re.compile(
    r"(?i)slurmstepd|CANCELLED AT|DUE TO|oom[-_ ]?kill|exceeded .*(?:limit|memory)|"
    r"job killed|TERM_\w+|out of memory|walltime"
)
_ERROR = re.compile(
    r"\bERROR\b|\b[A-Z]\w*(?:Error|Exception): |\berror: "
    # what the shell, the loader and the launchers say in words of their own
    r"|: (?:command )?not found$|: No module named |cannot open shared object file"
    r"|mpirun has detected an attempt to run as root"
    r"|not enough slots available|Segmentation fault|Illegal instruction"
)


def of_running(directory: str) -> Dict[str, Any]:
    """All witnesses in the folder of a job that is not settled yet."""
    facts = of_ended(directory)
    facts["submitting"] = submitting(directory)
    for stream in ("out", "err"):
        facts["log_at"] = max(
            facts.get("log_at") or 0.0, _mtime(directory, "run." + stream) or 0.0
        )
    facts["abort_at"] = _mtime(directory, ABORT_NOW)
    entry = facts["entry"]
    if entry and entry["scheduler"] == "shell":
        facts["alive"] = process_alive(entry["id"])
    return facts


def of_ended(directory: str) -> Dict[str, Any]:
    """Marker, submission, start, end, progress, errors and summary of a job."""
    facts: Dict[str, Any] = {"entry": None, "marker": "", "marker_at": None}
    for marker, status in EXIT_MARKERS:
        at = _mtime(directory, marker)
        if at is not None and at > (facts["marker_at"] or 0.0):
            facts["marker"], facts["marker_at"] = status, at
    entry = records.latest(directory)
    if entry is not None:
        facts["entry"] = {key: entry[key] for key in _KEPT if key in entry}
        facts["entry"]["said"] = str(entry.get("said", ""))[:500]
        base = records.base(directory, entry["token"])
        facts["started"] = records.key_values(base + ".started")
        facts["ended"] = records.key_values(base + ".ended")
        if facts["started"].get("tasks", "0") != "0":
            facts["tasks_ended"] = len(glob.glob(glob.escape(base) + ".task*.ended"))
    facts["progress"] = progress(directory)
    if facts["progress"] is None:
        facts["progress"] = iterations(directory, facts.get("started"))
    if facts["marker"] != "Succeeded":
        offset = int((entry or {}).get("err_offset") or 0)
        facts["error"], facts["killer"] = errors(directory, offset)
    facts["optimiser"] = newest_whole(directory)
    numbers = numbers_of(directory)
    facts["summary"] = summary(numbers)
    facts["reached"] = reached(facts["progress"], numbers)
    step = (facts["progress"] or {}).get("step") or {}
    if not facts["summary"] and step.get("unit") == "iterations":
        facts["summary"] = "iteration {:g}".format(step["done"])
    facts["summary"] = facts["summary"] or ticked_words(directory)
    facts["modified_at"] = _mtime(directory, "")
    return facts


def is_waiting(facts: Dict[str, Any]) -> bool:
    """Whether a job has not begun, so that what happens next makes a file for it.

    A file that is made, renamed or removed changes the time of its folder.
    """
    if facts.get("submitting") or facts.get("started") or facts.get("marker"):
        return False
    entry = facts.get("entry")
    if entry is None:
        return bool(facts["status"] == "Scheduled")
    return bool(entry["scheduler"] != "shell" and not facts.get("log_at"))


def is_array_under_way(facts: Dict[str, Any]) -> bool:
    """Whether tasks of a job array are still to end, by what its script has written.

    A marker is then only the first task's.
    """
    tasks = (facts.get("started") or {}).get("tasks", "0")
    if facts["status"] != "Running" or not tasks.isdigit():
        return False
    return int(facts.get("tasks_ended", 0)) < int(tasks)


def submitting(directory: str) -> Optional[Dict[str, Any]]:
    """The submission being made, and whether somebody is at it."""
    try:
        intent = records.read_intent(directory)
    except OSError:  # whose it is cannot be known, so it is not taken for dead
        return {"stage": "unreadable", "alive": True}
    if intent is None:
        return None
    known = {key: intent.get(key) for key in ("token", "stage", "at", "user", "host")}
    known["alive"] = records.is_alive(intent)
    return known


def process_alive(key: str) -> Optional[bool]:
    """Whether the process "host:number:start" runs; None if that is another host."""
    host, _, rest = key.partition(":")
    pid, _, ticks = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return None
    return bool(ticks) and records.start_ticks(int(pid)) == ticks


def progress(directory: str) -> Optional[Dict[str, Any]]:
    """First and last record of the newest run in progress.jsonl."""
    path = os.path.join(directory, "progress.jsonl")
    lines = _lines(path, 0)
    found = [r for r in map(_record, lines) if r is not None]
    if not found:
        return None
    steps = [r for r in found if r["kind"] in ("started", "step", "iteration")]
    started = [r["t"] for r in found if r["kind"] == "started"]
    if not started:
        with open(path, "rb") as file:
            first = _record(file.readline(4096).decode("utf-8", "replace"))
        started = [first["t"]] if first else [found[0]["t"]]
    failed = [r for r in found if r["kind"] == "failed"]
    return {
        "started_at": started[-1],
        "at": found[-1]["t"],
        "last": found[-1]["kind"],
        "step": _whole(steps),
        "failed": one_line(str(failed[-1].get("message", "")))[:300] if failed else "",
    }


def _whole(steps: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """How far the whole job is: not how far an iteration's particles are."""
    if not steps:
        return None
    whole = steps[-1]
    if "iteration" not in whole or whole["kind"] != "step":
        return whole
    for record in reversed(steps):
        if record["kind"] == "iteration" or record.get("unit") == "iterations":
            whole = record
        if record["kind"] in ("iteration", "started"):
            break
    return whole


def _record(line: str) -> Optional[Dict[str, Any]]:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    is_one = isinstance(record, dict) and isinstance(record.get("kind"), str)
    return record if is_one and isinstance(record.get("t"), (int, float)) else None


def errors(directory: str, offset: int) -> List[str]:
    """The line of run.err that says what went wrong, and the scheduler's own."""
    lines = [one_line(line) for line in _lines(_path(directory, "run.err"), offset)]
    lines = [line for line in lines if line]
    error = ""
    for number, line in enumerate(lines):
        if re.match(r"(?i)error:?$", line) and number + 1 < len(lines):
            error = lines[number + 1]  # RELION writes the text below
        elif _ERROR.search(line) and not _KILLER.search(line):
            error = line
    killers = [line for line in lines if _KILLER.search(line)]
    return [error[:300], killers[-1][:300] if killers else ""]


def ticked_words(directory: str) -> str:
    """How many micrographs a person has left ticked; empty if nobody was asked."""
    path = os.path.join(directory, SELECTED)
    try:
        if os.path.getsize(path) > SUMMARY_BYTES:
            return ""
        count = sum(1 for _ in lists.micrograph_rows(path))
    except (OSError, StarError):
        return ""
    return "{} micrograph{} selected".format(count, "" if count == 1 else "s")


def numbers_of(directory: str) -> Dict[str, str]:
    """The numbers at the top of a job's summary.json, as they are written."""
    path = os.path.join(directory, "summary.json")
    try:
        if os.path.getsize(path) > SUMMARY_BYTES:
            return {}
        with open(path, encoding="utf-8", errors="replace") as file:
            numbers = dict(_TOP_NUMBER.findall(file.read()))
    except OSError:
        return {}
    if "micrographs_done" not in numbers and "micrographs_total" in numbers:
        numbers["micrographs_done"] = numbers["micrographs_total"]  # a selection
    return numbers


def reached(
    progress: Optional[Dict[str, Any]], numbers: Dict[str, str]
) -> Optional[List[int]]:
    """Micrographs that are done and how many there are, of all runs of a job.

    A run that came to its end has counted them in its summary; one that is under way
    or was ended says in each step what it kept of the runs before it.
    """
    if progress is None:
        return None
    counts = [numbers.get("micrographs_" + key, "") for key in ("done", "total")]
    if progress["last"] == "finished" and all(_COUNT.match(one) for one in counts):
        return [int(one) for one in counts]
    step = progress["step"] or {}
    done, total, kept = (step.get(key, 0) for key in ("done", "total", "kept"))
    if step.get("unit") != "micrographs":
        return None
    if not all(isinstance(one, int) for one in (done, total, kept)):
        return None
    of = step.get("of")
    return [kept + done, of if isinstance(of, int) else kept + total]


def summary(numbers: Dict[str, str]) -> str:
    """What a job came to, in a few words, from the numbers of its summary."""
    words = []
    for key, text in (
        ("items", "{} item(s)"),
        ("iteration", "iteration {}"),
        ("micrographs_done", "{} micrograph(s)"),
        ("picks_total", "{} particle(s)"),
        ("particles_total", "{} particle(s)"),
    ):
        if key in numbers:
            number = numbers[key]
            total = numbers.get(key.replace("_done", "_total"), number)
            if total != number:  # some could not be done: nobody should have to ask
                number = "{} of {}".format(number, total)
            end = "" if total == "1" else "s"
            words.append(text.replace("(s)", end).format(number))
    return ", ".join(words)


def _lines(path: str, offset: int) -> List[str]:
    """Whole lines at the end of a file, none from before an offset."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(offset if offset <= size else 0, size - TAIL_BYTES)
            file.seek(begin)
            data = file.read(TAIL_BYTES)
    except OSError:
        return []
    lines = data.decode("utf-8", "replace").splitlines()
    return lines[1:] if begin > offset else lines


def _path(directory: str, name: str) -> str:
    return os.path.join(directory, name) if name else directory


def _mtime(directory: str, name: str) -> Optional[float]:
    try:
        return os.stat(_path(directory, name)).st_mtime
    except OSError:
        return None
