"""What is written down about a job's submissions, in the job's own folder.

``cryodeck_submission.json`` holds every submission, the newest last, for anyone to
read. ``.cryodeck/`` beside it holds what is under way: ``submitting`` while a
submission is being made, and what the submit command and the script of a TOKEN wrote.
"""

import json
import os
import socket
import time
from typing import Any, Dict, List, Optional

from engine.project.atomic import write_text

RECORD = "cryodeck_submission.json"
OWN = ".cryodeck"
FOREIGN_S = 300.0  # a submission being made on another host is dead after this


def submissions(directory: str) -> List[Dict[str, Any]]:
    """All submissions of a job, the newest last; none without a readable record."""
    try:
        return _entries(directory)
    except OSError:
        return []


def _entries(directory: str) -> List[Dict[str, Any]]:
    """The same; OSError where there is a record that cannot be read now."""
    try:
        with open(os.path.join(directory, RECORD), encoding="utf-8") as file:
            found = json.load(file)["submissions"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        return []
    if not isinstance(found, list):
        return []
    return [entry for entry in found if isinstance(entry, dict) and "token" in entry]


def latest(directory: str) -> Optional[Dict[str, Any]]:
    """The newest submission of a job."""
    found = submissions(directory)
    return found[-1] if found else None


def find(directory: str, token: str) -> Optional[Dict[str, Any]]:
    """The submission of a token; OSError if that cannot be known."""
    for entry in _entries(directory):
        if entry["token"] == token:
            return entry
    return None


def put(directory: str, entry: Dict[str, Any]) -> None:
    """Write down a submission; one of the same token is replaced."""
    path = os.path.join(directory, RECORD)
    entries = _entries(directory)
    if not entries and os.path.exists(path) and os.path.getsize(path):
        os.rename(path, "{}.unreadable.{:.0f}".format(path, time.time()))
    tokens = [known["token"] for known in entries]
    if entry["token"] in tokens:
        entries[tokens.index(entry["token"])] = entry
    else:
        entries.append(entry)
    text = json.dumps({"version": 1, "submissions": entries}, indent=1, sort_keys=True)
    write_text(path, text + "\n")


def base(directory: str, token: str) -> str:
    """Beginning of the paths of a token's files."""
    return os.path.join(directory, OWN, token)


def key_values(path: str) -> Dict[str, str]:
    """Lines KEY=VALUE of a file that the script wrote; empty if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


# the submission being made


def intent_path(directory: str) -> str:
    """Path of the file that exists while a submission is being made."""
    return os.path.join(directory, OWN, "submitting")


def read_intent(directory: str) -> Optional[Dict[str, Any]]:
    """The submission being made; None if there is none.

    OSError if that cannot be known: nobody may then take it for one that is dead.
    """
    try:
        with open(intent_path(directory), encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        return {"token": "", "stage": "prepared", "pid": 0, "at": 0.0, "host": ""}
    return found if isinstance(found, dict) else None


def claim(directory: str, intent: Dict[str, Any]) -> bool:
    """Begin to make a submission; False if somebody else is at it.

    The file appears with its content or not at all, and for one of many only.
    """
    path = intent_path(directory)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = "{}.{}.{}".format(path, os.getpid(), intent["token"])
    write_text(beside, json.dumps(intent))
    try:
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(beside)
    return True


def update_intent(directory: str, intent: Dict[str, Any]) -> None:
    """Write down how far the submission being made has come."""
    write_text(intent_path(directory), json.dumps(intent))


def release(directory: str, token: str) -> None:
    """End making the submission of a token; another's is left alone."""
    intent = read_intent(directory)
    if intent is not None and intent.get("token") == token:
        try:
            os.unlink(intent_path(directory))
        except FileNotFoundError:
            pass


# processes


def start_ticks(pid: int) -> str:
    """When a process was started, as the system counts; empty if it is gone."""
    try:
        with open("/proc/{}/stat".format(pid), "rb") as file:
            text = file.read().decode("ascii", "replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in ("Z", "X") else fields[19]


def myself() -> Dict[str, Any]:
    """Host, process number and start of this process."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "pid": pid, "ticks": start_ticks(pid)}


def is_alive(owner: Dict[str, Any]) -> bool:
    """Whether the process that makes a submission may still be at it."""
    pid = int(owner.get("pid") or 0)
    if not pid:
        return False
    if owner.get("host") != socket.gethostname():
        return time.time() - float(owner.get("at") or 0.0) < FOREIGN_S
    ticks = start_ticks(pid)
    return bool(ticks) and ticks == owner.get("ticks")
