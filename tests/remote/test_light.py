"""What is imported, where, and how long it takes."""

import ast
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remote.agent import bootstrap

ROOT = Path(__file__).resolve().parents[2]


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    "heavy", ["asyncssh", "cryptography", "numpy", "textual", "rich", "mrcfile"]
)
def test_workspace_imports_nothing_heavy(heavy):
    assert heavy not in modules_after("import remote.workspace, remote.cluster")


def test_workspace_is_imported_in_a_blink():
    # beside what the standard library's own part takes, so that a busy machine,
    # where all takes longer, says the same: 2.5 times 0.025 s on a quiet one
    code = (
        "import time; t = time.process_time();"
        "import asyncio, dataclasses, json, logging, ssl, tomllib;"
        "library = time.process_time() - t; t = time.process_time();"
        "import remote.workspace; print((time.process_time() - t) / library)"
    )
    ratios = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))
        for _ in range(7)
    ]
    assert statistics.median(ratios) < 3.2


def test_the_bundle_needs_the_standard_library_of_3_6_only():
    known = bootstrap.sources()
    for name, (_, text) in known.items():
        tree = ast.parse(text, name, feature_version=(3, 6))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for imported in names:
                top = imported.partition(".")[0]
                assert (
                    top in sys.stdlib_module_names
                    or imported in known
                    or any(f"{imported}.{alias.name}" in known for alias in node.names)
                ), f"{name} imports {imported}"
    for bad in ("dataclasses", "tomllib", "zoneinfo", "graphlib", "contextvars"):
        assert not any(f"import {bad}" in text for _, text in known.values())


def test_the_bundle_runs_without_site_packages_and_without_a_home(tmp_path):
    command = bootstrap.command((sys.executable,))
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "missing")},
        cwd="/",
    )
    out, err = process.communicate(bootstrap.bundle(), timeout=20)
    assert process.returncode == 0, err
    assert b"CDK" in out


def test_the_command_line_passes_through_any_shell():
    inner = bootstrap.command()
    assert inner.startswith("exec /bin/sh -c '")
    assert inner.endswith("'")
    body = inner[len("exec /bin/sh -c '") : -1]
    assert not set("'\\\n!`") & set(body)


def test_the_bundle_is_small():
    assert len(bootstrap.bundle()) < 100_000


def test_the_bundle_is_made_quickly():
    bootstrap.bundle.cache_clear()
    started = time.process_time()
    bootstrap.bundle()
    assert time.process_time() - started < 0.5
