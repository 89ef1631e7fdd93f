"""Submissions with faults at random moments, and what must hold after each.

A run makes a project with one draft, submits it by a client that is a process of its
own, and meanwhile kills, at random moments, the client, the agent, the SSH connection,
the process that records the submit command's answer, and the submit command. Then
clients without faults ask again until it is known what became of the job.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.jobs.job import Job
from engine.project import actions
from engine.project.change import read_pipeline
from engine.project.lock import holder
from remote.agent import records

CLIENT = Path(__file__).with_name("fault_client.py")
JOB = "Import/job001"
#: takes a job, or not, and says so, or not; slow now and then
SBATCH = """\
#!/bin/bash
for word; do case $word in --comment=cryodeck:*) token=${{word#*cryodeck:}};; esac; done
sleep {before}
{take}
sleep {after}
{say}
"""
TAKE = """\
exec 9>>"{folder}/lock" && flock 9
number=$(($(wc -l <"{folder}/ledger") + 4711))
echo "$number $token" >>"{folder}/ledger"
exec 9>&-"""
TIMED_OUT = "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1"
SQUEUE = """\
#!/bin/bash
[[ "$*" == *%k* ]] || exit 0
while read -r number token; do
    echo "$number|cryodeck:$token|Import_job001_$token"
done <"{folder}/ledger"
"""
#: what the submit command does: answers, answers though it failed, fails
MANNERS = ("takes it", "takes it and says it timed out", "times out")
#: what may be killed, and how readily if it is there
VICTIMS = {"client": 1, "agent": 2, "connection": 2, "recorder": 4, "sbatch": 4}


@dataclass
class Outcome:
    """What a run came to."""

    faults: list[str]
    manner: str
    submitted: int = 0  # times that the scheduler took the job
    entry: dict = field(default_factory=dict)
    attempts: int = 0
    seconds: float = 0.0
    stale_lock: bool = False  # right after the faults
    wrong: list[str] = field(default_factory=list)  # promises that were broken


class Fault:
    """One run on this machine: a local session, a scheduler that keeps a ledger."""

    kind = "local"
    victims: tuple[str, ...] = ("client", "agent", "recorder", "sbatch")

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder, rng
        self.project = folder / "a project"
        self.clients: list[subprocess.Popen] = []

    def prepare(self) -> str:
        """Make project and scheduler; how its submit command will behave."""
        make_draft(self.project)
        (self.folder / "ledger").touch()
        manner = self.rng.choices(MANNERS, (6, 2, 1))[0]
        self.write_sbatch(manner)
        self.program("squeue", SQUEUE.format(folder=self.folder))
        for name in ("sacct", "scontrol", "scancel"):
            self.program(name, "#!/bin/sh\n")
        profile = {"name": "here", "session": "local", "scheduler": "slurm"}
        (self.folder / "profile.json").write_text(json.dumps(profile))
        return manner

    def write_sbatch(self, manner: str) -> None:
        """The submit command, with a manner of its own."""
        text = SBATCH.format(
            before=round(self.rng.choice((0.0, 0.05, 1.0)), 3),
            after=round(self.rng.choice((0.0, 0.05, 1.0)), 3),
            take=TAKE.format(folder=self.folder) if "takes" in manner else "",
            say=TIMED_OUT if "timed" in manner or "times" in manner else "echo $number",
        )
        self.program("sbatch", text)

    def program(self, name: str, text: str) -> None:
        """A program on the PATH of the run."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def client(self, step: int = 0) -> subprocess.Popen:
        """A client that submits the job; one that dies at its STEP-th await."""
        words = [self.folder / "profile.json", self.project, JOB, str(step)]
        started = subprocess.Popen(
            [sys.executable, CLIENT, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment()},
        )
        self.clients.append(started)
        return started

    def environment(self) -> dict[str, str]:
        """Variables by which a run's processes are known, and kept apart."""
        home = {f"CRYODECK_{n}_HOME": f"{self.folder}/{n}" for n in ("CONFIG", "CACHE")}
        return {
            **home,
            "CRYODECK_STATE_HOME": f"{self.folder}/STATE",
            "XDG_RUNTIME_DIR": str(self.folder / "runtime"),
            "FAULT_RUN": str(self.folder),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def there(self) -> dict[str, list[int]]:
        """Processes of each kind that run at this moment."""
        found = {"client": [c.pid for c in self.clients if c.poll() is None]}
        for number in self.processes():
            found.setdefault(what_is(number), []).append(number)
        return {victim: found[victim] for victim in self.victims if found.get(victim)}

    def kill_one(self) -> str:
        """Kill what is there of one kind; which it was."""
        there = self.there()
        if not there:
            return "nothing there"
        names = sorted(there)
        (victim,) = self.rng.choices(names, [VICTIMS[name] for name in names])
        for number in there[victim]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        return victim

    def processes(self) -> list[int]:
        """Processes that this run has started on the cluster."""
        mark = f"FAULT_RUN={self.folder}\0".encode()
        known = {client.pid for client in self.clients}
        first = min(known, default=0)  # what a client starts has a later number
        young = [n for n in numbers() if n > first and n not in known]
        return [n for n in young if mark in read(n, "environ")]

    def times_submitted(self) -> list[str]:
        """Ids of the jobs that the scheduler took and that would do something."""
        lines = (self.folder / "ledger").read_text().splitlines()
        void = {p.name[:-5] for p in (self.project / JOB).glob(".cryodeck/*.void")}
        return [n for n, token in map(str.split, lines) if token not in void]

    def finish(self) -> None:
        """Leave nothing behind."""
        for numbers_there in self.there().values():
            for number in numbers_there:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        for client in self.clients:
            client.communicate()


def make_draft(project: Path) -> None:
    """A project with one job that was not run."""
    actions.create_project(str(project))
    star = Job.new("import", "4.0", {"do_queue": "Yes"}).to_star()
    assert actions.new_job(str(project), "relion.import", star) == JOB


def numbers() -> list[int]:
    """Processes there are."""
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]


def read(number: int, what: str) -> bytes:
    """A file of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{number}/{what}").read_bytes()
    except OSError:
        return b""


def what_is(number: int) -> str:
    """Which part of a submission a process is."""
    words = read(number, "cmdline").split(b"\0")
    line = b" ".join(words)
    if b"sbatch" in words[0] or any(w.endswith(b"/sbatch") for w in words[:2]):
        return "sbatch"
    if read(number, "comm").startswith(b"sshd"):
        return "connection"
    if words[0].endswith(b"sh") and b".cryodeck/" in line:
        return "recorder"
    if b"-I" in words and b"sys.stdin.buffer" in line:
        return "agent"
    return ""


def run(fault: Fault) -> Outcome:
    """Submit with faults, find out what became of it, and say what does not hold."""
    rng = fault.rng
    outcome = Outcome(faults=[], manner=fault.prepare())
    started = time.monotonic()
    folder = fault.project / JOB
    fault.client()
    if rng.random() < 0.25:  # another window, at nearly the same moment
        time.sleep(rng.uniform(0, 0.3))
        fault.client()
        outcome.faults.append("second window")
    for _ in range(rng.choice((1, 1, 2, 3))):
        wait_for_a_moment(rng, folder)
        outcome.faults.append(fault.kill_one())
        check_pipeline(fault, outcome)
    seen = holder(str(fault.project))
    outcome.stale_lock = seen is not None
    find_out(fault, outcome)
    outcome.seconds = round(time.monotonic() - started, 2)
    fault.finish()
    return outcome


def find_out(fault: Fault, outcome: Outcome) -> None:
    """Have clients without faults ask until it is known; what must hold then."""
    folder = fault.project / JOB
    for client in fault.clients:
        finished(client, outcome)
    while outcome.attempts < 20:
        outcome.attempts += 1
        said = finished(fault.client(), outcome)
        check_pipeline(fault, outcome)
        entry = records.latest(str(folder))
        if entry is not None and entry["state"] == "submitted":
            break
        if fault.kind == "local" and "id" not in said:
            fault.write_sbatch(MANNERS[0])  # the scheduler answers again
        time.sleep(0.3)
    time.sleep(0.1)
    conclude(fault, outcome)


def wait_for_a_moment(rng: random.Random, folder: Path) -> None:
    """A random time; mostly while the submission is being made."""
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0, 1.0))
        return
    wanted = rng.choice(("submitting", "*.pid"))  # the submit command has a number
    deadline = time.monotonic() + 3.0
    while not any(folder.glob(f".cryodeck/{wanted}")):
        if time.monotonic() > deadline:
            return
        time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.02) if rng.random() < 0.5 else rng.uniform(0, 0.4))


def finished(client: subprocess.Popen, outcome: Outcome) -> dict:
    """What a client said; empty if it was killed."""
    try:
        out, err = client.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        outcome.wrong.append("a client did not end within a minute")
        client.kill()
        client.communicate()
        return {}
    if client.returncode not in (0, -signal.SIGKILL):
        last = err.strip().splitlines()[-1:] or ["nothing"]
        if "LostError" not in last[0] and "SessionError" not in last[0]:
            outcome.wrong.append(f"a client failed: {last[0][:200]}")
    try:
        return json.loads(out) if out else {}
    except ValueError:
        return {}


def check_pipeline(fault: Fault, outcome: Outcome) -> None:
    """The pipeline can be read, and has its job, at any moment."""
    try:
        status = read_pipeline(str(fault.project)).process(JOB + "/").status
    except Exception as error:
        outcome.wrong.append(f"the pipeline: {error}")
    else:
        if status not in ("Scheduled", "Running", "Succeeded"):
            outcome.wrong.append(f"the job is {status}")


def conclude(fault: Fault, outcome: Outcome) -> None:
    """What must hold in the end."""
    folder = str(fault.project / JOB)
    entry = records.latest(folder) or {}
    taken = fault.times_submitted()
    outcome.submitted = len(taken)
    outcome.entry = {key: entry.get(key) for key in ("state", "id", "token")}
    if len(taken) > 1:
        outcome.wrong.append(f"submitted {len(taken)} times: {taken}")
    if entry.get("state") != "submitted":
        outcome.wrong.append(f"after {outcome.attempts} attempts: {entry.get('state')}")
    elif entry.get("id") not in taken:
        outcome.wrong.append(f"id {entry.get('id')} is recorded, but taken was {taken}")
    if records.read_intent(folder) is not None:
        outcome.wrong.append("the submission still counts as being made")
    seen = holder(str(fault.project))
    if seen is not None:
        outcome.wrong.append(f"a lock was left: {seen.describe()}")
    torn = [p.name for p in fault.project.glob("*.tmp") if p.is_file()]
    if torn and not read_pipeline(str(fault.project)).processes():
        outcome.wrong.append(f"a half-written pipeline: {torn}")


class ClusterFault(Fault):
    """One run through a real sshd to a real Slurm."""

    kind = "ssh and Slurm"
    victims = tuple(VICTIMS)

    def __init__(self, folder: Path, rng: random.Random, live, name: str) -> None:
        super().__init__(folder, rng)
        self.live = live
        self.project = live.home / name

    def prepare(self) -> str:
        """Make the project; the job notes that it ran."""
        make_draft(self.project)
        (self.project / "note.sh").write_text(
            'echo "$SLURM_JOB_ID" >>times; touch "$2/RELION_JOB_EXIT_SUCCESS"\n'
        )
        self.live.enter("chown", "-R", self.live.user, str(self.project))
        profile = {
            "name": "tc",
            "session": "ssh",
            "ssh_config": str(self.live.config),
            "scheduler": "slurm",
            "engine": f"bash '{self.project}/note.sh'",
            "time_limit": "10",
            "memory": "100M",
            "poll_s": 0.0,
        }
        (self.folder / "profile.json").write_text(json.dumps(profile))
        return "a real one"

    def processes(self) -> list[int]:
        """The account's processes on this very cluster; others have one such, too."""
        owner = int(self.live.settings["USERID"])
        first = (self.live.folder / "run" / "init").read_text().strip()
        space = Path(f"/proc/{first}/ns/pid").readlink()
        found = []
        for number in numbers():
            with suppress(OSError):
                process = Path(f"/proc/{number}")
                is_here = (process / "ns" / "pid").readlink() == space
                if is_here and process.stat().st_uid == owner:
                    found.append(number)
        return found

    def times_submitted(self) -> list[str]:
        """Ids of the jobs that ran; they are waited for."""
        entry = records.latest(str(self.project / JOB)) or {}
        deadline = time.monotonic() + 30
        times = self.project / "times"
        while not times.exists() and time.monotonic() < deadline and entry.get("id"):
            time.sleep(0.1)
        time.sleep(0.5)
        return times.read_text().split() if times.exists() else []


def remove(folder: Path) -> None:
    """Take a run's files away."""
    shutil.rmtree(folder, ignore_errors=True)
