"""A job is submitted once, whatever is killed at whatever moment: a few random runs.

`benchmarks/fault_submission.py` does hundreds of them.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.fault_runs import VICTIMS, ClusterFault, Fault, run

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
