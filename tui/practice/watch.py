"""One job of the practice cluster, from its wait to its end.

Each partition is one node that runs one job at a time. The script really runs, in a
session of its own, and what is said to have happened to it really has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, NamedTuple

from tui.practice.records import Records, members, node_of, strike

WAITS_S = 1.0  # every job waits at least so long
KILL_WAIT_S = 2.0  # between the signal that asks and the one that does not
TICK_S = 0.1


class Partition(NamedTuple):
    """What the node of a partition gives to a job, and how long it lives."""

    limit_s: int = 3600
    memory_mb: int = 8192
    fails_after_s: float = float("inf")


PARTITIONS = {
    "debug": Partition(),
    "small-memory": Partition(memory_mb=64),
    "short": Partition(limit_s=3),
    "flaky": Partition(fails_after_s=3.0),
}


class Watch:
    """One job from its wait to its end."""

    def __init__(self, records: Records, number: int) -> None:
        self.records, self.job = records, records.load(number)

    @property
    def _is_cancelled(self) -> bool:
        return self.records.is_cancelled(self.job["id"])

    def run(self) -> None:
        """Wait for the node, run the script, end it when its time has come."""
        job, records = self.job, self.records
        job["watch"] = os.getpid()
        node = None
        while node is None or time.time() < job["submitted"] + WAITS_S:
            node = node or records.lock(job["partition"])
            reason = "None" if node else "Resources"
            if self._is_cancelled:
                self._end("CANCELLED")
                return
            if reason != job["reason"]:
                job["reason"] = reason
                records.save(job)
            time.sleep(TICK_S)
        try:
            self._run_script()
        finally:
            strike(job["pid"], signal.SIGKILL)

    def _run_script(self) -> None:
        job, folder = self.job, Path(self.job["folder"])
        own = f"{self.records.folder}/{job['id']}"
        more = {"SLURM_JOB_ID": str(job["id"]), "CRYODECK_PRACTICE": own}
        out_path, err_path = folder / job["output"], folder / job["error"]
        with out_path.open("ab") as out, err_path.open("ab") as err:
            process = subprocess.Popen(
                [f"{own}.script"],
                cwd=folder,
                env={**os.environ, **more, "SLURM_SUBMIT_DIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            job.update(state="RUNNING", reason="None", pid=process.pid)
            job.update(start=time.time())
            self.records.save(job)
            while process.poll() is None and not (why := self._why_to_end()):
                time.sleep(TICK_S)
            if process.poll() is None:
                self._kill(process, why, err)
            code = process.returncode
            job["exit"], job["signal"] = max(code, 0), max(-code, 0)
            self._end(why or ("FAILED" if code else "COMPLETED"))

    def _why_to_end(self) -> str:
        """State to which the job has to be brought now; "" for none."""
        job, age = self.job, time.time() - self.job["start"]
        used = sum(memory for _, memory in members(job["pid"]))
        job["used_mb"] = max(job["used_mb"], used)
        if job["warned_s"] and age > job["limit_s"] - job["warned_s"]:
            job["warned_s"] = 0
            os.kill(job["pid"], signal.SIGUSR1)
        return (
            ("CANCELLED" if self._is_cancelled else "")
            or ("OUT_OF_MEMORY" if used > job["memory_mb"] else "")
            or ("TIMEOUT" if age > job["limit_s"] else "")
            or ("NODE_FAIL" if age > PARTITIONS[job["partition"]].fails_after_s else "")
        )

    def _kill(self, process: subprocess.Popen[bytes], why: str, err: IO[bytes]) -> None:
        said = {"TIMEOUT": "TIME LIMIT", "OUT_OF_MEMORY": "MEMORY LIMIT (oom_kill)"}
        words = f"*** JOB {self.job['id']} ON {node_of(self.job)} CANCELLED DUE TO "
        words += said.get(why, why.replace("_", " ")) + " *** (simulated)"
        err.write(f"slurmstepd: error: {words}\n".encode())
        err.flush()
        if why in ("TIMEOUT", "CANCELLED"):
            until = time.time() + KILL_WAIT_S
            strike(process.pid, signal.SIGTERM)
            while time.time() < until and process.poll() is None:
                time.sleep(TICK_S)
        while strike(process.pid, signal.SIGKILL) or process.poll() is None:
            time.sleep(TICK_S)

    def _end(self, state: str) -> None:
        self.job.update(state=state, end=time.time())
        self.records.save(self.job)
