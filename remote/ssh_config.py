"""What an ssh config asks for and asyncssh does not do; said aloud by `doctor`."""

from __future__ import annotations

import fnmatch
import glob
import shlex
from pathlib import Path

from remote.cluster import Cluster
from remote.places import at_home

#: key in lower case -> its spelling, what not obeying it means here
IGNORED = {
    "stricthostkeychecking": (
        "StrictHostKeyChecking",
        "unknown hosts are always asked about and changed keys always refused",
    ),
    "controlmaster": ("ControlMaster", "no master connection is shared"),
    "controlpath": ("ControlPath", "no master connection is shared"),
    "controlpersist": ("ControlPersist", "no master connection is kept"),
    "knownhostscommand": ("KnownHostsCommand", "only known_hosts files are read"),
    "addkeystoagent": ("AddKeysToAgent", "keys are not added to the agent"),
    "pubkeyacceptedalgorithms": (
        "PubkeyAcceptedAlgorithms",
        "all key types that both sides know are used",
    ),
    "updatehostkeys": ("UpdateHostKeys", "new host keys are not learnt by themselves"),
    "verifyhostkeydns": ("VerifyHostKeyDNS", "host keys are not looked up in DNS"),
    "revokedhostkeys": ("RevokedHostKeys", "only @revoked lines are heeded"),
    "numberofpasswordprompts": ("NumberOfPasswordPrompts", "three are asked"),
    "connectionattempts": ("ConnectionAttempts", "reconnecting has its own rhythm"),
    "securitykeyprovider": ("SecurityKeyProvider", "the built-in one is used"),
    "localcommand": ("LocalCommand", "it is not run"),
    "permitlocalcommand": ("PermitLocalCommand", "no local command is run"),
    "obscurekeystroketiming": ("ObscureKeystrokeTiming", "it does not matter here"),
}
_HARMLESS = {"obscurekeystroketiming", "connectionattempts"}
_MAX_DEPTH = 8


def ignored_keys(cluster: Cluster) -> list[tuple[str, str, str]]:
    """(key, "FILE line N", what it means) of each key set for this host in vain."""
    start = at_home(cluster.ssh_config or "~/.ssh/config")
    found: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    _read(start, cluster.address, found, seen, 0)
    return found


def _read(
    path: Path,
    host: str,
    found: list[tuple[str, str, str]],
    seen: set[str],
    depth: int,
) -> None:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    applies = True
    for number, line in enumerate(lines, 1):
        key, values = _split(line)
        if key == "host":
            applies = _matches(values, host)
        elif key == "match":
            applies = values[:1] == ["all"] or (
                len(values) == 2
                and values[0] in ("host", "originalhost")
                and _matches(values[1].split(","), host)
            )
        elif not applies:
            continue
        elif key == "include" and depth < _MAX_DEPTH:
            for pattern in values:
                whole = at_home("~/.ssh") / at_home(pattern)
                for name in sorted(glob.glob(str(whole))):  # noqa: PTH207
                    _read(Path(name), host, found, seen, depth + 1)
        elif key in IGNORED and key not in seen and key not in _HARMLESS:
            seen.add(key)
            name, meaning = IGNORED[key]
            found.append((name, f"{path} line {number}", meaning))


def _split(line: str) -> tuple[str, list[str]]:
    text = line.strip()
    if not text or text.startswith("#"):
        return "", []
    try:
        words = shlex.split(text.replace("=", " ", 1), comments=True)
    except ValueError:
        return "", []
    return (words[0].lower(), words[1:]) if words else ("", [])


def _matches(patterns: list[str], host: str) -> bool:
    matched = False
    for pattern in patterns:
        if fnmatch.fnmatchcase(host, pattern.lstrip("!")):
            if pattern.startswith("!"):
                return False
            matched = True
    return matched
