"""Is a job submitted exactly once, whatever is killed? Random faults, counted.

    python benchmarks/fault_submission.py [--local 300] [--cluster 100] [--seed 1]
        [--json FILE]

A local session with a scheduler that keeps a ledger, then a real sshd and Slurm on
loopback (as root; the packages of `make system`). Each run kills client, agent, SSH
connection, recorder or submit command at random moments, sometimes with a second window
at the same time and a scheduler that says it timed out; then clients without faults ask
again. Counts broken promises: there must be none.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import fault_runs  # noqa: E402


def many(kind: str, count: int, seed: int, make: Any) -> list[fault_runs.Outcome]:
    """Outcomes of so many runs."""
    outcomes = []
    for number in range(count):
        rng = random.Random(f"{seed} {kind} {number}")
        with tempfile.TemporaryDirectory(prefix="fault") as folder:
            outcome = fault_runs.run(make(Path(folder), rng, number))
        outcomes.append(outcome)
        if outcome.wrong:
            print(f"{kind} {number}: {outcome}", flush=True)
    return outcomes


def summary(outcomes: list[fault_runs.Outcome]) -> dict[str, Any]:
    """Counts of what was done and of what does not hold."""
    faults = Counter(name for one in outcomes for name in one.faults)
    missed = ("nothing there", "second window")
    hits = sum(n for name, n in faults.items() if name not in missed)
    return {
        "runs": len(outcomes),
        "processes_killed_at_random": hits,
        "faults": dict(sorted(faults.items())),
        "submit_command": dict(Counter(one.manner for one in outcomes)),
        "submitted_once": sum(one.submitted == 1 for one in outcomes),
        "submitted_twice_or_more": sum(one.submitted > 1 for one in outcomes),
        "ids_lost": sum(
            one.entry.get("state") != "submitted" or not one.entry.get("id")
            for one in outcomes
        ),
        "locks_stale_after_the_faults": sum(one.stale_lock for one in outcomes),
        "broken_promises": [one.wrong for one in outcomes if one.wrong],
        "attempts_at_most": max((one.attempts for one in outcomes), default=0),
        "seconds_median": sorted(one.seconds for one in outcomes)[len(outcomes) // 2]
        if outcomes
        else None,
    }


def main() -> int:
    """Run, print, and keep the counts."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--local", type=int, default=300)
    parser.add_argument("--cluster", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"seed": options.seed}

    def local(folder: Path, rng: random.Random, _: int) -> fault_runs.Fault:
        return fault_runs.Fault(folder, rng)

    found["local"] = summary(many("local", options.local, options.seed, local))
    if options.cluster:
        from support import cluster

        place = Path(f"/tmp/cryodeck-fault-{int(time.time())}")
        live = cluster.start(place)
        try:

            def through_ssh(
                folder: Path, rng: random.Random, number: int
            ) -> fault_runs.Fault:
                return fault_runs.ClusterFault(folder, rng, live, f"fault {number}")

            runs = many("cluster", options.cluster, options.seed, through_ssh)
            found["ssh_and_slurm"] = summary(runs)
        finally:
            cluster.stop(live)
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    broken = [name for name, one in found.items() if name != "seed"
              and one["broken_promises"]]  # fmt: skip
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
