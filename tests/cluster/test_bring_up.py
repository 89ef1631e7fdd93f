"""The test cluster itself: it answers, and its user can do what jobs need."""

import subprocess

import pytest

pytestmark = pytest.mark.cluster


def ssh(live, script):
    return subprocess.run(
        ["ssh", "-F", live.config, "tc", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_login_node_has_a_name_a_user_and_a_scheduler(cluster):
    said = ssh(cluster, "hostname; id -un; sinfo -h -o %P | sort")
    assert said.stdout.split() == ["login1", cluster.user, "cpu*", "gpu"]


def test_server_without_scheduler_lets_the_user_in(ssh_server):
    assert ssh(ssh_server, "echo $HOME").stdout.strip() == str(ssh_server.home)


def test_jobs_can_start_the_engine_under_mpi(cluster):
    python = f"{cluster.folder}/share/venv/bin/python"
    script = (
        f"cd && export PYTHONPATH={cluster.folder}/share/checkout && "
        f"srun -n1 -c1 {cluster.engine} --help && "
        f"salloc -Q -n2 mpirun {python} -c "
        "'from mpi4py import MPI; import engine; print(MPI.COMM_WORLD.size, end=\" \")'"
    )
    said = ssh(cluster, script)
    assert "usage: python -m engine run JOB_DIR" in said.stdout, said.stderr
    assert said.stdout.split()[-2:] == ["2", "2"], said.stderr
