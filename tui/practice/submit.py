"""The practice cluster's sbatch."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from tui.practice.arguments import clock, options, refuse, say
from tui.practice.records import Job, Records
from tui.practice.watch import PARTITIONS

NO_NODE = "Requested node configuration is not available"
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from tui.practice.slurm import main; main()"
)
REMEMBERED_S = 300.0  # squeue knows ended jobs so long


def command(folder: Path) -> list[str]:
    """How a command of the cluster of a folder begins; its name and words follow."""
    root = Path(__file__).parents[2]
    return [sys.executable, "-IS", "-c", _START, str(root), str(folder)]


def sbatch(records: Records, words: list[str]) -> None:
    """Take a script; its #SBATCH lines count less than the words of the command."""
    given, rest = options("sbatch", words)
    if len(rest) != 1 or not Path(rest[0]).is_file():
        refuse(f"give one script that exists, not {' '.join(rest) or 'none'}")
    script = Path(rest[0]).read_text(encoding="utf-8", errors="surrogateescape")
    if not script.startswith("#!"):
        refuse("This does not look like a batch script: its first line has no #!")
    lines = re.findall(r"^#SBATCH +(.*)$", script, re.MULTILINE)
    told = options("sbatch", [w for line in lines for w in shlex.split(line)])[0]
    told.update(given)
    job = _asked_for(told)
    numbers = [int(path.stem) for path in records.folder.glob("[0-9]*.lock")]
    number = max(numbers, default=0) + 1
    while (lock := records.lock(number)) is None:
        number += 1  # somebody else's, in this very moment
    job.update(id=number, submitted=time.time(), folder=str(Path.cwd()))
    copy = records.folder / f"{number}.script"
    copy.write_text(script, encoding="utf-8", errors="surrogateescape")
    copy.chmod(0o700)
    records.save(job)
    subprocess.Popen(
        [*command(records.folder), "watch", str(number)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[lock.fileno()],
        start_new_session=True,
    )
    say(str(number) if "--parsable" in told else f"Submitted batch job {number}")


def _asked_for(told: dict[str, str]) -> Job:
    """A new job, if its partition can give what it asks for."""
    name = told.get("--partition", "debug")
    if name not in PARTITIONS:
        refuse(
            f"invalid partition specified: {name}; there are {', '.join(PARTITIONS)}"
        )
    most = PARTITIONS[name]
    time_limit, memory = told.get("--time", ""), told.get("--mem", "")
    cores = [told.get(key, "1") for key in ("--ntasks", "--cpus-per-task")]
    warning = re.fullmatch(r"B:USR1@(\d+)", told.get("--signal", "B:USR1@0"))
    plain = [time_limit or "1", (memory or "1M").removesuffix("M"), *cores]
    if not all(word.isdigit() for word in plain) or warning is None:
        refuse("write --time=MINUTES, --mem=NUMBERM, whole numbers, --signal=B:USR1@S")
    if int(time_limit or 0) * 60 > most.limit_s:
        refuse(f"Requested time limit is invalid: {name} gives {clock(most.limit_s)}")
    if int(plain[1]) > most.memory_mb:
        refuse(f"{NO_NODE}: the node of {name} has {most.memory_mb} MB")
    if int(cores[0]) * int(cores[1]) > (os.cpu_count() or 1):
        refuse(f"{NO_NODE}: this machine has {os.cpu_count()} cores")
    return {
        "state": "PENDING",
        "name": told.get("--job-name", "sbatch"),
        "comment": told.get("--comment", "(null)"),
        "partition": name,
        "output": told.get("--output", "slurm.out"),
        "error": told.get("--error", told.get("--output", "slurm.out")),
        "limit_s": int(time_limit) * 60 if time_limit else most.limit_s,
        "cores": int(cores[0]) * int(cores[1]),
        "memory_mb": int(plain[1]) if memory else most.memory_mb,
        "warned_s": int(warning.group(1)),
        **{"reason": "None", "start": 0, "end": 0, "pid": 0, "used_mb": 0},
        **{"exit": 0, "signal": 0},
    }
