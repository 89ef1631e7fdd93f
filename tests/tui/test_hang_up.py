"""The interface ends with its terminal, whoever has started it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from tui.hang_up import EXIT_STATUS

#: a leader of the session that stays when the terminal goes, as make does
LEADER = """
import fcntl, signal, subprocess, sys, termios
signal.signal(signal.SIGHUP, lambda *what: None)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.exit(subprocess.call(sys.argv[1:]))
"""


def test_the_interface_ends_with_its_terminal_below_a_leader_that_stays(tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tui", "--project", str(tmp_path)]
    homes = ("CONFIG", "STATE", "CACHE")
    own = {f"CRYODECK_{home}_HOME": str(tmp_path / home) for home in homes}
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | own | {"TERM": "xterm-256color"},
    )
    try:
        os.close(theirs)
        shown = b""
        while b"cryodeck" not in shown:
            shown += os.read(ours, 4096)
        os.close(ours)
        assert leader.wait(timeout=30) == EXIT_STATUS
    finally:
        leader.kill()
        leader.wait()
