"""This very program as a wheel, packed from the files that are running.

A wheel is a zip archive with a few lists in it, so no build tool is needed, nothing is
downloaded, and what is installed on a cluster is what runs here.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote.errors import BadRequestError

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "remote", "tui")
_KEPT = (".py", ".tcss", ".json", ".toml", ".sh", ".star", ".npz", ".typed")
_DATE = (2020, 1, 1, 0, 0, 0)  # the same files make the same wheel


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a wheel says of itself."""

    version: str
    python: str  # as ">=3.11"
    extras: dict[str, tuple[str, ...]]  # extra -> requirements
    scripts: dict[str, str]

    def requirements(self, extras: tuple[str, ...]) -> tuple[str, ...]:
        """What some extras need; BadRequestError names those that exist."""
        for extra in extras:
            if extra not in self.extras:
                known = ", ".join(self.extras)
                message = f"no extra is called {extra!r}; there are: {known}"
                raise BadRequestError(message)
        return tuple(word for extra in extras for word in self.extras[extra])


def about() -> About:
    """What is known of this program: by pyproject.toml, else as it was installed."""
    path = ROOT / "pyproject.toml"
    if path.is_file():
        table = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        if table["name"] == "cryodeck":
            return _of_table(table)
    try:
        known = importlib.metadata.distribution("cryodeck")
    except importlib.metadata.PackageNotFoundError:
        message = f"{ROOT}: neither installed nor a checkout; install cryodeck by pip"
        raise BadRequestError(message) from None
    extras: dict[str, list[str]] = {}
    for line in known.requires or ():
        word, _, condition = line.partition(";")
        found = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", condition)
        if found:
            extras.setdefault(found.group(1), []).append(word.strip())
    return About(
        version=known.version,
        python=known.metadata["Requires-Python"] or ">=3.11",
        extras={extra: tuple(words) for extra, words in extras.items()},
        scripts={e.name: e.value for e in known.entry_points},
    )


def _of_table(table: dict[str, Any]) -> About:
    return About(
        version=table["version"],
        python=table["requires-python"],
        extras={
            extra: tuple(words)
            for extra, words in table["optional-dependencies"].items()
        },
        scripts=dict(table["scripts"]),
    )


def pack(folder: Path, known: About) -> Path:
    """Write the wheel into a folder; its path."""
    info = f"cryodeck-{known.version}.dist-info"
    files = {
        f"{package}/{path.relative_to(ROOT / package).as_posix()}": path.read_bytes()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in _KEPT and path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/METADATA"] = _metadata(known).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: cryodeck\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n"
    )
    scripts = "".join(f"{name} = {to}\n" for name, to in known.scripts.items())
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    record = "".join(f"{name},{_hash(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    target = folder / f"cryodeck-{known.version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return target


def _metadata(known: About) -> str:
    lines = ["Metadata-Version: 2.1", "Name: cryodeck", f"Version: {known.version}"]
    lines.append(f"Requires-Python: {known.python}")
    for extra, words in known.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {word}; extra == '{extra}'" for word in words]
    return "\n".join(lines) + "\n"


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()},{len(data)}"
