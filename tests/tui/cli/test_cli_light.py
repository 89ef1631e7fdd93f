"""The command line starts light and without the libraries it has no use for."""

import resource
import subprocess
import sys

import pytest

HEAVY = ("textual", "rich", "numpy", "scipy", "asyncssh", "asyncio", "mrcfile", "PIL")


def loaded_after(code):
    probe = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import tui.__main__",
        "from tui.cli.parser import build_parser; build_parser()",
    ],
)
def test_help_needs_none_of_the_heavy_libraries(code):
    assert not loaded_after(code) & set(HEAVY)


def test_no_command_imports_textual_or_numpy():
    code = (
        "import pkgutil, importlib, tui.cli\n"
        "for m in pkgutil.iter_modules(tui.cli.__path__):\n"
        "    importlib.import_module(f'tui.cli.{m.name}')\n"
        "import remote.workspace, engine.jobs.check, remote.cluster"
    )
    assert not loaded_after(code) & {"textual", "numpy", "scipy", "mrcfile"}


def test_help_takes_80_ms_of_cpu_more_than_the_interpreter():
    def least(arguments):
        times = []
        for _ in range(5):
            start = cpu_of_children()
            subprocess.run(
                [sys.executable, *arguments], capture_output=True, check=True
            )
            times.append(cpu_of_children() - start)
        return min(times)

    assert least(["-m", "tui", "--help"]) - least(["-c", "pass"]) < 0.08


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
