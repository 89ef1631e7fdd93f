"""Folders of the person's own machine: settings, state, cache. All private."""

from __future__ import annotations

import os
from pathlib import Path


def config_home() -> Path:
    """Settings: CRYODECK_CONFIG_HOME, else XDG's folder."""
    return _place("CRYODECK_CONFIG_HOME", "XDG_CONFIG_HOME", "~/.config")


def state_home() -> Path:
    """Journal: CRYODECK_STATE_HOME, else XDG's folder."""
    return _place("CRYODECK_STATE_HOME", "XDG_STATE_HOME", "~/.local/state")


def cache_home() -> Path:
    """What may be deleted: CRYODECK_CACHE_HOME, else XDG's folder."""
    return _place("CRYODECK_CACHE_HOME", "XDG_CACHE_HOME", "~/.cache")


def at_home(path: str) -> Path:
    """A path with its tilde put in; one of nobody's home stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 (pathlib's raises then)


def _place(own: str, xdg: str, otherwise: str) -> Path:
    if path := os.environ.get(own):
        return Path(path)
    return at_home(os.environ.get(xdg) or otherwise) / "cryodeck"


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for their owner alone."""
    if not folder.parent.is_dir():
        make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a text that only its owner can read, whole or not at all."""
    write_private_bytes(path, text.encode())


def write_private_bytes(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    make_private(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
