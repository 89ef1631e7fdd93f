"""The examination of a real cluster, whole and broken."""

import shutil
import time

import pytest
from support.person import Person

from remote.workspace import Workspace

pytestmark = pytest.mark.cluster


async def findings_of(profile, project=""):
    workspace = await Workspace.open(profile, project, prompts=Person())
    try:
        return {finding.check: finding for finding in await workspace.doctor()}
    finally:
        await workspace.close()


async def test_a_whole_cluster_is_found_whole(cluster):
    found = await findings_of(cluster.profile())
    assert found["scheduler"].says == "slurm: partitions cpu*, gpu"
    assert "accounting" not in found
    assert found["engine"].level == "ok"
    assert found["MPI"].level == "ok"
    assert "a100" in found["GPU"].says
    assert found["clock"].level == "ok"
    assert not [f for f in found.values() if f.level == "problem"]


async def test_what_is_missing_is_named_with_what_to_do(cluster):
    profile = cluster.profile(engine="/no/such/python -m engine", mpirun="mpiexec.none")
    found = await findings_of(profile, "/no/such/project")
    assert found["project"].level == "problem"
    assert found["engine"].level == "warning"
    assert "mpiexec.none" in found["MPI"].says


async def test_an_unused_scheduler_is_pointed_out(cluster):
    found = await findings_of(cluster.profile(scheduler="shell"))
    assert found["scheduler"].advice == 'set scheduler = "slurm" in the profile'


async def test_setup_lines_are_run_before_the_tools_are_looked_for(cluster):
    setup = ("export PATH=/nowhere",)
    found = await findings_of(cluster.profile(setup=setup))
    assert "sbatch" in found["scheduler"].says
    assert found["scheduler"].level == "problem"
    assert "module load" in found["scheduler"].advice


@pytest.mark.parametrize(
    ("programs", "profile", "check", "level", "says", "advice"),
    [
        (
            {
                "quota": "echo 'Filesystem space quota limit grace files'; "
                "echo ' /home 21G* 20G 22G 6days 7 0 0'; exit 1"
            },
            {},
            "quota",
            "problem",
            "/home: 21G of 20G used; after 6days nothing more can be written",
            "delete or move",
        ),
        (
            {
                "lfs": "echo ' Filesystem used quota limit grace files'; "
                'echo " $5 1.9T 2T 2.1T - 900 0 0 -"'
            },
            {},
            "quota",
            "warning",
            "alice: 1.9T of 2T used",
            "make room",
        ),
        ({"quota": "echo 'Disk quotas for user a: none'"}, {}, "quota", None, "", ""),
        (
            {
                "mmlsquota": "echo 'Filesystem Fileset type blocks quota limit "
                "in_doubt grace | files quota limit in_doubt grace Remarks'; echo "
                "'fs home USR 11G 10G 12G 0 expired | 7 0 0 0 none'"
            },
            {},
            "quota",
            "problem",
            "fs:home: 11G of 10G used; nothing more can be written",
            "delete or move",
        ),
        (
            {
                "beegfs-ctl": "echo 'storage pool work (ID: 1): chunk files'; "
                'echo "$3|31001|| 4.75 TiB| 5.00 TiB||7|unlimited"'
            },
            {},
            "quota",
            "warning",
            "BeeGFS pool work: 4.75T of 5.00T used",
            "make room",
        ),
        (
            {"nvidia-smi": "echo 'NVIDIA A100'; echo 'NVIDIA A100'"},
            {},
            "GPU",
            "ok",
            "2 on the login node: NVIDIA A100",
            "",
        ),
        (
            {"nvidia-smi": "echo 'no devices were found'; exit 6"},
            {"scheduler": "pbs"},
            "GPU",
            "ok",
            "none on the login node",
            "",
        ),
        (
            {"relion_refine": "echo 'RELION version: 4.0.1'"},
            {},
            "RELION",
            "ok",
            "RELION version: 4.0.1",
            "",
        ),
        (
            {"mpirun": "echo 'mpirun (Open MPI) 5.0.3'"},
            {},
            "MPI",
            "ok",
            "mpirun (Open MPI) 5.0.3",
            "",
        ),
        (
            {"mpirun": "echo 'libmpi.so.40: cannot open shared object' >&2; exit 127"},
            {},
            "MPI",
            "warning",
            "not found",
            "module load",
        ),
        (
            {
                "sbatch": "",
                "squeue": "",
                "scancel": "",
                "sinfo": "echo 'Unable to contact slurm controller' >&2; exit 1",
            },
            {"scheduler": "slurm"},
            "scheduler",
            "problem",
            "Unable to contact slurm controller",
            "controller may be down",
        ),
        (
            {
                "sbatch": "",
                "squeue": "",
                "scancel": "",
                "sinfo": "echo 'cpu* up 1 1-00 (null)'",
                "sacct": "echo 'Slurm accounting storage is disabled' >&2",
            },
            {"scheduler": "slurm"},
            "accounting",
            "warning",
            "disabled",
            "squeue and the job's own files",
        ),
        (
            {"qsub": "", "qstat": ""},
            {"scheduler": "sge"},
            "scheduler",
            "problem",
            "qdel, qacct not found",
            "module load",
        ),
        (
            {"bsub": "", "bjobs": "", "bkill": ""},
            {"scheduler": "lsf"},
            "scheduler",
            "ok",
            "its commands are there",
            "",
        ),
        (
            {"bsub": ""},
            {},
            "scheduler",
            "warning",
            "jobs start on the login node, but bsub is there",
            'scheduler = "lsf"',
        ),
    ],
)
async def test_each_finding_says_what_was_found_and_what_to_do(
    ssh_server, programs, profile, check, level, says, advice
):
    tools = ssh_server.home / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "bash", "which", "python3", "env"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    for name, script in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    try:
        setup = (f"export PATH={tools}",)
        chosen = {"scheduler": "shell", **profile}
        found = await findings_of(ssh_server.profile(setup=setup, **chosen))
    finally:
        shutil.rmtree(tools)
    if level is None:
        assert check not in found
        return
    assert found[check].level == level
    assert says in found[check].says
    assert advice in found[check].advice


async def test_a_small_disk_and_one_without_inodes_are_pointed_out(ssh_server):
    folder = ssh_server.home / "tiny"
    folder.mkdir(exist_ok=True)
    for options, check, level in (
        ("size=1m", "disk", "warning"),
        ("size=1m,nr_inodes=1", "disk", "problem"),
    ):
        ssh_server.enter(
            "mount", "-t", "tmpfs", "-o", f"{options},mode=777", "tmpfs", str(folder)
        )
        try:
            profile = ssh_server.profile(scheduler="shell")
            found = await findings_of(profile, str(folder))
        finally:
            ssh_server.enter("umount", "-l", str(folder))
        assert (found[check].check, found[check].level) == (check, level)
        assert found[check].advice


async def test_a_clock_that_is_wrong_is_measured(ssh_server, monkeypatch):
    """This machine's own clock, seen by the client only, is two minutes behind."""
    late = time.time
    monkeypatch.setattr("remote.channel.time.time", lambda: late() - 120.0)
    found = await findings_of(ssh_server.profile(scheduler="shell"))
    assert found["clock"].level == "warning"
    assert "120 s ahead of" in found["clock"].says
    assert "NTP" in found["clock"].advice


async def test_a_slow_link_and_keys_in_vain_are_told(ssh_server, tmp_path, monkeypatch):
    monkeypatch.setattr("remote.doctor._SLOW_S", 0.0)
    config = tmp_path / "config"
    text = ssh_server.config.read_text()
    config.write_text(f"Host tc\n ControlMaster auto\n{text}")
    profile = ssh_server.profile(scheduler="shell", ssh_config=str(config))
    workspace = await Workspace.open(profile, "", prompts=Person())
    findings = await workspace.doctor()
    await workspace.close()
    found = {f.check: f for f in findings}
    assert found["connection"].level == "warning"
    assert "ms to and fro" in found["connection"].says
    (vain,) = [f for f in findings if "ControlMaster" in f.says]
    assert f"ControlMaster ({config} line 2)" in vain.says
    assert "openssh obeys it" in vain.advice
