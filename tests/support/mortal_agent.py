"""The agent's submission in a process that dies at a step of its choice.

    python mortal_agent.py PROJECT JOB PLAN.json STEP

Steps are the calls that change something outside the process, counted from 1; before
the one numbered STEP the process kills itself, as the machine's out-of-memory killer
would. With STEP 0 it lives, and prints the record's entry.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.project import lock
from remote.agent import locks, submission, submit_command
from remote.agent.verbs import Request, VerbError

CHANGING = ("replace", "link", "unlink", "mkdir", "rename", "rmdir", "fsync", "utime")


def die_at(step: int) -> None:
    """Have the process die before the call of that number."""
    count = 0

    def counted(call):
        def wrapper(*args, **kwargs):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapper

    for name in CHANGING:
        setattr(os, name, counted(getattr(os, name)))
    subprocess.Popen = counted(subprocess.Popen)


def main() -> None:
    """Submit, as patiently as a person's client does."""
    project, job, plan, step = sys.argv[1:]
    submit_command.YOUNG_S = 0.4
    submission.GRACE_S = 0.2
    submission.SEARCH_S = 0.3
    locks.EMPTY_S = 0.1
    lock.WAIT_S = 3.0
    die_at(int(step))
    deadline = time.monotonic() + 4
    while True:
        try:
            request = Request(1, project, 60.0)
            entry = submission.submit(request, job, json.loads(Path(plan).read_text()))
            break
        except VerbError as error:
            if error.code != "busy" or time.monotonic() > deadline:
                sys.stdout.write(json.dumps({"state": error.code, "said": str(error)}))
                return
            time.sleep(0.05)
    sys.stdout.write(json.dumps(entry))


main()
