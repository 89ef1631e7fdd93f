"""What becomes of jobs is said line by line."""

from __future__ import annotations

import signal


def test_jobs_are_followed_line_by_line_until_interrupted(apart):
    follower = apart.start("jobs", "-f")
    assert follower.stdout is not None
    try:
        head = [follower.stdout.readline() for _ in apart.states()]
        assert "Alias" in head[0]
        apart("new", "import", "--alias", "late", "--last", "--run", "--wait")
        said = []
        while not said or "late): succeeded" not in said[-1]:
            line = follower.stdout.readline()
            assert line, follower.communicate()
            said.append(line)
        apart("delete", "late", "--yes")
        while "deleted" not in said[-1]:
            line = follower.stdout.readline()
            assert line, follower.communicate()
            said.append(line)
    finally:
        follower.send_signal(signal.SIGINT)
        follower.communicate()
    assert follower.returncode == 130
