"""The commands of the practice cluster's simulated Slurm, as far as cryodeck asks.

What is not simulated is refused in one line.
"""

from __future__ import annotations

import os
import pwd
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tui.practice.arguments import clock, options, refuse, say
from tui.practice.records import Job, Records, node_of
from tui.practice.submit import sbatch
from tui.practice.watch import PARTITIONS, Watch

REMEMBERED_S = 300.0  # squeue knows ended jobs so long


def _took(job: Job) -> str:
    until = job["end"] or time.time()
    return clock(until - job["start"] if job["start"] else 0)


def _moment(seconds: float) -> str:
    return str(int(seconds)) if seconds else "Unknown"


FIELDS: dict[str, Callable[[Job], str]] = {
    "%i": lambda job: str(job["id"]),
    "%T": lambda job: str(job["state"]),
    "%M": _took,
    "%l": lambda job: clock(job["limit_s"]),
    "%S": lambda job: _moment(job["start"]),
    "%N": node_of,
    "%r": lambda job: str(job["reason"]),
    "%R": lambda job: node_of(job) or f"({job['reason']})",
    "%k": lambda job: str(job["comment"]),
    "%j": lambda job: str(job["name"]),
    "State": lambda job: (
        job["state"] + (f" by {os.getuid()}" if job["state"] == "CANCELLED" else "")
    ),
    "ExitCode": lambda job: f"{job['exit']}:{job['signal']}",
    "End": lambda job: _moment(job["end"]),
    "MaxRSS": lambda job: f"{int(job['used_mb'] * 1024)}K" if job["end"] else "",
    "Reason": lambda job: str(job["reason"]),
}
FIELDS |= {"JobID": FIELDS["%i"], "JobName": FIELDS["%j"], "Elapsed": FIELDS["%M"]}
FIELDS |= {"Timelimit": FIELDS["%l"], "Start": FIELDS["%S"], "NodeList": node_of}


def _filled(text: str, known: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1) or match.group()
        if name not in known:
            refuse(f"the practice scheduler has no field {name}")
        return known[name]

    return re.sub(r"%\{(\w+)\}|%.?", value, text)


def _known(job: Job) -> dict[str, str]:
    return {name: read(job) for name, read in FIELDS.items()}


def squeue(records: Records, words: list[str]) -> None:
    """Jobs that wait, run or have ended lately."""
    given, _ = options("squeue", words)
    since = time.time() - REMEMBERED_S
    if given.get("-u", _user()) != _user():
        return
    for job in records.jobs():
        if not job["end"] or ("-t" in given and job["end"] > since):
            say(_filled(given.get("-o", "%i %T"), _known(job)))


def sacct(records: Records, words: list[str]) -> None:
    """All jobs, or some."""
    given, _ = options("sacct", words)
    names = given.get("-o", "JobID,JobName,State").split(",")
    since = {"now": time.time(), "now-3days": time.time() - 3 * 86400.0}
    if given.get("-S", "now") not in since:
        refuse(f"-S takes {' or '.join(since)}")
    if given.get("-u", _user()) != _user():
        return
    wanted = given["-j"].split(",") if "-j" in given else None
    for job in records.jobs():
        is_late = not job["end"] or job["end"] >= since[given.get("-S", "now")]
        if str(job["id"]) in wanted if wanted is not None else is_late:
            known = _known(job)
            text = "|".join(f"%{{{name}}}" for name in names)
            say(_filled(text, known))


def scontrol(records: Records, words: list[str]) -> None:
    """One job, on one line."""
    _, rest = options("scontrol", words)
    if rest[:2] != ["show", "job"] or len(rest) != 3:
        refuse("the practice scheduler knows `scontrol -o show job ID` only")
    for job in records.jobs():
        if str(job["id"]) == rest[2]:
            text = (
                "JobId=%i JobName=%j Nice=0 JobState=%T Reason=%r Dependency=(null) "
                "Restarts=0 ExitCode=%{ExitCode} RunTime=%M TimeLimit=%l "
                "StartTime=%S EndTime=%{End} NodeList=%N"
            )
            say(_filled(text, _known(job)))
            return
    sys.exit("slurm_load_jobs error: Invalid job id specified")


def scancel(records: Records, words: list[str]) -> None:
    """Have a job's watch end it."""
    _, rest = options("scancel", words)
    asked = [number for word in rest for number in word.split(",")]
    found = {str(job["id"]): job for job in records.jobs()}
    for number in asked:
        if number not in found:
            refuse(f"Kill job error on job id {number}: Invalid job id specified")
        if not found[number]["end"]:
            records.cancel(int(number))


def sinfo(records: Records, words: list[str]) -> None:
    """The partitions."""
    given, _ = options("sinfo", words)
    cores = os.cpu_count() or 1
    running = [job for job in records.jobs() if job["state"] == "RUNNING"]
    for name, given_by in PARTITIONS.items():
        taken = sum(job["cores"] for job in running if job["partition"] == name)
        known = {
            "%P": name + ("*" if name == "debug" else ""),
            **{"%a": "up", "%D": "1", "%s": "1", "%G": "(null)", "%c": str(cores)},
            "%l": clock(given_by.limit_s),
            "%m": str(given_by.memory_mb),
            "%C": f"{taken}/{cores - taken}/0/{cores}",
        }
        say(_filled(given.get("-o", "%P %a %l"), known))


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def watch(records: Records, words: list[str]) -> None:
    """The process that watches over a job; sbatch starts it."""
    Watch(records, int(words[0])).run()


COMMANDS = (sbatch, squeue, sacct, scontrol, scancel, sinfo)


def main() -> None:
    """Do what the command line says: FOLDER PROGRAM WORDS."""
    folder, program, *words = sys.argv[1:]
    records = Records(Path(folder))
    records.folder.mkdir(parents=True, exist_ok=True)
    next(one for one in (*COMMANDS, watch) if one.__name__ == program)(records, words)
