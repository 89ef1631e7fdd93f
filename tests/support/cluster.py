"""A real sshd and a real Slurm on loopback, as fixtures; see tests/cluster/README.md.

`cluster` is one for the whole session: keep apart by project folders, and leave its
daemons running. `ssh_server` has no Slurm. `own_cluster` is a fresh one for a test that
breaks things.
"""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from remote.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "cluster"
DATABASE = Path("~/.cache/cryodeck-tests/slurm-database.tar").expanduser()
START_S = 120


@dataclass(frozen=True)
class LiveCluster:
    """A cluster that is up: where it is and how to get in."""

    folder: Path
    settings: dict[str, str]

    @property
    def user(self) -> str:
        """The account that logs in."""
        return self.settings["USERNAME"]

    @property
    def port(self) -> int:
        """Of the sshd for keys and passwords; +1 wants a code, +2 is a gateway."""
        return int(self.settings["PORT"])

    @property
    def home(self) -> Path:
        """The account's home folder, the same path inside and outside."""
        return self.folder / "home" / self.user

    @property
    def config(self) -> Path:
        """An ssh_config with the hosts tc, tc-otp, tc-gateway and tc-jump."""
        return self.folder / "client" / "config"

    @property
    def known_hosts(self) -> Path:
        """Known hosts; beside it lies ``known_hosts.wrong``."""
        return self.folder / "client" / "known_hosts"

    @property
    def password(self) -> str:
        """The account's password."""
        return (self.folder / "client" / "password").read_text().strip()

    def code(self) -> str:
        """The one-time code of this moment."""
        script = self.folder / "client" / "totp"
        return subprocess.check_output([sys.executable, script], text=True).strip()

    @property
    def engine(self) -> str:
        """Command that starts the engine as the account there."""
        return f"{self.folder}/share/venv/bin/python -m engine"

    @property
    def setup(self) -> tuple[str, ...]:
        """Lines that a job needs before the engine."""
        return (f"export PYTHONPATH={self.folder}/share/checkout",)

    def enter(self, *argv: str, check: bool = True) -> str:
        """Output of a command run as root inside the cluster."""
        done = subprocess.run(
            [self.folder / "enter", *argv],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, script: str, check: bool = True) -> str:
        """Output of a shell script run as the account."""
        return self.enter("runuser", "-l", self.user, "-c", script, check=check)

    def kill(self, signal: str, daemon: str) -> None:
        """Send a signal to a daemon: slurmctld, slurmdbd, slurmd-cpu1, sshd_login."""
        pid = (self.folder / "run" / f"{daemon}.pid").read_text().strip()
        self.enter("kill", f"-{signal}", pid)

    def restart(self) -> None:
        """Start again what a test has killed."""
        _bring_up(self.folder)

    def reach_from_outside(self) -> None:
        """Have the ssh_config lead into a network namespace that nothing leads to."""
        sshd = f"{self.folder}/enter /usr/sbin/sshd -i -f {self.folder}/ssh/sshd_login"
        text = self.config.read_text()
        self.config.write_text(f"Host tc\n    ProxyCommand {sshd}\n{text}")

    def door(self, name: str, *lines: str, command: tuple[str, ...] = ()) -> int:
        """Port of a further sshd with settings of its own; `command` starts it."""
        path = self.folder / "ssh" / f"sshd_{name}"
        port = self._free_port()
        usual = (self.folder / "ssh" / "sshd_login").read_text().splitlines()
        kept = [line for line in usual if not line.startswith(("Listen", "Pid"))]
        head = [f"ListenAddress 127.0.0.1:{port}", f"PidFile {self.folder}/run/{name}"]
        path.write_text("\n".join([*head, *lines, *kept, ""]))
        log = str(self.folder / "log" / path.name)
        self.enter(*command, "/usr/sbin/sshd", "-f", str(path), "-E", log)
        return port

    def shut(self, name: str) -> None:
        """End what `door` has started."""
        pid = (self.folder / "run" / name).read_text().strip()
        self.enter("kill", pid, check=False)

    def _free_port(self) -> int:
        """One of the cluster's own block of ports that nobody listens on."""
        for port in range(self.port + 3, self.port + 20):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    return port
        message = "no port of the cluster's block is free"
        raise AssertionError(message)

    def account(self, name: str, *, shell: str = "/bin/bash", group: int = 0) -> Path:
        """Home of a further account, which the same key opens at a `door`."""
        home = self.folder / "home" / name
        if home.is_dir():
            return home
        users = len(list((self.folder / "home").iterdir()))
        number = int(self.settings["USERID"]) + users
        etc = self.folder / "etc"
        for file, line in (
            ("passwd", f"{name}:x:{number}:{group or number}::{home}:{shell}"),
            ("group", f"{name}:x:{number}:"),
            ("shadow", f"{name}:*:19700:0:99999:7:::"),
        ):
            with (etc / file).open("a") as written:
                written.write(line + "\n")
        home.mkdir()
        self.enter("chown", f"{number}:{group or number}", str(home))
        return home

    def config_for(self, path: Path, port: int, *lines: str, user: str = "") -> str:
        """Write an ssh_config with the host `door` at a port; its path."""
        known = path.with_suffix(".known")
        key = self.known_hosts.read_text().split()[1:3]
        known.write_text(f"[127.0.0.1]:{port} {' '.join(key)}\n")
        usual = [
            "HostName 127.0.0.1",
            f"Port {port}",
            f"User {user or self.user}",
            f"IdentityFile {self.folder}/client/id",
            "IdentitiesOnly yes",
            f"UserKnownHostsFile {known}",
            "GlobalKnownHostsFile /dev/null",
        ]
        text = "\n ".join(["Host door", *lines, *usual])
        path.write_text(f"Include {self.config}\n{text}\n")
        return str(path)

    def profile(self, name: str = "tc", **more: object) -> Cluster:
        """Profile of this cluster for the project's own clients."""
        values = {
            "name": name,
            "session": "ssh",
            "ssh_config": str(self.config),
            "scheduler": "slurm",
            "engine": self.engine,
            "setup": self.setup,
            "time_limit": "10",
            "memory": "900M",
            "poll_s": 0.0,
            **more,
        }
        return Cluster(**values)


def _bring_up(folder: Path, *options: str, apart: tuple[str, ...] = ()) -> None:
    done = subprocess.run(
        [*apart, SCRIPTS / "up", folder, *options],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=START_S,
    )
    assert done.returncode == 0, f"the test cluster did not start: {done.stdout}"


def start(folder: Path, *options: str, apart: tuple[str, ...] = ()) -> LiveCluster:
    """Bring up a cluster; it goes down with this process at the latest.

    `apart` is a command to start it with, such as one that gives it a network of its
    own.
    """
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    options += ("--owner", str(os.getpid()), "--database", str(DATABASE))
    options += (
        "--share",
        f"checkout/engine={ROOT}/engine",
        "--share",
        f"venv={sys.prefix}",
    )
    _bring_up(folder, *options, apart=apart)
    lines = (folder / "settings").read_text().splitlines()
    return LiveCluster(
        folder, dict(line.split("=", 1) for line in lines if "=" in line)
    )


def stop(live: LiveCluster) -> None:
    """Bring a cluster down and remove what it wrote."""
    subprocess.run([SCRIPTS / "down", live.folder, "--remove"], check=True, timeout=60)


def _place(kind: str) -> Path:
    return Path(f"/tmp/cryodeck-{kind}-{os.getpid()}")


@pytest.fixture(scope="session")
def cluster():
    """Sshd, Slurm and accounting, for the whole session."""
    live = start(_place("tc"))
    yield live
    stop(live)


@pytest.fixture(scope="session")
def ssh_server():
    """Three sshd without a scheduler, for the whole session."""
    live = start(_place("ssh"), "--no-slurm")
    yield live
    stop(live)


@pytest.fixture
def own_cluster():
    """Sshd and Slurm without accounting, for one test that breaks it."""
    live = start(_place("own"), "--no-accounting")
    yield live
    stop(live)


@pytest.fixture(scope="module")
def grid_engine():
    """Sshd and Grid Engine, which binds every address, in a network of their own."""
    options = ("--no-slurm", "--sge")
    live = start(_place("sge"), *options, apart=("unshare", "--net"))
    live.reach_from_outside()
    yield live
    stop(live)
