"""How the agent gets to the login node: packed, on standard input, piece by piece.

This file stays here; what it sends is `remote.agent` and `engine.project`. First goes
what every agent needs, small enough for the first packets of a connection; what the
first list of jobs needs follows while the agent starts, the modules of another verb
ahead of its first request, in the same breath. The command line holds no
single quotes but the outer ones, no backslash and no newline, so every login shell
(bash, zsh, csh, fish) passes it on as it is.
"""

import json
import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterable, List, Match, Set, Tuple

from remote.agent import frames

ROOT = Path(__file__).resolve().parents[2]
STAYS_HERE = {"bootstrap.py"}
#: tried in this order; the last is RHEL 8's own, when no python3 is on the PATH
PYTHONS = (
    "python3",
    "/usr/bin/python3",
    "python3.12",
    "python3.11",
    "python3.9",
    "python3.8",
    "python3.6",
    "/usr/local/bin/python3",
    "/usr/libexec/platform-python",
)
NO_PYTHON = "cryodeck: no python3 of version 3.6 or later"
#: first thing on standard input: the length of LOADER and LOADER itself
_START = "import sys;s=sys.stdin.buffer;exec(s.read(int(s.readline())))"

LOADER = """
import json, sys, zlib
from importlib.machinery import ModuleSpec

class Bundle(object):
    def __init__(self, sources):
        self.sources = sources
    def find_spec(self, name, path=None, target=None):
        if name not in self.sources:
            return None
        return ModuleSpec(name, self, is_package=self.sources[name][0])
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__
        text = self.sources[name][1]
        code = compile(text, "<agent>/" + name, "exec", dont_inherit=True)
        exec(code, module.__dict__)

packed = s.read(int(s.readline()))
modules = json.loads(zlib.decompress(packed).decode("utf-8"))
sys.meta_path.insert(0, Bundle(modules))
from remote.agent import main
main.serve(modules)
"""
#: what no agent needs: the tests prove that nothing else is meant by these
_DOCSTRING = re.compile(r'^( *)"""(?:[^"\\]|\\.|"(?!""))*"""\n', re.MULTILINE)
_COMMENT = re.compile(r"^ *#.*$", re.MULTILINE)
#: what an agent needs to say hello and to be asked
FIRST = ("remote.agent.main", "remote.agent.host")
#: what nearly everybody asks first; its modules travel while the agent starts
SOON = "overview.look"
_IMPORT = re.compile(
    r"^[ ]*(?:from ([\w.]+) import (\([^)]*\)|.*)|import ([\w., ]+))", re.MULTILINE
)


def command(pythons: Tuple[str, ...] = PYTHONS) -> str:
    """Command line that starts the agent in any login shell."""
    run = '-X utf8 -I -c "{}"'.format(_START)
    check = '-I -S -c "import sys;sys.exit(sys.version_info<(3,6))"'
    script = (
        "for p in {names}; do if command -v $p >/dev/null 2>&1 && "
        "$p {check} </dev/null >/dev/null 2>&1; then exec $p {run}; fi; done; "
        'echo "{none}" >&2; exit 127'
    )
    text = script.format(names=" ".join(pythons), check=check, run=run, none=NO_PYTHON)
    return "exec /bin/sh -c '{}'".format(text)


def sources() -> Dict[str, Tuple[bool, str]]:
    """Modules of the bundle: name -> whether it is a package, its text."""
    found: Dict[str, Tuple[bool, str]] = {
        "engine": (True, ""),
        "remote": (True, ""),
    }
    errors = ROOT / "engine" / "errors.py"
    found["engine.errors"] = (False, errors.read_text(encoding="utf-8"))
    for package in ("remote/agent", "engine/project"):
        for path in sorted((ROOT / package).glob("*.py")):
            if path.name in STAYS_HERE:
                continue
            is_package = path.name == "__init__.py"
            parts: List[str] = package.split("/") + ([] if is_package else [path.stem])
            found[".".join(parts)] = (is_package, path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def modules() -> Dict[str, Tuple[bool, str]]:
    """The sources as they are sent, read once."""
    return {name: (package, bare(text)) for name, (package, text) in sources().items()}


def bare(text: str) -> str:
    """A module without docstrings and comments; every line keeps its number."""

    def emptied(found: Match[str]) -> str:
        return found.group(1) + '""' + "\n" * found.group(0).count("\n")

    return _COMMENT.sub("", _DOCSTRING.sub(emptied, text))


@lru_cache(maxsize=None)
def needed(*names: str) -> Tuple[str, ...]:
    """Modules that these import, with their packages and themselves, if known."""
    found: Set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in modules():
            continue
        found.add(name)
        waiting.append(name.rpartition(".")[0])
        waiting += _imported(modules()[name][1])
    return tuple(sorted(found))


def _imported(text: str) -> List[str]:
    """All names that a module may import, modules or not."""
    found: List[str] = []
    for origin, named, plain in _IMPORT.findall(text):
        found += [origin] if origin else re.findall(r"[\w.]+", plain)
        found += ["{}.{}".format(origin, word) for word in re.findall(r"\w+", named)]
    return found


def _packed(names: Iterable[str]) -> bytes:
    return zlib.compress(json.dumps({n: modules()[n] for n in names}).encode(), 9)


@lru_cache(maxsize=1)
def bundle() -> bytes:
    """All that is sent on standard input before the first frame."""
    loader = LOADER.encode()
    packed = _packed(needed(*FIRST))
    return b"%d\n%b%d\n%b" % (len(loader), loader, len(packed), packed)


class Luggage:
    """The modules that one agent has been sent."""

    def __init__(self) -> None:
        self._sent = set(needed(*FIRST))

    def for_verb(self, verb: str) -> bytes:
        """Frame with the modules that a verb needs beside them; empty if none."""
        wanted = needed("remote.agent." + verb.partition(".")[0])
        missing = [name for name in wanted if name not in self._sent]
        if not missing:
            return b""
        self._sent.update(missing)
        return frames.encode({"modules": len(missing)}, _packed(missing))
