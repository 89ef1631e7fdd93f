"""What travels to login nodes runs on Python 3.6."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", ["engine/project", "engine/errors.py", "remote/agent"])
def test_code_for_login_nodes_is_python_3_6(path: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from vermin import main; main()",
            "-t=3.6-",
            "--violations",
            "--no-tips",
            "--eval-annotations",
            "--no-parse-comments",
            str(ROOT / path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", ["engine/project", "remote/agent"])
def test_code_for_login_nodes_parses_as_python_3_6(path: str) -> None:
    """Walrus, f-string =, positional-only: refused by an old grammar."""
    import ast

    for file in sorted((ROOT / path).rglob("*.py")):
        ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 6))
        assert "from __future__ import annotations" not in file.read_text()
