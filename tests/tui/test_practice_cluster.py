"""The practice cluster's scheduler by itself: what it refuses, what it does to jobs."""

import os
import shutil
import signal
import subprocess

import pytest
from support.local_sessions import until

from tui.practice.records import Records, members
from tui.practice.submit import command

SLEEPS = "#!/bin/sh\n#SBATCH --output=run.out\ntouch began\nsleep 300 & wait\n"


class Slurm:
    def __init__(self, folder):
        self.folder = folder
        self.jobs = folder / "jobs"
        self.jobs.mkdir()
        (folder / "script").write_text(SLEEPS)

    def __call__(self, *words, code=0):
        done = subprocess.run(
            [*command(self.jobs), *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done
        return done.stdout.strip() if code == 0 else done.stderr

    def job(self, number):
        return Records(self.jobs).load(int(number))

    def state(self, number):
        return self("sacct", "-n", "-P", "-j", number, "-o", "State")


@pytest.fixture
def slurm(tmp_path):
    slurm = Slurm(tmp_path)
    yield slurm
    for path in slurm.jobs.glob("[0-9]*.json"):
        slurm("scancel", path.stem)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("sbatch --array=1-3 script", "does not simulate --array=1-3"),
        ("sbatch", "give one script that exists, not none"),
        ("sbatch nowhere", "give one script that exists, not nowhere"),
        (
            "sbatch --partition=gpu script",
            "there are debug, small-memory, short, flaky",
        ),
        ("sbatch --time=1 --partition=short script", "short gives 0:00:03"),
        ("sbatch --mem=65M --partition=small-memory script", "small-memory has 64 MB"),
        ("sbatch --mem=2G script", "write --time=MINUTES"),
        ("sbatch --ntasks=100000 script", "this machine has"),
        ("squeue --start", "does not simulate --start"),
        ("sinfo -h -o %Z", "has no field %Z"),
        ("sacct -S 2026-01-01", "-S takes now or now-3days"),
        ("scontrol release 1", "knows `scontrol -o show job ID` only"),
        ("scancel 7", "job id 7: Invalid job id specified"),
    ],
)
def test_what_is_not_simulated_is_refused_in_one_line(slurm, words, complaint):
    said = slurm(*words.split(), code=1)
    assert complaint in said
    assert said.startswith(f"{words.split()[0]}: error: ")
    assert said.count("\n") == 1


async def test_a_cancelled_job_is_gone_with_all_its_processes(slurm):
    number = slurm("sbatch", "--parsable", "script")
    await until((slurm.folder / "began").exists)
    await until(lambda: slurm.job(number)["state"] == "RUNNING")
    session = slurm.job(number)["pid"]
    assert list(members(session))
    waiting = slurm("sbatch", "--parsable", "script")
    await until(lambda: slurm.job(waiting)["reason"] == "Resources")
    slurm("scancel", waiting)
    await until(lambda: slurm.job(waiting)["end"])
    assert slurm.job(waiting)["pid"] == 0
    slurm("scancel", number)
    await until(lambda: slurm.job(number)["end"])
    assert not list(members(session))
    assert slurm.state(number) == f"CANCELLED by {os.getuid()}"


async def test_a_job_that_nobody_watches_over_any_more_has_lost_its_node(slurm):
    number = slurm("sbatch", "--parsable", "script")
    await until((slurm.folder / "began").exists)
    await until(lambda: slurm.job(number)["state"] == "RUNNING")
    session = slurm.job(number)["pid"]
    os.kill(slurm.job(number)["watch"], signal.SIGKILL)
    await until(lambda: slurm.state(number) == "NODE_FAIL")
    await until(lambda: not list(members(session)))


async def test_a_job_ends_with_the_folder_of_its_cluster(slurm):
    number = slurm("sbatch", "--parsable", "script")
    await until((slurm.folder / "began").exists)
    await until(lambda: slurm.job(number)["state"] == "RUNNING")
    session = slurm.job(number)["pid"]
    shutil.rmtree(slurm.jobs)
    await until(lambda: not list(members(session)))
