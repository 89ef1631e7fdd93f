"""Benchmarks run rarely: what they take from the packages must still be there."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))
OURS = {"engine", "remote", "tui", "tests"} | {path.stem for path in SCRIPTS}


def taken_by(script: Path) -> list[tuple[str, str]]:
    """Module and name of everything of ours that a script imports."""
    found = []
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return [(m, n) for m, n in found if m.partition(".")[0] in OURS]


def defined_in(script: Path) -> set[str]:
    names = set()
    for node in ast.parse(script.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.ImportFrom | ast.Import):
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            names |= {n.name for n in ast.walk(node) if isinstance(n, ast.alias)}
    return names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_benchmark_takes_is_there(script):
    for module, name in taken_by(script):
        beside = ROOT / "benchmarks" / f"{module}.py"
        if beside.is_file():
            assert not name or name in defined_in(beside), f"{module}.{name}"
            continue
        there = importlib.import_module(module)
        if name and not hasattr(there, name):
            importlib.import_module(f"{module}.{name}")


def test_a_name_that_is_gone_would_be_noticed(tmp_path):
    script = tmp_path / "bench.py"
    script.write_text("def f():\n    from engine.errors import NoSuchName\n")
    with pytest.raises(ImportError):
        test_what_a_benchmark_takes_is_there(script)
