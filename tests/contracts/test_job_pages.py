"""The pages of the job forms say what the tables say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_pages_of_the_job_forms_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "jobs" / "make_pages.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, (
        done.stdout + done.stderr + ("run: python docs/jobs/make_pages.py")
    )
