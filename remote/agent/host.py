"""The login node itself: who and where we are, and how busy it is."""

import getpass
import grp
import os
import platform
import resource
import socket
import stat
import sys
import time
from typing import Any, Dict

from engine.project.atomic import UMASK
from engine.project.lock import user_name
from remote.agent import limits
from remote.agent.main import resident_bytes
from remote.agent.verbs import Request, verb


@verb()
def hello(request: Request) -> Dict[str, Any]:
    """Host, user, python, clock, load, and what the agent has cost so far."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return {
        "host": socket.gethostname(),
        "user": user,
        "home": os.path.expanduser("~"),
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": platform.platform(),
        "clock": time.time(),
        "load": list(os.getloadavg()),
        "cores": os.cpu_count(),
        "pid": os.getpid(),
        "cost": cost(),
        "limits": dict(limits.HELD),
        "site_limits": limits.is_set(),
        "limit_origins": dict(limits.ORIGINS),
    }


@verb()
def ping(request: Request) -> float:
    """The clock of the cluster."""
    return time.time()


@verb()
def usage(request: Request) -> Dict[str, Any]:
    """What the agent has cost so far, and the load of the login node."""
    return dict(cost(), load=list(os.getloadavg()), cores=os.cpu_count())


def cost() -> Dict[str, float]:
    """Processor seconds and memory of the agent and of what it started."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_s": own.ru_utime + own.ru_stime,
        "children_cpu_s": children.ru_utime + children.ru_stime,
        "memory": resident_bytes(),
        "memory_peak": _peak_bytes() or own.ru_maxrss * 1024,
    }


def _peak_bytes() -> int:
    """The most memory this program has had; 0 where the system does not tell.

    `ru_maxrss` also counts what the process was before it became this program.
    """
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


@verb()
def sharing(request: Request, path: str = "") -> Dict[str, Any]:
    """A folder's owner and permissions, and the umask of new files."""
    there = os.stat(request.path(path))
    try:
        group = grp.getgrgid(there.st_gid).gr_name
    except (KeyError, OSError):
        group = str(there.st_gid)
    return {
        "owner": user_name(there.st_uid),
        "group": group,
        "is_shared": bool(there.st_mode & stat.S_IWGRP),
        "keeps_group": bool(there.st_mode & stat.S_ISGID),
        "is_own_group": there.st_gid == os.getegid(),
        "is_writable": os.access(request.path(path), os.W_OK | os.X_OK),
        "umask": UMASK,
    }


@verb()
def disk(request: Request, path: str = "") -> Dict[str, int]:
    """Room on the disk of a folder, for this user."""
    found = os.statvfs(request.path(path))
    return {
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "free_files": found.f_favail,
    }
