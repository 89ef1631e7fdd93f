"""How the agent gets to the login node: as one packed bundle on standard input.

This file stays here; what it bundles is `remote.agent` and `engine.project`. The
command line holds no single quotes but the outer ones, no backslash and no newline, so
every login shell (bash, zsh, csh, fish) passes it on as it is.
"""

import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Tuple

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
sys.meta_path.insert(0, Bundle(json.loads(zlib.decompress(packed).decode("utf-8"))))
from remote.agent import main
main.serve()
"""


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
def bundle() -> bytes:
    """All that is sent on standard input before the first frame."""
    loader = LOADER.encode()
    packed = zlib.compress(json.dumps(sources()).encode(), 9)
    return b"%d\n%b%d\n%b" % (len(loader), loader, len(packed), packed)
