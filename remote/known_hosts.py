"""Known hosts: which keys a host may show, and adding one the person has agreed to."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from remote.places import make_private

_HASHED = "|1|"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line that speaks of a host."""

    marker: str  # "", "cert-authority" or "revoked"
    type: str
    key: str  # base64
    file: Path
    line: int


class KnownHosts:
    """The known_hosts files of a host, the person's own first."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(files)

    def find(self, names: Iterable[str]) -> list[KnownKey]:
        """Lines about any of the names, as `name_of` gives them."""
        wanted = [n for n in names if n]
        found = []
        for path in self.files:
            try:
                lines = path.read_text("utf-8", "replace").splitlines()
            except OSError:
                continue
            for number, line in enumerate(lines, 1):
                key = _parse(line, wanted, path, number)
                if key is not None:
                    found.append(key)
        return found

    def add(self, name: str, key_type: str, key: str) -> Path:
        """Add a line to the person's own file, hashed if its other lines are."""
        path = self.files[0]
        make_private(path.parent)
        try:
            text = path.read_text("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        shown = _hashed(name) if _HASHED in text else name
        line = f"{shown} {key_type} {key}\n"
        if text and not text.endswith("\n"):
            line = "\n" + line
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(fd, "a", encoding="utf-8") as file:
            if not text:
                os.fchmod(file.fileno(), 0o600)
            file.write(line)
        return path


def name_of(host: str, port: int) -> str:
    """Name under which a host stands in the files: "host", or "[host]:2222".

    The address is not looked up beside a name, as in OpenSSH since 8.5: addresses are
    given to other machines.
    """
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: str) -> str:
    """SHA256 fingerprint of a key in base64, as ssh shows it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def _parse(line: str, wanted: list[str], path: Path, number: int) -> KnownKey | None:
    words = line.split()
    marker = ""
    if words and words[0].startswith("@"):
        marker = words.pop(0)[1:]
    if len(words) < 3 or words[0].startswith("#"):
        return None
    if not any(_matches(words[0], name) for name in wanted):
        return None
    return KnownKey(marker, words[1], words[2], path, number)


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|"):
        return _matches_hash(pattern, name)
    matched = False
    for part in pattern.lower().split(","):
        negated = part.startswith("!")
        # brackets stand for themselves here, unlike in a shell's pattern
        plain = part.lstrip("!").replace("[", "\0").replace("\0", "[[]")
        if fnmatch.fnmatchcase(name.lower(), plain):
            if negated:
                return False
            matched = True
    return matched


def _matches_hash(pattern: str, name: str) -> bool:
    try:
        _, magic, salt, digest = pattern.split("|")
        if magic != "1":
            return False
        key = base64.b64decode(salt)
        return hmac.compare_digest(_digest(key, name), base64.b64decode(digest))
    except (ValueError, binascii.Error):
        return False


def _digest(salt: bytes, name: str) -> bytes:
    return hmac.new(salt, name.encode(), hashlib.sha1).digest()


def _hashed(name: str) -> str:
    salt = os.urandom(20)
    parts = (base64.b64encode(b).decode() for b in (salt, _digest(salt, name)))
    return _HASHED + "|".join(parts)
