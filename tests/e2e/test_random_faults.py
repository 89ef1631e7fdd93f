"""A job is submitted once, whatever is killed at whatever moment.

A few random runs, of which `benchmarks/fault_submission.py` does hundreds; and a client
that dies at each of its awaits. The agent's system calls have a test of their own.
"""

import json
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.fault_runs import VICTIMS, ClusterFault, Fault, Outcome, find_out, run

AT_ONCE = 4  # they mostly wait


def broken(outcomes):
    """Runs that broke a promise."""
    return [outcome for outcome in outcomes if outcome.wrong or outcome.submitted != 1]


def test_random_faults_on_this_machine(tmp_path):
    def one(number):
        folder = tmp_path / str(number)
        folder.mkdir()
        return run(Fault(folder, random.Random(f"here {number}")))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(one, range(12)))
    assert not broken(outcomes)
    killed = {fault for outcome in outcomes for fault in outcome.faults}
    assert len(killed & set(VICTIMS)) >= 2, killed  # which ones, a busy machine decides


def prompt(folder):
    """A run whose scheduler takes the job and says so."""
    folder.mkdir()
    fault = Fault(folder, random.Random(1))
    fault.prepare()
    fault.write_sbatch("takes it")
    return fault


def test_a_client_may_die_at_each_of_its_awaits(tmp_path):
    fault = prompt(tmp_path / "whole")
    out, err = fault.client().communicate(timeout=120)
    steps = json.loads(out)["steps"]
    assert steps >= 3, (steps, err)
    fault.finish()

    def dies_at(step):
        fault = prompt(tmp_path / str(step))
        client = fault.client(step)
        client.communicate(timeout=120)
        assert client.returncode == -signal.SIGKILL, step
        outcome = Outcome(faults=["client"], manner="takes it")
        find_out(fault, outcome)
        fault.finish()
        return outcome

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(dies_at, range(1, steps + 1)))
    assert not broken(outcomes)


@pytest.mark.slow
@pytest.mark.cluster
def test_random_faults_through_ssh_and_slurm(cluster, tmp_path):
    outcomes = []
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        rng = random.Random(f"there {number}")
        outcomes.append(run(ClusterFault(folder, rng, cluster, f"fault {number}")))
    assert not broken(outcomes)
    killed = {fault for outcome in outcomes for fault in outcome.faults}
    assert {"client", "agent", "connection"} <= killed
