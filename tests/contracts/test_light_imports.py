"""What a laptop or a login node must not need: looked up in sys.modules.

A static import graph cannot see imports inside functions; a fresh Python can.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"numpy", "scipy", "pandas", "mrcfile", "starfile", "cupy", "mpi4py", "PIL"}
PERSONS = {"textual", "rich", "asyncssh", "pydantic"}


def modules_of(*packages: str) -> list[str]:
    found = []
    for package in packages:
        folder = ROOT / package.replace(".", "/")
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(p for p in parts if p != "__init__"))
    return [m for m in found if not m.endswith("__main__")]


def loaded_by(module: str) -> set[str]:
    code = (
        "import sys; before = set(sys.modules)\n"
        f"import {module}\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(done.stdout.split())


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("package", ["engine.jobs", "engine.project"])
def test_the_light_rooms_load_nothing_but_the_standard_library(package: str) -> None:
    """All modules of a room in one Python: what one loads, none may load."""
    found = loaded_by(", ".join(modules_of(package)))
    ours = {name for name in found if name.startswith("engine")}
    assert tops(found) & (HEAVY | PERSONS) == set()
    rooms = {name.split(".")[1] for name in ours if "." in name}
    allowed = {"errors", "project"} | ({"jobs"} if package == "engine.jobs" else set())
    assert rooms <= allowed
    third_party = {
        name
        for name in tops(found)
        if name not in sys.stdlib_module_names and name != "engine"
    }
    assert third_party == set()


@pytest.mark.parametrize(
    "module", ["engine.progress", "engine.errors", "engine.optics"]
)
def test_progress_errors_and_optics_are_light(module: str) -> None:
    assert tops(loaded_by(module)) & (HEAVY | PERSONS) == set()


def test_remote_needs_no_numerics_and_no_user_interface() -> None:
    outside = [m for m in modules_of("remote") if not m.startswith("remote.agent")]
    found = tops(loaded_by(", ".join(outside)))
    assert found & HEAVY == set()
    assert "textual" not in found


def test_the_command_line_needs_neither_textual_nor_numerics() -> None:
    found = tops(loaded_by(", ".join(modules_of("tui.cli"))))
    assert found & (HEAVY | {"textual"}) == set()


@pytest.mark.parametrize(
    ("library", "place"),
    [("cupy", "engine/arrays.py"), ("mpi4py", "engine/parallel.py")],
)
def test_what_may_be_missing_is_imported_in_one_place(library: str, place: str) -> None:
    for package in ("engine", "remote", "tui"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if str(path.relative_to(ROOT)) == place:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = (
                    [a.name for a in node.names] if isinstance(node, ast.Import) else []
                )
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                assert not [n for n in names if n.startswith(library)], path


@pytest.mark.parametrize("package", ["engine", "remote", "tui"])
def test_packages_are_empty_but_for_a_docstring(package: str) -> None:
    found = sorted((ROOT / package).rglob("__init__.py"))
    assert found
    for path in found:
        (only,) = ast.parse(path.read_text(encoding="utf-8")).body
        assert isinstance(only, ast.Expr), path
        assert isinstance(only.value, ast.Constant), path
